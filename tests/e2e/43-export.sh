#!/bin/sh
# waypost queue export and import: the mail of a dead host, on another one.
#   43-export.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

queue() { # INSTANCE WORD...: errors in $work/err, $code
	queue_conf=$work/$1/waypost.conf
	shift
	"$build/waypost" -C "$queue_conf" queue "$@" 2>"$work/err"
	code=$?
	return "$code"
}
did() { # NAME CODE PATTERN: of standard error, or $work/out
	if [ "$code" -eq "$2" ] &&
		cat "$work/err" "$work/out" 2>/dev/null | grep -Eq -- "$3"; then
		pass "$1"
	else
		fail "$1"
		{ echo "exit $code"; cat "$work/err" "$work/out"; } | diag
	fi
}
takes() { # INSTANCE FILE
	queue "$1" import <"$2" >"$work/out"
}
each_once() { # COUNT: what the server got
	cat "$work/s.saved"/*.msg | sed -n 's/^X-Unique: //p' | sort |
		uniq -c | awk '$1 != 1 { bad = 1 } END { print bad + 0, NR }'
}

# A host that could not deliver, and stopped: a hundred messages; one has a
# recipient that is done, one is held.
mx s 'rcpt#2=450 4.2.1 busy'
instance a <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
END
instance b <<END
smarthost { hosts = { "[127.0.0.1]:1" } tls = none }
END
post a m1 from@example.com done@x.test open@x.test
drain a
stop s
post a m2 from@example.com held@x.test
queue a hold --to held@x.test >"$work/out"
drain a
for i in $(seq 3 101); do
	post a "m$i" from@example.com "u$i@x.test"
done
is 'queued for a dead host' "$(queued a)" 101

carrier a
queue a export >"$work/none"
did 'no export while waypostd runs' 69 'waypostd runs there'
stop a_carrier
is '... and nothing is written' "$(files "$work/none"):$(wc -c <"$work/none")" 1:0

cp -a "$work/a/spool" "$work/before"
queue a export >"$work/parcel"
did 'export' 0 'exported: 100 messages, 100 recipients'
did '... without what is held' 0 '1 held recipient was left out'
ok '... changes nothing in the queue' diff -r "$work/before/queue/new" \
	"$work/a/spool/queue/new"
queue a export --held >"$work/all"
did '... with it, if asked' 0 'exported: 101 messages, 101 recipients'
queue a list --held >"$work/out"
did '--held is for export' 64 usage

# --- what is no whole export ---
size=$(wc -c <"$work/parcel")
for n in 0 1 40 $((size / 2)) $((size - 39)) $((size - 1)); do
	head -c "$n" "$work/parcel" >"$work/cut"
	takes b "$work/cut"
	did "cut at $n octets" 65 'nothing was taken'
	cat "$work/cut" | queue b import >"$work/out"
	code=$?
	did '... by a pipe' 65 'nothing was taken'
done
"$python" - "$work/parcel" "$work" <<'END'
import sys
data = open(sys.argv[1], "rb").read()
for n, at in enumerate((20, 60, len(data) // 3, len(data) - 20)):
    flipped = bytearray(data)
    flipped[at] ^= 1
    open("%s/flip.%d" % (sys.argv[2], n), "wb").write(flipped)
open(sys.argv[2] + "/twice", "wb").write(data + data)
END
for file in "$work"/flip.* "$work/twice"; do
	takes b "$file"
	did "${file##*/}: not the octets that were written" 65 'nothing was taken'
done
is '... and nothing is queued' "$(queued b)" 0
is '... nor left behind' "$(files "$work/b/spool/queue")" 0

# --- the other host ---
mx s
sed -i "s/:1\"/:$port\"/" "$work/b/waypost.conf"
"$build/waypost" -C "$work/a/waypost.conf" queue export 2>/dev/null |
	"$build/waypost" -C "$work/b/waypost.conf" queue import \
		>"$work/out" 2>"$work/err"
code=$?
did 'export | import' 0 '^imported: 100 messages, 100 recipients$'
is '... each is queued, under its id' \
	"$(ls "$work/b/spool/queue/new" | while read -r id; do
		[ -e "$work/a/spool/queue/new/$id" ] && echo; done | wc -l)" 100
is '... as what sendmail queues' \
	"$(find "$work/b/spool/queue/new" -type f ! -perm 640 | wc -l)" 0
takes b "$work/parcel"
did 'once more: they are here' 0 \
	'imported: 0 messages, 0 recipients; 100 files were here before'
is '... and not doubled' "$(queued b)" 100

# --- half of it only, as if the disk had been full: repeated ---
for id in $(ls "$work/b/spool/queue/new" | sed -n '1~2p'); do
	rm "$work/b/spool/queue/new/$id"
done
takes b "$work/parcel"
did 'half an import, repeated' 0 'imported: 50 messages.*; 50 files were'
is '... is whole' "$(queued b)" 100
# A copy that a killed import left is settled, not doubled.
id=$(ls "$work/b/spool/queue/new" | sed -n 7p)
mv "$work/b/spool/queue/new/$id" "$work/b/spool/queue/tmp/$id"
takes b "$work/parcel"
did 'a file in the way is settled' 0 'imported: 0 messages'
is '... is queued' "$(queued b):$(files "$work/b/spool/queue/tmp")" 100:0

drain b
ok 'all are delivered' empty b
is '... each once' "$(each_once)" '0 100'
is '... to whom it was still owed' \
	"$(cat "$work/s.saved"/*.env | grep -c 'done@x.test')" 0
takes b "$work/parcel"
did 'what was delivered is not taken again' 0 \
	'imported: 0 messages, 0 recipients; 100 files were here'
drain b
is '... nor sent' "$(saved s)" 100

# --- an empty queue, and removal ---
queue a remove --all --purge >"$work/out"
drain a
is 'the old host forgets it' "$(queued a)" 0
queue a export >"$work/empty"
did 'nothing to export' 0 'exported: 0 messages'
takes b "$work/empty"
did '... is imported' 0 'imported: 0 messages'

# --- a damaged file does not stop the rest ---
post a n1 from@example.com u1@x.test
post a n2 from@example.com u2@x.test
id=$(ls "$work/a/spool/queue/new" | head -1)
sed -i 's/body of n1/body of N1/' "$work/a/spool/queue/new/$id"
queue a export >"$work/parcel"
did 'a damaged file is left out, loudly' 65 "$id: left out: "
takes b "$work/parcel"
did '... and the rest is good' 0 'imported: 1 message, 1 recipient'

if [ "$(id -u)" -eq 0 ]; then
	chmod 755 "$work" "$work/b"
	chown -R mail:mail "$work/b/spool"
	rm -f "$work/b/spool/queue/new"/*
	takes b "$work/parcel"
	did 'as root' 0 'imported: 1 message'
	is '... for the owner of the spool' \
		"$(stat -c %U "$work/b/spool/queue/new"/*)" mail
fi
ok 'no sanitizer complains' sane
done_testing
