#!/bin/sh
# Real servers as smart host: OpenSMTPD and Exim (tests/partners), each with
# STARTTLS and AUTH, handing on to a recording server; and aiosmtpd.  What
# arrives is the input after the documented transforms and nothing else
# (INV4), and a body that tries to smuggle is one message (E24).
#
# The two need users and directories of their own: they get them in a mount
# namespace, which needs root.
#   24-servers.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
command -v openssl >/dev/null || skip "no openssl"
chmod 711 "$work"

# --- letters: what is sent ---

mkdir "$work/letters"
"$python" - "$work/letters" <<'END'
import os, sys
head = (b"From: A <me@example.com>\nTo: u@x.test\nSubject: =?utf-8?q?x?=\n"
        b" folded\tline \nDate: Tue, 24 Nov 2026 12:00:00 +0000\n"
        b"Message-ID: <%s@example.com>\nX-Unique: %s.\n"
        b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        b"Content-Transfer-Encoding: 8bit\n\n")
evil = (b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\n"
        b"Subject: smuggled\r\n\r\nsmuggled\r\n")
bodies = {
    "plain": b"hello\n",
    "dots": b".\n..\n.a\n...\n a .\n.\n",
    "empty": b"",
    "blank": b"\n\n\n",
    "open": b"no line end at the end",
    "eight": "Grüße, 世界\n".encode() * 3,
    "long": b"x" * 998 + b"\n." + b"y" * 997 + b"\n",
    "large": (b"." + b"z" * 70 + b"\n") * 20000,
    "from": b"From me to you\n>From me\n",
}
ends = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n",
        b"\n.\r", b"\r.\n", b"\n\n.\r\n", b"\r\r\n.\r\n", b"\n.\n\r\n",
        b"\r\n..\r\n", b"\r\n.\r\n"]
for i, end in enumerate(ends):
    bodies["evil%d" % (i + 1)] = b"text" + end + evil
for name, body in bodies.items():
    unique = name.encode()
    with open(os.path.join(sys.argv[1], name), "wb") as f:
        f.write(head % (unique, unique) + body)
END

# What arrived, against what was sent.
cat >"$work/compare.py" <<'END'
"""compare.py LETTERS SAVED: one line for each difference.

Undone are the dots of the wire and the Received fields on top.  Of the input
LF and CRLF, and CRs before a LF, are line ends; any other CR is a blank."""
import glob, os, re, sys

def normal(data):
    data = re.sub(rb"\r*\n", b"\n", data).replace(b"\r", b" ")
    return data if data.endswith(b"\n") else data + b"\n"

sent = {name: open(os.path.join(sys.argv[1], name), "rb").read()
        for name in os.listdir(sys.argv[1])}
got = {}
for path in glob.glob(os.path.join(sys.argv[2], "*.msg")):
    raw = open(path, "rb").read()
    match = re.search(rb"^X-Unique: (\w+)\.", raw, re.M)
    if not match:
        print("a message of unknown origin:", raw[:200])
        continue
    name = match.group(1).decode()
    if name in got:
        print(name, "came twice")
    got[name] = raw
    envelope = open(path[:-4] + ".env").read()
    if re.findall("<(.*?)>", envelope) != ["me@example.com", "u@x.test"]:
        print(name, "has another envelope:", envelope)
for name, raw in sorted(got.items()):
    if re.search(rb"(?<!\r)\n|\r(?!\n)", raw):
        print(name, "has a bare CR or LF on the wire")
    raw = re.sub(rb"^\.", b"", raw, flags=re.M)
    while raw.startswith(b"Received:"):
        raw = re.sub(rb"\AReceived:.*?\r\n(?![ \t])", b"", raw, flags=re.S)
    want = sent[name]
    if normal(raw) != normal(want):
        a, b = normal(raw), normal(want)
        at = next((i for i in range(min(len(a), len(b))) if a[i] != b[i]),
                  min(len(a), len(b)))
        print(name, "differs at", at, a[at - 20:at + 40], b[at - 20:at + 40])
for name in sorted(set(sent) - set(got)):
    print(name, "did not arrive")
END

arrived() { # NAME SERVER
	"$python" "$work/compare.py" "$work/letters" "$work/$2.saved" \
		>"$work/differences" 2>&1
	: >"$work/none"
	same "$1" "$work/differences" "$work/none"
}

