#!/bin/sh
# A changed configuration acts on sessions that are open (A13-A19, F17, M01,
# M04, M05, M09, M12).  What it asserts is in live.py.
#   62-live.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
"$python" "$top/tests/e2e/live.py" "$build" "$work"
