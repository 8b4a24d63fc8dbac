#!/bin/sh
# The traps of libcurl's CONNECT_ONLY (C1-C21): hop_probe, which is
# src/deliver/hop.h alone, against a scripted server.  No case waits longer
# than a few seconds.
#   50-traps.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/hop.sh"

# --- C1-C5: the session after libcurl's DONE ---

server
deliver -n 3
is "C1 the connection outlives DONE and serves three messages" \
	"$(grep -c ' done 250 ' "$work/out") $(connections)" "3 1"
ok "C1 it ends with QUIT" said '< QUIT'

# The server reads nothing for a while, so that sends meet AGAIN.
for tls in --tls12 ""; do
	tls_server $tls 'body=sleep:1'
	deliver -t require -b 8000000
	ok "C2 8 MB into a full TLS connection ${tls:---tls13}: accepted" delivered
	is "C2 ... and every octet arrived" \
		"$(tail -c +20 "$work/saved/1.msg" | tr -d '\r\n' | tr -d 0 | od -An -c | tr -d ' \n') $(wc -l <"$work/saved/1.msg")" \
		".. 111113"
done

many=
i=0
while [ $i -lt 120 ]; do
	i=$((i + 1))
	many="$many r$i@example.net"
done
long=$(printf '%0300d' 0)
tls_server --coalesce "rcpt=250 2.1.5 $long"
to=$many deliver -t require -T 5000
is "C3 36 kB of replies in one TLS write are all read" \
	"$(grep -c ' done 250 ' "$work/out")" 120

server
deliver -n 250 -C 250
is "C4 250 connections need more than one multi" \
	"$(grep -c ' done 250 ' "$work/out")" 250

server 'ehlo=250-x\n250 PIPELINING\n421 4.3.2 bye;close'
start=$(ms)
deliver
ok "C5 a 421 behind the reply to EHLO: LATER" out '^(outcome 1 .* later|closed later)'
ok "C5 ... and without delay" [ $(($(ms) - start)) -lt 3000 ]

# --- C6-C9: AUTH and replies of the set-up ---

server
deliver $as
ok "C6 no AUTH offered: LATER, nothing sent" deferred 'offers no AUTH'
tls_server --tls-keywords PIPELINING
deliver -t require $as
ok "K23 AUTH vanishes behind TLS: LATER, nothing sent" deferred 'no AUTH'

tls_server --auth "relay:$secret" --tls-keywords "AUTH CRAM-MD5 LOGIN PLAIN"
deliver $verify $as
ok "C7 PLAIN although CRAM-MD5 is offered" delivered
ok "C7 ... with its initial response" said '< AUTH PLAIN [A-Za-z0-9+/=]+$'
tls_server --auth "relay:$secret" --tls-keywords "AUTH LOGIN"
deliver $verify $as
ok "C7 LOGIN when there is nothing else" delivered
tls_server --auth "relay:$secret" --tls-keywords "AUTH LOGIN"
deliver $verify $as -m PLAIN
ok "C7 mechanism = PLAIN does not use LOGIN" deferred AUTH

tls_server --auth "relay:wrong"
deliver $verify $as
ok "C8 535: LATER with the reply" deferred '4\.7\.8 .*AUTH: 535 5.7.8 no'
tls_server --auth "relay:x" 'auth=454 4.7.0 not now'
deliver $verify $as
ok "C8 454: LATER with the reply" deferred '454 4.7.0 not now'
tls_server --tls-keywords "AUTH CRAM-MD5"
deliver $verify $as
ok "C8 no mechanism in common: LATER" deferred 'AUTH'

tls_server tls=close
deliver -t require
ok "C9 dropped behind STARTTLS: no stale code" deferred TLS
ok "C9 ... in the code" out ' 0 4\.7\.5 '
for stage in greeting ehlo starttls; do
	tls_server $stage=close
	deliver -t require
	ok "C9 dropped at $stage: no stale code" \
		out '^closed later not-ready 0 4\.'
	tls_server $stage=rst
	deliver -t require
	ok "C9 RST at $stage" out '^closed later not-ready 0 4\.'
