#!/bin/sh
# sendmail -bs, rootless: SMTP on standard input and output (HAZARDS A24,
# E01-E13, B18).  The session machine itself is tested in units; here it is
# what a caller of the program sees, and what lies in the queue.
. "${0%/*}/lib.sh"
instance a <<-END
	limits { message-size = "1M" recipients = 3 errors = 5 }
END
new=$work/a/spool/queue/new
tmp=$work/a/spool/queue/tmp
echo 'root: admin@example.org' >"$work/a/aliases"
mta=$work/mta
printf '#!/bin/sh\nexec "%s" -C "%s" "$@"\n' "$build/sendmail" \
	"$work/a/waypost.conf" >"$mta"
chmod 755 "$mta"

# The arguments are lines; $codes are those of the last lines of all answers.
talk() {
	rm -f "$new"/*
	printf '%s\r\n' "$@" | "$mta" -bs >"$work/out" 2>"$work/err"
	code=$?
	codes=$(tr -d '\r' <"$work/out" | sed -n 's/^\([0-9]*\) .*/\1/p' | xargs)
	state="$code $(files "$new") $(files "$tmp")"
}
recipients() { # of the message from SENDER
	sed -n 's/^rcpt: [0-9]* [^ ]* [^ ]* //p' $(grep -l "^from: $1\$" "$new"/*) | xargs
}

talk 'EHLO client.example' 'MAIL FROM:<me@x>' 'RCPT TO:<a@b>' DATA \
	'Subject: s' '' hello . QUIT
is 'one message' "$codes" '220 250 250 250 354 250 221'
is 'one batch, nothing left behind' "$state" '0 1 0'
is 'the id' "$(sed -n 's/^250 2.0.0 Ok: queued as \([0-9a-z]*\).*/\1/p' "$work/out")" "$(ls "$new")"
is 'source' "$(sed -n 's/^source: //p' "$new"/*)" "sendmail uid=$(id -u)"
ok 'Received' grep -q "^Received: from client.example (uid $(id -u))" "$new"/*
ok 'completed' grep -q '^Message-ID: ' "$new"/*
is 'no TLS, no AUTH' "$(grep -cE '^250.(STARTTLS|AUTH)' "$work/out")" 0
is 'SIZE' "$(tr -d '\r' <"$work/out" | sed -n 's/^250.SIZE //p')" 1048576
is 'says once that nobody serves the queue' \
	"$(grep -c 'no waypostd is running' "$work/err") $(wc -l <"$work/err")" '1 1'

talk 'EHLO c' 'MAIL FROM:<one@x>' 'RCPT TO:<a@b>' 'RCPT TO:<c@d>' DATA 1 . \
	'MAIL FROM:<two@x>' 'RCPT TO:<e@f>' DATA 2 . QUIT
is 'A24 two messages' "$codes $state" \
	'220 250 250 250 250 354 250 250 250 354 250 221 0 2 0'
is 'A24 the first' "$(recipients one@x)" 'a@b c@d'
is 'A24 the second has only its own' "$(recipients two@x)" 'e@f'
talk 'EHLO c' 'MAIL FROM:<one@x>' 'RCPT TO:<a@b>' RSET 'MAIL FROM:<two@x>' \
	'RCPT TO:<e@f>' DATA 2 . QUIT
is 'A24 RSET' "$codes $(recipients two@x)" '220 250 250 250 250 250 250 354 250 221 e@f'
talk 'EHLO c' 'MAIL FROM:<one@x>' 'RCPT TO:<a@b>' DATA 'x: y' '' . \
	'RCPT TO:<e@f>' DATA QUIT
is 'A24 nothing is left of the first' "$codes" '220 250 250 250 354 250 503 503 221'

talk 'HELO c' 'MAIL FROM:<>' 'RCPT TO:<root>' DATA '..' '...dot' . QUIT
is 'HELO' "$codes $state" '220 250 250 250 354 250 221 0 1 0'
is 'null sender, alias' "$(sed -n 's/^from: \(.*\)/[\1]/p' "$new"/*) $(recipients '')" '[] admin@example.org'
is 'dots' "$(tr -d '\r' <"$(echo "$new"/*)" | grep -A 1 '^\.$' | xargs)" '. ..dot'
talk 'EHLO c' 'MAIL FROM:<a@b> BODY=8BITMIME RET=HDRS ENVID=q1' \
	'RCPT TO:<c@d> NOTIFY=NEVER' 'RCPT TO:<e@f> ORCPT=rfc822;o@p' DATA "$(printf 'b\366se')" . QUIT
is 'DSN' "$(sed -n 's/^\(body\|envid\|ret\|rcpt\): //p' "$new"/* | xargs)" \
	'8bit q1 hdrs 1 never - c@d 2 - rfc822;o@p e@f'
talk 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' DATA 'Bcc: secret@x' '' . QUIT
is 'Bcc is taken out' "$(grep -c secret "$new"/*)" 0

talk FOO 'MAIL FROM:<a@b>' 'EHLO c' 'AUTH PLAIN AGEAYg==' STARTTLS QUIT
is 'what is not here' "$codes" '220 500 503 250 502 502 221'
talk 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<|sh>' 'RCPT TO:</etc/passwd>' \
	'RCPT TO:<"|sh">' 'RCPT TO:<a@@b>' DATA FOO
is 'A13, limits.errors' "$codes $state" '220 250 250 501 501 501 501 503 500 421 0 0 0'
talk 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<a@b>' 'RCPT TO:<b@b>' \
	'RCPT TO:<c@b>' 'RCPT TO:<d@b>' QUIT
is 'limits.recipients' "$codes" '220 250 250 250 250 250 452 221'
talk 'EHLO c' 'MAIL FROM:<a@b> SIZE=1048577' 'MAIL FROM:<a@b>' 'RCPT TO:<a@b>' \
	DATA "$(head -c 1100000 /dev/zero | tr '\0' x)" . NOOP QUIT
is 'limits.message-size' "$codes $state" '220 250 552 250 250 354 552 250 221 0 0 0'
ok 'A19 a NUL' [ "$(printf 'EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\na\0b\r\n.\r\nNOOP\r\nQUIT\r\n' |
	"$mta" -bs 2>/dev/null | sed -n 's/^\(554\|221\) .*/\1/p' | xargs)" = '554 221' ]

# Ends: of the input, of the reader, of the disk.
talk 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' DATA 'half a message'
is 'B18 the input ends within a message' "$codes $state" '220 250 250 250 354 0 0 0'
talk 'EHLO c'
is 'the input ends' "$codes $state" '220 250 0 0 0'
printf 'EHLO c\r\n' | {
	"$mta" -bs 2>"$work/err"
	echo $? >"$work/code"
} | :
within 10 [ -s "$work/code" ]
case $(cat "$work/code") in
0 | 74) pass 'nobody reads the answers' ;;
*) fail "nobody reads the answers: $(cat "$work/code")" ;;
esac
is 'no standard input' "$("$mta" -bs <&- 2>/dev/null >"$work/out"; echo $?)" 74
if [ "$(id -u)" -ne 0 ]; then # root may always
	chmod 500 "$new"
	talk 'EHLO c' QUIT
	is 'the queue is barred and there is no listener' "$codes $code" '421 75'
	chmod 700 "$new"
