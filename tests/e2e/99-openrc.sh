#!/bin/sh
# The OpenRC scripts, with Debian's openrc in a bare Debian: start, delivery,
# reload, a daemon that dies comes back, stop.
#   99-openrc.sh BUILD
# The bare Debian is tests/bare's, openrc is tests/partners'.
. "${0%/*}/bare.sh"
grep -q AddressSanitizer "$build/sendmail" &&
	skip "no installation of a sanitizer's build"
need_partner openrc
need_bare_root
# /lib and others are symbolic links there.
tar -C "$partners/openrc" -cf - . |
	tar -C "$root" --keep-directory-symlink -xf -
# Of what else is to run before, there is nothing in here.
service() { # SERVICE COMMAND
	inside rc-service --nodeps "$@"
}
inside sh /src/contrib/install /built "" /usr /etc/waypost \
	/var/spool/waypost || skip "make install fails"
for svc in waypostd waypost-smtpd; do
	install -m 755 "$top/contrib/openrc/$svc" "$root/etc/init.d/$svc"
done
# As its init makes it at boot.
for folder in daemons exclusive failed hotplugged inactive options scheduled \
	started starting stopping tmp wasinactive; do
	mkdir -p "$root/run/openrc/$folder"
done
touch "$root/run/openrc/softlevel"
inside waypost domain add package.test local default >/dev/null
ok "rc-update add" inside sh -ec 'rc-update add waypostd default
	rc-update add waypost-smtpd default'

process() { # PROGRAM: its first process
	ps -eo pid=,uid=,args= |
		sed -n "s|^ *\([0-9]*\) *[0-9]* /usr/sbin/$1 .*|\1|p" | head -n 1
}
runs() { # PROGRAM [PID]: with another one
	[ "$(process "$1")" ] && [ "$(process "$1")" != "${2-}" ]
}
for svc in waypostd waypost-smtpd; do
	ok "$svc start" service $svc start
	ok "... it runs" within 20 runs $svc
	ok "... and says so" service $svc status
done
serve() {
	inside waypost status --check | grep -q 'OK - '
}
ok "both serve" within 20 serve
is "waypostd is not root" "$(stat -c %U "/proc/$(process waypostd)")" \
	"$(stat -c %U "$root/var/spool/waypost")"
inside sh -c 'echo it is here | sendmail -f a@package.test b@package.test'
arrived() {
	grep -rq '^it is here' "$root/var/spool/waypost/drop"
}
ok "mail arrives" within 20 arrived
for svc in waypostd waypost-smtpd; do
	before=$(process $svc)
	ok "$svc reload" service $svc reload
	is "... it is the same process" "$(process $svc)" "$before"
	kill -KILL "$before"
	ok "... one that was killed comes back" within 20 runs $svc "$before"
done
ok "both serve again" within 20 serve
for svc in waypostd waypost-smtpd; do
	ok "$svc stop" service $svc stop
	is "... it is gone" "$(process $svc)" ''
done
done_testing
