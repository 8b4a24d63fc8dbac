#!/bin/sh
# waypost user: who may log in.  The verifiers are checked by Python's PBKDF2.
. "${0%/*}/lib.sh"
command -v "$python" >/dev/null || skip "no $python"
instance a <<-END
	users = "@PREFIX@/users"
END
users=$work/a/users
user() { # WORD...: output in $work/out and $work/err
	"$build/waypost" -C "$work/a/waypost.conf" user "$@" \
		>"$work/out" 2>"$work/err"
}
line_of() {
	grep "^$1:" "$users"
}
check() { # NAME PASSWORD: is it?
	"$python" - "$(line_of "$1")" "$2" <<-'END'
	import base64, hashlib, hmac, sys, unicodedata
	name, count, keys, server = sys.argv[1].split(":")[:4]
	scheme, iterations = count.split("$")
	salt, stored = keys.split("$")
	assert scheme == "SCRAM-SHA-256" and iterations == "10000"
	assert len(base64.b64decode(salt, validate=True)) == 16
	password = unicodedata.normalize("NFKC", sys.argv[2]).encode()
	salted = hashlib.pbkdf2_hmac("sha256", password,
	    base64.b64decode(salt), int(iterations))
	key = lambda text: hmac.digest(salted, text, "sha256")
	assert base64.b64decode(server) == key(b"Server Key")
	client = hashlib.sha256(key(b"Client Key")).digest()
	sys.exit(client != base64.b64decode(stored))
	END
}

# --- the first user makes the file ---

user list
is 'no file: nobody' "$? $(cat "$work/out")" '0 '
user remove bob
is 'no file: no bob' "$? $(cat "$work/err")" '67 waypost: there is no user bob'
ok 'asking makes no file' test ! -e "$users"
(umask 0 && printf 'secret\n' | user add bob)
is 'add' "$? $(cat "$work/out" "$work/err")" '0 '
is 'mode' "$(stat -c %a "$users")" 640
is 'the salt key, then bob' "$(cut -c 1-12 "$users" | tr '\n' '|')" \
	'# salt-key: |bob:SCRAM-SH|'
is 'a salt key of 32 octets' \
	"$(sed -n 's/^# salt-key: //p' "$users" | base64 -d | wc -c)" 32
ok 'the verifier is that of the password' check bob secret
is 'and of no other' "$(check bob Secret 2>/dev/null; echo $?)" 1
is 'M11 the password is nowhere' "$(grep -c secret "$users")" 0

# --- passwords ---

password() { # NAME: whatever stands on stdin
	user add "$1"
	code=$?
	user remove "$1" </dev/null
	return $code
}
printf 'without LF' | user add lf
is 'no LF' "$?" 0
ok 'taken as it is' check lf 'without LF'
printf 'one\r\ntwo\r\n' | user add crlf
ok 'the first line, without CRLF' check crlf one
printf 'p\303\244ssw\303\266rd\n' | user add utf8
ok 'UTF-8' check utf8 "$(printf 'p\303\244ssw\303\266rd')"
printf 'pa\314\210ss\n' | user add nfkc
ok 'SASLprep' check nfkc "$(printf 'p\303\244ss')"
printf 'x\n' | user add one
ok 'one character' check one x
head -c 1024 /dev/zero | tr '\0' p | user add long
ok '1024 octets' check long "$(head -c 1024 /dev/zero | tr '\0' p)"
for name in lf crlf utf8 nfkc one long; do
	user remove $name || fail "remove $name"
done
head -c 1025 /dev/zero | tr '\0' p | password p
is '1025 octets' "$?" 65
printf '\n' | password p
is 'an empty one' "$? $(cat "$work/err")" '65 waypost: there is no user p'
password p </dev/null
is 'no line at all' "$?" 65
printf 'a\0b\n' | password p
is 'NUL' "$?" 65
printf 'p\344ss\n' | password p
is 'Latin-1' "$?" 65
printf 'a\033b\n' | password p
is 'a control character' "$?" 65
is 'nothing of it was stored' "$(grep -c '^p:' "$users")" 0

# --- edits keep all else ---

cat >"$work/before" <<-END
	# who and why
	$(line_of bob)

	# the printer
	printer:$(line_of bob | cut -d: -f 2-):@example.com
	#bob:not a user
	eve:$(line_of bob | cut -d: -f 2-)
END
cat "$work/before" >"$users"
chmod 600 "$users"
printf 'other\n' | user passwd printer
is 'passwd' "$?" 0
ok 'the new one' check printer other
is 'its senders stay' "$(line_of printer | cut -d: -f 5)" @example.com
is 'all other lines stay, in their order; a salt key is added' \
	"$(grep -v '^printer:' "$users" | sed 1d)" \
	"$(grep -v '^printer:' "$work/before")"
is 'the line keeps its place' "$(grep -n '^printer:' "$users" | cut -d: -f 1)" 6
is 'the mode stays' "$(stat -c %a "$users")" 600
key=$(sed -n 1p "$users")
printf 'new\n' | user add --senders 'a@b.test,@c.test' zoe
is 'senders' "$? $(line_of zoe | cut -d: -f 5)" '0 a@b.test,@c.test'
is 'the salt key stays' "$(grep salt-key "$users")" "$key"
printf 'new\n' | user passwd zoe --senders any
is 'senders any' "$? $(line_of zoe | cut -d: -f 5)" '0 '
user list
is 'list' "$(cat "$work/out")" "$(printf '%-24s   10000 %s\n' bob any \
	printer @example.com eve any zoe any)"
