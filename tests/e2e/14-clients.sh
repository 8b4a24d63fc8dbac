#!/bin/sh
# Real callers of sendmail (HAZARDS A28): the programs that are to be had,
# and the shapes of those that are not.
. "${0%/*}/lib.sh"
instance a
new=$work/a/spool/queue/new
echo 'root: admin@example.org' >"$work/a/aliases"
mta=$work/mta
printf '#!/bin/sh\nexec "%s" -C "%s" "$@"\n' "$build/sendmail" \
	"$work/a/waypost.conf" >"$mta"
chmod 755 "$mta"
printf 'Subject: t\nTo: x@y\n\nhello\n' >"$work/mail"

recipients() {
	sed -n 's/^rcpt: [0-9]* [^ ]* [^ ]* //p' "$new"/* | sort | xargs
}

# One shape: options and operands as the caller writes them.
shape() { # NAME RECIPIENTS ARGUMENT...
	name=$1 wanted=$2
	shift 2
	rm -f "$new"/*
	"$mta" "$@" <"$work/mail" >"$work/out" 2>"$work/err"
	is "A28 $name" "$? $(files "$new") $(recipients)" "$code 1 $wanted"
}
# -odi asks for the outcome: without a waypostd it is queued, and not yet.
code=75
shape 'cronie' x@y -FCronDaemon -i -odi -oem -oi -t -f root
code=0
shape 'Vixie cron' admin@example.org -i -FCronDaemon -B8BITMIME -oem root
shape 'PHP' x@y -t -i
shape 'PHP with a sender' x@y -t -i -f www@example.com
shape 'mailutils' x@y -oi -f me@example.com -t
shape 'mutt' 'a@b c@d' -oem -oi -- a@b c@d
shape 'git' a@b -i a@b
shape 'git with an envelope sender' a@b -i -f me@example.com a@b
shape 'logwatch, smartd' x@y -t
shape 'unattended-upgrades' x@y -oi -t
shape 'sudo' x@y -t
shape 'RT' x@y -oi -odb -oem -bq -t
shape 'Swift' x@y -t -i -v
shape 'Perl MIME::Lite' x@y -t -oi -oem
shape 'Nagios' a@b -G -i a@b

client() { # PACKAGE COMMAND...: calls $mta, for user@example.net and bcc@x
	package=$1
	shift
	have_partner "$package" || {
		diag "no $package"
		return
	}
	rm -f "$new"/*
	printf 'set sendmail=%s\nset mta=%s\n' "$mta" "$mta" >"$work/rc"
	printf 'text\n.\nmore\n' >"$work/text"
	(
		HOME=$work MAILRC=$work/rc
		export HOME MAILRC
		partner "$package" "$@"
	) <"$work/text" >"$work/out" 2>&1
	ok "A28 $package queues one" within 10 [ -n "$(ls "$new")" ]
	is "A28 $package: recipients" "$(recipients)" 'bcc@x user@example.net'
	is "A28 $package: no trace of Bcc" \
		"$(sed '1,/^rcpt: 2/d' "$new"/* | grep -c 'bcc@x')" 0
}
client bsd-mailx usr/bin/bsd-mailx -s subject -b bcc@x user@example.net
client s-nail usr/bin/s-nail -s subject -b bcc@x user@example.net

# With a daemon that holds the queue there is nothing to say.
if [ -x "$build/waypostd" ]; then
	spawn waypostd waypostd a
	if within 10 sh -c "echo | '$mta' a@b 2>&1 | grep -q . && exit 1; exit 0"; then
		is 'served: silence' "$(echo | "$mta" a@b 2>&1)" ''
		is 'served: -v tells the id' "$(echo | "$mta" -v a@b 2>&1 |
			grep -cE '^sendmail: queued as [0-9a-z]{19}$')" 1
		ok 'served: -q has nothing to do' "$mta" -q
	else
		fail 'waypostd takes the lock'
		diag <"$work/waypostd.log"
	fi
fi
done_testing
