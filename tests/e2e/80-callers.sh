#!/bin/sh
# Programs and libraries that call sendmail, as Debian ships them, in a root
# in which waypost is installed: mail readers, git, PHP, Python, Perl (A28).
#   80-callers.sh BUILD
. "${0%/*}/callers_enter.sh"
. "${0%/*}/lib.sh"
. "$top/tests/e2e/callers.sh"

# A text with what mailers get wrong, and how a message's check writes it.
printf 'Grüße\n.\n..two\nFrom here\n  blanks  \n-- \nend\n' >"$root/tmp/text"
text='Gr\u00fc\u00dfe\n.\n..two\nFrom here\n  blanks  \n-- \nend\n'

# --- mail readers ---

caller as alice mail -s 'by mail' -c carol@callers.test bob@callers.test ops \
	<"$root/tmp/text"
arrives "bsd-mailx: mail -s, -c, two recipients" <<END
exit 0
sender alice@callers.test
rcpt bob@callers.test
rcpt carol@callers.test
rcpt ops@callers.test
subject by mail
body $text
END
caller as alice mail -r from@callers.test -s 'by mail' -b dave \
	bob@callers.test <"$root/tmp/text"
arrives "bsd-mailx: -b is nobody's to see, -r is the sender" <<END
exit 0
sender from@callers.test
rcpt bob@callers.test
rcpt dave@callers.test
no bcc
body $text
END

caller as alice s-nail -n -s 'by s-nail' -r 'Alice <alice@callers.test>' \
	-b dave@callers.test bob@callers.test <"$root/tmp/text"
arrives "s-nail" <<END
exit 0
sender alice@callers.test
rcpt bob@callers.test
rcpt dave@callers.test
subject by s-nail
from Alice <alice@callers.test>
no bcc
body $text
END

caller as alice mutt -n -F /dev/null -e 'set use_envelope_from' \
	-e 'set from=alice@callers.test realname="Alice L"' \
	-s 'by mutt' -b dave@callers.test -a /tmp/text -- bob@callers.test \
	<"$root/tmp/text"
arrives "mutt, with a file and Bcc" <<END
exit 0
sender alice@callers.test
rcpt bob@callers.test
rcpt dave@callers.test
subject by mutt
from Alice L <alice@callers.test>
no bcc
body $text
END

# --- git ---

caller as alice sh -euc '
	rm -rf work && git init -q work && cd work
	git config user.name "Alice L"
	git config user.email alice@callers.test
	printf ".\nFrom here\n" >file && git add file
	git commit -qm "first: Grüße" && git format-patch -q --root
	git send-email --quiet --confirm=never --to=bob@callers.test \
		--cc="Carol <carol@callers.test>" --bcc=dave@callers.test \
		--suppress-cc=self *.patch'
arrives "git send-email" <<END
exit 0
sender alice@callers.test
rcpt bob@callers.test
rcpt carol@callers.test
rcpt dave@callers.test
subject [PATCH] first: Grüße
from Alice L <alice@callers.test>
no bcc
has \+\.\$
has \+From here\$
END

# --- PHP ---

# A line end more than given is PHP's.
php_says() { # PHP; in the root as alice
	printf '<?php exit(%s ? 0 : 1);\n' "$1" >"$root/tmp/mail.php"
	caller as alice php -n /tmp/mail.php
}
php_says 'mail("bob@callers.test, ops", "by PHP", file_get_contents("/tmp/text"),
	"From: web@callers.test\r\nCc: carol@callers.test\r\nBcc: dave@callers.test")'
arrives "PHP mail() with header fields (4th)" <<END
exit 0
sender alice@callers.test
rcpt bob@callers.test
rcpt carol@callers.test
rcpt dave@callers.test
rcpt ops@callers.test
subject by PHP
from web@callers.test
no bcc
body $text\n
END
php_says 'mail("bob@callers.test", "by PHP", "text\n",
	["From" => "web@callers.test", "X-Array" => "yes"],
	"-fbounce@callers.test")'
