#!/bin/sh
# The installed program: set-gid, called by a user without rights (HAZARDS
# B01-B25, A03).  Needs root; has its own /etc/waypost and spool in a mount
# namespace, so nothing of the system is touched but two empty folders.
[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null || {
	echo '1..0 # SKIP needs root and a mount namespace'
	exit 77
}
[ "${WAYPOST_NAMESPACE:-}" ] || {
	made=
	[ -d /etc/waypost ] || { mkdir /etc/waypost && made=yes; }
	WAYPOST_NAMESPACE=yes unshare -m --propagation private sh "$0" "$@"
	status=$?
	[ ! "$made" ] || rmdir /etc/waypost
	exit $status
}
. "${0%/*}/lib.sh"
nm "$build/sendmail" 2>/dev/null | grep -q __asan_init &&
	skip 'sanitizers are no set-gid programs'
gid=54320 user=54321 other=54322
instance a
spool=$work/a/spool
new=$spool/queue/new
tmp=$spool/queue/tmp
mkdir "$work/etc" "$work/sbin"
cp "$work/a/waypost.conf" "$work/etc/"
mount --bind "$work/etc" /etc/waypost || skip 'cannot mount'
chmod 755 "$work/a" "$spool" "$work/etc"
chgrp -R $gid "$spool/queue"
chmod 3770 "$spool/queue" "$new" "$tmp"
install -m 2755 -g $gid "$build/sendmail" "$work/sbin/sendmail"
ln -s sendmail "$work/sbin/mailq"
ln -s sendmail "$work/sbin/newaliases"
cp /bin/true "$work/sbin/waypostd"
mail=$work/sbin/sendmail

as() { # COMMAND...: as a user without rights, in a folder of nobody
	setpriv --reuid $user --regid $user --clear-groups "$@"
}
[ "$(as "$work/sbin/mailq" 2>&1 | wc -l)" = 1 ] || skip 'set-gid does not work'

try() { # COMMAND...; "hello" on standard input
	rm -f "$new"/*
	echo hello | as "$@" >"$work/out" 2>"$work/err"
	state="$? $(files "$new") $(files "$tmp")"
}
accepted() {
	name=$1
	shift
	try "$@"
	is "$name" "$state" '0 1 0'
}
refused() {
	name=$1 wanted=$2
	shift 2
	try "$@"
	is "$name" "$state" "$wanted 0 0"
}

accepted 'a user without rights' "$mail" a@b
is 'B14 owner and mode' "$(stat -c '%u:%g %a' "$new"/*)" "$user:$gid 640"
is 'B23 no login' "$(sed -n 's/^from: //p' "$new"/*)" "uid-$user@example.com"
accepted 'B23 with -f' "$mail" -f me@x a@b
is 'B23 as said' "$(sed -n 's/^from: //p' "$new"/*)" me@x
is 'N02 cannot list' "$(as ls "$new" 2>/dev/null | wc -l)" 0

printf 'secret line\n' >"$work/secret"
chmod 640 "$work/secret"
chgrp $gid "$work/secret"
refused 'A03 -C of what only the group reads' 64 "$mail" -C "$work/secret" a@b
is 'A03 not a byte of it' "$(grep -c secret "$work/err")" 0
refused 'A03 -C' 64 "$mail" -C "$work/a/waypost.conf" a@b
refused 'A23 -q by a user' 77 "$mail" -q
as "$work/sbin/mailq" >"$work/out" 2>"$work/err"
is 'A18 mailq by a user' "$? $(wc -l <"$work/err") $(wc -c <"$work/out")" '77 1 0'
ok 'newaliases by a user' as "$work/sbin/newaliases"

cat >"$work/evil.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void evil(void)
{
	FILE *f = fopen(EVIL, "w");
	if (f) fclose(f);
}
END
mkdir -m 777 "$work/drop"
gcc -shared -fPIC "-DEVIL=\"$work/drop/evil\"" -o "$work/evil.so" "$work/evil.c"
chmod 644 "$work/evil.so"
accepted 'B01 preload' env "LD_PRELOAD=$work/evil.so" "LD_AUDIT=$work/evil.so" \
	"LD_LIBRARY_PATH=$work" "GCONV_PATH=$work" "$mail" a@b
rm -f "$work/drop/evil" # env itself was caught by it
echo | as env - "$mail" a@b
is 'B01 nothing foreign ran in sendmail' "$(files "$work/drop")" 0
long=$(head -c 8000 /dev/zero | tr '\0' A)
accepted 'B02 tunables' env \
	"GLIBC_TUNABLES=glibc.malloc.mxfast=glibc.malloc.mxfast=$long" "$mail" a@b
accepted 'B03 libraries'\'' variables' env "SSLKEYLOGFILE=$work/drop/k" \
	ALL_PROXY=socks5h://127.0.0.1:1 "OPENSSL_CONF=$work/drop/o" "$mail" a@b
is 'B03 no file' "$(files "$work/drop")" 0
is 'B03 LIB8 what it links' "$(readelf -d "$mail" |
	sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | xargs)" \
	'libc.so.6 libconfuse.so.2'
accepted 'B04 WAYPOST_*' env "WAYPOST_CONFIG=$work/secret" \
	"WAYPOST_SPOOL=$work/drop" MAIL_CONFIG=/tmp "$mail" a@b
accepted 'B05 names' env EMAIL=root@x USER=root LOGNAME=root NAME="x
Bcc: y" HOSTNAME="$long" "$mail" a@b
is 'B05 the uid counts' "$(sed -n 's/^from: //p' "$new"/*)" "uid-$user@example.com"
is 'B05 nothing came in' "$(grep -c Bcc "$new"/*)" 0
accepted 'B06 TZ' env "TZ=$work/secret" LANG=../../x NLSPATH=/x "$mail" a@b
ok 'B06 the date is right' grep -q "^Date: .*$(date +%z)" "$new"/*
accepted 'B07 PATH' env PATH= 'IFS=/' "$mail" a@b
refused 'B08 C14 no standard input' 74 sh -c "exec '$mail' a@b <&-"
accepted 'B08 no output' sh -c "exec '$mail' a@b >&- 2>&-"
is 'B08 no text in the queue file' "$(grep -c 'no waypostd' "$new"/*)" 0
refused 'B09 RLIMIT_FSIZE' 75 sh -c "ulimit -f 0; exec '$mail' a@b"
try sh -c "ulimit -n 3; exec '$mail' a@b"
case $state in '71 0 0' | '75 0 0' | '127 0 0') pass 'B10 RLIMIT_NOFILE 3' ;;
*) fail "B10 $state" ;; esac
bad=
for kib in 2500 2600 2700 2800 2900 3000 3100 3200 3400 3600 4000; do
	try sh -c "ulimit -v $kib; exec '$mail' a@b"
	case $state in
	'71 0 0' | '75 0 0' | '127 0 0' | '0 1 0') ;;
	*) bad="$bad $kib: $state;" ;;
	esac
done
is 'B11 RLIMIT_AS' "$bad" ''
# A long configuration, and each limit that memory may end at while it is read.
cp "$work/etc/waypost.conf" "$work/short"
for i in $(seq 100); do
	echo "listen \"l$i\" { address = \"127.0.0.1:$((20000 + i))\" }"
done >>"$work/etc/waypost.conf"
bad=
for kib in $(seq 2700 40 4400); do
	try sh -c "ulimit -v $kib; exec '$mail' a@b"
	case $state in
	'71 0 0' | '75 0 0' | '127 0 0' | '0 1 0') ;;
	*) bad="$bad $kib: $state;" ;;
	esac
done
is 'B11 RLIMIT_AS, while libconfuse reads' "$bad" ''
cat "$work/short" >"$work/etc/waypost.conf"
accepted 'B13 RLIMIT_NPROC 1' setpriv --reuid $user "$(command -v prlimit)" \
	--nproc=1 "$mail" a@b
for mask in 0777 0000; do
	accepted "B14 umask $mask" sh -c "umask $mask; exec '$mail' a@b"
	is "B14 mode by umask $mask" "$(stat -c '%a' "$new"/*)" 640
done
mkdir -m 777 "$work/gone"
accepted 'B15 no working directory' sh -c \
	"cd '$work/gone'; rmdir '$work/gone' 2>/dev/null || :; exec '$mail' a@b"

# B17: each signal while the message is being read; the draft is on the disk.
for signal in TERM HUP INT QUIT ALRM; do
	rm -f "$new"/*
	mkfifo -m 666 "$work/pipe"
	"$python" - "$mail" "$work/pipe" $user $signal "$tmp" <<-'END' >"$work/out"
		import os, signal, subprocess, sys, time
		mail, pipe, user, name, tmp = sys.argv[1:]
		def drop():
		    os.setgroups([])
		    os.setresgid(*[int(user)] * 3)
		    os.setresuid(*[int(user)] * 3)
		p = subprocess.Popen([mail, "-i", "a@b"], stdin=subprocess.PIPE,
		    stderr=subprocess.DEVNULL, preexec_fn=drop)
		p.stdin.write(b"\n" + b"x\n" * 200000)
		p.stdin.flush()
		for _ in range(200):
		    if os.listdir(tmp):
		        break
		    time.sleep(0.02)
		seen = len(os.listdir(tmp))
		p.send_signal(getattr(signal, "SIG" + name))
		code = p.wait()
		print(seen, code, len(os.listdir(tmp)))
	END
	is "B17 $signal" "$(cat "$work/out") $(files "$new")" '1 75 0 0'
	rm -f "$work/pipe"
done
rm -f "$new"/*
"$python" - "$mail" $user <<-'END' >"$work/out"
	# B19: SIGCHLD ignored, an alarm pending, everything blocked; B21 as well.
	import os, signal, sys
	mail, user = sys.argv[1:]
	r, w = os.pipe()
	os.write(w, b"hello\n")
	os.close(w)
	pid = os.fork()
	if pid == 0:
	    os.setgroups([])
	    os.setresgid(*[int(user)] * 3)
	    os.setresuid(*[int(user)] * 3)
	    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
	    signal.pthread_sigmask(signal.SIG_SETMASK, range(1, 32))
	    signal.alarm(1)
	    os.dup2(r, 0)
	    os.set_inheritable(1, True)
	    for fd in range(3, 200):
	        os.dup2(2, fd, inheritable=True)
	    os.execv(mail, [mail, "a@b"])
	print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
is 'B19 B21 signals and descriptors' "$(cat "$work/out") $(files "$new")" '0 1'

# B20, B22: a caller that stands still shows nothing and holds up nobody.
rm -f "$new"/*
"$python" - "$mail" $user "$tmp" <<-'END' >"$work/out" 2>&1
	import os, signal, subprocess, sys, time
	mail, user, tmp = sys.argv[1:]
	def drop():
	    os.setgroups([])
	    os.setresgid(*[int(user)] * 3)
	    os.setresuid(*[int(user)] * 3)
	p = subprocess.Popen([mail, "-i", "a@b"], stdin=subprocess.PIPE,
	    stderr=subprocess.DEVNULL, preexec_fn=drop)
	p.stdin.write(b"\n" + b"x\n" * 200000)
	p.stdin.flush()
	for _ in range(200):
	    if os.listdir(tmp):
	        break
	    time.sleep(0.02)
	p.send_signal(signal.SIGSTOP)
	print("fds", len(os.listdir("/proc/%d/fd" % p.pid)))
	print("owner", os.stat("/proc/%d/mem" % p.pid).st_uid)
	start = time.monotonic()
	q = subprocess.run([mail, "a@b"], input=b"hello\n",
	    stderr=subprocess.DEVNULL, preexec_fn=drop)
	print("second", q.returncode, time.monotonic() - start < 1)
	p.send_signal(signal.SIGCONT)
	p.stdin.close()
	print("first", p.wait())
END
is 'B20 B21 B22' "$(xargs <"$work/out")" \
	'fds 7 owner 0 second 0 True first 0'
is 'B22 both are queued' "$(files "$new")" 2

# B24, B25 without the listener's socket: at once, with cause and cure.
start=$(date +%s)
refused 'B25 NoNewPrivileges' 75 setpriv --no-new-privs "$mail" a@b
ok 'B25 soon' [ $(($(date +%s) - start)) -lt 10 ]
ok 'B25 says why' grep -q 'NoNewPrivileges' "$work/err"
is 'B25 in one line' "$(wc -l <"$work/err")" 1
as "$mail" a@b </dev/null 2>/dev/null
is 'N03 another user cannot remove' "$(setpriv --reuid $other --regid $gid \
	--clear-groups rm -f "$new"/* 2>&1 | grep -c .)" "$(files "$new")"
# root
rm -f "$new"/*
ok 'root may name a configuration' sh -c \
	"echo hi | '$mail' -C '$work/a/waypost.conf' a@b"
is 'and its file is of the doors'\'' group' "$(stat -c %g "$new"/*)" "$gid"
# A user may wait for the outcome of his own mail, and leaves nothing behind.
rm -f "$new"/*
sed -i '1i smarthost { hosts = { "[127.0.0.1]:9" } tls = none }' "$work/etc/waypost.conf"
spawn waypostd "$build/waypostd"
if within 20 grep -q ': started ' "$work/waypostd.log"; then
	try "$mail" -odi -v a@b
	is '-odi of a user without rights' "$state" '75 1 0'
	ok '... who is told' grep -q 'a@b: stays in the queue' "$work/err"
else
	diag <"$work/waypostd.log"
	fail 'waypostd starts'
fi
kill "$pid"
reap "$pid" 20
ok 'root: -q runs waypostd' "$mail" -q
done_testing
