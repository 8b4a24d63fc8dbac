#!/bin/sh
# What each answer of a server comes to (HAZARDS K): one scripted server, one
# message to four recipients (or more), one run of waypostd, and then every
# recipient is accounted for once: INV1 to INV3, by unique ids, at the
# server, in the reports, in the queue and its journal.
#   21-outcomes.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

# A place with the server as its smart host.
place() {
	rm -rf "$work/a" "$work/a.carrier.log"
	instance a <<-END
	smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
	outbound { connect-timeout = "${connect:-2s}" timeout = "${timeout:-2s}"
	  ${outbound:-} }
	queue { retry = { "1h" } }
	END
	echo 'example.com local default' >"$work/a/domains"
}

# One message for these, one run: the fates in $work/fates.
run() { # RECIPIENT...
	place
	post a m1 me@example.com "$@"
	drain a
	[ "$code" -eq 0 ] || fail "the run ends with $code"
	tally a s >"$work/fates"
}

four='r1@x.test r2@x.test r3@x.test r4@x.test'

fates() { # NAME; golden on stdin
	cat >"$work/golden"
	same "$1" "$work/fates" "$work/golden"
}

all_four() { # NAME FATE
	for r in $four; do echo "m1 $r: $2"; done >"$work/golden"
	same "$1" "$work/fates" "$work/golden"
}

# --- K08, K09, K10: recipients differ ---

mx s 'rcpt#2=550 5.1.1 who' 'rcpt#3=450 4.2.1 busy'
run $four
fates "K08 250, 550, 450, 250: each has its own fate" <<END
m1 r1@x.test: sent
m1 r2@x.test: failed:5.1.1
m1 r3@x.test: queued
m1 r4@x.test: sent
END
is "K08 the log has one attempt for each" \
	"$(grep -c ' attempt .* to=r[1-4]@x.test ' "$work/a.carrier.log")" 4
ok "K08 the 450 is in the journal with its text" grep -q \
	' later 450 4.2.1 1 [0-9]* .*busy$' "$work/a/spool/state/journal"
mx t
sed -i "s/\"\[127.0.0.1\]:[0-9]*\"/\"[127.0.0.1]:$port\"/" "$work/a/waypost.conf"
drain a --flush
tally a s t >"$work/fates"
fates "K08 the third is sent alone, later" <<END
m1 r1@x.test: sent
m1 r2@x.test: failed:5.1.1
m1 r3@x.test: sent
m1 r4@x.test: sent
END
is "K08 ... with nobody else" "$(grep -c RCPT "$work/t.saved/1.env")" 1
stop t

mx s 'rcpt#1=251 2.1.5 moved' 'rcpt#2=252 2.0.0 perhaps'
run $four
all_four "K09 251 and 252 are accepted" sent
mx s 'rcpt#1=251 2.1.5 moved' 'dot=451 4.3.0 not now'
run $four
all_four "K09 ... and done only after the dot" 'queued unsure'
mx s 'rcpt#3=close'
run $four
all_four "K10 the connection ends at the third recipient: all wait" queued

# --- K06, K07, K11: MAIL and DATA ---

mx s 'mail=451 4.3.0 not now'
run $four
all_four "K06 MAIL 451" queued
mx s 'mail=550 5.7.1 not from you'
run $four
all_four "K06 MAIL 550" failed:5.7.1
mx s 'mail=250 2.1.0 Ok;close'
run $four
all_four "K07 the connection ends behind the 250 to MAIL" queued
mx s 'data=250 2.0.0 what'
run $four
all_four "K11 DATA 250" queued
mx s 'data=451 4.3.0 not now'
run $four
all_four "K11 DATA 451" queued
mx s 'data=554 5.6.0 never'
run $four
all_four "K11 DATA 554" failed:5.6.0
mx s 'data=503 5.5.1 bad sequence'
run $four
all_four "K11 DATA 503 speaks of us, not of the mail" queued

