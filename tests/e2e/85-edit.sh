#!/bin/sh
# waypost domain, relay, set, unset, alias check: the dialogs of the document
# in a terminal.  A running listener obeys the edited files at once.
. "${0%/*}/lib.sh"
command -v swaks >/dev/null || skip "no swaks"
port=$(free_port)
instance a <<END
# the LAN's door
listen "lan" { address = "127.0.0.1:$port" } # loopback
relay {
	default = deny
	except = {
		"192.0.2.1", # the printer
		"192.0.2.128/25" # floor 2
	}
}
END
conf=$work/a/waypost.conf
domains=$work/a/domains
w() { # WORD...: output in $work/out and $work/err; the exit code in $code
	"$build/waypost" -C "$conf" "$@" >"$work/out" 2>"$work/err"
	code=$?
}
done_silently() { # NAME
	is "$1" "$code $(cat "$work/out" "$work/err")" '0 '
}
unchanged() { # NAME CODE PATTERN: with a reason, and the file as it was
	is "$1" "$code $(cat "$work/out")" "$2 "
	ok "$1: the reason" grep -q -e "$3" "$work/err"
	ok "$1: nothing changed" cmp -s "$work/kept.conf" "$conf"
	ok "$1: no domain changed" cmp -s "$work/kept.domains" "$domains"
	is "$1: no file is left over" "$(ls "$work/a" | grep -c '~')" 0
}
keep() {
	cp "$conf" "$work/kept.conf"
	cp "$domains" "$work/kept.domains"
}
rcpt() { # RECIPIENT: the reply's code, from a client on loopback
	swaks --server 127.0.0.1 --port "$port" --quit-after RCPT \
		--from a@example.net --to "$1" --ehlo client.example 2>&1 |
		sed -n '/RCPT TO/,$s/^<[-* ]* \([0-9][0-9][0-9]\) .*/\1/p' |
		sed -n 1p
}
answers() { # RECIPIENT CODE
	[ "$(rcpt "$1")" = "$2" ]
}

# --- domains ---

w domain add example.com local default
done_silently 'add the default domain'
is 'the line' "$(cat "$domains")" 'example.com            local default'
w domain add example.org local 'maildir=/var/mail/my box/%u'
done_silently 'add, a value with a blank'
w domain add '*.corp.test' remote host=hub.corp.test:2525 relay=yes
done_silently 'add, wildcard'
printf '# by hand\n  Mixed.TEST\tremote   route=mx  # comment' >>"$domains"
w domain add example.net alias
done_silently 'add behind a line without LF'
w domain list
is 'list' "$(cat "$work/out")" "$(cat <<'END'
example.com             local    default
example.org             local    maildir="/var/mail/my box/%u"
*.corp.test             remote   host=hub.corp.test:2525 relay=yes
Mixed.TEST              remote   route=mx
example.net             alias
END
)"
keep
w domain add EXAMPLE.com alias
unchanged 'add one that is there' 65 'is a domain EXAMPLE.com already'
w domain add x.test frob
unchanged 'no such kind' 65 "$domains:7: x.test needs a kind"
w domain add x.test remote
unchanged 'no way' 65 'needs host=..., route=mx'
w domain add x.test remote route=smarthost
unchanged 'no smart host' 65 'needs a smarthost section'
w domain add x.test "alias
y.test alias"
unchanged 'a line end' 65 .
w domain add x.test remote host=h.test "helo=a
b"
unchanged 'a line end in a value' 65 'cannot stand on a line'
w domain add 'x y' alias
unchanged 'no domain name' 65 .
w domain remove example.com
unchanged 'the default domain cannot go' 65 'no local domain is the default'
w domain remove x.test
unchanged 'remove one that is not there' 68 'there is no domain x.test'
w domain default mixed.test
unchanged 'a remote default' 65 'is no local domain'
w domain set mixed.test remote host=h.test
done_silently 'set'
is 'set: its line' "$(sed -n 5p "$domains")" \
	'mixed.test             remote host=h.test'
