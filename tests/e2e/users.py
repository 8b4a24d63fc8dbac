#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""users.py BUILD SCRATCH: users at the unix socket, see 39-users.sh."""

import os
import resource
import socket
import sys

from dialog import Gone, House, Peer, Tap, arguments, until

MANY, SHARE = 2000, 20
PUSHY, OTHER = 54321, 54322


class As:
    """As another user, for what connect() tells the other side."""

    def __init__(self, uid):
        self.uid = uid

    def __enter__(self):
        os.seteuid(self.uid)

    def __exit__(self, *_):
        os.seteuid(0)


def crowd(path, count):
    """So many connections of which nobody reads."""
    all_of_them = []
    for _ in range(count):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(path)
        all_of_them.append(s)
    return all_of_them


def descriptors(h):
    return sum(len(os.listdir("/proc/%d/fd" % pid)) for pid in h.workers())


def opened(path):
    """A session; None when it is turned away."""
    try:
        p = Peer(path)
    except (Gone, OSError):
        return None
    return p if p.greeting.startswith("220") else None


def warm(path):
    p = Peer(path)
    p.ehlo()
    p.mail("a@b.test", "u@remote.test")
    p.close()


def main():
    build, scratch = arguments()
    tap = Tap()
    h = House(build, os.path.join(scratch, "a"))
    path = h.path("smtp.sock")
    h.configure(listen={"lan": "", "local": 'address = "%s"' % path},
                limits="per-client = %d errors = 1000" % SHARE)
    h.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (MANY + 100, MANY + 100))
    for _ in range(20):  # what is only opened once is open
        warm(path)
    before = descriptors(h)
    with As(PUSHY):
        first = crowd(path, MANY)
        last = Peer(path).greeting
    tap.starts("H19 a user with %d deaf connections has enough" % MANY, last,
               "421 4.7.0 Too many connections")
    # Behind the last greeting the other worker may be closing some yet.
    tap.ok("H19 ... he has %d and no more" % SHARE, until(
        lambda: 0 < descriptors(h) - before <= SHARE), descriptors(h) - before)
    with As(OTHER):
        p = opened(path)
        tap.ok("H19 another user is greeted", p)
        p.ehlo()
        tap.starts("H19 ... and served", p.mail("a@b.test", "u@remote.test"),
                   "250")
        p.close()
    p = h.peer()
    p.ehlo()
    tap.starts("H19 ... and so is the LAN", p.mail(
        "a@b.test", "joe@example.com"), "250")
    p.close()
    tap.eq("H19 the workers live", len(h.workers()), h.wanted)
    for s in first:
        s.close()
    with As(PUSHY):
        tap.ok("H19 he is served again when they are gone", until(
            lambda: opened(path)))
    tap.ok("H19 nothing of it is left", until(
        lambda: descriptors(h) <= before + 3), before, descriptors(h))
    h.end(tap)
    tap.done()


sys.exit(main())
