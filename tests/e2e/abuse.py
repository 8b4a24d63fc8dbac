#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""abuse.py BUILD SCRATCH: clients that harm, see 66-abuse.sh."""

import os
import signal
import socket
import time

from dialog import (Gone, House, Peer, Tap, arguments, certificate, free_port,
                    fresh, until)

MANY = 300


def served(tap, h, name, seconds=2):
    """Somebody new is served, and soon."""
    start = time.monotonic()
    p = h.peer(source="127.0.0.99")
    p.ehlo()
    answer = p.mail("a@b.test", "joe@example.com")
    took = time.monotonic() - start
    tap.ok("%s: others are served" % name, answer.startswith("250") and
           took < seconds, "%.2f s: %s" % (took, answer))


def cpu(h):
    """Seconds that the workers have used."""
    ticks = 0
    for pid in h.workers():
        with open("/proc/%d/stat" % pid, encoding="latin-1") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(h):
    """KiB of the workers' own memory."""
    total = 0
    for pid in h.workers():
        with open("/proc/%d/smaps_rollup" % pid, encoding="latin-1") as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("Private_Dirty"))
    return total


def crowds(tap, h):
    """H01: many that do nothing; limits in all workers together."""
    crowd = [h.peer(source="127.0.1.%d" % (n % 10 + 1), greeting=False)
             for n in range(MANY)]
    tap.eq("H01 %d idle ones are greeted" % MANY,
           {p.reply()[:3] for p in crowd}, {"220"})
    served(tap, h, "H01 %d idle ones" % MANY)
    h.configure(limits="connections = %d per-client = 30" % (MANY + 2))
    until(lambda: h.peer(source="127.0.1.1").greeting.startswith("421"))
    said = h.peer(source="127.0.1.1")
    tap.starts("H01 one address has enough", said.greeting, "421 4.7.0")
    tap.ok("H01 ... and is closed", said.closed())
    last = [h.peer(source="127.0.2.%d" % n) for n in range(1, 4)]
    tap.eq("H01 all together have enough", [p.greeting[:3] for p in last],
           ["220", "220", "421"])
    for p in crowd + last:
        p.close()
    tap.ok("H01 all gone: all may come", until(
        lambda: h.peer(source="127.0.1.1").greeting.startswith("220")))
    h.configure(limits="rate-per-client = 5")
    fresh(h, lambda p: p.greeting.startswith("421"))
    tap.starts("H01 rate of one address", h.peer().greeting, "421 4.7.0")
    tap.starts("H01 ... not of another",
               h.peer(source="127.0.3.1").greeting, "220")


def slow(tap, h):
    """H02: octets that come one by one do not keep a session."""
    h.configure(limits='idle-timeout = "1s"', tls=h.tls)
    fresh(h, lambda p: "STARTTLS" in p.ehlo())
    p = h.peer()
    p.ehlo()
    start, said = time.monotonic(), []
    while not said and time.monotonic() - start < 10:
        try:
            p.send("N")
            if not until(lambda: not p.silent(), 0.2):
                continue
            said = p.said()
        except (OSError, Gone):
            break
    took = time.monotonic() - start
    tap.ok("H02 one octet each 0.2 s in a command: 421 4.4.2", said and
           said[0].startswith("421 4.4.2") and 0.5 < took < 5, took, said)
    p = h.peer()
    p.ehlo()
    p.envelope("a@b.test", "joe@example.com")
    p.cmd("DATA")
    start, said = time.monotonic(), []
    while not said and time.monotonic() - start < 10:
        try:
            p.send("x\r\n")
            if not until(lambda: not p.silent(), 0.2):
                continue
            said = p.said()
        except (OSError, Gone):
            break
    took = time.monotonic() - start
    tap.ok("H02 slower than 500 octets a second in DATA: 421", said and
           said[0].startswith("421") and took < 8, took, said)
    tap.eq("H02 nothing of it is left", os.listdir(h.path("spool/queue/tmp")),
           [])


def handshakes(tap, h):
    """F05: silent and garbage handshakes; all at once."""
    h.configure(tls=h.tls, listen={"lan": "", "smtps":
                'address = "127.0.0.1:%d" tls = implicit' % h.smtps})
    until(lambda: "STARTTLS" in h.peer().ehlo())
    quiet = []
    for _ in range(5):
        p = h.peer()
        p.ehlo()
        p.cmd("STARTTLS")
        quiet.append(p)
    quiet += [until(lambda: connect(h.smtps)) for _ in range(5)]
    p = h.peer()
    p.ehlo()
    p.cmd("STARTTLS")
    p.send(b"MAIL FROM:<a@b.test>\r\n" * 20)
    tap.ok("F05 garbage for a handshake: closed", not any(
        s.startswith(("2", "5")) for s in p.said()))
    served(tap, h, "F05 ten silent handshakes")
    start = time.monotonic()
    tap.ok("F05 silent ones are closed", all(
        p.said() is not None for p in quiet))
    took = time.monotonic() - start
    tap.ok("F05 ... within 10 s", took < 13, took)


