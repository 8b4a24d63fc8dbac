#!/bin/sh
# The Debian package: built from this tree, clean by lintian, the same files as
# make install; installed by dpkg in a bare Debian 12, where cron's mail then
# arrives; removed and purged, which keeps mail.
#   97-debian.sh BUILD
. "${0%/*}/bare.sh"
for tool in dpkg-buildpackage dh lintian; do
	command -v $tool >/dev/null || skip "no $tool: run contrib/deps package"
done
grep -q AddressSanitizer "$build/sendmail" &&
	skip "no package of a sanitizer's build"

# --- the package ---

mkdir "$work/out" "$work/tree" "$work/deb"
"$top/contrib/debian/build" "$work/out" "$build" >"$work/build.log" 2>&1 ||
	tail -n 20 "$work/build.log" | diag
deb=$(echo "$work"/out/waypost_*.deb)
ok "the package is built" test -f "$deb"
ok "lintian has nothing to say" lintian --allow-root -EvI --pedantic \
	--fail-on error,warning,info,pedantic,experimental \
	"$work"/out/waypost_*.changes

# Debian's own: documents, lintian's and logcheck's files, compressed pages,
# units below lib/; the spool's folders are made by the setup.
listed() { # DIRECTORY
	(cd "$1" && find . ! -type d -printf '%p %m %l\n') |
		sed -e 's/\.gz / /' -e 's|^\./lib/|./usr/lib/|' |
		grep -v -e ^./usr/share/doc/ -e ^./usr/share/lintian/ \
			-e ^./etc/logcheck/ | sort
}
dpkg-deb -x "$deb" "$work/deb"
make -s -C "$top" B="$build" DESTDIR="$work/tree" install >/dev/null
listed "$work/deb" >"$work/in_package"
listed "$work/tree" >"$work/installed"
same "make install makes the same files, with the same modes" "$work/in_package" "$work/installed"
is "... with the same content" "$(cd "$work/tree" && find etc usr/sbin \
	usr/lib/waypost usr/lib/tmpfiles.d -type f \
	! -path 'usr/sbin/*' -exec cmp {} "$work/deb/{}" \; 2>&1)" ""
is "... the package's are root's" "$(dpkg-deb -c "$deb" |
	awk '$2 != "root/root"')" ""
dpkg-deb -e "$deb" "$work/control"
is "the configuration is the administrator's" \
	"$(grep -c '^/etc/waypost/' "$work/control/conffiles")" 2

# --- in a bare Debian ---

need_bare_root
cp "$deb" "$root/waypost.deb"
# A version before, with another waypost.conf.
dpkg-deb -R "$deb" "$work/before"
sed -i 's/^Version: .*/Version: 0.0.1/' "$work/before/DEBIAN/control"
sed -i '/usr\/\|etc\/waypost\/waypost.conf/d' "$work/before/DEBIAN/md5sums"
echo '# of the version before' >>"$work/before/etc/waypost/waypost.conf"
dpkg-deb --root-owner-group -b "$work/before" "$root/before.deb" >/dev/null
spool=$root/var/spool/waypost

ok "dpkg -i" inside dpkg -i /before.deb
is "sendmail is set-gid" "$(inside stat -c '%a %U:%G' /usr/sbin/sendmail)" \
	"2755 root:waydrop"
is "the queue is waypost's and sendmail's" "$(inside stat -c '%a %U:%G' \
	/var/spool/waypost/queue/new)" "3770 waypost:waydrop"
is "secrets are nobody's" "$(inside stat -c '%a %U:%G' \
	/etc/waypost/secrets)" "750 root:waypost"
ok "/etc/aliases is there" grep -q '^postmaster: ' "$root/etc/aliases"
ok "its units are enabled" test -h \
	"$root/etc/systemd/system/multi-user.target.wants/waypostd.service"
ok "... the status page is not" test ! -e \
	"$root/etc/systemd/system/multi-user.target.wants/waypost-serve.service"
is "dpkg is content" "$(inside dpkg --audit)" ""

