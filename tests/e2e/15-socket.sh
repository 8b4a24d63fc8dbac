#!/bin/sh
# The second way of sendmail: by the listener's unix socket, for callers for
# whom the queue is barred (HAZARDS B24-B26, A17, A21, LIB13).  Needs root,
# to be somebody else.
. "${0%/*}/lib.sh"
[ "$(id -u)" -eq 0 ] || skip 'needs root'
[ -x "$build/waypost-smtpd" ] || skip 'no waypost-smtpd'
owner=54320 user=54321
instance a <<-END
	listen "local" { address = "@PREFIX@/smtp.sock" }
	limits { message-size = "8M" }
END
spool=$work/a/spool
new=$spool/queue/new
mail="$build/sendmail -C $work/a/waypost.conf"
cat >"$work/a/domains" <<-END
	example.com local default
	one.example local maildir=$work/a/boxes/%u
END
mkdir -p "$work/a/boxes/known"
cat >"$work/a/aliases" <<-END
	root: admin@example.org
	boss: admin@example.org
	bad: |/bin/sh
END
chown -R $owner "$spool"
chmod 700 "$spool/queue"
as() { # COMMAND...: a uid without a name, without groups, without set-id
	setpriv --reuid $user --regid $user --clear-groups --no-new-privs "$@"
}
start() {
	: >"$work/smtpd.log"
	spawn smtpd "$build/waypost-smtpd" -C "$work/a/waypost.conf"
	listener=$pid
	within 10 sh -c "grep -q 'listening listener=local' '$work/smtpd.log'" ||
		skip 'waypost-smtpd does not listen'
}
start

