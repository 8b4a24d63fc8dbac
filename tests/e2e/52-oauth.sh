#!/bin/sh
# Secret commands and bearer tokens: waypostd towards aiosmtpd, which checks
# XOAUTH2 and OAUTHBEARER.
#   52-oauth.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/hop.sh"
. "$top/tests/e2e/carry.sh"
"$python" -c 'import aiosmtpd.smtp' 2>/dev/null || skip "no aiosmtpd"

# The server; its port is in $port, what it saw in $work/seen.
: >"$work/tokens"
: >"$work/seen"
spawn oauth "$python" -B "$top/tests/e2e/oauth_server.py" \
	--cert "$work/good.crt" --key "$work/good.key" --user relay \
	--tokens "$work/tokens" --log "$work/seen"
within 10 grep -q READY "$work/oauth.log" || {
	diag <"$work/oauth.log"
	skip "aiosmtpd does not start"
}
port=$(sed -n 's/^READY PORT //p' "$work/oauth.log")

# The command: notes that it ran, and where; prints what $work/print holds.
mkdir "$work/bin"
cat >"$work/bin/token" <<END
#!/bin/sh
echo "\$(pwd) \$# \$(env | sort | tr '\n' ' ') fds \$(ls /proc/self/fd | wc -l)" >>"$work/ran"
cat "$work/print"
END
chmod 755 "$work/bin/token"
ran() {
	wc -l <"$work/ran"
}
token() { # TOKEN [LINE...]: what the command prints
	printf '%s\n' "$@" >"$work/print"
}
good() { # TOKEN: the only one that the server takes
	echo "$1" >"$work/tokens"
}
seen() {
	grep -Eq -- "$1" "$work/seen" || {
		cat "$work/seen"
		return 1
	}
}
count() { # PATTERN: how often it was seen
	grep -Ec -- "$1" "$work/seen"
}
begin() {
	: >"$work/ran"
	: >"$work/seen"
}
deliver_with() { # MECHANISM COMMAND [OPTION...]
	oauth_mechanism=$1
	oauth_command=$2
	shift 2
	deliver $verify -u relay -m "$oauth_mechanism" -x "$oauth_command" "$@"
}
deferred() { # PATTERN OF THE TEXT: LATER, and no mail was spoken
	out "^closed later not-ready .*$1" && not out '^outcome' >/dev/null
}
taken() {
	out "^outcome 1 .* done 250 "
}

# --- the mechanisms ---

long=$("$python" -c 'print("ya29." + "A1b2-_.~+/" * 150 + "==")')
for mechanism in XOAUTH2 OAUTHBEARER; do
	begin
	token secret-token-1234567
	good secret-token-1234567
	deliver_with $mechanism "$work/bin/token"
	ok "$mechanism: logs in with what the command prints" taken
	ok "$mechanism: and with nothing else" \
		seen "^login $mechanism secret-token-1234567 yes"
	token "$long"
	good "$long"
	deliver_with $mechanism "$work/bin/token"
	ok "$mechanism: a token of 1500 octets" taken
	good another-token
	deliver_with $mechanism "$work/bin/token"
	ok "$mechanism: refused is LATER, with the server's words" \
		out '^closed later not-ready [0-9]* 4\.7\.8 .*: AUTH: (535 |.*invalid_token)'
	ok "$mechanism: and is asked once" \
		[ "$(count "^login $mechanism .* no")" -eq 1 ]
	ok "$mechanism: the dialogue of a refusal is as it should be" \
		not seen '^odd'
done
printf '%s\n' "$long" >"$work/token.file"
chmod 600 "$work/token.file"
good "$long"
deliver $verify -u relay -m XOAUTH2 -s "$work/token.file"
ok "a token from a file" taken

# --- the command ---

begin
token secret-token-1234567
good secret-token-1234567
SECRET_OF_OURS=1 deliver_with XOAUTH2 "$work/bin/token"
ok "it runs in /, without arguments" grep -q '^/ 0 ' "$work/ran"
ok "with an environment made anew" \
	grep -q '^/ 0 HOME=[^ ]* LC_ALL=C.UTF-8 LOGNAME=[^ ]* PATH=/usr/local/sbin:[^ ]* PWD=/ \(_=[^ ]* \)\?USER=[^ ]* *fds' "$work/ran"
ok "and no descriptor of ours" grep -q 'fds 4$' "$work/ran"
ok "of which nothing is seen by others" not grep -q SECRET_OF_OURS "$work/ran"
deliver_with XOAUTH2 "printf 'x\n' | sed 's/x/secret-token-1234567/'; exit 0"
ok "it is a line for the shell" taken
deliver_with XOAUTH2 "printf 'secret-token-1234567\r\nuser: relay\r\n'"
ok "CRLF ends a line, too, and other lines mean nothing" taken
deliver_with XOAUTH2 "printf secret-token-1234567"
ok "as does the end" taken
deliver_with XOAUTH2 "printf 'secret-token\rRSET\n'"
ok "a lone CR in it: LATER" deferred 'control character'
deliver_with XOAUTH2 "printf 'secret\001auth\n'"
ok "a control character that would end the token: LATER" \
	deferred 'control character'