user remove bob
is 'remove' "$? $(grep -c '^bob:' "$users")" '0 0'
ok 'the comments stay' grep -q '^#bob:not a user' "$users"
printf 'x\n' | user add eve
is 'a user who is there' "$? $(cat "$work/err")" \
	'65 waypost: there is a user eve already'
printf 'x\n' | user passwd bob
is 'a user who is not' "$?" 67
printf %s "$(cat "$users")" >"$work/cut" # no LF at the end
cat "$work/cut" >"$users"
printf 'x\n' | user add last
is 'a file without its last LF' "$? $(tail -n 2 "$users" | cut -d: -f 1 |
	tr '\n' ' ')" '0 zoe last '

# Owner and links.
mv "$users" "$work/a/real"
ln -s real "$users"
[ "$(id -u)" -ne 0 ] || chgrp 1 "$work/a/real"
was=$(stat -c %u:%g "$work/a/real")
printf 'x\n' | user passwd last
is 'a symbolic link stays one, the owner stays' \
	"$? $(readlink "$users") $(stat -c %u:%g "$work/a/real")" "0 real $was"
rm "$users"
ln -s nowhere "$users"
printf 'x\n' | user add bob
is 'a link to nowhere' "$?" 73
rm "$users"
mv "$work/a/real" "$users"
is 'no file is left over' "$(ls "$work/a" | grep -c '^users.\|^real')" 0

# Of two edits at once none is lost.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	printf 'x\n' | "$build/waypost" -C "$work/a/waypost.conf" user add \
		"many$i" 2>>"$work/many.err" &
	adders="${adders-} $!"
done
wait $adders
is '12 at once' "$(grep -c '^many' "$users")" 12
is 'no file is left over' "$(ls "$work/a" | grep -c '^users.')" 0

# --- what is wrong ---

for name in '' 'a b' 'a:b' '#a' "$(printf 'b\303\266b')" 'a,b' \
	"$(head -c 65 /dev/zero | tr '\0' a)"; do
	printf 'x\n' | user add -- "$name"
	is "the name '$name'" "$?" 65
done
for list in '' ' ' 'bob' 'a@b,' '@' 'a@b c@d' "a@b
x:y"; do
	printf 'x\n' | user add --senders "$list" new
	is "the senders '$(echo "$list" | tr '\n' '|')'" "$?" 65
done
for words in '' add 'add a b' list\ a 'remove' 'remove --senders a@b c' \
	'add --password x' 'frob' 'add --senders a@b --senders a@b c'; do
	# shellcheck disable=SC2086
	user $words </dev/null
	is "user $words" "$?" 64
done
cp "$users" "$work/good"
echo 'bob:{PLAIN}secret' >>"$users"
user list
is 'a fault, with its line' "$? $(cat "$work/err")" \
	"78 waypost: $users:$(wc -l <"$users"): bob: only SCRAM-SHA-256\$... is known"
printf 'x\n' | user add new
is 'no edit then' "$?" 78
cp "$work/good" "$users"
chmod 644 "$users"
user list
is 'M08 readable by others' "$?" 78
ok 'told' grep -q "^waypost: $users: others may access it" "$work/err"
chmod 640 "$users"
"$build/waypost" -C "$work/none.conf" user list 2>"$work/err"
is 'no configuration' "$?" 78
"$build/waypost" frob 2>/dev/null
is 'no such subcommand' "$?" 64
"$build/waypost" 2>/dev/null
is 'no subcommand' "$?" 64
is 'the version' "$("$build/waypost" --version | cut -d' ' -f 1)" waypost
if [ -e /dev/full ]; then
	"$build/waypost" -C "$work/a/waypost.conf" user list \
		>/dev/full 2>/dev/null
	is 'a full disk' "$?" 74
fi

# --- at a terminal ---

prompt() { # PATTERN TYPED... -- WORD...
	"$python" "$top/tests/e2e/user_prompt.py" "$@"
}
command="$build/waypost -C $work/a/waypost.conf user"
# shellcheck disable=SC2086
prompt 'Password for tim: ' hush Again: hush -- $command add tim >"$work/got"
is 'asked twice, no echo, which is on again' "$(cat "$work/got")" \
	"$(printf 'Password for tim: \nAgain: \necho on\nexit 0')"
ok 'what was typed' check tim hush
# shellcheck disable=SC2086
prompt 'Password for tom: ' hush Again: hash -- $command add tom >"$work/got"
is 'two that differ' "$(tail -n 3 "$work/got" | tr '\n' '|')" \
	'waypost: the two passwords differ|echo on|exit 65|'
# shellcheck disable=SC2086
prompt 'Password for tom: ' ^C -- $command add tom >"$work/got"
is '^C' "$(tail -n 2 "$work/got" | tr '\n' '|')" 'echo on|signal 2|'
# shellcheck disable=SC2086
prompt 'Password for tom: ' hush Again: ^C -- $command add tom >"$work/got"
is '^C at the second' "$(tail -n 2 "$work/got" | tr '\n' '|')" \
	'echo on|signal 2|'
is 'nobody was added' "$(grep -c '^tom:' "$users")" 0
done_testing
