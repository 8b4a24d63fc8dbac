# What the scripts about programs that call sendmail share: a root of their
# own, in which the packages of tests/partners are unpacked over this system
# and waypost is installed by contrib/install.  Nothing is installed on the
# system itself.  Use, since mounts, processes and network are private, too:
#
#	. "${0%/*}/callers_enter.sh"
#	. "${0%/*}/lib.sh"
#	. "$top/tests/e2e/callers.sh"
#
# Gives $root with waypostd and waypost-smtpd running in it (a local domain,
# callers.test, and the user alice), and: caller, as, arrives, none_arrives.

[ "${CALLERS_ENTERED-}" ] || skip "no namespaces (not root?)"
need_partner callers
grep -q __asan_init "$build/sendmail" &&
	skip "not with a sanitizer: the callers choose the environment"

# Outside of $work, so that nothing but the kernel ever cleans it up.
root=/mnt/root
drop=$root/var/spool/waypost/drop
mount -t tmpfs -o mode=755 none /mnt || skip "no tmpfs"
mkdir /mnt/above "$root"

layer() { # DIRECTORY: that of the system, below the unpacked one
	mkdir -p "/mnt/above/$1" "/mnt/aside/$1" "$root/$1"
	below=/$1
	[ ! -d "$partners/callers/$1" ] || below=$partners/callers/$1:/$1
	mount -t overlay none -o \
		"lowerdir=$below,upperdir=/mnt/above/$1,workdir=/mnt/aside/$1" \
		"$root/$1"
}

make_root() {
	layer usr && layer etc || return
	for dir in bin sbin lib lib64; do
		ln -s "usr/$dir" "$root/$dir"
		[ ! -d "$partners/callers/$dir" ] ||
			cp -a "$partners/callers/$dir/." "$root/usr/$dir/"
	done
	mkdir "$root/var" "$root/run" "$root/proc" "$root/sys" "$root/dev" \
		"$root/root" "$root/home" "$root/src" "$root/build"
	cp -a "$partners/callers/var/." "$root/var/"
	layer var/lib || return
	mkdir -p "$root/var/log" "$root/var/spool" "$root/var/tmp" \
		"$root/var/mail" "$root/run/lock"
	ln -s ../run "$root/var/run"
	mkdir -m 1777 "$root/tmp" "$root/dev/shm"
	chmod 1777 "$root/var/tmp"
	for node in null:3 zero:5 full:7 random:8 urandom:9; do
		mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
	done
	mknod -m 666 "$root/dev/tty" c 5 0
	mount -t proc none "$root/proc" &&
		mount --bind "$top" "$root/src" &&
		mount --bind "$build" "$root/build"
}

# What Debian's scripts do when the packages are installed.
make_accounts() {
	rm -rf "$root/etc/waypost" "$root/etc/aliases" "$root/etc/nologin"
	chroot "$root" sh -euc '
		for group in crontab; do
			getent group $group >/dev/null || groupadd --system $group
		done
		getent passwd daemon >/dev/null || useradd --system daemon
		useradd --uid 4242 --create-home --shell /bin/sh alice
		echo "alice:secret" | chpasswd
		chgrp crontab /var/spool/cron/crontabs /usr/bin/crontab
		chmod 1730 /var/spool/cron/crontabs
		chmod 2755 /usr/bin/crontab
		touch /var/spool/cron/atjobs/.SEQ
		chmod 600 /var/spool/cron/atjobs/.SEQ
		chown -R daemon:daemon /var/spool/cron/at*
		chmod 1770 /var/spool/cron/at*
		chown daemon:daemon /usr/bin/at
		chmod 6755 /usr/bin/at
		chmod 4755 /usr/bin/sudo
		ln -sf php8.2 /usr/bin/php
		ln -sf bsd-mailx /usr/bin/mail
		ln -sf bsd-mailx /usr/bin/mailx
		rm -rf /var/spool/waypost
		/src/contrib/install /build "" /usr /etc/waypost /var/spool/waypost
	' >"$work/root.log" 2>&1
}

configure() {
	hostname host.callers.test
	echo '127.0.0.1 host.callers.test host localhost' >"$root/etc/hosts"
	echo 'callers.test local default' >"$root/etc/waypost/domains"
	echo 'postmaster: ops' >"$root/etc/aliases"
	cat >"$root/etc/waypost/waypost.conf" <<-END
	hostname = "host.callers.test"
	origin   = "callers.test"
	listen "local" { address = "127.0.0.1:25" }
	END
}

# Run in the root, with the environment of a daemon.
inside() { # COMMAND...
	exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LC_ALL=C.UTF-8 TZ=UTC "$@"
}

# As a user of the root, in the home directory.
as() { # USER COMMAND...
	as_user=$1
	shift
	inside setpriv --reuid="$as_user" --regid="$as_user" --init-groups \
		env HOME="/home/$as_user" USER="$as_user" LOGNAME="$as_user" \
		sh -c 'cd && exec "$@"' sh "$@"
}

# Run a caller to its end: $code, and what it says in $work/caller.out.
caller() { # as USER COMMAND... | inside COMMAND...; behind no pipe
	rm -rf "$work/arrived"
	("$@") >"$work/caller.out" 2>&1
	code=$?
}

# The next message in the drop directory, which is then gone from there, and
# the exit code of the caller, are as stdin says (callers_mail.py).
arrives() { # NAME
	cat >"$work/wanted"
	within 60 some_mail || {
		fail "$1: a message arrives"
		diag <"$work/caller.out"
		diag "exit $code, queued: $(ls "$root/var/spool/waypost/queue/new")"
		return 1
	}
	for mail in "$drop"/*.eml; do
		break
	done
	mv "$mail" "$work/arrived"
	ok "$1" "$python" -B "$top/tests/e2e/callers_mail.py" "$work/arrived" \
		"$code" "$work/wanted"
}

some_mail() {
	ls "$drop"/*.eml
}

# Behind the last message: no other one was sent (INV3).
none_arrives() { # NAME
	caller inside sendmail -oi mark </dev/null
	arrives "$1" <<-END
	exit 0
	rcpt mark@callers.test
	END
}

make_root 2>"$work/root.log" || {
	diag <"$work/root.log"
	skip "no overlay of the root here"
}
make_accounts || {
	diag <"$work/root.log"
	fail "waypost is installed in a root"
	done_testing
}
configure
ip link set lo up
spawn carrier inside waypostd
spawn listener inside waypost-smtpd
within 20 grep -q ': started ' "$work/carrier.log" || {
	diag <"$work/carrier.log"
	fail "waypostd starts"
	done_testing
}
within 20 listening 25 || {
	diag <"$work/listener.log"
	fail "waypost-smtpd starts"
	done_testing
}
