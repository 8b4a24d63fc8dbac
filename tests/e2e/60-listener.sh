#!/bin/sh
# The listener itself: basic dialogs, limits, queue contents, TLS, AUTH, the
# unix socket, several workers.  What it asserts is in listener.py.
#   60-listener.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
"$python" "$top/tests/e2e/listener.py" "$build" "$work"
