#!/bin/sh
# Time: retries, delay notices, expiry, back-off of destinations; kept over
# restarts and told by mailq.  All waits are for log lines; the times are
# short, and what must not happen is looked for in the order of the log.
#   22-retry.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

mkdir "$work/bin"
ln -s "$build/sendmail" "$work/bin/mailq"
mailq() {
	"$work/bin/mailq" -C "$work/a/waypost.conf" "$@"
}

# With the server on $port as smart host; $queue are lines of its section.
place() {
	rm -rf "$work/a" "$work/a.carrier.log"
	instance a <<-END
	smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
	outbound { connect-timeout = "2s" timeout = "2s" }
	queue { $queue }
	END
	echo 'example.com local default' >"$work/a/domains"
}

fates() { # NAME [SERVER...]; golden on stdin
	cat >"$work/golden"
	fates_name=$1
	shift
	tally a "$@" >"$work/fates"
	same "$fates_name" "$work/fates" "$work/golden"
}

attempts() { # so many are in the log
	[ "$(grep -c ' attempt ' "$work/a.carrier.log")" -ge "$1" ]
}

# --- the schedule: A46, kept over a restart ---

queue='retry = { "200ms", "400ms", "1h" }'
mx s 'mail=451 4.3.0 come back, please'
place
post a m1 me@example.com u@x.test
carrier a
ok "three tries follow queue.retry" within 20 attempts 3
stop a_carrier
is "the carrier ends with 0" "$code" 0
is "... and no more than three were made" "$(grep -c '< MAIL' "$work/s.dialogue")" 3
ok "A46 mailq shows the last reply" grep -q '(come back, please)' <<END
$(mailq)
END
"$python" - "$work/a/spool/state/journal" <<'END' >"$work/next"
import sys, time
last = open(sys.argv[1]).read().splitlines()[-1].split(" ")
wait = int(last[9]) / 1000 - int(last[2]) / 1000
print("three" if last[8] == "3" else last[8],
      "an hour" if 3200 < wait < 4000 else wait)
END
is "the third wait is an hour, give or take a tenth" \
	"$(cat "$work/next")" 'three an hour'
: >"$work/s.dialogue"
drain a
is "a restart keeps it: nothing is due" "$(grep -c . "$work/s.dialogue")" 0
is "... and says so" "$(tail -n 1 "$work/a.carrier.log")" \
	'waypostd: stopped queued=1'
drain a --flush
is "--flush: it is due now" "$(grep -c '< MAIL' "$work/s.dialogue")" 1
ok "... as the fourth attempt" logged a 'attempt .* attempts=4 '
# Of each line: recipient, verdict, code, status, attempts, and when next, to
# a tenth of a second.
known() {
	awk '$2 == "R" { print $5, $6, $7, $8, $9, int($10 / 100 + 0.5) }' \
		"$work/a/spool/state/journal" | tail -n 1
}
before=$(known)
drain a
is "a restart without work: the journal knows the same" "$(known)" "$before"

# --- delay notice: once ---

queue='retry = { "150ms" } delay-notice = "700ms" expire = "1d"'
mx s 'rcpt#1=450 4.2.1 busy today'
place
post a m1 me@example.com u@x.test never@x.test
carrier a
reported() {
	grep -q ' report .* action=delayed' "$work/a.carrier.log"
}
ok "a delay notice comes" within 20 reported
at=$(grep -c ' attempt .* to=u@x.test' "$work/a.carrier.log")
ok "... and tries go on" within 20 attempts $((at + 6))
stop a_carrier
is "... and it came once" \
	"$(grep -c ' report .* action=delayed' "$work/a.carrier.log")" 1
fates "... to the sender, about the one that waits" s <<END
m1 never@x.test: sent
m1 u@x.test: delayed:4.2.1 queued
END
drain a --flush
is "... and not again after a restart" \
	"$(grep -c ' report .* action=delayed' "$work/a.carrier.log")" 1
