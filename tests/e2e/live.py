#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""live.py BUILD SCRATCH: changes while sessions are open, see 62-live.sh."""

import os
import signal
import socket
import ssl
import subprocess
import time

from dialog import (Gone, House, Peer, Tap, arguments, certificate, free_port,
                    plain, until, verifier)
from name_server import NameServer, reverse

AT_ONCE = 3  # seconds; 1 is promised, the rest is for a busy machine
LIMITS = 'errors = 1000 idle-timeout = "1h"'
RCPT = "RCPT TO:<u@remote.test>"


class Live:
    def __init__(self, tap, h):
        self.tap, self.h = tap, h

    def configure(self, relay, **more):
        self.h.configure(relay=relay, limits=LIMITS,
                         auth="plaintext-without-tls = true", **more)
        self.changed = time.monotonic()

    def becomes(self, name, p, command, wanted):
        """The answer changes on this session, and soon."""
        def ask():
            answer.append(p.cmd(command))
            return answer[-1].startswith(wanted)
        answer = []
        good = until(ask, AT_ONCE)
        took = time.monotonic() - self.changed
        self.tap.ok("%s (A19)" % name, good and took < AT_ONCE,
                    "%.2f s: %s" % (took, answer[-1]))
        return answer[-1]


def grant_and_revoke(tap, live, h):
    live.configure("default = deny")
    workers = h.workers()
    p = h.peer(source="127.0.0.2")
    p.ehlo()
    p.cmd("MAIL FROM:<a@b.test>")
    until(lambda: p.cmd(RCPT).startswith("550"))
    tap.starts("A13 before", p.cmd(RCPT), "550 5.7.1 Unable to relay")
    live.configure('except = { "127.0.0.2" }')
    live.becomes("A13 granted: same session, same MAIL", p, RCPT, "250")
    tap.starts("A13 ... and it goes", p.data("Subject: t\r\n\r\nx\r\n"), "250")
    p.cmd("MAIL FROM:<a@b.test>")
    tap.starts("A14 accepted before", p.cmd(RCPT), "250")
    live.configure('except = { "127.0.0.3" }')
    live.becomes("A14 revoked: next RCPT", p, "RCPT TO:<v@remote.test>", "550")
    tap.starts("A14 DATA", p.cmd("DATA"), "550 5.7.1 Unable to relay for u@")
    tap.starts("A14 DATA again", p.cmd("DATA"), "503")
    tap.eq("A14 only the message before is queued", h.rcpts(),
           ["u@remote.test"])
    tap.starts("A14 the session goes on", p.mail("a@b.test", "joe@example.com"),
               "250")
    tap.eq("A13 the workers are the same", h.workers(), workers)
    p = h.peer()
    p.ehlo()
    tap.starts("A15 AUTH", p.cmd(plain("joe", "secret")), "235")
    p.cmd("MAIL FROM:<joe@example.com>")
    tap.starts("A15 may relay", p.cmd(RCPT), "250")
    live.configure("authenticated = false")
    live.becomes("A15 the box is off: next RCPT", p, RCPT, "550")
    live.configure("authenticated = true")
    live.becomes("A15 and on again", p, RCPT, "250")
    h.clear()


def access(tap, live, h):
    p = h.peer(source="127.0.0.2")
    p.ehlo()
    other = h.peer()
    other.ehlo()
    live.configure("", access='except = { "127.0.0.2" }')
    answer = live.becomes("A16 denied: next command 421", p, "VRFY x", "421")
    tap.ok("A16 ... and closed", p.closed(), answer)
    tap.starts("A16 others stay", other.cmd("NOOP"), "250")
    live.configure("")
    fresh_from(h, "127.0.0.2")


def fresh_from(h, source):
    def one():
        p = h.peer(source=source)
        return p if p.greeting.startswith("220") else p.close()
    return until(one)


def many(tap, live, h):
    """A17: nobody is dropped."""
    live.configure("", access="default = allow")
    idle = [h.peer(source="127.0.1.%d" % n) for n in range(1, 51)]
    for p in idle:
        p.ehlo()
    p = h.peer()
    p.ehlo()
    p.envelope("a@b.test", "joe@example.com")
    p.cmd("DATA")
    p.send("Subject: long\r\n\r\nfirst\r\n")
    for n in range(3):
        before = h.mark()
        live.configure('except = { "127.0.9.%d" }' % n)
        h.wait_log("text=reloaded", before)
        p.send("line %d\r\n" % n)
    before = h.mark()
    for _ in range(200):
        h.process.send_signal(signal.SIGHUP)
    h.wait_log("text=reloaded", before)
    p.send(".\r\n")
    tap.starts("A17 M06 DATA over four reloads", p.reply(), "250 2.0.0")
    tap.eq("A17 its message is whole", h.bodies()[-1],
           b"first\r\nline 0\r\nline 1\r\nline 2\r\n")
    tap.eq("A17 M05 50 idle sessions live on",
           [i.cmd("NOOP")[:3] for i in idle], ["250"] * 50)
    for i in idle:
        i.close()
    h.clear()


