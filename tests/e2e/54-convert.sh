#!/bin/sh
# Messages for servers that take less than they hold: octets above ASCII
# without 8BITMIME, headers and addresses without SMTPUTF8, long lines.
# Python's email package must see the same before and after.
#   54-convert.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

convert() {
	"$python" -B "$top/tests/e2e/convert.py" "$@"
}

# A place whose smart host offers these.
place() { # KEYWORDS
	mx s --keywords "$1"
	rm -rf "$work/a" "$work/a.carrier.log"
	instance a <<-END
	smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
	queue { retry = { "1h" } }
	END
	echo 'example.com local default' >"$work/a/domains"
}

post_mail() { # RECIPIENT...
	sendmail a -oi -f me@example.com "$@" 2>>"$work/post.log"
}

send_all() {
	for f in "$work"/mail/*.eml; do
		post_mail to@x.test <"$f" || fail "$f"
	done
}

mkdir "$work/mail"
convert make "$work/mail" "${SEED:-1}"

place 'PIPELINING,SIZE 104857600'
send_all
drain a
is "all are delivered to a server without 8BITMIME" "$(queued a)" 0
ok "in ASCII, and mean what they meant" \
	convert check "$work/mail" "$work/s.saved" seven
ok "no BODY, no SMTPUTF8 was asked for" not grep -q 'BODY=\|SMTPUTF8' \
	"$work/s.dialogue"
stop s

place 'PIPELINING,8BITMIME,SMTPUTF8'
send_all
drain a
is "all are delivered to a server with 8BITMIME" "$(queued a)" 0
ok "no line is too long there, and all mean what they meant" \
	convert check "$work/mail" "$work/s.saved" eight
stop s

# --- what must not be changed ---

sealed() { # TYPE
	cat <<-END
	Subject: sealed
	X-Unique: sealed.
	MIME-Version: 1.0
	Content-Type: $1; boundary=b

	--b
	Content-Type: text/plain; charset=utf-8
	Content-Transfer-Encoding: 8bit

	Grüße
	--b
	Content-Type: application/pgp-signature

	xxxx
	--b--
	END
}

reported() { # STATUS TEXT
	cat "$work"/a/spool/drop/*.eml
	grep -q "^Status: $1" "$work"/a/spool/drop/*.eml &&
		grep -q "$2" "$work"/a/spool/drop/*.eml
}

for type in 'multipart/signed; protocol="application/pgp-signature"' \
	multipart/encrypted; do
	place 'PIPELINING'
	sealed "$type" | post_mail to@x.test
	drain a
	ok "${type%%;*} is reported" reported 5.6.3 'signed or encrypted'
	is "... and not sent" "$(saved s)" 0
	stop s
done
place 'PIPELINING,8BITMIME'
sealed multipart/signed | post_mail to@x.test
drain a
ok "it goes as it is to a server with 8BITMIME" grep -q '^Grüße' \
	"$work/s.saved/1.msg"
ok "which is told so" said s 'MAIL FROM:<me@example.com> BODY=8BITMIME'
stop s
place 'PIPELINING'
sealed multipart/mixed | sed '/^$/q; s/^Subject.*/Subject: x/' >"$work/long"
printf -- '--b\n\n%01500d\n--b--\n' 0 >>"$work/long"
sed 's|multipart/mixed|multipart/signed|' "$work/long" |
	post_mail to@x.test
drain a
ok "a long line in a signed part is sent whole" grep -q "$(printf %01500d 0)" \
	"$work/s.saved/1.msg"
stop s

# --- addresses ---

place 'PIPELINING'
printf 'Subject: x\nX-Unique: u1.\nFrom: me@example.com\nTo: ä <a@bücher.test>\n\nx\n' |
	post_mail a@bücher.test jürgen@x.test b@x.test
drain a
ok "SMTPUTF8: the domain becomes A-labels" said s \
	'RCPT TO:<a@xn--bcher-kva.test>'
ok "... in the header, too" grep -q \
	'^To: =?UTF-8?Q?=C3=A4?= <a@xn--bcher-kva.test>' "$work/s.saved/1.msg"
ok "... ASCII addresses are as they were" said s 'RCPT TO:<b@x.test>'
ok "... a local part above ASCII is reported" reported 5.6.7 'SMTPUTF8'
is "... and never sent" "$(grep -c 'rgen' "$work/s.dialogue")" 0
is "... nothing is left" "$(queued a)" 0
stop s

place 'PIPELINING'
printf 'Subject: x\nX-Unique: u2.\nFrom: jürgen@x.test\n\nx\n' |
	post_mail a@bücher.test
drain a
ok "a header address that cannot be is reported" reported 5.6.7 'header'
stop s

place 'PIPELINING,8BITMIME,SMTPUTF8'
printf 'Subject: x\nX-Unique: u3.\nTo: ä <a@bücher.test>\n\nx\n' |
	post_mail a@bücher.test jürgen@x.test
drain a
ok "a server with SMTPUTF8 gets all as it is" said s \
	'RCPT TO:<a@bücher.test>'
ok "... in one transaction" grep -q 'RCPT TO:<jürgen@x.test>' \
	"$work/s.saved/1.env"
stop s

# --- size and room ---

place 'PIPELINING'
{
	printf 'Subject: big\nX-Unique: big.\n\n'
	yes 'Grüße aus Köln, immer wieder und wieder' | head -c 9000000
} | post_mail to@x.test
carrier a
within 20 have_saved s 1
is "9 MB are converted" "$(grep -c '^Gr=C3=BC=C3=9Fe aus' "$work/s.saved/1.msg")" \
	"$(yes 'Grüße aus Köln, immer wieder und wieder' | head -c 9000000 |
		grep -c '^Gr')"
ok "... in bounded memory" [ "$(awk '/^VmHWM/ {print $2}' \
	"/proc/$carrier_pid/status")" -lt 60000 ]
stop a_carrier
stop s

ok "no sanitizer complains" sane
done_testing
