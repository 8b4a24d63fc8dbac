#!/bin/sh
# Each process of waypost is killed, as the kernel does when memory is short
# (J25), and comes back; waypostd is killed while it reads its configuration
# (J21); it cannot start a process or a thread (H06).
#   38-killed.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
[ -x "$build/waypost" ] || skip "no waypost"

# --- J25: what was acknowledged while all this happened is at the server ---

mx s
door=$(free_port)
instance a <<END
listen "lan" { address = "127.0.0.1:$door" }
workers = 2
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
relay { except = { "127.0.0.1" } }
queue { retry = { "300ms" } }
END
echo 'example.com local default' >"$work/a/domains"
new=$work/a/spool/queue/new
run() {
	spawn run "$build/waypost" -C "$work/a/waypost.conf" run --log json
	main=$pid
	within 20 listening "$door"
}
last() { # DAEMON: its process
	sed -n "s/.*\"event\":\"started\",\"daemon\":\"$1\",\"pid\":\([0-9]*\)}/\1/p" \
		"$work/run.log" | tail -n 1
}
worker() {
	cut -d' ' -f1 "/proc/$(last waypost-smtpd)/task/$(last waypost-smtpd)/children"
}
acknowledged() { # COUNT
	[ "$(wc -l <"$work/acknowledged")" -ge "$1" ]
}
cat >"$work/submit.py" <<'END'
import os, smtplib, sys
port, out = int(sys.argv[1]), open(sys.argv[2], "a", buffering=1)
n = 0
while not os.path.exists(sys.argv[3]):
    n += 1
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as s:
            s.sendmail("me@example.com", ["u@x.test"],
                       "Subject: t\r\nX-Unique: k%d.\r\n\r\nbody\r\n" % n)
            out.write("k%d\n" % n)
    except (OSError, smtplib.SMTPException):
        pass
END
: >"$work/acknowledged"
run
spawn submit "$python" "$work/submit.py" "$door" "$work/acknowledged" "$work/enough"
submitter=$pid
kills=0
for round in 1 2; do
	for who in waypostd waypost-smtpd worker run; do
		at=$(wc -l <"$work/acknowledged")
		within 20 acknowledged $((at + 5))
		case $who in
		worker) victim=$(worker) ;;
		run) victim=$main ;;
		*) victim=$(last $who) ;;
		esac
		kill -KILL "$victim"
		within 10 gone "$victim"
		[ $who != run ] || run # by systemd
		kills=$((kills + 1))
		at=$(wc -l <"$work/acknowledged")
		ok "J25 $who is killed ($round): mail is taken again" \
			within 30 acknowledged $((at + 5))
	done
done
: >"$work/enough"
reap "$submitter" 20
ok "J25 the queue drains" within 60 empty a
kill "$main"
within 20 gone "$main"
tally a s >"$work/fates"
is "J25 INV1 all $(wc -l <"$work/acknowledged") that were acknowledged are sent" \
	"$(sort "$work/acknowledged" | while read -r id; do
		grep -q "^$id u@x.test: sent" "$work/fates" || echo "$id"
	done)" ''
is "J25 INV2 nothing but whole messages" \
	"$(cat "$work"/s.saved/*.msg | grep -c '^body')" "$(saved s)"
twice=$(awk -F'[*]' '/sent[*]/ { n += $2 - 1 } END { print n + 0 }' "$work/fates")
ok "J25 INV3 $twice were sent twice, of 64 a kill at most" \
	[ "$twice" -le $((64 * kills)) ]

# --- J21: waypostd, at points of a reload; one message waits all the while ---

shim=$build/tests/crash/scarce.so
if [ ! -e "$shim" ] || grep -q asan_init "$build/waypostd"; then
	diag "no shim beside sanitizers"
	ok "no sanitizer complains" sane
	done_testing
