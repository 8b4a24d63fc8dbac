# The listener, and the whole way from one network to another: parts of
# tests/bench/run, which reads this.  Rates are medians of three rounds in
# which the three servers take turns, for a disk's syncs differ from minute to
# minute; the lowest and the highest stand behind.  smtp-source takes one
# processor for itself: into smtp-sink it shows what it can do at most.
# ACCEPTS=5000.

accepts=${ACCEPTS:-5000}
probe=$top/tests/bench/listener.py

# --- the servers ---

listener() { # NAME PORT, more configuration on stdin
	instance "$1" <<-END
	$(cat)
	users = "@PREFIX@/users"
	listen bench { address = "127.0.0.1:$2" tls = none }
	relay { except = { "127.0.0.1" } }
	limits { connections = 5000 per-client = 5000 }
	END
	: >"$prefix/users"
	chmod 640 "$prefix/users"
}

smtpd() { # NAME PORT
	spawn "$1.smtpd" "$build/waypost-smtpd" -C "$work/$1/waypost.conf"
	within 10 listening "$2"
}

# Not when there is none to be had.  $postfix is its first process.
start_postfix() { # PORT [SETTING...]
	postfix=
	postfix_port=$1
	if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
		remark 'Postfix is not compared: needs root and namespaces'
		return
	fi
	spawn postfix unshare -m -p -f --propagation private \
		"$top/tests/bench/postfix" "$partners/postfix" \
		"$work/postfix" "$@"
	if within 20 listening "$postfix_port"; then
		postfix=$(cat "/proc/$pid/task/$pid/children")
		postfix=${postfix%% *}
	else
		remark 'Postfix does not start here:' \
			"$(tail -n 1 "$work/postfix.log")"
	fi
}

stop_postfix() {
	[ ! "$postfix" ] || kill -KILL "$postfix" # its namespace ends with it
	wait "$pid" 2>/dev/null
	rm -rf "$work/postfix"
}

# --- rates ---

# MESSAGES/s into PORT, and ms of CPU of the tree of SERVER for each.
source_into() { # PORT COUNT SERVER OPTION...
	source_port=$1 source_count=$2 server=$3
	shift 3
	used=$("$python" "$probe" cpu "$server")
	begun=$(now)
	(partner postfix usr/sbin/smtp-source "$@" -m "$source_count" \
		-f sender@example.com -t user@remote.test \
		"127.0.0.1:$source_port") || return
	rate=$(calc "$source_count / ($(now) - $begun)")
	used=$(calc "$("$python" "$probe" cpu "$server") - $used")
	echo "$rate $(calc "1000 * $used / $source_count" 3)"
}

# Of the numbers in one column of a file: median, lowest, highest.
median() { # FILE COLUMN
	awk -v n="$2" '{ print $n }' "$1" | sort -n | awk '{ v[NR] = $1 }
		END { print v[int((NR + 1) / 2)], v[1], v[NR] }'
}

tell_rates() { # NAME SERVER: the median stays in $middle
	read -r middle low high <<-END
	$(median "$work/rate.$2" 1)
	END
	say "$1.$2" "$(calc "$middle" 0)" \
		"messages/s ($(calc "$low" 0) to $(calc "$high" 0))"
	read -r burnt low high <<-END
	$(median "$work/rate.$2" 2)
	END
	say "$1.$2.cpu" "$burnt" "ms a message ($low to $high)"
}

# Postfix is slower: a quarter of the messages takes as long.
compare() { # NAME COUNT TIMES-POSTFIX OPTION...
	compared=listener.$1 number=$2 wanted=$3
	shift 3
	rm -f "$work"/rate.*
	for round in 1 2 3; do
		source_into "$sink_port" "$number" "$sink" "$@" \
			>>"$work/rate.smtp-sink" || return
		source_into "$port" "$number" "$daemon" "$@" \
			>>"$work/rate.waypost" || return
		[ ! "$postfix" ] ||
			source_into "$postfix_port" $((number / 4)) \
				"$postfix" "$@" >>"$work/rate.postfix" || return
	done
	tell_rates "$compared" smtp-sink
	ceiling=$middle
	tell_rates "$compared" waypost
	ours=$middle
	say "$compared.share" "$(calc "100 * $ours / $ceiling" 0)" \
		'% of what smtp-source does into smtp-sink'
	[ "$postfix" ] || return 0
	tell_rates "$compared" postfix
	say "$compared.ratio" "$(calc "$ours / $middle")" \
		"x Postfix (at least $wanted)"
}

