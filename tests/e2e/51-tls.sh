#!/bin/sh
# TLS policies and secrets towards a next hop: hop_probe against a scripted
# server.
#   51-tls.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/hop.sh"

# --- TLS policies ---

tls_server
deliver $verify
ok "verify: right name, known authority" delivered
ok "verify: told" out '^ready TLSv1\.3 .* verified'
deliver_to wrong.example $verify
ok "verify: wrong name" out '^closed later not-ready 0 4\.7\.5 .*TLS'
deliver -t verify
ok "verify: the system's authorities do not know it" \
	out '^closed later not-ready 0 4\.7\.5 .*certificate'
deliver -t verify -a "$work/missing.crt"
ok "verify: ca-file missing" out '^closed later not-ready .*ca-file .*No such'
deliver -t verify -a "$work/secret"
ok "verify: ca-file holds none" out '^closed later not-ready .*ca-file'
is "verify: only the first was delivered" \
	"$(find "$work/saved" -name "*.msg" | wc -l)" 1
for policy in opportunistic require; do
	deliver_to wrong.example -t $policy
	ok "$policy: any certificate, encrypted" out '^ready TLSv1\.3 .* unverified'
done
for cert in other expired self; do
	server --cert "$work/$cert.crt" --key "$work/$cert.key" \
		--auth "relay:$secret"
	deliver $verify $as
	ok "F21 $cert certificate: LATER, nothing sent" deferred TLS
	ok "F21 ... no AUTH" not said '< AUTH'
done
deliver -t verify -a "$work/self.crt" $as
ok "verify: the certificate itself as ca-file" delivered
server --implicit-tls --cert "$work/good.crt" --key "$work/good.key"
deliver $verify -i
ok "implicit TLS" delivered
deliver_to wrong.example $verify -i
ok "implicit TLS, wrong name" out '^closed later not-ready .*TLS'
server
deliver -i -t require -c 1500
ok "implicit TLS to a server in clear: LATER" deferred TLS

# --- secrets ---

tls_server --auth "relay:$secret"
b64=$(printf '\0relay\0%s' "$secret" | base64)
chmod 640 "$work/secret"
deliver $verify $as
ok "a secret that the group may read is not used" deferred 'group or others'
chmod 600 "$work/secret"
deliver $verify -u relay -s "$work"
ok "a directory is no secret" out '^closed later .*not a regular file'
deliver $verify -u relay -s "$work/none"
ok "a missing secret" out '^closed later .*No such file'
deliver $verify -u relay
ok "a user without a secret" out '^closed later .*without a secret'
deliver $verify -u relay -x "cat $work/secret"
ok "a secret command" delivered
deliver $verify $as -m SCRAM-SHA-256
ok "SCRAM is more than libcurl can" out '^closed later .*not available'
tls_server --auth "relay:$secret" "auth=500 5.5.1 what is AUTH PLAIN $b64"
deliver $verify $as
ok "a reply that repeats the secret is withheld" deferred withheld
ok "... and the secret is nowhere in what we say" \
	not grep -q -e "$secret" -e "$b64" "$work/out" "$work/err"

done_testing
