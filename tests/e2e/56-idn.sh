#!/bin/sh
# Domains above ASCII: U-labels and A-labels are one domain for the DNS, for
# destinations, for the domain table and at each door.
#   56-idn.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
[ -x "$build/waypost-smtpd" ] || skip "no waypost-smtpd"

spawn names "$python" -B "$top/tests/e2e/name_server.py" \
	xn--bcher-kva.test MX mx.other.test \
	xn--strae-oqa.test MX mx.other.test \
	mx.other.test A 127.0.0.12
within 10 grep -q READY "$work/names.log" || skip "no name server"
dns=$(sed -n 's/^READY PORT //p' "$work/names.log")
asked() { # NAME TYPE: how often
	grep -cx "asked $1 $2" "$work/names.log"
}

mx h # a host of the table
h_port=$port
mx m --listen 127.0.0.12:0
smtpd=$(free_port)
instance a <<END
dns { servers = { "127.0.0.1@$dns" } hosts-file = false }
outbound { port = $port }
queue { retry = { "1h" } }
relay { default = deny }
smarthost "ours" { hosts = { "[127.0.0.1]:$h_port" } tls = none
  senders = { "xn--grn-ioa.test" } }
listen "lan" { address = "127.0.0.1:$smtpd" }
END
cat >"$work/a/domains" <<END
example.com local default
Zürich.test local maildir=$work/a/mail/%d/%u
xn--kln-sna.test local maildir=$work/a/mail/%d/%u
*.GRÜN.test remote host=[127.0.0.1]:$h_port
straße.test remote route=mx helo=here.test
END
for domain in xn--zrich-kva.test xn--kln-sna.test; do
	mkdir -p "$work/a/mail/$domain/joe/tmp" "$work/a/mail/$domain/joe/new" \
		"$work/a/mail/$domain/joe/cur"
done
boxed() { # A-LABELS
	files "$work/a/mail/$1/joe/new"
}

# --- by MX, and by the table ---

post a b1 me@example.com a@bücher.test
post a b2 me@example.com b@BÜCHER.test c@xn--bcher-kva.test
drain a
is "U-labels go by MX" "$(queued a)" 0
ok "... and reach its host" said m 'RCPT TO:<a@bücher.test>'
is "... by A-labels, asked once" "$(asked xn--bcher-kva.test MX)" 1
is "U- and A-labels are one destination" "$(connections m)" 1
ok "... in one transaction" grep -q 'c@xn--bcher-kva.test' "$work/m.saved"/*.env
post a s1 me@example.com a@xn--strae-oqa.test
post a s2 me@example.com a@straße.test
drain a
is "an entry in U-labels covers A-labels" "$(queued a)" 0
ok "... with its settings" said m 'EHLO here.test'
post a g1 me@example.com a@x.xn--grn-ioa.test b@x.grün.test
drain a
is "... a wildcard, too" "$(saved h)" 1
post a o1 me@grün.test a@nowhere.test
drain a
is "a sender in U-labels has its smart host" "$(saved h)" 2

post a n1 me@example.com a@unbekännt.test
drain a
is "an unknown name is returned" "$(queued a)" 0
ok "... asked by A-labels" [ "$(asked xn--unbeknnt-4za.test MX)" -gt 0 ]
is "... with 5.1.2" "$(cat "$work"/a/spool/drop/*.eml | grep -c '^Status: 5.1.2')" 1

# --- local domains, by sendmail ---

post a l1 me@example.com joe@zürich.test
post a l2 me@example.com joe@ZÜRICH.TEST
post a l3 me@example.com joe@xn--zrich-kva.test
post a l4 me@example.com joe@köln.test
post a l5 me@example.com joe@xn--KLN-sna.test
drain a
is "local domains in either form" "$(queued a)" 0
is "... share a mailbox" "$(boxed xn--zrich-kva.test)" 3
is "... whichever the table has" "$(boxed xn--kln-sna.test)" 2

# --- local domains, by the listener ---

spawn smtpd "$build/waypost-smtpd" -C "$work/a/waypost.conf"
within 10 listening "$smtpd" || skip "waypost-smtpd does not start"
replies() { # RCPT...: the codes
	"$python" -B - "$top/tests/e2e" "$smtpd" "$@" <<-'END'
	import os, sys
	sys.path.insert(0, sys.argv[1])
	from dialog import Peer
	peer = Peer(int(sys.argv[2]))
	peer.ehlo()
	peer.cmd("MAIL FROM:<a@b.test> SMTPUTF8")
	codes = []
	for rcpt in sys.argv[3:]:
	    peer.send(b"RCPT TO:<" + os.fsencode(rcpt) + b">\r\n")
	    codes.append(peer.reply()[:3])
	if "250" in codes:
	    codes.append(peer.data("Subject: x\r\n\r\nx\r\n")[:3])
	print(*codes)
	END
}
is "RCPT at local domains in either form" "$(replies joe@zürich.test \
	joe@xn--zrich-kva.test joe@köln.test joe@xn--kln-sna.test)" \
	"250 250 250 250 250"
nfd=$(printf 'joe@zu\314\210rich.test')
wide=$(printf 'joe@k\303\266ln\343\200\202test')
torn=$(printf 'joe@k\303.test')
is "G21 what only looks like one is refused" "$(replies joe@zurich.test \
	"$nfd" "$wide" joe@köln.test.evil.test joe@evilköln.test \
	joe@bücher.test)" "550 550 501 550 550 550"
is "... and what is no UTF-8" "$(replies "$torn")" "501"
drain a
is "it is delivered, once to each mailbox" "$(boxed xn--zrich-kva.test)" 4
is "... of both" "$(boxed xn--kln-sna.test)" 3

# --- what the tools say ---

waypost() {
	"$build/waypost" -C "$work/a/waypost.conf" "$@" >"$work/out" 2>&1
}
ok "explain knows U-labels" waypost explain a@bücher.test
ok "... and how the DNS has them" grep -q 'xn--bcher-kva.test port' "$work/out"
ok "a line is found by the other form" waypost domain remove \
	xn--zrich-kva.test
ok "... and gone" not grep -q Zürich "$work/a/domains"
ok "a domain is not added twice" not waypost domain add köln.test alias

ok "no sanitizer complains" sane
done_testing
