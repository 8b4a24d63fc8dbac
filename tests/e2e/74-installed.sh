#!/bin/sh
# What make install leaves on a system, and what its processes may: owners
# and modes of every path (N01 N07 N14 N19), traps in the spool (N09), flags
# of the programs (N16), who can read secrets (N04 N06), capabilities (N08),
# cores (N20).
#   74-installed.sh BUILD
# In the bare Debian of tests/bare; as root, in namespaces.
. "${0%/*}/bare.sh"
grep -q AddressSanitizer "$build/sendmail" &&
	skip "no installation of a sanitizer's build"

# --- N16: the flags of each program ---

hardened() { # FILE: what it lacks
	readelf -hldW "$1" >"$work/elf"
	readelf -sW --dyn-syms "$1" >"$work/symbols"
	grep -q 'Type: *DYN' "$work/elf" || echo PIE
	grep -q 'GNU_RELRO' "$work/elf" || echo RELRO
	grep -q 'FLAGS_1).*NOW' "$work/elf" || echo BIND_NOW
	grep -q 'GNU_STACK.* RW ' "$work/elf" || echo noexecstack
	grep -q '__stack_chk_fail' "$work/symbols" || echo stack-protector
	grep -q '__[a-z]*_chk@' "$work/symbols" || echo FORTIFY
}
for program in sendmail waypostd waypost-smtpd waypost; do
	is "N16 $program is hardened" "$(hardened "$build/$program" | xargs)" ''
done

# --- N09: the scripts that run as root ---

is 'N09 no script changes what is below a directory' "$(grep -nE \
	'ch(own|mod|grp)[^|;&]* (-[a-zA-Z]*R|--recursive)' \
	"$top/contrib/install" "$top/contrib/setup" "$top"/contrib/debian/* \
	"$top"/contrib/openrc/* 2>/dev/null)" ''

need_bare_root
mkdir "$root/cores"
install_it() {
	inside sh /src/contrib/install /built "" /usr /etc/waypost \
		/var/spool/waypost
}
spool=$root/var/spool/waypost

special() { # files with the set-uid or the set-gid bit
	inside find / -xdev -path /src -prune -o -path /built -prune -o \
		-type f -perm /6000 -printf '%m %u:%g %p\n' | sort
}
special >"$work/before"
ok 'make install, as root' install_it
special >"$work/after"
is 'N07 one more file is privileged, by its group' \
	"$(comm -13 "$work/before" "$work/after")" \
	'2755 root:waydrop /usr/sbin/sendmail'
is 'N07 ... and no fewer' "$(comm -23 "$work/before" "$work/after")" ''

# --- N01: each path ---

make -s -C "$top" B="$build" DESTDIR="$work/tree" install >/dev/null
(cd "$work/tree" && find . -mindepth 1 | sed 's/^\.//') |
	sort >"$work/names"
modes() {
	inside xargs stat -c '%a %U:%G %n %F' <"$work/names"
}
modes >"$work/modes"
is 'N01 every path is there' "$(wc -l <"$work/modes")" \
	"$(wc -l <"$work/names")"
# What is as everywhere: root's, and the world reads it.
awk '$2 == "root:root" {
	if ($4 == "directory" && $1 == 755) next
	if ($4 == "symbolic" && $1 == 777) next
	if ($3 ~ /^\/usr\/sbin\/|waypost\/setup$/) { if ($1 == 755) next }
	else if ($4 == "regular" && $1 == 644) next
}
{ print $1, $2, $3 }' "$work/modes" | sort -k 3 >"$work/table"
sort -k 3 >"$work/golden" <<'END'
750 root:waypost /etc/waypost/secrets
2755 root:waydrop /usr/sbin/sendmail
755 waypost:waypost /var/spool/waypost
700 waypost:waypost /var/spool/waypost/badmail
700 waypost:waypost /var/spool/waypost/corrupt
750 waypost:waypost /var/spool/waypost/drop
1733 waypost:waypost /var/spool/waypost/pickup
3770 waypost:waydrop /var/spool/waypost/queue
3770 waypost:waydrop /var/spool/waypost/queue/new
3770 waypost:waydrop /var/spool/waypost/queue/tmp
700 waypost:waypost /var/spool/waypost/state
END
same 'N01 the table: all else is root:root, 755 or 644' "$work/table" \
	"$work/golden"

