#!/bin/sh
# Each option of sendmail(8), one row of the manual after the other, as
# callers write it: what is queued, and with which code it exits (A25, A27).
#   18-options.sh BUILD
. "${0%/*}/lib.sh"
instance a <<-END
	smarthost { hosts = { "[192.0.2.1]:25" } tls = none }
END
spool=$work/a/spool new=$work/a/spool/queue/new
mkdir -p "$work/a/boxes/jo"
cat >"$work/a/domains" <<-END
	example.com local default
	box.test local maildir=$work/a/boxes/%u
	host.test remote host=[192.0.2.2]:26
END
echo 'team: jo@box.test, x@host.test' >"$work/a/aliases"

# The rows: what the manual calls it, the code, how many are queued, and the
# arguments; "a@b.test" and a message on standard input are always there.
cat >"$work/rows" <<'END'
-a 0 1 -a
-A 0 1 -Ac
-A 0 1 -A m
-B 0 1 -B8BITMIME
-B 0 1 -B 7bit
-B 64 0 -B FOO
-bi 0 0 -bi
-bm 0 1 -bm
-bq 0 1 -bq
-bp 0 0 -bp
-bv 0 0 -bv
-bd 64 0 -bd
-bd 64 0 -bd -q15m
-bD 64 0 -bD
-bt 64 0 -bt
-bh 64 0 -bh
-bH 64 0 -bH
-b 64 0 -be
-c 0 1 -c
-D 0 1 -D/nonexistent/x
-d 0 1 -d0-99.127
-d 0 1 -d
-e 0 1 -em
-e 0 1 -e q
-F 0 1 -FCron
-F 0 1 -F Cron
-f 0 1 -f me@x.test
-f 0 1 -f<>
-G 0 1 -G
-h 0 1 -h 5
-I 0 0 -I
-i 0 1 -i
-L 0 1 -L tag
-M 0 1 -MrSMTP
-M 64 0 -Mrm
-m 0 1 -m
-N 0 1 -N success,delay
-N 0 1 -Nnever
-N 64 0 -N bogus
-n 0 1 -n
-O 0 1 -OQueueDirectory=/nonexistent
-O 0 1 -O Timeout.queuereturn=1d
-oi 0 1 -oi
-odb 0 1 -odb
-odq 0 1 -odq
-odi 75 1 -odi
-odf 75 1 -odf
-o 0 1 -oem
-o 0 1 -oep
-o 0 1 -om
-o 0 1 -oQ/nonexistent
-o 0 1 -oA/etc/aliases
-o 0 1 -o7
-p 0 1 -pSMTP:host
-Q 0 1 -Qwhy
-R 0 1 -R full
-R 0 1 -Rhdrs
-R 64 0 -R some
-r 0 1 -r me@x.test
-s 0 1 -s
-T 0 1 -T30m
-T 0 1 -T
-t 0 1 -t
-U 0 1 -U
-V 0 1 -V id+2B1
-V 64 0 -V a+00
-v 0 1 -v
-X 0 1 -X /nonexistent/x
-x 0 1 -x
-- 0 1 --
unknown 64 0 -y
unknown 64 0 -Z
unknown 64 0 --help
END
while read -r row code count arguments; do
	rm -f "$new"/*
	printf 'Subject: s\n\nb\n' |
		sendmail a $arguments a@b.test >"$work/out" 2>"$work/err"
	is "$row as $arguments" "$? $(files "$new")" "$code $count"
	[ "$code" = 0 ] || is '... in one line' "$(wc -l <"$work/err")" 1
done <"$work/rows"

# No row of the manual without a test.  -C is what all of them run with; -bs
# has a script of its own, -q needs a daemon that is not there.
sed -n 's/^\.It Fl //p' "$top/cmd/sendmail/sendmail.8" |
	sed 's/ No .*//; s/ , / /g; s/ [ANO][rsp] .*//; s/ Ar .*//' |
	tr ' ' '\n' | sed 's/^/-/' | sort -u >"$work/manual"
{ cut -d ' ' -f 1 "$work/rows"; printf '%s\n' -C -bs -q; } |
	sort -u >"$work/tested"
is 'every row of the manual is tested' \
	"$(comm -23 "$work/manual" "$work/tested" | xargs)" ''
is '... and every test is a row' \
	"$(comm -13 "$work/manual" "$work/tested" | xargs)" unknown

# --- what honoured options do ---

queued_with() { # ARGUMENT...: the envelope
	rm -f "$new"/*
	printf 'Subject: s\n\nb\n' | sendmail a "$@" a@b.test 2>/dev/null
	cat "$new"/*
}
is '-N -R -V are parameters of the message' \
	"$(queued_with -N success,delay -R hdrs -V q1 |
		grep -aE '^(envid|ret|rcpt):' | xargs)" \
	'envid: q1 ret: hdrs rcpt: 1 success,delay - a@b.test'
is '-N never' "$(queued_with -N never | grep -a '^rcpt:')" \
	'rcpt: 1 never - a@b.test'
is '-F names who sends' "$(queued_with -F 'Jo D.' -f jo@x.test |
	grep -a '^From:' | tr -d '\r')" 'From: "Jo D." <jo@x.test>'

# --- -bv ---

verify() { # CODE ARGUMENT...; what is told, on stdin
	cat >"$work/golden"
	want=$1
	shift
	sendmail a -bv "$@" >"$work/out" 2>"$work/err" </dev/null
	is "-bv $*" "$?" "$want"
	same '... tells' "$work/out" "$work/golden"
}
verify 0 u@else.test <<'END'
u@else.test... deliverable: smarthost [192.0.2.1]:25 tls=none
END
verify 0 team <<'END'
jo@box.test... deliverable: local
x@host.test... deliverable: host [192.0.2.2]:26
END
verify 67 nobody@box.test jo@box.test <<'END'
nobody@box.test... no such mailbox: local
jo@box.test... deliverable: local
END
verify 0 -n team <<'END'
team@example.com... deliverable: local
END
verify 65 '|/bin/sh' </dev/null
verify 64 </dev/null
is 'nothing was queued' "$(files "$new")" 1 # that of -F

done_testing
