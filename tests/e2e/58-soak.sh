#!/bin/sh
# A soak in short (H20): sessions that end in every way and messages that are
# delivered, refused and put off; the second half needs no more memory and no
# more descriptors than the first one.  A long queue costs little memory and
# holds up neither the start nor what comes next (H07).
#   58-soak.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
! grep -q asan_init "$build/waypostd" ||
	skip "a sanitizer keeps what is freed for a while"
rounds=${ROUNDS:-4}
each=${EACH:-400}

mx s
door=$(free_port)
instance a <<END
listen "lan" { address = "127.0.0.1:$door" }
workers = 1
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
relay { except = { "127.0.0.1" } }
limits { errors = 100 connections = 200 per-client = 200 }
END
echo 'example.com local default' >"$work/a/domains"
spawn smtpd "$build/waypost-smtpd" -C "$work/a/waypost.conf"
parent=$pid
within 20 listening "$door"
within 20 grep -q . "/proc/$parent/task/$parent/children"
worker=$(cut -d' ' -f1 "/proc/$parent/task/$parent/children")
carrier a

cat >"$work/load.py" <<'END'
import smtplib, socket, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
text = "Subject: t\r\n\r\n" + "x" * 70 + "\r\n"
for n in range(count):
    s = smtplib.SMTP("127.0.0.1", port, timeout=30)
    s.sendmail("me@example.com", ["u%d@x.test" % n], text * (1 + n % 50))
    s.sendmail("", ["joe@example.com"], text)
    s.docmd("MAIL", "FROM:<a@b")
    s.docmd("NONSENSE")
    s.docmd("MAIL", "FROM:<a@b.test>")
    if n % 4 == 0:
        s.docmd("RCPT", "TO:<joe@example.com>")
        s.docmd("DATA")
        s.send("Subject: half\r\n")
    if n % 2:
        s.quit()
    s.close()
END
figures() { # RSS in kB and descriptors of each daemon
	for p in $parent $worker $carrier_pid; do
		awk '/^VmRSS/ { printf "%s ", $2 }' "/proc/$p/status"
		find "/proc/$p/fd" -type l | wc -l
	done | xargs
}
quiet() { # nothing is queued, and nobody is connected
	empty a && ! grep -q ":$(printf %04X "$door") .* 01 " /proc/net/tcp &&
		[ "$(find "/proc/$worker/fd" -lname 'socket:*' | wc -l)" -le "$sockets" ]
}
turn() {
	"$python" "$work/load.py" "$door" "$each" || fail "the load is taken"
	within 60 quiet || fail "it comes to rest"
	rm -rf "$work/s.saved"/* "$work/a/spool/drop"/*
}
sockets=$(find "/proc/$worker/fd" -lname 'socket:*' | wc -l)
turn
turn # the first one sets up what is kept
first=$(figures)
round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	turn
done
last=$(figures)
diag "RSS and descriptors of parent, worker, carrier: $first"
diag "behind $rounds more rounds of $each: $last"
grown() { # FIELD: by how much
	echo $(($(echo "$last" | cut -d' ' -f"$1") - $(echo "$first" | cut -d' ' -f"$1")))
}
at=1
for who in "the listener's parent" "its worker" waypostd; do
	ok "H20 $who: RSS stays flat ($(grown $at) kB)" [ "$(grown $at)" -lt 1024 ]
	ok "H20 $who: descriptors stay" [ "$(grown $((at + 1)))" -le 2 ]
	at=$((at + 2))
done
stop a_carrier
is "waypostd ends with 0" "$code" 0
kill "$parent"
reap "$parent" 20

# --- H07: a fifth of the 100,000; tests/bench/run has them all ---

backlog=${BACKLOG:-20000}
dead=$(free_port)
instance b <<END
smarthost { hosts = { "[127.0.0.1]:$dead" } tls = none }
queue { retry = { "1h" } }
END
echo 'example.com local default' >"$work/b/domains"
spawn empty waypostd b
alone=$pid
within 20 grep -q ': started ' "$work/empty.log"
usual=$(awk '/^VmRSS/ { print $2 }' "/proc/$alone/status")
kill "$alone"
reap "$alone" 20
"$build/tests/bench/fill" "$work/b/spool" "$backlog" 300 x.test
post b m1 me@example.com joe@example.com
start=$(ms)
carrier b
dropped() {
	[ "$(files "$work/b/spool/drop")" -gt 0 ]
}
ok "H07 $backlog are queued: the next one is delivered" within 30 dropped
took=$(($(ms) - start))
ok "H07 ... $took ms behind the start" [ "$took" -lt 30000 ]
rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$carrier_pid/status")
# 64 MiB for 100,000; what an empty one needs is not theirs.
ok "H07 ... $((rss - usual)) KiB for them" \
	[ $((rss - usual)) -lt $((backlog * 65536 / 100000)) ]
stop b_carrier
done_testing