ok "waypost domain add" inside waypost domain add package.test local default
inside useradd --create-home alice
daemon() {
	exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
spawn carrier daemon waypostd
carrier=$pid
ok "waypostd starts" within 20 grep -q ': started ' "$work/carrier.log"
ok "... not as root" [ "$(stat -c %U "/proc/$carrier")" != root ]
echo '@reboot echo it is done' | inside crontab -u alice -
rm -f "$root/run/crond.reboot"
spawn cron daemon cron -f
arrived() { # TEXT
	grep -rq "$1" "$spool/drop"
}
ok "cron's mail arrives" within 60 arrived '^it is done'
ok "... for the job's owner" arrived '^To: alice'

# --- upgraded, removed, purged ---

echo '# mine' >>"$root/etc/waypost/domains"
echo '# mine' >>"$root/etc/aliases"
inside chmod 2770 /var/spool/waypost/drop
inside chown root:waypost /etc/waypost/waypost.conf
inside chmod 640 /etc/waypost/waypost.conf
chmod 640 "$root/etc/waypost/domains"
chgrp mail "$root/etc/waypost/domains"
inside find /etc/waypost /var/spool/waypost -printf '%m %u:%g %p\n' | sort \
	>"$work/modes"
ok "an upgrade, without a question" inside dpkg -i /waypost.deb </dev/null
inside find /etc/waypost /var/spool/waypost -printf '%m %u:%g %p\n' | sort |
	diff "$work/modes" - | grep '^<' >"$work/changed"
is "... modes and owners stay" "$(grep -v /spool/waypost/state/ \
	"$work/changed")" ''
is "... sendmail is set-gid" "$(inside stat -c '%a %U:%G' /usr/sbin/sendmail)" \
	"2755 root:waydrop"
is "... what is not edited is the new version's" \
	"$(grep -c 'version before' "$root/etc/waypost/waypost.conf")" 0
is "N19 ... modes are kept" "$(inside stat -c '%a %U:%G' \
	/var/spool/waypost/drop /etc/waypost/waypost.conf | xargs)" \
	"2770 waypost:waypost 640 root:waypost"
is "... nothing of the administrator is lost" "$(cat \
	"$root/etc/waypost/domains" "$root/etc/aliases" | grep -c mine)" 2
kill "$carrier"
reap "$carrier" 15
inside sh -c 'echo wait | sendmail later@example.net' 2>/dev/null
ok "dpkg -r" inside dpkg -r waypost
ok "... keeps the configuration" test -f "$root/etc/waypost/waypost.conf"
ok "dpkg -P" inside sh -c 'dpkg -P waypost >/purged'
is "N19 ... keeps the mail that waits" "$(files "$spool/queue/new")" 1
ok "... and says so" grep -q 'there is mail in /var/spool/waypost' \
	"$root/purged"
ok "... and no configuration" test ! -e "$root/etc/waypost"
ok "dpkg -i once more" inside dpkg -i /waypost.deb
ok "... finds it" inside mailq
modes() { # each path of make install, but pages, which Debian compresses
	(cd "$work/tree" && find . -mindepth 1 ! -path '*/man/*' |
		sed 's/^\.//') | sort | inside xargs stat -c '%n %a %U:%G'
}
inside chmod 00750 /var/spool/waypost/drop # as it was
modes >"$work/by_dpkg"
rm -rf "$spool/queue/new/"* "$spool/drop/"* "$spool/badmail/"*
# Traps that waypost's account could have set for root.
mkdir "$root/kept"
: >"$root/kept/file"
inside ln -s /kept /var/spool/waypost/drop/link
inside ln -s /kept/file /var/spool/waypost/state/link
inside rmdir /var/spool/waypost/corrupt
inside ln -s /kept /var/spool/waypost/corrupt
ok "purged without mail" inside dpkg -P waypost
ok "... nothing of it is left" test ! -e "$spool"
ok "N09 ... and nothing else went with it" test -f "$root/kept/file"
ok "make install in its place" inside sh /src/contrib/install /built "" /usr \
	/etc/waypost /var/spool/waypost
modes >"$work/by_make"
same "... the same modes and owners" "$work/by_make" "$work/by_dpkg"
done_testing
