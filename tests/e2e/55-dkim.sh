#!/bin/sh
# DKIM: keys made and shown, messages signed on their way out, and what
# independent verifiers say of them.
#   55-dkim.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

"$python" -c 'import dkim' 2>/dev/null || skip "no python3-dkim"

waypost() {
	"$build/waypost" -C "$work/a/waypost.conf" "$@"
}

verdicts() { # of what s was sent
	"$python" -B "$top/tests/e2e/dkim_check.py" "$work/s.saved" "$work/dns" |
		sort
}

post_mail() { # RECIPIENT...; the message on stdin
	sendmail a -oi -f me@example.com "$@" 2>>"$work/post.log"
}

mx s
instance a <<-END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
queue { retry = { "1h" } }
END
echo 'example.com local default' >"$work/a/domains"
cp "$work/a/waypost.conf" "$work/plain.conf"

# --- keys ---

ok "keygen makes an RSA key" waypost dkim keygen --selector r1 example.com
ok "... and an Ed25519 key" waypost dkim keygen --selector e1 --type ed25519 \
	example.com
keys=$work/a/dkim
is "its mode is 0600" "$(stat -c %a "$keys/example.com.r1.pem")" 600
before=$(cat "$keys/example.com.r1.pem")
ok "it never replaces one" not waypost dkim keygen --selector r1 example.com
is "... indeed" "$(cat "$keys/example.com.r1.pem")" "$before"
is "... and leaves nothing behind" "$(files "$keys")" 2
ok "a domain that is none is refused" not waypost dkim keygen ../x
cat >>"$work/a/waypost.conf" <<-END
dkim "example.com" {
  selector = { "r1", "e1" }
  key = { "$keys/example.com.r1.pem", "$keys/example.com.e1.pem" }
  subdomains = true
}
END
cp "$work/a/waypost.conf" "$work/signing.conf"
ok "show prints the records" waypost dkim show
waypost dkim show >"$work/dns"
is "... both" "$(grep -c '_domainkey.example.com. IN TXT' "$work/dns")" 2
is "... in strings of at most 255 octets" \
	"$(awk -F'"' 'length($2) > 255' "$work/dns")" ""

# --- signatures, and the corners of canonical forms ---

twice='rsa-sha256:r1:good ed25519-sha256:e1:good'
sign() { # UNIQUE; the message, but for From and X-Unique, on stdin
	{
		echo "X-Unique: $1."
		echo "From: Me <me@example.com>"
		cat
	} | post_mail to@x.test
	echo "$1 $twice" >>"$work/golden"
	LC_ALL=C sort -o "$work/golden" "$work/golden"
}

: >"$work/golden"
printf 'Subject: plain\n\nbody\n' | sign plain
printf 'Subject: no body\n\n' | sign none
printf 'Subject: empty lines\n\n\n\n\n' | sign empty
printf 'Subject: blank lines\n\n  \n\t\n' | sign blank
printf 'Subject: tail\n\na  b\t \tc \n\nd\n \n\n\n' | sign tail
printf 'Subject:   folded \n\t and \n  again\t\n\n\tx\n' | sign folded
printf 'Subject:\nCc:   a@x.test\nCc: b@x.test\nTo: c@x.test\n\n.\n..\n' |
	sign several
printf 'SUBJECT: odd\nList-Id: <a.b>\nReferences: <a@b>\n <c@d>\n\nx\n' |
	sign odd
{
	printf 'Subject: long\n\n'
	yes 'a line of text, again and again' | head -c 300000
} | sign long
drain a
verdicts >"$work/verdicts"
same "both signatures of each hold" "$work/verdicts" "$work/golden"
ok "they stand first" [ "$(head -c 14 "$work/s.saved/1.msg")" = DKIM-Signature ]
ok "no l=" not grep -q '[; ]l=' "$work/s.saved/1.msg"
ok "From cannot be added" grep -q 'h=From:From:' "$work/s.saved/1.msg"
ok "no line is longer than 78" not grep -q '^.\{80\}' "$work/s.saved/1.msg"
stop s


# --- what is signed is what is sent ---

restart() { # CONF [OPTION...]
	restart_conf=$1
	shift
	stop s
	mx s "$@"
	sed "s/\[127.0.0.1\]:[0-9]*/[127.0.0.1]:$port/" "$restart_conf" \
		>"$work/a/waypost.conf"
}

restart "$work/signing.conf" --keywords PIPELINING
: >"$work/golden"
printf 'Subject: Grüße\n\nGrüße aus Köln\n' | sign converted
printf 'Subject: x\n\n%02000d\n' 0 | sign lines
drain a
verdicts >"$work/verdicts"
same "converted messages" "$work/verdicts" "$work/golden"
ok "... were converted" grep -q '^Gr=C3=BC=C3=9Fe' "$work/s.saved/1.msg" \
	"$work/s.saved/2.msg"

# --- whose ---

restart "$work/signing.conf"
printf 'X-Unique: below.\nFrom: me@a.example.com\n\nx\n' | post_mail to@x.test
printf 'X-Unique: other.\nFrom: me@example.org\n\nx\n' | post_mail to@x.test
printf 'X-Unique: like.\nFrom: me@notexample.com\n\nx\n' | post_mail to@x.test
drain a
verdicts >"$work/verdicts"
cat >"$work/golden" <<END
below $twice
like
other
END
same "From decides; a parent domain may sign" "$work/verdicts" "$work/golden"
sed '/subdomains/d' "$work/signing.conf" >"$work/exact.conf"
restart "$work/exact.conf"
printf 'X-Unique: below.\nFrom: me@a.example.com\n\nx\n' | post_mail to@x.test
drain a
is "... only if it is told to" "$(verdicts)" "below"
cp "$work/s.saved/1.msg" "$work/unsigned"

