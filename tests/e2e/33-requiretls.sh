#!/bin/sh
# REQUIRETLS and TLS-Required: No (RFC 8689), from the listener to the next
# hop: who is offered it, to whom such mail goes, who is told when it cannot.
#   33-requiretls.sh BUILD
. "${0%/*}/trust.sh"

certificate mx mx.signed.test
certificate web mta-sts.sts.plain.test
certificate own a.example.com
ee=$(digest_of_key mx)
zone signed.test <<-END
@        IN MX 10 mx
mx       IN A 127.0.0.1
_2525._tcp.mx IN TLSA 3 1 1 $ee
lacks    IN MX 10 mxlacks
mxlacks  IN A 127.0.0.3
_2525._tcp.mxlacks IN TLSA 3 1 1 $ee
some     IN MX 10 mxlacks
some     IN MX 20 mx
clear    IN MX 10 mxclear
mxclear  IN A 127.0.0.2
_2525._tcp.mxclear IN TLSA 3 1 1 $ee
down     IN MX 10 mxlacks
down     IN MX 20 mxdown
mxdown   IN A 127.0.0.4
_2525._tcp.mxdown IN TLSA 3 1 1 $ee
wrong    IN MX 10 mxwrong
mxwrong  IN A 127.0.0.1
_2525._tcp.mxwrong IN TLSA 3 1 1 $(printf %064d 7)
END
sign signed.test
zone plain.test <<-END
@        IN MX 10 mx
mx       IN A 127.0.0.1
sts      IN MX 10 mx.signed.test.
_mta-sts.sts IN TXT "v=STSv1; id=1;"
mta-sts.sts IN A 127.0.0.1
END
mkdir "$work/policies"
printf 'version: STSv1\nmode: enforce\nmx: mx.signed.test\nmax_age: 86400\n' \
	>"$work/policies/sts.plain.test"
name_server signed.test plain.test
spawn web "$python" "$top/tests/e2e/policy_server.py" "$work/web.crt" \
	"$work/web.key" "$work/policies" "$work/asked"
within 10 listening 443 || skip 'no policy server'
servers --tls-keywords 'PIPELINING,8BITMIME,REQUIRETLS'
mx lacks --listen 127.0.0.3:2525 --cert "$work/mx.crt" --key "$work/mx.key"
outbound "ca-file = \"$work/ca.crt\""
port=$(free_port)
chmod 600 "$work/own.key"
cat >>"$work/a/waypost.conf" <<END
users = "$work/a/users"
listen lan { address = "127.0.0.1:$port" }
relay { except = "127.0.0.1" }
tls { certificate = "$work/own.crt" key = "$work/own.key" }
END
: >"$work/a/users"
chmod 640 "$work/a/users"
spawn smtpd "$build/waypost-smtpd" -C "$work/a/waypost.conf"
within 10 listening "$port" || skip "no listener: $(cat "$work/smtpd.log")"

# --- the listener ---

cat >"$work/client.py" <<'END'
import smtplib
import ssl
import sys

port, unique, sender, rcpt, *words = sys.argv[1:]
context = ssl._create_unverified_context()
s = smtplib.SMTP("127.0.0.1", int(port), timeout=20)
s.ehlo()
clear = s.has_extn("requiretls")
if "clear" not in words:
    s.starttls(context=context)
    s.ehlo()
print("offered", clear, s.has_extn("requiretls"))
field = "TLS-Required: No\r\n" if "No" in words else ""
options = ["REQUIRETLS"] if "require" in words else []
code, text = s.mail(sender, options)
print("mail", code, text.decode().split()[0])
if code == 250:
    s.rcpt(rcpt)
    print("data", s.data("X-Unique: %s.\r\n%sSubject: %s\r\n\r\nx\r\n" %
                         (unique, field, unique))[0])
s.quit()
END
client() { # UNIQUE SENDER RCPT WORD...
	"$python" "$work/client.py" "$port" "$@" >"$work/out" 2>&1
	cat "$work/out"
}
us=me@example.com
is "offered under TLS alone" "$(client in "$us" x@signed.test require)" \
	"offered False True
mail 250 2.1.0
data 250"
is "without TLS it is refused" "$(client no "$us" x@signed.test require clear)" \
	"offered False False
mail 530 5.7.10"

# --- on its way ---

client sts "$us" x@sts.plain.test require >>"$work/clients"
client plain "$us" x@plain.test require >>"$work/clients"
client lacks "$us" x@lacks.signed.test require >>"$work/clients"
client some "$us" x@some.signed.test require >>"$work/clients"
client clear "$us" x@clear.signed.test require >>"$work/clients"
client down "$us" x@down.signed.test require >>"$work/clients"
client null '' x@lacks.signed.test require >>"$work/clients"
client free "$us" x@wrong.signed.test No >>"$work/clients"
client both "$us" x@wrong.signed.test No require >>"$work/clients"
client wrong "$us" x@wrong.signed.test >>"$work/clients"
is "all are accepted" "$(grep -c 'data 250' "$work/clients")" 10
drain a
failed() { # DOMAIN STATUS CAUSE
	logged a "attempt .*(to=x@|domain=)$1 .*verdict=never .*status=$2 .*$3"
}
ok "DANE proves the host, it has REQUIRETLS" went signed.test dane
ok "... and is told" said tls '< MAIL FROM:<me@example.com>.* REQUIRETLS'
ok "MTA-STS proves it" went sts.plain.test mta-sts
ok "nothing proves it: back" failed plain.test 5.7.10 'nothing can prove'
ok "the server has no REQUIRETLS: back" \
	failed lacks.signed.test 5.7.30 'does not offer REQUIRETLS'
ok "... a worse MX has it" went some.signed.test dane
ok "no STARTTLS: back" failed clear.signed.test 5.7.10 'STARTTLS'
ok "no REQUIRETLS, but another MX is down: waits" \
	waits down.signed.test status=4
ok "the null sender: without it rather than not at all" \
	went lacks.signed.test dane
ok "... in DANE's session" said lacks '< MAIL FROM:<>'
ok "TLS-Required: No: records say nothing" went wrong.signed.test unverified
ok "REQUIRETLS is the stronger of the two" \
	failed wrong.signed.test 5.7.10 'no TLSA record matches'
ok "a message without a wish waits" waits wrong.signed.test 'TLSA'

# --- the reports ---

drop=$work/a/spool/drop
within 5 test -n "$(ls "$drop" 2>/dev/null)"
reports() {
	grep -rlE 'Status: 5.7.(10|30)' "$drop" "$work/a/spool" | sort -u
}
is "four are told" "$(reports | wc -l)" 4
ok "the report says why" grep -rq 'nothing can prove' "$drop"
ok "... with the header alone" not grep -rq '^message/rfc822' "$drop"
ok "no sanitizer complains" sane
done_testing
