#!/bin/sh
# DANE against Debian's Postfix, and Postfix's smtp-sink for a server without
# STARTTLS: what is sent encrypted, what waits, which name's records count
# when a host is an alias (RFC 7672 section 2.2.2); and that "waypost test"
# judges as waypostd does and says why.
#   35-dane-postfix.sh BUILD
. "${0%/*}/trust.sh"
need_partner postfix
unshare -m -p -f true 2>/dev/null || skip 'no name spaces for Postfix'
chmod 755 "$work"

certificate mx mxta.signed.test mxtwo.signed.test
ee=$(digest_of_key mx)
ca=$(digest_of_ca)
cakey=$(openssl x509 -in "$work/ca.crt" -noout -pubkey |
	openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)
other=$(printf %064d 7)

# DOMAIN and the one host that takes its mail, and the records of this host.
host() { # NAME ADDRESS|ALIAS [TLSA]...
	name=$1
	echo "$name IN MX 10 mx$name"
	case $2 in
	*[a-z]*) echo "mx$name IN CNAME $2" ;;
	*) echo "mx$name IN A $2" ;;
	esac
	shift 2
	for tlsa in "$@"; do
		echo "_2525._tcp.mx$name IN TLSA $tlsa"
	done
}
{
	host ee 127.0.0.1 "3 1 1 $ee"
	host wrong 127.0.0.1 "3 1 1 $other"
	host ta 127.0.0.1 "2 1 1 $cakey"
	host two 127.0.0.1 "2 0 1 $ca"
	host taname 127.0.0.1 "2 1 1 $cakey"
	host roll 127.0.0.1 "3 1 1 $other" "3 1 1 $ee"
	host pkix 127.0.0.1 "0 1 1 $other" "1 1 1 $other"
	host pkixclear 127.0.0.2 "1 1 1 $other"
	host clear 127.0.0.2 "3 1 1 $ee"
	host bogus 127.0.0.1 "3 1 1 $(printf %064d 4711)"
	host none 127.0.0.1
	host dead 127.0.0.9
	host noneclear 127.0.0.2
	# An alias: the records of the host itself, if it has some ...
	host alias mxee
	host aliaswrong mxwrong "3 1 1 $ee"
	host aliasta mxta
	# ... else those of the alias; also when the host is not signed.
	host aliasown mxnone "3 1 1 $ee"
	host aliasownwrong mxnone "3 1 1 $other"
	host away mx.plain.test. "3 1 1 $ee"
	host awaywrong mx.plain.test. "3 1 1 $other"
	host awaynone mx.plain.test.
} | zone signed.test
sign signed.test
sed -i "s/$(printf %064d 4711)/$ee/" "$work/signed.test.zone"
zone plain.test <<-END
mx       IN A 127.0.0.1
_2525._tcp.mx IN TLSA 3 1 1 $other
across   IN MX 10 mxwrong.signed.test.
END
name_server signed.test plain.test

mkdir -p "$work/postfix/etc"
cat "$work/mx.key" "$work/mx.crt" >"$work/postfix/etc/chain.pem"
spawn postfix unshare -m -p -f --kill-child --propagation private \
	"$top/tests/bench/postfix" "$partners/postfix" "$work/postfix" 2525 \
	'smtpd_tls_chain_files = /etc/chain.pem' \
	'smtpd_tls_security_level = may' 'smtpd_tls_loglevel = 1' \
	'relay_transport = discard:' 'default_transport = discard:' \
	'smtpd_relay_restrictions = permit_mynetworks, reject' \
	'maillog_file = /dev/stdout' 'alias_maps ='
within 60 listening 2525 || {
	diag <"$work/postfix.log"
	skip 'Postfix does not start'
}
chmod 777 "$work"
spawn sink partner postfix usr/sbin/smtp-sink -u nobody -d "$work/sink." \
	127.0.0.2:2525 64
sink_there() {
	ss -Hltn 'src 127.0.0.2' | grep -q :2525
}
within 10 sink_there || skip 'smtp-sink does not start'
outbound 'mta-sts = false'

signed='ee wrong ta two taname roll pkix pkixclear clear bogus none noneclear
	alias aliaswrong aliasta aliasown aliasownwrong away awaywrong awaynone'
for d in $signed; do
	post a "$d" me@example.com "x@$d.signed.test"
