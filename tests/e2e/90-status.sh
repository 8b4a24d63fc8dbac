#!/bin/sh
# waypost status, metrics, serve: how things stand, in all forms.
. "${0%/*}/lib.sh"
command -v curl >/dev/null || skip "no curl"
command -v swaks >/dev/null || skip "no swaks"
dead=$(free_port)
port=$(free_port)
http=$(free_port)
instance a <<-END
	smarthost { hosts = { "[127.0.0.1]:$dead" } tls = none }
	queue { retry = { "30m" } }
	listen "lan" { address = "127.0.0.1:$port" tls = none }
	relay { except = { "127.0.0.1" } }
END
echo 'example.com local default' >"$work/a/domains"
w() {
	"$build/waypost" -C "$work/a/waypost.conf" "$@" >"$work/out" \
		2>"$work/err"
	code=$?
}
field() { # EXPRESSION: of the JSON object j
	"$python" -c 'import json, sys
j = json.load(open(sys.argv[1]))
print(eval("(" + sys.argv[2] + ")"))' "$work/out" "$1"
}
metric() { # NAME
	sed -n "s/^waypost_$1 //p" "$work/out"
}

# --- before anything runs ---

w status --json
is 'an empty queue' "$code $(field 'j["queue"]["messages"], j["waypostd"]')" \
	"0 (0, {'running': False})"
w status --check
is 'check: nothing runs' "$code $(cut -d'|' -f 1 "$work/out")" \
	'2 WAYPOST CRITICAL - waypostd does not run '
w metrics
is 'metrics' "$code $(metric carrier_up) $(metric queue_messages)" '0 0 0'

# --- mail that goes, mail that waits ---

spawn carrier "$build/waypostd" -C "$work/a/waypost.conf"
carrier=$pid
spawn listener "$build/waypost-smtpd" -C "$work/a/waypost.conf"
listener=$pid
within 20 listening "$port" || fail 'the listener starts'
echo one | sendmail a -f me@example.com you@example.com || fail 'local mail'
echo two | sendmail a -f me@example.com 'x@far.test' 'y@far.test' ||
	fail 'remote mail'
swaks --server 127.0.0.1 --port "$port" --from me@example.com \
	--to z@far.test --body three >/dev/null || fail 'mail by SMTP'
swaks --server 127.0.0.1 --port "$port" --from me@example.com \
	--to '<@a.test:z@far.test>' >/dev/null 2>&1
answered() {
	w status --json
	[ "$(field 'j["waypostd"]["delivered"], j["queue"]["recipients"],
len(j["last_answers"])')" = '(1, 3, 1)' ]
}
ok 'one delivered, three wait' within 20 answered
is 'messages, recipients, by destination' \
	"$(field 'j["queue"]["messages"],
[(d["destination"].split()[:2], d["messages"], d["recipients"])
 for d in j["queue"]["by_destination"]]')" \
	"(2, [(['smarthost', '[127.0.0.1]:$dead'], 2, 3)])"
is 'out of order: the address, and the destination that has no other' \
	"$(field '[(d["destination"].split()[:2], d["failures"])
 for d in j["out_of_order"]]')" \
	"[(['address', '[127.0.0.1]:$dead'], 1), (['smarthost', '[127.0.0.1]:$dead'], 1)]"
is 'when it is probed' "$(field '0 < j["out_of_order"][0]["next_ms"] -
j["at_ms"] <= 33 * 60000')" True
is 'the listener' "$(field 'j["waypost_smtpd"]["running"],
j["waypost_smtpd"]["received"], j["waypost_smtpd"]["clients"],
j["waypost_smtpd"]["refused"], j["waypost_smtpd"]["clients_now"]')" \
	'(True, 1, 2, 0, 0)'
is 'the drop directory' "$(field 'j["drop"]["files"]')" 1
is 'ages' "$(field 'j["queue"]["by_age"][0]')" \
	"{'under_seconds': 60, 'messages': 2}"

