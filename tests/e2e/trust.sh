# What the scripts about DANE and MTA-STS share: a network of their own, two
# certificate authorities, signed and unsigned zones, and two servers: one
# with STARTTLS at 127.0.0.1, one without at 127.0.0.2.  Use, in front of
# lib.sh:
#
#	. "${0%/*}/trust.sh"

for tool in nsd ldns-keygen ldns-signzone openssl; do
	PATH=$PATH:/usr/sbin command -v $tool >/dev/null || {
		echo "1..0 # SKIP no $tool"
		exit 77
	}
done
if [ "${WAYPOST_NAMESPACE:-}" != yes ]; then
	[ "$(id -u)" -eq 0 ] && unshare -n true 2>/dev/null || {
		echo '1..0 # SKIP not root, or no name spaces here'
		exit 77
	}
	WAYPOST_NAMESPACE=yes exec unshare -n sh "$0" "$@"
fi
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"

# A key and a certificate for these names, by the authority ca.
certificate() { # FILE NAME...
	(
		cd "$work" || exit 1
		cert=$1
		shift
		names=$(printf ',DNS:%s' "$@")
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-keyout "$cert.key" -out "$cert.csr" -subj "/CN=$1" &&
			printf 'subjectAltName=%s\n' "${names#,}" >"$cert.ext" &&
			openssl x509 -req -in "$cert.csr" -CA ca.crt -CAkey ca.key \
				-days 2 -extfile "$cert.ext" -out "$cert.leaf" &&
			cat "$cert.leaf" ca.crt >"$cert.crt"
	) >>"$work/openssl.log" 2>&1 || skip 'openssl makes no certificates'
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=authority -keyout "$work/ca.key" -out "$work/ca.crt" \
	>"$work/openssl.log" 2>&1

# SHA-256 of the certificate of an authority, or of the key of a certificate.
digest_of_ca() {
	openssl x509 -in "$work/ca.crt" -outform DER | sha256sum | cut -d' ' -f1
}
digest_of_key() { # FILE
	openssl x509 -in "$work/$1.leaf" -noout -pubkey |
		openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1
}

# A zone on standard input, its head added.
zone() { # NAME
	{
		echo '@ 300 IN SOA ns hostmaster 1 3600 600 86400 60'
		echo '@ 300 IN NS ns'
		echo 'ns 300 IN A 127.0.0.1'
		cat
	} >"$work/$1.zone"
}

# Sign it; the key is the trust anchor.
sign() { # NAME
	(
		cd "$work" || exit 1
		key=$(ldns-keygen -a ECDSAP256SHA256 -k "$1.") &&
			ldns-signzone -o "$1." "$1.zone" "$key" &&
			cp "$key.key" anchor && mv "$1.zone.signed" "$1.zone"
	) >"$work/sign.log" 2>&1 || skip 'the zone cannot be signed'
}

name_server() { # ZONE...
	[ -z "${nsd:-}" ] || {
		kill "$nsd"
		reap "$nsd" 10
	}
	{
		cat <<-END
		server:
			ip-address: 127.0.0.1@53
			zonesdir: "$work"
			username: ""
			pidfile: ""
			database: ""
			zonelistfile: "$work/nsd.list"
			xfrdfile: "$work/nsd.xfrd"
			xfrdir: "$work"
		remote-control:
			control-enable: no
		END
		printf 'zone:\n\tname: %s\n\tzonefile: %s.zone\n' \
			$(for z in "$@"; do echo "$z $z"; done)
	} >"$work/nsd.conf"
	spawn nsd nsd -d -c "$work/nsd.conf"
	nsd=$pid
	within 10 listening 53 || {
		diag <"$work/nsd.log"
		skip 'nsd does not start'
	}
}

# The instance, with what else is to be in outbound { }.
outbound() { # LINE...
	stop a_carrier
	instance a <<-END
	outbound {
		port = 2525
		connect-timeout = "20s"
		$*
	}
	queue { retry = { "1h" } }
	dns {
		servers = "127.0.0.1"
		trust-anchor = "$work/anchor"
		hosts-file = false
	}
	END
	echo 'example.com local default' >"$work/a/domains"
}

servers() {
	mx tls --listen 127.0.0.1:2525 --cert "$work/mx.crt" \
		--key "$work/mx.key" "$@"
	mx clear --listen 127.0.0.2:2525
}

# Did the message to this domain go out, with a session proven so?
went() { # DOMAIN PROOF
	logged a "attempt .* to=x@$1 .* tls=(\"[^\"]* $2\"|$2) verdict=done"
}

# Does it wait, and is this the cause?
waits() { # DOMAIN CAUSE
	logged a "attempt .*(to=x@|domain=)$1 .*verdict=later .*$2"
}
