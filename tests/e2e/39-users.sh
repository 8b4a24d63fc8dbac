#!/bin/sh
# Users of this host at the listener's unix socket: one who opens thousands of
# connections and never reads has his share, and others are served (H19).
# Needs root, to be several users.
#   39-users.sh BUILD
. "${0%/*}/lib.sh"
[ "$(id -u)" -eq 0 ] || skip 'needs root'
[ -x "$build/waypost-smtpd" ] || skip 'no waypost-smtpd'
chmod 711 "$work"
"$python" "$top/tests/e2e/users.py" "$build" "$work"