# --- N19, N09: again, over what its users made of it ---

inside useradd --create-home alice
inside useradd bob
inside chmod 2770 /var/spool/waypost/drop
inside chown root:waypost /etc/waypost/waypost.conf
inside chmod 640 /etc/waypost/waypost.conf
echo '# mine' >>"$root/etc/waypost/domains"
echo mail >"$spool/queue/new/waits"
ok 'make install once more' install_it
is 'N19 an upgrade keeps modes' "$(inside stat -c '%a %U:%G' \
	/usr/sbin/sendmail /var/spool/waypost/drop \
	/etc/waypost/waypost.conf | xargs)" \
	'2755 root:waydrop 2770 waypost:waypost 640 root:waypost'
is 'N19 ... and content' "$(cat "$spool/queue/new/waits") $(grep -c mine \
	"$root/etc/waypost/domains")" 'mail 1'
inside chmod 750 /var/spool/waypost/drop
rm "$spool/queue/new/waits"

guarded() {
	inside find /root /etc /home/alice -xdev -printf '%m %u:%g %s %p\n' | sort
}
guarded >"$work/before"
as_waypost() {
	inside setpriv --reuid=waypost --regid=waypost --init-groups "$@"
}
as_waypost sh -euc 'cd /var/spool/waypost
	rmdir drop badmail corrupt queue/new queue/tmp queue state
	ln -s /etc drop
	ln -s /root badmail
	ln -s /etc/shadow corrupt
	ln -s /home/alice queue
	ln -s /nonexistent/made-by-root state'
install_it >/dev/null 2>&1 # it may complain
inside sh /usr/lib/waypost/setup >/dev/null 2>&1
guarded >"$work/after"
same 'N09 planted links lead root nowhere' "$work/after" "$work/before"
ok 'N09 ... nor make anything' test ! -e "$root/nonexistent"
as_waypost sh -c 'cd /var/spool/waypost
	rm drop badmail corrupt queue state'
ok 'N09 without them all is as before' install_it
modes | awk '{ print $1, $2, $3 }' | grep /var/spool/waypost |
	sort -k 3 >"$work/table"
grep /var/spool/waypost "$work/golden" | sort -k 3 >"$work/spool"
same '... in the spool' "$work/table" "$work/spool"

# --- N04, N06: who reads what ---

cat >"$root/etc/waypost/waypost.conf" <<'END'
hostname = "host.package.test"
smarthost {
	hosts = { "[127.0.0.1]:9" }
	tls = none
	user = "relay"
	secret-file = "/etc/waypost/secrets/smarthost"
}
listen "loopback" { address = "127.0.0.1:25" tls = starttls }
tls {
	certificate = "/etc/waypost/tls/cert.pem"
	key = "/etc/waypost/tls/key.pem"
}
listen "local" { address = "/run/waypost/smtp.sock" }
END
chown root:root "$root/etc/waypost/waypost.conf"
chmod 644 "$root/etc/waypost/waypost.conf"
mkdir "$root/etc/waypost/tls"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=host.package.test \
	-keyout "$root/etc/waypost/tls/key.pem" \
	-out "$root/etc/waypost/tls/cert.pem" 2>/dev/null
echo 'not-to-be-seen' >"$root/etc/waypost/secrets/smarthost"
inside chown waypost /etc/waypost/secrets/smarthost /etc/waypost/tls/key.pem
chmod 600 "$root/etc/waypost/secrets/smarthost" "$root/etc/waypost/tls/key.pem"
ok 'a user is added' inside sh -c 'echo secret-word | waypost user add joe'
ok 'mail waits' inside setpriv --reuid=alice --regid=alice --clear-groups \
	sh -c 'echo hi | sendmail x@far.test 2>/dev/null'

