#!/bin/sh
# waypost run: both daemons in the foreground, without root, as process 1 of a
# container would be: mail goes through, one that dies comes back, signals are
# forwarded, orphans are reaped, the log is JSON, exit codes.
#   95-run.sh BUILD
. "${0%/*}/lib.sh"
[ -x "$build/waypost" ] || skip "no waypost"
id=54330 # of nobody: containers are given such
plain=
if [ "$(id -u)" -eq 0 ]; then
	plain="setpriv --reuid=$id --regid=$id --clear-groups"
fi
port=$(free_port)
instance a <<END
domains = "@PREFIX@/table"
listen "lan" { address = "127.0.0.1:$port" }
workers = 1
END
sed -i '/^domains.*domains"$/d' "$work/a/waypost.conf"
echo 'example.com local default' >"$work/a/table"
conf=$work/a/waypost.conf
log=$work/run.log
[ ! "$plain" ] || chown -R $id:$id "$work/a"

run() { # LOG [ARGUMENT...]: its pid is in $pid
	run_log=$1
	shift
	spawn "$run_log" $plain "$build/waypost" -C "$conf" run "$@"
}
said() { # PROGRAM TEXT
	grep -q "\"program\":\"$1\".*$2" "$log"
}
pid_of() { # PROGRAM: the last that was started
	sed -n "s/.*\"event\":\"started\",\"daemon\":\"$1\",\"pid\":\([0-9]*\)}/\1/p" \
		"$log" | tail -n 1
}
both_started() {
	said waypostd '"event":"started"' && listening "$port"
}

run run --log json
main=$pid
ok "both start" within 20 both_started
carrier=$(pid_of waypostd)
listener=$(pid_of waypost-smtpd)
is "... as children" \
	"$(ps -o ppid= -p "$carrier" -p "$listener" | xargs)" "$main $main"
[ ! "$plain" ] || is "... of an account without a name" \
	"$(ps -o uid= -p "$carrier" -p "$listener" | sort -u | xargs)" $id

submit() { # SUBJECT
	"$python" - "$port" "$1" <<-'END'
	import smtplib, sys
	s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
	s.sendmail("me@example.net", ["a@example.com"],
	           "Subject: %s\r\n\r\nhi\r\n" % sys.argv[2])
	END
}
dropped() { # SUBJECT
	grep -rq "^Subject: $1" "$work/a/spool/drop"
}
ok "mail by SMTP is taken" submit one
ok "... and delivered" within 20 dropped one

reloaded() { # NAME TIMES
	[ "$(grep -c "\"program\":\"$1\".*\"configuration\"" "$log")" -ge "$2" ]
}
echo 'broken' >"$work/a/table"
ok "a broken file is told, nothing stops" within 20 \
	said waypostd '"event":"configuration".*table:1: '
echo 'example.com local default' >"$work/a/table"
before=$(grep -c '"program":"waypostd".*"configuration"' "$log")
kill -HUP "$main"
ok "SIGHUP is forwarded" within 20 reloaded waypostd $((before + 1))
ok "... and all live on" alive "$carrier"

kill -KILL "$carrier"
restarted() { # PROGRAM PID
	[ "$(pid_of "$1")" != "$2" ] && alive "$(pid_of "$1")"
}
ok "a killed waypostd comes back" within 20 restarted waypostd "$carrier"
ok "... which the log tells" said waypost \
	'"event":"ended","daemon":"waypostd","status":-1,"signal":9,"restart-ms":100}'
kill -TERM "$listener"
ok "waypost-smtpd, too" within 20 restarted waypost-smtpd "$listener"
within 20 listening "$port"
ok "mail goes through as before" submit two
ok "... and is delivered" within 20 dropped two

carrier=$(pid_of waypostd)
kill -TERM "$main"
wait "$main"
is "SIGTERM ends it with 0" $? 0
ok "... after its children" gone "$carrier"
ok "each line of the log is one JSON object in UTF-8" "$python" - "$log" <<'END'
import json, sys
def once(pairs):
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)
for line in open(sys.argv[1], encoding="utf-8"):
    entry = json.loads(line, object_pairs_hook=once)
    assert {"time", "level", "program", "event"} <= entry.keys(), line
END

# --- how it ends ---

sed -i 's/^hostname/hostmane/' "$conf"
$plain "$build/waypost" -C "$conf" run >"$work/out" 2>&1
is "a fault in the configuration: 78" $? 78
ok "... which is told with its place" grep -q 'waypost.conf:1: ' "$work/out"
ok "... and why all ends" grep -q \
	'^waypost: ended daemon=waypost[a-z-]* status=78 text=' "$work/out"
sed -i 's/^hostmane/hostname/' "$conf"
mkdir "$work/bin"
cp "$build/waypost" "$build/waypost-smtpd" "$work/bin/"
"$work/bin/waypost" -C "$conf" run >"$work/out" 2>&1
is "a daemon is not there: 69" $? 69
ok "... which is told" grep -q "cannot run $work/bin/waypostd: " "$work/out"
"$build/waypost" run --log xml >"$work/out" 2>&1
is "usage: 64" $? 64
"$build/waypost" run --help >"$work/out" 2>&1
is "--help: 0" $? 0

# --- daemons that do not behave ---

cat >"$work/bin/waypostd" <<'END'
#!/bin/sh
echo begun >>"${0%/*}/begun"
exit 75
END
cat >"$work/bin/waypost-smtpd" <<'END'
#!/bin/sh
(sleep 0.01 & echo $! >"${0%/*}/orphan.new") # its parent is gone before it
mv "${0%/*}/orphan.new" "${0%/*}/orphan"
trap : HUP
exec sleep 600
END
chmod 755 "$work/bin/waypostd" "$work/bin/waypost-smtpd"
: >"$work/a/waypost.conf"
begun() { # TIMES
	[ "$(wc -l <"$work/bin/begun")" -ge "$1" ]
}
spawn back "$work/bin/waypost" run
ok "one that fails is tried again and again" within 30 begun 4
ok "... after growing pauses" grep -q 'restart-ms=400' "$work/back.log"
is "... each twice the one before" "$(sed -n 's/.*restart-ms=//p' \
	"$work/back.log" | head -n 3 | xargs)" "100 200 400"
kill -INT "$pid"
wait "$pid"
is "SIGINT ends it with 0" $? 0

# As process 1 of a namespace (sh: what unshare forks is the program).
if unshare -pf --mount-proc true 2>/dev/null; then
	rm -f "$work/bin/orphan"
	spawn init unshare -pf --mount-proc --kill-child \
		"$work/bin/waypost" run
	ok "as process 1: starts" within 20 test -s "$work/bin/orphan"
	one=$(pgrep -P "$pid")
	zombies() {
		ps -o stat= --ppid "$one" | grep -c Z
	}
	no_child_but_sleep() {
		[ "$(zombies)" = 0 ] && ps -o args= --ppid "$one" |
			grep -q '^sleep 600' && ! ps -o args= --ppid "$one" |
			grep -q 'sleep 0.01'
	}
	ok "as process 1: orphans are reaped" within 20 no_child_but_sleep
	kill -TERM "$one"
	wait "$pid"
	is "as process 1: SIGTERM ends it with 0" $? 0
fi
done_testing
