#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""relay_matrix.py BUILD SCRATCH: the relay rule, cell by cell, see
61-relay-matrix.sh.

What is expected is computed here from the words of the document: a recipient
is accepted at the first yes of (1) its domain is local, (2) its remote domain
has relay=yes, (3) authenticated clients may relay and the client is one, (4)
default and list: under deny those on the list, under allow those who are not;
else 550.  The cells of the third part are spelled out by hand."""

import itertools
import os

from dialog import Gone, House, Peer, Tap, arguments, free_port, plain, until
from dialog import verifier
from name_server import NameServer, reverse

DOMAINS = """\
example.com local default
*.local.test local
alias.test alias
open.test remote route=mx relay=yes
*.open.test remote host=[192.0.2.1] relay=yes
shut.test remote route=mx
no.open.test remote route=mx relay=no
*.corp.test remote host=[192.0.2.1] relay=yes
*.deep.corp.test remote host=[192.0.2.1]
only.deep.corp.test remote host=[192.0.2.1] relay=yes
"""

# kind: the recipients that are tried in each of its cells
RECIPIENTS = {
    "local": ["joe@example.com", "joe", "Joe@EXAMPLE.com", "a@x.local.test"],
    "alias": ["joe@alias.test"],
    "relay=yes": ["u@open.test", "u@a.b.open.test", "u@OPEN.test"],
    "relay=no": ["u@shut.test", "u@no.open.test"],
    "unknown": ["u@nowhere.test", "u@local.test", "u@[192.0.2.9]",
                "u@open.test.evil.test", "u@notopen.test"],
}
# A32: the exact entry wins, then the longest wildcard
WILDCARDS = {"u@a.corp.test": True, "u@b.a.corp.test": True,
             "u@corp.test": False, "u@deep.corp.test": True,
             "u@a.deep.corp.test": False, "u@only.deep.corp.test": True,
             "u@x.only.deep.corp.test": False}
LISTED, OTHER = "127.0.0.2", "127.0.0.1"


def may(kind, listed, authenticated, mode):
    default, box = mode
    if kind in ("local", "alias", "relay=yes"):
        return True
    if box == "yes" and authenticated:
        return True
    return listed if default == "deny" else not listed


def relay(mode, entries):
    default, box = mode
    return ("default = %s authenticated = %s except = { %s }%s" % (
        default, "true" if box == "yes" else "false",
        ", ".join('"%s"' % e for e in entries),
        " open-relay = true" if default == "allow" else ""))


def verdict(answer, rcpt):
    """True, False, or what is neither a yes nor the refusal."""
    shown = rcpt if "@" in rcpt else rcpt + "@example.com"
    if answer == "550 5.7.1 Unable to relay for " + shown:
        return False
    return True if answer.startswith("250 2.1.5") else answer


class Clients:
    """Sessions that stay while the configuration changes."""

    def __init__(self, house):
        self.h, self.version = house, 0
        self.kept = {(listed, auth): self.new(listed, auth)
                     for listed in (True, False) for auth in (True, False)}

    def new(self, listed, authenticated):
        p = self.h.peer(source=LISTED if listed else OTHER)
        p.ehlo()
        if authenticated:
            answer = p.cmd(plain("joe", "secret"))
            if not answer.startswith("235"):
                raise Gone(answer)
        return p

    def configure(self, text, **more):
        """Which configuration a session obeys its host's name tells."""
        self.version += 1
        name = "v%d.example.com" % self.version
        configure(self.h, text, 'hostname = "%s"' % name, **more)
        return all(until(lambda p=p: p.ehlo().startswith("250-" + name))
                   for p in self.kept.values())


def configure(h, text, top="", **more):
    h.configure(top, relay=text, auth="plaintext-without-tls = true",
                limits="errors = 1000 per-client = 1000", **more)


def cell(p, kind, expected):
    """All recipients of a kind in one transaction; what is wrong."""
    p.cmd("MAIL FROM:<joe@example.com>")
    wrong = []
    for rcpt in RECIPIENTS[kind]:
        got = verdict(p.cmd("RCPT TO:<%s>" % rcpt), rcpt)
        if got != expected:
            wrong.append("%s: %s" % (rcpt, got))
    answer = p.data("Subject: t\r\n\r\ntext\r\n")
    if not answer.startswith("250 2.0.0" if expected else "503"):
        wrong.append("DATA: " + answer)
    p.cmd("RSET")
    return wrong


def named(default, box, kind, listed):
    """The acceptance check that is this cell (A8 with AUTH and without)."""
    return {("allow", "no", False): "A6 ", ("deny", "yes", False): "A7 ",
            ("deny", "no", False): "A8 ", ("allow", "yes", True): "A9 "}.get(
                (default, box, listed), "") if kind == "unknown" else ""


def matrix(tap, h):
    clients = Clients(h)
    for mode in itertools.product(("deny", "allow"), ("yes", "no")):
        tap.ok("%s+%s on all sessions, live" % mode,
               clients.configure(relay(mode, [LISTED])), h.logged())
        for kind, listed, auth in itertools.product(
                RECIPIENTS, (True, False), (True, False)):
            h.clear()
            expected = may(kind, listed, auth, mode)
            wrong = cell(clients.kept[listed, auth], kind, expected)
            p = clients.new(listed, auth)
            wrong += cell(p, kind, expected)
            p.close()
            queued = len(h.rcpts())
            if queued != 2 * len(set(r.lower() for r in RECIPIENTS[kind])
                                 ) * expected and kind != "local":
                wrong.append("%d queued" % queued)
            if queued == 0 and expected or queued and not expected:
                wrong.append("%d queued" % queued)
            tap.ok("%s%s+%s %s, %slisted, %sauthenticated: %d" % (
                named(*mode, kind, listed), *mode, kind, "" if listed else "not ", "" if auth else "not ",
                250 if expected else 550), not wrong, *wrong)


