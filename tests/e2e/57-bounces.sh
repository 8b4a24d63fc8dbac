#!/bin/sh
# Thousands of messages that cannot be delivered, from senders who cannot be
# told (H14): one report for each at most, no report of a report, nothing
# left in the queue but what may still be told.
#   57-bounces.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
many=${MANY:-2000} # MANY=10000 is the whole of it

mx s 'rcpt=550 5.1.1 nobody here'
instance a <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
queue { retry = { "1h" } }
END
echo 'example.com local default' >"$work/a/domains"
# Written by the door of files, since a process for each takes longer.
"$python" - "$work/a/spool/pickup" "$many" <<'END'
import os, sys
for n in range(int(sys.argv[2])):
    with open(os.path.join(sys.argv[1], "m%d.eml" % n), "w") as file:
        file.write("x-sender: s%d@bad.invalid\nx-receiver: u%d@x.test\n"
                   "Subject: t\nX-Unique: m%d.\n\nhi\n" % (n, n, n))
END
DRAIN_TIMEOUT=200 drain a
is "H14 $many messages fail, and each is told to its sender" \
	"$(grep -c '^waypostd: report .*action=failed' "$work/a.carrier.log")" "$many"
is "H14 ... about each of them once" "$(grep -o \
	'^waypostd: report id=[^ ]*' "$work/a.carrier.log" | sort | uniq -d)" ''
grep -o '^waypostd: report .*' "$work/a.carrier.log" |
	sed 's/.* report=\([^ ]*\).*/\1/' | sort >"$work/reports"
grep -o '^waypostd: report id=[^ ]*' "$work/a.carrier.log" |
	sed 's/.*=//' | sort >"$work/reported"
is "H14 ... the reports are refused, too, and none is reported" \
	"$(comm -12 "$work/reports" "$work/reported" | wc -l)" 0
is "H14 ... each of them was tried once" \
	"$(grep -c '< MAIL FROM:<>' "$work/s.dialogue")" "$many"
is "H14 nothing is queued" "$(queued a)" 0
ok "H14 what could not be told is in badmail" \
	[ "$(find "$work/a/spool/badmail" -name '*.eml' | wc -l)" -eq "$many" ]
drain a --flush
is "H14 nothing more comes of it" \
	"$(grep -c '< MAIL FROM:<>' "$work/s.dialogue")" "$many"
ok "no sanitizer complains" sane
done_testing