fi
mv "$work/a/spool/queue" "$work/a/spool/away"
talk 'EHLO c' QUIT
is 'there is no queue and no listener' "$codes $code $(wc -l <"$work/err")" '421 75 1'
mv "$work/a/spool/away" "$work/a/spool/queue"
# A full disk: what is written is limited, and said so.
rm -f "$new"/*
printf '%s\r\n' 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' DATA x . NOOP QUIT |
	sh -c "ulimit -f 0; exec '$mta' -bs" 2>/dev/null | cat >"$work/out"
is 'B09 cannot write: 451, and the session goes on' \
	"$(sed -n 's/^\([0-9]*\) .*/\1/p' "$work/out" | xargs) $(files "$new") $(files "$tmp")" \
	'220 250 250 250 354 451 250 221 0 0'

# E01-E13: what other mailers took for the end of a message.
rm -f "$new"/*
"$python" - "$mta" "$new" <<-'END' >"$work/smuggled"
	import os, subprocess, sys
	mta, new = sys.argv[1:]
	ends = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n",
	    b"\n.\r", b"\r.\n", b"\n\n.\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\0\r\n.\n"]
	for end in ends:
	    for name in os.listdir(new):
	        os.unlink(os.path.join(new, name))
	    said = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nbody" + end
	    said += b"MAIL FROM:<evil@x>\r\nRCPT TO:<victim@y>\r\nDATA\r\nevil\r\n.\r\nQUIT\r\n"
	    out = subprocess.run([mta, "-bs"], input=said, stdout=subprocess.PIPE,
	        stderr=subprocess.DEVNULL).stdout
	    text = b"".join(open(os.path.join(new, n), "rb").read() for n in os.listdir(new))
	    if len(os.listdir(new)) > 1 or b"\nfrom: evil@x" in text:
	        print(end, out)
END
is 'E01-E13 never two messages' "$(cat "$work/smuggled")" ''

# As Symfony Mailer does it: a program is kept, each answer is waited for.
"$python" - "$mta" "$new" <<-'END' >"$work/answers" 2>&1
	import os, subprocess, sys
	mta, new = sys.argv[1:]
	for name in os.listdir(new):
	    os.unlink(os.path.join(new, name))
	p = subprocess.Popen([mta, "-bs"], stdin=subprocess.PIPE,
	    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
	def hear():
	    while True:
	        line = p.stdout.readline()
	        if line[3:4] != b"-":
	            return line[:3].decode()
	def say(line):
	    p.stdin.write(line + b"\r\n")
	    p.stdin.flush()
	    return hear()
	codes = [hear(), say(b"EHLO [127.0.0.1]")]
	for i in range(3):
	    for line in (b"NOOP", b"MAIL FROM:<m%d@x>" % i, b"RCPT TO:<r%d@y>" % i, b"DATA"):
	        codes.append(say(line))
	    before = len(os.listdir(new))
	    codes.append(say(b"Subject: %d\r\n\r\nhello\r\n." % i))
	    # 250 means that it is there.
	    assert len(os.listdir(new)) == before + 1
	for i in range(200):
	    assert say(b"NOOP") == "250"
	codes.append(say(b"QUIT"))
	print(*codes, p.wait())
END
is 'a kept session' "$(cat "$work/answers")" '220 250 250 250 250 354 250 250 250 250 354 250 250 250 250 354 250 221 0'
is 'a kept session: three messages' "$(files "$new")" 3
if command -v swaks >/dev/null; then
	rm -f "$new"/*
	swaks --pipe "$mta -bs" --from me@x --to a@b,c@d --h-Subject swaks \
		--body 'from swaks' >"$work/out" 2>&1
	is 'swaks --pipe' "$? $(files "$new") $(recipients me@x)" '0 1 a@b c@d'
	swaks --pipe "$mta -bs" --from me@x --to a@b --tls >"$work/out" 2>&1
	is 'swaks finds no TLS' "$? $(files "$new")" '29 1'
else
	diag 'no swaks'
fi
done_testing
