#!/bin/sh
# Daemons and tools of the system that call sendmail, as Debian ships them, in
# a root in which waypost is installed: cron, at, sudo, mdadm, smartmontools,
# logwatch, fail2ban, monit, unattended-upgrades (A28).
#   81-daemons.sh BUILD
. "${0%/*}/callers_enter.sh"
. "${0%/*}/lib.sh"
. "$top/tests/e2e/callers.sh"
code=-

# --- cron and at ---

cat >"$root/var/spool/cron/crontabs/alice" <<'END'
MAILTO=ops@callers.test,bob@callers.test
@reboot printf 'Gr\303\274\303\237e\n.\nFrom here\n'; echo oops >&2
END
chmod 600 "$root/var/spool/cron/crontabs/alice"
chroot "$root" chown alice:crontab /var/spool/cron/crontabs/alice
spawn cron inside cron -f
arrives "cron: the output of a job, to MAILTO" <<'END'
sender alice@callers.test
rcpt ops@callers.test
rcpt bob@callers.test
has Gr\u00fc\u00dfe\n\.\nFrom here\noops\n\Z
END

spawn atd inside atd -f
within 20 test -s "$root/run/atd.pid"
printf 'printf "one\\n.\\nthree\\n"\n' >"$root/tmp/job"
caller as alice at -f /tmp/job now
arrives "at: the output of a job" <<'END'
exit 0
sender alice@callers.test
rcpt alice@callers.test
has one\n\.\nthree\n\Z
END
echo true >"$root/tmp/job"
caller as alice at -m -f /tmp/job now
arrives "at -m: without output, too" <<'END'
exit 0
sender alice@callers.test
rcpt alice@callers.test
END

# --- sudo ---

printf 'Defaults mail_badpass, passwd_tries=1, mailto="ops"\nalice ALL = ALL\n' \
	>"$root/etc/sudoers"
chmod 440 "$root/etc/sudoers"
echo wrong >"$root/tmp/wrong"
caller as alice sudo -S -p '' true <"$root/tmp/wrong"
arrives "sudo mail_badpass" <<'END'
exit 1
sender alice@callers.test
rcpt ops@callers.test
subject *** SECURITY information for host.callers.test ***
has host.* alice : 1 incorrect password attempt
END
sed -i '/^alice/d' "$root/etc/sudoers"
echo secret >"$root/tmp/right"
caller as alice sudo -S -p '' true <"$root/tmp/right"
arrives "sudo: who is not in sudoers" <<'END'
exit 1
rcpt ops@callers.test
has host.* alice : user NOT in sudoers
END

# --- disks ---

caller inside mdadm --monitor --oneshot --test --mail=ops@callers.test \
	/dev/md127
arrives "mdadm --monitor --test" <<'END'
rcpt ops@callers.test
subject TestMessage event on /dev/md127:host.callers.test
has .*This is an automatically generated mail message
END

# smartd -q onecheck -M test wants a disk that knows SMART, and neither a
# virtual disk nor a file is one; the script that it runs to mail is here.
pass "smartd itself # SKIP a machine for tests has no disk with SMART"
caller inside env SMARTD_MAILER= SMARTD_ADDRESS='ops@callers.test bob' \
	SMARTD_FAILTYPE=EmailTest SMARTD_DEVICE=/dev/sda \
	SMARTD_DEVICETYPE=ata SMARTD_DEVICESTRING=/dev/sda \
	SMARTD_MESSAGE='TEST EMAIL from smartd for device: /dev/sda' \
	SMARTD_PREVCNT=0 SMARTD_NEXTDAYS= SMARTD_TFIRST=now SMARTD_TFIRSTEPOCH=0 \
	SMARTD_FULLMESSAGE='the whole message' \
	/usr/share/smartmontools/smartd_warning.sh
arrives "smartd's warning" <<'END'
exit 0
sender root@callers.test
rcpt ops@callers.test
rcpt bob@callers.test
subject SMART error (EmailTest) detected on host: host
has TEST EMAIL from smartd for device: /dev/sda
END

# --- reports ---

day=$(date '+%b %e')
for n in 1 2 3; do
	echo "$day 00:00:0$n host sshd[$n]: Accepted password for alice" \
		"from 192.0.2.$n port 4$n ssh2"
done >"$root/var/log/auth.log"
caller inside logwatch --output mail --mailto ops@callers.test --service sshd \
	--range all --hostname host.callers.test
arrives "logwatch" <<'END'
exit 0
rcpt ops@callers.test
subject Logwatch for host.callers.test (Linux)
has .*Users logging in through sshd:
has .*192\.0\.2\.2
END

mkdir -p "$root/etc/apt/apt.conf.d" "$root/var/log/apt" "$root/var/cache/apt"
cat >"$root/etc/apt/apt.conf.d/99test" <<'END'
Unattended-Upgrade::Origins-Pattern { "origin=nowhere"; };
Unattended-Upgrade::Mail "ops@callers.test";
Unattended-Upgrade::MailReport "always";
END
# A dpkg that runs outside at this moment is none of ours.
mount -t tmpfs none "$root/var/lib/dpkg"
mkdir "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info"
cp /var/lib/dpkg/status "$root/var/lib/dpkg/"
caller inside unattended-upgrade
arrives "unattended-upgrades" <<'END'
exit 0
sender root@callers.test
rcpt ops@callers.test
subject unattended-upgrades result for host.callers.test: SUCCESS
has Unattended upgrade result: No packages found that can be upgraded
END

# --- watchers ---

mkdir -p "$root/etc/fail2ban/jail.d" "$root/run/fail2ban"
rm -f "$root"/etc/fail2ban/jail.d/*
: >"$root/var/log/watched"
cat >"$root/etc/fail2ban/jail.local" <<'END'
[test]
enabled = true
backend = polling
filter = sshd
logpath = /var/log/watched
banaction =
action = sendmail[name=test, dest=ops@callers.test, sender=f2b@callers.test]
END
spawn fail2ban inside fail2ban-server -xf start
arrives "fail2ban: a jail starts" <<'END'
sender f2b@callers.test
rcpt ops@callers.test
subject [Fail2Ban] test: started on host.callers.test
has The jail test has been started
END
caller inside fail2ban-client set test banip 192.0.2.9
arrives "fail2ban: a ban" <<'END'
exit 0
sender f2b@callers.test
rcpt ops@callers.test
subject [Fail2Ban] test: banned 192.0.2.9 from host.callers.test
has The IP 192.0.2.9 has just been banned
END
kill "$pid"
arrives "fail2ban: the jail ends" <<'END'
subject [Fail2Ban] test: stopped on host.callers.test
END

cat >"$root/tmp/monitrc" <<'END'
set daemon 3600
set mailserver 127.0.0.1 port 25
set mail-format { from: monit@callers.test }
set alert ops@callers.test not on { instance }
check file missing with path /nowhere
  if not exist then alert
END
chmod 600 "$root/tmp/monitrc"
spawn monit inside monit -I -c /tmp/monitrc
arrives "monit, by SMTP to the listener" <<'END'
sender monit@callers.test
rcpt ops@callers.test
subject monit alert -- Does not exist missing
END

none_arrives "A28 each of them once"
done_testing