fi
plan() { # KIND LEFT BURST; see scarce.c
	"$python" - "$work/plan" "$@" <<-'END'
	import mmap, struct, sys
	with open(sys.argv[1], "r+b") as file:
	    words = mmap.mmap(file.fileno(), 40)
	struct.pack_into("qqqqq", words, 0, 0, *(int(n) for n in sys.argv[3:5]), 0, 0)
	struct.pack_into("q", words, 0, int(sys.argv[2]))
	END
}
counted() { # so many calls were seen, or made to fail (SEEN or FAILED)
	od -An -t d8 -w8 -v "$work/plan" | sed -n "$1p" | tr -d ' '
}
seen=4 failed=5
have_failed() {
	[ "$(counted $failed)" -ge "$1" ]
}
head -c 40 /dev/zero >"$work/plan"
shimmed() { # like carrier
	: >"$work/a.carrier.log"
	spawn a.carrier env SCARCE_FILE="$work/plan" LD_PRELOAD="$shim" \
		"$build/waypostd" -C "$work/a/waypost.conf" "$@"
	pid_a_carrier=$pid
	carrier_pid=$pid
	within 20 grep -q ': started ' "$work/a.carrier.log"
}
reread() {
	logged a 'text=reloaded' || gone "$carrier_pid"
}
mx s 'mail=450 4.3.2 later'
sed -i "s/\[127.0.0.1\]:[0-9]*/[127.0.0.1]:$port/; s/\"300ms\"/\"1h\"/" \
	"$work/a/waypost.conf"
post a held me@example.com u@x.test
drain a
queue=$(sha256sum "$new"/*)
plan 0 0 0
shimmed
plan 3 1000000000 1
kill -HUP "$carrier_pid"
within 10 reread
calls=$(counted $seen)
stop a_carrier
at=1
wrong=
while [ $at -le "$calls" ]; do
	plan 0 0 0
	shimmed
	echo "d$at.test local" >>"$work/a/domains"
	plan 3 $at 1
	kill -HUP "$carrier_pid"
	within 10 reread
	plan 0 0 0
	gone "$carrier_pid" || wrong="$wrong $at:lives"
	stop a_carrier
	[ "$(sha256sum "$new"/*)" = "$queue" ] || wrong="$wrong $at:queue"
	at=$((at + 1 + calls / 8))
done
is "J21 waypostd killed at points of a reload ($calls): the queue is untouched" \
	"$wrong" ''
post a new me@example.com "u@d1.test"
drain a
ok "J21 ... and behind a restart the new table holds" \
	grep -rq 'X-Unique: new' "$work/a/spool/drop"

# --- H06: no process for a secret-command; no thread at the start ---

mx s --auth relay:right
sed -i "s/\[127.0.0.1\]:[0-9]*/[127.0.0.1]:$port/; s/\"1h\"/\"300ms\"/
	s/tls = none/tls = none user = \"relay\" secret-command = \"echo right\"/" \
	"$work/a/waypost.conf"
plan 0 0 0
shimmed
plan 2 1 1000000000
post a spawned me@example.com u@x.test
ok "H06 no process for the secret-command: deferred, and tried again" \
	within 20 have_failed 3
ok "H06 ... said so" logged a 'Resource temporarily unavailable'
tries=$(counted $failed)
ok "H06 ... no more than one for each back-off ($tries)" [ "$tries" -lt 20 ]
is "H06 ... it is queued" "$(ls "$new" | wc -l | xargs)" 2
plan 0 0 0
ok "H06 ... and goes once there are processes" within 20 have_saved s 1
stop a_carrier
plan 2 1 1000000000
timeout 20 env SCARCE_FILE="$work/plan" LD_PRELOAD="$shim" "$build/waypostd" \
	-C "$work/a/waypost.conf" 2>"$work/err"
code=$?
is "H06 no thread at the start: 75, for systemd to try again" "$code" 75
is "H06 ... in one try" "$(counted $failed)" 1

ok "no sanitizer complains" sane
done_testing
