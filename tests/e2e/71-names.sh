#!/bin/sh
# Names of clients against a real name server (nsd): PTR, confirmed forward.
#   71-names.sh BUILD
build=${1:?usage: 71-names.sh BUILD}
PATH=$PATH:/usr/sbin:/sbin
lookup=$build/tests/bench/name_lookup
for tool in nsd python3; do
	command -v $tool >/dev/null || {
		echo "1..0 # skip no $tool"
		exit 77
	}
done
tmp=$(mktemp -d) || exit 1
pids=
trap 'kill $pids 2>/dev/null; wait 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
n=0 bad=0

# named WHY ADDRESS NAME: what is made of an address, "-" for no name.
named() {
	n=$((n + 1))
	"$lookup" -s "127.0.0.1@$port" "$2" >"$tmp/out" 2>&1
	if [ "$(cat "$tmp/out")" = "$2 $3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# got: /' "$tmp/out"
		bad=1
	fi
}

port=$(python3 -c '
import socket
while True:
    t = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    t.bind(("127.0.0.1", 0))
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        u.bind(t.getsockname())
    except OSError:
        continue
    print(t.getsockname()[1])
    break')
soa='@ 300 IN SOA ns.names.test. hostmaster.names.test. 1 3600 600 86400 60
@ 300 IN NS ns.names.test.'
{
	echo "$soa"
	cat <<'END'
ns     IN A 127.0.0.1
good   IN A 192.0.2.99
good   IN A 192.0.2.1
liar   IN A 192.0.2.66
host8  IN A 192.0.2.8
alias8 IN CNAME host8
shout  IN A 192.0.2.9
lan    IN A 10.1.2.3
home   IN A 192.168.7.1
six    IN AAAA 2001:db8::1
six    IN A 192.0.2.1
only4  IN A 192.0.2.1
good7  IN A 192.0.2.7
empty  IN TXT "no address"
END
} >"$tmp/names.test.zone"
{
	echo "$soa"
	cat <<'END'
1  IN PTR good.names.test.
2  IN PTR liar.names.test.
4  IN PTR gone.names.test.
5  IN PTR liar.names.test.
5  IN PTR gone.names.test.
6  IN PTR a\/b.names.test.
7  IN CNAME 7.0-7
7.0-7 IN PTR good7.names.test.
8  IN PTR alias8.names.test.
9  IN PTR SHOUT.Names.TEST.
10 IN PTR empty.names.test.
11 IN PTR a.refused.example.
12 IN PTR .
13 IN PTR 192.0.2.13.
14 IN PTR localhost.
99 IN PTR liar.names.test.
99 IN PTR good.names.test.
99 IN PTR a\/b.names.test.
END
} >"$tmp/192.zone"
{ echo "$soa"; echo '3.2.1 IN PTR lan.names.test.'; } >"$tmp/10.zone"
{ echo "$soa"; echo '1.7 IN PTR home.names.test.'; } >"$tmp/168.zone"
{
	echo "$soa"
	echo '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 IN PTR six.names.test.'
	echo '2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 IN PTR only4.names.test.'
} >"$tmp/six.zone"
zone() { # NAME FILE
	printf 'zone:\n\tname: %s\n\tzonefile: %s\n' "$1" "$2"
}
{
	cat <<END
server:
	ip-address: 127.0.0.1@$port
	zonesdir: "$tmp"
	username: ""
	pidfile: ""
	database: ""
	zonelistfile: "$tmp/list"
	xfrdfile: "$tmp/xfrd"
	xfrdir: "$tmp"
	logfile: "$tmp/nsd.log"
remote-control:
	control-enable: no
END
	zone names.test names.test.zone
	zone 2.0.192.in-addr.arpa 192.zone
	zone 10.in-addr.arpa 10.zone
	zone 168.192.in-addr.arpa 168.zone
	zone 8.b.d.0.1.0.0.2.ip6.arpa six.zone
} >"$tmp/nsd.conf"
nsd -d -c "$tmp/nsd.conf" >"$tmp/nsd.out" 2>&1 &
pids=$!
tries=100
until [ "$("$lookup" -s "127.0.0.1@$port" 192.0.2.1)" = \
	"192.0.2.1 good.names.test" ] || [ $tries -eq 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done

named "R24 one of its addresses" 192.0.2.1 good.names.test
named "a mapped address" ::ffff:192.0.2.1 good.names.test
named "G23 the name has another address" 192.0.2.2 -
named "no PTR" 192.0.2.3 -
named "the name does not exist" 192.0.2.4 -
named "two names, both wrong" 192.0.2.5 -
named "C20 no host name" 192.0.2.6 -
named "a delegation without classes" 192.0.2.7 good7.names.test
named "the name is an alias" 192.0.2.8 alias8.names.test
named "in lower case" 192.0.2.9 shout.names.test
named "the name has no address" 192.0.2.10 -
named "the name's server fails" 192.0.2.11 -
named "the root" 192.0.2.12 -
named "an address as name" 192.0.2.13 -
named "G23 it says that it is localhost" 192.0.2.14 -
named "one name of three is right" 192.0.2.99 good.names.test
named "a private network" 10.1.2.3 lan.names.test
named "another" 192.168.7.1 home.names.test
named "IPv6" 2001:db8::1 six.names.test
named "IPv6 with a name for IPv4" 2001:db8::2 -
named "this host" 127.0.0.1 localhost
named "this host by IPv6" ::1 localhost

n=$((n + 1))
"$lookup" -s "127.0.0.1@$port" -n 100 192.0.2.1 192.0.2.2 192.0.2.1 \
	>"$tmp/out" 2>&1
if [ "$(cat "$tmp/out")" = "192.0.2.1 good.names.test 100
192.0.2.2 - 100
192.0.2.1 good.names.test kept 100" ]; then
	echo "ok $n - a hundred wait for one search"
else
	echo "not ok $n - a hundred wait for one search"
	sed 's/^/# got: /' "$tmp/out"
	bad=1
fi
echo "1..$n"
exit $bad
