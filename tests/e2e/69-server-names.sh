#!/bin/sh
# Several certificates on one listener, chosen by the name that the client
# asks for (SNI), and changed while sessions are open (F08).  The client is
# openssl s_client.
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
command -v openssl >/dev/null || skip "no openssl"
port=$(free_port) smtps=$(free_port)

certificate() { # FILE NAME SUBJECT-ALTERNATIVE-NAMES
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -days 30 -subj "/CN=$2" -addext "subjectAltName=$3" \
		-keyout "$work/new.key" -out "$work/new.crt" 2>/dev/null
	chmod 600 "$work/new.key"
	# The key first: for a moment the two do not belong together.
	mv "$work/new.key" "$work/a/tls/$1.key"
	mv "$work/new.crt" "$work/a/tls/$1.crt"
}

shown() { # s_client's options: the common name of what the server shows
	openssl s_client "$@" </dev/null 2>/dev/null |
		openssl x509 -noout -subject -nameopt multiline 2>/dev/null |
		sed -n 's/.*commonName *= //p'
}
starttls() { # SERVER-NAME
	shown -starttls smtp -connect "127.0.0.1:$port" -servername "$1"
}
gets() { # SERVER-NAME COMMON-NAME
	[ "$(starttls "$1")" = "$2" ]
}

instance a <<END
users = "@PREFIX@/users"
listen lan { address = "127.0.0.1:$port" }
listen smtps { address = "127.0.0.1:$smtps" tls = implicit
	certificate = "@PREFIX@/tls/own.crt" key = "@PREFIX@/tls/own.key" }
tls { certificate = "@PREFIX@/tls/main.crt" key = "@PREFIX@/tls/main.key" }
certificate wild { certificate = "@PREFIX@/tls/wild.crt"
	key = "@PREFIX@/tls/wild.key" }
certificate second { certificate = "@PREFIX@/tls/second.crt"
	key = "@PREFIX@/tls/second.key" }
END
: >"$prefix/users" && chmod 640 "$prefix/users"
mkdir "$prefix/tls"
certificate main main DNS:a.example.com
certificate own own DNS:own.example.com
certificate wild wild 'DNS:*.example.net'
certificate second second DNS:mx.example.org,DNS:mx.example.net
spawn smtpd "$build/waypost-smtpd" -C "$prefix/waypost.conf"
smtpd=$pid
within 10 listening "$smtps" || skip "waypost-smtpd does not start: $(cat "$work/smtpd.log")"

# --- which one ---

is 'its own name' "$(starttls a.example.com)" main
is 'another name' "$(starttls mx.example.org)" second
is 'in capitals' "$(starttls MX.Example.ORG)" second
is 'a wildcard' "$(starttls any.example.net)" wild
is 'an exact name comes before a wildcard' "$(starttls mx.example.net)" second
is 'a wildcard is one label' "$(starttls a.b.example.net)" main
is 'and not none' "$(starttls example.net)" main
is 'an unknown name: the default' "$(starttls nobody.test)" main
is 'no name: the default' "$(shown -starttls smtp -noservername \
	-connect "127.0.0.1:$port")" main
is 'a common name is none' "$(starttls second)" main
is 'TLS 1.2' "$(shown -tls1_2 -starttls smtp -connect "127.0.0.1:$port" \
	-servername mx.example.org)" second
is 'a listener with its own: that is its default' "$(shown \
	-connect "127.0.0.1:$smtps" -servername a.example.com)" own
is 'and has the others, too' "$(shown \
	-connect "127.0.0.1:$smtps" -servername any.example.net)" wild

# --- live, with a session open ---

mkfifo "$work/words"
openssl s_client -quiet -starttls smtp -crlf -connect "127.0.0.1:$port" \
	-servername mx.example.org <"$work/words" >"$work/held" 2>/dev/null &
client=$!
spawned="$spawned $client"
exec 7>"$work/words"
echo 'EHLO client.test' >&7
ok 'a session is open' within 10 grep -q '^250 ' "$work/held"
certificate second newer DNS:mx.example.org
ok 'a replaced certificate is shown' within 10 gets mx.example.org newer
is 'a name it no longer holds goes to the wildcard' \
	"$(starttls mx.example.net)" wild
echo 'VRFY x' >&7
ok 'the open session goes on' within 10 grep -q '^252 ' "$work/held"
echo garbage >"$work/broken" && mv "$work/broken" "$prefix/tls/second.crt"
ok 'a broken one is in the log' within 10 grep -q \
	'tls listener=lan certificate=.*/second.crt text=' "$work/smtpd.log"
is 'and the old one stays' "$(starttls mx.example.org)" newer
sed 's/^certificate second/certificate third/; s/second\./third./' \
	"$prefix/waypost.conf" >"$work/conf"
certificate third third DNS:mx.example.org,DNS:third.test
mv "$work/conf" "$prefix/waypost.conf"
ok 'one more section' within 10 gets third.test third
echo 'QUIT' >&7
ok 'the first session has heard all' within 10 grep -q '^221 ' "$work/held"
exec 7>&-
kill "$smtpd"
reap "$smtpd" 15
is 'nobody has died' "$(grep -c worker-died "$work/smtpd.log")" 0
done_testing