ok "... with the reply in it" grep -q 'busy today' "$work"/a/spool/drop/*.eml

# --- expiry: one report, 4.4.7, the last reply quoted (K27) ---

queue='retry = { "100ms" } delay-notice = "0" expire = "1s"'
mx s 'data=451 4.7.9 grey as a wolf'
place
post a m1 me@example.com u@x.test v@x.test
carrier a
ok "K27 it expires" within 20 empty a
stop a_carrier
fates "K27 one report for both" <<END
m1 u@x.test: failed:4.4.7
m1 v@x.test: failed:4.4.7
END
is "K27 ... in one file" "$(files "$work/a/spool/drop")" 1
ok "K27 ... with the last reply" grep -q 'grey as a wolf' \
	"$work"/a/spool/drop/*.eml
ok "K27 ... from the null sender" grep -q '^x-sender: *<*>*.$' \
	"$work"/a/spool/drop/*.eml

# R7: a message that is older than expire when it is first tried.
queue='retry = { "1h" } delay-notice = "0" expire = "1h"'
place
post a m1 me@example.com u@x.test
if [ -f /usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 ] &&
	! grep -q asan_init "$build/waypostd"; then
	(
		export FAKETIME=+400d
		LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1
		export LD_PRELOAD
		drain a
	)
	fates "H11 R7 a year ahead: tried, not expired" s <<-END
	m1 u@x.test: queued
	END
	drain a --flush
	fates "H11 and back again: still there" s <<-END
	m1 u@x.test: queued
	END
fi

# --- double bounce, NOTIFY=NEVER ---

queue='retry = { "1h" }'
mx s 'rcpt=550 5.1.1 nobody'
place
post a m1 me@elsewhere.test u@x.test
drain a
fates "K28 a report that is refused, too, ends in badmail" <<END
m1 me@elsewhere.test: bad
END
ok "A47 ... with a readable reason" grep -q 'nobody' \
	"$work"/a/spool/badmail/*.reason
is "K28 ... and nothing is queued" "$(queued a)" 0
ok "K28 ... and it was said" logged a ' badmail '
place
post a m1 '' u@x.test
drain a
fates "R9 a null sender never gets a report" <<END
m1 u@x.test: bad
END
place
post a m1 me@example.com -N never u@x.test
drain a
fates "NOTIFY=NEVER: no report" </dev/null
is "... and nothing is queued" "$(queued a)" 0
is "... and nothing is in badmail" "$(files "$work/a/spool/badmail")" 0
place
post a m1 me@example.com -N success,delay u@x.test
drain a
fates "NOTIFY without FAILURE: none either" </dev/null

# --- H08, H09: a dead destination ---

dead=$(free_port)
mx s
place
sed -i '/^smarthost/d' "$work/a/waypost.conf"
cat >>"$work/a/domains" <<END
dead.test remote host=[127.0.0.1]:$dead tls=none
live.test remote host=[127.0.0.1]:$port tls=none
END
cat >"$work/pour.py" <<'END'
import subprocess, sys
for i in range(int(sys.argv[3])):
    subprocess.run([sys.argv[1], "-C", sys.argv[2], "-f", "me@example.com",
                    "u%d@dead.test" % i], input=b"X-Unique: d%d.\n\nx\n" % i,
                   stderr=subprocess.DEVNULL, check=True)
END
"$python" "$work/pour.py" "$build/sendmail" "$work/a/waypost.conf" 500
start=$(ms)
carrier a
post a live me@example.com u@live.test
ok "H08 500 for a dead host do not delay one for a live" within 5 \
	have_saved s 1
diag "$(($(ms) - start)) ms"
probes() {
	grep -c 'no-session .*dead.test\|no-session dest="host \[127.0.0.1\]:'"$dead" \
		"$work/a.carrier.log"
}
ok "H09 all of them have an answer" within 20 test \
	"$(grep -c 'attempt .*domain=dead.test' "$work/a.carrier.log")" -ge 500
is "H09 one probe, for all of them" "$(probes)" 1
post a late me@example.com late@dead.test
post a live2 me@example.com u@live.test
ok "H09 while it backs off" within 5 have_saved s 2
is "H09 ... a new message makes no probe" "$(probes)" 1
stop a_carrier

# Recovery: by a short back-off, all at once behind one probe.
queue='retry = { "300ms" }'
place
"$python" - "$work/a" "$build/sendmail" <<'END'
import subprocess, sys
for i in range(60):
    subprocess.run([sys.argv[2], "-C", sys.argv[1] + "/waypost.conf", "-f",
                    "me@example.com", "u%d@x.test" % i],
                   input=b"X-Unique: n%d.\n\nx\n" % i,
                   stderr=subprocess.DEVNULL, check=True)
END
stop s
carrier a
unreachable() {
	[ "$(grep -c ' unreachable ' "$work/a.carrier.log")" -ge "$1" ]
}
ok "H09 the host is down for three probes" within 20 unreachable 3
cp "$work/a.carrier.log" "$work/now.log"
ok "H09 ... one connection each" test \
	$(($(grep -c no-session "$work/now.log") -
		$(grep -c ' unreachable ' "$work/now.log"))) -le 1
mx s --listen "127.0.0.1:$port"
ok "H09 it comes back: everything is delivered" within 20 empty a
ok "H09 ... and that is said" logged a ' reachable '
stop a_carrier
is "H09 ... once each" "$(tally a s | grep -c '@x.test: sent$')" 60

# --- a host that takes connections and achieves nothing ---

queue='retry = { "1h" }'
mx t 'mail=421 4.3.2 too busy;close'
ill=$port
mx s
place
sed -i "s/hosts = { /hosts = { \"[127.0.0.1]:$ill\", /" "$work/a/waypost.conf"
i=0
while [ $i -lt 40 ]; do
	i=$((i + 1))
	post a i$i me@example.com u@x.test
done
drain a
ok "the next smart host has what is left" [ "$(tally a s | grep -c ': sent$')" -ge 20 ]
ok "... after few sessions with the first" [ "$(connections t)" -le 12 ]
ok "... and the rest waits" [ "$(tally a s t | grep -c ': queued$')" -ge 3 ]

ok "no sanitizer complains" sane
done_testing
