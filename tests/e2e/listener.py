#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""listener.py BUILD SCRATCH: what a single listener does (A1-A5, A33,
A40-A44, A48, A50, D19, R14), see 60-listener.sh."""

import os
import re
import signal
import subprocess

from dialog import Gone, House, Tap, arguments, certificate, fresh, until
from listener_secure import secure, unix_socket, users

TEXT = "Subject: t\r\nFrom: a@b.test\r\n\r\ntext\r\n"


def shipped(tap, h):
    """A1-A5 with what a fresh install has."""
    p = h.peer()
    tap.starts("greeting names the host", p.greeting, "220 mx.example.com ESMTP")
    p.cmd("HELO c")
    tap.eq("A1 HELO, remote", p.envelope("a@b.test", "u@remote.test")[1],
           "550 Unable to relay for u@remote.test")
    p.ehlo()
    tap.eq("A1 EHLO, remote", p.envelope("a@b.test", "u@remote.test")[1],
           "550 5.7.1 Unable to relay for u@remote.test")
    tap.starts("A2 then local", p.cmd("RCPT TO:<joe@example.com>"), "250 2.1.5")
    answer = p.data(TEXT)
    tap.ok("A2 DATA names the queue id",
           re.fullmatch("250 2.0.0 Ok: queued as [0-9a-z]{19}", answer), answer)
    tap.eq("A2 only the local one is queued", h.rcpts(), ["joe@example.com"])
    tap.starts("A2 the session goes on", p.cmd("NOOP"), "250")
    h.clear()
    for sender in ("x@other.test", "x", "", "x@example.com", "x@[127.0.0.1]"):
        p.cmd("RSET")
        tap.starts("A4 from <%s>" % sender,
                   p.envelope(sender, "u@remote.test")[1], "550 5.7.1 Unable")
    for rcpt in ("x%other.net", '"x@other.net"', "x%other.net@example.com"):
        p.cmd("RSET")
        tap.starts("A5 to <%s>" % rcpt, p.envelope("a@b.test", rcpt)[1], "550")
        tap.starts("A5 ... and no DATA", p.cmd("DATA"), "503")
    tap.eq("A5 nothing queued", h.messages(), [])
    tap.starts("QUIT", p.cmd("QUIT"), "221 2.0.0")
    tap.ok("... and closed", p.closed())


def queue_file(tap, h):
    """What a message is in the queue, to the octet."""
    h.clear()
    p = h.peer()
    p.ehlo("[127.0.0.1]")
    p.cmd("MAIL FROM:<a@b.test> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=QQ+3D")
    p.cmd("RCPT TO:<joe> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;joe@old.test")
    p.cmd("RCPT TO:<Jane@EXAMPLE.COM>")
    p.cmd("RCPT TO:<other@alias.test>")
    answer = p.data("Subject: \xfc\r\nFrom: a@b.test\r\n\r\n..\r\n..a\r\n\r\n")
    (envelope, text), = h.messages()
    got = dict((k, v) for k, v in envelope if k != "rcpt")
    tap.starts("source in the queue file", got["source"],
               "smtp relay=no ip=127.0.0.1 user=-")
    tap.eq("sender", got["from"], "a@b.test")
    tap.eq("ENVID is kept as it came", got.get("envid"), "QQ+3D")
    tap.eq("RET", got.get("ret"), "hdrs")
    tap.eq("A33 bare name completed; DSN wishes kept",
           [v for k, v in envelope if k == "rcpt"][0],
           "1 success,failure rfc822;joe@old.test joe@example.com")
    tap.eq("A33 alias and case", h.rcpts()[0], "Jane@EXAMPLE.COM")
    head, body = text.split(b"\r\n\r\n", 1)
    tap.eq("dots are unstuffed, the body is the same", body, b".\r\n.a\r\n\r\n")
    ident = answer.split()[-1]
    tap.ok("Received field", re.match(
        r"Received: from \[127\.0\.0\.1\] \(\[127\.0\.0\.1\]\)\r\n"
        r"\tby mx\.example\.com\r\n\twith ESMTP id %s;?\r\n" % ident,
        head.decode("latin-1")), head)
    tap.ok("fields that came are kept",
           b"Subject: \xfc\r\nFrom: a@b.test" in head, head)
    tap.ok("nothing is added for others' mail", b"\r\nTo:" not in head, head)
    h.clear()
    p.cmd("HELO old")
    p.mail("", "joe@example.com", TEXT)
    (envelope, text), = h.messages()
    tap.ok("D26 the second shares nothing; with SMTP", dict(envelope)["from"]
           in ("", "<>") and b"\twith SMTP id" in text
           and "envid" not in dict(envelope), envelope, text)
    h.clear()


def limits(tap, h):
    """A40, A42, D19."""
    h.configure(limits='message-size = "2M" recipients = 100 errors = 5')
    p = fresh(h, lambda p: "250-SIZE 2097152" in p.ehlo())
    tap.ok("A40 SIZE of EHLO", p)
    tap.starts("A40 MAIL SIZE=3M", p.cmd("MAIL FROM:<a@b.test> SIZE=3145728"),
               "552 5.3.4")
    p.envelope("a@b.test", "joe@example.com")
    tap.starts("A40 too large in DATA", p.data("x" * 70 + "\r\n" * 1100000),
               "552 5.3.4")
    tap.starts("A40 the session lives", p.mail("a@b.test", "joe@example.com"),
               "250 2.0.0")
    h.clear()
    replies = p.envelope("a@b.test", *("u%d@example.com" % n
                                       for n in range(101)))
    tap.eq("A40 100 recipients", [r[:3] for r in replies[1:101]], ["250"] * 100)
    tap.starts("A40 the 101st", replies[101], "452 4.5.3")
    tap.starts("D19 the first 100 go", p.data(TEXT), "250 2.0.0")
    tap.eq("D19 ... all of them", len(h.rcpts()), 100)
    h.clear()
    said = [p.cmd("FOO") for _ in range(5)]
    p.send("FOO\r\n")
    said += p.said()
    tap.eq("A42 D21 errors over the limit", [s[:3] for s in said],
           ["500"] * 6 + ["421"])
    p = h.peer()
    said = []
    try:
        for _ in range(200):
            said.append(p.cmd("NOOP"))
    except Gone:
        pass
    tap.ok("D03 NOOP for ever ends in 421", 100 <= len(said) <= 102 and
           said[-1].startswith("421"), len(said), said[-1])
    tap.ok("A50 bare HELO", h.peer().cmd("HELO").startswith("501"))
    p = h.peer()
    tap.eq("A50 the session lives", [p.cmd("HELO")[:3], p.cmd("HELO x")[:3]],
           ["501", "250"])


def session_limits(tap, h):
    """A42: session size, connections, per client, idle."""
    h.configure(limits='message-size = "10K" session-size = "12K"')
    p = fresh(h, lambda p: "250-SIZE 10240" in p.ehlo())
    tap.starts("A42 session-size: the first", p.mail(
        "a@b.test", "joe@example.com", "x" * 70 + "\r\n" * 4000), "250")
    p.envelope("a@b.test", "joe@example.com")
    tap.starts("A42 session-size: past it",
               p.data("x" * 70 + "\r\n" * 4000), "421 4.7.0")
    tap.ok("A42 ... and closed", p.closed())
    tap.eq("A42 ... only the first is there", len(h.messages()), 1)
    h.clear()

    h.configure(limits="connections = 3 per-client = 2")
    three = [p for p in (fresh(h, lambda p: p.greeting[:3] == "220")
                         for _ in range(2)) if p]
    until(lambda: h.peer().greeting.startswith("421"))
    tap.starts("A42 per-client", h.peer().greeting, "421 4.7.0")
    three.append(h.peer(source="127.0.0.2"))
    tap.starts("A42 another client", three[-1].greeting, "220")
    tap.starts("A42 connections", h.peer(source="127.0.0.3").greeting, "421")
    three.pop(0).close()
    tap.ok("A42 one left: another may come",
           until(lambda: h.peer().greeting.startswith("220")))
    for p in three:
        p.close()

    h.configure(limits='idle-timeout = "1s"')
    fresh(h, lambda p: p.ehlo() and True)
    p = until(lambda: idle(h))
    tap.ok("A42 idle: 421 4.4.2 and closed", p, p)


def idle(h):
    p = h.peer()
    p.s.settimeout(5)
    p.ehlo()
    try:
        said = p.said()
    except TimeoutError:
        return None
    return said and said[0].startswith("421 4.4.2") and said


def access(tap, h):
    """A43."""
    h.configure(access='default = deny except = { "127.0.0.1" }')
    until(lambda: h.peer(source="127.0.0.9").greeting.startswith("554"))
    p = h.peer(source="127.0.0.9")
    tap.starts("A43 denied at connect", p.greeting, "554 ")
    tap.ok("A43 no command runs", p.closed())
    tap.starts("A43 the listed one", h.peer().ehlo(), "250")
    h.configure(access='default = allow except = { "127.0.0.8/29" }')
    tap.ok("A43 the other way round",
           until(lambda: h.peer(source="127.0.0.9").greeting[:3] == "554" and
                 h.peer(source="127.0.0.16").greeting[:3] == "220"))


def disk(tap, h):
    """A48, A50."""
    h.write("spool/drop/old.eml", "x" * 2000)
    h.configure(drop='directory = "%s" quota = "1K"' % h.path("spool/drop"))
    p = h.peer()
    p.ehlo()
    answer = until(lambda: p.envelope("", "joe@example.com")[-1][:3] == "452"
                   or (p.cmd("RSET"), None)[1])
    p.cmd("RSET")
    tap.ok("A48 quota of the drop directory", answer)
    tap.starts("A48 452 4.2.2", p.envelope("", "joe@example.com")[-1],
               "452 4.2.2 Mailbox Full")
    os.unlink(h.path("spool/drop/old.eml"))
    tap.ok("A48 room again", until(
        lambda: p.cmd("RCPT TO:<joe@example.com>").startswith("250")))
    before = h.mark()
    h.configure(drop='directory = "%s"' % h.path("spool/pickup"))
    tap.ok("A48 Drop = Pickup is refused",
           h.wait_log(r"waypost\.conf:\d+: ", before), h.logged())


def low_disk(tap, h):
    """A50, I13, in a file system of 4 MiB that only this process sees."""
    small = House(h.build, h.path("small"))
    small.configure("workers = 1")
    if subprocess.run(["unshare", "-m", "true"], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        print("# A50 low disk: not without the right to mount")
        return
    small.start(before=["unshare", "-m", "sh", "-c", """
        mount -t tmpfs -o size=4m none "$1/spool/queue" &&
        mkdir "$1/spool/queue/tmp" "$1/spool/queue/new" || exit
        shift
        exec "$@\"""", "sh", small.root])
    p = small.peer()
    p.ehlo()
    tap.starts("A50 low disk", p.cmd("MAIL FROM:<>"), "452 4.3.1")
    small.configure("workers = 1", limits='message-size = "1M"')
    tap.ok("A50 room enough for smaller ones", until(
        lambda: p.cmd("MAIL FROM:<>").startswith("250")))
    ballast = "/proc/%d/root%s" % (small.process.pid,
                                   small.path("spool/queue/ballast"))
    with open(ballast, "wb") as f:
        f.write(bytes(3 << 20))

    def answers(start):
        fresh = small.peer()
        fresh.ehlo()
        said = fresh.cmd("MAIL FROM:<>")
        fresh.cmd("QUIT")
        return said.startswith(start)
    tap.ok("I13 free < 1.5 * size limit: 452 4.3.1",
           until(lambda: answers("452 4.3.1")))
    os.unlink(ballast)
    tap.ok("I13 250 again after space returned", until(lambda: answers("250")))
    small.end(tap)