reads() { # COMMAND...: which of them can be read by a process so started
	inside "$@" sh -c 'for file in /etc/waypost/secrets/smarthost \
		/etc/waypost/tls/key.pem /etc/waypost/users \
		/var/spool/waypost/queue/new/* /var/spool/waypost/state/* \
		/etc/waypost/waypost.conf; do
		! cat "$file" >/dev/null 2>&1 || echo "${file##*/}"
	done' | xargs
}
is 'N04 a user reads no secret' "$(reads setpriv --reuid=alice \
	--regid=alice --clear-groups)" waypost.conf
is 'N04 ... nor with the group of sendmail, where only names are seen' \
	"$(reads setpriv --reuid=alice --regid=waydrop --clear-groups |
		xargs -n 1 | grep -v "^$(ls "$spool/queue/new")$" | xargs)" \
	waypost.conf
is 'N06 what sendmail runs as cannot open a secret that is named to it' \
	"$(inside setpriv --reuid=alice --regid=alice --clear-groups \
	sendmail -C /etc/waypost/secrets/smarthost x@far.test </dev/null \
	2>&1 | grep -c not-to-be)" 0
hidden() { # UNIT: as its sandbox hides files
	sed -n 's/^InaccessiblePaths=//p' "$top/contrib/systemd/$1.service" |
		tr ' ' '\n' | sed 's/^-//'
}
mkdir -m 0 "$root/hidden"
: >"$root/hidden-file"
chmod 0 "$root/hidden-file"
in_unit() { # UNIT COMMAND...: as waypost, without what the unit hides
	unit=$1
	shift
	unshare -m sh -euc 'root=$1 hidden=$2
		shift 2
		for path in $hidden; do
			if [ -d "$root$path" ]; then
				mount --bind "$root/hidden" "$root$path"
			elif [ -e "$root$path" ]; then
				mount --bind "$root/hidden-file" "$root$path"
			fi
		done
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			setpriv --reuid=waypost --regid=waypost --init-groups \
			--bounding-set=-all --inh-caps=-all "$@"' \
		sh "$root" "$(hidden "$unit")" "$@"
}
is 'N06 the sender has its secret, but no key of the listener, no verifiers' \
	"$(in_unit waypostd sh -c 'cd /etc/waypost
	grep -hoE "not-to-be-seen|PRIVATE|joe" secrets/* tls/* users' \
	2>/dev/null)" not-to-be-seen
is 'N05 the listener has no secret of the sender' "$(in_unit waypost-smtpd \
	cat /etc/waypost/secrets/smarthost 2>/dev/null)" ''
spawn sender in_unit waypostd waypostd
ok 'N06 the sender needs no more' within 20 grep -q 'attempt id=' \
	"$work/sender.log"
is '... and misses nothing' "$(grep -cE 'Permission|cannot' \
	"$work/sender.log")" 0
kill "$(pgrep -x waypostd)"
reap "$pid" 15

# --- N08, N14, N20: the processes ---

chmod 777 "$root/cores"
daemon() { # USER COMMAND...
	daemon_as=$1
	shift
	exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		setpriv --reuid="$daemon_as" --init-groups --regid="$daemon_as" \
		sh -c 'ulimit -c unlimited; cd /cores; exec "$@"' sh "$@"
}
capabilities() { # PID: those it has or can get
	sed -n 's/^Cap\(Prm\|Eff\|Inh\|Amb\):\t0*/\1 0/p' "/proc/$1/status" |
		sort | xargs
}
mkdir -p "$root/run/waypost"
inside chown waypost:waypost /run/waypost
touch "$work/stamp"
spawn carrier daemon root waypostd
carrier=$pid
spawn listener daemon root waypost-smtpd
listener=$pid
ok 'waypostd runs' within 20 grep -q ': started ' "$work/carrier.log"
ok 'waypost-smtpd runs' within 20 listening 25
workers=$(pgrep -P "$listener" | xargs)
worker=${workers%% *}
uid=$(inside id -u waypost)
is 'N08 waypostd, started by root, is waypost' "$(sed -n 's/^Uid:\t//p' \
	"/proc/$carrier/status" | xargs)" "$uid $uid $uid $uid"
