# What the scripts about src/deliver/hop.h share: hop_probe, the scripted
# server, certificates and a secret.  Use, behind lib.sh:
#
#	. "$top/tests/e2e/hop.sh"

probe=$build/tests/bench/hop_probe
[ -x "$probe" ] || skip "no $probe"
command -v openssl >/dev/null || skip "no openssl"

# Start a server; its port is in $port, its dialogue in $work/dialogue.
server() {
	[ -z "${server_pid:-}" ] || {
		kill "$server_pid" 2>/dev/null
		wait "$server_pid" 2>/dev/null
	}
	rm -rf "$work/saved" "$work/dialogue" "$work/server.log"
	mkdir "$work/saved"
	spawn server "$python" "$top/tests/e2e/server.py" \
		--log "$work/dialogue" --save "$work/saved" "$@"
	server_pid=$pid
	spawned=$pid
	within 10 grep -q READY "$work/server.log" || {
		diag <"$work/server.log"
		skip "the scripted server does not start"
	}
	port=$(sed -n 's/^READY PORT //p' "$work/server.log")
}

tls_server() {
	server --cert "$work/good.crt" --key "$work/good.key" "$@"
}

# Deliver to mx.example at the server: what came out is in $work/out.
deliver() {
	deliver_to mx.example "$@"
}

deliver_to() { # NAME [OPTION...]; recipients in $to
	name=$1
	shift
	timeout 60 "$probe" "$@" -- "$name" 127.0.0.1 "$port" \
		${to:-} >"$work/out" 2>"$work/err" </dev/null
}

# Is there a line like this in what came out, in the dialogue?
out() {
	grep -Eq "$1" "$work/out" || {
		cat "$work/out" "$work/err"
		return 1
	}
}
said() {
	grep -Eq "$1" "$work/dialogue" || {
		cat "$work/dialogue"
		return 1
	}
}
not() {
	! "$@"
}

# LATER, before a session stood, and no mail was spoken.
deferred() { # PATTERN OF THE TEXT
	out "^closed later not-ready .*$1" && not said '< MAIL' &&
		not grep -q '^outcome' "$work/out"
}
delivered() {
	out "^outcome 1 .* done 250 " && [ -s "$work/saved/1.msg" ]
}
connections() {
	grep -c '= connected' "$work/dialogue"
}
ms() {
	date +%s%3N
}

# --- certificates: one authority; good, for another name, expired ---
(
	cd "$work" || exit 1
	umask 077
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout ca.key -out ca.crt -days 30 -subj "/CN=waypost test" \
		-addext basicConstraints=critical,CA:TRUE
	issue() { # FILE NAME DAYS
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-keyout "$1.key" -out "$1.csr" -subj "/CN=$2"
		echo "subjectAltName=DNS:$2" >"$1.ext"
		openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key \
			-CAcreateserial -days "$3" -extfile "$1.ext" -out "$1.crt"
	}
	issue good mx.example 30
	issue other elsewhere.example 30
	issue expired mx.example -1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout self.key -out self.crt -days 30 -subj /CN=mx.example \
		-addext subjectAltName=DNS:mx.example
) >"$work/openssl.log" 2>&1 || skip "openssl makes no certificates"
chmod 644 "$work"/*.crt

secret=correct-horse-battery
(umask 077 && echo "$secret" >"$work/secret")
as="-u relay -s $work/secret"
verify="-t verify -a $work/ca.crt"