def broken(tap, live, h):
    """A18, M01, M02, M03."""
    p = h.peer(source="127.0.0.2")
    p.ehlo()
    live.configure('except = { "127.0.0.2" }')
    p.cmd("MAIL FROM:<a@b.test>")
    live.becomes("A18 before", p, RCPT, "250")
    for name, text, place in (
            ("waypost.conf", 'hostname = "x.example.com"\nrelay {\n',
             r"waypost\.conf:\d+"),
            ("waypost.conf", 'hostname = "x.example.com"\nnonsense = 1\n',
             r"waypost\.conf:2"),
            ("waypost.conf", "", r"waypost\.conf"),
            ("domains", "example.com local default\nx.test nonsense\n",
             "domains:2"),
            ("users", "joe:plain\n", "users:1")):
        with open(h.path(name), encoding="latin-1") as f:
            good = f.read()
        mode = os.stat(h.path(name)).st_mode & 0o777
        before = h.mark()
        h.write(name, text, mode)
        tap.ok("A18 %s is reported with its line" % place,
               h.wait_log(r'fault="?[^"]*%s:' % place, before), h.logged())
        tap.ok("A18 ... and the old one stays",
               h.wait_log("not reloaded, the old one stays", before))
        if os.access(h.build + "/waypost", os.X_OK):
            run = subprocess.run([h.build + "/waypost", "-C", h.conf, "reload"],
                                 stderr=subprocess.PIPE, check=False)
            tap.ok("A18 waypost reload says so: 78", run.returncode == 78,
                   run.returncode, run.stderr)
        tap.starts("A18 the old rules hold", p.cmd(RCPT), "250")
        before = h.mark()
        h.write(name, good, mode)
        tap.ok("A18 mended", h.wait_log("text=reloaded", before), h.logged())
    tap.starts("A18 same session", p.cmd("NOOP"), "250")


def listeners(tap, live, h):
    """Added and removed live; M04."""
    a, b = free_port(), free_port()
    two = {"lan": "", "two": 'address = "127.0.0.1:%d"' % a}
    p = h.peer()
    p.ehlo()
    before = h.mark()
    live.configure("", listen=two)
    h.wait_log("listening listener=two", before)
    q = until(lambda: accepted(a))
    tap.starts("a listener is added", q.ehlo(), "250")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        before = h.mark()
        live.configure("", listen={
            "lan": "", "two": 'address = "127.0.0.1:%d"' % port})
        tap.ok("M04 its new address is taken: told", h.wait_log(
            "listener two on 127.0.0.1:%d: .*in use" % port, before))
        tap.starts("M04 the old one stays", Peer(a).ehlo(), "250")
        tap.starts("M04 ... and its session", q.cmd("NOOP"), "250")
    before = h.mark()
    live.configure("", listen={"lan": "",
                               "two": 'address = "127.0.0.1:%d"' % b})
    h.wait_log("closed listener=two address=127.0.0.1:%d" % a, before)
    tap.starts("its address changes", until(lambda: accepted(b)).ehlo(), "250")
    tap.ok("... and the old one is closed", until(lambda: refused(a)))
    tap.starts("... its session stays", q.cmd("NOOP"), "250")
    before = h.mark()
    live.configure("", listen={"lan": "",
                               "two": 'address = "0.0.0.0:%d"' % b})
    h.wait_log("closed listener=two address=127.0.0.1:%d" % b, before)
    tap.starts("to one that covers the old", until(
        lambda: accepted(b, "127.0.0.9")).ehlo(), "250")
    before = h.mark()
    live.configure("", listen={"lan": "",
                               "third": 'address = "0.0.0.0:%d"' % b})
    h.wait_log("listening listener=third .*was=two", before)
    fresh = until(lambda: welcome(b))
    tap.ok("to another name", fresh)
    tap.ok("... whose old sessions end", until(lambda: ended(q)))
    before = h.mark()
    q = fresh
    live.configure("")
    h.wait_log("closed listener=third", before)
    tap.ok("a listener is removed", until(lambda: refused(b)))
    tap.ok("... its session ends with the next command",
           until(lambda: ended(q)))
    tap.starts("others stay", p.cmd("NOOP"), "250")