restart "$work/signing.conf"
printf 'X-Unique: again.\nFrom: me@example.com\n\nx\n' | post_mail to@x.test
drain a
sed '$d; s/\r$//' "$work/s.saved/1.msg" >"$work/signed"
post_mail to@x.test <"$work/signed"
drain a
is "what we signed is not signed twice" \
	"$(grep -c '^DKIM-Signature' "$work/s.saved/2.msg")" 2

# --- keys that cannot be had ---

restart "$work/signing.conf"
chmod 644 "$keys/example.com.e1.pem"
printf 'X-Unique: open.\nFrom: me@example.com\n\nx\n' | post_mail to@x.test
drain a
is "a key that others may read: nothing is sent" "$(saved s)" 0
ok "... with the cause in the log" logged a \
	'dkim-key.*example.com.e1.pem.*group or others'
ok "... and in the queue" grep -q ' later .*4.3.5.*DKIM key' \
	"$work/a/spool/state/journal"
sed -i 's/subdomains = true/optional = true/' "$work/a/waypost.conf"
drain a --flush
is "with optional it goes out with the other key" "$(verdicts)" \
	"open rsa-sha256:r1:good"

# --- what opendkim says, with a resolver of its own ---

opendkim() { # MESSAGE
	unshare -mn sh -c '
		ip link set lo up
		mount --bind "$1" /etc/resolv.conf
		"$2" -B "$3" --serve "$4" >"$5" 2>&1 &
		server=$!
		until grep -q READY "$5"; do sleep 0.05; done
		opendkim-testmsg <"$6"
		code=$?
		kill $server
		exit $code' sh "$work/resolv.conf" "$python" \
		"$top/tests/e2e/dkim_check.py" "$work/dns" "$work/served" "$1" 2>&1
}

if [ "$(id -u)" -eq 0 ] && command -v opendkim-testmsg >/dev/null &&
	unshare -mn true 2>/dev/null; then
	echo 'nameserver 127.0.0.1' >"$work/resolv.conf"
	"$python" -B "$top/tests/e2e/dkim_check.py" --last "$work/s.saved" \
		>"$work/rsa"
	is "opendkim-testmsg has nothing to say" "$(opendkim "$work/rsa")" ""
	sed 's/^x/y/' "$work/rsa" >"$work/rsa.changed"
	ok "... but of a changed body it has" not opendkim "$work/rsa.changed"
fi

chmod 600 "$keys/example.com.e1.pem"
rm "$keys/example.com.r1.pem"
restart "$work/signing.conf"
printf 'X-Unique: gone.\nFrom: me@example.com\n\nx\n' | post_mail to@x.test
carrier a
within 10 logged a 'dkim-key.*No such file'
is "a key that is gone: nothing is sent" "$(saved s)" 0
sed -i "s|{ \"r1\", \"e1\" }|\"e1\"|; s|{ \"$keys/example.com.r1.pem\", |{ |" \
	"$work/a/waypost.conf"
stop a_carrier
drain a --flush
is "the configuration is live" "$(verdicts)" "gone ed25519-sha256:e1:good"

# --- a large message holds up nobody (0.2 s of work, 30 others meanwhile) ---

large() { # UNIQUE
	{
		printf 'X-Unique: %s.\nFrom: me@example.com\n\n' "$1"
		yes 'a line of text,  again and again ' | head -c 32000000
	} | post_mail to@x.test
}

overtaken() { # MAILs of others between the large one's EHLO and its MAIL
	awk 'NR == FNR && / < MAIL.* SIZE=[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]/ { large = $1 }
		NR == FNR { next }
		$1 == large && / < MAIL/ { exit }
		$1 == large && / > 250-.*SMTPUTF8/ { ready = 1 }
		ready && / < MAIL/ { n++ }
		END { print n + 0 }' "$work/s.dialogue" "$work/s.dialogue"
}

waypost dkim keygen --selector r1 example.com >/dev/null 2>&1
echo 'limits { message-size = 100M }' >>"$work/signing.conf"
restart "$work/signing.conf"
waypost dkim show >"$work/dns"
echo "y.test remote host=[127.0.0.1]:$port tls=none" >>"$work/a/domains"
large large
i=0
while [ $i -lt 30 ]; do
	i=$((i + 1))
	printf 'From: me@example.com\n\nx\n' | post_mail to@y.test
done
drain a
is "a large message: all are sent" "$(saved s) $(queued a)" "31 0"
ok "... and others meanwhile" [ "$(overtaken)" -ge 5 ]
verdicts >"$work/verdicts"
ok "... its signatures hold" grep -q "^large $twice$" "$work/verdicts"

restart "$work/signing.conf"
large stopped
carrier a
within 10 said s '^1 > 250-.*SMTPUTF8'
stop a_carrier
is "stopped in the middle" "$code" 0
drain a
is "... it is sent once" "$(saved s) $(queued a)" "1 0"
is "... and its signatures hold" "$(verdicts)" "stopped $twice"

ok "no sanitizer complains" sane
done_testing