# --- places ---

(
	cd "$work" || exit 1
	umask 077
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt \
		-days 30 -subj "/CN=waypost test" \
		-addext basicConstraints=critical,CA:TRUE
	for name in good other; do
		openssl req -newkey rsa:2048 -nodes -keyout $name.key \
			-out $name.csr -subj "/CN=$name"
		[ $name = good ] && echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
			>ext || echo 'subjectAltName=DNS:elsewhere.test' >ext
		openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key \
			-CAcreateserial -days 30 -extfile ext -out $name.crt
	done
	printf 'correct horse\n' >secret
	printf 'wrong\n' >wrong
) >"$work/openssl.log" 2>&1 || skip "openssl makes no certificates"
chmod 644 "$work"/*.crt

# One smart host on $port; settings of it as arguments.
place() {
	rm -rf "$work/a" "$work/a.carrier.log"
	instance a <<-END
	smarthost { hosts = { "${host:-[127.0.0.1]}:$port" } $* }
	outbound { connect-timeout = "20s" timeout = "20s" }
	queue { retry = { "1h" } }
	limits { message-size = "20M" }
	END
	echo 'example.com local default' >"$work/a/domains"
}

send_letters() {
	for letter in "$work"/letters/*; do
		sendmail a -oi -f me@example.com u@x.test <"$letter" 2>/dev/null ||
			diag "sendmail refuses ${letter##*/}: $?"
	done
}

login="user = \"relay\" secret-file = \"$work/secret\""
wrong="user = \"relay\" secret-file = \"$work/wrong\""
verify="tls = verify ca-file = \"$work/ca.crt\""

# --- a server that takes LF and CR for line ends: our own wire (E24) ---

mx lf --lf-tolerant
place tls = none
send_letters
drain a
is "E24 nothing is left" "$(queued a)" 0
arrived "E24 INV4 each letter is one message, octet by octet" lf
mkdir "$work/clean"
for letter in "$work"/letters/evil*; do
	{
		printf 'x-sender: me@example.com\r\nx-receiver: u@x.test\r\n'
		cat "$letter"
	} >"$work/clean/${letter##*/}.eml"
