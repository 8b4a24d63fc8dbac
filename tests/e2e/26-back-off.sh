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

ok "no sanitizer complains" sane
done_testing
