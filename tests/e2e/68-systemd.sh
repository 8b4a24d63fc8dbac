#!/bin/sh
# systemd: the units' sandbox (N15: exposure 1.6 at most), and sockets that
# systemd has bound (LISTEN_FDS), by name and by address.
#   68-systemd.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
command -v systemd-analyze >/dev/null || skip "no systemd"

for unit in waypostd waypost-smtpd waypost-serve; do
	ok "N15 $unit.service: exposure" systemd-analyze security \
		--offline=true --threshold=16 \
		"$top/contrib/systemd/$unit.service"
done
for unit in "$top"/contrib/systemd/*.service \
	"$top"/contrib/systemd/*.socket; do
	ok "${unit##*/}: no unknown words" sh -c \
		'! systemd-analyze verify "$1" 2>&1 | grep -i unknown' sh "$unit"
done

activated() { # NAME FDNAME ADDRESS-IN-CONFIGURATION PORT
	instance "$1" <<-END
	smarthost { hosts = { "[127.0.0.1]:9" } tls = none }
	listen "lan" { address = "$3" }
	END
	spawn "$1" systemd-socket-activate -l "127.0.0.1:$4" --fdname="$2" \
		"$build/waypost-smtpd" -C "$work/$1/waypost.conf"
	within 10 listening "$4" || return
	"$python" - "$4" <<-'END'
	import socket, sys
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
	sys.exit(not s.makefile("rb").readline().startswith(b"220 "))
	END
}
if command -v systemd-socket-activate >/dev/null; then
	other=$(free_port)
	port=$(free_port)
	ok "a socket with the listener's name" \
		activated byname lan "127.0.0.1:$other" "$port"
	ok "... and nothing else was bound" sh -c '! "$@"' sh \
		grep -q ":$(printf %04X "$other") 0*:0000 0A" /proc/net/tcp
	port=$(free_port)
	ok "a socket with the listener's address" \
		activated byplace other "127.0.0.1:$port" "$port"
fi
done_testing
