#!/bin/sh
# waypostd's life: drain, flush, signals, reloads, faults of the disk, what
# lies in the queue and is none of ours, the log, and doing nothing.
#   23-life.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

place() { # smart host on $port; more configuration on stdin
	rm -rf "$work/a" "$work/a.carrier.log"
	{
		cat <<-END
		smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
		outbound { connect-timeout = "5s" timeout = "30s" }
		queue { retry = { "1h" } }
		END
		cat
	} | instance a
	echo 'example.com local default' >"$work/a/domains"
}

fates() { # NAME; golden on stdin
	cat >"$work/golden"
	tally a s >"$work/fates"
	same "$1" "$work/fates" "$work/golden"
}

logs() { # PATTERN COUNT
	[ "$(grep -cE -- "$1" "$work/a.carrier.log")" -ge "$2" ]
}

# --- --drain, --flush ---

mx s 'rcpt#2=450 4.2.1 busy'
place </dev/null
post a m1 me@example.com u@x.test v@x.test
cat >"$work/a/spool/pickup/p.eml" <<'END'
x-sender: me@example.com
x-receiver: w@x.test
X-Unique: p1.

hello
END
drain a
is "--drain ends with 0" "$code" 0
fates "... behind what was due, the pickup directory's too" <<END
m1 u@x.test: sent
m1 v@x.test: queued
p1 w@x.test: sent
END
drain a
fates "--drain again: nothing is due" <<END
m1 u@x.test: sent
m1 v@x.test: queued
p1 w@x.test: sent
END
carrier a --flush
ok "--flush makes it due" within 10 have_saved s 3
stop a_carrier
is "... and it runs on until it is told to stop" "$code" 0
fates "... once" <<END
m1 u@x.test: sent
m1 v@x.test: sent
p1 w@x.test: sent
END
chmod 777 "$work/a/spool/queue"
drain a
is "I19 a queue that anybody may write to: 78" "$code" 78
ok "I19 ... with the cause" logged a 'queue may be written by anybody'
rm -rf "$work/a/spool"
drain a
is "I19 without a spool directory: 78" "$code" 78
ok "I19 ... with the cause" logged a \
	'no spool directory .*/a/spool'

# --- SIGTERM (J22) ---

mx s dot=hang
place <<END
outbound { per-destination = 5 }
END
sed -i '/^outbound { per/d; s/^outbound {/outbound { per-destination = 5/' \
	"$work/a/waypost.conf"
i=0
while [ $i -lt 12 ]; do # some ride behind a dot, without effect
	i=$((i + 1))
	post a m$i me@example.com u@x.test
done
carrier a
ok "J22 five deliveries hang at the dot" within 20 have_saved s 5
start=$(ms)
stop a_carrier
took=$(($(ms) - start))
ok "J22 SIGTERM: ends in 10 s ($took ms)" [ $took -lt 10000 ]
is "J22 ... with 0" "$code" 0
tally a s >"$work/fates"
is "J22 ... all is queued" "$(grep -c ': queued' "$work/fates")" 12
is "J22 ... five of them were sent" "$(grep -c unsure "$work/fates")" 5
is "J22 ... which the journal knows as unknown" \
	"$(grep -c ' later 0 4.4.2 1 .*unknown' "$work/a/spool/state/journal")" 5
mx s
sed -i "s/\"\[127.0.0.1\]:[0-9]*\"/\"[127.0.0.1]:$port\"/" "$work/a/waypost.conf"
drain a
is "J22 the seven that were not begun are due at once" "$(saved s)" 7
drain a --flush
is "J22 and each is delivered once more, no more" \
	"$(tally a s | grep -c ': sent$')" 12

mx s dot=sleep:1\;ok
place </dev/null
for m in m1 m2 m3; do
	post a $m me@example.com u@x.test