def sockets(pid):
    links = ("/proc/%d/fd/%s" % (pid, n) for n in os.listdir("/proc/%d/fd" % pid))
    return sum(os.readlink(path).startswith("socket:") for path in links)


def together(h, pid):
    """Twenty clients at once, all of them by this worker?"""
    before = sockets(pid)
    peers = [h.peer() for _ in range(20)]
    return sockets(pid) - before == 20 and peers


def several_workers(tap, h):
    tap.eq("two workers", len(h.workers()), 2)
    first = h.workers()[0]
    tap.ok("one that has time takes all clients",
           until(lambda: together(h, first)))
    os.kill(first, signal.SIGSTOP)
    peers = [h.peer() for _ in range(20)]
    tap.ok("... one that has none leaves them to the other",
           all(p.greeting.startswith("220") for p in peers))
    os.kill(first, signal.SIGCONT)
    peers += [h.peer() for _ in range(20)]
    for p in peers:
        p.ehlo()
        p.envelope("a@b.test", "joe@example.com")
        p.send("DATA\r\n")
    for n, p in enumerate(peers):
        p.reply()
        p.send("Subject: %d\r\n\r\n%d\r\n.\r\n" % (n, n))
    ids = [p.reply().split()[-1] for p in peers]
    tap.eq("40 at once: all have ids of their own", len(set(ids)), 40)
    tap.eq("... and are in the queue", sorted(h.bodies()),
           sorted(b"%d\r\n" % n for n in range(40)))


