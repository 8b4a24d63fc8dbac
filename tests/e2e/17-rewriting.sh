#!/bin/sh
# Rewriting where mail enters, the same through every door: sendmail, -bs,
# pickup, the unix socket, SMTP from this host; and what a stranger's mail
# keeps (A49, R33, C17).
#   17-rewriting.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost-smtpd" ] || skip 'no waypost-smtpd'

port=$(free_port)
instance a <<-END
	smarthost { hosts = { "[127.0.0.1]:9" }  tls = none }
	listen "local" { address = "@PREFIX@/smtp.sock" }
	listen "lan" { address = "127.0.0.1:$port"  proxies = { "127.0.0.1" } }
	relay { except = { "127.0.0.1", "192.0.2.0/24" } }
	masquerade {
		domain = "m.example"
		exempt = { "root" }
		senders = { "cron=cron@isp.example" }
		header-from = true
		clients = { "192.0.2.7" }
	}
END
spool=$work/a/spool new=$work/a/spool/queue/new
echo 'example.com local default' >"$work/a/domains"
spawn smtpd "$build/waypost-smtpd" -C "$work/a/waypost.conf"
ok 'the listener listens' within 10 listening "$port"

# --- doors: the message is $work/in, the sender $from ---

by_sendmail() {
	sendmail a -i -f "$from" u@x.test <"$work/in"
}
by_bs() {
	dialogue | sendmail a -bs >/dev/null
}
by_pickup() {
	{ echo "x-sender: $from"; echo 'x-receiver: u@x.test'; cat "$work/in"
	} >"$spool/pickup/.m"
	mv "$spool/pickup/.m" "$spool/pickup/m.eml"
	spawn waypostd "$build/waypostd" -C "$work/a/waypost.conf"
	within 20 sh -c "! [ -e '$spool/pickup/m.eml' ]"
	kill "$pid"
	reap "$pid" 20
}
by_socket() {
	over "$work/a/smtp.sock"
}
by_host() {
	over "$port" 'PROXY TCP4 127.0.0.1 127.0.0.1 9 25'
}
by_client() {
	over "$port" 'PROXY TCP4 192.0.2.7 127.0.0.1 9 25'
}
by_stranger() {
	over "$port" 'PROXY TCP4 192.0.2.8 127.0.0.1 9 25'
}
dialogue() {
	printf 'EHLO c.test\r\nMAIL FROM:<%s>\r\nRCPT TO:<u@x.test>\r\nDATA\r\n' "$from"
	sed 's/$/\r/' "$work/in"
	printf '.\r\nQUIT\r\n'
}
over() { # PORT-OR-PATH [FIRST-LINE]
	dialogue >"$work/dialogue"
	"$python" - "$1" "${2-}" "$work/dialogue" <<-'END'
	import socket, sys
	to, first, path = sys.argv[1:]
	s = socket.socket(socket.AF_UNIX if "/" in to else socket.AF_INET)
	s.settimeout(30)
	s.connect(to if "/" in to else ("127.0.0.1", int(to)))
	if first:
	    s.sendall(first.encode() + b"\r\n")
	f = s.makefile("rb")
	def hear():
	    while (line := f.readline())[3:4] == b"-":
	        pass
	    return line
	hear()
	data = open(path, "rb").read()
	at = data.index(b"DATA\r\n") + 6
	for line in data[:at].splitlines(keepends=True):
	    s.sendall(line)
	    if hear()[:1] not in b"23":
	        sys.exit("refused")
	s.sendall(data[at:])
	sys.exit(hear()[:3] != b"250")
	END
}

# The envelope sender, then the fields in order of their names but for those
# that were added, with their folding.
result() { # DOOR
	rm -f "$new"/*
	"by_$1" >"$work/$1.out" 2>&1 || return 1
	"$python" - "$new" <<-'END'
	import os, re, sys
	path = os.path.join(sys.argv[1], sorted(os.listdir(sys.argv[1]))[0])
	raw = open(path, "rb").read()
	m = re.match(rb"waypost-batch 1\nM (\d+) (\d+) .*\n", raw)
	at = m.end() + int(m[1])
	envelope = raw[m.end():at].decode()
	head = raw[at:at + int(m[2])].split(b"\r\n\r\n")[0].decode() + "\r\n"
	print("sender", re.search(r"^from: ?(.*)$", envelope, re.M)[1])
	for field in re.findall(r"[^:\r\n]+:.*\r\n(?:[ \t].*\r\n)*", head):
	    name = field.split(":")[0]
	    if name in ("Date", "Message-ID"):
	        print(name + ": added")
	    elif name != "Received":
	        print(field.replace("\r\n", "\n"), end="")
	END
}

# --- our own mail ---

cat >"$work/in" <<END
Subject: of root <root>
From: "Doe, Jo" <jo> (a (nested) comment)
To: bob,
	alice (A) , carol@else.example
Cc: friends: root, x@y.example;
Bcc: hidden
Reply-To: jo@example.com, cron
Sender: root

END
cat >"$work/own" <<END
sender jo@m.example
Subject: of root <root>
From: "Doe, Jo" <jo@m.example> (a (nested) comment)
To: bob@example.com,
	alice@example.com (A) , carol@else.example
Cc: friends: root@example.com, x@y.example;
Reply-To: jo@m.example, cron@isp.example
Sender: root@example.com
Date: added
Message-ID: added
END
from=jo@a.example.com
for door in sendmail bs pickup socket host client; do
	result "$door" >"$work/result"
	same "A49 C17 by $door" "$work/result" "$work/own"
done

# --- a stranger's ---

{ echo 'sender jo@m.example'; sed '$d' "$work/in"; } >"$work/foreign"
result stranger >"$work/result"
same "a stranger's header stays; a sender of ours has its outer name" \
	"$work/result" "$work/foreign"

# --- senders ---

: >"$work/in"
for row in \
	'jo@else.example jo@else.example jo@else.example' \
	'root@example.com root@example.com root@example.com' \
	'cron@a.example.com cron@isp.example cron@isp.example'; do
	set -- $row
	from=$1
	is "$1 from here" "$(result sendmail | grep ^sender)" "sender $2"
	is "$1 from there" "$(result stranger | grep ^sender)" "sender $3"
done
from=
is 'the null sender stays' "$(result sendmail | grep ^sender)" 'sender '
is '... a stranger'\''s, too' "$(result stranger | grep ^sender)" 'sender '

# One sender for all; live, without a restart.
sed 's/exempt = .*/from = "one@isp.example"/' "$work/a/waypost.conf" >"$work/conf"
cp "$work/conf" "$work/a/waypost.conf"
from=jo@else.example
echo 'From: Jo <jo@else.example>' >"$work/in"
is 'masquerade.from' "$(result sendmail | grep -c 'one@isp.example')" 2
changed() {
	[ "$(result client | grep -c 'one@isp.example')" = 2 ]
}
ok '... and over SMTP, live' within 10 changed
is '... not for strangers' \
	"$(result stranger | grep -c 'one@isp.example')" 0
from=
is '... and not for <>' "$(result sendmail | grep ^sender)" 'sender '

done_testing