def connect(port):
    try:
        return Peer(port, greeting=False)
    except OSError:
        return None


def deaf(tap, h, wrap):
    """H03: says much and reads nothing."""
    name = "H03 deaf client, " + ("TLS" if wrap else "in clear")
    h.configure(limits='errors = 1000 idle-timeout = "2s"', tls=h.tls)
    fresh(h, lambda p: "STARTTLS" in p.ehlo())
    before = memory(h)
    p = h.peer(small=4096)
    p.ehlo()
    if wrap:
        p.starttls()
        p.ehlo()
    p.s.settimeout(0.5)
    sent = 0
    used = cpu(h)
    try:
        while sent < 64 << 20:
            p.send("RCPT TO:<%s@example.com>\r\n" % ("x" * 60) * 500)
            sent += 40000
    except (OSError, Gone):
        pass
    grown = memory(h) - before
    tap.ok(name + ": not read on for ever", sent < 32 << 20, sent)
    tap.ok(name + ": memory is bounded", grown < 4096, "%d KiB" % grown)
    served(tap, h, name)
    before = cpu(h)
    start = time.monotonic()
    ended = until(lambda: "closed" if gone(p) else None, 15)
    took, busy = time.monotonic() - start, cpu(h) - before
    tap.ok(name + ": let go", ended, took, cpu(h) - used)
    tap.ok(name + ": no spinning meanwhile", busy < 0.5 + took / 10, busy, took)
    p.close()


def gone(p):
    """The kernel has no connection of ours that is established."""
    with open("/proc/net/tcp", encoding="latin-1") as f:
        mine = ":%04X" % p.s.getsockname()[1]
        return not any(line.split()[1].endswith(mine) and
                       line.split()[3] == "01" for line in f)


def foreign(tap, h):
    """D16, D17."""
    h.configure(limits="errors = 1000", listen={
        "lan": "", "proxied": 'address = "127.0.0.1:%d" '
        'proxies = { "127.0.0.1" }' % h.proxied})
    until(lambda: connect(h.proxied))
    for name, octets in (
            ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            ("HTTP POST", b"POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n"
             b"HELO x\r\nMAIL FROM:<a@b>\r\n"),
            ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"x" * 40),
            ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n")):
        p = h.peer()
        p.send(octets)
        said = p.said()
        tap.ok("D16 %s: one word, then closed" % name, len(said) == 1 and
               said[0][:3] == "421", said)
    p = Peer(h.proxied, greeting=False)
    p.send("PROXY TCP4 192.0.2.7 192.0.2.1 4321 25\r\nEHLO x\r\n"
           "MAIL FROM:<a@b.test>\r\n")
    said = p.said()
    tap.ok("D17 talks before the greeting: 554 and closed", len(said) == 1 and
           said[0].startswith("554 "), said)
    for text in ("HELO x\r\n", "PROXY TCP4 x y 1 2\r\n", "PROXY " + "x" * 200,
                 "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c"):
        p = Peer(h.proxied, greeting=False)
        p.send(text)
        tap.ok("D20 a proxy without its header: closed, %r" % text[:20],
               not any(s[:3] == "220" for s in p.said()))
    p = h.peer()
    p.send("x" * 3000 + "\r\n")
    tap.starts("D02 a line of 3000: 500", p.reply(), "500")
    tap.starts("D02 ... and goes on", p.ehlo(), "250")
    p.send("x" * 70000)
    tap.starts("D02 64 KiB without LF: 421", p.said()[-1], "421")


def endings(tap, h):
    """D22-D24: how a client goes."""
    h.clear()
    p = h.peer()
    p.ehlo()
    p.envelope("a@b.test", "d22@example.com")
    p.cmd("DATA")
    p.send("Subject: t\r\n\r\nx\r\n.\r\n")
    p.s.shutdown(socket.SHUT_WR)
    tap.eq("D22 half closed behind the dot", [s[:3] for s in p.said()],
           ["250"])
    tap.eq("D22 accepted", h.rcpts(), ["d22@example.com"])
    h.clear()
    p = h.peer()
    p.ehlo()
    p.envelope("a@b.test", "d23@example.com")
    p.cmd("DATA")
    p.send("Subject: t\r\n\r\nx\r\n.\r\n")
    p.reset()
    served(tap, h, "D23 gone before 250")
    tap.ok("D23 the whole message or none", until(
        lambda: "d23@example.com" in h.rcpts() or "none", 1))
    p = h.peer()
    p.ehlo()
    p.envelope("a@b.test", "d24@example.com")
    p.cmd("DATA")
    p.send("x" * 70 + "\r\n" * 200000)
    p.reset()
    tap.ok("D24 reset in DATA: nothing is left", until(
        lambda: os.listdir(h.path("spool/queue/tmp")) == []))
    tap.ok("D24 nothing is queued", "d24@example.com" not in h.rcpts())
    h.clear()