w metrics
is 'the same by metrics' "$code $(metric carrier_up) $(metric listener_up) \
$(metric queue_messages) $(metric queue_recipients) \
$(metric carrier_delivered_total) $(metric listener_received_total) \
$(metric delivery_seconds_count)" '0 1 1 2 3 1 1 1'
"$python" - "$work/out" <<'END' >"$work/format"
import re, sys
# The text format: HELP and TYPE before the samples of a name, once.
seen, kind = set(), None
for line in open(sys.argv[1], newline="\n"):
    line = line.rstrip("\n")
    m = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line)
    if m:
        if m[1] == "HELP":
            assert m[2] not in seen, line
            seen.add(m[2])
        else:
            assert m[3] in ("counter", "gauge", "histogram"), line
            kind = m[2], m[3]
        continue
    m = re.fullmatch(
        r'([a-z_]+)(?:\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"\})? ([0-9]+)', line)
    assert m, line
    assert m[1].startswith(kind[0]), line
    assert kind[1] != "counter" or m[1].endswith("_total"), line
print("well formed", len(seen) > 30)
END
is 'in the text format' "$(cat "$work/format")" 'well formed True'

w status
is 'the screen' "$code $(cat "$work/err")" '0 '
for line in 'waypostd        runs, pid' 'waypost-smtpd   runs, pid' \
	'delivered 1 .* failed 0' 'queue           2 messages, 3 recipients' \
	'under 1 min         2 ##' "smarthost \[127.0.0.1\]:$dead" \
	'Out of order' 'Last answers'; do
	ok "... $line" grep -q "$line" "$work/out"
done
is '... 80 columns but for the destinations' \
	"$(grep -v smarthost "$work/out" | awk 'length > 80')" ''
is '... no colour without a terminal' "$(grep -c "$(printf '\033')" "$work/out")" 0
script -qec "$build/waypost -C $work/a/waypost.conf status" /dev/null \
	>"$work/tty" </dev/null
ok '... colour on one' grep -q "$(printf '\033\\[31m')" "$work/tty"
NO_COLOR=1 script -qec "$build/waypost -C $work/a/waypost.conf status" \
	/dev/null >"$work/tty" </dev/null
is '... unless NO_COLOR' "$(grep -c "$(printf '\033')" "$work/tty")" 0
spawn watch "$build/waypost" -C "$work/a/waypost.conf" status --watch=1
watched() {
	[ "$(grep -c 'delivered 1 (0.0/s)' "$work/watch.log")" -ge 1 ]
}
ok '--watch shows rates' within 20 watched
kill "$pid"

# --- a monitor's check ---

w status --check
is 'check: well' "$code $(sed 's/oldest=[0-9]*s/oldest=Ns/' "$work/out")" \
	'0 WAYPOST OK - the queue moves | queued=2;1000;10000 oldest=Ns;3600;14400'
w status --check --warning-size 2
is 'check: many' "$code $(cut -d'|' -f 1 "$work/out")" \
	'1 WAYPOST WARNING - 2 queued '
w status --check --critical-size 2 --warning-size 1
is 'check: too many' "$code $(cut -d'|' -f 1 "$work/out")" \
	'2 WAYPOST CRITICAL - 2 queued '
w status --check --critical-age 0s
is 'check: old' "$code $(cut -c 1-35 "$work/out")" \
	'2 WAYPOST CRITICAL - the oldest waits'
touch "$work/a/spool/corrupt/x"
w status --check
is 'check: damage' "$code $(cut -d'|' -f 1 "$work/out")" \
	'1 WAYPOST WARNING - 1 damaged queue files '
rm "$work/a/spool/corrupt/x"
w status --check --warning-age soon
is 'check: no time' "$code" 64
"$build/waypost" -C "$work/none" status --check >/dev/null 2>&1
is 'check: no configuration' "$?" 3
w status --json --check
is 'one form at a time' "$code" 64

# --- by HTTP ---

spawn serve "$build/waypost" -C "$work/a/waypost.conf" serve \
	--listen "127.0.0.1:$http"
