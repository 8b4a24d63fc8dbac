#!/bin/sh
# Names to addresses against a real name server (nsd): MX and their order,
# null MX, what is missing, what is broken, who we are, and DNSSEC.
#   30-dns.sh BUILD
# The last cases wait for time-outs: about half a minute in all.
build=${1:?usage: 30-dns.sh BUILD}
PATH=$PATH:/usr/sbin:/sbin
lookup=$build/tests/bench/mx_lookup
for tool in nsd python3 ldns-keygen ldns-signzone; do
	command -v $tool >/dev/null || {
		echo "1..0 # skip no $tool"
		exit 77
	}
done
tmp=$(mktemp -d) || exit 1
# nsd drops to a user of its own when it is started by root.
pids=
trap 'kill $pids 2>/dev/null; wait 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
n=0 bad=0

# ok NAME STATUS: one line of TAP for the last command's status.
ok() {
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		[ ! -s "$tmp/out" ] || sed 's/^/# got: /' "$tmp/out"
		bad=1
	fi
}

# expect NAME 'LINES' ARGUMENTS...: what mx_lookup prints, exactly.
expect() {
	name=$1 want=$2
	shift 2
	"$lookup" "$@" >"$tmp/out" 2>&1
	[ "$(cat "$tmp/out")" = "$want" ]
	ok "$name" $?
}

# expect_like NAME PATTERN ARGUMENTS...: its last line, by a shell pattern.
expect_like() {
	name=$1 want=$2
	shift 2
	"$lookup" "$@" >"$tmp/out" 2>&1
	case $(tail -n 1 "$tmp/out") in
	$want) ok "$name" 0 ;;
	*) ok "$name" 1 ;;
	esac
}

cat >"$tmp/free_port.py" <<'END'
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
    break
END

