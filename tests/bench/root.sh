# A root for another mailer, in the current directory and in a private mount
# namespace: this machine's /usr with the package's laid over it, so that
# compiled-in paths are right, and /etc and /var that belong to the package
# alone.  It vanishes with the namespace.

make_root() { # PACKAGE: where it was unpacked
	mkdir -p usr etc var/spool var/tmp tmp run dev proc
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$name"
	done
	mount -t overlay overlay usr -o "ro,lowerdir=$1/usr:/usr"
	mount --bind /dev dev
	mount -t proc proc proc
	for tree in etc var; do
		[ ! -d "$1/$tree" ] || cp -a "$1/$tree" .
	done
	cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts \
		/etc/ld.so.cache etc/
}

account() { # NAME UID
	grep -q "^$1:" etc/passwd ||
		echo "$1:x:$2:$2::/nonexistent:/usr/sbin/nologin" >>etc/passwd
	grep -q "^$1:" etc/group || echo "$1:x:$2:" >>etc/group
}

postfix_root() { # an installation, and main.cf without options of any kind
	account postfix 64001
	account postdrop 64002
	mkdir -p etc/postfix var/lib/postfix var/spool/postfix/maildrop \
		var/spool/postfix/public var/spool/postfix/pid
	chown 64001 var/lib/postfix
	chown 64001:64002 var/spool/postfix/maildrop var/spool/postfix/public
	cat >etc/postfix/main.cf <<-END
	compatibility_level = 3.6
	queue_directory = /var/spool/postfix
	command_directory = /usr/sbin
	daemon_directory = /usr/lib/postfix/sbin
	data_directory = /var/lib/postfix
	mail_owner = postfix
	setgid_group = postdrop
	myhostname = bench.example.com
	inet_protocols = ipv4
	END
}
