#!/bin/sh
# DANE (RFC 7672): signed zones on nsd, MX with and without STARTTLS; what
# TLSA records prove, forbid, and do not say.
#   31-dane.sh BUILD
. "${0%/*}/trust.sh"

certificate mx mxta.signed.test
ee=$(digest_of_key mx)
ca=$(digest_of_ca)
other=$(printf %064d 7)
zone signed.test <<-END
ee       IN MX 10 mxee
mxee     IN A 127.0.0.1
_2525._tcp.mxee IN TLSA 3 1 1 $ee
ta       IN MX 10 mxta
mxta     IN A 127.0.0.1
_2525._tcp.mxta IN TLSA 2 0 1 $ca
taname   IN MX 10 mxname
mxname   IN A 127.0.0.1
_2525._tcp.mxname IN TLSA 2 0 1 $ca
wrong    IN MX 10 mxwrong
mxwrong  IN A 127.0.0.1
_2525._tcp.mxwrong IN TLSA 3 1 1 $other
roll     IN MX 10 mxroll
mxroll   IN A 127.0.0.1
_2525._tcp.mxroll IN TLSA 3 1 1 $other
_2525._tcp.mxroll IN TLSA 3 1 1 $ee
pkix     IN MX 10 mxpkix
mxpkix   IN A 127.0.0.1
_2525._tcp.mxpkix IN TLSA 1 1 1 $other
pkixclear IN MX 10 mxpkixclear
mxpkixclear IN A 127.0.0.2
_2525._tcp.mxpkixclear IN TLSA 1 1 1 $other
clear    IN MX 10 mxclear
mxclear  IN A 127.0.0.2
_2525._tcp.mxclear IN TLSA 3 1 1 $ee
bogus    IN MX 10 mxbogus
mxbogus  IN A 127.0.0.1
_2525._tcp.mxbogus IN TLSA 3 1 1 $(printf %064d 4711)
none     IN MX 10 mxnone
mxnone   IN A 127.0.0.1
noneclear IN MX 10 mxnoneclear
mxnoneclear IN A 127.0.0.2
END
sign signed.test
# A record that its signature does not cover.
sed -i "s/$(printf %064d 4711)/$ee/" "$work/signed.test.zone"
zone plain.test <<-END
@        IN MX 10 mx
mx       IN A 127.0.0.1
_2525._tcp.mx IN TLSA 3 1 1 $other
across   IN MX 10 mxee.signed.test.
END
name_server signed.test plain.test
servers
outbound 'mta-sts = false'
all='ee ta taname wrong roll pkix pkixclear clear bogus none noneclear'
for d in $all; do
	post a "$d" me@example.com "x@$d.signed.test"
done
for d in plain.test across.plain.test; do
	post a "$d" me@example.com "x@$d"
done
drain a

ok "DANE-EE, the name does not matter" went ee.signed.test dane
ok "DANE-TA, the name is in the certificate" went ta.signed.test dane
ok "DANE-TA, it is not: waits" waits taname.signed.test 4.7.5
ok "no record matches: waits" waits wrong.signed.test 4.7.5
ok "one of two records matches" went roll.signed.test dane
ok "only records that mail cannot use: any certificate" \
	went pkix.signed.test unverified
ok "... but TLS it must be" waits pkixclear.signed.test 'STARTTLS'
ok "no STARTTLS where records are: waits" waits clear.signed.test 'STARTTLS'
ok "a forged record: waits" waits bogus.signed.test '4.7.5.*TLSA'
ok "no record: any certificate" went none.signed.test unverified
ok "no record: in clear" went noneclear.signed.test none
ok "a zone without signatures proves nothing" went plain.test unverified
ok "MX that nothing proves: TLSA of the host does not count" \
	went across.plain.test unverified
is "what was sent with TLS" "$(saved tls)" 7
is "what was sent in clear" "$(saved clear)" 1
is "what waits" "$(queued a)" 5

sed -i 's/mta-sts = false/& dane = false/' "$work/a/waypost.conf"
drain a --flush
ok "dane = false: records say nothing" went wrong.signed.test unverified
is "... so nothing waits" "$(queued a)" 0
ok "no sanitizer complains" sane
done_testing
