#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""replaced.py BUILD SCRATCH: files out of the workers' reach, see
73-replaced.sh.

Straight in /tmp, as in /etc, a worker may read no file but those it was
started for; a replaced one is another."""

import os
import ssl
import tempfile

from dialog import (House, Tap, arguments, certificate, plain, until, verifier)

RCPT = "RCPT TO:<u@remote.test>"
DOMAINS = "example.com local default\nremote.test remote route=mx\n"


class Outside(House):
    """A house whose files lie straight in /tmp."""

    def __init__(self, build, root):
        self.outside = tempfile.mktemp(prefix="waypost-replaced.", dir="/tmp")
        super().__init__(build, root)

    def path(self, name):
        if name.startswith("spool") or name == "log":
            return super().path(name)
        return "%s.%s" % (self.outside, name)

    def remove(self):
        for name in os.listdir("/tmp"):
            if name.startswith(os.path.basename(self.outside)):
                os.unlink("/tmp/" + name)


class Replaced:
    def __init__(self, tap, h):
        self.tap, self.h = tap, h

    def configure(self, relay="", **more):
        h = self.h
        h.configure(relay=relay, limits='errors = 1000 idle-timeout = "1h"',
                    auth="plaintext-without-tls = true",
                    tls='certificate = "%s" key = "%s"' %
                    (h.path("crt"), h.path("key")), **more)

    def reloaded(self, write, *arguments):
        """Every file on its own, and its reload awaited."""
        before = self.h.mark()
        write(*arguments)
        self.tap.ok("  reloaded", self.h.wait_log("text=reloaded", before),
                    self.h.logged())


def expands(h, p, wanted):
    def one():
        h.clear()
        p.mail("", "info@example.com")
        return h.rcpts() == wanted
    return until(one)


def shown(h):
    p = h.peer()
    p.ehlo()
    if not p.starttls().startswith("220"):
        return b""
    der = p.s.getpeercert(True)
    p.close()
    return der


def link_pair(h, name):
    """The certificate and its key, by rename."""
    certificate(h, name, name + ".example.com")
    for end in ("key", "crt"):
        os.rename(h.path("%s.%s" % (name, end)), h.path(end))
    with open(h.path("crt"), encoding="ascii") as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def each_file(tap, h, r):
    idle = [h.peer(source="127.0.1.%d" % n) for n in range(1, 11)]
    for p in idle:
        p.ehlo()
    p = h.peer()
    p.ehlo()
    for round in (1, 2):
        name = "ann%d" % round
        tap.ok("%d: aliases before" % round, expands(
            h, p, ["info@example.com" if round == 1 else "ann1@example.com"]))
        r.reloaded(h.write, "aliases", "info: %s@example.com\n" % name)
        tap.ok("%d: aliases" % round,
               expands(h, p, [name + "@example.com"]), h.rcpts())
        r.reloaded(h.write, "domains", DOMAINS +
                   "%s.test remote route=mx relay=yes\n" % name)
        p.cmd("MAIL FROM:<a@b.test>")
        tap.ok("%d: domains" % round, until(lambda: p.cmd(
            "RCPT TO:<u@%s.test>" % name).startswith("250")))
        r.reloaded(h.write, "users", verifier(name, "other"), 0o600)
        p.cmd("RSET")
        q = h.peer()
        q.ehlo()
        tap.ok("%d: users" % round, until(lambda: q.cmd(
            plain(name, "other")).startswith("235")))
        r.reloaded(r.configure, 'except = { "127.0.0.0/8" }')
        p.cmd("MAIL FROM:<a@b.test>")
        tap.ok("%d: waypost.conf" % round,
               until(lambda: p.cmd(RCPT).startswith("250")))
        r.reloaded(r.configure)
        p.cmd("RSET")
        new = link_pair(h, name)
        tap.ok("%d: certificate" % round, until(lambda: shown(h) == new),
               h.logged())
    tap.eq("the idle sessions live on", [i.cmd("NOOP")[:3] for i in idle],
           ["250"] * len(idle))


def another_place(tap, h, r):
    """The configuration names a directory that nobody knew of."""
    p = h.peer()
    p.ehlo()
    fresh = tempfile.mkdtemp(dir=h.root)
    with open(fresh + "/aliases", "w", encoding="ascii") as f:
        f.write("info: moved@example.com\n")
    os.chmod(fresh, 0o755)
    before = h.mark()
    with open(h.conf, encoding="ascii") as f:
        text = f.read()
    h.write("waypost.conf", text.replace(h.path("aliases"), fresh + "/aliases"))
    tap.ok("  reloaded", h.wait_log("text=reloaded", before), h.logged())
    tap.ok("aliases in a new place", expands(h, p, ["moved@example.com"]),
           h.rcpts())


def main():
    build, scratch = arguments()
    tap = Tap()
    h = Outside(build, os.path.join(scratch, "a"))
    r = Replaced(tap, h)
    try:
        h.write("domains", DOMAINS)
        h.write("users", verifier("joe", "secret"), 0o600)
        link_pair(h, "first")
        r.configure()
        h.start()
        pid, workers = h.process.pid, h.workers()
        each_file(tap, h, r)
        another_place(tap, h, r)
        tap.eq("the same processes to the end", (h.process.pid, h.workers()),
               (pid, workers))
        h.end(tap)
    finally:
        h.remove()
    tap.done()


main()
