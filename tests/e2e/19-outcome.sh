#!/bin/sh
# sendmail -v and -odi: the dialogue as it happens, and the outcome as exit
# code; by a set-gid sendmail, too, whose caller can read nobody else's.
#   19-outcome.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

place() { # more of the configuration on stdin
	stop a_carrier
	rm -rf "$work/a"
	instance a
	cat >>"$work/a/waypost.conf"
	cat >"$work/a/domains" <<-END
		example.com local default
		box.test local maildir=$work/a/boxes/%u
		dead.test remote host=[127.0.0.1]:$dead tls=none
		no.test remote host=[127.0.0.1]:$refusing tls=none
		later.test remote host=[127.0.0.1]:$later tls=none
	END
	mkdir -p "$work/a/boxes/jo/tmp" "$work/a/boxes/jo/new" "$work/a/boxes/jo/cur"
}
try() { # ARGUMENT...; the code, what was told, what was shown
	printf 'Subject: s\n\nb\n' |
		sendmail a -f me@x.test "$@" >"$work/out" 2>"$work/err"
	code=$?
}
left() { # transcripts
	files "$work/a/spool/queue/tmp"
}
dead=$(free_port)
mx t 'rcpt=550 5.1.1 no such user here'
refusing=$port
mx u 'rcpt=450 4.2.1 later, please'
later=$port
mx s
place <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
END

# --- nobody delivers ---

try -v u@x.test
is '-v without waypostd: the mail is queued' "$code $(queued a) $(left)" '0 1 0'
try -odi u@x.test
is '-odi without waypostd: not delivered yet' "$code $(queued a) $(left)" '75 2 0'
rm -f "$work/a/spool/queue/new"/*

# --- with it ---

carrier a
for row in '0 u@x.test' '0 jo@box.test' '75 u@dead.test' \
	'75 u@later.test' '67 u@no.test' '67 nobody@box.test'; do
	set -- $row
	try -odi "$2"
	is "-odi $2" "$code $(left)" "$1 0"
	[ "$code" = "$1" ] || diag <"$work/err"
done
try -odi u@x.test u@dead.test
is '-odi: somebody is still to be reached' "$code" 75
ok '... who, is told' grep -q 'u@dead.test: stays in the queue' "$work/err"
ok '... and who is not' grep -q 'u@x.test: delivered' "$work/err"
try -odb u@x.test
is '-odb: told nothing' "$code $(cat "$work/out" "$work/err")" '0 '

try -v u@x.test
is '-v' "$code $(left)" '0 0'
sed 's/ SIZE=[0-9]*//; s/as [0-9a-z]*$/as ID/' "$work/out" | tr -d '\r' >"$work/got"
for line in '\* 127.0.0.1\[127.0.0.1\]:' '> MAIL FROM:<me@x.test>' \
	'> RCPT TO:<u@x.test>' '> DATA' '< 354' '> \.' '< 250'; do
	ok "-v shows $line" grep -q "^$line" "$work/got"
done
try -v u@dead.test
is '-v of what is put off ends, too' "$code" 0
ok '... with a word' grep -q 'u@dead.test: stays in the queue' "$work/err"
try -v -odi u@x.test
is '-v -odi' "$code $(tail -n 1 "$work/out" | cut -c 1-5)" '0 < 250'

# --- secrets are not shown ---

echo 'not-to-be-seen' >"$work/secret"
chmod 600 "$work/secret"
mx v --auth relay:not-to-be-seen
place <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none
	user = "relay" secret-file = "$work/secret" }
END
carrier a
try -v u@x.test
is '-v with a login' "$code" 0
ok '... shows the set-up' grep -q '^> EHLO' "$work/out"
ok '... and that there was one' grep -q '^> AUTH PLAIN$' "$work/out"
is '... but no secret' "$(grep -c -e not-to-be \
	-e "$(printf '\0relay\0not-to-be-seen' | base64 | cut -c 1-20)" "$work/out")" 0
stop v

# --- waypostd goes away ---

mx w 'mail=sleep 60'
place <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
END
carrier a
echo b | sendmail a -f me@x.test -odi u@x.test >"$work/out" 2>"$work/err" &
waiting=$!
ok 'waypostd is at it' within 20 grep -q MAIL "$work/w.dialogue"
kill -KILL "$carrier_pid"
wait "$waiting"
is '-odi while waypostd is killed' "$? $(queued a) $(left)" '75 1 0'
stop w

stop a_carrier
stop s
stop t
stop u
done_testing
