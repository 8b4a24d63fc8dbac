# What the scripts about waypostd share: scripted servers, a carrier in the
# background, and the tally of what became of each message.  Use, behind
# lib.sh:
#
#	. "$top/tests/e2e/carry.sh"

# Start server.py as NAME; its port is in $port, its dialogue in
# $work/NAME.dialogue, what it was sent in $work/NAME.saved.
mx() { # NAME [OPTION...] [RULE...]
	mx_name=$1
	shift
	stop "$mx_name"
	rm -rf "$work/$mx_name.saved" "$work/$mx_name.dialogue" \
		"$work/$mx_name.log"
	mkdir "$work/$mx_name.saved"
	: >"$work/$mx_name.dialogue"
	spawn "$mx_name" "$python" "$top/tests/e2e/server.py" \
		--log "$work/$mx_name.dialogue" --save "$work/$mx_name.saved" "$@"
	eval "pid_$mx_name=$pid"
	within 10 grep -q READY "$work/$mx_name.log" || {
		diag <"$work/$mx_name.log"
		skip "the scripted server does not start"
	}
	port=$(sed -n 's/^READY PORT //p' "$work/$mx_name.log")
}

# Start waypostd for the instance; its log is $work/NAME.carrier.log.
carrier() { # NAME [ARGUMENT...]
	carrier_name=$1
	: >"$work/$1.carrier.log"
	spawn "$1.carrier" waypostd "$@"
	eval "pid_${carrier_name}_carrier=$pid"
	carrier_pid=$pid
	within 20 grep -q ': started ' "$work/$carrier_name.carrier.log" || {
		diag <"$work/$carrier_name.carrier.log"
		fail "$carrier_name: waypostd starts"
	}
}

# End what mx or carrier started; $code is how it ended.
stop() { # NAME or NAME_carrier
	eval "stop_pid=\${pid_$1:-}"
	[ "$stop_pid" ] || return 0
	eval "pid_$1="
	kill "$stop_pid" 2>/dev/null
	within 15 gone "$stop_pid" || kill -KILL "$stop_pid"
	wait "$stop_pid" 2>/dev/null
	code=$?
	complaints
}

# Deliver what is due, in the foreground; the log is $work/NAME.carrier.log,
# added to; $code is the exit code.
drain() { # NAME [ARGUMENT...]
	drain_log=$work/$1.carrier.log
	(
		drain_name=$1
		shift
		waypostd_conf=$work/$drain_name/waypost.conf
		exec timeout -k 5 "${DRAIN_TIMEOUT:-60}" "$build/waypostd" \
			-C "$waypostd_conf" --drain "$@"
	) </dev/null >>"$drain_log" 2>&1
	code=$?
	complaints
}

# Queue a message with an id of its own.
post() { # NAME UNIQUE SENDER [SENDMAIL-OPTION...] RCPT...
	post_name=$1
	post_unique=$2
	post_from=$3
	shift 3
	printf 'Subject: message %s\nX-Unique: %s.\n\nbody of %s\n' \
		"$post_unique" "$post_unique" "$post_unique" |
		sendmail "$post_name" -oi -f "$post_from" "$@" 2>>"$work/post.log" ||
		fail "sendmail takes $post_unique"
}

said() { # SERVER PATTERN: is there such a line in its dialogue?
	grep -Eq -- "$2" "$work/$1.dialogue" || {
		cat "$work/$1.dialogue"
		return 1
	}
}

logged() { # NAME PATTERN
	grep -Eq -- "$2" "$work/$1.carrier.log" || {
		cat "$work/$1.carrier.log"
		return 1
	}
}

not() {
	! "$@"
}

connections() { # SERVER
	grep -c '= connected' "$work/$1.dialogue"
}

saved() { # SERVER: how many messages ended in a dot
	find "$work/$1.saved" -name '*.msg' | wc -l
}

have_saved() { # SERVER COUNT
	[ "$(saved "$1")" -ge "$2" ]
}

empty() { # NAME: nothing is queued
	[ "$(queued "$1")" -eq 0 ]
}

ms() {
	date +%s%3N
}

# What became of each message and recipient (tally.py).
tally() { # NAME [SERVER...]
	tally_name=$1
	shift
	for tally_server in "$@"; do
		set -- "$@" "$work/$tally_server.saved"
		shift
	done
	"$python" -B "$top/tests/e2e/tally.py" "$work/$tally_name/spool" "$@" 2>&1
}

# What a sanitizer says about waypostd is kept, since logs are not.
complaints() {
	grep -hE -A 30 'AddressSanitizer|LeakSanitizer|runtime error' \
		"$work"/*.carrier.log >>"$work/complaints" 2>/dev/null
}

# No sanitizer had anything to say about any run of waypostd.
sane() {
	complaints
	[ ! -s "$work/complaints" ] || {
		cat "$work/complaints"
		return 1
	}
}
