#!/bin/sh
# A fault at each call that waypostd makes on the spool and the network while
# it delivers to a recording server.
. "${0%/*}/../e2e/lib.sh"
need_partner postfix
port=$(free_port)
mkdir -m 777 "$work/sink"
smtp_sink "$port" -d "$work/sink/m."
instance crash <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
END
echo 'example.com local default' >"$work/crash/domains"
"$python" -B "$top/tests/crash/deliver.py" "$build" "$work/crash" "$work/sink"