is 'the comment before it stays' "$(sed -n 4p "$domains")" '# by hand'
keep
w domain default -n example.org
is 'default: dry run' "$code $(sed 1,2d "$work/out")" "0 $(cat <<'END'
@@ -1,2 +1,2 @@
-example.com            local default
-example.org            local maildir="/var/mail/my box/%u"
+example.com            local
+example.org            local default maildir="/var/mail/my box/%u"
END
)"
ok 'dry run changes nothing' cmp -s "$work/kept.domains" "$domains"
w domain default example.org
done_silently 'default'
is 'the default moved' "$(head -n 2 "$domains")" "$(cat <<'END'
example.com            local
example.org            local default maildir="/var/mail/my box/%u"
END
)"
w domain remove mixed.test
done_silently 'remove'
is 'remove: its line' "$(grep -ci mixed "$domains")" 0
w domain default example.com
done_silently 'default again'

# --- live ---

spawn smtpd "$build/waypost-smtpd" -C "$conf"
within 20 listening "$port" || fail 'the listener starts'
is 'a remote domain without relay' "$(rcpt u@new.test)" 550
w domain add new.test remote host=h.test relay=yes
ok 'domain add binds at once' within 5 answers u@new.test 250
w domain remove new.test
ok 'domain remove, too' within 5 answers u@new.test 550
w relay allow 127.0.0.1
done_silently 'relay allow'
ok 'relay allow binds at once' within 5 answers u@new.test 250
is 'the list keeps its form and comments' \
	"$(sed -n '/except/,/}/p' "$conf")" "$(cat <<'END'
	except = {
		"192.0.2.1", # the printer
		"192.0.2.128/25", # floor 2
		"127.0.0.1"
	}
END
)"
w relay list
is 'relay list' "$(cat "$work/out")" "$(cat <<'END'
default        deny
authenticated  allow
allow          192.0.2.1
allow          192.0.2.128/25
allow          127.0.0.1
END
)"
w relay deny 127.0.0.1/32
ok 'relay deny binds at once' within 5 answers u@new.test 550
w relay deny 192.0.2.1
done_silently 'relay deny'
is 'its line goes with its comment' "$(grep -c printer "$conf")" 0

# --- relay ---

keep
w relay allow 192.0.2.130
is 'covered by a block' "$code $(cat "$work/out")" \
	'0 192.0.2.130 may relay already: 192.0.2.128/25 is in relay.except'
w relay deny 198.51.100.1
is 'not there' "$code $(cat "$work/out")" \
	'0 198.51.100.1 may not relay already: it is not in relay.except'
w relay deny 192.0.2.130
unchanged 'deny a part of a block' 65 'covered by 192.0.2.128/25'
w relay allow 192.0.2.3/24
unchanged 'host bits' 65 .
w relay allow 0.0.0.0/0
unchanged 'G22 everybody' 65 .
w relay allow 'a"b'
unchanged 'a quote' 65 .
w relay allow --dry-run .example.net
is 'relay: dry run' "$code $(grep -c '^+.*\.example\.net' "$work/out")" '0 1'
ok 'changes nothing' cmp -s "$work/kept.conf" "$conf"
w set relay.default allow
unchanged 'an open relay by mistake' 65 'makes an open relay'
w set relay.open-relay true
done_silently 'but with a second word'
w set relay.default allow
done_silently 'it is allowed'
w relay deny 198.51.100.1
done_silently 'allow by default: deny is an entry'
w relay list
is 'relay list under allow' "$(sed -n '1p;$p' "$work/out")" "$(cat <<'END'
default        allow
deny           198.51.100.1
END
)"
w relay allow 198.51.100.1
done_silently 'and allow takes it out'
is 'gone' "$(grep -c '198.51.100.1' "$conf")" 0
w unset relay.default
w unset relay.open-relay
done_silently 'unset'
is 'the keys are gone' "$(grep -c 'default = \|open-relay' "$conf")" 0

