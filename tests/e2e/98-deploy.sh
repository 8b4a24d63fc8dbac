#!/bin/sh
# The examples for running waypost elsewhere: the container's image made by
# its own steps in a bare Debian (there is no container engine here) and run
# without root on a read-only system; Kubernetes' manifest; HAProxy in front
# of two relays, of which one dies.
#   98-deploy.sh BUILD
. "${0%/*}/bare.sh"
"$python" -c 'import yaml' 2>/dev/null ||
	skip "no python3-yaml: run contrib/deps package"
file=$top/contrib/container/Containerfile
hostname relay.example.com

submit() { # PORT SUBJECT [SOURCE]
	"$python" - "$@" <<-'END'
	import smtplib, sys
	port, subject, *source = sys.argv[1:]
	s = smtplib.SMTP("127.0.0.1", int(port), timeout=20, source_address=
	                 (source[0] if source else "127.0.0.1", 0))
	s.sendmail("me@example.net", ["a@local.test"],
	           "Subject: %s\r\n\r\nhi\r\n" % subject)
	s.quit()
	END
}

# --- the container ---

# The last stage's lines of a kind, continued ones joined.
step() { # INSTRUCTION
	sed -e ':a' -e '/\\$/{N;s/\\\n[[:space:]]*/ /;ba' -e '}' "$file" |
		sed -n '/^FROM.*slim$/,$p' | sed -n "s/^$1 //p"
}
as_user() {
	exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv \
		--reuid="${user%:*}" --regid="${user#*:}" --clear-groups \
		--no-new-privs "$@"
}
if ! grep -q AddressSanitizer "$build/sendmail" && bare_root; then
	packages=$(step RUN | sed -n 's/.*--no-install-recommends \([^&]*\)&&.*/\1/p')
	ok "container: Debian has these packages" inside \
		dpkg-query -W $packages
	make -s -C "$top" B="$build" DESTDIR="$root" install >/dev/null
	cp "$top/contrib/container/waypost.conf" "$root/etc/waypost/"
	ok "container: its step" inside sh -euc \
		"$(step RUN | grep -v apt-get)"
	user=$(step USER)
	echo 'local.test local default' >>"$root/etc/waypost/domains"
	command=$("$python" -c 'import json, sys
print(*json.loads(sys.argv[1]), *json.loads(sys.argv[2]))' \
		"$(step ENTRYPOINT)" "$(step CMD)")
	# A fresh volume, as engines make it: from what the image has there.
	mkdir /mnt/volume
	cp -a "$root/var/spool/waypost/." /mnt/volume/
	chown "$user" /mnt/volume
	mount --bind /mnt/volume "$root/var/spool/waypost"
	mount -o remount,ro,bind "$root" 2>/dev/null || mount -o remount,ro "$root"
	ok "container: its root is read-only" sh -c \
		'! touch "$1/etc/x" 2>/dev/null' sh "$root"
	spawn container as_user $command
	ok "container: $command" within 20 listening "$(step EXPOSE)"
	ok "container: takes mail" submit "$(step EXPOSE)" contained
	arrived() {
		grep -rq '^Subject: contained' /mnt/volume/drop
	}
	ok "container: ... and delivers it" within 20 arrived
	check=$("$python" -c 'import json, re, sys
print(*json.loads(re.search(r"CMD (\[.*\])", sys.argv[1])[1]))' \
		"$(step HEALTHCHECK)")
	healthy() {
		(as_user $check) >"$work/health" 2>&1
	}
	ok "container: healthy by $check" within 20 healthy
	ok "container: logs JSON" "$python" -c 'import json, sys
for line in open(sys.argv[1]): json.loads(line)' "$work/container.log"
	kill "$pid"
	wait "$pid"
	is "container: stops with 0" $? 0
else
	pass "container # SKIP no bare Debian: run tests/bare"
fi

# --- compose, Kubernetes ---

ok "compose, Kubernetes: agree with the image" "$python" - "$top/contrib" <<'END'
import re, sys, yaml
top = sys.argv[1]
image = open(top + "/container/Containerfile").read()
port = int(re.search(r"^EXPOSE (\d+)", image, re.M)[1])
uid = int(re.search(r"^USER (\d+):", image, re.M)[1])
volume = re.search(r"^VOLUME (.*)", image, re.M)[1]
compose = yaml.safe_load(open(top + "/container/compose.yaml"))
service = compose["services"]["waypost"]
assert service["ports"] == ["25:%d" % port]
assert "queue:" + volume in service["volumes"] and "queue" in compose["volumes"]
parts = {p["kind"]: p for p in
         yaml.safe_load_all(open(top + "/kubernetes/waypost.yaml"))}
pod = parts["StatefulSet"]["spec"]["template"]["spec"]
box, = pod["containers"]
assert pod["securityContext"]["runAsUser"] == uid
assert box["ports"][0]["containerPort"] == port
mounts = {m["name"]: m["mountPath"] for m in box["volumeMounts"]}
claims = parts["StatefulSet"]["spec"]["volumeClaimTemplates"]
assert mounts[claims[0]["metadata"]["name"]] == volume
assert ":%d" % port in parts["ConfigMap"]["data"]["waypost.conf"]
END
instance k8s </dev/null
"$python" - "$top/contrib/kubernetes/waypost.yaml" "$work/k8s" <<'END'
import sys, yaml
for part in yaml.safe_load_all(open(sys.argv[1])):
    if part["kind"] == "ConfigMap":
        for name, text in part["data"].items():
            text = text.replace("/etc/waypost", sys.argv[2])
            text = text.replace("/var/spool/waypost", sys.argv[2] + "/spool")
            open(sys.argv[2] + "/" + name, "w").write(text)
END
ok "Kubernetes: its configuration is sound" \
	"$build/waypost" -C "$work/k8s/waypost.conf" reload

# --- HAProxy before two relays ---

command -v haproxy >/dev/null || {
	done_testing
}
config=$top/contrib/haproxy/haproxy.cfg
ok "haproxy.cfg is valid" haproxy -c -f "$config"
front=$(free_port)
sed "s/bind :25\$/bind 127.0.0.1:$front/; s/inter 5s/inter 100ms/" \
	"$config" >"$work/haproxy.cfg"
for n in 1 2; do
	port=$(free_port)
	# As the file's own words have it.
	listen=$(sed -n 's/^#	\(listen .*\)/\1/p' "$config" |
		sed "s/0\.0\.0\.0:2525/127.0.0.1:$port/; s/192\.0\.2\.1/127.0.0.1/")
	instance relay$n <<-END
	$listen
	relay { default = deny  except = { "127.0.0.9" } }
	END
	echo 'local.test local default' >"$work/relay$n/domains"
	spawn relay$n "$build/waypost" -C "$work/relay$n/waypost.conf" run
	eval "relay$n=$pid"
	within 20 listening "$port"
	sed -i "s/192\.0\.2\.1$n:2525/127.0.0.1:$port/" "$work/haproxy.cfg"
done
spawn haproxy haproxy -db -f "$work/haproxy.cfg"
ok "haproxy: listens" within 20 listening "$front"
both() {
	submit "$front" both
	[ -n "$(ls "$work/relay1/spool/drop")" ] &&
		[ -n "$(ls "$work/relay2/spool/drop")" ]
}
ok "haproxy: mail comes to both relays" within 30 both
judged() { # SOURCE
	"$python" - "$front" "$1" <<-'END'
	import smtplib, sys
	s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20,
	                 source_address=(sys.argv[2], 0))
	s.ehlo()
	s.mail("me@example.net")
	print(s.rcpt("a@far.test")[0])
	END
}
is "haproxy: the client's own address counts" \
	"$(judged 127.0.0.9) $(judged 127.0.0.8)" "250 550"
kill "$relay1"
wait "$relay1"
count() {
	files "$work/relay2/spool/drop"
}
ok "haproxy: one relay stops, which it sees" within 20 \
	grep -q 'waypost/relay1 is DOWN' "$work/haproxy.log"
before=$(count)
for n in 1 2 3; do
	submit "$front" alone || fail "haproxy: alone $n"
done
more() {
	[ "$(count)" -ge $((before + 3)) ]
}
ok "haproxy: all goes to the other" within 20 more
done_testing