done
carrier a
ok "J22 a slow server has one" within 10 have_saved s 1
start=$(ms)
stop a_carrier
took=$(($(ms) - start))
ok "J22 SIGTERM waits for its answer ($took ms)" [ $took -lt 6000 ]
sent=$(tally a s | grep -c ': sent$')
is "J22 ... and all that was sent is done: no copy is left" \
	"$(tally a s | grep -c 'sent.*queued\|queued.*sent\|unsure')" 0
drain a
is "J22 ... and the rest follows ($sent before)" \
	"$(tally a s | grep -c ': sent$')" 3

mx s greeting=hang
place </dev/null
post a m1 me@example.com u@x.test
carrier a
ok "a connection without a greeting" within 10 [ "$(connections s)" -ge 1 ]
start=$(ms)
stop a_carrier
took=$(($(ms) - start))
ok "... is not waited for ($took ms)" [ $took -lt 3000 ]
is "... and nothing was tried" "$(grep -c ' R ' "$work/a/spool/state/journal")" 0
carrier a
start=$(ms)
kill -INT "$carrier_pid"
ok "SIGINT, too" within 5 gone "$carrier_pid"
stop a_carrier

# --- a second one (J26), reloads (M01, M05, M12) ---

mx s
place </dev/null
carrier a
(
	waypostd a
) </dev/null >"$work/second.log" 2>&1
is "J26 a second waypostd: 75" "$?" 75
ok "J26 ... and says why" grep -q 'another waypostd serves' "$work/second.log"
post a m1 me@example.com u@x.test
ok "J26 the first one works on" within 10 have_saved s 1
kill -HUP "$carrier_pid"
ok "SIGHUP reads the configuration" within 5 logs 'text=reloaded' 1
cp "$work/a/waypost.conf" "$work/good.conf"
echo 'nonsense = 1' >>"$work/a/waypost.conf"
ok "M01 a broken file is told with file and line" within 5 \
	logs "configuration fault=.*waypost.conf:[0-9]+: " 1
ok "M01 ... and changes nothing" within 5 logs 'not reloaded' 1
kill -HUP "$carrier_pid"
ok "M01 ... nor by SIGHUP" within 5 logs 'not reloaded' 2
post a m2 me@example.com u@x.test
ok "M01 mail flows by the old one" within 10 have_saved s 2
echo 'what is this' >>"$work/a/domains"
cp "$work/good.conf" "$work/a/waypost.conf"
ok "M01 a broken table, too" within 5 logs 'fault=.*domains:2: ' 1
echo 'example.com local default' >"$work/a/domains"
ok "and a good one is taken, by watching" within 5 logs 'text=reloaded' 2
fds() {
	find "/proc/$carrier_pid/fd" -type l 2>/dev/null | wc -l
}
quiet() { # its connections are gone
	! find "/proc/$carrier_pid/fd" -lname 'socket:*' | grep -q . ||
		[ "$(find "/proc/$carrier_pid/fd" -lname 'socket:*' | wc -l)" -le "$sockets" ]
}
within 10 grep -q '< QUIT' "$work/s.dialogue"
sockets=$(find "/proc/$carrier_pid/fd" -lname 'socket:*' | wc -l)
before=$(fds)
i=0
while [ $i -lt 40 ]; do
	i=$((i + 1))
	kill -HUP "$carrier_pid"
	post a h$i me@example.com u@x.test
done
ok "M05 forty reloads while mail flows" within 20 have_saved s 42
ok "M05 ... each once" [ "$(tally a s | grep -c 'h[0-9]* u@x.test: sent$')" -eq 40 ]
within 10 quiet
ok "M05 ... and no descriptor is left over" [ "$(fds)" -le $((before + 1)) ]
: >"$work/s.dialogue"
mv "$work/a/spool/pickup" "$work/a/spool/away"
mkdir "$work/a/spool/pickup2"
sed -i 's|/pickup"|/pickup2"|' "$work/a/waypost.conf"
at=$(grep -c 'text=reloaded' "$work/a.carrier.log")
within 5 logs 'text=reloaded' $((at + 1))
printf 'x-sender: me@example.com\nx-receiver: w@x.test\nX-Unique: p2.\n\nx\n' \
	>"$work/p2.tmp"
