#!/bin/sh
# waypost check: each finding once, and the exit codes.
#   76-check.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/hop.sh"
. "$top/tests/e2e/carry.sh"

place() { # [CONFIGURATION LINES on stdin]: a new instance
	rm -rf "$work/place"
	instance place
	chmod 755 "$work/place"
}
check() { # [ARGUMENT...]: output in $work/out, code in $code
	"$build/waypost" -C "$work/place/waypost.conf" check "$@" \
		>"$work/out" 2>&1
	code=$?
	cat "$work/out" >>"$work/findings"
}
finds() { # PATTERN
	grep -Eq -- "$1" "$work/out" || {
		cat "$work/out"
		return 1
	}
}

place </dev/null
check --offline
ok "no listener" finds '^ok +no open relay: no listener for other hosts$'
listener='listen lan { address = "127.0.0.1:2525" }'
place <<END
$listener
END
echo 'example.com local default' >"$work/place/domains"
check --offline
is "no daemon: a warning" "$code" 1
ok "waypostd does not run" finds '^warning  waypostd does not run'
ok "a file that is there" finds '^ok +/.*/aliases$'
mv "$work/place/aliases" "$work/place/aliases~"
sed -i "s|/spool/pickup|/nowhere/pickup|" "$work/place/waypost.conf"
check --offline
ok "one that is not" finds '^ok +/.*/aliases: there is none, so it is empty$'
ok "a pickup directory that cannot be made" \
	finds '^warning +/.*/waypost\.conf:[0-9]+: pickup directory .*: No such file'
mv "$work/place/aliases~" "$work/place/aliases"
sed -i "s|/nowhere/pickup|/spool/pickup|" "$work/place/waypost.conf"
check --offline
ok "with a cure" finds '^ +cure: start waypostd$'
ok "the self-test" \
	finds '^ok +no open relay: 1 listeners refused a stranger 42 forms$'
place </dev/null
carrier place
check --offline
is "all is well" "$code" 0
ok "waypostd runs" finds '^ok +waypostd runs$'
stop place_carrier

echo 'relay { default = allow  open-relay = true }' >>"$work/place/waypost.conf"
check --offline
ok "an open relay that was wished: a warning" \
	finds '^warning +/.*/waypost\.conf:[0-9]+: relay.default = allow: this is an open relay$'
place <<END
$listener
relay { except = "198.18.0.0/15" }
END
check --offline
ok "the form test can fail" finds '^FAULT +/.*/waypost\.conf:[0-9]+: listener lan: a stranger may relay: 30 of 42 forms, the first MAIL FROM:<>, RCPT TO:<.*\(listed'
is "a fault" "$code" 2

echo 'nonsense = 1' >>"$work/place/waypost.conf"
check --offline
is "a broken file: a fault" "$code" 2
ok "file:line" finds '^FAULT +/.*/waypost\.conf:[0-9]+: '
ok "... and a cure" finds '^ +cure: correct the line: waypost\.conf\(5\)'
place </dev/null
echo 'a: |/bin/sh' >"$work/place/aliases"
check --offline
ok "a faulty alias: file:line" finds '^FAULT +/.*/aliases:1: '

# --- the drop directory ---
place <<END
drop { directory = "$work/elsewhere" }
END
sed -i '/^drop   {/d' "$work/place/waypost.conf"
echo 'example.com local default' >"$work/place/domains"
check --offline
ok "a drop directory that is missing" \
	finds "^FAULT +/.*/waypost\.conf:[0-9]+: drop directory $work/elsewhere: No such file"
ok "... with a cure" finds '^ +cure: make it, owned by waypost'
: >"$work/elsewhere"
check --offline
ok "... that is none" finds '^FAULT +/.*/waypost\.conf:[0-9]+: /.*elsewhere is no directory'
rm "$work/elsewhere"
mkdir -m 750 "$work/elsewhere"
check --offline
ok "... that is there" not finds elsewhere
place </dev/null
echo 'example.com local default' >"$work/place/domains"
rmdir "$work/place/spool/drop"
check --offline
ok "the one in the spool is waypostd's to make" not finds drop
post place m1 from@example.com user@example.com
drain place
is "... which it does" "$(stat -c %a "$work/place/spool/drop"):$(files \
	"$work/place/spool/drop")" 750:1

