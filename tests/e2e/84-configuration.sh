#!/bin/sh
# What becomes of any waypost.conf: 0 or 78, never a crash (M14); and of a
# host without a proper name, or with another one (M13).
#   84-configuration.sh BUILD
# In namespaces of its own: it changes the system's name, and a spool that
# chance names must be nobody's.
if [ ! "${WAYPOST_NAMESPACE-}" ] && unshare -nu true 2>/dev/null; then
	WAYPOST_NAMESPACE=yes
	export WAYPOST_NAMESPACE
	exec unshare -nu sh "$0" "$@"
fi
. "${0%/*}/lib.sh"
[ "${WAYPOST_NAMESPACE-}" ] || skip "no namespaces (not root?)"
ip link set lo up

# --- M13 ---

instance a </dev/null
conf=$work/a/waypost.conf
echo 'example.com local default' >"$work/a/domains"
sed '/^hostname/d' "$conf" >"$work/rest"
named() { # LINE: the configuration has this
	{
		echo "$1"
		cat "$work/rest"
	} >"$conf.new"
	mv "$conf.new" "$conf"
}
drain() {
	"$build/waypostd" -C "$conf" --drain >"$work/out" 2>&1
}
for host in localhost relay -a.b a..b 'a b.c' "$(printf 'a\tb.c')"; do
	named "hostname = \"$host\""
	drain
	is "M13 hostname \"$host\": 78" "$?" 78
	ok "... in one line, with its place" \
		[ "$(grep -c 'waypost.conf:1: ' "$work/out")" = 1 ]
done
for host in localhost relay; do
	hostname $host
	named ''
	drain
	is "M13 the system is called $host: 78" "$?" 78
	ok '... and how to help it' grep -q "hostname = .*$host.example.com" \
		"$work/out"
	echo x | sendmail a a@example.com 2>"$work/err"
	is '... sendmail takes mail' "$? $(queued a)" '0 1'
	ok "... as $host.localdomain" grep -aq \
		"by $host.localdomain" "$work/a/spool/queue/new"/*
	rm "$work/a/spool/queue/new"/*
done
hostname one.example.com
named 'hostname = ""'
drain
is 'M13 an empty hostname is none: the system'\''s counts' "$?" 0
named 'listen "lan" { address = "127.0.0.1:25" }'
greets() { # NAME
	"$python" -c 'import socket
s = socket.create_connection(("127.0.0.1", 25), 20)
print(s.makefile("rb").readline().split()[1].decode())' |
		grep -qx "$1"
}
spawn listener "$build/waypost-smtpd" -C "$conf"
within 20 listening 25
ok 'M13 the system'\''s name' greets one.example.com
hostname two.example.com
echo x | sendmail a a@example.com 2>/dev/null
ok 'M13 it changed: sendmail knows' grep -aq 'by two.example.com' \
	"$work/a/spool/queue/new"/*
ok '... a daemon keeps the one that it started with' greets one.example.com
named 'listen "lan" { address = "127.0.0.1:25" } # again'
ok '... until it reads its configuration again' within 20 \
	greets two.example.com
named 'hostname = "three.example.com" listen "lan" { address = "127.0.0.1:25" }'
ok 'M13 the key counts more, and at once' within 20 greets three.example.com
kill "$pid"
reap "$pid" 20

# --- M14: any octets ---

spool=$work/fuzz/spool
mkdir -p "$spool/queue/new" "$spool/queue/tmp" "$spool/drop" "$spool/pickup"
: >"$work/fuzz/domains"
chown -R nobody "$work/fuzz"
"$python" - "$build" "$work/fuzz" "$top/tests/fuzz/corpus/conf" \
	"$top/conf/waypost.conf" <<'END' >"$work/tap"
import os, random, re, subprocess, sys
build, place, corpus, shipped = sys.argv[1:]
dice = random.Random(1126)
seeds = [open(os.path.join(corpus, name), "rb").read()
         for name in sorted(os.listdir(corpus))]
seeds += [open(shipped, "rb").read()] * 5
place_of = 'spool = "%s/spool"\ndomains = "%s/domains"\n' % (place, place)
words = re.findall(rb"[\w-]+|\S", b" ".join(seeds))
conf = os.path.join(place, "waypost.conf")

def nobody():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)

def mutated(text):
    text = bytearray(text)
    for _ in range(dice.randrange(5)):
        at = dice.randrange(len(text) + 1)
        kind = dice.randrange(5)
        if kind == 0:
            text[at:at] = b" " + dice.choice(words) + b" "
        elif kind == 1:
            del text[at:at + dice.randrange(20)]
        elif kind == 2:
            text[at:at + 1] = bytes([dice.randrange(256)])
        elif kind == 3:
            del text[at:]
        else:
            other = dice.choice(seeds)
            text[at:at] = other[dice.randrange(len(other) + 1):][:200]
    return bytes(text)

commands = [("waypostd", "--drain"), ("waypost", "domain", "list"),
            ("waypost", "explain", "u@example.com"),
            ("sendmail", "-bv", "u@example.com")]
allowed = {"waypostd": {0, 78}, "waypost": {0, 78},
           "sendmail": {0, 67, 78}}  # it does not obey, but verifies
seen, wrong = {}, []
for n in range(160):
    text = mutated(dice.choice(seeds))
    if n % 8 == 0:  # with a spool that it may use
        text = place_of.encode() + mutated(
            b'hostname = "a.example.com"\nmax-hops = 9\nqueue { expire = 1d }\n')
    with open(conf, "wb") as f:
        f.write(text)
    program, *arguments = commands[n % len(commands)]
    try:
        done = subprocess.run(
            [os.path.join(build, program), "-C", conf] + arguments,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=20, preexec_fn=nobody,
            cwd=place, check=False)
        code, said = done.returncode, done.stdout
    except subprocess.TimeoutExpired as e:
        code, said = "hung", e.stdout or b""
    seen[(program, code)] = seen.get((program, code), 0) + 1
    if code not in allowed[program] or b"Sanitizer" in said:
        wrong.append((program, code, said[-300:], text))
for program, code, said, text in wrong[:5]:
    print("# %s: %s, %r for %r" % (program, code, said, text[-600:]))
print(len(wrong))
for key, count in sorted(seen.items(), key=str):
    print("#", *key, count)
END
grep '^#' "$work/tap"
is 'M14 160 configurations: each is obeyed, or 78' \
	"$(grep -v '^#' "$work/tap")" 0
done_testing