done
server 'greeting=554 5.7.1 go away'
deliver
ok "K02 greeting 554: LATER, never NEVER" deferred 'greeting: 554 5.7.1 go away'
server 'greeting=421 4.3.2 busy'
deliver
ok "K02 greeting 421" deferred 'greeting: 421 4.3.2 busy'
port=1
deliver
ok "K01 refused" out '^closed later not-ready 0 4\.4\.1 .*connect'

# --- C10-C12: deadlines, EHLO refused ---

for stage in greeting ehlo starttls tls; do
	tls_server $stage=hang
	start=$(ms)
	deliver -t require -c 700
	ok "C10 hang at $stage: our deadline of the set-up" \
		deferred 'timeout'
	ok "C10 ... in time" [ $(($(ms) - start)) -lt 3000 ]
done
for stage in mail rcpt data body dot; do
	server $stage=hang
	start=$(ms)
	deliver -T 700 -b 9000000
	ok "C10 hang at $stage: our deadline of the session" \
		out '^outcome 1 .* later 0 4\.4\.2 .*timeout'
	ok "C10 ... in time" [ $(($(ms) - start)) -lt 5000 ]
done
ok "K15 a dot without reply is unknown" out 'unknown: the server took'
server quit=hang
start=$(ms)
deliver
ok "C10 hang at QUIT: done, and one second at most" delivered
ok "C10 ... in time" [ $(($(ms) - start)) -lt 2500 ]

server 'greeting=drip:220 x'
deliver -c 900
ok "C11 a drip in the set-up does not extend it" deferred 'timeout'
server 'mail=drip:250-x\r\n'
deliver -T 900
ok "C11 nor does one in the session" out '^outcome 1 .* later .*timeout at MAIL'

server 'ehlo=500 what'
to="a@b.example c@d.example" deliver
ok "C12 EHLO refused: HELO, delivered" delivered
ok "C12 ... without parameters" said '< MAIL FROM:<sender@example.com>$'
awk '/< RCPT/ && last !~ />/ { bad = 1 } { last = $0 } END { exit bad }' \
	"$work/dialogue"
is "C12 ... lock-step" $? 0
tls_server 'ehlo=500 what'
deliver -t require
ok "K04 EHLO refused, TLS wanted: LATER" deferred ''

# --- C13: STARTTLS missing, refused, broken ---

for policy in opportunistic require verify; do
	more=
	[ $policy = verify ] && more="-a $work/ca.crt"
	for what in missing refused handshake; do
		case $what in
		missing) server ;;
		refused) tls_server 'starttls=454 4.7.0 not now' ;;
		handshake) tls_server 'tls=raw:garbage\r\n;close' ;;
		esac
		deliver -t $policy $more
		if [ $policy = opportunistic ]; then
			ok "C13 $policy, STARTTLS $what: in clear" delivered
		else
			ok "C13 $policy, STARTTLS $what: LATER" deferred TLS
		fi
	done
done
tls_server tls@1=hang
deliver -t opportunistic -c 700
ok "C13 opportunistic, handshake hangs: in clear on a new connection" delivered
is "C13 ... that is the second one" "$(connections)" 2
tls_server tls=close --auth "relay:$secret"
deliver -t opportunistic $as
ok "A45 opportunistic with a secret never falls back" deferred TLS
ok "A45 ... and says no AUTH" not said '< AUTH'
server --auth "relay:$secret"
deliver -t opportunistic $as
ok "A45 nor without STARTTLS" deferred STARTTLS
ok "A45 ... and says no AUTH" not said '< AUTH'
deliver -t none $as
ok "A45 tls = none: in clear, as configured" delivered
tls_server --keywords PIPELINING,starttls
deliver -t require
ok "C13 starttls in small letters, TLS required: LATER" deferred TLS
deliver -t opportunistic
ok "C13 starttls in small letters, opportunistic: goes" delivered
tls_server 'starttls=220 go\n250 injected'
deliver -t require
ok "F21 a reply injected behind the 220: LATER" deferred ''

# --- C14-C17: hostile and dying servers ---

