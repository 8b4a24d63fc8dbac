#!/bin/sh
# AUTH over the wire by Debian's gsasl(1), on GnuTLS: SCRAM with and without
# channel binding, PLAIN and LOGIN, all behind STARTTLS (F14).  Without
# --no-cb this client will not do SCRAM-SHA-256 beside -PLUS.
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
command -v gsasl >/dev/null || skip "no gsasl"
command -v openssl >/dev/null || skip "no openssl"
port=$(free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	-keyout "$work/key" -out "$work/crt" 2>/dev/null
chmod 600 "$work/key"

instance a <<END
users = "@PREFIX@/users"
listen lan { address = "127.0.0.1:$port" }
tls { certificate = "$work/crt" key = "$work/key" }
END
printf 'correct horse\n' |
	"$build/waypost" -C "$prefix/waypost.conf" user add joe
spawn smtpd "$build/waypost-smtpd" -C "$prefix/waypost.conf"
within 10 listening "$port" || skip "waypost-smtpd does not start"

login() { # PASSWORD USER MECHANISM [OPTION...]: gsasl's exit code
	secret=$1 user=$2 mechanism=$3
	shift 3
	timeout 30 gsasl --smtp --connect="localhost:$port" \
		--x509-ca-file="$work/crt" --hostname=localhost \
		--mechanism="$mechanism" --authentication-id="$user" \
		--authorization-id= --password="$secret" "$@" \
		</dev/null >"$work/said" 2>&1
}
greets() { # MECHANISM [OPTION...]
	login 'correct horse' joe "$@" && grep -q '^STARTTLS' "$work/said" &&
		grep -q '^235 2.7.0' "$work/said"
}
refuses() { # PASSWORD USER MECHANISM [OPTION...]
	! login "$@" && grep -q '^535 5.7.8' "$work/said"
}
try() { # WHAT MECHANISM [OPTION...]: the right password makes up for the wrong
	what=$1
	shift
	ok "F14 $what: a wrong password" refuses 'wrong horse' joe "$@"
	ok "$what" greets "$@"
}

old=NORMAL:-VERS-TLS1.3
try 'SCRAM-SHA-256-PLUS, tls-exporter' SCRAM-SHA-256-PLUS
try 'SCRAM-SHA-256-PLUS, tls-unique' SCRAM-SHA-256-PLUS --priority=$old
try SCRAM-SHA-256 SCRAM-SHA-256 --no-cb
try PLAIN PLAIN
try LOGIN LOGIN
ok 'F14 nobody' refuses 'correct horse' nobody SCRAM-SHA-256-PLUS
done_testing
