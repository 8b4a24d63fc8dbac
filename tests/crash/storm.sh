#!/bin/sh
# Random kills under load, for STORM seconds (15).
. "${0%/*}/../e2e/lib.sh"
need_partner postfix
port=$(free_port)
mkdir -m 777 "$work/sink"
smtp_sink "$port" -d "$work/sink/m."
instance crash <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
END
"$python" -B "$top/tests/crash/storm.py" "$build" "$work/crash" "$work/sink" \
	"${STORM:-15}"