server 'mail=thanks'
deliver
ok "C14 garbage for a reply: LATER" out '^outcome 1 .* later .*garbage'
server 'dot=25000 x'
deliver
ok "C14 five digits at the dot: LATER" out '^outcome 1 .* later '
server 'dot=raw:250 ok\n' 'mail=raw:250 \0\r\n' 'rcpt=250'
deliver
ok "C14 K17 bare LF, NUL, no text: as if well-formed" delivered
server --bytewise
to="a@b.example c@d.example" deliver -n 3
is "K17 every reply octet by octet" "$(grep -c ' done 250 ' "$work/out")" 6

memory() { # of the probe's whole run, kB
	"$python" - "$probe" "$port" "$@" <<-'END'
	import resource, subprocess, sys
	subprocess.run([sys.argv[1], *sys.argv[3:], "mx.example", "127.0.0.1",
	                sys.argv[2]], stdout=open("/dev/null", "w"))
	print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	END
}
server
usual=$(memory)
for rule in greeting=endless:220-x ehlo=endless:250-X greeting=flood mail=flood \
	'rcpt=endless:250-x'; do
	server "$rule"
	start=$(ms)
	deliver -c 1500 -T 1500
	ok "C15 K05 $rule: LATER" out '^(closed later not-ready|outcome 1 .* later)'
	ok "C15 ... in time" [ $(($(ms) - start)) -lt 8000 ]
	now=$(memory -c 1500 -T 1500)
	ok "C15 ... in no more memory ($usual, $now kB)" [ "$now" -lt $((usual + 8192)) ]
done

for tls in none require; do
	tls_server 'body=554 5.3.4 too much;sleep:0.2;close'
	deliver -t $tls -b 20000000
	ok "C16 554 in mid-body, then closed ($tls): NEVER, not lost" \
		out '^outcome 1 .* never 554 5\.3\.4 sent too much'
done
for how in close shutdown rst; do
	for stage in mail body dot; do
		tls_server $stage=$how
		deliver -t require -b 2000000
		ok "C17 K22 $how inside TLS at $stage: LATER" \
			out '^outcome 1 .* later 0 4\.4\.2'
	done
done
server 'dot=250 ok;rst'
deliver
ok "K16 250 and RST: done" out '^outcome 1 .* done 250'

# --- C18-C21: environment, noise, names, threads ---

server
env ALL_PROXY=socks5h://127.0.0.1:1 smtp_proxy=http://127.0.0.1:1 \
	SSLKEYLOGFILE="$work/keys" SSL_CERT_FILE=/nonexistent \
	"$probe" mx.example 127.0.0.1 "$port" >"$work/out" 2>"$work/err"
ok "C18 proxies of the environment are not asked" delivered
tls_server
env SSLKEYLOGFILE="$work/keys" CURL_HOME="$work" \
	"$probe" -t require mx.example 127.0.0.1 "$port" >"$work/out" 2>"$work/err"
ok "C18 delivered with SSLKEYLOGFILE set" delivered
ok "C18 ... and no keys are written" [ ! -e "$work/keys" ]
is "C19 nothing is written to standard error" "$(cat "$work/err")" ""

server
for bad in 'a/b' 'u@h' 'h:25' 'a b' 'a%0d%0ab' 'x?y' ''; do
	deliver_to "$bad"
	ok "C20 '$bad' is no host" out '^closed later not-ready .*malformed host'
done
deliver -e 'a b'
ok "C20 'a b' is no EHLO name" out '^closed later not-ready .*EHLO name'
ok "C20 no connection was made" [ ! -s "$work/dialogue" ]
deliver -e '[192.0.2.1]'
ok "C20 a literal is an EHLO name" said '< EHLO \[192\.0\.2\.1\]$'
deliver_to does-not-exist.invalid -S 127.0.0.9
ok "C21 the address given is used, no name is looked up" delivered
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	strace -f -o "$work/trace" -e trace=clone,clone3,execve \
		"$probe" no.example 127.0.0.1 "$port" >"$work/out" 2>&1
	is "C21 no thread is started" "$(grep -c CLONE_THREAD "$work/trace")" 0
fi

done_testing
