#!/bin/sh
# The domain table is gone for a moment, as when an editor renames it to its
# backup and then writes it anew: what was loaded stays, in both daemons, so
# that no local mail leaves by the smart host or is refused (M03, M09).
#   53-vanished.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
port=$(free_port)
dead=$(free_port)
instance a <<END
smarthost { hosts = { "[127.0.0.1]:$dead" }  tls = none }
listen "lan" { address = "127.0.0.1:$port" }
END
echo 'local.test local default' >"$work/a/domains"
spawn carrier waypostd a
spawn listener "$build/waypost-smtpd" -C "$work/a/waypost.conf"
within 10 listening "$port" || skip "waypost-smtpd does not start"
within 10 grep -q ' started ' "$work/carrier.log" || skip "no waypostd"

kept() { # LOG
	grep -q 'fault=.*/domains: No such file' "$1" &&
		grep -q 'not reloaded, the old one stays' "$1"
}
dropped() { # NUMBER
	[ "$(files "$work/a/spool/drop")" -eq "$1" ]
}

mv "$work/a/domains" "$work/a/domains~"
ok 'waypostd says that the table is gone' within 5 kept "$work/carrier.log"
ok 'waypost-smtpd, too' within 5 kept "$work/listener.log"
printf 'Subject: x\n\nx\n' | sendmail a u@local.test 2>"$work/err"
ok 'local mail still is' within 5 dropped 1
ok '... over SMTP, too' "$python" - "$port" <<'END'
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=30) as s:
    s.sendmail("a@b.test", ["u@local.test"], "Subject: x\r\n\r\nx\r\n")
END
ok '... and ends in the drop directory' within 5 dropped 2

# A file that says nothing is an answer; only none is not.
: >"$work/a/domains"
ok 'an empty table is obeyed' within 5 \
	grep -q 'text=reloaded' "$work/listener.log"
ok '... by waypostd, too' within 5 grep -q 'text=reloaded' "$work/carrier.log"
rm "$work/a/domains"
ok '... and may be removed' within 5 \
	sh -c "[ \$(grep -c 'text=reloaded' '$work/carrier.log') -eq 2 ]"
done_testing
