#!/bin/sh
# Who may relay: every cell of {recipient} x {listed, not} x {authenticated,
# not} x the four modes, over one live listener; then lists of networks and
# of names (A6-A12, A31, A32).  The rule is written anew in relay_matrix.py.
#   61-relay-matrix.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
"$python" "$top/tests/e2e/relay_matrix.py" "$build" "$work"
