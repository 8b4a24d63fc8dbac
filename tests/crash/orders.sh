#!/bin/sh
# A fault at each call of waypost queue hold, requeue, export and import, and
# of the waypostd that carries orders out.
. "${0%/*}/../e2e/lib.sh"
instance crash <<END
smarthost { hosts = { "[127.0.0.1]:1" } tls = none }
queue { retry = { "1h" } }
END
"$python" -B "$top/tests/crash/orders.py" "$build" "$work/crash"
