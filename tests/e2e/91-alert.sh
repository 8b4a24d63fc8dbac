#!/bin/sh
# alert { command oldest }: run once when mail waits too long, and again only
# after the queue was young; never when it is empty.
. "${0%/*}/lib.sh"
need_partner postfix
port=$(free_port)
instance a <<-END
	smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
	queue { retry = { "200ms" } }
	alert { command = "echo told >>@PREFIX@/told; env >@PREFIX@/env"
		oldest = "1s" }
END
told() { # N
	[ "$(grep -c told "$work/a/told" 2>/dev/null)" = "$1" ]
}
logs() { # PATTERN N
	[ "$(grep -c "$1" "$work/carrier.log")" -ge "$2" ]
}
spawn carrier "$build/waypostd" -C "$work/a/waypost.conf"
within 20 logs ' started ' 1 || fail 'waypostd starts'
echo x | sendmail a -f me@example.com a@far.test || fail 'sendmail'
ok 'told' within 20 told 1
ok 'logged' within 5 logs ' alert oldest=[1-9]' 1
ok 'its environment is new' within 5 grep -q '^PATH=' "$work/a/env"
is '... and small' "$(grep -c 'TMPDIR\|WAYPOST' "$work/a/env")" 0
# Three more tries later it is still one alert.
tries=$(grep -c ' attempt ' "$work/carrier.log")
within 20 logs ' attempt ' $((tries + 3)) || fail 'tried again'
ok 'once' told 1

# The queue empties; then another message grows old.
smtp_sink "$port"
emptied() {
	[ "$(queued a)" = 0 ]
}
ok 'delivered' within 20 emptied
kill "$pid"
within 10 gone "$pid"
echo x | sendmail a -f me@example.com b@far.test || fail 'sendmail'
ok 'told again' within 30 told 2

# Another command, and one that fails.
sed -i 's|command = .*|command = "echo no >\&2; false"|' "$work/a/waypost.conf"
ok 'a command that fails is logged' within 20 \
	logs 'alert-failed .*said=no' 1
done_testing