# --- K12-K16: body and dot ---

mx s body=close
run $four
all_four "K12 closed in the body" queued
mx s body=rst
run $four
all_four "K12 RST in the body" queued
for accepted in '251 2.0.0 fine' '200 ok' '299 2.0.0 fine'; do
	mx s "dot=$accepted"
	run $four
	all_four "K13 dot $accepted: done" sent
	drain a --flush
	is "K13 ... once, and for good" "$(saved s)" 1
done
for refused in '450 4.2.0 later' '421 4.3.2 closing' '354 go on' '100 hm' \
	'25000 2.0.0 Ok' 'thanks'; do
	mx s "dot=$refused"
	timeout=700ms run $four
	sed -i 's/ sent/ unsure/' "$work/fates" # as the rule's code may say
	all_four "K14 dot $refused: waits" 'queued unsure'
done
mx s 'dot=554 5.6.0 spam'
run $four
all_four "K14 dot 554" 'failed:5.6.0 unsure'
for how in close rst hang; do
	mx s dot=$how
	timeout=700ms run $four
	all_four "K15 dot, then $how: waits" 'queued unsure'
	ok "K15 ... logged as unknown" logged a 'verdict=later .*text="?unknown'
	is "K15 ... and not sent again at once" "$(saved s)" 1
done
for how in 'dot=250 2.0.0 Ok;rst' 'dot=250 2.0.0 Ok;close' quit=hang quit=rst; do
	mx s "$how"
	timeout=700ms run $four
	sed -i 's/unsure/sent/' "$work/fates"
	all_four "K16 $how: done" sent
	drain a --flush
	is "K16 ... once" "$(saved s)" 1
done

# --- K18-K21: replies ---

mx s 'dot=raw:250-ok\r\n550 5.7.0 no\r\n'
run $four
all_four "K18 250-, then 550: the last line counts" 'failed:5.7.0 unsure'
ok "K18 ... and the mismatch is logged" logged a reply-mismatch

mx s 'dot#1@1=raw:250 2.0.0 Ok\r\n250 2.0.0 again\r\n'
outbound='per-destination = 1' place
for m in m1 m2 m3; do
	post a $m me@example.com r1@x.test
done
drain a
drain a --flush
tally a s | sed 's/unsure/sent/' >"$work/fates"
fates "K19 a surplus reply behind the dot: every message once" <<END
m1 r1@x.test: sent
m2 r1@x.test: sent
m3 r1@x.test: sent
END

mx s 'rcpt#1=550 5.' 'rcpt#2=550' 'rcpt#3=450 ' 'dot=250 2.0.0'
run $four
fates "K20 status without text" <<END
m1 r1@x.test: failed:5.0.0
m1 r2@x.test: failed:5.0.0
m1 r3@x.test: queued
m1 r4@x.test: sent
END

nasty='550 5.7.1 $(id) `id` "\x3b END 00000001 \x1b[31m \xff\xfe R 0 later'
mx s "rcpt#1=raw:$nasty\r\n" \
	"rcpt#2=raw:550-5.7.1 first\r\n550-5.7.1 M 00000001\r\n550 5.7.1 <x>\r\n"
run $four
fates "K21 hostile text in refusals" <<END
m1 r1@x.test: failed:5.7.1
m1 r2@x.test: failed:5.7.1
m1 r3@x.test: sent
m1 r4@x.test: sent
END
is "K21 ... no control byte in the log" \
	"$(LC_ALL=C grep -c '[^ -~]' "$work/a.carrier.log")" 0
ok "K21 ... one line, one event" not grep -qv '^waypostd: ' "$work/a.carrier.log"
mx s 'rcpt#1=endless:550-5.7.1 more'
timeout=1s run $four
all_four "K21 an endless refusal: waits" queued
mx s "rcpt#1=550 5.7.1 $(printf '%01900d' 7)"
run $four
fates "K21 a long one is cut" <<END
m1 r1@x.test: failed:5.7.1
m1 r2@x.test: sent
m1 r3@x.test: sent
m1 r4@x.test: sent
END

