#!/bin/sh
# A sendmail that is killed or stopped while it writes, and a spool that is
# restored from a copy: B12, B16, I18.
#   59-stopped.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
instance a <<-END
	limits { message-size = "2G" }
END
echo 'example.com local default' >"$work/a/domains"
spool=$work/a/spool
age() { # FILE...: older than any writer may become
	touch -d '3 days ago' "$@"
}

# --- B12: the kernel ends it, for its use of the processor ---

yes x | prlimit --cpu=1 "$build/sendmail" -C "$work/a/waypost.conf" -i \
	u@example.com 2>"$work/err"
is 'B12 RLIMIT_CPU: killed, not accepted' "$? $(queued a)" '137 0'
is 'B12 ... in the middle of a file' "$(files "$spool/queue/tmp")" 1
drain a
is 'B12 a young one is left alone' "$(files "$spool/queue/tmp")" 1
age "$spool/queue/tmp"/*
drain a
is 'B12 an old one goes' "$(files "$spool/queue/tmp") $(queued a)" '0 0'
is 'B12 nothing of it was delivered' "$(files "$spool/drop")" 0
ok 'B12 the log says so' grep -q 'torn id=' "$work/a.carrier.log"

# --- B16: it stands still for days, then goes on ---

mkfifo "$work/input"
"$build/sendmail" -C "$work/a/waypost.conf" -i u@example.com \
	<"$work/input" 2>"$work/err" &
writer=$!
exec 3>"$work/input"
{
	printf 'Subject: s\nX-Unique: b16.\n\n'
	yes line | head -n 100000
} >&3
written() {
	[ "$(find "$spool/queue/tmp" -type f -size +64k)" ]
}
ok 'B16 half a message is written' within 20 written
kill -STOP "$writer"
age "$spool/queue/tmp"/*
drain a
is 'B16 the cleaner leaves it to its writer' "$(files "$spool/queue/tmp")" 1
kill -CONT "$writer"
echo last >&3
exec 3>&-
wait "$writer"
is 'B16 then it is accepted' "$? $(queued a)" '0 1'
drain a
is 'B16 ... and valid' "$(grep -c '^line' "$spool/drop"/*.eml) $(tail -n 1 \
	"$spool/drop"/*.eml | tr -d '\r')" '100000 last'

# --- I18: the spool from a backup ---

rm -f "$spool/drop"/*
cat >"$work/a/domains" <<-END
	example.com local default
	busy.test remote host=[127.0.0.1]:$(free_port) tls=none
END
post a m1 me@example.com u@example.com
post a m2 me@example.com u@example.com
post a m3 me@example.com v@busy.test u@example.com
drain a # the journal knows of three, m3 waits for one
is 'I18 three were delivered' "$(files "$spool/drop")" 3
post a m4 me@example.com u@example.com
cp -a "$spool" "$work/backup"
rm -rf "$spool"
cp -a "$work/backup" "$spool"
rm -f "$spool/drop"/*
drain a
is 'I18 restored by cp -a: what was queued is delivered' \
	"$(cat "$spool/drop"/* | grep -c '^X-Unique: m4')" 1
is 'I18 ... what was delivered is not again' "$(files "$spool/drop")" 1
is 'I18 ... what was put off still waits' \
	"$("$build/sendmail" -C "$work/a/waypost.conf" -bp | grep -c v@busy.test)" 1
done_testing