# --- set ---

w set smarthost.hosts '[127.0.0.1]:2525' b.example
done_silently 'set a list in a section that is new'
is 'it is there' "$(sed -n '/^smarthost/,$p' "$conf")" "$(cat <<'END'
smarthost {
	hosts = { "[127.0.0.1]:2525", "b.example" }
}
END
)"
w set listen.lan.require-tls true
done_silently 'set in a section with a name'
is 'it is there' "$(grep '^listen' "$conf")" "listen \"lan\" { address = \"127.0.0.1:$port\""
ok 'the comment stays' grep -q '^	require-tls = true$' "$conf"
w unset listen.lan.require-tls
keep
w set limits.errors many
unchanged 'a bad value' 65 "$conf:.* limits.errors: \"many\" is no number"
w set limits.frob 1
unchanged 'no such key' 65 'limits.frob is no key'
w set listen.tls none
unchanged 'a section that needs a name' 65 'is no key'
w set hostname
is 'no value' "$code" 64
w set hostname a b
is 'two values' "$code" 64
w set hostname 'a.test" spool = "/tmp'
unchanged 'a quote' 65 'cannot stand in a value'
w set hostname "a.test
spool = x"
unchanged 'a line end' 65 'cannot stand in a value'
w unset hostname now
is 'unset takes no value' "$code" 64
w unset limits.errors
is 'nothing to unset' "$code" 0
echo '}' >>"$conf"
keep
w set limits.errors 5
unchanged 'a file that cannot be understood' 78 'keeps it from being edited'
sed -i '$d' "$conf"

# --- mode, owner, links, turns ---

chmod 640 "$conf"
[ "$(id -u)" -ne 0 ] || chgrp 1 "$conf"
was=$(stat -c %a:%u:%g "$conf")
mv "$conf" "$work/a/real.conf"
ln -s real.conf "$conf"
w set limits.errors 5
done_silently 'through a symbolic link'
is 'which stays one; mode and owner stay' \
	"$(readlink "$conf") $(stat -Lc %a:%u:%g "$conf")" "real.conf $was"
: >"$work/a/real.conf~new" # left by an edit that was killed
editors=
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	"$build/waypost" -C "$conf" domain add "many$i.test" alias \
		2>>"$work/many" &
	editors="$editors $!"
	"$build/waypost" -C "$conf" relay allow "198.51.100.$i" \
		2>>"$work/many" &
	editors="$editors $!"
done
wait $editors
is '12 at once, domains' "$(grep -c '^many' "$domains")" 12
is '12 at once, relay' "$(grep -c '"198.51' "$conf")" 12
is 'no file is left over' "$(ls "$work/a" | grep -c '~')" 0

# --- aliases ---

printf 'root: a@example.edu\nlist: root, b@example.edu\n' >"$work/a/aliases"
w alias check
is 'aliases' "$code $(cat "$work/out")" "0 $work/a/aliases: 2 aliases, 0 faults"
printf 'a: b\nb: c\nc: a\nbad: |/bin/sh\n' >>"$work/a/aliases"
w alias check
is 'faults' "$code $(cat "$work/out")" "78 $work/a/aliases: 6 aliases, 4 faults"
ok 'a circle' grep -q 'aliases:3: a: aliases lead in a circle' "$work/err"
ok 'a pipe' grep -q 'aliases:6: ' "$work/err"

# --- usage ---

for words in domain 'domain add' 'domain add a' 'domain remove' 'domain frob a' \
	'domain list a' 'domain --frob list' relay 'relay allow' \
	'relay allow a b' 'relay list a' 'relay -n list' 'relay frob a' set unset \
	'set --frob' alias 'alias frob' 'alias check a'; do
	# shellcheck disable=SC2086
	w $words
	is "$words" "$code" 64
done
for words in domain relay set unset alias; do
	w $words --help
	is "$words --help" "$code $(grep -c ^usage: "$work/out")" '0 1'
done
done_testing