# --- at each stage: end, silence, 421, garbage, endless (K01-K05) ---

for stage in greeting ehlo mail rcpt data dot; do
	for how in close rst hang '421 4.3.2 later;close' 'HTTP/1.0 400' \
		'endless:250-x' flood 'drip:2'; do
		[ "$stage" = dot ] && fate='queued unsure' || fate=queued
		mx s "$stage=$how"
		connect=600ms timeout=600ms run $four
		case $stage:$how in
		greeting:HTTP*) case='K03 ' ;;
		*) case= ;;
		esac
		all_four "$case$stage: $how" "$fate"
	done
done
mx s 'greeting=554 5.7.1 go away'
run $four
all_four "K02 greeting 554: waits, no report" queued
mx s 'ehlo=550 5.5.1 what' 'helo=550 5.5.1 what'
run $four
all_four "K04 EHLO and HELO refused: waits" queued

# An early reply: 554 in the middle of a body that does not end soon.
mx s 'body=554 5.3.4 too much;close'
place
head -c 6000000 /dev/zero | tr '\0' 'a' | fold -w 76 |
	sendmail a -f me@example.com r1@x.test 2>/dev/null
drain a
ok "C16 554 in the body: failed, with its text" logged a \
	'verdict=never code=554 status=5.3.4 .*too much'
is "C16 ... and nothing is queued" "$(queued a)" 0
is "C16 ... and one report" "$(files "$work/a/spool/drop")" 1

# --- A41: more recipients than go into one transaction ---

many=$(i=100 && while [ $i -lt 205 ]; do
	echo "r$i@x.test"
	i=$((i + 1))
done)
all_sent() { # NAME
	for r in $many; do echo "m1 $r: sent"; done >"$work/golden"
	same "$1" "$work/fates" "$work/golden"
}
mx s
run $many
all_sent "A41 105 recipients: each once"
is "A41 ... as 100 and 5" \
	"$(grep -c RCPT "$work"/s.saved/*.env | sed 's/.*://' | sort -n | xargs)" \
	'5 100'
limits=$(i=51 && while [ $i -le 100 ]; do
	echo "rcpt#$i=452 4.5.3 too many recipients"
	i=$((i + 1))
done)
IFS='
'
set -- $limits
unset IFS
mx s "$@"
run $many
all_sent "A41 452 at the 51st: each once, in the same run"
is "A41 ... in three transactions" "$(saved s)" 3
mx s 'rcpt#2=452 4.5.3 one at a time' 'rcpt#3=452 4.5.3 x' \
	'rcpt#4=452 4.5.3 x'
run $four
all_four "A41 a server that takes one at a time, too" sent
is "A41 ... in four transactions" "$(saved s)" 4

# --- K24 SIZE, F23 AUTH ---

mx s --keywords 'PIPELINING,SIZE 200'
run $four
all_four "K24 larger than SIZE" failed:5.3.4
ok "K24 ... and no MAIL was said" not said s '< MAIL'

umask 077
echo wrong >"$work/secret"
mx s --auth relay:right
place
sed -i "s|tls = none|tls = none user = \"relay\" secret-file = \"$work/secret\"|" \
	"$work/a/waypost.conf"
post a m1 me@example.com $four
drain a
tally a s >"$work/fates"
all_four "F23 a wrong password: waits, no report" queued
is "F23 ... one try" "$(grep -c '< AUTH' "$work/s.dialogue")" 1
ok "F23 ... said loudly" logged a ' unreachable .*535'
echo right >"$work/secret"
drain a --flush
tally a s >"$work/fates"
all_four "F23 ... and goes once it is right" sent

ok "no sanitizer complains" sane
done_testing
