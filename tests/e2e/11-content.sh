#!/bin/sh
# What comes in on standard input (HAZARDS C01-C18): the bytes that lie in
# the queue, the exit codes, and bounds.
. "${0%/*}/lib.sh"
instance a
new=$work/a/spool/queue/new
tmp=$work/a/spool/queue/tmp
# Standard input is the message; code, queued files and drafts in $state.
send() { # ARGUMENT...
	rm -f "$new"/*
	sendmail a "$@" >"$work/out" 2>"$work/err"
	state="$? $(files "$new") $(files "$tmp")"
}

# The message as it was queued, without its envelope, our Received field and
# what was completed.
message() {
	sed '1,/^rcpt: /d' "$new"/* | sed '1,/^	.*+0000\r*$/d' | sed '$d' |
		sed '/^Date: /d; /^Message-ID: /d; /^From: /d'
}

golden() { # NAME OUTPUT [ARGUMENT...]: standard input to printf's OUTPUT
	name=$1
	printf "$2" >"$work/golden"
	shift 2
	send -f me "$@"
	is "$name: queued" "$state" '0 1 0'
	message >"$work/got"
	same "$name" "$work/got" "$work/golden"
}

refused() { # NAME CODE [ARGUMENT...]
	name=$1 wanted=$2
	shift 2
	send -f me "$@"
	is "$name" "$state $(wc -l <"$work/err")" "$wanted 0 0 1"
}

printf 'A: b\n\nx\0y\n' >"$work/in"
refused 'C01 NUL in the body' 65 a@b <"$work/in"
printf 'A: \0b\n\nx\n' >"$work/in"
refused 'C01 NUL in the header' 65 a@b <"$work/in"
printf 'A: b\r\n\r\nx\ry\r\r\nz\n\r' >"$work/in"
golden 'C02 line ends' 'A: b\r\n\r\nx y\r\nz\r\n\r\n' a@b <"$work/in"
"$python" - "$work/in" "$work/golden-dots" <<-'END'
	import sys
	lines = [b"A: b", b""]
	for n in range(16376, 16396):
	    lines += [b"x" * (n % 97), b".", b"..", b".x" + b"y" * n]
	open(sys.argv[1], "wb").write(b"\n".join(lines) + b"\n")
	open(sys.argv[2], "wb").write(b"\r\n".join(lines) + b"\r\n")
END
send -i -f me a@b <"$work/in"
message >"$work/got"
same 'C03 dots at every place, with -i' "$work/got" "$work/golden-dots"
printf 'A: b\n\n..\n.x\n.\nrest\n' >"$work/in"
golden 'C03 A26 a lone dot ends' 'A: b\r\n\r\n..\r\n.x\r\n' a@b <"$work/in"
golden 'A26 not with -oi' 'A: b\r\n\r\n..\r\n.x\r\n.\r\nrest\r\n' -oi a@b \
	<"$work/in"

# C04, C13: refused at the limit, in little memory, whatever there is to come.
rss() { # largest RSS in KiB of a call that reads this command's output
	"$python" - "$build/sendmail" "$work/a/waypost.conf" "$1" <<-'END'
	import os, resource, subprocess, sys
	source = subprocess.Popen(sys.argv[3], shell=True,
	    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
	p = subprocess.Popen([sys.argv[1], "-C", sys.argv[2], "-i", "-f", "me",
	    "a@b"], stdin=source.stdout, stderr=subprocess.DEVNULL)
	source.stdout.close()
	_, status, usage = os.wait4(p.pid, 0)
	print(os.waitstatus_to_exitcode(status), usage.ru_maxrss < 16384)
	END
}
small='True'
nm "$build/sendmail" 2>/dev/null | grep -q __asan_init && small='[TF].*'
expect() { # NAME CODE COMMAND
	rm -f "$new"/*
	got=$(rss "$3")
	if echo "$got" | grep -qx "$2 $small" && [ "$(files "$new")" = 0 ] &&
		[ "$(files "$tmp")" = 0 ]; then
		pass "$1"
	else
		fail "$1"
		diag "$got"
	fi
}
expect 'C04 a line of 100 MB' 69 'head -c 100000000 /dev/zero | tr "\0" x'
expect 'C04 in the body' 69 \
	'echo; echo; head -c 100000000 /dev/zero | tr "\0" x'
expect 'C05 a header of 10 MB' 65 \
	'printf "A: "; head -c 10000000 /dev/zero | tr "\0" x'
expect 'C05 100000 fields' 65 'yes "A: b" | head -n 100000'
expect 'C13 /dev/zero' 65 'cat /dev/zero'
expect 'C13 yes' 69 'echo; yes'
expect 'a flood of CR' 65 'yes | tr "y\n" "\r\r"'

printf 'no colon here\nTo: x@y\n' >"$work/in"
golden 'C05 no colon in line 1' '\r\nno colon here\r\nTo: x@y\r\n' a@b \
	<"$work/in"
printf 'From a@b Mon Jan  1 00:00:00\nA: b\n\nc\n' >"$work/in"
golden 'C05 From line' 'A: b\r\n\r\nc\r\n' a@b <"$work/in"
printf 'Subject: x\n\tBcc: y@z\nTo: c@d\n\n' >"$work/in"
golden 'C06 folding' 'Subject: x\r\n\tBcc: y@z\r\nTo: c@d\r\n\r\n' -t \
	<"$work/in"
is 'C06 recipients' "$(sed -n 's/^rcpt: .* //p' "$new"/*)" c@d

for what in '(' '"' 'a!' '<@a,' 'g:' ',' '\\(' '(\\'; do
	"$python" -c 'import sys
sys.stdout.write("To: " + sys.argv[1] * 10000 + " a@b\n\n")' "$what" \
		>"$work/in"
	start=$(date +%s%N)
	send -f me -t <"$work/in"
	spent=$((($(date +%s%N) - start) / 1000000))
	case $state in
	'0 1 0' | '65 0 0') [ "$spent" -lt 2000 ] && pass "C07 $what" ||
		fail "C07 $what: $spent ms" ;;
	*) fail "C07 $what: $state" ;;
	esac
done
for to in '|id' /etc/passwd "a$(printf '\033')@b"; do
	printf 'To: %s\n\n' "$to" >"$work/in"
	refused "C08 $(printf %s "$to" | tr '\033' '?')" 65 -t <"$work/in"
done
printf 'To: -x@y\n\n' >"$work/in"
golden 'C08 a dash' 'To: -x@y\r\n\r\n' -t <"$work/in"
golden 'C09 empty' '\r\n' a@b </dev/null
printf 'Subject: x' >"$work/in"
golden 'C10 header only' 'Subject: x\r\n\r\n' a@b <"$work/in"
printf 'A: b\n\nlast' >"$work/in"
golden 'C10 no final newline' 'A: b\r\n\r\nlast\r\n' a@b <"$work/in"
printf 'A: b\n\n\303\244\n' >"$work/in"
golden 'C11 8 bit' 'A: b\r\n\r\n\303\244\r\n' a@b <"$work/in"
is 'C11 said in the envelope' "$(sed -n 's/^body: //p' "$new"/*)" 8bit

echo 'limits { message-size = "1000" }' >>"$work/a/waypost.conf"
line=$(printf '%098d' 0) # 100 octets with its CRLF
{ echo; for i in 1 2 3 4 5 6 7 8 9; do echo "$line"; done; } >"$work/most"
{ cat "$work/most"; printf '%096d\n' 0; } >"$work/in" # 2 + 900 + 98
send -f me a@b <"$work/in"
is 'C12 the limit' "$state" '0 1 0'
{ cat "$work/most"; printf '%097d\n' 0; } >"$work/in"
refused 'C12 one more' 69 a@b <"$work/in"

refused 'C14 a directory' 74 a@b </
refused 'C14 closed' 74 a@b <&-
hops=$(yes 'Received: by x' | head -n 31)
printf '%s\n\nx\n' "$hops" >"$work/in"
sed -i '/message-size/d' "$work/a/waypost.conf"
refused 'C16 hops' 69 a@b <"$work/in"
printf '%s\n\nx\n' "$(yes 'Received: by x' | head -n 30)" >"$work/in"
send -f me a@b <"$work/in"
is 'C16 30 are allowed' "$state" '0 1 0'

resent='Resent-From: a@b\nResent-Date: d\nResent-Message-ID: <r>'
printf "$resent"'\nTo: x@y\nCc: c@d\nBcc: secret@s\nResent-Bcc: too@s\n\nb\n' >"$work/in"
golden 'A17 Bcc without -t' \
	"$(printf "$resent" | sed 's/$/\\r\\n/' | tr -d '\n')"'To: x@y\r\nCc: c@d\r\n\r\nb\r\n' a@b <"$work/in"
send -t <"$work/in"
is 'A17 Resent-Bcc' "$(sed -n 's/^rcpt: .* //p' "$new"/* | xargs)" too@s
is 'A17 INV6' "$(sed '1,/^rcpt/d' "$new"/* | grep -c secret)" 0
printf 'Date: d\nMessage-ID: <m>\nFrom: f\n\n' >"$work/in"
send -F Name a@b <"$work/in"
is 'C17 nothing added' "$(grep -c '^\(Date\|Message-ID\|From\):' "$new"/*)" 3
printf '\n' >"$work/in"
send -F 'J. Doe' -f me a@b <"$work/in"
is 'C17 all added' "$(grep -c '^\(Date\|Message-ID\|From\):' "$new"/*)" 3
ok 'C17 From' grep -q '^From: "J\. Doe" <me@example\.com>' "$new"/*
printf '\nENDx\nwaypost-batch 1\nEND 00000001 0000000000000000 00000000\n' \
	>"$work/in"
golden 'C18 queue records' \
	'\r\nENDx\r\nwaypost-batch 1\r\nEND 00000001 0000000000000000 00000000\r\n' \
	a@b <"$work/in"
done_testing
