#!/bin/sh
# waypost queue: looking, and orders to a waypostd that runs and to one that
# does not.
#   42-queue.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

q() { # WORD...: waypost queue; output in $work/out and $work/err, $code
	"$build/waypost" -C "$work/a/waypost.conf" queue "$@" \
		>"$work/out" 2>"$work/err" </dev/null
	code=$?
}
did() { # NAME CODE PATTERN: of both outputs
	if [ "$code" -eq "$2" ] && { [ ! "$3" ] ||
		cat "$work/out" "$work/err" | grep -Eq -- "$3"; }; then
		pass "$1"
	else
		fail "$1"
		{ echo "exit $code"; cat "$work/out" "$work/err"; } | diag
	fi
}
id_of() { # UNIQUE: the queue id
	grep -la "X-Unique: $1\\." "$work/a/spool/queue/new"/* | sed 's|.*/||'
}
orders() {
	find "$work/a/spool/state/orders" -type f | wc -l
}
gone_from_queue() { # UNIQUE
	! grep -qa "X-Unique: $1\\." "$work/a/spool/queue/new"/* 2>/dev/null
}
json() { # EXPRESSION over m, the list of messages
	q list --json
	"$python" -c 'import json, sys
m = {o["sender"]: o for o in map(json.loads, open(sys.argv[1]))}
print(eval("(%s)" % sys.argv[2]))' "$work/out" "$1"
}

mx s 'rcpt=450 4.2.1 "busy" \\ now'
instance a <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
queue { retry = { "1h" } }
END
q list
did 'no waypostd ever ran, nothing queued: empty' 0 ''
post a m1 one@example.com u1@x.test u2@y.test
post a m2 two@example.com u1@x.test
post a m3 three@example.com v@z.test
drain a
id1=$(id_of m1) id2=$(id_of m2) id3=$(id_of m3)

# --- looking ---
q list
did 'list: all' 0 "^$id3 .* three@example.com"
is '... three messages' "$(grep -c "^[0-9a-z]" "$work/out")" 3
did '... why, and who said it' 0 '450 4.2.1 .*busy.* \(127.0.0.1\[127.0.0.1\]:'
did '... when next' 0 'u2@y.test: waiting, 1 attempt, next 20'
q list --from two@EXAMPLE.com
is 'by sender' "$(sed -n 's/ .*//p' "$work/out" | grep .)" "$id2"
q list --to @x.test
is 'by recipients of a domain' "$(grep -c @x.test: "$work/out")" 2
is '... and no others' "$(grep -c @y.test: "$work/out")" 0
q list --destination Z.test
is 'by destination' "$(sed -n 's/ .*//p' "$work/out" | grep .)" "$id3"
q list "$id1" "$id3"
is 'by ids' "$(grep -c "^[0-9a-z]" "$work/out")" 2
q show "$id1"
did 'show' 0 '^  source:  sendmail uid='
is 'JSON' "$(json 'm["one@example.com"]["recipients"][1]["address"],
	m["one@example.com"]["recipients"][1]["history"][0]["code"],
	"busy" in m["one@example.com"]["recipients"][1]["history"][0]["text"],
	len(m)')" "('u2@y.test', 450, True, 3)"
q show
did 'show wants a selector' 64 usage
q hold
did 'so do orders' 64 usage
q hold nosuchid
did 'nothing fits' 69 'nothing in the queue'
q list --purge
did 'options that mean nothing here' 64 usage

# --- with no waypostd the order waits for it ---
q hold "$id2"
did 'hold without a waypostd' 0 'when it starts'
is '... is kept' "$(orders)" 1
drain a --flush
is '... carried out, and gone' "$(orders)" 0
is '... it is held' "$(json 'm["two@example.com"]["recipients"][0]["state"]')" held
is '... was not tried' \
	"$(json 'm["two@example.com"]["recipients"][0]["attempts"]')" 1
is '... while others were' \
	"$(json 'm["three@example.com"]["recipients"][0]["attempts"]')" 2
ok 'mailq marks it' grep -q "^$id2! .*two@example.com" <<END
$("$build/sendmail" -C "$work/a/waypost.conf" -bp)
END
drain a --flush
is 'a restart keeps it held' \
	"$(json 'm["two@example.com"]["recipients"][0]["state"]')" held
is '... and the attempts of the others' \
	"$(json 'len(m["three@example.com"]["recipients"][0]["history"])')" 3
for _ in 1 2 3 4 5 6 7 8; do drain a --flush; done
is 'eight are kept, the last ones' \
	"$(json 'len(m["three@example.com"]["recipients"][0]["history"]),
	m["three@example.com"]["recipients"][0]["attempts"]')" '(8, 11)'

# --- with one it is done at once ---
mx s
sed -i "s/\"\[127.0.0.1\]:[0-9]*\"/\"[127.0.0.1]:$port\"/" "$work/a/waypost.conf"
carrier a
q retry --to u2@y.test
did 'retry one recipient' 0 'due now: 1 message, 1 recipient'
ok '... and only that one is sent' within 10 have_saved s 1
ok '... it' grep -q u2@y.test "$work/s.saved/1.env"
q release --all
did 'release' 0 'released: 3 messages, 3 recipients'
ok '... what was held is sent' within 10 gone_from_queue m2
q hold --from one@example.com
did 'hold' 0 'held: 1 message, 1 recipient'
q flush
did 'flush' 0 ''
ok '... sends what is not held' within 10 gone_from_queue m3
ok '... and leaves the rest' not gone_from_queue m1
q remove "$id1"
did 'remove' 0 'removed: 1 message, 1 recipient'
ok '... from the queue' within 10 gone_from_queue m1
ok '... to badmail' grep -q 'x-receiver: u1@x.test' \
	"$work/a/spool/badmail/$id1.eml"
ok '... only that recipient' not grep -q 'u2@y.test' \
	"$work/a/spool/badmail/$id1.eml"
ok '... with the reason' grep -q 'removed from the queue by the operator' \
	"$work/a/spool/badmail/$id1.reason"
is '... no report' "$(files "$work/a/spool/drop")" 0

# --- requeue ---
q requeue "$id1.eml"
did 'requeue' 0 "^$id1: queued as "
ok '... is sent to that recipient' within 10 have_saved s 4
ok '... it' grep -q u1@x.test "$work/s.saved/4.env"
ok '... without the lines of its envelope' not grep -q '^x-' "$work/s.saved/4.msg"
is '... and badmail is empty' "$(files "$work/a/spool/badmail")" 0
q requeue "$id1"
did '... no more' 66 'No such file'
q requeue ../state/journal
did 'names only' 65 'no name'

# --- remove: report, purge ---
stop a_carrier
echo 'example.com local default' >"$work/a/domains"
post a m4 me@example.com w@x.test
q remove --report --purge --all
did 'remove, told and not kept' 0 'when it starts'
drain a
drain a
ok '... gone without a try' empty a
is '... none was sent' "$(saved s)" 4
ok '... the sender has a report' grep -rq 'removed by the operator' \
	"$work/a/spool/drop"
is '... badmail has nothing' "$(files "$work/a/spool/badmail")" 0

# --- a recipient under way: the order waits ---
mx s 'dot=sleep:1;ok'
sed -i "s/\"\[127.0.0.1\]:[0-9]*\"/\"[127.0.0.1]:$port\"/" "$work/a/waypost.conf"
carrier a
post a m5 x@y.test slow@x.test
ok 'a message is on its way' within 10 said s 'DATA'
id5=$(id_of m5)
q hold "$id5"
did 'hold waits for its end' 0 'held'
is '... which was a delivery' "$(saved s)" 1
ok '... so nothing is held' within 10 empty a

# --- flush --wait ---
stop a_carrier
post a m6 x@y.test ok@x.test
carrier a
q flush --wait
did 'flush --wait tells what became of it' 0 '^[01] of [01] gone'
ok '... and it is gone' within 10 empty a

# --- killed at any time: carried out once more ---
stop a_carrier
mx s 'rcpt=450 4.2.1 busy'
sed -i "s/\"\[127.0.0.1\]:[0-9]*\"/\"[127.0.0.1]:$port\"/" "$work/a/waypost.conf"
post a m7 x@y.test k@x.test
drain a
q hold --all
cp -a "$work/a/spool/state/orders" "$work/orders"
drain a
cp -a "$work/orders"/* "$work/a/spool/state/orders" # as if never removed
drain a --flush
is 'J28 a hold that comes twice holds' \
	"$(json 'm["x@y.test"]["recipients"][0]["state"],
	m["x@y.test"]["recipients"][0]["attempts"]')" "('held', 1)"
is '... and is gone then' "$(orders)" 0
printf 'waypost-order 1\nrelease\n%s 1\nEND 1 00000000\n' "$(id_of m7)" \
	>"$work/a/spool/state/orders/$(id_of m7)"
drain a
ok 'a damaged order is set aside, and told' logged a 'not a whole order'
is '... and does nothing' "$(json 'm["x@y.test"]["recipients"][0]["state"]')" held
ok 'no sanitizer complains' sane
done_testing
