#!/bin/sh
# Real clients bring mail to waypost-smtpd; it arrives octet by octet.
#   65-clients.sh BUILD
# Other mailers relay through it from a root of their own, if we are root.
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
port=$(free_port)
smtps=$(free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-days 30 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
	-keyout "$work/key" -out "$work/crt" 2>/dev/null
instance a <<END
users = "@PREFIX@/users"
listen "lan" { address = "127.0.0.1:$port" }
listen "smtps" { address = "127.0.0.1:$smtps" tls = implicit }
tls { certificate = "$work/crt" key = "$work/key" }
relay { except = { "127.0.0.2" } }
limits { per-client = 1000 }
END
echo 'example.com local default' >"$work/a/domains"
new=$work/a/spool/queue/new
mkdir "$work/saved"
(cd "$top/tests/e2e" && "$python" -c 'import sys
sys.dont_write_bytecode = True
from dialog import verifier
print(verifier("joe", "secret word"), end="")') >"$work/a/users"
chmod 600 "$work/a/users"
spawn smtpd "$build/waypost-smtpd" -C "$work/a/waypost.conf"
within 10 listening "$smtps" || skip "waypost-smtpd does not start"

# What each client sends: dots, 8-bit text, a long line, blanks at the end.
{
	printf 'From: a@b.test\r\nTo: u@example.com\r\nSubject: t\r\n'
	printf 'Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n'
	printf 'Message-ID: <1@b.test>\r\n\r\n'
	printf '.\r\n..\r\n.dot\r\n gr\303\274\303\237e \r\n\t\r\n'
	printf '%0900d\r\n\r\nFrom here\r\n\r\n' 1
} >"$work/crlf"
sed 's/\r$//' "$work/crlf" >"$work/lf"

forget() {
	rm -f "$new"/* "$work/saved"/*
}

look() {
	rm -f "$work/saved"/*
	"$python" "$top/tests/e2e/queued.py" "$new" "$work/saved"
}

arrived() { # NUMBER
	look && [ -e "$work/saved/$1.text" ]
}

# One message, equal to the octet, for these recipients.
whole() { # NAME RECIPIENTS WITH
	ok "$1: one message" within 15 arrived 1
	same "$1: equal" "$work/saved/1.text" "$work/crlf"
	is "$1: recipients and protocol" \
		"$(cat "$work/saved/1.rcpts" "$work/saved/1.with" 2>&1)" "$2$3"
}

# --- curl, swaks, python ---

curl_mail() { # URL [OPTION...]
	forget
	url=$1
	shift
	curl -sS --max-time 20 "$url" --mail-from a@b.test \
		--mail-rcpt u@example.com -T "$work/crlf" "$@" >"$work/out" 2>&1
	echo $? >>"$work/out"
}
curl_mail "smtp://127.0.0.1:$port/client.test"
whole curl u@example.com ESMTP
curl_mail "smtp://127.0.0.1:$port/client.test" --ssl-reqd --cacert "$work/crt" \
	--mail-rcpt u@remote.test -u 'joe:secret word'
whole 'curl, STARTTLS, AUTH' 'u@example.com u@remote.test' ESMTPSA
curl_mail "smtps://127.0.0.1:$smtps/client.test" --cacert "$work/crt" \
	-u 'joe:secret word' --login-options AUTH=LOGIN
whole 'curl, implicit TLS, LOGIN' u@example.com ESMTPSA
curl_mail "smtp://127.0.0.1:$port/client.test" --mail-rcpt u@remote.test
ok 'curl: a refused recipient' grep -q '550' "$work/out"
curl_mail "smtp://127.0.0.1:$port/client.test" --mail-rcpt u@remote.test \
	--interface 127.0.0.2
whole 'curl, a listed client' 'u@example.com u@remote.test' ESMTP

if command -v swaks >/dev/null; then
	forget
	ok 'swaks' swaks --server "127.0.0.1:$port" --from a@b.test \
		--to u@example.com --data "@$work/lf" -tls
	# It ends a message with a line of its own.
	printf '\r\n' | cat "$work/crlf" - >"$work/swaks"
	look
	same 'swaks: equal' "$work/saved/1.text" "$work/swaks"
fi

forget
ok 'python' "$python" - "$port" "$work/crlf" <<'END'
import smtplib, ssl, sys
text = open(sys.argv[2], "rb").read()
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=30) as s:
    s.starttls(context=context)
    s.login("joe", "secret word")
    s.sendmail("joe@example.com", ["u@remote.test", "u@example.com"], text,
               mail_options=["BODY=8BITMIME"])
    try:
        s.sendmail("a@b.test", ["<bad"], text)
    except smtplib.SMTPRecipientsRefused:
        pass
END
whole python 'u@example.com u@remote.test' ESMTPSA

partner_here() { # as partner, without becoming it
	(partner "$@")
}

# --- clients that are unpacked ---

if have_partner msmtp; then
	forget
	ok msmtp partner_here msmtp usr/bin/msmtp --host=127.0.0.1 \
		--port="$port" --from=a@b.test -- u@example.com <"$work/lf"
	whole msmtp u@example.com ESMTP
	forget
	ok 'msmtp, TLS, AUTH' partner_here msmtp usr/bin/msmtp \
		--host=127.0.0.1 --port="$smtps" --from=a@b.test --tls=on \
		--tls-starttls=off --tls-trust-file="$work/crt" --auth=on \
		--user=joe --passwordeval="echo 'secret word'" -- \
		u@remote.test <"$work/lf"
	whole 'msmtp, TLS, AUTH' u@remote.test ESMTPSA
fi
if have_partner nullmailer; then
	forget
	# As its queue manager calls it: envelope and text on 3.
	{
		printf 'a@b.test\nu@example.com\n\n'
		cat "$work/lf"
	} >"$work/nullmailer"
	printf 'host=127.0.0.1\nport=%s\n\n' "$port" >"$work/options"
	(
		exec 3<"$work/nullmailer"
		HELOHOST=client.test
		export HELOHOST
		partner nullmailer usr/lib/nullmailer/smtp
	) <"$work/options" >"$work/out" 2>&1
	is 'nullmailer' $? 0
	diag <"$work/out"
	whole nullmailer u@example.com SMTP # it says HELO
fi
if have_partner postfix; then
	forget
	ok 'smtp-source: 200 messages in 10 sessions, reconnecting' \
		partner_here postfix usr/sbin/smtp-source -s 10 -m 200 -l 4096 \
		-f a@b.test -t u@example.com "127.0.0.1:$port"
	look
	is 'smtp-source: all are there' \
		"$(find "$work/saved" -name '*.text' | wc -l)" 200
	forget
	ok 'smtp-source: kept sessions, 20 recipients' \
		partner_here postfix usr/sbin/smtp-source -d -s 5 -m 50 -r 20 \
		-l 100 -f a@b.test -t u@example.com "127.0.0.1:$port"
	look
	is 'smtp-source: all recipients are there' \
		"$(cat "$work/saved"/*.rcpts | tr ' ' '\n' | grep -c u@example)" \
		$(cat "$work/saved"/*.rcpts | wc -w)
fi

# --- mailers that relay through it ---

bring() { # PORT: to a mailer, which sends it on
	"$python" - "$1" "$work/crlf" <<-'END'
	import smtplib, sys
	with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=30) as s:
	    s.sendmail("a@b.test", ["u@example.com", "v@example.com"],
	               open(sys.argv[2], "rb").read(),
	               mail_options=["BODY=8BITMIME"])
	END
}

relays() { # NAME PORT WITH: what it sends on is whole
	forget
	ok "$1: takes it" bring "$2"
	whole "$1 relays" 'u@example.com v@example.com' "$3"
}

mailer() { # NAME SCRIPT ARGUMENT...: in name spaces with which it ends
	mailer_name=$1
	shift
	spawn "$mailer_name" unshare -m -p -f --kill-child \
		--propagation private "$@"
}

if [ "$(id -u)" -ne 0 ] || ! unshare -m -p -f true 2>/dev/null; then
	diag 'other mailers: needs root and name spaces'
	done_testing
fi
if have_partner postfix; then
	postfix_port=$(free_port)
	mailer postfix "$top/tests/bench/postfix" "$partners/postfix" \
		"$work/postfix" "$postfix_port" "relayhost = [127.0.0.1]:$port" \
		'smtp_tls_security_level = may' 'relay_domains = example.com' \
		'smtpd_relay_restrictions = permit_mynetworks, reject' \
		'maillog_file = /dev/stdout' 'alias_maps ='
	if within 60 listening "$postfix_port"; then
		relays postfix "$postfix_port" ESMTPS
	else
		fail 'postfix starts'
		diag <"$work/postfix.log"
	fi
fi
if have_partner opensmtpd; then
	opensmtpd_port=$(free_port)
	mailer opensmtpd "$top/tests/e2e/opensmtpd" "$partners/opensmtpd" \
		"$work/opensmtpd" "$opensmtpd_port" "$port"
	if within 60 listening "$opensmtpd_port"; then
		relays OpenSMTPD "$opensmtpd_port" ESMTP
	else
		fail 'OpenSMTPD starts'
		diag <"$work/opensmtpd.log"
	fi
fi
done_testing
