#!/bin/sh
# The 13 x 9 fault matrix of HAZARDS K, each cell with INV1 to INV5 (also
# J22, K05, K30).  What it asserts is in matrix.py.
#   46-matrix.sh BUILD
. "${0%/*}/lib.sh"
command -v openssl >/dev/null || skip "no openssl"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/s.key" \
	-out "$work/s.crt" -days 30 -subj /CN=server.example \
	>"$work/openssl.log" 2>&1 || skip "openssl makes no certificate"
(umask 077 && echo right >"$work/secret")
"$python" -B "$top/tests/e2e/matrix.py" "$build" "$work"
