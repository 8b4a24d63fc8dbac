#!/bin/sh
# A fault at each call between a file in pickup/ and one in drop/.
. "${0%/*}/../e2e/lib.sh"
instance crash </dev/null
echo 'example.com local default' >"$work/crash/domains"
"$python" -B "$top/tests/crash/pickup.py" "$build" "$work/crash"