mv "$work/p2.tmp" "$work/a/spool/pickup2/p2.eml"
ok "a pickup directory that moved is served" within 10 have_saved s 43
stop a_carrier
is "the carrier ends with 0" "$code" 0

# --- the journal cannot be written (I04, I12) ---

mx s
place </dev/null
mkdir "$work/a/spool/state"
if mount -t tmpfs -o size=64k,mode=700 none "$work/a/spool/state" 2>/dev/null; then
	carrier a
	head -c 100000 /dev/zero >"$work/a/spool/state/filler" 2>/dev/null
	post a full me@example.com $(i=100 && while [ $i -lt 190 ]; do
		echo r$i@x.test
		i=$((i + 1))
	done)
	ok "I12 a full disk under the journal is told" within 10 \
		logs 'error .*cannot write the journal \(No space left' 1
	is "I12 ... the message had gone" "$(saved s)" 1
	post a next me@example.com u@x.test
	ok "I04 the next one is taken" within 5 logs ' accepted ' 2
	strace -f -o "$work/halted" -p "$carrier_pid" 2>/dev/null &
	tracer=$!
	within 5 test -e "$work/halted"
	sleep 2 # the measurement
	kill "$tracer"
	wait "$tracer" 2>/dev/null
	ok "I04 ... it does not spin" [ "$(grep -c ' = ' "$work/halted")" -lt 20 ]
	is "I04 ... and does not go" "$(saved s)" 1
	rm "$work/a/spool/state/filler"
	ok "I04 with room again deliveries go on" within 20 have_saved s 2
	ok "I04 ... and say so" logs 'journal can be written again' 1
	ok "I12 everything leaves the queue" within 10 empty a
	stop a_carrier
	is "I12 nothing was sent twice" "$(saved s)" 2
	drain a --flush
	is "I12 ... nor after a restart" "$(saved s)" 2
	umount "$work/a/spool/state"
else
	diag "no mount: the journal is always writable here"
fi

# Once, at each kind of call: never twice while it runs (I11, I12).
shim=$build/tests/crash/fault.so
if [ -e "$shim" ] && ! grep -q asan_init "$build/waypostd"; then
	shimmed() { # NUMBER: the N-th call fails
		rm -rf "$work/a" "$work/s.saved"
		mkdir "$work/s.saved"
		place </dev/null
		post a m1 me@example.com u@x.test
		rm -f "$work/calls"
		LD_PRELOAD=$shim FAULT_DIR=$work/a/spool FAULT_LOG=$work/calls \
			FAULT_MODE=EIO FAULT_AT=$1 DRAIN_TIMEOUT=40 drain a
	}
	unset LD_PRELOAD
	shimmed 0
	sync=$(grep -n 'fdatasync.*journal' "$work/calls" | head -n 1 | cut -d: -f1)
	remove=$(grep -n 'unlink.*/new/' "$work/calls" | head -n 1 | cut -d: -f1)
	for at in ${sync:-} ${remove:-}; do
		export LD_PRELOAD
		shimmed "$at"
		unset LD_PRELOAD FAULT_DIR FAULT_LOG FAULT_MODE FAULT_AT
		is "I11 I12 EIO at $(sed -n "${at}s/^[0-9]* \([a-z]*\).*/\1/p" \
			"$work/calls"): sent once" "$(saved s)" 1
		drain a --flush
		is "... and once it stays" "$(saved s)" 1
		is "... and nothing is queued" "$(queued a)" 0
	done
fi

# --- what lies in the queue ---

mx s
place </dev/null
for m in m1 m2 m3 m4 m5; do
	post a $m me@example.com u@x.test