# --- certificates ---
for pair in good:other expired:expired good:good; do
	place <<-END
	tls { certificate = "$work/${pair%:*}.crt"  key = "$work/${pair#*:}.key" }
	END
	check --offline
	case $pair in
	good:other) ok "a key of another certificate" finds '^FAULT +/.*/waypost\.conf:[0-9]+: /.*good\.crt, /.*other\.key: ' ;;
	expired*) ok "an expired one" finds '^FAULT +/.*/waypost\.conf:[0-9]+: /.*: expired [0-9]+ days ago' ;;
	*) ok "a good one" finds '^ok +/.*good\.crt: good for (29|30) more days' ;;
	esac
done

place <<END
tls { certificate = "$work/good.crt"  key = "$work/good.key" }
listen lan { address = "127.0.0.1:2525"
	certificate = "$work/good.crt"  key = "$work/other.key" }
END
check --offline
ok "one certificate with two keys" finds '^FAULT +/.*/waypost\.conf:[0-9]+: /.*good\.crt, /.*other\.key: '
place </dev/null
rm -rf "$work/place/spool"
check --offline
ok "no spool" finds "^FAULT +/.*/waypost\.conf:[0-9]+: $work/place/spool: No such file"
ok "... and all else is looked at" finds '^ok +no open relay'

# --- names, secrets and smart hosts ---
spawn names "$python" -Bc "import sys, time
sys.path.insert(0, '$top/tests/e2e')
from name_server import NameServer
n = NameServer({('host.corp.test', 'A'): ['127.0.0.1'],
                ('six.corp.test', 'AAAA'): ['2001:db8::7'],
                ('far.corp.test', 'A'): ['192.0.2.7'],
                ('7.2.0.192.in-addr.arpa', 'PTR'): ['far.corp.test'],
                ('bad.corp.test', 'A'): ['192.0.2.8'],
                ('8.2.0.192.in-addr.arpa', 'PTR'): ['dsl-8.isp.test']})
print('READY PORT', n.port, flush=True)
time.sleep(600)"
within 10 grep -q READY "$work/names.log" || skip "no name server"
dns_port=$(sed -n 's/^READY PORT //p' "$work/names.log")
mx relay --cert "$work/good.crt" --key "$work/good.key" --auth "relay:$secret"
smarthost() { # MORE
	place <<-END
	smarthost {
		hosts = "[127.0.0.1]:$port"  tls = require  user = "relay"
		$1
	}
	dns { servers = "127.0.0.1@$dns_port" }
	END
	sed -i "1s/.*/hostname = \"${hostname:-host.corp.test}\"/" \
		"$work/place/waypost.conf"
	check
}
smarthost "secret-file = \"$work/secret\""
ok "the secret file" finds "^ok +secret-file $work/secret$"
ok "the host name" finds '^ok +name servers answer; host\.corp\.test has an address$'
ok "the login works" \
	finds '^ok +/.*/waypost\.conf:[0-9]+: smart host 127\.0\.0\.1\[127\.0\.0\.1\]:[0-9]+: TLSv1.* logged in$'
ok "nothing was sent" not said relay '< MAIL'
ok "it said QUIT" said relay '< QUIT'
hostname=other.corp.test
smarthost "secret-command = \"echo wrong-password\""
ok "a host name without address" \
	finds '^warning +/.*/waypost\.conf:[0-9]+: name servers answer; hostname other\.corp\.test has no address$'
