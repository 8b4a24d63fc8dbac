#!/bin/sh
# sendmail's command line, rootless (HAZARDS A01-A28): exit codes, one line
# on standard error, and what lies in the queue afterwards.
. "${0%/*}/lib.sh"
instance a
new=$work/a/spool/queue/new
tmp=$work/a/spool/queue/tmp
cat >"$work/a/aliases" <<-END
	root: admin@example.org
	bad: |/bin/sh
END

# Run with "hello" on standard input; the code is in $code.  Nothing may be
# left in tmp/, and a refusal leaves nothing at all and says one line.
try() { # ARGUMENT...
	rm -f "$new"/*
	printf 'Subject: t\n\nhello\n' | sendmail a "$@" >"$work/out" 2>"$work/err"
	code=$?
	state="$code $(files "$new") $(files "$tmp")"
	[ "$code" -eq 0 ] || state="$state $(wc -l <"$work/err")"
}

accepted() { # NAME ARGUMENT...
	name=$1
	shift
	try "$@"
	is "$name" "$state" "0 1 0"
}

refused() { # NAME CODE ARGUMENT...
	name=$1 wanted=$2
	shift 2
	try "$@"
	is "$name" "$state" "$wanted 0 0 1"
}

envelope() { # KEY: its values, joined
	sed -n "s/^$1: //p" "$new"/* | sed 's/^[0-9]* [^ ]* [^ ]* //' | xargs -d '\n'
}

accepted 'A28 an address' user@example.net
is 'A28 envelope' "$(envelope rcpt)" user@example.net
is 'source' "$(sed -n 's/^source: //p' "$new"/*)" "sendmail uid=$(id -u)"
ok 'says that nobody serves the queue' grep -q 'no waypostd is running' "$work/err"
is 'in one line' "$(wc -l <"$work/err")" 1

mkdir "$work/evil"
accepted 'A01 -oQ -X' "-oQ$work/evil" "-X$work/evil/l.php" a@b
accepted 'A02 -O' "-OQueueDirectory=$work/evil" -O "LogFile=$work/evil/l" a@b
accepted 'A04 -D -d -p' "-D$work/evil/d" -d0-99.127 -pSMTP a@b
accepted 'A04 -M' -Mx a@b
refused 'A04 -Mrm' 64 -Mrm a@b
is 'A01 no file made' "$(files "$work/evil")" 0
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	echo | ASAN_OPTIONS=detect_leaks=0 strace -f -o "$work/trace" "$build/sendmail" \
		-C "$work/a/waypost.conf" "-oQ$work/evil" "-X$work/evil/x" \
		"-D$work/evil/d" 'a|sh@h' 2>/dev/null
	is 'A01 no open of a named path' \
		"$(grep -v execve "$work/trace" | grep -c "$work/evil")" 0
	is 'A13 B07 B13 no exec, no fork' \
		"$(grep -cE '(execve|fork|clone3?)\(' "$work/trace")" 1
	is 'two fsyncs' "$(grep -c '^[0-9]* *fsync(' "$work/trace")" 2
else
	diag 'no strace'
fi
for mode in e d t h X; do
	refused "A05 -b$mode" 64 "-b$mode" a@b
done
accepted 'A05 -bm' -bm a@b
cr=$(printf '\r') nl='
' vt=$(printf '\013') esc=$(printf '\033') c1=$(printf '\302\205')
refused 'A06 CRLF in -f' 65 -f "a@b$cr${nl}RCPT TO:<x@y>" a@b
refused 'A06 folding in -f' 65 -f "a@b$cr$nl <x@y>" a@b
for c in "$nl" "$cr" "$vt" "$esc" "$c1"; do
	refused "A07 $(printf %s "$c" | od -An -tx1) in -f" 65 \
		-f "a@b${c}Bcc: x@y" a@b
	refused "A07 $(printf %s "$c" | od -An -tx1) in an address" 65 \
		"a@b$c,x@y"
done
accepted 'A08 CRLF in -F' -F "N$cr${nl}Bcc: e@x" a@b
is 'A08 recipients' "$(envelope rcpt)" a@b
is 'A08 no field' "$(grep -ci '^bcc' "$new"/*)" 0
accepted 'A08 .(' -F '.(' a@b
ok 'A08 quoted' grep -q '^From: "\.("' "$new"/*
refused 'A08 long' 65 -F "$(head -c 100000 /dev/zero | tr '\0' n)" a@b
accepted "A09 -f ''" -f '' a@b
is 'A09 null sender' "$(sed -n 's/^from: \(.*\)/[\1]/p' "$new"/*)" '[]'
accepted "A09 -f '<>'" -f '<>' a@b
is 'A09 null sender' "$(sed -n 's/^from: \(.*\)/[\1]/p' "$new"/*)" '[]'
accepted 'A10 -- -oops@x' -- -oops@x
is 'A10 unchanged' "$(envelope rcpt)" -oops@x
accepted 'A10 -f -x@y' -f -x@y a@b
is 'A10 unchanged' "$(envelope from)" -x@y
accepted 'A11 %0d%0a' 'a%0d%0ab%00@c'
is 'A11 literally' "$(envelope rcpt)" 'a%0d%0ab%00@c'
accepted 'A12 lists' 'a@b, c@d' '"x, y" <e@f>' 'g@h (c)' 'g@h'
is 'A12 count' "$(envelope rcpt)" 'a@b c@d e@f g@h'
for target in '|/bin/sh' /etc/passwd :include:/etc/shadow '"|sh"'; do
	refused "A13 $target" 65 "$target"
done
accepted 'A13 a quoted mailbox elsewhere' '"a|sh"@h'
refused 'A14 none' 64
refused 'A15 -t, none' 65 -t
accepted 'A16 -t and arguments' -t a@b
is 'A19 argc 0' "$("$python" -c 'import os, sys
p = os.fork()
if p == 0:
    import ctypes
    c = ctypes.CDLL(None)
    c.execv(sys.argv[1].encode(), (ctypes.c_char_p * 1)(None))
    os._exit(99)
print(os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]))' "$build/sendmail" 2>/dev/null)" 64
rm -f "$new"/*
"$python" - "$build/sendmail" "$work/a/waypost.conf" >/dev/null 2>"$work/err" <<-'END'
	import os, sys
	os.execv(sys.argv[1], ["%n%s\n" + "x" * 100000, "-C", sys.argv[2], "-Z"])
END
is 'A20 argv[0]' "$(cat "$work/err")" 'sendmail: unknown option -Z'
rcpts=$(seq -f 'r%.0f@x' 10000)
accepted 'A21 10000 recipients' $rcpts
is 'A21 all' "$(grep -c '^rcpt: ' "$new"/*)" 10000
refused 'A21 or nothing' 65 $rcpts 'a@@b'
refused 'A22 100 KB' 65 "$(head -c 100000 /dev/zero | tr '\0' a)@b"
refused 'A25 -V' 64 -V "x$nl" a@b
refused 'A25 -V +00' 64 -V a+00 a@b
refused 'A25 -N' 64 -N bogus a@b
refused 'A25 -R' 64 -R bogus a@b
refused 'A25 -B' 64 -B FOO a@b
accepted 'A25 good ones' -V q1 -N success,failure -R hdrs -B 8BITMIME a@b
is 'A25 kept' "$(sed -n 's/^\(envid\|ret\|rcpt\): //p' "$new"/* | xargs)" \
	'q1 hdrs 1 success,failure - a@b'
accepted 'A27 the ignored' -r x@y -h 3 -U -v -L tag -Ac -G -oem -odb a@b
accepted 'A28 cron' -i -FCronDaemon -B8BITMIME -oem root
is 'alias' "$(envelope rcpt)" admin@example.org
accepted '-n: no alias' -n root
is '-n' "$(envelope rcpt)" root@example.com
refused 'a faulty alias' 78 bad
accepted 'B23 the uid has no login' -f x a@b
cp "$work/a/waypost.conf" "$work/good"
echo 'nonsense = "1"' >>"$work/a/waypost.conf"
accepted 'M10 broken configuration' a@b
ok 'M10 told' grep -q 'waypost.conf:[0-9]*: ' "$work/err"
cp "$work/good" "$work/a/waypost.conf"
mv "$work/a/spool/queue" "$work/a/spool/away"
try a@b
is 'no queue: 75 and a line' "$code $(wc -l <"$work/err")" '75 1'
mv "$work/a/spool/away" "$work/a/spool/queue"
done_testing
