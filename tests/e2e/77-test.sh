#!/bin/sh
# waypost test: the dialogue with the next hop, that it ends before DATA, what
# it hides, and the exit codes.
#   77-test.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/hop.sh"
. "$top/tests/e2e/carry.sh"

try() { # [ARGUMENT...]: output in $work/out, code in $code
	timeout 60 "$build/waypost" -C "$work/place/waypost.conf" test "$@" \
		>"$work/out" 2>"$work/err"
	code=$?
}
tells() { # PATTERN
	grep -Eq -- "$1" "$work/out" || {
		cat "$work/out" "$work/err"
		return 1
	}
}
place() { # LINES OF smarthost
	rm -rf "$work/place"
	instance place <<-END
	smarthost { hosts = "[127.0.0.1]:$port"
		$1
	}
	END
	echo 'example.com local default' >"$work/place/domains"
}

# --- plain ---
mx plain
place 'tls = none'
try --from sender@example.com someone@example.net
is "accepted" "$code" 0
ok "where to" tells '^\* from <sender@example\.com> to <someone@example\.net> by smarthost '
ok "the greeting" tells '^< 220 '
ok "EHLO" tells '^> EHLO place\.example\.com$'
ok "MAIL" tells '^> MAIL FROM:<sender@example\.com>'
ok "RCPT" tells '^> RCPT TO:<someone@example\.net>$'
ok "RSET and QUIT" tells '^> RSET$'
ok "QUIT" tells '^> QUIT$'
ok "its answer" tells '^< 221 '
ok "the verdict" tells '^= accepted: 250 '
ok "no DATA was said" not said plain '< DATA'
is "nothing was sent" "$(saved plain)" 0
is "nothing is queued" "$(queued place)" 0

try --send --from sender@example.com someone@example.net
is "--send: sent" "$code" 0
ok "--send: the verdict" tells '^= sent: 250 '
is "--send: a message arrived" "$(saved plain)" 1
ok "--send: its header" grep -q '^Subject: test message from place\.example\.com' \
	"$work/plain.saved/1.msg"
ok "--send: a date" grep -q '^Date: ' "$work/plain.saved/1.msg"
try --from '' someone@example.net
ok "the null sender" tells '^> MAIL FROM:<>'

# --- no next hop ---
try someone@example.com
is "a local domain" "$code" 0
ok "it says so" tells '^= accepted: .*local: waypostd delivers it on this host'
ok "and speaks to nobody" not tells '^> '
echo "boxes.test local maildir=$work/place/mail/%u" >>"$work/place/domains"
mkdir -p "$work/place/mail/somebody/new"
try nobody@boxes.test
is "no such mailbox" "$code" 67
echo 'both: someone@example.com, other@example.net' >"$work/place/aliases"
try both
is "an alias: each of its addresses" "$(grep -c '^= accepted' "$work/out")" 2

# --- refusals ---
refusal() { # CODE NAME RULE PATTERN
	mx refuses "$3"
	place 'tls = none'
	try someone@example.net
	is "$2: the exit code" "$code" "$1"
	ok "$2: the reply" tells "$4"
}
refusal 67 "no such user" 'rcpt=550 5.1.1 who is that' \
	'^= refused: 550 5\.1\.1 who is that$'
refusal 69 "refused" 'rcpt=554 5.7.1 not you' '^= refused: 554 5\.7\.1 not you$'
refusal 69 "the sender is refused" 'mail=550 5.7.1 not this one' \
	'^= refused: 550 5\.7\.1 not this one$'
refusal 75 "busy" 'rcpt=451 4.3.0 later' '^= not now: 451 4\.3\.0 later$'
refusal 75 "a greeting of no use" 'greeting=554 go away' '^= not now: .*554 go away$'
refusal 75 "lost" 'mail=close' '^= not now: '
stop refuses
try someone@example.net
is "a dead host" "$code" 75
ok "the cause" tells '^= not now: 4\.4\.1 127\.0\.0\.1\[127\.0\.0\.1\]:[0-9]+: connect'

# --- fail-over ---
mx second
place 'tls = none'
dead=$(free_port)
sed -i "s/hosts = .*/hosts = { \"[127.0.0.1]:$dead\", \"[127.0.0.1]:$port\" }/" \
	"$work/place/waypost.conf"
try someone@example.net
is "the second host is tried" "$code" 0
ok "and the first one told" tells '^\* 127.*: connect: '

# --- TLS and AUTH ---
mx tls --cert "$work/good.crt" --key "$work/good.key" --auth "relay:$secret"
place "tls = require  user = relay  secret-file = \"$work/secret\""
try someone@example.net
is "with TLS and login" "$code" 0
ok "STARTTLS" tells '^> STARTTLS$'
ok "which TLS" tells '^\* .*TLS TLSv1\.[23] '
ok "AUTH is shown" tells '^> AUTH PLAIN'
encoded=$(printf '\0relay\0%s' "$secret" | base64)
ok "the secret is not" not grep -qF -e "$secret" -e "$encoded" "$work/out" "$work/err"
(umask 077 && echo wrong-password >"$work/secret")
try someone@example.net
is "a wrong password" "$code" 75
ok "told" tells '^= not now: 535 .*AUTH'
ok "nor is a wrong one shown" not grep -q wrong-password "$work/out" "$work/err"
place 'tls = verify'
try someone@example.net
is "a certificate of nobody we know" "$code" 75
ok "TLS is the cause" tells '^= not now: 4\.7\.5 .*TLS'

# --- the command line ---
try
is "no address" "$code" 64
try 'not an address'
is "no address at all" "$code" 65
try --help
is "help" "$code" 0

done_testing
