#!/bin/sh
# mailq, newaliases and -q, rootless: Postfix's layout, as monitors read it.
. "${0%/*}/lib.sh"
instance a
new=$work/a/spool/queue/new
mkdir "$work/bin"
ln -s "$build/sendmail" "$work/bin/mailq"
ln -s "$build/sendmail" "$work/bin/newaliases"
mailq() {
	"$work/bin/mailq" -C "$work/a/waypost.conf" "$@"
}

is 'an empty queue' "$(mailq)" 'Mail queue is empty'
printf 'hello\n' | sendmail a -f '' user@example.net other@example.net 2>/dev/null
printf 'hello\n' | sendmail a -f me x@y 2>/dev/null
first=$(ls "$new" | head -n 1)
second=$(ls "$new" | tail -n 1)
size() { sed -n 's/^M [0-9]* 0*\([0-9]*\) .*/\1/p' "$new/$1"; }
when() { # in asctime's form, without the year
	LC_ALL=C date -d "@$(sed -n 's/^arrived: \(.*\)...$/\1/p' "$new/$1")" \
		'+%a %b %e %H:%M:%S '
}
{
	echo '-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------'
	printf '%-11s %7d %-20s %s\n' "$first" "$(size "$first")" \
		"$(when "$first")" MAILER-DAEMON
	printf '%42s%s\n' '' user@example.net '' other@example.net
	echo
	printf '%-11s %7d %-20s %s\n' "$second" "$(size "$second")" \
		"$(when "$second")" me@example.com
	printf '%42s%s\n' '' x@y
	echo
	echo '-- 1 Kbytes in 2 Requests.'
} >"$work/golden"
mailq >"$work/got"
same 'two messages' "$work/got" "$work/golden"
sendmail a -bp >"$work/got"
same 'sendmail -bp' "$work/got" "$work/golden"
mailq -v -Ac >"$work/got"
same 'options are ignored' "$work/got" "$work/golden"

# What check_mailq of monitoring-plugins looks for in Postfix's output, and
# the id as other monitors cut it out.
is 'check_mailq: Kbytes in' "$(sed -n 's/.*Kbytes in \([0-9]*\).*/\1/p' "$work/got")" 2
is 'check_mailq: the last line' \
	"$(tail -n 1 "$work/got" | grep -cE '^-- [0-9]+ Kbytes in [0-9]+ Requests?\.$')" 1
is 'ids' "$(grep -cE '^[0-9A-Za-z]+[*!]? +[0-9]+ ' "$work/got")" 2

# With a journal: one recipient is done, another has a reason to wait.
# A record as src/queue/journal.h describes it, with its CRC-32C.
mkdir -p "$work/a/spool/state"
record() { # BATCH RCPT VERDICT CODE ENHANCED NEXT TEXT
	"$python" - "$@" <<-'END'
	import sys
	batch, rcpt, verdict, code, enhanced, later, text = sys.argv[1:]
	rest = f"R 1764000000000 {batch} {rcpt} {verdict} {code} {enhanced} 1 {later} - {text}"
	crc = 0xffffffff
	for byte in rest.encode():
	    crc ^= byte
	    for _ in range(8):
	        crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
	print(f"{crc ^ 0xffffffff:08x} {rest}")
	END
}
{
	echo 'waypost-journal 1'
	record "$first" 1 later 450 4.2.0 1 'an older reason'
	record "$first" 1 done 250 2.0.0 0 ok
	record "$first" 2 later 0 4.4.1 1764000060000 'connect to [192.0.2.1]:25: Connection refused'
	record "$second" 1 never 550 5.1.1 0 'no such user'
} >"$work/a/spool/state/journal"
mailq >"$work/got" 2>"$work/err"
{
	head -n 2 "$work/golden"
	printf '%75s)\n' '(connect to [192.0.2.1]:25: Connection refused' |
		sed 's/^/   /'
	LC_ALL=C date -d @1764000060 '+(next try %a %b %e %H:%M:%S)'
	printf '%42s%s\n' '' other@example.net
	echo
	echo '-- 1 Kbytes in 1 Request.'
} >"$work/golden2"
is 'journal: no complaint' "$(cat "$work/err")" ''
sed 's/^ *(/(/' "$work/got" >"$work/got2"
sed -i 's/^ *(/(/' "$work/golden2"
same 'the journal is heeded' "$work/got2" "$work/golden2"
is 'the next try, too' "$(awk '/next try/ { print length }' "$work/got")" 78
is 'the reason ends in column 78' \
	"$(awk '/Connection refused/ { print length }' "$work/got")" 78
rm "$work/a/spool/state/journal"

# A18: what cannot be understood.
case $first in
*[01]) torn=${first%?}2 empty=${first%?}3 ;;
*) torn=${first%?}0 empty=${first%?}1 ;;
esac
head -c 100 "$new/$first" >"$new/$torn"
printf x >"$new/foreign"
printf 'waypost-batch 1\n' >"$new/$empty"
mailq >"$work/got" 2>"$work/err"
is 'A18 exit 0' "$?" 0
is 'A18 the others' "$(tail -n 1 "$work/got")" '-- 1 Kbytes in 2 Requests.'
ok 'A18 told' grep -q "$torn: " "$work/err"
rm -f "$new/$torn" "$new/$empty" "$new/foreign"
rm -rf "$work/a/spool/queue.away"
mv "$work/a/spool/queue" "$work/a/spool/queue.away"
mailq >"$work/got" 2>"$work/err"
is 'no queue' "$? $(wc -l <"$work/err")" '78 1'
mv "$work/a/spool/queue.away" "$work/a/spool/queue"
if [ -e /dev/full ]; then
	mailq >/dev/full 2>/dev/null
	is 'a full disk' "$?" 74
fi

cat >"$work/a/aliases" <<-END
	root: admin@example.org
	team: root,
	    b@x
END
out=$("$work/bin/newaliases" -C "$work/a/waypost.conf")
is 'newaliases' "$? $out" "0 $work/a/aliases: 2 aliases, 0 faults"
echo 'bad: /etc/passwd' >>"$work/a/aliases"
out=$(sendmail a -bi 2>"$work/err")
is 'a fault' "$? $out" "78 $work/a/aliases: 3 aliases, 1 faults"
ok 'with its line' grep -q "^sendmail: $work/a/aliases:4: " "$work/err"
is 'in one line' "$(wc -l <"$work/err")" 1
rm "$work/a/aliases"
out=$(sendmail a -bi)
is 'no file' "$? $out" "0 $work/a/aliases: 0 aliases, 0 faults"
done_testing
