#!/bin/sh
# The PROXY protocol with Debian's HAProxy in front, both versions: the
# listener sees the client's address and judges by it; who is no listed proxy
# cannot claim one (D20).
#   67-haproxy.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"
command -v haproxy >/dev/null || skip "no haproxy"

direct=$(free_port)
one=$(free_port)
two=$(free_port)
instance relay <<END
smarthost { hosts = { "[127.0.0.1]:9" } tls = none }
listen "lan" { address = "127.0.0.1:$direct"  proxies = { "127.0.0.1" } }
relay { default = deny  except = { "127.0.0.9" } }
END
conf=$work/relay/waypost.conf
spawn listener "$build/waypost-smtpd" -C "$conf"
ok "listens" within 10 listening "$direct"

cat >"$work/haproxy.cfg" <<END
defaults
	mode tcp
	timeout connect 5s
	timeout client 30s
	timeout server 30s
listen v1
	bind 127.0.0.1:$one
	server waypost 127.0.0.1:$direct send-proxy
listen v2
	bind 127.0.0.1:$two
	server waypost 127.0.0.1:$direct send-proxy-v2
END
spawn haproxy haproxy -db -f "$work/haproxy.cfg"
ok "haproxy listens" within 10 listening "$two"

# What a client from this address reads for a foreign recipient.
ask() { # SOURCE PORT
	"$python" - "$1" "$2" <<-'END'
	import smtplib, sys
	s = smtplib.SMTP("127.0.0.1", int(sys.argv[2]), timeout=20,
	                 local_hostname="client.test",
	                 source_address=(sys.argv[1], 0))
	s.ehlo()
	s.mail("sender@client.test")
	print(s.rcpt("user@remote.test")[0])
	END
}
is "v1: a listed client relays" "$(ask 127.0.0.9 "$one")" 250
is "v1: another does not" "$(ask 127.0.0.8 "$one")" 550
is "v2: a listed client relays" "$(ask 127.0.0.9 "$two")" 250
is "v2: another does not" "$(ask 127.0.0.8 "$two")" 550
ok "the log has the client's address, not the proxy's" \
	within 5 grep -q 'refused client=127\.0\.0\.8 ' "$work/listener.log"

# 127.0.0.7 is no proxy: its PROXY line is a command like any other.
claim() {
	"$python" - "$direct" <<-'END'
	import socket, sys
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20,
	                             ("127.0.0.7", 0))
	f = s.makefile("rwb", buffering=0)
	f.readline()
	f.write(b"PROXY TCP4 127.0.0.9 127.0.0.1 1 25\r\n")
	print(f.readline()[:1].decode())
	f.write(b"EHLO x.test\r\n")
	while f.readline()[3:4] == b"-":
	    pass
	f.write(b"MAIL FROM:<>\r\n")
	f.readline()
	f.write(b"RCPT TO:<user@remote.test>\r\n")
	print(f.readline()[:3].decode())
	END
}
is "D20 who is no proxy cannot claim an address" "$(claim | tr '\n' ' ')" \
	"5 550 "

# A listed proxy that sends none is let go.
silent() {
	"$python" - "$direct" <<-'END'
	import socket, sys
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
	s.sendall(b"EHLO x.test\r\n")
	try:
	    print(len(s.recv(100)))
	except ConnectionResetError:
	    print(0)
	END
}
is "D20 a listed proxy without the header" "$(silent)" 0
done_testing