is 'N08 ... no capability' "$(capabilities "$carrier")" \
	'Amb 0 Eff 0 Inh 0 Prm 0'
is 'N08 the listener'\''s parent: to bind low ports' \
	"$(capabilities "$listener")" 'Amb 0 Eff 0400 Inh 0 Prm 0400'
is 'N08 a worker: none' "$(capabilities "$worker")" 'Amb 0 Eff 0 Inh 0 Prm 0'
is 'N14 no file of a pid, no lock, in /run' "$(find "$root/run" \
	"$root/var/run/" "$root/tmp" "$root/var/lock/" -type f \
	-newer "$work/stamp" | grep -v /utmp)" ''
is 'N14 the lock is where only its daemon comes' "$(inside stat -c '%a %U' \
	/var/spool/waypost/queue/lock)" '640 waypost'

# A program of the same user that is hurt so leaves a core: the test can fail.
crashed() { # NAME PID: the cores that are left
	kill -SEGV "$2"
	within 10 gone "$2" || echo "$1 lives"
	files "$root/cores"
	rm -f "$root/cores"/*
}
spawn control daemon waypost sleep 1000
within 10 sh -c 'grep -q sleep "$1"' sh "/proc/$pid/comm"
if [ "$(crashed control "$pid")" = 1 ]; then
	spawn typing daemon root sh -c 'exec waypost user add jim </fifo'
	typing=$pid
	mkfifo "$root/fifo"
	exec 3<>"$root/fifo"
	within 10 grep -q waypost "/proc/$typing/comm"
	spawn sending daemon alice sh -c 'exec sendmail x@far.test </fifo'
	within 10 grep -q sendmail "/proc/$pid/comm"
	sending=$pid
	is 'N20 B20 sendmail: no core' "$(crashed sendmail "$sending")" 0
	is 'N20 waypost: no core' "$(crashed waypost "$typing")" 0
	is 'N20 a worker: no core' "$(crashed worker "$worker")" 0
	is 'N20 waypost-smtpd: no core' "$(crashed parent "$listener")" 0
	is 'N20 waypostd: no core' "$(crashed waypostd "$carrier")" 0
	: >"$work/carrier.log"
	spawn carrier daemon waypost waypostd
	within 20 grep -q ': started ' "$work/carrier.log"
	is 'N20 waypostd as a service: no core' "$(crashed waypostd "$pid")" 0
	exec 3>&-
else
	pass 'N20 # SKIP no core is written here at all'
fi

# --- N08: with a socket of systemd's ---

if command -v systemd-socket-activate >/dev/null; then
	sed -i '/"local"/d' "$root/etc/waypost/waypost.conf"
	within 10 sh -c '! pgrep -x waypost-smtpd'
	spawn activated systemd-socket-activate -l 127.0.0.1:25 \
		--fdname=loopback chroot "$root" setpriv --reuid=waypost \
		--regid=waypost --init-groups /usr/sbin/waypost-smtpd
	within 10 listening 25
	"$python" -c 'import socket
s = socket.create_connection(("127.0.0.1", 25), 20)
print(s.makefile("rb").readline()[:3].decode())' >"$work/greeting"
	is 'N08 with a socket from systemd: serves' "$(cat "$work/greeting")" 220
	is '... without a capability' "$(capabilities "$pid")" \
		'Amb 0 Eff 0 Inh 0 Prm 0'
fi
done_testing
