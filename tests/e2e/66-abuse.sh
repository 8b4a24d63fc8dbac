#!/bin/sh
# Clients that harm, by will or by fault: idle, slow, deaf, too many, too
# early, foreign; descriptors run out; a worker dies; the service stops
# (H01-H04, D16, D17, D22-D24, F05).  What it asserts is in abuse.py.
#   66-abuse.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
"$python" "$top/tests/e2e/abuse.py" "$build" "$work"
