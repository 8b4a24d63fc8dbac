#!/bin/sh
# What happens to mail while its destination backs off: no probe for it, but
# its answers in time; and addresses that several destinations share.
#   26-back-off.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
fill=$build/tests/bench/fill

place() { # more of waypost.conf on stdin, the domain table in $table
	rm -rf "$work/a" "$work/a.carrier.log"
	{
		cat
		echo 'outbound { connect-timeout = "5s" timeout = "5s" }'
	} | instance a
	{
		echo 'example.com local default'
		echo "${table:-}"
	} >"$work/a/domains"
}
lines() { # PATTERN: how many of the log
	grep -c -- "$1" "$work/a.carrier.log"
}
at_least() { # COUNT PATTERN
	[ "$(lines "$2")" -ge "$1" ]
}

# --- everybody gets an answer, whoever made the probe ---

dead=$(free_port)
table="x.test remote host=[127.0.0.1]:$dead tls=none"
place <<END
queue { retry = { "1h" } }
END
post a m1 me@example.com u@x.test
carrier a
ok "a host is down" within 10 at_least 1 ' unreachable '
post a m2 me@example.com v@x.test
ok "what comes later has an answer at once" within 10 at_least 1 \
	'attempt .*domain=x.test .*verdict=later .*connect: '
ok "... both have" within 10 at_least 2 'attempt .*domain=x.test .*connect: '
is "... by one probe" "$(lines ' no-session ')" 1
ln -s "$build/sendmail" "$work/mailq"
is "... and mailq says why of both" \
	"$("$work/mailq" -C "$work/a/waypost.conf" | grep -c "connect: ")" 2
stop a_carrier

place <<END
queue { retry = { "100ms", "1s" } delay-notice = "1s" expire = "3s" }
END
"$fill" "$work/a/spool" 400 200 x.test
carrier a
ok "400 for a dead host: all of it ends soon after it expired" within 25 \
	empty a
stop a_carrier
tally a >"$work/fates"
is "... each was returned" "$(lines 'report .*action=failed')" 400
is "... and each had its delay notice" "$(lines 'report .*action=delayed')" 400
ok "... by few probes" [ "$(lines ' no-session ')" -le 12 ]

# --- two destinations, one address ---

table="x.test remote host=[127.0.0.1]:$dead tls=none
y.test remote host=[127.0.0.1]:$dead tls=opportunistic"
place <<END
queue { retry = { "1h" } }
END
post a m1 me@example.com u@x.test
carrier a
ok "an address is down: its breaker opens" within 10 at_least 1 \
	" breaker-open dest=\"address .127.0.0.1.:$dead\" failures=1"
ok "... as the board shows" grep -qa "address .127.0.0.1.:$dead" \
	"$work/a/spool/state/carrier"
post a m2 me@example.com u@y.test
ok "another destination has its answer" within 10 at_least 2 ' unreachable '
is "... and makes no probe" "$(lines ' no-session ')" 1
ok "... which is the address' own" logged a \
	"attempt .*domain=y.test .*verdict=later .*:$dead: connect: "
stop a_carrier

place <<END
queue { retry = { "300ms" } }
END
for i in 1 2 3 4 5; do
	post a x$i me@example.com u@x.test
	post a y$i me@example.com u@y.test
done
carrier a
ok "it stays down: it is probed" within 20 at_least 4 ' breaker-open '
# Before the first failure is known both may have one under way.
probes=$(($(lines ' no-session ') - $(lines ' breaker-open ')))
ok "... by one connection for both" [ $probes -le 1 ]
mx s --listen "127.0.0.1:$dead"
ok "it comes back: everything is delivered" within 20 empty a
stop a_carrier
is "... once each" "$(tally a s | grep -c ': sent$')" 10
is "... and the breaker closed, once" "$(lines ' breaker-closed ')" 1
not_ill() {
	! grep -qa 'address .127' "$work/a/spool/state/carrier"
}
ok "... and the board forgot it" not_ill
stop s

ok "no sanitizer complains" sane
done_testing