done
post a across me@example.com x@across.plain.test
drain a
ok "3 1 1, the name does not matter" went ee.signed.test dane
ok "3 1 1, another key: waits" waits wrong.signed.test \
	'4.7.5.*DANE: no TLSA record matches the certificate'
ok "2 1 1, the name is in the certificate" went ta.signed.test dane
ok "2 0 1, another name of it" went two.signed.test dane
ok "2 1 1, the name is not: waits" waits taname.signed.test '4.7.5.*DANE'
ok "a rollover: one of two matches" went roll.signed.test dane
ok "records that mail cannot use: encrypted, unproven" \
	went pkix.signed.test unverified
ok "... but encrypted" waits pkixclear.signed.test 'DANE.*STARTTLS'
ok "no STARTTLS where records are: waits" waits clear.signed.test \
	'DANE.*STARTTLS'
ok "a forged record: waits" waits bogus.signed.test '4.7.5.*DANE.*TLSA'
ok "no records: encrypted" went none.signed.test unverified
ok "no records: in clear" went noneclear.signed.test none
ok "MX that nothing proves: its host's records say nothing" \
	went across.plain.test unverified
ok "an alias: the records of its host" went alias.signed.test dane
ok "... against its own, which match" waits aliaswrong.signed.test DANE
ok "... and the host's name is the certificate's" went aliasta.signed.test dane
ok "its own when the host has none" went aliasown.signed.test dane
ok "... which do not match: waits" waits aliasownwrong.signed.test DANE
ok "an alias of a host that is not signed" went away.signed.test dane
ok "... with another key: waits" waits awaywrong.signed.test DANE
ok "... without records" went awaynone.signed.test unverified
is "what waits" "$(queued a)" 8
in_postfix() {
	[ "$(grep -c 'status=sent' "$work/postfix.log")" -ge "$1" ]
}
within 20 in_postfix 12
is "what Postfix got" "$(grep -c 'status=sent' "$work/postfix.log")" 12
is "what was sent in clear" "$(find "$work" -name 'sink.*' | wc -l)" 2

# --- a smart host behind it does not undo what DANE forbids ---

cat >>"$work/a/waypost.conf" <<-END
smarthost { hosts = "[127.0.0.2]:2525" direct-first = true tls = none }
END
: >"$work/a.carrier.log"
drain a --flush
post a gone me@example.com x@nowhere.signed.test
post a dead me@example.com x@dead.signed.test
drain a
ok "a domain that does not exist: by the smart host" \
	logged a 'to=x@nowhere.signed.test .*127.0.0.2.*verdict=done'
ok "exchangers that are down: by the smart host" \
	logged a 'to=x@dead.signed.test .*127.0.0.2.*verdict=done'
for d in wrong clear bogus taname awaywrong; do
	ok "no way round DANE ($d)" waits $d.signed.test DANE
done
is "... so all still wait" "$(queued a)" 8

# --- waypost test ---

try() { # DOMAIN
	timeout 60 "$build/waypost" -C "$work/a/waypost.conf" test \
		--from me@example.com "x@$1" >"$work/out" 2>&1
	code=$?
}
tells() { # PATTERN
	grep -Eq -- "$1" "$work/out" || {
		cat "$work/out"
		return 1
	}
}
try ee.signed.test
is "test: proven" "$code" 0
ok "... by what" tells '^\* .*TLS TLSv1.3 .* dane$'
ok "... in words" tells '^\* DANE: there are TLSA records$'
try wrong.signed.test
is "test: another key" "$code" 75
ok "... in words" tells 'DANE: no TLSA record matches the certificate'
ok "... and no mail was spoken" not tells '^> MAIL'
ok "... nor with the smart host" not tells '^\* 127.0.0.2.*TLS'
try clear.signed.test
is "test: no STARTTLS" "$code" 75
ok "... in words" tells 'DANE: there are TLSA records, but .* STARTTLS'
try bogus.signed.test
is "test: a forged record" "$code" 75
ok "... in words" tells 'DANE: DNS: TLSA of .* not validated by DNSSEC'
try none.signed.test
ok "test: no record" tells '^\* DANE: no TLSA record'
try across.plain.test
ok "test: nothing proves the MX" tells '^\* DANE: DNSSEC does not prove'
try pkix.signed.test
ok "test: records of no use" tells '^\* DANE: .* none that mail can use'
ok "no sanitizer complains" sane
done_testing