arrives "PHP mail() with fields as an array, and -f (5th)" <<END
exit 0
sender bounce@callers.test
rcpt bob@callers.test
from web@callers.test
x-array yes
body text\n\n
END
php_says 'mail("bob@callers.test", "<?php evil();", "text\n", "",
	"-fa@callers.test -oQ/tmp/ -X/tmp/shell.php -C/etc/shadow")'
is "A01 A03 PHP mail() with -C (5th) hears of the refusal" "$code" 1
not_said=$(grep -c "$(head -n 1 /etc/shadow)" "$work/caller.out")
is "A03 ... and nothing of the file" "$not_said" 0
is "A01 ... no file is made" "$(ls "$root"/tmp/*.php)" "$root/tmp/mail.php"
php_says 'mail("bob@callers.test", "by PHP", "text\n", "",
	"-fa@callers.test -X/tmp/shell.php -oQ/tmp/")'
arrives "A01 PHP mail(), -X and -oQ (5th) are ignored" <<END
exit 0
sender a@callers.test
rcpt bob@callers.test
body text\n\n
END
is "A01 ... no file is made" "$(ls "$root"/tmp/*.php)" "$root/tmp/mail.php"

# --- Python ---

cat >"$root/tmp/send.py" <<'END'
import smtplib, subprocess, sys
from email.message import EmailMessage

message = EmailMessage()
message["From"] = "Alice <alice@callers.test>"
message["To"] = "Bob <bob@callers.test>, ops@callers.test"
message["Bcc"] = "dave@callers.test"
message["Subject"] = "by Python: Grüße"
message.set_content(open("/tmp/text", encoding="utf-8").read())
if sys.argv[1] == "pipe":
    subprocess.run(["sendmail", "-t", "-oi"], input=message.as_bytes(),
                   check=True)
else:
    with smtplib.SMTP("localhost") as server:
        server.send_message(message)
END
for way in pipe smtp; do
	# smtplib writes >From by itself.
	[ $way = pipe ] || text=$(printf %s "$text" | sed 's/From/>From/')
	caller as alice python3 /tmp/send.py $way
	arrives "Python, $way" <<-END
	exit 0
	sender alice@callers.test
	rcpt bob@callers.test
	rcpt dave@callers.test
	rcpt ops@callers.test
	subject by Python: Grüße
	no bcc
	body $text
	END
done

# --- Perl ---

text=$(printf %s "$text" | sed 's/>From/From/')
cat >"$root/tmp/lite.pl" <<'END'
use strict; use warnings; use MIME::Lite;
open my $file, '<', '/tmp/text' or die;
my $message = MIME::Lite->new(
    From => 'Alice <alice@callers.test>', To => 'bob@callers.test',
    Cc => 'carol@callers.test', Bcc => 'dave@callers.test',
    Subject => 'by MIME::Lite', Type => 'text/plain; charset=utf-8',
    Encoding => '8bit', Data => join '', <$file>);
$message->send or die 'not sent';
END
caller as alice perl /tmp/lite.pl
arrives "Perl MIME::Lite" <<END
exit 0
sender alice@callers.test
rcpt bob@callers.test
rcpt carol@callers.test
rcpt dave@callers.test
subject by MIME::Lite
no bcc
body $text
END

cat >"$root/tmp/sender.pl" <<'END'
use strict; use warnings;
use Email::Sender::Simple qw(sendmail); use Email::Simple;
use Email::Sender::Transport::Sendmail;
open my $file, '<', '/tmp/text' or die;
my $message = Email::Simple->create(
    header => [From => 'alice@callers.test', To => 'bob@callers.test',
               Subject => 'by Email::Sender'], body => join '', <$file>);
my @transport = @ARGV ? () :
    (transport => Email::Sender::Transport::Sendmail->new);
sendmail($message, { from => 'bounce@callers.test',
    to => ['bob@callers.test', 'ops@callers.test'], @transport });
END
for way in '' default; do
	caller as alice perl /tmp/sender.pl $way
	arrives "Perl Email::Sender ${way:-sendmail}" <<-END
	exit 0
	sender bounce@callers.test
	rcpt bob@callers.test
	rcpt ops@callers.test
	subject by Email::Sender
	body $text
	END
done

none_arrives "A28 each of them once"
done_testing
