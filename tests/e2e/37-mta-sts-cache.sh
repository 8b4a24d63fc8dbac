#!/bin/sh
# MTA-STS against Debian's Postfix, and what a waypostd that keeps running
# does with a policy: fetched again before it expires, replaced when the id
# changes, and never waited for by mail to others.
#   37-mta-sts-cache.sh BUILD
. "${0%/*}/trust.sh"
need_partner postfix
unshare -m -p -f true 2>/dev/null || skip 'no name spaces for Postfix'
chmod 755 "$work"

certificate mx mx.plain.test
certificate web mta-sts.good.plain.test mta-sts.moves.plain.test \
	mta-sts.other.plain.test
mkdir "$work/policies"
policy() { # DOMAIN HOST
	printf 'version: STSv1\r\nmode: enforce\r\nmx: %s\r\nmax_age: 604800\r\n' \
		"$2" >"$work/policies/$1.plain.test"
}
publish() { # ID
	zone plain.test <<-END
	mx      IN A 127.0.0.1
	mxother IN A 127.0.0.1
	good    IN MX 10 mx
	moves   IN MX 10 mx
	other   IN MX 10 mxother
	hangs   IN MX 10 mx
	_mta-sts.good  1 IN TXT "v=STSv1; id=1;"
	_mta-sts.moves 1 IN TXT "v=STSv1; id=$1;"
	_mta-sts.other 1 IN TXT "v=STSv1; id=1;"
	_mta-sts.hangs 1 IN TXT "v=STSv1; id=1;"
	mta-sts.good   IN A 127.0.0.1
	mta-sts.moves  IN A 127.0.0.1
	mta-sts.other  IN A 127.0.0.1
	mta-sts.hangs  IN A 127.0.0.5
	END
	name_server signed.test plain.test
}
echo 'nothing IN TXT "here"' | zone signed.test
sign signed.test
publish 1
policy good '*.plain.test'
policy moves mx.plain.test
policy other mxother.plain.test
spawn web "$python" "$top/tests/e2e/policy_server.py" "$work/web.crt" \
	"$work/web.key" "$work/policies" "$work/asked"
within 10 listening 443 || skip 'no policy server'
# Takes connections and says nothing.
spawn silent "$python" -c '
import socket, time
s = socket.create_server(("127.0.0.5", 443))
print("ready", flush=True)
while True: time.sleep(1000)'
within 10 grep -q ready "$work/silent.log" || skip 'no silent server'
mkdir -p "$work/postfix/etc"
cat "$work/mx.key" "$work/mx.crt" >"$work/postfix/etc/chain.pem"
spawn postfix unshare -m -p -f --kill-child --propagation private \
	"$top/tests/bench/postfix" "$partners/postfix" "$work/postfix" 2525 \
	'smtpd_tls_chain_files = /etc/chain.pem' \
	'smtpd_tls_security_level = may' \
	'relay_transport = discard:' 'default_transport = discard:' \
	'smtpd_relay_restrictions = permit_mynetworks, reject' \
	'maillog_file = /dev/stdout' 'alias_maps ='
within 60 listening 2525 || {
	diag <"$work/postfix.log"
	skip 'Postfix does not start'
}
outbound "ca-file = \"$work/ca.crt\""
kept=$work/a/spool/state/mta-sts

# --- one that hangs holds up nobody ---

carrier a
post a hangs me@example.com x@hangs.plain.test
asked_silent() {
	ss -Htn 'dst 127.0.0.5' | grep -q :443
}
ok "the policy of one domain does not come" within 20 asked_silent
post a good me@example.com x@good.plain.test
ok "mail to another does not wait for it" within 20 went good.plain.test mta-sts
ok "... while it is still asked" asked_silent
post a moves me@example.com x@moves.plain.test
ok "a host named by the policy" within 20 went moves.plain.test mta-sts
post a other me@example.com x@other.plain.test
ok "a certificate for another name: waits" \
	within 20 waits other.plain.test \
	'4.7.5.*MTA-STS: the certificate does not prove the host'
is "what is kept" "$(ls "$kept" | tr '\n' ' ')" \
	"good.plain.test moves.plain.test other.plain.test "
stop a_carrier

# --- again before it expires ---

fetches() { # DOMAIN
	grep -c "^mta-sts.$1.plain.test " "$work/asked"
}
age() { # DOMAIN HOURS
	sed -i "s/^fetched: .*/fetched: $((($(date +%s) - $2 * 3600) * 1000))/" \
		"$kept/$1.plain.test"
}
fresh() { # DOMAIN
	[ "$(sed -n 's/^fetched: //p' "$kept/$1.plain.test")" -gt \
		$((($(date +%s) - 3600) * 1000)) ]
}
age good 2
carrier a
post a good2 me@example.com x@good.plain.test
within 20 went good.plain.test mta-sts
ok "another process knows it" went good.plain.test mta-sts
is "... and does not fetch a new one" "$(fetches good)" 1
stop a_carrier
age good 30
carrier a
post a good3 me@example.com x@good.plain.test
ok "one of yesterday is used" within 20 went good.plain.test mta-sts
ok "... and fetched again long before it expires" within 20 fresh good
is "... once" "$(fetches good)" 2

# --- a new id ---

policy moves elsewhere.plain.test
: >"$work/a.carrier.log"
post a moves2 me@example.com x@moves.plain.test
ok "a policy whose id is the same stays" \
	within 20 went moves.plain.test mta-sts
stop a_carrier
publish 2
carrier a
post a moves3 me@example.com x@moves.plain.test
ok "a new id: the new policy counts at once" within 20 \
	waits moves.plain.test 'MTA-STS policy .*does not name this host'
ok "... and is kept" grep -q '^id: 2$' "$kept/moves.plain.test"
stop a_carrier
ok "no sanitizer complains" sane
done_testing
