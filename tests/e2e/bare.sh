# For scripts that install waypost in a bare Debian; take it instead of lib.sh,
# which it reads.  Use:
#
#	. "${0%/*}/bare.sh"
#
# It begins the script anew in namespaces of its own, as root, or skips it.
# The network there is loopback.

if [ ! "${WAYPOST_NAMESPACE-}" ] && unshare -mnpuf --mount-proc true 2>/dev/null
then
	export WAYPOST_NAMESPACE=yes
	exec unshare -mnpuf --mount-proc --propagation private --kill-child \
		sh "$0" "$@"
fi
. "${0%/*}/lib.sh"
[ "${WAYPOST_NAMESPACE-}" ] || skip "no namespaces (not root?)"
root=/mnt/root
hostname host.package.test
ip link set lo up

# The Debian of tests/bare at $root, with the source at /src and the programs
# at /built; what is written to it is gone at the end.
bare_root() {
	[ -d "$partners/debian" ] || return
	mount -t tmpfs -o mode=755 none /mnt || return
	mkdir /mnt/above /mnt/aside "$root"
	mount -t overlay none -o \
		"lowerdir=$partners/debian,upperdir=/mnt/above,workdir=/mnt/aside" \
		"$root" || return
	mkdir "$root/src" "$root/built"
	mount -t proc none "$root/proc" && mount --bind "$top" "$root/src" &&
		mount --bind "$build" "$root/built"
}

# Or the script ends here: what it has tested without counts.
need_bare_root() {
	bare_root || {
		pass "in a bare Debian # SKIP none: run tests/bare"
		done_testing
	}
}

inside() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
