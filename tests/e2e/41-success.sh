#!/bin/sh
# Reports of success, end to end (RFC 3461): what was delivered here, what a
# host without DSN took, aliases to several; what is passed on to a host with
# DSN, and who is never told.  Read by Python's email package.
#   41-success.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

cat >"$work/read.py" <<'END'
import email, email.policy, os, sys
for name in sorted(os.listdir(sys.argv[1])):
    raw = open(os.path.join(sys.argv[1], name), "rb").read()
    head, _, raw = raw.partition(b"\r\nReceived:")
    message = email.message_from_bytes(b"Received:" + raw,
                                       policy=email.policy.SMTP)
    if message.get_content_type() != "multipart/report":
        continue
    to = [line.split(b" ")[1].decode() for line in head.split(b"\r\n")]
    text, status, original = message.iter_parts()
    groups = status.get_payload()
    for group in groups[1:]:
        print(to[0], to[1], message["Auto-Submitted"], group["Action"],
              group["Status"], group["Final-Recipient"],
              group["Original-Recipient"] or "-",
              groups[0]["Original-Envelope-Id"] or "-",
              original.get_content_type())
END

# Everything that was reported so far, sorted; golden on stdin.
reported() { # NAME
	drain a # the reports
	"$python" "$work/read.py" "$work/a/spool/drop" | LC_ALL=C sort >"$work/got"
	LC_ALL=C sort >"$work/golden"
	same "$1" "$work/got" "$work/golden"
	rm -f "$work/a/spool/drop"/*
}

mx plain --keywords 'PIPELINING,8BITMIME'
plain=$port
mx dsn
instance a <<END
smarthost { hosts = { "[127.0.0.1]:$plain" } tls = none }
queue { retry = { "1h" } }
END
mkdir -p "$work/mail/user/cur" "$work/mail/user/new" "$work/mail/user/tmp"
cat >"$work/a/domains" <<END
example.com  local  default
box.test     local  maildir=$work/mail/%u
dsn.test     remote host=[127.0.0.1]:$port tls=none
END
cat >"$work/a/aliases" <<END
one:   single@example.com
team:  t1@plain.test, t2@dsn.test, t3@example.com
END
me=me@example.com
head="$me" # x-receiver
said="<> $head auto-replied"

post a s1 $me -N success -V id+2B1 user@example.com user@box.test
drain a
reported 'drop and maildir: delivered' <<END
$said delivered 2.0.0 rfc822;user@example.com - id+1 text/rfc822-headers
$said delivered 2.0.0 rfc822;user@box.test - id+1 text/rfc822-headers
END

post a s2 $me -N success,failure u@plain.test
drain a
reported 'a host without DSN: relayed' <<END
$said relayed 2.0.0 rfc822;u@plain.test - - text/rfc822-headers
END
ok '... and nothing of it is told to that host' \
	not said plain '(NOTIFY|ENVID|RET|ORCPT)='

post a s3 $me -N success -R hdrs -V id2 u@dsn.test
drain a
reported 'a host with DSN: its business' </dev/null
ok '... with MAIL parameters' said dsn 'MAIL FROM.* RET=HDRS ENVID=id2$'
ok '... and NOTIFY' said dsn 'RCPT TO:<u@dsn.test> NOTIFY=SUCCESS$'

post a s4 $me -N never u@plain.test user@example.com nobody@box.test
post a s5 $me u@plain.test user@example.com
post a s6 '<>' -N success u@plain.test user@example.com
drain a
reported 'never, not asked, no sender: none' </dev/null
is 'the null sender of a good message leaves no badmail' \
	"$(files "$work/a/spool/badmail")" 0

post a s7 $me -N success,failure one team
drain a
reported 'aliases: one for one, expanded for several' <<END
$said delivered 2.0.0 rfc822;single@example.com - - text/rfc822-headers
$said expanded 2.0.0 rfc822;team@example.com - - text/rfc822-headers
END
ok '... success is not asked for the members' \
	said dsn 'RCPT TO:<t2@dsn.test> NOTIFY=FAILURE$'

post a s8 $me -N success team
drain a
reported 'success alone: the members report nothing' <<END
$said expanded 2.0.0 rfc822;team@example.com - - text/rfc822-headers
END
ok '... at all' said dsn 'RCPT TO:<t2@dsn.test> NOTIFY=NEVER$'

# Through the listener's session: ORCPT, from RCPT to the report.
printf '%s\r\n' 'EHLO c.test' "MAIL FROM:<$me> ENVID=bs RET=FULL" \
	'RCPT TO:<team@example.com> NOTIFY=SUCCESS ORCPT=rfc822;Team+2B@o.test' \
	'RCPT TO:<u@dsn.test> NOTIFY=SUCCESS ORCPT=rfc822;old@o.test' \
	DATA 'Subject: bs' '' body . QUIT | sendmail a -bs >"$work/bs.log"
drain a
reported 'ORCPT and ENVID come back' <<END
$said expanded 2.0.0 rfc822;team@example.com rfc822;Team+@o.test bs text/rfc822-headers
END
ok 'ORCPT goes on' said dsn \
	'RCPT TO:<u@dsn.test> NOTIFY=SUCCESS ORCPT=rfc822;old@o.test$'

# A report that cannot be queued leaves an alias open, and no copy is sent
# twice (J18).
post a s9 $me -N success team
before=$(saved dsn)
echo 'me: |/bin/false' >>"$work/a/aliases"
drain a
is 'the alias waits for its report' "$(queued a)" 1
: >"$work/a/aliases"
drain a --flush
drain a
reported 'then it is told' <<END
$said expanded 2.0.0 rfc822;team@example.com - - text/rfc822-headers
END
is '... and sent once' "$(saved dsn)" $((before + 1))
is 'nothing is left' "$(queued a)" 0
ok 'no sanitizer complains' sane
done_testing