done
rm -f "$work"/lf.saved/*
place tls = none
mv "$work"/clean/*.eml "$work/a/spool/pickup/"
drain a
is "E24 by the pickup directory: 13 messages or fewer, none smuggled" \
	"$(grep -l 'victim' "$work"/lf.saved/*.env 2>/dev/null | wc -l)" 0
is "E24 ... taken or refused with a reason" \
	"$(($(saved lf) + $(files "$work/a/spool/badmail") / 2))" 13
stop lf

# --- OpenSMTPD and Exim ---

mx sink
sink_port=$port

cat >"$work/enter.sh" <<'END'
# In a mount namespace of our own: users and directories, then the server.
set -e
work=$1
libexec=$2
shift 2
mount --make-rprivate /
cp /etc/passwd "$work/passwd"
cp /etc/group "$work/group"
home=/var/lib/opensmtpd/empty
cat >>"$work/passwd" <<-E
opensmtpd:x:64990:64990::$home:/usr/sbin/nologin
opensmtpq:x:64991:64991::$home:/usr/sbin/nologin
Debian-exim:x:64992:64992::/var/spool/exim4:/usr/sbin/nologin
E
cat >>"$work/group" <<-E
opensmtpd:x:64990:
opensmtpq:x:64991:
Debian-exim:x:64992:
E
mount --bind "$work/passwd" /etc/passwd
mount --bind "$work/group" /etc/group
for dir in /var/spool /var/lib /run /usr/libexec; do
	mkdir -p $dir
	mount -t tmpfs -o mode=755 none $dir
done
mkdir -p $home /var/lib/exim4 /var/spool/exim4
mkdir -m 711 /var/spool/smtpd
[ ! -d "$libexec" ] || cp -r "$libexec" /usr/libexec/
[ ! -e "$work/exim.conf" ] || install -m 644 "$work/exim.conf" \
	/var/lib/exim4/config.autogenerated
chown 64992:64992 /var/spool/exim4
exec "$@"
END
namespaces() {
	[ "$(id -u)" -eq 0 ] && unshare -m sh -c 'mount --make-rprivate / &&
		mount -t tmpfs none /run' 2>/dev/null
}
libraries() { # PACKAGE...
	for package in "$@"; do
		for dir in "$partners/$package"/usr/lib/*-linux-gnu* \
			"$partners/$package"/lib/*-linux-gnu*; do
			[ ! -d "$dir" ] || printf '%s:' "$dir"
		done
	done
}

opensmtpd() { # CERTIFICATE, or nothing: in clear
	listen="tls-require pki p auth <creds>"
	[ $# -gt 0 ] || listen=
	set -- "${1:-good}"
	printf 'relay %s\n' "$(openssl passwd -6 'correct horse')" >"$work/creds"
	chmod 644 "$work/creds"
	cat >"$work/smtpd.conf" <<-END
	pki p cert "$work/$1.crt"
	pki p key "$work/$1.key"
	table creds file:$work/creds
	listen on 127.0.0.1 port $port $listen hostname o.test
	action "out" relay host smtp://127.0.0.1:$sink_port
	match from any for any action "out"
	END
	chmod 600 "$work/smtpd.conf"
	spawn opensmtpd env LD_LIBRARY_PATH="$(libraries opensmtpd)" \
		unshare -m sh "$work/enter.sh" "$work" \
		"$partners/opensmtpd/usr/libexec/opensmtpd" \
		"$partners/opensmtpd/usr/sbin/smtpd" -d -f "$work/smtpd.conf"
}

exim() { # CERTIFICATE
	cp "$work/$1.crt" "$work/exim.crt"
	cp "$work/$1.key" "$work/exim.key"
	chown 64992 "$work/exim.key"
	cat >"$work/exim.conf" <<-END
	primary_hostname = e.test
	exim_path = $partners/exim4-daemon-light/usr/sbin/exim4
	keep_environment = LD_LIBRARY_PATH
	daemon_smtp_ports = $port
	local_interfaces = 127.0.0.1
	tls_advertise_hosts = *
	tls_certificate = $work/exim.crt
	tls_privatekey = $work/exim.key
	acl_smtp_rcpt = rcpt
	log_file_path = /var/spool/exim4/%slog
	spool_directory = /var/spool/exim4
	pid_file_path = /var/spool/exim4/pid
	queue_run_in_order
	rfc1413_query_timeout = 0s
	host_lookup =
	accept_8bitmime = true
	message_size_limit = 20M
	begin acl
	rcpt:
	  accept authenticated = *
	  deny message = relay not permitted
	begin routers
	all:
	  driver = manualroute
	  route_list = * 127.0.0.1::$sink_port
	  transport = smtp
	  self = send
	begin transports
	smtp:
	  driver = smtp
	  allow_localhost
	  hosts_avoid_tls = *
	begin retry
	* * F,1h,1m
	begin authenticators
	plain:
	  driver = plaintext
	  public_name = PLAIN
	  server_prompts = :
	  server_condition = \${if and {{eq{\$auth2}{relay}}\\
	    {eq{\$auth3}{correct horse}}}}
	  server_set_id = \$auth2
	  server_advertise_condition = \${if def:tls_in_cipher}
	END
	spawn exim env LD_LIBRARY_PATH="$(libraries exim4-daemon-light)" \
		unshare -m sh "$work/enter.sh" "$work" none \
		"$partners/exim4-daemon-light/usr/sbin/exim4" -bdf -q1m
}

# Does what listens on $port manage a handshake?
handshakes() {
	openssl s_client -starttls smtp -tls1_2 -connect "127.0.0.1:$port" \
		</dev/null 2>/dev/null | grep -q 'Cipher is [A-Z]'
}

start() { # FUNCTION [CERTIFICATE]
	port=$(free_port)
	rm -f "$work"/sink.saved/*
	"$@"
	server=$pid
	within 20 listening "$port" && return
	diag "$1 does not start here:"
	diag <"$work/$1.log"
	return 1
}

hands_on() { # FUNCTION; the letters are in the queue
	drain a
	is "$1 takes everything" "$(queued a)" 0
	is "$1 ... no attempt failed" \
		"$(grep ' attempt ' "$work/a.carrier.log" | grep -vc verdict=done)" 0
	within 60 have_saved sink "$(files "$work/letters")"
	arrived "$1 INV4 E24 what it hands on is what was sent" sink
}

# Everything that a smart host has to be able to do.
as_smart_host() { # FUNCTION
	start "$1" good || return
	handshakes || {
		# OpenSMTPD 6.8 keeps its key in a process apart, in a way that
		# some OpenSSL 3.0 does not know any more.
		diag "$1 manages no TLS handshake here: in clear only"
		stop_server
		start "$1" || return
		place tls = none
		send_letters
		hands_on "$1"
		stop_server
		return
	}
	place $verify $wrong
	post a w1 me@example.com u@x.test
	drain a
	ok "$1 F23 a wrong password: waits" logged a 'verdict=later .*535'
	is "$1 F23 ... no report" "$(files "$work/a/spool/drop")" 0
	cp "$work/secret" "$work/wrong"
	drain a --flush
	is "$1 F23 ... and goes once it is right" "$(queued a)" 0
	printf 'wrong\n' >"$work/wrong"
	within 30 have_saved sink 1
	rm -f "$work"/sink.saved/*

	place $verify $login
	send_letters
	hands_on "$1"
	ok "$1 ... over TLS, as the log says" logged a \
		'tls="TLSv1.[23] [^"]*verified" verdict=done'

	host='[localhost]' place $verify $login
	post a n1 me@example.com u@x.test
	drain a
	is "$1 by name, verified" "$(queued a)" 0
	place tls = verify $login
	post a v1 me@example.com u@x.test
	drain a
	ok "$1 an authority that nobody knows: waits" logged a \
		'verdict=later .*certificate'
	is "$1 ... in the queue" "$(queued a)" 1

	stop_server
	start "$1" other
	place $verify $login
	post a o1 me@example.com u@x.test
	drain a
	ok "$1 a certificate for another name: waits" logged a \
		'verdict=later .*certificate'
	is "$1 ... in the queue" "$(queued a)" 1
	stop_server
}

stop_server() { # what spawn started last; its children, too
	kill "$server" 2>/dev/null
	reap "$server" 5
}

if namespaces; then
	for kind in opensmtpd exim; do
		case $kind in
		exim) have_partner exim4-daemon-light ;;
		*) have_partner opensmtpd ;;
		esac || {
			diag "no $kind unpacked: run tests/partners"
			continue
		}
		as_smart_host $kind
	done
else
	diag "no mount namespaces: without OpenSMTPD and Exim"
fi
stop sink

# --- aiosmtpd ---

if "$python" -c 'import aiosmtpd' 2>/dev/null; then
	port=$(free_port)
	mkdir "$work/aio.saved"
	cat >"$work/aio.py" <<'END'
import asyncio, os, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

port, certificate, key, saved = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)

class Handler:
    n = 0

    async def handle_DATA(self, server, session, envelope):
        Handler.n += 1
        stem = os.path.join(saved, "%d" % Handler.n)
        # It has taken the dots away; the comparison expects them.
        raw = b"\r\n".join(
            b"." + line if line.startswith(b".") else line
            for line in envelope.original_content.split(b"\r\n"))
        with open(stem + ".env", "w") as f:
            f.write("<%s>\n" % envelope.mail_from)
            f.writelines("<%s>\n" % r for r in envelope.rcpt_tos)
        with open(stem + ".msg.tmp", "wb") as f:
            f.write(raw)
        os.rename(stem + ".msg.tmp", stem + ".msg")
        return "250 2.0.0 got it"

def check(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"relay" and
                      data.password == b"correct horse", handled=False)

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Handler(), hostname="aio.test", tls_context=context,
                     require_starttls=True, authenticator=check,
                     auth_required=True, data_size_limit=0),
        "127.0.0.1", int(port))
    await server.serve_forever()

asyncio.run(main())
END
	spawn aio "$python" "$work/aio.py" "$port" "$work/good.crt" \
		"$work/good.key" "$work/aio.saved"
	ok "aiosmtpd starts" within 10 listening "$port"
	place $verify $login
	send_letters
	drain a
	is "aiosmtpd takes everything" "$(queued a)" 0
	arrived "aiosmtpd INV4 E24 has what was sent" aio
	place $verify $wrong
	post a w1 me@example.com u@x.test
	drain a
	ok "aiosmtpd F23 a wrong password: waits" logged a 'verdict=later .*535'
	is "aiosmtpd F23 ... in the queue" "$(queued a)" 1
else
	diag "no python3-aiosmtpd"
fi

ok "no sanitizer complains" sane
done_testing
