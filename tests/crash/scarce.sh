#!/bin/sh
# No memory, at each of the allocations (POINTS=0: all) that the daemons make
# while they start, read their configuration, take a message and deliver one.
. "${0%/*}/../e2e/lib.sh"
need_partner postfix
port=$(free_port)
mkdir -m 777 "$work/sink"
smtp_sink "$port" -d "$work/sink/m."
instance crash <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
queue { retry = { "300ms" } }
END
echo 'example.com local default' >"$work/crash/domains"
"$python" -B "$top/tests/crash/scarce.py" "$build" "$work" "$work/sink"
