# What the scripts of tests/e2e, tests/crash and tests/bench share.  Use:
#
#	. "${0%/*}/../e2e/lib.sh"
#
# with the build directory as $1.  Gives $top, $build and an empty $work that
# vanishes at the end together with every process started by spawn; TAP on
# stdout: ok, is, same, then done_testing.  Everything is POSIX sh.

set -u
export LC_ALL=C
top=$(cd "${0%/*}/../.." && pwd)
build=${1:?usage: $0 BUILD}
case $build in /*) ;; *) build=$(pwd)/$build ;; esac
partners=${WAYPOST_PARTNERS:-/var/cache/waypost-partners}
python=/usr/bin/python3 # Debian's, which has Debian's modules
# Memory will do: what a lost power supply leaves is tests/crash/powercut's.
if [ ! "${TMPDIR-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ]; then
	TMPDIR=/dev/shm
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/waypost-test.XXXXXX")
chmod 755 "$work"
spawned=
tests=0
failures=0

finish() {
	status=$?
	trap - EXIT
	for pid in $spawned; do
		kill "$pid" 2>/dev/null
	done
	for pid in $spawned; do
		reap "$pid" 5
	done
	cd /
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# --- TAP ---

pass() {
	tests=$((tests + 1))
	echo "ok $tests - $*"
}

fail() {
	tests=$((tests + 1))
	failures=$((failures + 1))
	echo "not ok $tests - $*"
}

diag() { # each line of the arguments, or of stdin
	if [ $# -gt 0 ]; then
		printf '%s\n' "$*"
	else
		cat
	fi | sed 's/^/# /'
}

ok() { # NAME COMMAND...
	name=$1
	shift
	if "$@" >"$work/.ok" 2>&1; then
		pass "$name"
	else
		fail "$name"
		diag <"$work/.ok"
	fi
}

is() { # NAME GOT WANTED
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1"
		diag "got:    $2"
		diag "wanted: $3"
	fi
}

same() { # NAME FILE GOLDEN
	if diff -u "$3" "$2" >"$work/.diff" 2>&1; then
		pass "$1"
	else
		fail "$1"
		cat -A "$work/.diff" | diag
	fi
}

skip() { # the whole script; 77 is what a driver without TAP looks at
	echo "1..0 # SKIP $*"
	exit 77
}

done_testing() {
	echo "1..$tests"
	[ "$failures" -eq 0 ]
	exit
}

# --- waiting for events ---

# Does the command succeed within so many seconds?
within() { # SECONDS COMMAND...
	turns=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$turns" -gt 0 ] || return 1
		turns=$((turns - 1))
		sleep 0.05
	done
}

alive() {
	kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status"
}

gone() {
	! alive "$1"
}

reap() { # PID SECONDS: killed after that
	within "$2" gone "$1" || kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# Asks the kernel, so that the server sees no connection.
listening() { # PORT
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		grep -q ":$(printf %04X "$1") 0*:0000 0A"
}

free_port() {
	"$python" -B "$top/tests/e2e/free_port.py"
}

files() { # DIRECTORY: how many
	find "$1" -type f 2>/dev/null | wc -l
}

# --- processes ---

# Start in the background, output to $work/NAME.log; the pid is in $pid.
spawn() { # NAME COMMAND...
	spawn_log=$work/$1.log
	shift
	"$@" </dev/null >>"$spawn_log" 2>&1 &
	pid=$!
	spawned="$spawned $pid"
}

# --- the unpacked mailers of tests/partners ---

have_partner() { # PACKAGE...
	for package in "$@"; do
		[ -d "$partners/$package" ] || return 1
	done
}

need_partner() {
	for package in "$@"; do
		have_partner "$package" ||
			skip "no $package unpacked: run tests/partners"
	done
}

# Run a program of a package where it was unpacked.  In a function, so spawn
# works with it; the shell's child becomes the program.
partner() { # PACKAGE PATH [ARGUMENT...]
	partner_root=$partners/$1
	partner_program=$partner_root/$2
	shift 2
	partner_libs=$partner_root/usr/lib/postfix
	for dir in "$partner_root"/usr/lib/*-linux-gnu* \
		"$partner_root"/lib/*-linux-gnu*; do
		[ -d "$dir" ] && partner_libs=$partner_libs:$dir
	done
	exec env LD_LIBRARY_PATH="$partner_libs" "$partner_program" "$@"
}

# postfix's sink on 127.0.0.1:PORT.  With "-d FILE." each message goes to a
# file of its own: X-Mail-Args, X-Rcpt-Args lines, then the message.
smtp_sink() { # PORT [OPTION...]
	sink_port=$1
	shift
	sink_user=
	if [ "$(id -u)" -eq 0 ]; then
		sink_user='-u nobody'
		chmod 777 "$work"
	fi
	spawn sink partner postfix usr/sbin/smtp-sink $sink_user "$@" \
		"127.0.0.1:$sink_port" 1024
	within 10 listening "$sink_port" || skip "smtp-sink does not start"
}

# --- waypost in a place of its own ---

# Make $work/NAME with a spool and waypost.conf, rootless; more of the
# configuration on stdin (may hold @PREFIX@, replaced by $work/NAME).
instance() { # NAME
	prefix=$work/$1
	mkdir -p "$prefix/spool/queue/tmp" "$prefix/spool/queue/new" \
		"$prefix/spool/pickup" "$prefix/spool/drop"
	: >"$prefix/domains"
	: >"$prefix/aliases"
	cat >"$prefix/waypost.conf" <<-END
	hostname   = "$1.example.com"
	origin     = "example.com"
	postmaster = "postmaster@example.com"
	aliases    = "$prefix/aliases"
	domains    = "$prefix/domains"
	spool      = "$prefix/spool"
	pickup { directory = "$prefix/spool/pickup" }
	drop   { directory = "$prefix/spool/drop" }
	END
	sed "s|@PREFIX@|$prefix|g" >>"$prefix/waypost.conf"
}

sendmail() { # NAME [ARGUMENT...]: through the instance's door
	sendmail_conf=$work/$1/waypost.conf
	shift
	"$build/sendmail" -C "$sendmail_conf" "$@"
}

waypostd() { # NAME [ARGUMENT...]: in the foreground
	waypostd_conf=$work/$1/waypost.conf
	shift
	exec "$build/waypostd" -C "$waypostd_conf" "$@"
}

queued() { # NAME: how many batches
	files "$work/$1/spool/queue/new"
}