def wildcards(tap, h):
    configure(h, relay(("deny", "no"), []), 'hostname = "w.example.com"')
    p = until(lambda: by_name(h, OTHER, "w.example.com"))
    p.cmd("MAIL FROM:<a@b.test>")
    for rcpt, expected in WILDCARDS.items():
        tap.eq("A32 %s" % rcpt, verdict(p.cmd("RCPT TO:<%s>" % rcpt), rcpt),
               expected)


def lists(tap, h, names, proxied):
    """A10-A12: clients inside and outside of each kind of entry."""
    cases = [  # entry, inside, outside
        ("127.0.0.2", ["127.0.0.2"], ["127.0.0.1", "127.0.0.20"]),
        ("127.0.0.8/29", ["127.0.0.8", "127.0.0.15"],
         ["127.0.0.7", "127.0.0.16"]),
        ("11.22.32.0/20", ["11.22.47.255"], ["11.22.48.0"]),
        ("2001:db8::/32", [], ["127.0.0.1"]),
        (".corp.test", ["11.0.0.1", "11.0.0.2"],
         ["11.0.0.3", "11.0.0.4", "11.0.0.5", "11.0.0.6", "11.0.0.7"]),
        (".printer.corp.test", [], ["11.0.0.1"]),
    ]
    for n, (entry, inside, outside) in enumerate(cases):
        for default in ("deny", "allow"):
            name = "l%d%s.example.com" % (n, default)
            configure(h, relay((default, "no"), [entry]),
                      'hostname = "%s"' % name,
                      listen={"lan": "", "proxied": proxied},
                      dns='servers = { "127.0.0.1@%d" } trust-anchor = "%s" '
                      'hosts-file = false' % (names.port, h.path("anchor")))
            for ip in inside + outside:
                p = until(lambda: by_name(h, ip, name))
                got = verdict(
                    p.envelope("a@b.test", "u@shut.test")[1], "u@shut.test")
                tap.eq("A10 A11 %s except %s: client %s" % (
                    default, entry, ip), got,
                       (ip in inside) == (default == "deny"))
                p.close()


def by_name(h, ip, name):
    if ip.startswith("127."):
        p = h.peer(source=ip)
    else:
        p = Peer(h.proxied, proxy=ip)
    return p if p.ehlo().startswith("250-" + name) else p.close()


def empty(tap, h):
    """A12: an empty list, none at all, and no section are the same."""
    for n, text in enumerate(("default = deny except = {}", "default = deny",
                              "", "except = {}", "authenticated = true")):
        name = "e%d.example.com" % n
        configure(h, text, 'hostname = "%s"' % name)
        p = until(lambda: by_name(h, OTHER, name))
        tap.eq("A12 relay { %s }: closed" % text, verdict(
            p.envelope("a@b.test", "u@shut.test")[1], "u@shut.test"), False)
    before = h.mark()
    configure(h, "default = allow")
    tap.ok("allow without open-relay is no configuration",
           h.wait_log(r"waypost\.conf:\d+: .*open-relay", before), h.logged())


RECORDS = {
    (reverse("11.0.0.1"), "PTR"): ["printer.corp.test"],
    ("printer.corp.test", "A"): ["11.0.0.1"],
    (reverse("11.0.0.2"), "PTR"): ["Host.A.Corp.Test"],
    ("host.a.corp.test", "A"): ["11.9.9.9", "11.0.0.2"],
    # says so, but the name does not lead back
    (reverse("11.0.0.3"), "PTR"): ["printer.corp.test"],
    # no such name; another domain; none at all; the domain itself
    (reverse("11.0.0.4"), "PTR"): ["gone.corp.test"],
    (reverse("11.0.0.5"), "PTR"): ["host.evilcorp.test"],
    ("host.evilcorp.test", "A"): ["11.0.0.5"],
    (reverse("11.0.0.7"), "PTR"): ["corp.test"],
    ("corp.test", "A"): ["11.0.0.7"],
}


def main():
    build, scratch = arguments()
    tap = Tap()
    h = House(build, os.path.join(scratch, "a"))
    h.write("domains", DOMAINS)
    h.write("users", verifier("joe", "secret"), 0o600)
    h.write("anchor", "signed.invalid. IN DS 1 13 2 %s\n" % ("ab" * 32))
    names = NameServer(RECORDS)
    h.proxied = free_port()
    configure(h, "")
    h.start()
    matrix(tap, h)
    wildcards(tap, h)
    # name servers are read at the start
    h.stop()
    proxied = ('address = "127.0.0.1:%d" proxies = { "127.0.0.1" }'
               % h.proxied)
    configure(h, "", listen={"lan": "", "proxied": proxied},
              dns='servers = { "127.0.0.1@%d" } trust-anchor = "%s" '
              'hosts-file = false' % (names.port, h.path("anchor")))
    h.start()
    lists(tap, h, names, proxied)
    empty(tap, h)
    h.end(tap)
    tap.done()


main()