def accepted(port, ip="127.0.0.1"):
    """A session; None too where a worker has yet to hear of the listener,
    which is no reason for a client to give up."""
    try:
        p = Peer((ip, port))
    except (ConnectionError, Gone):
        return None
    if p.greeting.startswith("421"):
        return None
    return p


def welcome(port):
    """The same, and it is still wanted when it has said who it is."""
    p = accepted(port)
    return p if p and p.ehlo().startswith("250") else None


def ended(p):
    """The parent tells what it closed; a worker may hear of it later."""
    return p.cmd("NOOP").startswith("421")


def refused(port):
    try:
        Peer(port)
    except (ConnectionError, Gone):
        return True
    return False


def certificates(tap, live, h):
    certificate(h, "one", "one.example.com")
    certificate(h, "two", "two.example.com")
    tls = 'certificate = "%s" key = "%s"' % (h.path("now.crt"),
                                             h.path("now.key"))
    for end in ("crt", "key"):
        os.symlink(h.path("one." + end), h.path("now." + end))

    def shown():
        p = h.peer()
        p.ehlo()
        if not p.starttls().startswith("220"):
            return b""
        der = p.s.getpeercert(True)
        p.close()
        return der
    want = {n: ssl.PEM_cert_to_DER_cert(open(h.path(n + ".crt")).read())
            for n in ("one", "two")}
    live.configure("", tls=tls)
    tap.ok("a certificate is added", until(lambda: shown() == want["one"]))
    p = h.peer()
    p.ehlo()
    p.starttls()
    before = h.mark()
    with open(h.path("one.key"), encoding="latin-1") as f:
        good = f.read()
    h.write("one.key", "broken\n")
    tap.ok("F08 a broken key is told", h.wait_log(" tls listener=lan", before),
           h.logged())
    tap.ok("F08 the old one serves", shown() == want["one"])
    h.write("one.key", good)
    for end in ("key", "crt"):
        os.symlink(h.path("two." + end), h.path("fresh"))
        os.rename(h.path("fresh"), h.path("now." + end))
    tap.ok("M09 links are moved: the new one",
           until(lambda: shown() == want["two"]))
    tap.starts("the session inside TLS stays", p.ehlo(), "250")
    live.configure("")
    tap.ok("taken away: no STARTTLS", until(lambda: shown() == b""))


def files(tap, live, h):
    """The other files: domains, users, aliases."""
    p = h.peer()
    p.ehlo()
    p.cmd("MAIL FROM:<a@b.test>")
    tap.starts("domains: before", p.cmd("RCPT TO:<u@new.test>"), "550")
    live.changed = time.monotonic()
    h.write("domains", DOMAINS + "new.test remote route=mx relay=yes\n")
    live.becomes("domains: relay=yes", p, "RCPT TO:<u@new.test>", "250")
    live.changed = time.monotonic()
    h.write("domains", DOMAINS + "new.test local\n")
    live.becomes("domains: relay=yes is gone elsewhere", p,
                 "RCPT TO:<u@open.test>", "250")
    live.changed = time.monotonic()
    h.write("domains", "example.com local default\n")
    live.becomes("domains: all gone", p, "RCPT TO:<u@open.test>", "550")
    tap.starts("... judged again at DATA", p.cmd("DATA"), "550 5.7.1")
    h.write("domains", DOMAINS)
    p.ehlo()
    tap.starts("F17 AUTH", p.cmd(plain("joe", "secret")), "235")
    tap.starts("F17 MAIL", p.cmd("MAIL FROM:<joe@example.com>"), "250")
    tap.starts("F17 RCPT", p.cmd(RCPT), "250")
    live.changed = time.monotonic()
    h.write("users", verifier("ann", "other"), 0o600)
    live.becomes("F17 M12 removed: next RCPT", p, RCPT, "550")
    tap.starts("F17 M12 ... DATA", p.cmd("DATA"), "5")
    answer = p.cmd("MAIL FROM:<joe@example.com>")
    tap.ok("F17 next MAIL 530", answer.startswith("530"), answer)
    tap.starts("F17 a new one is known", p.cmd(plain("ann", "other")), "235")
    h.clear()
    h.write("aliases", "info: joe@example.com, ann@example.com\n")

    def expanded():
        h.clear()
        p.mail("", "info@example.com")
        return h.rcpts() == ["ann@example.com", "joe@example.com"]
    tap.ok("aliases", until(expanded, AT_ONCE), h.rcpts())
    h.clear()


