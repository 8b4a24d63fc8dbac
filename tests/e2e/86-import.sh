#!/bin/sh
# waypost import: what msmtp, nullmailer, dma and Postfix files mean here.
# Each result is read by waypost itself, and no password is in it.
. "${0%/*}/lib.sh"
mkdir "$work/in" "$work/in/nullmailer"
cd "$work/in" || exit 1
import() { # WORD...: to $work/out and $work/err
	"$build/waypost" import "$@" >"$work/out" 2>"$work/err"
	code=$?
}
has() { # LINE...: each is in the output, blanks at its ends aside
	for line in "$@"; do
		ok "$line" grep -q -x -F -e "$line" "$work/trimmed"
	done
}
carried() { # NAME: whole, without a word about faults, no password
	sed 's/^[ 	]*//; s/[ 	]*$//' "$work/out" >"$work/trimmed"
	is "$1" "$code $(cat "$work/err")" '0 '
	is "$1: no password" "$(grep -c sekret "$work/out")" 0
	mkdir -p "$work/$1"
	cp "$work/out" "$work/$1/waypost.conf"
	: >"$work/$1/aliases"
	"$build/waypost" -C "$work/$1/waypost.conf" set \
		aliases "$work/$1/aliases" || fail "$1: set aliases"
	ok "$1: waypost takes it" "$build/waypost" -C "$work/$1/waypost.conf" \
		relay list
}

cat >msmtprc <<'END'
# all of them
defaults
auth on
tls on
tls_trust_file /etc/ssl/certs/ca-certificates.crt
logfile ~/.msmtp.log
frobnicate yes
maildomain example.com

account gmail
host smtp.gmail.com
port 587
from me@example.com
user me
password "sekret word"

account corp
host mail.corp.test
tls_starttls off
tls_certcheck off
from *@corp.test
user c
passwordeval pass show corp
auth login
domain client.corp.test

account plain
host 192.0.2.1
tls off
auth off
from a@plain.test
source_ip 192.0.2.9

account default : gmail
aliases /etc/aliases
END
import msmtp msmtprc
# This host's own name may have no dot.
sed -i '/hostname is not set/d; /needs a hand/d' "$work/err"
[ -s "$work/err" ] || code=0
printf 'hostname = "m.example.com"\n' >>"$work/out"
carried msmtp
has 'hosts = { "[smtp.gmail.com]:587" }' 'tls = verify' 'user = me' \
	'secret-file = "/etc/waypost/secrets/smarthost"' \
	'from = "me@example.com"' 'origin = "example.com"' \
	'smarthost "corp" {' 'hosts = { "[mail.corp.test]:465" }' \
	'tls = require' 'implicit = true' 'secret-command = "pass show corp"' \
	'mechanism = LOGIN' 'senders = { "corp.test" }' \
	'helo = "client.corp.test"' 'smarthost "plain" {' \
	'hosts = { "[192.0.2.1]:25" }' 'tls = none' \
	'senders = { "a@plain.test" }' \
	'# msmtprc:7: frobnicate = yes' \
	'# msmtprc:15: put the password that stands here into /etc/waypost/secrets/smarthost, mode 0600'
is 'no smart host of its own for the account that is the default' \
	"$(grep -c 'smarthost "gmail"' "$work/out")" 0
is 'a setting is noted once' "$(grep -c frobnicate "$work/out")" 1

cat >nullmailer/remotes <<'END'
mail.example.com smtp --port=587 --starttls --user=u --pass=sekret
# the other one
backup.example.com smtp --port=587 --starttls --user=u --pass=sekret
other.example.com qmqp
third.example.com smtp --frob
END
echo host.example.com >nullmailer/me
echo admin@example.com >nullmailer/adminaddr
echo example.com >nullmailer/defaulthost
echo x.test >nullmailer/defaultdomain
echo 604800 >nullmailer/queuelifetime
echo cron@example.com >nullmailer/allmailfrom
import nullmailer nullmailer
carried nullmailer
has 'hosts = { "[mail.example.com]:587", "[backup.example.com]:587" }' \
	'tls = verify' 'user = u' 'hostname = "host.example.com"' \
	'origin = "example.com"' 'from = "cron@example.com"' \
	'expire = 604800s' 'postmaster = "admin@example.com"' \
	'# nullmailer/remotes:4: protocol qmqp' \
	'# nullmailer/remotes:5: option --frob' \
	'# nullmailer/remotes:5: [third.example.com]:25 has other options than the first remote' \
	'# nullmailer/defaultdomain:1: x.test'

