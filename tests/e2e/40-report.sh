#!/bin/sh
# Delivery reports as others read them: Python's email package, which wrote
# nothing of them, and Sisimai (libsisimai-perl), which reads bounces for a
# living.  The reports are those that the unit test made, hostile ones too.
. "${0%/*}/lib.sh"

maker=$build/tests/unit/test_report
[ -x "$maker" ] || skip "no $maker: make units"
mkdir "$work/reports"
ok 'the unit test writes its reports' \
	env REPORT_DIRECTORY="$work/reports" "$maker"

"$python" - "$work/reports" >"$work/python.out" 2>&1 <<'END'
import email, email.policy, email.utils, os, sys

def check(path, name):
    raw = open(path, "rb").read()
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    faults = []
    def want(what, truth):
        if not truth:
            faults.append(what)
    for part in message.walk():
        want("defects %s" % part.defects, not part.defects)
    want("type", message.get_content_type() == "multipart/report")
    want("report-type",
         message["Content-Type"].params["report-type"] == "delivery-status")
    for field in ("From", "To", "Subject", "Date", "Message-ID",
                  "MIME-Version", "Auto-Submitted"):
        want("one " + field, len(message.get_all(field, [])) == 1)
    want("date", email.utils.parsedate_to_datetime(message["Date"]))
    want("no Bcc", "Bcc" not in message)
    want("line lengths", max(map(len, raw.split(b"\r\n"))) <= 998)
    want("line ends", b"\n" not in raw.replace(b"\r\n", b""))
    parts = list(message.iter_parts())
    want("parts", len(parts) == (2 if name == "broken" else 3))
    text, status = parts[:2]
    want("text", text.get_content_type() == "text/plain")
    text.get_payload(decode=True).decode(text.get_content_charset())
    eight = any(b > 127 for b in raw)
    want("encoding", not eight or
         message["Content-Transfer-Encoding"] == "8bit")
    utf8 = status.get_content_type() == "message/global-delivery-status"
    want("status", utf8 or
         status.get_content_type() == "message/delivery-status")
    if not utf8:
        check_status(status, want, name)
    if len(parts) == 3:
        check_original(parts[2], want)
    return faults

def check_status(status, want, name):
    groups = status.get_payload()
    want("groups", len(groups) >= 2)
    want("Reporting-MTA",
         groups[0]["Reporting-MTA"] == "dns; relay.example.com")
    want("Arrival-Date",
         email.utils.parsedate_to_datetime(groups[0]["Arrival-Date"]))
    for group in groups[1:]:
        local = name in ("delivered", "expanded")
        for field in ("Final-Recipient", "Action", "Status",
                      "Last-Attempt-Date"):
            want("one " + field, len(group.get_all(field, [])) == 1)
        want("one Diagnostic-Code",
             len(group.get_all("Diagnostic-Code", [])) == (not local))
        action = {"delay": "delayed", "delivered": "delivered",
                  "relayed": "relayed", "expanded": "expanded"}
        want("Action", group["Action"] == action.get(name, "failed"))
        want("Status", group["Status"][:2] in
             (("2.",) if local or name == "relayed" else ("4.", "5.")))
        known = {"Original-Recipient", "Final-Recipient", "Action", "Status",
                 "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date",
                 "Will-Retry-Until"}
        want("fields %s" % (set(group.keys()) - known),
             set(group.keys()) <= known)

def check_original(part, want):
    kind = part.get_content_type()
    want("original", kind in ("message/rfc822", "message/global",
                              "text/rfc822-headers"))
    if kind == "message/rfc822":
        want("one inside", len(part.get_payload()) == 1)

n = 0
for file in sorted(os.listdir(sys.argv[1])):
    n += 1
    name = file[:-4]
    # What the original itself lacks is not the report's fault.
    faults = check(os.path.join(sys.argv[1], file), name)
    if name.startswith("odd"):
        faults = [f for f in faults if not f.startswith("defects")]
    print("%s %s" % (name, "; ".join(faults) or "good"))
print("%d reports" % n)
END
diag <"$work/python.out"
is 'Python reads all of them' "$(grep -vc ' good$' "$work/python.out")" 1
ok 'there were enough' [ "$(grep -c ' good$' "$work/python.out")" -ge 18 ]

if ! perl -MSisimai -e 1 2>/dev/null; then
	ok 'Sisimai is not installed # SKIP apt install libsisimai-perl' true
	done_testing
fi
cat >"$work/sisimai.pl" <<'END'
use strict; use warnings; use Sisimai;
my $read = Sisimai->can('rise') // Sisimai->can('make'); # 5, 4
for my $name (@ARGV[1 .. $#ARGV]) {
	my $found = $read->('Sisimai', "$ARGV[0]/$name.eml", delivered => 1);
	for my $r (@{ $found // [] }) {
		print join(' ', $name, $r->recipient->address, $r->action,
		    $r->deliverystatus, $r->reason || '-', $r->replycode || '-',
		    $r->rhost || '-'), "\n";
	}
}
END
perl "$work/sisimai.pl" "$work/reports" failure delay 8bit hdrs large some \
	delivered relayed expanded \
	>"$work/sisimai.out" 2>"$work/sisimai.err"
cat >"$work/sisimai.ref" <<'END'
failure u@example.net failed 5.1.1 userunknown 550 mx.example.net
delay u@example.net delayed 4.4.1 expired - relay.example.com
8bit u@example.net failed 5.1.1 userunknown 550 mx.example.net
hdrs u@example.net failed 5.1.1 userunknown 550 mx.example.net
large u@example.net failed 5.1.1 userunknown 550 mx.example.net
some u@example.net failed 5.1.1 userunknown 550 mx.example.net
some w@example.net failed 5.1.1 userunknown 550 mx.example.net
delivered u@example.net delivered 2.0.0 delivered - relay.example.com
relayed u@example.net relayed 2.0.0 delivered 250 mx.example.net
expanded u@example.net expanded 2.0.0 delivered - relay.example.com
END
same 'Sisimai understands them' "$work/sisimai.out" "$work/sisimai.ref"
done_testing
