#!/bin/sh
# Where mail goes: each way of route.h on real sockets, with a real name
# server (nsd) on loopback behind a forwarder that writes down who was asked
# for.  MX are 127.0.0.11 (nothing listens there) and 127.0.0.12.
#   20-routes.sh BUILD
PATH=$PATH:/usr/sbin:/sbin
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
command -v nsd >/dev/null || skip "no nsd"

# --- a name server ---

cat >"$work/free.py" <<'END'
import socket
while True: # free for UDP and TCP
    t = socket.socket()
    t.bind(("127.0.0.1", 0))
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        u.bind(t.getsockname())
    except OSError:
        continue
    print(t.getsockname()[1])
    break
END
cat >"$work/forward.py" <<'END'
"""Forwards UDP to a name server and logs the names, one a line."""
import socket, sys
up = ("127.0.0.1", int(sys.argv[1]))
down = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
down.bind(("127.0.0.1", 0))
print("READY PORT %d" % down.getsockname()[1], flush=True)
while True:
    query, client = down.recvfrom(65535)
    name, at = [], 12
    while query[at]:
        name.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    print(".".join(name).lower(), int.from_bytes(query[at + 1:at + 3], "big"),
          flush=True)
    ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ask.settimeout(5)
    try:
        ask.sendto(query, up)
        down.sendto(ask.recv(65535), client)
    except OSError:
        pass
    ask.close()
END
cat >"$work/waypost.test.zone" <<'END'
@ 300 IN SOA ns hostmaster 1 3600 600 86400 60
@ 300 IN NS ns
ns 300 IN A 127.0.0.1
two    300 IN MX 10 dead
two    300 IN MX 20 live
dead   300 IN A 127.0.0.11
live   300 IN A 127.0.0.12
alldead 300 IN MX 10 dead
aonly  300 IN A 127.0.0.12
null   300 IN MX 0 .
hub    300 IN A 127.0.0.12
relay  300 IN MX 5 live
END
nsd_port=$("$python" "$work/free.py")
cat >"$work/nsd.conf" <<END
server:
	ip-address: 127.0.0.1@$nsd_port
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
	zonefile: waypost.test.zone
END
spawn nsd nsd -d -c "$work/nsd.conf"
within 10 listening "$nsd_port" || skip "nsd does not start"
spawn names "$python" "$work/forward.py" "$nsd_port"
within 10 grep -q READY "$work/names.log" || skip "no forwarder"
dns=$(sed -n 's/^READY PORT //p' "$work/names.log")

asked() { # PATTERN of names; the root's keys are not of interest
	grep -v -e READY -e '^ 48$' -e '^_ta-' "$work/names.log" |
		grep -E -- "$1"
}
forget() {
	echo "READY PORT $dns" >"$work/names.log"
}

# --- places ---

mx m --listen 127.0.0.12:0 # the domains' own host
mx_port=$port
mx s # the smart host
s_port=$port
closed=$(free_port)

# More of waypost.conf on stdin, the domain table in $table.
place() {
	rm -rf "$work/a" "$work/a.carrier.log"
	{
		cat
		cat <<-END
		outbound { port = $mx_port connect-timeout = "2s" timeout = "2s" }
		queue { retry = { "1h" } }
		dns { servers = { "127.0.0.1@$dns" } hosts-file = false }
		END
	} | instance a
	{
		echo 'example.com local default'
		echo 'alias.test alias'
		echo "${table:-}"
	} | sed "s|@PREFIX@|$work/a|" >"$work/a/domains"
	rm -rf "$work/m.saved" "$work/s.saved"
	mkdir "$work/m.saved" "$work/s.saved"
	forget
}

fates() { # NAME SERVERS; golden on stdin
	cat >"$work/golden"
	tally a $2 >"$work/fates"
	same "$1" "$work/fates" "$work/golden"
}

smart() {
	echo "smarthost { hosts = { \"[127.0.0.1]:$s_port\" } tls = none }"
}

# --- local ---

table='md.test local maildir=@PREFIX@/mail/%d/%u'
place </dev/null
for dir in tmp new cur; do
	mkdir -p "$work/a/mail/md.test/joe/$dir"