cat >dma.conf <<END
# by hand
SMARTHOST smtp.example.com
PORT 465
ALIASES /etc/aliases
AUTHPATH $work/in/auth.conf
SECURETRANSFER
MAILNAME $work/in/mailname
MASQUERADE cron@example.com # all of it
WEIRD 1
NULLCLIENT
END
echo a.example.com >mailname
printf 'x|other.example.com:sekret\nme|smtp.example.com:sekret\n' >auth.conf
import dma dma.conf
carried dma
has 'hosts = { "[smtp.example.com]:465" }' 'tls = require' \
	'implicit = true' 'user = me' 'hostname = "a.example.com"' \
	'from = "cron@example.com"' '# dma.conf:9: WEIRD = 1' \
	"# $work/in/auth.conf:2: put the password that stands here into /etc/waypost/secrets/smarthost, mode 0600"

cat >main.cf <<END
myhostname = mx.example.com
mydomain = example.com
myorigin = \$mydomain
mydestination = \$myhostname, \${mydomain},
   localhost
# a relay
relayhost = [smtp.isp.test]:587
smtp_tls_security_level = encrypt
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:$work/in/sasl
transport_maps = hash:$work/in/transport
sender_dependent_relayhost_maps = texthash:$work/in/senders
relay_domains = \$mydestination, corp.test, partner.test
mynetworks = 127.0.0.0/8 [::1]/128 192.168.0.0/16 [2001:db8::]/32 !10.0.0.1
message_size_limit = 20480000
message_size_limit = 10240000
maximal_queue_lifetime = 5d
delay_warning_time = 4
milter_default_action = accept
alias_maps = hash:/etc/aliases
smtpd_tls_cert_file = /etc/ssl/a.pem
smtpd_tls_key_file = /etc/ssl/a.key
END
echo '[smtp.isp.test]:587 user:sekret:word' >sasl
printf '%s\n' 'corp.test smtp:[10.0.0.1]:2525' '.corp.test smtp:hub.corp.test' \
	'bad.test error:no' >transport
echo '@other.test [relay.other.test]' >senders
import postfix main.cf
carried postfix
has 'hostname = "mx.example.com"' 'origin = "example.com"' \
	'hosts = { "[smtp.isp.test]:587" }' 'tls = require' 'user = user' \
	'except = { "192.168.0.0/16", "2001:db8::/32" }' \
	'message-size = 10240000' 'expire = 5d' 'delay-notice = 4h' \
	'smarthost "relay1" {' 'senders = { "other.test" }' \
	'certificate = "/etc/ssl/a.pem"' 'address = "0.0.0.0:25"' \
	'# main.cf:19: milter_default_action = accept' \
	'# main.cf:14: mynetworks: !10.0.0.1' \
	"# $work/in/transport:3: bad.test error:no" \
	"# $work/in/sasl:1: put the password that stands here into /etc/waypost/secrets/smarthost, mode 0600"
import --domains postfix main.cf
is 'its domain table' "$(sed 1d "$work/out")" "$(cat <<'END'
mx.example.com         local    default
example.com            alias
corp.test              remote   host=[10.0.0.1]:2525 relay=yes
*.corp.test            remote   host=hub.corp.test
partner.test           remote   route=mx relay=yes
END
)"
postconf=$partners/postfix/usr/share/postfix/main.cf.debian
if [ -e "$postconf" ]; then
	import postfix "$postconf"
	is "Debian's own main.cf" "$(grep -c '^# .*:[0-9]*: ' "$work/out")" 0
fi

printf 'x = "\ny = a${HOME}b\nrelayhost = a"b\\\nmyhostname = a\001b\n' >bad.cf
import postfix bad.cf
ok 'what cannot stand in waypost.conf is said' \
	grep -q 'cannot stand in waypost.conf' "$work/out"
is 'and it needs a hand' "$code" 65
import msmtp none
is 'no file' "$code $(cat "$work/err")" \
	'66 waypost: none: No such file or directory'
head -c 100 /dev/zero >nul
import dma nul
is 'no text' "$code" 66
import frob
is 'no such mailer' "$code" 64
import --help
is '--help' "$code $(grep -c ^usage: "$work/out")" '0 1'
done_testing