# A server that has no TCP, and none at all while the file "mute" exists.
cat >"$tmp/udp_only.py" <<'END'
import os, socket, sys
up = ("127.0.0.1", int(sys.argv[1]))
down = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
down.bind(("127.0.0.1", 0))
with open(sys.argv[2] + ".new", "w") as f:
    f.write(str(down.getsockname()[1]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
while True:
    query, client = down.recvfrom(65535)
    if os.path.exists(sys.argv[3]):
        continue
    ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ask.settimeout(5)
    ask.sendto(query, up)
    down.sendto(ask.recv(65535), client)
    ask.close()
END

soa='@ 300 IN SOA ns hostmaster 1 3600 600 86400 60
@ 300 IN NS ns
ns 300 IN A 127.0.0.1'
{
	echo "$soa"
	cat <<'END'
two      IN MX 20 mx2
two      IN MX 10 mx1
mx1      IN A 192.0.2.11
mx2      IN A 192.0.2.12
equal    IN MX 10 mx1
equal    IN MX 10 mx2
both     IN MX 10 dual
dual     IN A 192.0.2.21
dual     IN AAAA 2001:db8::21
six      IN A 192.0.2.61
six      IN A 192.0.2.62
six      IN AAAA 2001:db8::61
six      IN AAAA 2001:db8::62
six      IN AAAA 2001:db8::63
six      IN AAAA 2001:db8::64
aonly    IN A 192.0.2.31
aaaaonly IN AAAA 2001:db8::32
null     IN MX 0 .
notnull  IN MX 0 .
notnull  IN MX 10 mx1
empty    IN TXT "no address here"
alias    IN CNAME two
aliasmx  IN MX 10 aliashost
aliashost IN CNAME mx1
badname  IN MX 10 a\/b
badname  IN MX 20 u\@h
badname  IN MX 30 h\:25
badname  IN MX 40 mx1
allbad   IN MX 10 a\.b\/
ipmx     IN MX 10 192.0.2.1.
nowhere  IN MX 10 gone
nowhere  IN MX 20 empty
halfgone IN MX 10 gone
halfgone IN MX 20 mx1
unknown  IN MX 10 mail.refused.example.
halfunknown IN MX 10 mail.refused.example.
halfunknown IN MX 20 mx1
selfname IN MX 10 mx1
selfname IN MX 20 Relay
selfname IN MX 20 mx2
selfname IN MX 30 mx2
relay    IN A 192.0.2.99
onlyself IN MX 10 relay
selfip   IN MX 10 mx1
selfip   IN MX 20 here
here     IN A 127.0.0.1
onlyip   IN MX 5 here
under_score IN MX 10 mx1
END
	i=0
	while [ $i -lt 40 ]; do
		echo "many IN MX $((60 - i)) a-name-that-takes-its-room-$i"
		echo "a-name-that-takes-its-room-$i IN A 192.0.2.$((100 + i))"
		i=$((i + 1))
	done
} >"$tmp/waypost.test.zone"
{
	echo "$soa"
	cat <<'END'
@    IN MX 10 mx
mx   IN A 192.0.2.41
fake IN MX 10 mx
END
} >"$tmp/signed.test.zone"
(
	cd "$tmp" || exit 1
	key=$(ldns-keygen -a ECDSAP256SHA256 -k signed.test.) &&
		ldns-signzone -o signed.test. signed.test.zone "$key" &&
		cp "$key.key" anchor &&
		# A record that its signature does not cover.
		sed 's/^\(mx.*IN[[:blank:]]A[[:blank:]]\)192.0.2.41/\1192.0.2.66/' \
			signed.test.zone.signed >forged.zone &&
		! cmp -s forged.zone signed.test.zone.signed
) >"$tmp/out" 2>&1
ok "zones are signed" $?

port=$(python3 "$tmp/free_port.py")
forged=$(python3 "$tmp/free_port.py")
start_nsd() { # PORT ZONEFILE-OF-SIGNED
	cat >"$tmp/nsd.$1.conf" <<END
server:
	ip-address: 127.0.0.1@$1
	zonesdir: "$tmp"
	username: ""
	pidfile: ""
	database: ""
	zonelistfile: "$tmp/$1.list"
	xfrdfile: "$tmp/$1.xfrd"
	xfrdir: "$tmp"
	logfile: "$tmp/nsd.$1.log"
remote-control:
	control-enable: no
zone:
	name: waypost.test
	zonefile: waypost.test.zone
zone:
	name: signed.test
	zonefile: $2
END
	nsd -d -c "$tmp/nsd.$1.conf" >"$tmp/nsd.$1.out" 2>&1 &
	pids="$pids $!"
}
start_nsd "$port" signed.test.zone.signed
start_nsd "$forged" forged.zone
python3 "$tmp/udp_only.py" "$port" "$tmp/udp" "$tmp/mute" &
pids="$pids $!"

wait_for() { # SECONDS COMMAND...: until it succeeds
	tries=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}
wait_for 10 "$lookup" -s "127.0.0.1@$port" aonly.waypost.test &&
	wait_for 10 "$lookup" -s "127.0.0.1@$forged" aonly.waypost.test &&
	wait_for 10 test -s "$tmp/udp"
ok "servers answer" $?
udp=$(cat "$tmp/udp")
s="-s 127.0.0.1@$port -o relay.waypost.test"
d=waypost.test

expect "A27 MX in order of preference" "two.$d mx1.$d 192.0.2.11 25
two.$d mx2.$d 192.0.2.12 25" $s two.$d
expect "A27 the port is the caller's" "two.$d mx1.$d 192.0.2.11 2525
two.$d mx2.$d 192.0.2.12 2525" $s -p 2525 two.$d
expect "K25 AAAA and A in turns" "both.$d dual.$d 2001:db8::21 25
both.$d dual.$d 192.0.2.21 25" $s both.$d
"$lookup" $s -H six.$d >"$tmp/out" 2>&1
[ "$(cut -d' ' -f3 "$tmp/out" | sed 's/[^:.]//g;s/\(.\).*/\1/' | tr -d '\n')" \
	= :.:.:: ] && [ "$(sort -u "$tmp/out" | wc -l)" -eq 6 ]
ok "K25 six addresses in turns" $?
expect "A27 a domain with A only is its own host" \
	"aonly.$d aonly.$d 192.0.2.31 25" $s aonly.$d
expect "a domain with AAAA only" \
	"aaaaonly.$d aaaaonly.$d 2001:db8::32 25" $s aaaaonly.$d
expect "any case of letters" "TWO.WayPost.TEST mx1.$d 192.0.2.11 25
TWO.WayPost.TEST mx2.$d 192.0.2.12 25" $s TWO.WayPost.TEST
expect_like "A27 null MX is never" "null.$d never 5.1.10 *" $s null.$d
expect "a null MX among others is none" \
	"notnull.$d mx1.$d 192.0.2.11 25" $s notnull.$d
expect_like "no such domain is never" \
	"gone.$d never 5.1.2 gone.$d does not exist" $s gone.$d
expect_like "a name without mail is never" "empty.$d never 5.1.2 *" $s empty.$d
expect_like "no such host" "gone.$d never 5.1.2 *" $s -H gone.$d
expect "a host is not asked for its MX" \
	"mx1.$d mx1.$d 192.0.2.11 587" $s -H -p 587 mx1.$d
expect_like "a host with MX only has no address" \
	"null.$d never 5.1.2 *" $s -H null.$d
expect "an alias for a domain" "alias.$d mx1.$d 192.0.2.11 25
alias.$d mx2.$d 192.0.2.12 25" $s alias.$d
expect "an alias for a host" \
	"aliasmx.$d aliashost.$d 192.0.2.11 25" $s aliasmx.$d
expect "C20 MX that are no host names are left out" \
	"badname.$d mx1.$d 192.0.2.11 25" $s badname.$d
expect_like "C20 no MX is a host name: later" "allbad.$d later 4.4.3 *" \
	$s allbad.$d
expect_like "an address as MX: later" "ipmx.$d later 4.4.3 *" $s ipmx.$d
expect_like "MX without addresses: later" "nowhere.$d later 4.4.4 *" \
	$s nowhere.$d
expect "an MX without address is skipped" \
	"halfgone.$d mx1.$d 192.0.2.11 25" $s halfgone.$d
expect_like "SERVFAIL for the domain: later" \
	"refused.example later 4.4.3 DNS: MX of refused.example: *" \
	$s refused.example
expect_like "SERVFAIL for the only MX: later" "unknown.$d later 4.4.3 *" \
	$s unknown.$d
expect_like "K26 SERVFAIL for a host: later" \
	"refused.example later 4.4.3 *" $s -H refused.example
expect "SERVFAIL for one MX hides no other" \
	"halfunknown.$d mx1.$d 192.0.2.11 25" $s halfunknown.$d
expect "K29 our name drops equals and worse ones" \
	"selfname.$d mx1.$d 192.0.2.11 25" $s selfname.$d
expect_like "K29 only our name is never" "onlyself.$d never 5.4.6 *" \
	$s onlyself.$d
expect_like "K29 our own domain is never" "relay.$d never 5.4.6 *" \
	$s relay.$d
expect "K29 our address drops worse ones" \
	"selfip.$d mx1.$d 192.0.2.11 25" $s selfip.$d
expect_like "K29 only our address is never" "onlyip.$d never 5.4.6 *" \
	$s onlyip.$d
expect "our address on another port is not us" \
	"onlyip.$d here.$d 127.0.0.1 2525" $s -p 2525 onlyip.$d
expect "our name on another port is a host" \
	"relay.$d relay.$d 192.0.2.99 10025" $s -H -p 10025 relay.$d
expect "an address literal" "[192.0.2.7] 192.0.2.7 192.0.2.7 25" \
	-s 127.0.0.1@1 "[192.0.2.7]"
expect "an IPv6 literal" \
	"[IPv6:2001:DB8::7] 2001:db8::7 2001:db8::7 25" \
	-s 127.0.0.1@1 "[IPv6:2001:DB8::7]"
expect_like "K29 a literal of ours" "?127.0.0.1? never 5.4.6 *" \
	-s 127.0.0.1@1 "[127.0.0.1]"
for name in "" . .. a..b -a.b "a b.test" "x/y.test" 192.0.2.1 "[::1]" \
	"[192.0.2.1" "$(printf '%064d' 1).test" a.test.; do
	expect_like "no domain name: '$name'" "*never 5.1.2 *" $s -- "$name"
done
expect "an underscore is a letter" \
	"under_score.$d mx1.$d 192.0.2.11 25" $s under_score.$d
expect "localhost is answered without a server" "localhost localhost ::1 24
localhost localhost 127.0.0.1 24" -s 127.0.0.1@1 -H -p 24 localhost

"$lookup" $s many.$d >"$tmp/out" 2>&1
[ "$(wc -l <"$tmp/out")" -eq 32 ] &&
	[ "$(head -n 1 "$tmp/out")" = "many.$d a-name-that-takes-its-room-39.$d 192.0.2.139 25" ]
ok "the best of many MX, by TCP" $?
u="-s 127.0.0.1@$udp"
expect "A27 a server without TCP" "two.$d mx1.$d 192.0.2.11 25
two.$d mx2.$d 192.0.2.12 25" $u two.$d
expect_like "A27 more than UDP holds, without TCP: later" \
	"many.$d later 4.4.3 *" $u many.$d
expect "a dead server before a living one" \
	"aonly.$d aonly.$d 192.0.2.31 25" -s 127.0.0.1@1 $s aonly.$d

# Equals: both orders come up (chance of failure 2^-39).
i=0
: >"$tmp/out"
while [ $i -lt 40 ]; do
	"$lookup" $s equal.$d | head -n 1
	i=$((i + 1))
done | sort -u >"$tmp/out"
[ "$(wc -l <"$tmp/out")" -eq 2 ]
ok "equal MX are shuffled" $?

a="-a $tmp/anchor"
expect_like "DNSSEC secure" "signed.test MX 10 \"mx.signed.test\"" \
	$s $a -t MX signed.test
"$lookup" $s $a -t A mx.signed.test >"$tmp/out" 2>&1
grep -q '^mx.signed.test ok secure ' "$tmp/out"
ok "DNSSEC secure address" $?
"$lookup" $s $a -t A gone.signed.test >"$tmp/out" 2>&1
grep -q '^gone.signed.test nxdomain secure ' "$tmp/out"
ok "DNSSEC secure: no such name" $?
"$lookup" $s -t A mx.signed.test >"$tmp/out" 2>&1
grep -q '^mx.signed.test ok insecure ' "$tmp/out"
ok "without an anchor nothing is secure" $?
expect_like "DNSSEC bogus is later" "signed.test later 4.4.3 *DNSSEC*" \
	-s "127.0.0.1@$forged" $a signed.test
expect_like "an anchor that cannot be read: later" \
	"aonly.$d later 4.4.3 *trust anchor $tmp/none*" \
	$s -a "$tmp/none" aonly.$d
expect_like "R8 trouble is told" "trouble DNS: A of *" \
	-s 127.0.0.1@1 -t A aonly.$d
expect_like "R8 and forgotten" "aonly.$d address 192.0.2.31" \
	$s -t A refused.example aonly.$d
"$lookup" -s localhost aonly.$d >"$tmp/out" 2>&1
[ $? -eq 71 ]
ok "a server is an address" $?

# Files of the system, in a name space of our own: resolv.conf, which changes
# while it is in use, hosts, and the root's trust anchor, behind a server
# that knows no DNSSEC.
{
	echo "$soa"
	echo "a.$d. IN MX 10 b.$d."
	echo "b.$d. IN A 192.0.2.71"
	echo "c.$d. IN MX 10 b.$d."
	echo "c.$d. IN A 192.0.2.72"
} >"$tmp/root.zone"
cat >"$tmp/nsd.root.conf" <<END
server:
	ip-address: 127.0.0.1@53
	zonesdir: "$tmp"
	username: ""
	pidfile: ""
	database: ""
	zonelistfile: "$tmp/root.list"
	xfrdfile: "$tmp/root.xfrd"
	xfrdir: "$tmp"
remote-control:
	control-enable: no
zone:
	name: .
	zonefile: root.zone
END
echo "nameserver 127.0.0.2" >"$tmp/resolv.conf"
echo "192.0.2.81 b.$d" >"$tmp/hosts"
echo ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D" \
	>"$tmp/root.key"
cat >"$tmp/inside.sh" <<'END'
ip link set lo up && mount --bind "$tmp/resolv.conf" /etc/resolv.conf &&
	mount --bind "$tmp/hosts" /etc/hosts && mount -t tmpfs none /usr/share &&
	mkdir /usr/share/dns && cp "$tmp/root.key" /usr/share/dns/root.key ||
	exit 77
nsd -d -c "$tmp/nsd.root.conf" >/dev/null 2>&1 &
nsd=$!
tries=100
until "$lookup" -s 127.0.0.1 "b.$d" >/dev/null || [ $tries -eq 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done
"$lookup" -w 1 "a.$d" "b.$d" >"$tmp/resolv" 2>&1 &
asks=$!
until [ -s "$tmp/resolv" ]; do sleep 0.1; done
echo "nameserver 127.0.0.1" >"$tmp/resolv.conf"
wait $asks
"$lookup" -f "a.$d" "b.$d" >"$tmp/with_hosts" 2>&1
echo "192.0.2.82 c.$d" >"$tmp/hosts"
"$lookup" -f "c.$d" >"$tmp/hosts_mx" 2>&1
"$lookup" -a "$tmp/root.key" "a.$d" >"$tmp/demanded" 2>&1
kill $nsd
exit 0
END
export tmp lookup d
unshare -rmn sh "$tmp/inside.sh" 2>/dev/null
case $? in
0)
	cp "$tmp/resolv" "$tmp/out"
	grep -q "^a.$d later 4.4.3 " "$tmp/out" &&
		grep -q "^b.$d b.$d 192.0.2.71 25" "$tmp/out"
	ok "resolv.conf changes, and a root without DNSSEC is borne" $?
	cp "$tmp/with_hosts" "$tmp/out"
	[ "$(cat "$tmp/out")" = "a.$d b.$d 192.0.2.81 25
b.$d b.$d 192.0.2.81 25" ]
	ok "addresses in hosts come first" $?
	cp "$tmp/hosts_mx" "$tmp/out"
	[ "$(cat "$tmp/out")" = "c.$d b.$d 192.0.2.71 25" ]
	ok "a name in hosts keeps its MX" $?
	cp "$tmp/demanded" "$tmp/out"
	grep -q "^a.$d later 4.4.3 " "$tmp/out"
	ok "an anchor in the configuration is a demand" $?
	;;
*)
	echo "# no name spaces here: system files are not tested"
	;;
esac

# Time is bounded when nobody answers, and over when somebody does again.
: >"$tmp/mute"
start=$(date +%s)
expect_like "K26 no answer at all: later" "aonly.$d later 4.4.3 *" $u aonly.$d
[ $(($(date +%s) - start)) -le 22 ]
ok "within its time" $?
: >"$tmp/back"
"$lookup" $u -w 7 two.$d aonly.$d >"$tmp/back" 2>&1 &
pid=$!
# The server is back when the first name has failed.
wait_for 30 test -s "$tmp/back"
rm "$tmp/mute"
wait $pid
cp "$tmp/back" "$tmp/out"
[ "$(tail -n 1 "$tmp/out")" = "aonly.$d aonly.$d 192.0.2.31 25" ]
ok "answers within 7 s of the server's return" $?

echo "1..$n"
exit $bad