ok "a wrong password" finds '^FAULT +/.*/waypost\.conf:[0-9]+: smart host .*: AUTH: 535 '
ok "its cure" finds 'cure: look at user, mechanism and the secret'
is "is a fault" "$code" 2
smarthost "secret-command = \"exit 9\""
ok "a secret command that fails" \
	finds '^FAULT +/.*/waypost\.conf:[0-9]+: smart host .*secret-command: it exited with 9'
chmod 644 "$work/secret"
smarthost "secret-file = \"$work/secret\""
ok "a secret that others may read" finds '^FAULT +/.*/waypost\.conf:[0-9]+: secret-file .*group or others'
chmod 600 "$work/secret"
stop relay
smarthost "secret-file = \"$work/secret\""
ok "nobody there" finds '^FAULT +/.*/waypost\.conf:[0-9]+: smart host .*: connect: '

# --- this host's name, as others see it ---
named() { # NAME [CONFIGURATION LINES]
	place <<-END
	dns { servers = "127.0.0.1@$dns_port" }
	${2-}
	END
	sed -i "1s/.*/hostname = \"$1\"/" "$work/place/waypost.conf"
	check
}
named six.corp.test
ok "an IPv6 address is one" finds '^ok .*six\.corp\.test has an address$'
ok "not of this host" \
	finds '^warning +/.*/waypost\.conf:[0-9]+: six\.corp\.test has the address 2001:db8::7, which is none of this host$'
named far.corp.test
ok "its address leads back to it" finds '^ok +192\.0\.2\.7 is called far\.corp\.test$'
named bad.corp.test
ok "another name" \
	finds '^warning +/.*/waypost\.conf:[0-9]+: 192\.0\.2\.8 is called dsl-8\.isp\.test, not bad\.corp\.test: many'
named bad.corp.test 'smarthost { hosts = "[127.0.0.1]:1" }'
ok "with a smart host nobody asks" not finds 'is called'

# --- hosts and secrets of the domain table ---
mx hub --cert "$work/good.crt" --key "$work/good.key" --auth "relay:$secret"
place <<END
dns { servers = "127.0.0.1@$dns_port" }
END
cat >"$work/place/domains" <<END
here.test local default
a.test remote host=[127.0.0.1]:$port tls=require user=relay secret-file=$work/secret
*.a.test remote host=[127.0.0.1]:$port tls=require user=relay secret-file=$work/secret
b.test remote host=[127.0.0.1]:1
c.test remote host=[127.0.0.1]:$port client-certificate=$work/expired.crt client-key=$work/expired.key
d.test remote host=[127.0.0.1]:$port tls=require user=relay secret-file=$work/missing
END
check
ok "its secret" finds "^ok +secret-file $work/secret$"
ok "a secret that is missing" finds "^FAULT +/.*/domains:6: secret-file $work/missing"
ok "a client certificate that expired" finds '^FAULT +/.*/domains:5: /.*expired.crt: expired'
ok "a login at its host, by file:line" \
	finds '^ok +/.*/domains:2: host .*, logged in$'
ok "once for one destination" test "$(grep -c 'domains:[23]: host' "$work/out")" = 1
ok "a host that is down" finds '^FAULT +/.*/domains:4: host .*: connect: '
stop hub

# Of all findings above: none without a cure, and none without a line but of
# what no line sets.
awk '/^(warning|FAULT)/ && held { print held }
	/^(warning|FAULT)/ { held = $0; next }
	{ if (held && $0 !~ /^ +cure: /) print held; held = "" }
	END { if (held) print held }' "$work/findings" >"$work/odd"
is "each finding has a cure" "$(cat "$work/odd")" ''
grep -E '^(warning|FAULT)' "$work/findings" |
	grep -Ev '^[A-Za-z]+ +/[^ ]*:[0-9]+: |waypost-?s?m?t?p?d? does not run' \
		>"$work/odd"
is "... and file:line" "$(cat "$work/odd")" ''

check --help
is "help" "$code" 0
check extra
is "usage" "$code" 64

done_testing
