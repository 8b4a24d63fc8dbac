#!/bin/sh
# waypost queue requeue corrupt/NAME: what is whole of a damaged queue file.
#   44-salvage.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

corrupt=$work/a/spool/corrupt
requeue() { # NAME: output in $work/out, $code
	"$build/waypost" -C "$work/a/waypost.conf" queue requeue "corrupt/$1" \
		>"$work/out" 2>&1
	code=$?
}
did() { # NAME CODE PATTERN
	if [ "$code" -eq "$2" ] && grep -Eq -- "$3" "$work/out"; then
		pass "$1"
	else
		fail "$1"
		{ echo "exit $code"; cat "$work/out"; } | diag
	fi
}
# A queue file of three messages, each for two, as it came to lie in corrupt/;
# made by the text of src/queue/batch.h.  DAMAGE is code about data, the octets,
# and record, where each record line begins.
damaged() { # ID UNIQUE DAMAGE
	mkdir -p "$corrupt"
	"$python" -B - "$top/tests/crash" "$corrupt/$1" "$2" "$3" <<-'END'
	import sys
	sys.path.insert(0, sys.argv[1])
	from batch import MAGIC, crc32c
	def seal(line):
	    return line + b"%08x\n" % crc32c(line)
	data, record = bytearray(MAGIC), []
	for n in (1, 2, 3):
	    env = (b"envelope: 1\nseq: %d\narrived: 1764000000123\n"
	           b"source: test\nfrom: from@example.com\n"
	           b"rcpt: 1 - - u%d@x.test\nrcpt: 2 - - v%d@x.test\n" % (n, n, n))
	    mail = b"X-Unique: %s-%d.\r\n\r\nbody\r\n" % (sys.argv[3].encode(), n)
	    record.append(len(data))
	    data += seal(b"M %08d %012d %08x %08x " % (
	        len(env), len(mail), crc32c(env), crc32c(mail))) + env + mail
	data += seal(b"END %08d %016d " % (3, len(data)))
	exec(sys.argv[4])
	open(sys.argv[2], "wb").write(data)
	END
}
uniques() { # what the server has, in one line
	cat "$work/s.saved"/*.msg 2>/dev/null |
		sed -n 's/^X-Unique: \([^.]*\)\..*/\1/p' | sort | tr '\n' ' '
}
recipients() {
	cat "$work/s.saved"/*.env 2>/dev/null | grep -o '[uv][0-9]@x.test' |
		sort | tr '\n' ' '
}
id=0123456789abcdefgh

mx s
instance a <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
END
drain a

damaged "${id}0" one 'data[data.index(b"one-2")] ^= 1'
cp "$corrupt/${id}0" "$work/one"
requeue "${id}0"
did 'a broken message is left out' 0 \
	"^corrupt/${id}0: 2 messages queued as [0-9a-z]{19}, 1 damaged\$"
ok '... the file stays, and says so' cmp "$work/one" "$corrupt/${id}0.salvaged"
requeue "${id}0"
did '... and is not taken twice' 66 'No such file'
requeue "${id}0.salvaged"
did '... by this name, too' 65 'no name of a queue file'
drain a
is '... the others are sent' "$(uniques)" 'one-1 one-3 '
is '... to all that they are for' "$(recipients)" \
	'u1@x.test u3@x.test v1@x.test v3@x.test '

damaged "${id}1" two 'del data[record[2] + 30:]'
requeue "${id}1"
did 'cut short' 0 ': 2 messages queued as .*, the rest cannot be read: '
damaged "${id}2" three 'data[data.index(b"u1@x.test")] ^= 1'
requeue "${id}2"
did 'a broken envelope' 0 ': 2 messages queued as .*, 1 damaged$'
damaged "${id}3" four 'data[record[1] + 4] ^= 1'
requeue "${id}3"
did 'a broken record line: what is behind it is no record' 0 \
	': 1 message queued as .*, the rest cannot be read: broken record line'
damaged "${id}4" five 'data[-20] ^= 1'
requeue "${id}4"
did 'a broken end' 0 ': 3 messages queued as '
damaged "${id}5" six 'data[4096 - 4096:] = bytes(len(data))'
requeue "${id}5"
did 'zeros' 65 'no start line'
damaged "${id}6" seven 'data[record[0] + 4] ^= 1'
requeue "${id}6"
did 'nothing whole' 65 'no message of it is whole'
ok '... it stays' test -e "$corrupt/${id}6"
requeue ../queue/lock
did 'names only' 65 'no name of a queue file'
requeue "${id}7"
did 'none of this name' 66 'No such file'
drain a
is 'all that was whole is sent' "$(uniques)" \
	'five-1 five-2 five-3 four-1 one-1 one-3 three-2 three-3 two-1 two-2 '
is 'nothing is left in between' "$(files "$work/a/spool/queue/tmp")" 0

# --- found by waypostd, with one recipient done before ---
mx s 'rcpt#2=450 4.2.1 busy'
sed -i "s/\"\[127.0.0.1\]:[0-9]*\"/\"[127.0.0.1]:$port\"/" "$work/a/waypost.conf"
carrier a
post a late from@example.com u1@x.test v1@x.test
late=$(ls "$work/a/spool/queue/new")
tried() { # both recipients, durably
	[ "$(grep -c " $late " "$work/a/spool/state/journal")" -eq 2 ]
}
ok 'one is done' within 10 tried
printf x >>"$work/a/spool/queue/new/$late"
"$build/waypost" -C "$work/a/waypost.conf" queue flush
ok 'waypostd sets it aside' within 10 test -e "$corrupt/$late"
requeue "$late"
did 'requeued beside a waypostd' 0 ': 1 message queued as '
ok '... sent' within 10 have_saved s 2
ok '... from the queue' within 10 empty a
is '... to whom it was still owed' "$(recipients)" 'u1@x.test v1@x.test '
stop a_carrier
ok 'no sanitizer complains' sane
done_testing
