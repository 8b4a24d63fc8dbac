#!/bin/sh
# Noise on every socket that a daemon has, and who is behind a unix socket
# (N10, N11).  What it asserts is in sockets.py.
#   82-sockets.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
"$python" "$top/tests/e2e/sockets.py" "$build" "$work"
