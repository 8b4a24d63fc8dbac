#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""smuggling.py BUILD SCRATCH: no sequence of octets but CRLF . CRLF ends a
message, see 63-smuggling.sh.

Behind each false ending stands a second transaction, then the true ending:
then there is one message that holds it all, or none, and never two."""

import os

from dialog import (Gone, House, Peer, Tap, arguments, certificate, free_port,
                    until)

# Which are tried: E01-E13, and further ones that were found in the field
# (SEC Consult 2023, The-Login's and smtpsmug's lists).
ENDINGS = {
    "E01": "\n.\n", "E02": "\n.\r\n", "E03": "\r\n.\n", "E04": "\r.\r",
    "E05": "\r.\n", "E06": "\n.\r", "E07": "\r.\r\n", "E08": "\r\n.\r",
    "E09": "\r\n\0.\r\n", "E10": "\r\n.\0\r\n", "E11": "\r\r\n.\r\r\n",
    "E12": "\r\n.\r\r\n", "E13": "\r\r\n.\r\n",
    "more 1": "\n\n.\r\n", "more 2": "\r\n.\n\r\n", "more 3": "\n.\n\n",
    "more 4": "\r\n.\r\r", "more 5": "\r\r.\r\r\n", "more 6": "\0\n.\n",
    "more 7": "\n\0.\n", "more 8": "\n.\0\n", "more 9": "\r\0\n.\r\n",
    "more 10": "\r\n.\r\0\n", "more 11": "\r\n\x7f.\r\n",
    "more 12": "\r\n .\r\n", "more 13": "\r\n. \r\n", "more 14": "\r\n.\t\r\n",
    "more 15": "\x85.\x85", "more 16": "\x0b.\x0b", "more 17": "\x0c.\x0c",
    "more 18": "\r\n..\r\n", "more 19": "\n..\r\n", "more 20": "\r..\r\n",
    "more 21": "\n.\r\n.\n", "more 22": "\r\n\r.\r\n", "more 23": "\n\r.\r\n",
}
HARMLESS = ("more 11", "more 12", "more 13", "more 14", "more 15", "more 16",
            "more 17", "more 18")
SECOND = ("MAIL FROM:<evil@b.test>\r\nRCPT TO:<second@example.com>\r\n"
          "DATA\r\nSubject: second\r\n\r\nevil\r\n.\r\n")


def begin(port):
    p = Peer(port)
    p.ehlo()
    p.envelope("a@b.test", "first@example.com")
    p.cmd("DATA")
    return p


def rest(p):
    """All replies until QUIT is answered or it closes."""
    try:
        p.send("QUIT\r\n")
    except OSError:
        pass
    said = []
    try:
        while not said or not said[-1].startswith("221"):
            said.append(p.line())
    except (Gone, OSError):
        pass
    return said


def attack(tap, h, mode, port):
    for name, ending in ENDINGS.items():
        h.clear()
        p = begin(port)
        # What follows is the victim's text if the ending was none, so that
        # it holds no true ending but the last.
        inner = SECOND.replace("\r\n.\r\n", ending)
        p.send("Subject: first\r\n\r\nbody" + ending + inner +
               "\r\nend\r\n.\r\n")
        said = rest(p)
        taken = [line for line in said if "queued as" in line]
        rcpts = h.rcpts()
        good = (len(taken) <= 1 and len(h.messages()) == len(taken) and
                rcpts in ([], ["first@example.com"]))
        if name in HARMLESS:
            good = good and len(taken) == 1
        elif mode == "reject":
            good = good and not taken and said[0][0] == "5"
        tap.ok("%s %s, %s" % (name, repr(ending), mode), good, said, rcpts)


def true_endings(tap, h, mode, port):
    h.clear()
    p = begin(port)
    p.send("x\r\n")
    for piece in ("\r", "\n", ".", "\r", "\n"):
        p.send(piece)
    tap.starts("E14 the end in five packets, " + mode, p.reply(), "250 2.0.0")
    tap.eq("E14 ... one message", len(h.messages()), 1)
    cases = (("E15", "x\r\n..\r\n.\r\n", b"x\r\n.\r\n"),
             ("E15 at the start", "..\r\n.\r\n", b".\r\n"),
             ("E16 empty", ".\r\n", b""),
             ("a dot before text", ".x\r\n..y\r\n.\r\n", b"x\r\n.y\r\n"),
             ("E26 nothing but an empty line", "\r\n.\r\n", b""))
    for name, text, body in cases:
        h.clear()
        p.envelope("a@b.test", "first@example.com")
        p.cmd("DATA")
        p.send("\r\n" + text if body else text)
        tap.starts("%s, %s" % (name, mode), p.reply(), "250 2.0.0")
        tap.eq("... its body", h.bodies(), [body])
    wrong = []
    for size in [n + d for n in (256, 1024, 4096, 16384, 65536)
                 for d in range(-4, 5)]:
        h.clear()
        p.envelope("a@b.test", "first@example.com")
        p.cmd("DATA")
        text = "\r\n" + "x" * (size - 9) + "\r\n..a\r\n."
        p.send(text)
        p.send("\r\n")
        answer = p.reply()
        if not answer.startswith("250") or h.bodies() != [
                b"x" * (size - 9) + b"\r\n.a\r\n"]:
            wrong.append((size, answer))
    tap.eq("E17 dots at the edges of buffers, " + mode, wrong, [])


def policy(tap, h, strict, lenient):
    for name, text, wanted in (
            ("LF", "a\nb\r\n", b"a\r\nb\r\n"), ("CR", "a\rb\r\n", b"a\r\nb\r\n"),
            ("CR CR LF", "a\r\r\nb\r\n", b"a\r\nb\r\n"),
            ("LF CR", "a\n\rb\r\n", b"a\r\n\r\nb\r\n")):
        h.clear()
        p = begin(strict)
        p.send("\r\n" + text + ".\r\n")
        said = p.said()
        tap.eq("E20 bare %s, reject: refused and closed" % name,
               [s[:9] for s in said], ["550 5.6.0", "421 4.7.0"])
        tap.eq("... nothing queued", h.messages(), [])
        p = begin(lenient)
        p.send("\r\n" + text + ".\r\n")
        tap.starts("E20 bare %s, normalize" % name, p.reply(), "250 2.0.0")
        tap.eq("... made CRLF", h.bodies(), [wanted])
        tap.starts("... the session lives", p.cmd("NOOP"), "250")
    p = Peer(strict)
    p.send("EHLO x\n")
    tap.starts("D15 a command with LF, reject", p.reply(), "500")
    p.send("EHLO x\rNOOP\r\n")
    tap.starts("D15 a command with CR, reject", p.reply(), "500")
    p = Peer(lenient)
    p.send("EHLO x\n")
    tap.starts("D15 a command with LF, normalize", p.reply(), "250")
    p = begin(strict)
    h.clear()
    p.send("x\0y\r\n.\r\n")
    tap.starts("NUL in a message", p.reply(), "554 5.6.0")
    tap.eq("... nothing queued", h.messages(), [])


def refused_then(tap, h, port):
    """E18, D05, D06, E21: what follows a refused message."""
    h.configure("workers = 1", limits='message-size = "10K"', listen=h.two)
    until(lambda: "SIZE 10240" in Peer(port).ehlo())
    h.clear()
    p = begin(port)
    p.send("x" * 99 + "\r\n" * 8000 + ".\n" + SECOND.replace("\r\n.\r\n", "")
           + "\r\n.\r\n")
    said = rest(p)
    tap.ok("E18 oversize, then a false end and commands", len(said) <= 2 and
           said[0][:3] == "552" and not h.messages(), said, h.rcpts())
    p = begin(port)
    p.send("x" * 70 + "\r\n" * 8000 + ".\r\n")
    tap.starts("D05 oversize", p.reply(), "552")
    tap.starts("D05 then RCPT", p.cmd("RCPT TO:<a@example.com>"), "503")
    tap.starts("D05 then DATA", p.cmd("DATA"), "503")
    p = Peer(port)
    p.ehlo()
    p.envelope("a@b.test", "first@example.com")
    p.send("BDAT 44 LAST\r\nRSET\r\nMAIL FROM:<x@b.test>\r\n"
           "RCPT TO:<second@example.com>\r\nDATA\r\n")
    said = p.said()
    tap.eq("E21 BDAT: refused and closed", [s[:3] for s in said],
           ["502", "421"])
    tap.eq("E21 nothing queued", h.messages(), [])
    h.configure("workers = 1", listen=h.two)
    until(lambda: "SIZE 10485760" in Peer(port).ehlo())


PIPELINE = ("EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<u@remote.test>\r\n"
            "RCPT TO:<first@example.com>\r\nRCPT TO:<x\r\nDATA\r\n"
            "Subject: t\r\n\r\n..\r\nQUIT\r\n.\r\nRSET\r\nFOO\r\nMAIL FROM:<>"
            "\r\nDATA\r\nQUIT\r\n")


def pipelining(tap, h, port):
    """D18: the same replies, however it is cut."""
    def replies(cuts):
        h.clear()
        p = Peer(port)
        for piece in cuts:
            p.send(piece)
        said = p.said()
        return ([s.split(" as ")[0] for s in said], h.bodies())
    whole = replies([PIPELINE])
    tap.eq("D18 the replies", [s[:3] for s in whole[0] if s[3] == " "],
           ["250", "250", "550", "250", "501", "354", "250", "250", "500",
            "250", "503", "221"])
    tap.eq("D18 the message", whole[1], [b".\r\nQUIT\r\n"])
    tap.eq("D18 octet by octet", replies(PIPELINE), whole)
    differ = [n for n in range(1, len(PIPELINE), 7)
              if replies([PIPELINE[:n], PIPELINE[n:]]) != whole]
    tap.eq("D18 cut in two", differ, [])
    h.clear()
    p = Peer(port)
    p.ehlo()
    p.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<u@remote.test>\r\nDATA\r\n"
           "MAIL FROM:<x@b.test>\r\nQUIT\r\n")
    tap.eq("D18 DATA in vain in a pipeline: commands follow",
           [s[:3] for s in p.said()], ["250", "550", "503", "503", "221"])


def tls_end(tap, h):
    """E23: close_notify inside of DATA, then octets in clear."""
    certificate(h, "one")
    h.configure("workers = 1", tls='certificate = "%s" key = "%s"' % (
        h.path("one.crt"), h.path("one.key")))
    until(lambda: "STARTTLS" in h.peer().ehlo())
    h.clear()
    p = h.peer()
    p.ehlo()
    p.starttls()
    p.ehlo()
    p.envelope("a@b.test", "first@example.com")
    p.cmd("DATA")
    p.send("Subject: t\r\n\r\nx\r\n")
    p.s.setblocking(False)
    try:
        p.s.unwrap()
    except OSError:
        pass
    raw = p.s.detach()
    try:
        os.write(raw, b".\r\nMAIL FROM:<evil@b.test>\r\n")
    except OSError:
        pass
    os.close(raw)
    q = h.peer()
    q.ehlo()
    tap.starts("E23 close_notify inside of DATA: others go on",
               q.mail("a@b.test", "next@example.com"), "250")
    tap.eq("E23 nothing of it is queued", h.rcpts(), ["next@example.com"])


def main():
    build, scratch = arguments()
    tap = Tap()
    h = House(build, os.path.join(scratch, "a"))
    lenient = free_port()
    h.two = {"lan": "", "old": 'address = "127.0.0.1:%d" normalize = true'
             % lenient}
    h.configure("workers = 1", listen=h.two)
    h.start()
    for mode, port in (("reject", h.port), ("normalize", lenient)):
        attack(tap, h, mode, port)
        true_endings(tap, h, mode, port)
    policy(tap, h, h.port, lenient)
    refused_then(tap, h, h.port)
    pipelining(tap, h, h.port)
    tls_end(tap, h)
    h.end(tap)
    tap.done()


main()
