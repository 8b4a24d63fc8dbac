#!/bin/sh
# Next hops that are this host itself (A35), sessions by route (A45, A31),
# and how many messages a connection carries (A40).
#   25-next-hop.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

# More of waypost.conf on stdin, the domain table in $table.
place() {
	rm -rf "$work/a" "$work/a.carrier.log"
	{
		cat
		echo 'queue { retry = { "1h" } }'
	} | instance a
	{
		echo 'example.com local default'
		echo "${table:-}"
	} >"$work/a/domains"
}
fates() { # NAME SERVERS; golden on stdin
	cat >"$work/golden"
	tally a ${2-} >"$work/fates"
	same "$1" "$work/fates" "$work/golden"
}

# --- A35: itself; a server counts the connections that there are none of ---

mx self
mx other
other_port=$port
self_port=$(sed -n 's/^READY PORT //p' "$work/self.log")
listener="listen \"l\" { address = \"127.0.0.1:$self_port\" }"
loops() { # NAME
	post a m1 me@example.com u@x.test
	drain a
	fates "A35 $1: returned, 5.4.6" "self other" <<-END
	m1 u@x.test: failed:5.4.6
	END
	is "A35 ... without a connection" "$(connections self)" 0
	ok "A35 ... naming itself" logged a \
		"attempt .*127.0.0.1:$self_port, .*is this host itself, a.example.com"
}
place <<END
$listener
smarthost { hosts = { "[127.0.0.1]:$self_port" } tls = none }
END
loops "the smart host is this host"
place <<END
listen "l" { address = "0.0.0.0:$self_port" }
smarthost { hosts = { "127.0.0.1:$self_port", "[127.0.0.1]:$self_port" }
  tls = none }
END
loops "all of a list, by a listener on any address"
table="x.test remote host=127.0.0.1:$self_port tls=none"
place <<END
$listener
END
loops "the host of a remote entry is this host"
table=
place <<END
$listener
smarthost { hosts = { "[127.0.0.1]:$self_port", "[127.0.0.1]:$other_port" }
  tls = none }
END
post a m1 me@example.com u@x.test
drain a
fates "A35 the next one of the list is not: it is taken" other <<END
m1 u@x.test: sent
END
is "A35 ... and the first is not connected to" "$(connections self)" 0
closed=$(free_port)
place <<END
$listener
smarthost { hosts = { "[127.0.0.1]:$closed", "[127.0.0.1]:$self_port" }
  tls = none }
END
post a m1 me@example.com u@x.test
drain a
fates "A35 one is this host, one is down: waits" <<END
m1 u@x.test: queued
END
place <<END
listen "l" { address = "127.0.0.9:$self_port" }
smarthost { hosts = { "[127.0.0.1]:$self_port" } tls = none }
END
post a m1 me@example.com u@x.test
drain a
fates "another server on this host is none of ours" self <<END
m1 u@x.test: sent
END

# --- A45: each sees its own user, secret and name ---

umask 077
echo 'smart secret' >"$work/smart.secret"
echo 'domain secret' >"$work/domain.secret"
umask 022
mx smart --auth 'smart:smart secret'
smart_port=$port
mx route --auth 'route:domain secret'
table="r.test remote host=[127.0.0.1]:$port tls=none user=route secret-file=$work/domain.secret helo=route.example.net
r2.test remote host=[127.0.0.1]:$port tls=none helo=nobody.example.net"
place <<END
smarthost { hosts = { "[127.0.0.1]:$smart_port" } tls = none user = "smart"
  secret-file = "$work/smart.secret" helo = "smart.example.net" }
END
post a m1 me@example.com u@x.test v@r.test w@r2.test
drain a
fates "A45 a user and a secret for each way" "smart route" <<END
m1 u@x.test: sent
m1 v@r.test: sent
m1 w@r2.test: sent
END
ok "A45 ... the smart host sees its own" said smart '^1 < EHLO smart.example.net'
is "... and no other" "$(connections smart)" 1
ok "A45 ... the domain's host its own" said route '< EHLO route.example.net'
ok "A45 ... without a user none is shown" said route '< EHLO nobody.example.net'
is "... one login among two sessions" \
	"$(connections route) $(grep -c '< AUTH' "$work/route.dialogue")" '2 1'
table=

# --- F22: a session in clear is not used where TLS is demanded ---

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" \
	2>"$work/openssl.log" || skip "openssl makes no certificate"
mx s --cert "$work/cert.pem" --key "$work/key.pem"
table="clear.test remote host=[127.0.0.1]:$port tls=none
secret.test remote host=[127.0.0.1]:$port tls=require"
place </dev/null
carrier a
post a m1 me@example.com u@clear.test
ok "F22 in clear to a host" within 20 have_saved s 1
post a m2 me@example.com u@secret.test
ok "F22 ... and to the same one by TLS" within 20 have_saved s 2
stop a_carrier
is "F22 ... in a session of its own, which is secured first" \
	"$(sed -n 's/^\([0-9]*\) < \(STARTTLS\|MAIL\|RCPT\)\( TO:<u@\([a-z]*\)\)\{0,1\}.*/\1 \2 \4/p' \
		"$work/s.dialogue" | sed 's/ $//' | xargs -d '\n')" \
	'1 MAIL 1 RCPT clear 2 STARTTLS 2 MAIL 2 RCPT secret'
table=

# --- A40: messages for each connection ---

mx s
place <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
outbound { messages-per-connection = 20 per-destination = 1 }
END
i=0
while [ $i -lt 21 ]; do
	i=$((i + 1))
	post a m$i me@example.com u@x.test
done
drain a
is "A40 21 mails at 20 a connection" "$(saved s)" 21
is "A40 ... two connections" "$(connections s)" 2
is "A40 ... 20 and 1" "$(sed -n 's/ < MAIL.*//p' "$work/s.dialogue" |
	sort | uniq -c | xargs)" '20 1 1 2'

ok "no sanitizer complains" sane
done_testing
