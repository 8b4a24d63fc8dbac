#!/bin/sh
# waypost explain: aliases, table entry, route, session, rewriting and relay
# rule of an address, without network.
#   75-explain.sh BUILD
. "${0%/*}/lib.sh"

instance why <<END
smarthost {
	hosts = { "[192.0.2.25]:587", "backup.example.net" }
	user = "relay"  secret-file = "@PREFIX@/secret"
}
smarthost "sales" {
	hosts = "[sales.example.net]"  implicit = true
	senders = "sales@example.com"
}
masquerade { domain = "outside.example" }
relay { except = { "192.0.2.0/24", ".corp.test" } }
access { default = allow  except = { "203.0.113.9" } }
users = "@PREFIX@/users"
END
cat >"$work/why/domains" <<END
example.com  local default
boxes.test   local maildir=$work/why/mail/%u
corp.test    remote host=hub.corp.test:2525 relay=yes
mx.test      remote route=mx
END
printf 'root: admin\nadmin: a@example.net, box@boxes.test\nloop: loop2\nloop2: loop\n' \
	>"$work/why/aliases"
mkdir -p "$work/why/mail/box/new"
echo secret | "$build/waypost" -C "$work/why/waypost.conf" user add \
	--senders printer@example.com printer >/dev/null

explain() { # ARGUMENT...: output in $work/out, code in $code
	"$build/waypost" -C "$work/why/waypost.conf" explain "$@" \
		>"$work/out" 2>&1
	code=$?
}
out() { # PATTERN
	grep -Eq -- "$1" "$work/out" || {
		cat "$work/out"
		return 1
	}
}

explain root
is "an alias: taken" "$code" 0
ok "alias expansion" out '^aliases .*: 2 addresses$'
ok "its first target goes to the smart host" out '^  route +smarthost \[192.0.2.25\]:587'
ok "... by each of its hosts" out '^  host +192\.0\.2\.25 port 587$'
ok "... the second by MX" out '^  host +backup\.example\.net port 25 \(by MX\)$'
ok "session settings" out '^  session +tls verify, user relay, mechanism auto, secret-file /'
ok "the other has a mailbox" out "^  box +maildir $work/why/mail/box$"
explain none@boxes.test
is "no such mailbox" "$code" 69
ok "... and it says so" out 'no such mailbox'
explain loop
is "a circle of aliases waits" "$code" 75
explain x@corp.test
ok "the table entry" out '^  entry +corp\.test remote relay=yes$'
ok "its host, no MX" out '^  host +hub\.corp\.test port 2525 \(no MX\)$'
explain x@mx.test
ok "route=mx" out '^  host +mx\.test port 25 \(by MX\)$'
explain x@example.net --from sales@example.com
ok "the smart host of a sender; it is rewritten first" \
	out '^sender +<sales@example\.com>, rewritten by masquerade to <sales@outside\.example>$'
ok "so that it is the plain one" out '^  route +smarthost \[192'
explain x@example.com
ok "the drop directory" out '^  box +drop directory '

# --- who may ---
explain x@example.net --client 198.51.100.7
is "a stranger may not relay" "$code" 69
ok "which rule, and the reply" \
	out '^relay +refused, rule denied: 550 5\.7\.1 Unable to relay for x@example\.net'
ok "names are not judged" out 'by name'
explain x@example.net --client 192.0.2.7
is "a listed one may" "$code" 0
ok "rule listed" out '^relay +accepted, rule listed$'
explain x@corp.test --client 198.51.100.7
ok "relay=yes" out '^relay +accepted, rule remote-domain-relay$'
explain x@example.com --client 198.51.100.7
ok "a local domain" out '^relay +accepted, rule local-domain$'
explain x@example.net --client 198.51.100.7 --user printer
ok "an authenticated one" out '^relay +accepted, rule authenticated$'
explain x@example.net --client 198.51.100.7 --user printer --from boss@example.com
is "not as anybody" "$code" 69
explain x@example.net --client 198.51.100.7 --user nobody
is "an unknown user has no right" "$code" 69
explain x@example.com --client 203.0.113.9
is "may not connect" "$code" 69
ok "the reply to connect" out '^access +refused: 554 '
explain 'a%example.net@example.com' --client 198.51.100.7
ok "a percent sign is no way around" out '^relay +refused, rule denied: 550'

# --- the command line ---
explain
is "no address" "$code" 64
explain x@example.net --user printer
is "a user without a client" "$code" 64
explain 'not an address'
is "no address at all" "$code" 65
explain x@example.net --client 300.1.1.1
is "no IP address" "$code" 65
explain --help
is "help" "$code" 0

done_testing