done
new=$work/a/spool/queue/new
find_batch() {
	grep -l "X-Unique: $1\\." "$new"/*
}
flipped=$(find_batch m2)
sed -i 's/body of m2/b0dy of m2/' "$flipped"
cut=$(find_batch m4)
truncate -s 200 "$cut"
zero=$new/$(basename "$cut" | sed 's/.$/0/')
: >"$zero"
mkdir "$new/folder"
mkfifo "$new/fifo"
ln -s /etc/passwd "$new/link"
echo hello >"$new/README"
carrier a
ok "I05 I14 the others flow" within 10 have_saved s 3
ok "I15 a flipped bit: to corrupt" within 5 \
	test -e "$work/a/spool/corrupt/$(basename "$flipped")"
ok "I14 a cut file: to corrupt" within 5 \
	test -e "$work/a/spool/corrupt/$(basename "$cut")"
ok "I16 an empty file: to corrupt" within 5 \
	test -e "$work/a/spool/corrupt/$(basename "$zero")"
ok "... each of them said" within 5 logs corrupt 3
post a m6 me@example.com u@x.test
ok "... and mail goes on" within 10 have_saved s 4
is "I17 foreign names are told" \
	"$(grep -c '^waypostd: foreign ' "$work/a.carrier.log")" 4
only_foreign() {
	[ "$(cd "$new" && echo *)" = 'README fifo folder link' ]
}
ok "I17 ... and left" within 10 only_foreign
stop a_carrier
tally a s >"$work/fates"
is "INV1: four sent, the others in corrupt" \
	"$(grep -c ': sent$' "$work/fates") $(grep -c 'corrupt' "$work/fates")" '4 2'

# --- the log ---

place </dev/null
mx s 'rcpt=550 5.1.1 "who" = \\ \x1b[0m'
place </dev/null
"$build/sendmail" -C "$work/a/waypost.conf" -oi -f '"a \"b\" c=d"@example.com' \
	'"x y=\"z"@x.test' 2>/dev/null <<END
Subject: $(printf 'x\033[31m') gone id=1 to=all
 waypostd: attempt id=forged
X-Unique: l1.

.
END
cat >"$work/a/spool/pickup/=bad name \"q\".eml" <<'END'
no header here at all, and nobody to send it to
END
drain a
awk '
function word() {
	return match(rest, /^ [a-z-]+=("([^"\\]|\\.)*"|[^ "=]*([\\]["][^ "=]*)*)/)
}
{
	rest = $0
	if (!sub(/^waypostd: [a-z-]+/, "", rest)) { print; next }
	while (word())
		rest = substr(rest, RLENGTH + 1)
	if (rest != "")
		print $0 " -- at: " rest
}' "$work/a.carrier.log" >"$work/odd"
is "N13 every line is an event with key=value" "$(cat "$work/odd")" ""
is "N13 ... in printable ASCII" \
	"$(LC_ALL=C grep -c '[^ -~]' "$work/a.carrier.log")" 0
is "N13 ... and nothing of a subject is in it" \
	"$(grep -c forged "$work/a.carrier.log")" 0
ok "accepted, attempt, gone by one id" awk '
	$2 == "accepted" { id = id == "" ? $3 : id }
	$2 == "attempt" && $3 == id { tried = 1 }
	$2 == "gone" && $3 == id { gone = tried }
	END { exit !gone }' "$work/a.carrier.log"

# --- idle ---

if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	mx s 'rcpt#2=450 4.2.1 busy'
	place </dev/null
	carrier a
	post a m1 me@example.com u@x.test v@x.test
	ok "a message waits for an hour" within 10 have_saved s 1
	ok "... and its connection has idled out" within 10 \
		grep -q 'ended\|< QUIT' "$work/s.dialogue"
	within 10 grep -q '> 221' "$work/s.dialogue"
	asleep() {
		[ "$(cut -d' ' -f3 "/proc/$carrier_pid/stat")" = S ]
	}
	within 5 asleep
	timeout 4 strace -f -o "$work/idle" -p "$carrier_pid" 2>/dev/null
	is "idle: no system call in four seconds" \
		"$(grep -v 'detached\|unfinished\|resumed\|ERESTART' "$work/idle" |
			grep -c ' = ')" 0
	stop a_carrier
fi

ok "no sanitizer complains" sane
done_testing
