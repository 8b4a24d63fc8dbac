#!/bin/sh
# What a TLS session must not be taken for: one that ends in the middle of a
# body or before its reply is no delivery (K22), and one in clear is none for
# another route to the same host (F22).
#   36-tls-end.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/hop.sh"
. "$top/tests/e2e/carry.sh"

place() { # SETTING...
	rm -rf "$work/a" "$work/a.carrier.log"
	instance a <<-END
	smarthost { hosts = "[127.0.0.1]:$port" tls = require }
	outbound { connect-timeout = "20s" timeout = "20s" connections = 1 }
	queue { retry = { "1h" } }
	END
	echo 'example.com local default' >"$work/a/domains"
}

ends() { # WHAT RULE
	mx s --cert "$work/good.crt" --key "$work/good.key" "$2"
	place
	post a one me@example.com x@x.test
	drain a
	ok "K22 $1: waits" logged a 'attempt .*verdict=later .*status=4'
	ok "... is not done, nor returned" \
		not logged a 'verdict=(done|never)|report id'
	is "... and stays" "$(queued a)" 1
	ok "... TLS it was" said s '= TLS TLSv1'
}

ends "FIN without close_notify in the body" 'body=close'
ends "close_notify in the body" 'body=bye'
ends "an alert in the body" 'body=alert'
ends "RST in the body" 'body=rst'
ends "FIN without close_notify before the reply" 'dot=close'
ends "close_notify before the reply" 'dot=bye'
ends "an alert before the reply" 'dot=alert'
ends "FIN in the middle of the reply" 'dot=raw:250 2.0.0 Que;close'
ends "FIN before the end of the reply" 'dot=raw:250-2.0.0 Queued\r\n;close'

# --- F22 ---

mx s --cert "$work/good.crt" --key "$work/good.key"
place
cat >>"$work/a/domains" <<END
clear.test remote host=[127.0.0.1]:$port tls=none
secret.test remote host=[127.0.0.1]:$port tls=require
END
post a one me@example.com x@clear.test
carrier a
within 20 have_saved s 1
post a two me@example.com x@secret.test
within 20 have_saved s 2
post a three me@example.com x@clear.test
within 20 have_saved s 3
within 20 empty a
stop a_carrier
encrypted() {
	logged a 'attempt .*to=x@secret.test .*tls="TLSv1.* verdict=done'
}
ok "F22 a route in clear" logged a 'to=x@clear.test .*tls=none verdict=done'
ok "F22 then a route with TLS to the same host: encrypted" encrypted
ok "F22 ... and none goes by the other's session" \
	not logged a 'to=x@(clear.test .*tls="TLS|secret.test .*tls=none)'
ok "no sanitizer complains" sane
done_testing