deliver_with XOAUTH2 "printf '\nsecret-token-1234567\n'"
ok "an empty first line: LATER" deferred 'first line is empty'
deliver_with XOAUTH2 "true"
ok "nothing at all: LATER" deferred 'first line is empty'
deliver_with XOAUTH2 "cat '$work/print'; echo no network >&2; exit 3"
ok "it fails: LATER" deferred 'secret-command: it exited with 3'
ok "its complaint is in the log" grep -q 'said="no network"' "$work/err"
ok "what it printed is not" \
	not grep -q secret-token "$work/out" "$work/err"
deliver_with XOAUTH2 "no-such-command-here"
ok "there is no such command: LATER" deferred 'no such command'
deliver_with XOAUTH2 'kill -SEGV $$'
ok "it crashes: LATER" deferred 'signal 11 ended it'
deliver_with XOAUTH2 "yes secret-token"
ok "it prints without an end: LATER" deferred 'prints too much'
start=$(ms)
deliver_with XOAUTH2 "echo secret-token; sleep 1000 & sleep 1001" -c 500
took=$(($(ms) - start))
ok "it hangs: LATER after connect-timeout" deferred 'did not end in time'
diag "took $took ms"
ok "and not much later" [ "$took" -lt 5000 ]
ok "and all of it is gone" not pgrep -f '^sleep 100[01]$'
deliver_with XOAUTH2 "echo secret-token-1234567; sleep 1000 >/dev/null 2>&1 &
	sleep 0"
ok "what it leaves in the background does not matter" taken
pkill -f '^sleep 1000$'

# --- kept, renewed, refused: waypostd ---

begin
instance oauth <<END
smarthost {
	hosts = { "[127.0.0.1]:$port", "[127.0.0.1]:$port" }
	tls = require  user = "relay"  mechanism = "XOAUTH2"
	secret-command = "$work/bin/token"
}
outbound { messages-per-connection = 1  per-destination = 2 }
queue { retry = { "200ms", "1s" } }
END
token token-one-1234567890 expires_in=3600
good token-one-1234567890
carrier oauth
for n in 1 2 3; do
	post oauth kept$n a@example.com rcpt@example.net
	within 20 empty oauth
done
is "three logins" "$(count '^login XOAUTH2 token-one-1234567890 yes')" 3
is "one run of the command" "$(ran)" 1

# Nothing is said about when a token is withdrawn: the 535 tells.
token token-two-1234567890 expires_in=0
good token-two-1234567890
post oauth withdrawn a@example.com rcpt@example.net
ok "a withdrawn token: the next back-off fetches another" within 20 empty oauth
is "tried once with the old one, though there are two hosts" \
	"$(count 'token-one-1234567890 no')" 1
is "once with the new one" "$(count 'token-two-1234567890 yes')" 1
is "the command ran once more" "$(ran)" 2
ok "it was loud" \
	logged oauth 'login-refused .*user=relay times=1 .*the token is refused: .*invalid_token'
ok "no report about that" [ "$(count '^message <>')" -eq 0 ]

post oauth expired a@example.com rcpt@example.net
ok "an expired token is not tried" within 20 empty oauth
is "but fetched again before" "$(ran)" 3
is "so that there is no further refusal" "$(count ' no$')" 1

# The account is closed: one try per back-off.
token token-bad-1234567890
post oauth closed a@example.com rcpt@example.net
post oauth closed2 b@example.com rcpt@example.net
ok "closed: tried" within 20 seen 'token-bad-1234567890 no'
within 20 logged oauth 'login-refused .*times=3 '
refused=$(count 'token-bad.* no$')
tries=$(grep -c 'login-refused' "$work/oauth.carrier.log")
waits=$(grep -c 'unreachable' "$work/oauth.carrier.log")
diag "$refused refusals, $tries told, $waits back-offs"
is "each is one try of one back-off, whatever waits" "$tries" "$waits"
ok "the mail waits" [ "$(queued oauth)" -eq 2 ]
token token-two-1234567890
"$build/waypost" -C "$work/oauth/waypost.conf" reload
ok "waypost reload: the command is asked, the mail goes" within 20 empty oauth
stop oauth_carrier
ok "nothing secret in the log" \
	not grep -q 'token-\(one\|two\|bad\)' "$work/oauth.carrier.log"
ok "sanitizers had nothing to say" sane

done_testing