# Standard input is $work/in.  The code, how many batches, lines on stderr.
echo hello >"$work/in"
try() { # COMMAND...
	rm -f "$new"/*
	"$@" <"$work/in" >"$work/out" 2>"$work/err"
	state="$? $(files "$new") $(wc -l <"$work/err")"
}
accepted() { # NAME ARGUMENT...
	name=$1
	shift
	try as $mail "$@"
	is "$name" "$state" '0 1 0'
}
refused() { # NAME CODE ARGUMENT...
	name=$1 wanted=$2
	shift 2
	try as $mail "$@"
	is "$name" "$state" "$wanted 0 1"
}
envelope() { # KEY: its values, joined
	sed -n "s/^$1: //p" "$new"/* | sed 's/^[0-9]* [^ ]* [^ ]* //' | xargs -d '\n'
}
message() { # FILE: that of the first batch, without our Received
	"$python" - "$new" >"$1" <<-'END'
		import os, re, sys
		path = os.path.join(sys.argv[1], sorted(os.listdir(sys.argv[1]))[0])
		raw = open(path, "rb").read()
		m = re.match(rb"waypost-batch 1\nM (\d+) (\d+) .*\n", raw)
		at = m.end() + int(m[1])
		text = raw[at:at + int(m[2])]
		out = re.sub(rb"\AReceived: .*\r\n([ \t].*\r\n)*", b"", text)
		assert out != text
		sys.stdout.buffer.write(out)
	END
}

accepted 'B24 LIB13 a uid without a name, NoNewPrivileges' a@b
is 'who it was, by the kernel' "$(envelope source)" "socket uid=$user"
is 'B23 sender' "$(envelope from)" "uid-$user@example.com"
is 'one Received, the listener'\''s' \
	"$(grep -c '^Received: from a.example.com (uid '$user')' "$new"/*) $(grep -c '^Received:' "$new"/*)" '1 1'
accepted '-f' -f me@x a@b
is '-f' "$(envelope from)" me@x
accepted "A09 -f ''" -f '' a@b
is 'A09 null sender' "$(sed -n 's/^from: \(.*\)/[\1]/p' "$new"/*)" '[]'
accepted '-F' -F 'A. B' a@b
ok '-F' grep -q '^From: "A. B" <uid-'$user'@example.com>' "$new"/*
try as $mail -v a@b
is '-v tells the id' "$(sed -n 's/.* Ok: queued as //p' "$work/err")" \
	"$(ls "$new")"
ok '... and that no dialogue is shown' grep -q 'no outcome is shown' "$work/err"
try as $mail -odi a@b
is '-odi does not wait here' "$state" '0 1 1'
ok '... and says so' grep -q 'no outcome is shown' "$work/err"
try as $mail -odq a@b
is '-odq is not for later here' "$state" '0 1 1'
ok '... and says so' grep -q -e '-odq means nothing' "$work/err"

# The same octets as by the direct way, for whatever lies in the input.
cmp_ways() { # NAME ARGUMENT...; the message is in $work/in
	ways=$1
	shift
	try as $mail -f me@x "$@"
	by_socket=$state
	message "$work/by-socket"
	envelope rcpt >"$work/rcpt-by-socket"
	try $mail -f me@x "$@" # root's
	message "$work/by-queue"
	envelope rcpt >"$work/rcpt-by-queue"
	is "$ways: both ways" "$by_socket ${state% *}" '0 1 0 0 1'
	ok "$ways: octets" cmp "$work/by-socket" "$work/by-queue"
	same "$ways: recipients" "$work/rcpt-by-socket" "$work/rcpt-by-queue"
}
given='From: a@b\nDate: Tue, 24 Nov 2026 10:14:09 +0000\nMessage-ID: <m@x>\n'
printf "$given"'Subject: s\n\n.\n..\n.dot\r\nb\366se\n\n.' >"$work/in"
cmp_ways 'dots and octets above ASCII' -i a@b c@d
ok '8BITMIME' grep -q '^body: 8bit' "$new"/*
cmp_ways 'a dot that ends' a@b
printf "$given"'To: t@x, "q, r" <q@x>\nCc: a@b\nBcc: secret@x\n\nhello\n' >"$work/in"
cmp_ways 'A17 -t and an operand' -t a@b
is 'A17 -t with Bcc' "$(envelope rcpt)" 'a@b t@x q@x secret@x'
accepted 'A17 -t' -t
is 'A17 no trace of Bcc' "$(sed '1,/^rcpt: 4/d' "$new"/* | grep -c secret@x)" 0
cmp_ways 'aliases that meet' -t root boss@example.com admin@example.org
cmp_ways 'an address beyond ASCII' 'ü@example.net' a@b
is 'SMTPUTF8' "$(envelope utf8)" yes
"$python" -c 'import sys
out = sys.stdout
out.write("'"$given"'\n")
for i in range(90000):
    out.write("." * (i % 3) + "%076d\n" % i)' >"$work/in"
cmp_ways 'a large one' -i a@b
ok 'a large one is large' [ "$(wc -c <"$work/by-socket")" -gt 6900000 ]
head -c 9000000 /dev/zero | tr '\0' '\n' >"$work/in"
refused 'too large' 69 a@b
echo hello >"$work/in"
accepted 'A25 -V -N -R' -V q1 -N success,failure -R hdrs a@b c@d
is 'A25 by ENVID, RET and NOTIFY' \
	"$(sed -n 's/^\(envid\|ret\|rcpt\): //p' "$new"/* | xargs)" \
	'q1 hdrs 1 success,failure - a@b 2 success,failure - c@d'
accepted '-N never' -N never a@b
is '-N never' "$(sed -n 's/^rcpt: //p' "$new"/*)" '1 never - a@b'

# Refusals; nothing may be queued for anybody.
refused 'A13 a program' 65 '|/bin/sh'
refused 'A14 none' 64
refused 'A15 -t, none' 65 -t
refused 'an alias at fault' 78 a@b bad
refused 'nobody there' 67 a@b unknown@one.example
ok 'nobody there: in the listener'\''s words' \
	grep -q 'waypost-smtpd says 550 5.1.1 ' "$work/err"
accepted 'somebody there' known@one.example
refused 'A21 more than the listener takes' 69 $(seq -f 'r%.0f@x' 1001)
printf 'a\0b\n' >"$work/in"
refused 'C01 NUL' 65 a@b
echo hello >"$work/in"

# A queue that is not there, and one on a file system that is read-only.
sed "s|^spool .*|spool = \"$work/none\"|" "$work/a/waypost.conf" >"$work/a/none.conf"
try "$build/sendmail" -C "$work/a/none.conf" a@b
is 'no queue here' "$state" '0 1 0'
if unshare -m true 2>/dev/null; then
	try unshare -m --propagation private sh -c "mount --bind '$spool' '$spool' &&
		mount -o remount,ro,bind '$spool' && exec $mail a@b"
	is 'B24 ProtectSystem=strict: root, too' "$state" '0 1 0'
	is 'B24 by the socket' "$(envelope source)" 'socket uid=0'
else
	diag 'no mount namespace'
fi
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	rm -f "$new"/*
	ASAN_OPTIONS=detect_leaks=0 strace -f -o "$work/trace" $mail a@b <"$work/in" 2>/dev/null
	is 'B26 the direct way makes no socket' \
		"$(files "$new") $(grep -c 'socket(' "$work/trace")" '1 0'
else
	diag 'no strace'
fi

# -bs: the listener holds the session.
printf '%s\r\n' 'EHLO x' 'MAIL FROM:<me@x>' 'RCPT TO:<a@b>' DATA hello . \
	NOOP QUIT >"$work/in"
try as $mail -bs
is '-bs' "$state" '0 1 0'
is '-bs: who it was' "$(envelope source)" "socket uid=$user"
is '-bs: each answer' "$(tr -d '\r' <"$work/out" | sed '/^250-/d; s/ .*//' | xargs)" \
	'220 250 250 250 354 250 250 221'
printf '%s\r\n' 'EHLO x' 'MAIL FROM:<me@x>' 'RCPT TO:<a@b>' DATA hello >"$work/in"
try as $mail -bs
is '-bs: B18 no end of the message' "$state" '0 0 0'
echo hello >"$work/in"

# A listener that stands still.  Both at once, so that it takes half as long.
stopped=$(cat "/proc/$listener/task/$listener/children")
kill -STOP "$listener" $stopped
began=$(date +%s)
rm -f "$new"/*
as $mail -bs </dev/null >"$work/bs.out" 2>"$work/bs.err" &
bs=$!
try as $mail a@b
is 'B25 a listener that stands still' "$state" '75 0 1'
wait $bs
is 'B25 -bs' "$? $(wc -l <"$work/bs.err") $(cut -c 1-3 "$work/bs.out")" '75 1 421'
ok 'B25 in less than 10 s and some' [ $(($(date +%s) - began)) -le 12 ]
ok 'B25 cause' grep -q 'Connection timed out' "$work/err"
kill -CONT "$listener" $stopped
accepted 'and goes on' a@b

# No listener: at once, with cause and cure.
kill "$listener"
reap "$listener" 20
began=$(date +%s)
refused 'B25 no listener' 75 a@b
ok 'B25 cause and cure' grep -q "queue (Permission denied).*$work/a/smtp.sock: .*start waypost-smtpd.*NoNewPrivileges" "$work/err"
try as $mail -bs
is 'B25 no listener, -bs' "$state $(cut -c 1-3 "$work/out")" '75 0 1 421'
rm -f "$work/a/smtp.sock"
refused 'B25 no socket' 75 a@b
ok 'B25 cause' grep -q "smtp.sock: No such file or directory" "$work/err"
ok 'B25 at once' [ $(($(date +%s) - began)) -lt 5 ]
start
accepted 'and again with one' a@b
done_testing