def late_names(tap, live, h, names, dns):
    """A list of names comes while a session is open."""
    port = free_port()
    listen = {"lan": "", "proxied": 'address = "127.0.0.1:%d" '
              'proxies = { "127.0.0.1" }' % port}
    live.configure("", listen=listen, dns=dns)
    p = until(lambda: proxied(port, "11.0.0.1"))
    q = until(lambda: proxied(port, "11.0.0.2"))
    p.cmd("MAIL FROM:<a@b.test>")
    tap.starts("names: before", p.cmd(RCPT), "550")
    tap.eq("names: nobody is asked", names.asked, [])
    live.configure('except = { ".corp.test" }', listen=listen, dns=dns)
    if not live.becomes("names: looked up now", p, RCPT, "250")[0] == "2":
        print("#", names.asked)
    live.configure("", access='except = { ".bad.test" }', listen=listen,
                   dns=dns)
    live.becomes("names: access, too", q, "VRFY x", "421")
    names.mute = True
    live.configure("default = allow open-relay = true", listen=listen, dns=dns)
    p = until(lambda: proxied(port, "11.0.0.3"))
    p.cmd("MAIL FROM:<a@b.test>")
    until(lambda: p.cmd(RCPT).startswith("250"))
    before = h.mark()
    live.configure('default = allow open-relay = true except = { ".bad.test" }',
                   listen=listen, dns=dns)
    h.wait_log("text=reloaded", before)
    other = h.peer()
    p.send(RCPT + "\r\n")
    tap.starts("H13 DNS hangs: others are served", other.ehlo(), "250")
    tap.starts("H13 ... the answer comes when patience ends", p.reply(), "250")
    names.mute = False
    # Other name servers: what the ones before said counts no more.
    others = NameServer({
        (reverse("11.0.0.4"), "PTR"): ["late.corp.test"],
        ("late.corp.test", "A"): ["11.0.0.4"]})
    live.configure('except = { ".corp.test" }', listen=listen, dns=dns)
    tap.ok("dns: the first servers know no name", until(
        lambda: said(port, "11.0.0.4").startswith("550")))
    live.configure('except = { ".corp.test" }', listen=listen,
                   dns=dns.replace("@%d" % names.port, "@%d" % others.port))
    tap.ok("dns: others are asked, live", until(
        lambda: said(port, "11.0.0.4").startswith("250")), others.asked)


def said(port, ip):
    """To a recipient elsewhere, by a new session from there."""
    p = proxied(port, ip)
    if not p:
        return ""
    p.cmd("MAIL FROM:<a@b.test>")
    answer = p.cmd(RCPT)
    p.close()
    return answer


def proxied(port, ip):
    try:
        p = Peer(port, proxy=ip)
        p.ehlo()
        return p
    except (ConnectionError, Gone):
        return None


DOMAINS = ("example.com local default\nopen.test remote route=mx relay=yes\n"
           "remote.test remote route=mx\n")


def main():
    build, scratch = arguments()
    tap = Tap()
    h = House(build, os.path.join(scratch, "a"))
    h.write("domains", DOMAINS)
    h.write("users", verifier("joe", "secret"), 0o600)
    h.write("anchor", "signed.invalid. IN DS 1 13 2 %s\n" % ("ab" * 32))
    names = NameServer({
        (reverse("11.0.0.1"), "PTR"): ["printer.corp.test"],
        ("printer.corp.test", "A"): ["11.0.0.1"],
        (reverse("11.0.0.2"), "PTR"): ["x.bad.test"],
        ("x.bad.test", "A"): ["11.0.0.2"]})
    dns = ('servers = { "127.0.0.1@%d" } trust-anchor = "%s" '
           'hosts-file = false' % (names.port, h.path("anchor")))
    live = Live(tap, h)
    live.configure("", dns=dns)
    h.start()
    pid, workers = h.process.pid, h.workers()
    grant_and_revoke(tap, live, h)
    access(tap, live, h)
    many(tap, live, h)
    broken(tap, live, h)
    listeners(tap, live, h)
    certificates(tap, live, h)
    files(tap, live, h)
    late_names(tap, live, h, names, dns)
    tap.eq("the same processes to the end", (h.process.pid, h.workers()),
           (pid, workers))
    h.end(tap)
    tap.done()


main()