def starting(tap, h):
    """M10 and the exit statuses of waypost-smtpd.8."""
    broken = House(h.build, h.path("broken"))
    broken.configure(relay="default = allow")
    tap.eq("allow without open-relay: 78", broken.run().wait(20), 78)
    tap.ok("... file:line", re.search(r"waypost\.conf:\d+: ", broken.logged()),
           broken.logged())
    broken.configure()
    broken.write("domains", "nonsense\n")
    tap.eq("M10 broken domains: 78", broken.run().wait(20), 78)
    tap.ok("... file:line", re.search(r"domains:1: ", broken.logged()),
           broken.logged())
    broken.write("domains", "")
    broken.port = h.port
    broken.configure()
    tap.eq("M04 port in use: 71", broken.run().wait(20), 71)


def main():
    build, scratch = arguments()
    tap = Tap()
    h = House(build, os.path.join(scratch, "a"))
    h.write("domains", "example.com local default\nalias.test alias\n"
            "remote.test remote route=mx\n")
    certificate(h, "one")
    h.configure()
    h.start()
    starting(tap, h)
    shipped(tap, h)
    queue_file(tap, h)
    limits(tap, h)
    session_limits(tap, h)
    access(tap, h)
    disk(tap, h)
    h.configure()
    fresh(h, lambda p: p.greeting.startswith("220"))
    low_disk(tap, h)
    secure(tap, h)
    users(tap, h)
    unix_socket(tap, h)
    h.clear()
    several_workers(tap, h)
    h.end(tap)
    tap.done()


main()
