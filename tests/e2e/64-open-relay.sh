#!/bin/sh
# The ways around a relay rule that are known: G01-G28, nmap's pairs of
# sender and recipient, MAPS' and abuse.net's.  See open_relay.py.
#   64-open-relay.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
"$python" "$top/tests/e2e/open_relay.py" "$build" "$work"
