#!/bin/sh
# sendmail -odq, a message that waits for the next run of the queue, and the
# runs that there are: -q, flush, a start, a drain, and the time.
#   83-queue-only.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
place() { # INTERVAL
	stop a_carrier
	rm -rf "$work/a"
	instance a <<-END
	queue { retry = { "$1" } }
	END
	echo 'example.com local default' >"$work/a/domains"
	drop=$work/a/spool/drop
}
arrived() { # UNIQUE...: exactly these
	[ "$(cat "$drop"/*.eml 2>/dev/null | tr -d '\r' |
		sed -n 's/^X-Unique: \(.*\)\.$/\1/p' | sort | xargs)" = "$*" ]
}

place 1h
carrier a
post a m1 me@example.com -odq u@example.com
post a m2 me@example.com -odb u@example.com
ok '-odb is tried at once' within 20 arrived m2
is '-odq waits' "$(queued a)" 1
is '... as the envelope says' "$(cat "$work/a/spool/queue/new"/* |
	grep -ac '^defer: yes')" 1
ok '-q is a run of the queue' sendmail a -q
ok '... which brings it' within 20 arrived m1 m2
post a m3 me@example.com -odq -odb u@example.com
ok 'the last -od counts' within 20 arrived m1 m2 m3
printf 'Subject: s\nX-Unique: m4.\n\nb\n' |
	sendmail a -odq -v u@example.com >"$work/out" 2>"$work/err"
is '-odq -v waits for nothing' "$? $(wc -c <"$work/out") $(queued a)" '0 0 1'
ok '... and tells the id' grep -q 'queued as' "$work/err"
ok 'flush' "$build/waypost" -C "$work/a/waypost.conf" queue flush
ok '... brings it, too' within 20 arrived m1 m2 m3 m4
post a m5 me@example.com -odq u@example.com
stop a_carrier
is 'it is still there when waypostd ends' "$code $(queued a)" '0 1'
carrier a
ok '... and a start is a run of the queue' within 20 arrived m1 m2 m3 m4 m5
stop a_carrier
post a m6 me@example.com -odq u@example.com
drain a
ok '... and so is a drain' arrived m1 m2 m3 m4 m5 m6

place 100ms
carrier a
post a m1 me@example.com -odq u@example.com
ok 'the first interval of queue.retry ends it' within 20 arrived m1
stop a_carrier
done_testing
