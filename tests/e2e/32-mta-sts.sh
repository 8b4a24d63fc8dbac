#!/bin/sh
# MTA-STS (RFC 8461): policies over HTTPS, their modes, what the cache keeps
# when the policy's host is gone.
#   32-mta-sts.sh BUILD
. "${0%/*}/trust.sh"

domains='enforce nohost badname testing badtest none clear expires
	redirect html endless missing untrusted'
certificate mx mx.plain.test
certificate web $(for d in $domains; do
	[ $d = untrusted ] || echo "mta-sts.$d.plain.test"
done)
mkdir "$work/policies"

# The zone and the policies, with this id.
publish() { # ID
	for d in $domains later; do
		host=mx
		case $d in
		badname | badtest) host=mxother ;;
		clear) host=mxclear ;;
		esac
		echo "$d IN MX 10 $host"
		echo "_mta-sts.$d IN TXT \"v=STSv1; id=$1;\""
		echo "mta-sts.$d IN A 127.0.0.1"
	done | {
		cat
		cat <<-END
		mx      IN A 127.0.0.1
		mxother IN A 127.0.0.1
		mxclear IN A 127.0.0.2
		two     IN MX 10 mx
		two     IN MX 20 mxother
		_mta-sts.two IN TXT "v=STSv1; id=1;"
		_mta-sts.two IN TXT "v=STSv1; id=2;"
		END
	} | zone plain.test
	name_server signed.test plain.test
}

policy() { # DOMAIN MODE HOST
	printf 'version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 86400\r\n' \
		"$2" "$3" >"$work/policies/$1.plain.test"
}

echo 'nothing IN TXT "here"' | zone signed.test
sign signed.test
publish 1
policy enforce enforce '*.plain.test'
policy nohost enforce other.plain.test
policy badname enforce mxother.plain.test
policy testing testing mx.plain.test
policy badtest testing mxother.plain.test
policy none none mx.plain.test
policy clear enforce mxclear.plain.test
policy expires enforce other.plain.test
for d in redirect html endless untrusted; do
	policy $d enforce other.plain.test
	: >"$work/policies/$d.plain.test.$d"
done
spawn web "$python" "$top/tests/e2e/policy_server.py" "$work/web.crt" \
	"$work/web.key" "$work/policies" "$work/asked"
web=$pid
within 10 listening 443 || skip 'no policy server'
servers
outbound "ca-file = \"$work/ca.crt\""

send_all() { # ID DOMAIN...
	id=$1
	shift
	for d in "$@"; do
		post a "$d$id" me@example.com "x@$d.plain.test"
	done
	: >"$work/a.carrier.log"
	drain a
}

send_all 1 $domains two
ok "enforce" went enforce.plain.test mta-sts
ok "enforce, the policy does not name the host: waits" \
	waits nohost.plain.test 'status=4.7.5 .*does not name this host'
ok "enforce, the certificate is for another: waits" \
	waits badname.plain.test status=4.7.5
ok "enforce, no STARTTLS: waits" waits clear.plain.test 'offer STARTTLS'
ok "testing, all as it is to be" went testing.plain.test unverified
ok "testing, the certificate is for another: goes out" \
	went badtest.plain.test unverified
ok "... and the log says what would be" \
	logged a 'mta-sts-testing domain=badtest.plain.test .*not name this'
ok "... only there" not logged a 'mta-sts-testing domain=testing.plain.test'
ok "expires is in force" waits expires.plain.test 'does not name this host'
ok "none" went none.plain.test unverified
for d in redirect html endless missing untrusted; do
	ok "no policy to be had ($d)" went $d.plain.test unverified
	ok "... with the cause in the log" \
		logged a "mta-sts domain=$d.plain.test id=1 text="
done
ok "two records are none" went two.plain.test unverified
is "each policy was fetched once" "$(sort "$work/asked" | uniq -d)" ""
ok "a policy is fetched where it is to be" grep -q \
	'^mta-sts.enforce.plain.test /.well-known/mta-sts.txt$' "$work/asked"
is "the cache holds what was a policy" \
	"$(ls "$work/a/spool/state/mta-sts" | tr '\n' ' ')" \
	"badname.plain.test badtest.plain.test clear.plain.test \
enforce.plain.test expires.plain.test nohost.plain.test none.plain.test \
testing.plain.test "

# --- the policy's host is gone, and there are new policies ---

kill "$web"
reap "$web" 10
sed -i 's/^fetched: .*/fetched: 1/' "$work/a/spool/state/mta-sts/expires.plain.test"
publish 2
send_all 2 enforce nohost later none expires
ok "HTTPS is down: the policy that is known holds" \
	went enforce.plain.test mta-sts
ok "... and forbids what it forbade" \
	waits nohost.plain.test 'does not name this host'
ok "... of one that has expired nothing is left" \
	went expires.plain.test unverified
ok "a domain never asked before goes out" went later.plain.test unverified

sed -i 's/ca-file/mta-sts = false ca-file/' "$work/a/waypost.conf"
: >"$work/a.carrier.log"
drain a --flush
is "mta-sts = false: nothing waits" "$(queued a)" 0
ok "no sanitizer complains" sane
done_testing
