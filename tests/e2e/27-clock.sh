#!/bin/sh
# The wall clock jumps by a year, both ways, while waypostd runs and while it
# does not: nothing expires for it, nothing is reported as late, and tries go
# on (R7, H11).  libfaketime moves the clock; all waits are for log lines.
#   27-clock.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

for faketime in /usr/lib/*/faketime/libfaketime.so.1; do
	[ -e "$faketime" ] || skip "no libfaketime"
done
grep -q asan_init "$build/waypostd" && skip "not beside the sanitizers"

place() { # RETRY
	rm -rf "$work/a" "$work/a.carrier.log"
	instance a <<-END
	smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
	outbound { connect-timeout = "5s" timeout = "5s" }
	queue { retry = { "$1" } delay-notice = "12h" expire = "2d" }
	END
	echo 'example.com local default' >"$work/a/domains"
	echo +0 >"$work/clock"
}
clock() { # OFFSET
	echo "$1" >"$work/clock.new"
	mv "$work/clock.new" "$work/clock"
}
fake() { # COMMAND...: by that clock; only the wall's, as when one is set
	export FAKETIME_TIMESTAMP_FILE="$work/clock" FAKETIME_NO_CACHE=1
	export DONT_FAKE_MONOTONIC=1 LD_PRELOAD="$faketime"
	"$@"
	unset LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE
	unset DONT_FAKE_MONOTONIC
}
tries() { # so many attempts for U are in the log
	[ "$(grep -c " attempt .* to=$2@x.test" "$work/a.carrier.log")" -ge "$1" ]
}
seen() {
	grep -c " attempt .* to=$1@x.test" "$work/a.carrier.log"
}
reports() {
	grep -c ' report ' "$work/a.carrier.log"
}

# --- while it runs ---

mx s 'rcpt=451 4.7.1 not yet'
place 100ms
fake carrier a
fake post a m1 me@example.com u@x.test
ok "tries go on" within 10 tries 3 u
clock +400d
date=$(LD_PRELOAD="$faketime" FAKETIME=+400d date +%Y)
ok "... the clock does jump ($date)" [ "$date" -gt "$(date +%Y)" ]
ok "H11 a year ahead: tries go on" within 10 tries $(($(seen u) + 3)) u
fake post a m2 me@example.com v@x.test
ok "H11 ... for what comes now, too" within 10 tries 3 v
clock -400d
ok "R7 two years back: tries go on" within 10 tries $(($(seen u) + 3)) u
ok "R7 ... for what came in the future" within 10 tries $(($(seen v) + 3)) v
fake post a m3 me@example.com w@x.test
ok "R7 ... and for what comes now" within 10 tries 3 w
clock +0
ok "R7 back again: all go on" within 10 tries $(($(seen u) + 3)) u
at=$(seen w)
ok "R7 ... and that of the past" within 10 tries $((at + 3)) w
is "H11 nothing was reported" "$(reports)" 0
fake stop a_carrier
is "the carrier ends with 0" "$code" 0

# --- over a restart; the journal has the times of the clock before ---

restart() { # OFFSET NAME
	clock "$1"
	fake carrier a
	for rcpt in u v w; do
		ok "$2: $rcpt is tried" within 10 tries 2 $rcpt
	done
	is "$2: nothing is reported" "$(reports)" 0
	fake stop a_carrier
}
restart +400d "H11 it starts a year ahead"
restart -400d "R7 it starts a year behind"
restart +0 "R7 it starts with the right time again"

# What waits for an hour waits no longer because of a clock.
mx s 'rcpt=451 4.7.1 not yet'
place 1h
fake post a m1 me@example.com u@x.test
clock +400d
fake drain a
is "tried a year ahead" "$(seen u)" 1
clock +0
fake drain a
is "R7 a year back it is not due" "$(seen u)" 1
"$python" - "$work/a/spool/state/journal" <<'END' >"$work/next"
import sys, time
last = open(sys.argv[1]).read().splitlines()[-1].split(" ")
wait = int(last[10 - 1]) / 1000 - time.time()
print("within an hour and a tenth" if 3000 < wait < 4000 else wait)
END
is "R7 ... but in an hour, not in a year" "$(cat "$work/next")" \
	"within an hour and a tenth"
mx s --listen "127.0.0.1:$port"
fake drain a --flush
is "... and is delivered" "$(saved s)" 1

# --- expiry counts by the clock that does not jump ---

mx s 'rcpt=451 4.7.1 not yet'
place 100ms
sed -i 's/expire = "2d"/expire = "2s"/; s/"12h"/"1s"/' "$work/a/waypost.conf"
clock +400d
fake carrier a
fake post a m1 me@example.com u@x.test
clock +0
ok "R7 it expires in spite of a clock set back" within 20 empty a
is "R7 ... with a notice before, and one report" "$(reports)" 2
fake stop a_carrier

ok "no sanitizer complains" sane
done_testing