done
post a m1 me@example.com u@example.com v@ALIAS.test joe@md.test bob@md.test
drain a
fates "local: drop directory, alias, no such mailbox" "" <<END
m1 bob@md.test: failed:5.1.1
m1 u@example.com: dropped
m1 v@ALIAS.test: dropped
END
is "one file for both, beside the report" "$(files "$work/a/spool/drop")" 2
drop=$(grep -l '^x-receiver: u@' "$work"/a/spool/drop/*.eml)
is "... with its envelope first" "$(sed -n '1,3s/\r//p' "$drop")" \
	"x-sender: me@example.com
x-receiver: u@example.com
x-receiver: v@ALIAS.test"
is "maildir: one message in new" "$(files "$work/a/mail/md.test/joe/new")" 1
is "... and nothing in tmp" "$(files "$work/a/mail/md.test/joe/tmp")" 0
is "local mail asks no name server" "$(asked .)" ""

# --- remote entries (R12, A30, A32) ---

table="intra.test remote host=[127.0.0.12]:$mx_port tls=none
hub.test remote host=[hub.waypost.test] tls=none
*.corp.test remote host=[127.0.0.12]:$mx_port tls=none
exact.corp.test remote host=[127.0.0.1]:$s_port tls=none
*.deep.corp.test remote route=smarthost"
smart | place
post a m1 me@example.com a@intra.test b@x.corp.test c@y.x.corp.test \
	d@exact.corp.test e@z.deep.corp.test f@corp.test
drain a
fates "A30 A32 at the routes' host" m <<END
m1 a@intra.test: sent
m1 b@x.corp.test: sent
m1 c@y.x.corp.test: sent
END
fates "A32 exact and longest entries, and the smart host" s <<END
m1 d@exact.corp.test: sent
m1 e@z.deep.corp.test: sent
m1 f@corp.test: sent
END
is "A20 A30 no name was asked for" "$(asked .)" ""
is "one transaction to each host and route" "$(saved m) $(saved s)" "1 2"

smart | place
post a m1 me@example.com a@hub.test
drain a
fates "a host by name" m <<END
m1 a@hub.test: sent
END
ok "A21 only that name is asked for" asked '^hub\.waypost\.test '
is "A21 ... and no other, nor its MX" "$(asked . |
	grep -vE '^hub\.waypost\.test (1|28)$')" ""
table=

# --- smart hosts ---

smart | place
post a m1 me@example.com a@nowhere.invalid b@example.org
drain a
fates "A20 a literal smart host" s <<END
m1 a@nowhere.invalid: sent
m1 b@example.org: sent
END
is "A20 ... and no query at all" "$(asked .)" ""

place <<END
smarthost { hosts = { "[127.0.0.1]:$closed", "[127.0.0.11]:$closed",
  "[127.0.0.1]:$s_port" } tls = none }
END
post a m1 me@example.com a@x.test
post a m2 me@example.com a@x.test
drain a
fates "a list of smart hosts: the third one lives" s <<END
m1 a@x.test: sent
m2 a@x.test: sent
END
is "... in one attempt each" "$(grep -c ' attempt ' "$work/a.carrier.log")" 2
is "... one connection each to the dead ones" \
	"$(grep -c no-session "$work/a.carrier.log")" 2

place <<END
smarthost { hosts = { "nowhere.waypost.test", "relay.waypost.test" } tls = none }
END
post a m1 me@example.com a@x.test
drain a
fates "A21 smart hosts by name: NXDOMAIN is no verdict, MX are used" m <<END
m1 a@x.test: sent
END
is "A21 ... and the recipient's domain is not asked for" "$(asked x.test)" ""

place <<END
smarthost { hosts = { "[127.0.0.1]:$s_port" } tls = none }
smarthost "special" { hosts = { "[127.0.0.12]:$mx_port" } tls = none
  senders = { "@special.test", "boss@example.com" } }
END
post a m1 me@example.com a@x.test
post a m2 me@special.test a@x.test
post a m3 boss@example.com a@x.test
drain a
fates "a named smart host by sender" m <<END
m2 a@x.test: sent
m3 a@x.test: sent
END
fates "... and the plain one for others" s <<END
m1 a@x.test: sent
END

# --- MX (A27) ---

place </dev/null
post a m1 me@example.com a@two.waypost.test b@aonly.waypost.test \
	c@null.waypost.test d@gone.waypost.test e@refused.example \
	f@alldead.waypost.test '"g h"@[127.0.0.12]'
drain a
fates "A27 MX 10 dead, 20 alive; A only; null MX; NXDOMAIN; SERVFAIL" m <<END
m1 "g h"@[127.0.0.12]: sent
m1 a@two.waypost.test: sent
m1 b@aonly.waypost.test: sent
m1 c@null.waypost.test: failed:5.1.10
m1 d@gone.waypost.test: failed:5.1.2
m1 e@refused.example: queued
m1 f@alldead.waypost.test: queued
END
ok "K26 SERVFAIL: the reason is the DNS's" logged a \
	'domain=refused.example .*status=4.4.3 .*text="?DNS'
ok "the dead one is tried first" logged a \
	'no-session dest="mx (two|alldead).waypost.test" host=dead.waypost.test'
ok "EHLO says our name" said m '< EHLO a.example.com$'

# R8 A26: no resolver answers.
rm -rf "$work/a"
instance a <<END
queue { retry = { "1h" } }
dns { servers = { "127.0.0.1@$closed" } }
END
echo 'example.com local default' >"$work/a/domains"
rm -f "$work"/m.saved/*
post a m1 me@example.com a@two.waypost.test
drain a
fates "A26 no resolver, no smart host: waits" m <<END
m1 a@two.waypost.test: queued
END

# --- direct first (A22-A25) ---

first() {
	place <<-END
	smarthost { hosts = { "[127.0.0.1]:$s_port" } direct-first = true tls = none }
	END
}
first
post a m1 me@example.com a@two.waypost.test b@gone.waypost.test \
	c@refused.example d@alldead.waypost.test e@null.waypost.test
drain a
fates "A22 direct where it can be" m <<END
m1 a@two.waypost.test: sent
m1 e@null.waypost.test: failed:5.1.10
END
fates "A23 by the smart host: NXDOMAIN, SERVFAIL, all MX dead" s <<END
m1 b@gone.waypost.test: sent
m1 c@refused.example: sent
m1 d@alldead.waypost.test: sent
m1 e@null.waypost.test: failed:5.1.10
END

mx m --listen "127.0.0.12:$mx_port" 'greeting=451 4.3.2 not today'
first
post a m1 me@example.com a@two.waypost.test
drain a
fates "A23 a greeting 451: by the smart host" s <<END
m1 a@two.waypost.test: sent
END
mx m --listen "127.0.0.12:$mx_port" 'rcpt=550 5.1.1 nobody'
first
post a m1 me@example.com a@two.waypost.test
drain a
fates "A24 the MX says 550: reported, not tried elsewhere" "m s" <<END
m1 a@two.waypost.test: failed:5.1.1
END
mx m --listen "127.0.0.12:$mx_port" dot@1=close
first
post a m1 me@example.com a@two.waypost.test
drain a
fates "A25 lost at the dot: waits, not to the smart host" "m s" <<END
m1 a@two.waypost.test: queued unsure
END
drain a --flush
fates "A25 ... and goes direct the next time" "m s" <<END
m1 a@two.waypost.test: sent unsure
END

mx m --listen "127.0.0.12:$mx_port" --exit-after 1 body=close
first
post a m1 me@example.com a@two.waypost.test
drain a
fates "A25 down since DATA was sent: waits, not to the smart host" "m s" <<END
m1 a@two.waypost.test: queued
END

# --- A34: the table reaches queued mail; A29: so does the name ---

mx m --listen "127.0.0.12:$mx_port"
table="moving.test remote host=[127.0.0.11]:$closed tls=none"
smart | place
carrier a
post a m1 me@example.com a@moving.test
ok "A34 the old route fails" within 10 logged a 'attempt .* verdict=later'
reloads() {
	[ "$(grep -c 'configuration text=reloaded' "$work/a.carrier.log")" -ge "$1" ]
}
sed -i "/moving/s/\[.*\]:[0-9]*/[127.0.0.12]:$mx_port/" "$work/a/domains"
ok "A34 the change is seen" within 3 reloads 1
post a m2 me@example.com b@moving.test
ok "A34 a new message takes the new route" within 10 have_saved m 1
sed -i '/moving/d' "$work/a/domains"
sed -i 's/^hostname.*/hostname = "renamed.example.com"/' "$work/a/waypost.conf"
ok "A34 the route goes away" within 5 reloads 2
post a m3 me@example.com c@moving.test
ok "A34 ... the next one goes to the smart host" within 10 have_saved s 1
ok "A29 under the new name" within 5 said s '< EHLO renamed.example.com$'
stop a_carrier
is "the carrier ends with 0" "$code" 0
drain a --flush
fates "A34 and so does the one that waited" s <<END
m1 a@moving.test: sent
m3 c@moving.test: sent
END

ok "no sanitizer complains" sane
done_testing
