#!/bin/sh
# A zoo of next hops, with a real name server (nsd) and real SMTP servers
# (aiosmtpd) on loopback: one MX is dead, one greylists, one cannot do the
# TLS that it offers, one wants to see our certificate.  What each comes to,
# and who has the mail in the end.
#   28-zoo.sh BUILD
PATH=$PATH:/usr/sbin:/sbin
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
command -v nsd >/dev/null || skip "no nsd"
command -v openssl >/dev/null || skip "no openssl"
"$python" -c 'import aiosmtpd' 2>/dev/null || skip "no python3-aiosmtpd"

(
	cd "$work" || exit 1
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt \
		-days 30 -subj "/CN=waypost test" \
		-addext basicConstraints=critical,CA:TRUE
	for name in server client stranger; do
		openssl req -newkey rsa:2048 -nodes -keyout $name.key \
			-out $name.csr -subj "/CN=$name.test"
		openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key \
			-CAcreateserial -days 30 -out $name.crt
	done
) >"$work/openssl.log" 2>&1 || skip "openssl makes no certificates"

# --- keepers and animals ---

cat >"$work/zone" <<'END'
@ 300 IN SOA ns hostmaster 1 3600 600 86400 60
@ 300 IN NS ns
ns     300 IN A 127.0.0.1
dead   300 IN A 127.0.0.31
grey   300 IN A 127.0.0.32
broken 300 IN A 127.0.0.33
good   300 IN A 127.0.0.34
zoo    300 IN MX 10 dead
zoo    300 IN MX 20 grey
tls    300 IN MX 10 broken
END
cat >"$work/aio.py" <<'END'
"""aiosmtpd on IP:PORT: KIND grey (451 at the first RCPT of each address) or
good (STARTTLS, and a certificate of ours).  A line for each thing done."""
import asyncio, ssl, sys
from aiosmtpd.smtp import SMTP

kind, ip, port, work = sys.argv[1:]
context = None
if kind == "good":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH,
                                         cafile=work + "/ca.crt")
    context.load_cert_chain(work + "/server.crt", work + "/server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    # So that a client without one is refused within the handshake.
    context.maximum_version = ssl.TLSVersion.TLSv1_2

class Handler:
    seen = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if kind == "grey" and address not in self.seen:
            self.seen.add(address)
            print("grey", address, flush=True)
            return "451 4.7.1 greylisted, come back"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        who = "nobody"
        if session.ssl is not None:
            peer = server.transport.get_extra_info("peercert") or {}
            who = dict(x[0] for x in peer.get("subject", ())).get(
                "commonName", "nobody")
        print("took", " ".join(envelope.rcpt_tos), "from", who, flush=True)
        return "250 2.0.0 got it"

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Handler(), hostname=kind + ".test", tls_context=context,
                     require_starttls=context is not None), ip, int(port))
    print("READY PORT %d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
END
mx broken --listen 127.0.0.33:0 --cert "$work/server.crt" \
	--key "$work/server.key" 'tls=raw:garbage\r\n;close'
animal() { # KIND IP
	spawn "$1" "$python" "$work/aio.py" "$1" "$2" "$port" "$work"
	within 20 grep -q READY "$work/$1.log" || {
		diag <"$work/$1.log"
		skip "aiosmtpd does not start"
	}
}
animal grey 127.0.0.32
animal good 127.0.0.34
dns=$("$python" -c 'import socket
while True: # free for UDP and TCP
    t = socket.socket()
    t.bind(("127.0.0.1", 0))
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        u.bind(t.getsockname())
    except OSError:
        continue
    print(t.getsockname()[1])
    break')
cat >"$work/nsd.conf" <<END
server:
	ip-address: 127.0.0.1@$dns
	zonesdir: "$work"
	username: ""
	pidfile: ""
	database: ""
	zonelistfile: "$work/nsd.list"
	xfrdfile: "$work/nsd.xfrd"
	xfrdir: "$work"
	logfile: "$work/nsd.out"
remote-control:
	control-enable: no
zone:
	name: waypost.test
	zonefile: zone
END
spawn nsd nsd -d -c "$work/nsd.conf"
within 10 listening "$dns" || skip "nsd does not start"

place() { # more of waypost.conf on stdin, the domain table in $table
	rm -rf "$work/a" "$work/a.carrier.log"
	{
		cat
		cat <<-END
		outbound { port = $port connect-timeout = "20s" timeout = "20s" }
		queue { retry = { "300ms" } }
		dns { servers = { "127.0.0.1@$dns" } hosts-file = false }
		END
	} | instance a
	{
		echo 'example.com local default'
		echo "${table:-}"
	} >"$work/a/domains"
}

# --- dead, then greylisted ---

table=
place </dev/null
post a m1 me@example.com u@zoo.waypost.test
carrier a
ok "MX 10 is dead, MX 20 greylists: delivered" within 20 empty a
stop a_carrier
ok "... the dead one was tried" logged a \
	'no-session dest="mx zoo.waypost.test" host=dead.waypost.test .*connect'
ok "... the 451 made it wait" logged a \
	'attempt .*relay="?grey.waypost.test.* verdict=later code=451'
is "... the next try was taken there, once" \
	"$(grep -v READY "$work/grey.log")" "grey u@zoo.waypost.test
took u@zoo.waypost.test from nobody"
is "... no report" "$(files "$work/a/spool/drop")" 0

# --- TLS that does not work ---

place </dev/null
post a m1 me@example.com u@tls.waypost.test
drain a
ok "opportunistic: in clear on a second connection" logged a \
	'attempt .*relay="?broken.waypost.test.* verdict=done'
ok "... which is told" logged a 'tls-fallback host=broken.waypost.test'
is "... one message" "$(saved broken)" 1

table="t.test remote host=broken.waypost.test tls=require"
place </dev/null
sed -i 's/"300ms"/"1h"/' "$work/a/waypost.conf"
post a m1 me@example.com u@t.test
drain a
ok "require: waits, for TLS" logged a 'attempt .*verdict=later .*4.7.5 .*TLS'
is "... in the queue" "$(queued a)" 1
is "... and nothing went out in clear" "$(saved broken)" 1

# --- require, with another one behind it; our certificate by route ---

show="client-certificate = \"$work/client.crt\"
	client-key = \"$work/client.key\""
table=
place <<END
smarthost { hosts = { "[broken.waypost.test]", "[good.waypost.test]" }
	tls = require $show }
END
post a m1 me@example.com u@x.test
drain a
is "require: the next smart host has it, and sees our certificate" \
	"$(grep took "$work/good.log")" 'took u@x.test from client.test'
is "... nothing went out in clear" "$(saved broken)" 1

table="v.test remote host=good.waypost.test tls=require client-certificate=$work/stranger.crt client-key=$work/stranger.key
w.test remote host=good.waypost.test tls=require"
place <<END
smarthost { hosts = { "[good.waypost.test]" } tls = require $show }
END
sed -i 's/"300ms"/"1h"/' "$work/a/waypost.conf"
post a m1 me@example.com u@y.test u@v.test u@w.test
drain a
ok "a route's own certificate" grep -qx 'took u@v.test from stranger.test' \
	"$work/good.log"
ok "... and the smart host's" grep -qx 'took u@y.test from client.test' \
	"$work/good.log"
ok "... without one: waits" logged a 'attempt .*domain=w.test .*verdict=later'
is "... and never came" "$(grep -c 'u@w.test' "$work/good.log")" 0

ok "no sanitizer complains" sane
done_testing
