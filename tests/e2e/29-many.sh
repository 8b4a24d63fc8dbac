#!/bin/sh
# Many messages for a dead host beside few for live ones, few connections
# for many destinations (H08, H10), and the order in which a host that comes
# back gets its mail.  All by events; tests/bench/run has the figures.
#   29-many.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
fill=$build/tests/bench/fill

place() { # more of waypost.conf on stdin, the domain table in $table
	rm -rf "$work/a" "$work/a.carrier.log"
	instance a
	{
		echo 'example.com local default'
		echo "${table:-}"
	} >"$work/a/domains"
}
at_least() { # COUNT PATTERN
	[ "$(grep -c -- "$2" "$work/a.carrier.log")" -ge "$1" ]
}

# --- H08: a host that hangs; its probe has not ended when the other is done

mx dead greeting=hang
dead=$port
mx live
table="dead.test remote host=[127.0.0.1]:$dead tls=none
live.test remote host=[127.0.0.1]:$port tls=none"
place <<END
outbound { connect-timeout = "1h" }
END
# More than may be answered at a time (R5).
"$fill" "$work/a/spool" 2500 500 dead.test
post a m1 me@example.com u@live.test
carrier a
ok "H08 2500 for a host that hangs, 1 for a live one: delivered" within 20 \
	have_saved live 1
post a m2 me@example.com u@live.test
ok "... and so is one that comes later" within 20 have_saved live 2
is "... before the first probe has ended" \
	"$(grep -c ' no-session ' "$work/a.carrier.log")" 0
is "... which is one" "$(connections dead)" 1
stop dead
ok "H09 all of them have its answer" within 60 at_least 2500 \
	'attempt .*domain=dead.test .*verdict=later'
is "... once" "$(grep 'attempt .*domain=dead.test' "$work/a.carrier.log" |
	sed 's/.* id=\([^ ]*\) .*/\1/' | sort -u | wc -l) $(grep -c \
	'attempt .*domain=dead.test' "$work/a.carrier.log")" '2500 2500'
is "... by that probe" "$(grep -c ' no-session ' "$work/a.carrier.log")" 1
stop a_carrier

most_at_once() { # SERVER: connections
	awk '/^[0-9]+ = connected/ { n++ }
		n > most { most = n }
		/^[0-9]+ (> 221|= ended)/ { n-- }
		END { print most }' "$work/$1.dialogue"
}

# --- H10: two connections for six destinations, never more

mx f --listen 0.0.0.0:0 # one host, six addresses: it sees them all
table=
for n in 1 2 3 4 5 6; do
	table="$table
f$n.test remote host=[127.0.0.2$n]:$port tls=none"
done
place <<END
outbound { connections = 2 per-destination = 2 }
END
"$fill" "$work/a/spool" 200 200 f1.test
for n in 2 3 4 5 6; do
	for i in 1 2 3 4 5; do
		post a f$n.$i me@example.com u$i@f$n.test
	done
done
carrier a
ok "H10 two connections for six hosts: all is delivered" within 60 \
	have_saved f 225
ok "... the queue is empty" within 20 empty a
stop a_carrier
is "... no attempt failed" \
	"$(grep ' attempt ' "$work/a.carrier.log" | grep -vc verdict=done)" 0
is "... there were never more" "$(most_at_once f)" 2
is "... and who has much lets others go first" "$(awk '/RCPT/ {
		last = /f1.test/ ? "f1" : "other" }
	END { print last }' "$work/f.dialogue")" f1
stop f

# --- H10: three for one destination, over kills and a reload, too

mx g
table="g.test remote host=[127.0.0.1]:$port tls=none"
place <<END
outbound { connections = 50 per-destination = 3 }
END
"$fill" "$work/a/spool" 600 600 g.test
all_ended() { # SERVER: what was killed ends there in its own time
	awk '/^[0-9]+ = connected/ { n++ }
		/^[0-9]+ (> 221|= ended)/ { n-- }
		END { exit n != 0 }' "$work/$1.dialogue"
}
for some in 50 200 350; do
	carrier a
	within 30 have_saved g "$some"
	kill -KILL "$carrier_pid"
	wait "$carrier_pid" 2>/dev/null
	within 20 all_ended g
done
carrier a
kill -HUP "$carrier_pid"
ok "H10 three connections for one destination, killed three times" within 60 \
	empty a
stop a_carrier
is "... there were never more" "$(most_at_once g)" 3
stop g

# --- recovery: one connection first, then more

dead=$(free_port)
table="x.test remote host=[127.0.0.1]:$dead tls=none"
place <<END
queue { retry = { "300ms" } }
outbound { per-destination = 5 }
END
"$fill" "$work/a/spool" 60 200 x.test
carrier a
ok "a host is down" within 20 at_least 2 ' unreachable '
mx x --listen "127.0.0.1:$dead"
ok "it comes back: everything is delivered" within 30 have_saved x 60
ok "... the queue is empty" within 20 empty a
stop a_carrier
# The second connection only once the first was greeted and said EHLO.
awk '/^1 < EHLO/ { ready = 1 }
	/^2 = connected/ { print ready ? "after" : "before"; exit }
	END { if (NR == 0) print "none" }' "$work/x.dialogue" >"$work/order"
ok "one connection first, others behind it" not grep -q before "$work/order"
is "... five at most" "$(connections x | awk '{ print $1 <= 5 }')" 1

ok "no sanitizer complains" sane
done_testing