# --- large messages ---

large_copy() { # COUNT: MiB/s of files that are copied and synced
	begun=$(now)
	for copy in $(seq "$1"); do
		dd if="$work/large" of="$work/copies/$copy" bs=1M \
			conv=fsync status=none || return
	done
	echo "$(calc "10 * $1 / ($(now) - $begun)" 0)"
	rm -f "$work"/copies/*
}

tell_large() { # NAME REMARK
	read -r middle low high <<-END
	$(median "$work/rate.$1" 1)
	END
	say "listener.10-MiB.$1" "$middle" "MiB/s ($low to $high)$2"
}

large_messages() {
	mkdir -p "$work/copies"
	head -c 10M /dev/zero | tr '\0' x >"$work/large"
	rm -f "$work"/rate.*
	for round in 1 2 3; do
		large_copy 10 >>"$work/rate.copy"
		"$python" "$probe" large "$sink_port" 10 \
			>>"$work/rate.smtp-sink" || return
		"$python" "$probe" large "$port" 10 \
			>>"$work/rate.waypost" || return
		[ ! "$postfix" ] ||
			"$python" "$probe" large "$postfix_port" 10 \
				>>"$work/rate.postfix" || return
	done
	[ ! "$postfix" ] || tell_large postfix ''
	tell_large smtp-sink ''
	tell_large copy ', with fsync'
	copied=$middle
	tell_large waypost '; at least 200, or 80 % of the copy'
	say listener.10-MiB.share "$(calc "100 * $middle / $copied" 0)" \
		'% of the copy'
}

# --- memory and patience ---

pss() { # PID: MiB
	calc "$("$python" "$probe" pss "$1") / 1024" 1
}

idle_sessions() { # NAME PORT PID N MOST [tls]
	mkfifo "$work/hold"
	spawn "idle.$1" sh -c 'exec <"$0" && exec "$@"' "$work/hold" \
		"$python" "$probe" idle "$2" "$4" "${6-}"
	exec 8>"$work/hold"
	if within 120 grep -q ready "$work/idle.$1.log"; then
		say "listener.$4-idle.$1" "$(pss "$3")" "MiB of PSS$5"
	else
		remark "listener: no $4 sessions with $1"
	fi
	exec 8>&-
	rm -f "$work/hold"
	reap "$pid" 20
}

certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -days 30 -subj /CN=bench.example.com \
		-keyout "$work/key" -out "$work/certificate" 2>/dev/null
	chmod 600 "$work/key"
}

patience() { # with sessions that are open and slow
	"$python" "$probe" slow "$port" 2000 50 >"$work/slow" || return
	while read -r name median worst; do
		say "listener.new-session.$name" "$median" "ms (worst $worst)"
	done <"$work/slow"
}

# --- the parts ---

bench_listener() {
	have_partner postfix || {
		remark 'listener: no smtp-source: run tests/partners'
		return
	}
	port=$(free_port) secure=$(free_port)
	certificate || return
	listener accept "$port" <<-END
	listen secure { address = "127.0.0.1:$secure" tls = starttls }
	tls { certificate = "$work/certificate" key = "$work/key" }
	END
	smtpd accept "$port" || return
	daemon=$pid
	within 10 listening "$secure"
	sleep 1
	say listener.idle.pss "$(pss "$daemon")" \
		"MiB, parent and $(nproc) workers (at most 8)"
	smtp_sink "$(free_port)"
	sink=$pid
	start_postfix "$(free_port)" mynetworks=127.0.0.0/8 \
		message_size_limit=20000000 \
		'smtpd_recipient_restrictions=check_client_access static:hold,
			permit_mynetworks, reject'
	namespace=$pid
	compare 20-kept "$accepts" 6 -d -s 20 -l 4096
	compare 1-kept $((accepts / 8)) 1.5 -d -s 1 -l 4096
	compare 100-new $((accepts / 2)) 4 -s 100 -l 4096
	large_messages
	idle_sessions plain "$port" "$daemon" 1000 ' (at most 40)'
	idle_sessions tls "$secure" "$daemon" 1000 ' (at most 120)' tls
	[ ! "$postfix" ] ||
		idle_sessions postfix "$postfix_port" "$postfix" 90 ''
	patience
	pid=$namespace
	stop_postfix
	[ "$(queued accept)" -gt 0 ]
}

# From smtp-source to smtp-sink, durable at every step; until the last has
# left the queue.
way_of() { # COUNT QUEUE-DIRECTORIES...
	way_count=$1
	shift
	begun=$(now)
	(partner postfix usr/sbin/smtp-source -d -s 20 -l 4096 \
		-m "$way_count" -f sender@example.com -t user@remote.test \
		"127.0.0.1:$way_port") || return
	within 300 empty "$@" || return
	calc "$way_count / ($(now) - $begun)" 1
}

empty() { # DIRECTORIES
	for queue in "$@"; do
		[ "$(files "$queue")" -eq 0 ] || return
	done
}

used_by() { # PID...
	for process in "$@"; do
		"$python" "$probe" cpu "$process"
	done | awk '{ n += $1 } END { print n }'
}

our_way() { # COUNT
	way_port=$port
	before=$(used_by "$daemon" "$carrier")
	rate=$(way_of "$1" "$work/through/spool/queue/new") || return
	after=$(used_by "$daemon" "$carrier")
	echo "$rate $(calc "1000 * ($after - $before) / $1" 3)"
}

postfix_way() { # COUNT
	way_port=$postfix_port
	before=$(used_by "$postfix")
	spool=$work/postfix/var/spool/postfix
	rate=$(way_of "$1" "$spool/incoming" "$spool/active" \
		"$spool/deferred") || return
	after=$(used_by "$postfix")
	echo "$rate $(calc "1000 * ($after - $before) / $1" 3)"
}

through() { # SINK-PORT CONNECTIONS: $daemon and $carrier
	port=$(free_port)
	rm -rf "$work/through"
	listener through "$port" <<-END
	smarthost { hosts = { "[127.0.0.1]:$1" } tls = none }
	outbound { connections = $2 per-destination = $2
		messages-per-connection = 1000000 }
	END
	spawn carrier waypostd through
	carrier=$pid
	smtpd through "$port" || return
	daemon=$pid
}

end_through() {
	kill "$daemon" "$carrier"
	reap "$daemon" 15
	reap "$carrier" 15
	pid=$namespace
	stop_postfix
}

both_ways() { # NAME COUNT COUNT-OF-POSTFIX ROUNDS LEAST
	rm -f "$work"/rate.*
	for round in $(seq "$4"); do
		our_way "$2" >>"$work/rate.waypost" || return
		[ ! "$postfix" ] ||
			postfix_way "$3" >>"$work/rate.postfix" || return
	done
	tell_rates "$1" waypost
	ours=$middle
	[ "$postfix" ] || return 0
	tell_rates "$1" postfix
	say "$1.ratio" "$(calc "$ours / $middle")" \
		"x Postfix (at least $5)"
}

bench_endtoend() {
	have_partner postfix || {
		remark 'endtoend: no smtp-source: run tests/partners'
		return
	}
	smtp_sink "$(free_port)"
	through "$sink_port" 20 || return
	start_postfix "$(free_port)" mynetworks=127.0.0.0/8 \
		"relayhost=[127.0.0.1]:$sink_port"
	namespace=$pid
	both_ways endtoend.near "$accepts" $((accepts / 4)) 3 4
	end_through
	# 50 ms away; Postfix has 20 connections, we have five.
	wire=$(free_port)
	spawn wire "$tools/wire" "$wire" "$sink_port" 50
	within 10 listening "$wire" || return
	through "$wire" 5 || return
	start_postfix "$(free_port)" mynetworks=127.0.0.0/8 \
		"relayhost=[127.0.0.1]:$wire" \
		default_destination_concurrency_limit=20
	namespace=$pid
	both_ways endtoend.far $((accepts / 5)) $((accepts / 5)) 1 1
	end_through
}
