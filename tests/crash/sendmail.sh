#!/bin/sh
# A fault at each call that sendmail makes on the queue.
. "${0%/*}/../e2e/lib.sh"
instance crash </dev/null
echo 'example.com local default' >"$work/crash/domains"
"$python" -B "$top/tests/crash/sendmail.py" "$build" "$work/crash"