within 20 listening "$http" || fail 'serve starts'
get() { # PATH [OPTION...]
	path=$1
	shift
	curl -s --noproxy '*' -m 20 -D "$work/head" "$@" \
		"http://127.0.0.1:$http$path" >"$work/out"
	status=$(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$work/head")
}
get /metrics
is '/metrics' "$status $(metric queue_recipients)" '200 3'
ok '... its type' grep -qi '^content-type: text/plain; version=0.0.4' "$work/head"
get /status.json
is '/status.json' "$status $(field 'j["queue"]["messages"]')" '200 2'
get /health
is '/health' "$status $(cat "$work/out")" '200 well'
get /
is '/' "$status $(grep -c "$dead" "$work/out")" '200 1'
is '... no script' "$(grep -ci '<script\|javascript:\| on[a-z]*=' "$work/out")" 0
ok '... and none would run' \
	grep -qi "^content-security-policy: default-src 'none'" "$work/head"
"$python" - "$work/out" <<'END' >"$work/format"
import sys, xml.etree.ElementTree as tree
from html.parser import HTMLParser
class Look(HTMLParser):
    depth, drawings, links = 0, 0, []
    def handle_starttag(self, tag, attrs):
        self.drawings += tag == "svg"
        self.links += [v for k, v in attrs if k in ("href", "src")]
page = open(sys.argv[1], encoding="utf-8").read()
look = Look()
look.feed(page)
for part in page.split("<svg")[1:]:
    tree.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")
print(look.drawings, look.links)
END
is '... three drawings, nothing from elsewhere' "$(cat "$work/format")" \
	"3 ['/metrics', '/status.json']"
get /etc/passwd
is 'nothing else' "$status" 404
get /../../etc/passwd --path-as-is
is 'nor above' "$status" 404
get / -X POST -d x
ok 'POST is not taken' [ "$status" -ge 400 ]
get / -H "X: $(head -c 20000 /dev/zero | tr '\0' x)"
ok 'nor a huge header' [ "${status:-400}" -ge 400 ]
get /health
is 'and it lives' "$status" 200
for where in 0.0.0.0:1 192.0.2.1:80 '[::]:80' frob; do
	w serve --listen "$where"
	is "not on $where" "$code" 69
done
spawn unix "$build/waypost" -C "$work/a/waypost.conf" serve \
	--listen "$work/http.sock"
within 20 test -S "$work/http.sock" || fail 'a unix socket'
is 'by a unix socket' "$(curl -s -m 20 --unix-socket "$work/http.sock" \
	http://localhost/health)" well
kill "$pid"
ok 'which goes with it' within 10 test ! -e "$work/http.sock"

# --- what a name may hold ---

echo x | sendmail a -f me@example.com '"<b>&\"x"@far.test' ||
	fail 'a strange address'
browser=
for name in chromium chromium-browser google-chrome; do
	command -v "$name" >/dev/null && browser=$name
done
if [ "$browser" ]; then
	HOME=$work timeout 60 "$browser" --headless --no-sandbox --disable-gpu \
		--window-size=800,1000 --screenshot="$work/page.png" \
		"http://127.0.0.1:$http/" >"$work/browser.log" 2>&1
	ok 'a browser draws it' test -s "$work/page.png"
	HOME=$work timeout 60 "$browser" --headless --no-sandbox --disable-gpu \
		--dump-dom "http://127.0.0.1:$http/" >"$work/dom" 2>/dev/null
	is '... and has three drawings' "$(grep -o '<svg' "$work/dom" | wc -l)" 3
fi

# --- daemons that end ---

kill -KILL "$listener"
ended() {
	w status --check
	[ "$code" = 2 ]
}
ok 'the listener was killed: critical' within 10 ended
kill -KILL "$carrier"
gone_503() {
	get /health
	[ "$status" = 503 ]
}
ok 'the carrier was killed: /health says so' within 10 gone_503
is '... in words' "$(cat "$work/out")" 'waypostd does not run'
w status
is '... the screen, too' "$code $(grep -c 'DOES NOT RUN' "$work/out")" '0 2'
w status --frob
is 'usage' "$code" 64
for words in status serve; do
	w $words --help
	is "$words --help" "$code $(grep -c ^usage: "$work/out")" '0 1'
done
done_testing