def killed(tap, h):
    """A worker dies; others go on, and it is replaced."""
    h.configure("workers = 2")
    before = h.mark()
    first = h.workers()
    os.kill(first[0], signal.SIGSTOP)  # or it would take them all
    peers = [h.peer() for _ in range(10)]
    os.kill(first[0], signal.SIGCONT)
    peers += [h.peer() for _ in range(10)]
    os.kill(first[0], signal.SIGKILL)
    tap.ok("a worker is killed: told", h.wait_log(
        "worker-died .*signal=9", before), h.logged())
    alive = 0
    for p in peers:
        try:
            alive += p.cmd("NOOP").startswith("250")
        except (Gone, OSError):
            pass
    served(tap, h, "a worker is killed")
    tap.ok("... the other's sessions live on", alive >= 10, alive)
    tap.ok("... and it is replaced", until(
        lambda: len(h.workers()) == 2 and first[0] not in h.workers()))
    h.configure("workers = 2", limits="per-client = 20")
    fresh(h, lambda p: p.ehlo())
    del peers
    # A worker that starts while a file is broken has the rules of the others.
    before = h.mark()
    h.write("domains", "nonsense\n")
    h.wait_log("old one stays", before)
    before = h.mark()
    for pid in h.workers():
        os.kill(pid, signal.SIGKILL)
    h.wait_log("worker-died", before)
    p = until(lambda: one_more(h))
    tap.starts("all killed while a file is broken: the old rules", p.mail(
        "a@b.test", "joe@example.com"), "250")
    h.write("domains", "example.com local default\n")


def one_more(h):
    try:
        p = h.peer()
        p.ehlo()
        return p
    except (Gone, OSError):
        return None


def descriptors(tap, h):
    """H04: none are left; no spinning, and it recovers."""
    h.stop()
    h.configure("workers = 1", limits="per-client = 1000")
    h.start(files=64)
    before = h.mark()
    crowd = []
    while not h.logged()[before:].count("cannot accept") and len(crowd) < 90:
        crowd.append(h.peer(greeting=False))
    tap.ok("H04 descriptors run out", h.wait_log("cannot accept: ", before),
           len(crowd))
    used = cpu(h)
    before = h.mark()
    h.wait_log("(?s)" + "cannot accept.*" * 4, before)
    tap.ok("H04 without spinning", cpu(h) - used < 0.2, cpu(h) - used)
    tap.ok("H04 those inside are served", crowd[0].reply()[:3] == "220" and
           crowd[0].ehlo()[:3] == "250")
    for p in crowd:
        p.close()
    served(tap, h, "H04 some left", 5)


def stopping(tap, h):
    """SIGTERM with a message half sent, and an idle session."""
    h.clear()
    p, idle = h.peer(), h.peer()
    for q in (p, idle):
        q.ehlo()
    p.envelope("a@b.test", "joe@example.com")
    p.cmd("DATA")
    p.send("Subject: t\r\n\r\nfirst half\r\n")
    h.process.send_signal(signal.SIGTERM)
    said = idle.said()
    tap.eq("SIGTERM: an idle session hears 421", [s[:9] for s in said],
           ["421 4.3.2"])
    tap.ok("SIGTERM: no new ones", until(lambda: connect(h.port) is None))
    p.send("second half\r\n.\r\n")
    said = p.said()
    tap.eq("SIGTERM: a message in DATA may end, then 421",
           [s[:3] for s in said], ["250", "421"])
    tap.eq("SIGTERM: and is whole", h.bodies(),
           [b"first half\r\nsecond half\r\n"])
    tap.eq("SIGTERM: then it ends", h.process.wait(20), 0)
    h.start()
    p = h.peer()
    p.ehlo()
    p.envelope("a@b.test", "joe@example.com")
    p.cmd("DATA")
    p.send("Subject: t\r\n\r\nfirst half\r\n")
    start = time.monotonic()
    h.process.send_signal(signal.SIGTERM)
    said = p.said()
    tap.ok("SIGTERM: one that never ends hears 421", len(said) == 1 and
           said[0].startswith("421 4.3.2"), said)
    tap.eq("SIGTERM: ... and it ends", h.process.wait(20), 0)
    tap.ok("SIGTERM: ... within 8 s", time.monotonic() - start < 8)
    h.start()


def main():
    build, scratch = arguments()
    tap = Tap()
    h = House(build, os.path.join(scratch, "a"))
    certificate(h, "one")
    h.tls = 'certificate = "%s" key = "%s"' % (h.path("one.crt"),
                                               h.path("one.key"))
    h.smtps, h.proxied = free_port(), free_port()
    h.configure()
    h.start()
    crowds(tap, h)
    slow(tap, h)
    handshakes(tap, h)
    deaf(tap, h, False)
    deaf(tap, h, True)
    foreign(tap, h)
    endings(tap, h)
    killed(tap, h)
    descriptors(tap, h)
    stopping(tap, h)
    h.end(tap)
    tap.done()


main()
