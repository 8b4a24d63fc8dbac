#!/bin/sh
# Where a message ends: E01-E20 on the wire, in both policies, and DATA in a
# pipeline.  What it asserts is in smuggling.py.
#   63-smuggling.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
"$python" "$top/tests/e2e/smuggling.py" "$build" "$work"
