#!/bin/sh
# Files in directories that belong to the whole system, like /etc/aliases, are
# replaced, and sessions that are open live on (A13, A17, M09).  What it
# asserts is in replaced.py.
#   73-replaced.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
"$python" "$top/tests/e2e/replaced.py" "$build" "$work"
