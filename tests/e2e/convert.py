#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Messages that some servers cannot take, and whether they arrived whole.

  convert.py make DIR [SEED]      DIR/NAME.eml, random ones and some by hand
  convert.py check DIR SAVED WHAT what a server saved (server.py --save)
                                  against DIR, by X-Unique; WHAT is "seven"
                                  (all must be ASCII) or "eight"
Compared by Python's email package: structure, decoded bodies, decoded
headers.  Python's standard library only.
"""
import base64
import email
import email.header
import os
import quopri
import random
import re
import sys

UMLAUTS = "Grüße aus Köln, 10 € für Zoë – ça va? Привет 漢字 "


def text(r, long_lines):
    lines = []
    for _ in range(r.randint(0, 12)):
        kind = r.randint(0, 9)
        if kind == 0:
            line = ""
        elif kind == 1:
            line = "." + "x" * r.randint(0, 3)
        elif kind == 2:
            line = "trailing blanks" + r.choice([" ", "\t", "  \t "])
        elif kind == 3 and long_lines:
            line = "".join(r.choice("ab =\té€.") for _ in
                           range(r.randint(900, 4000)))
        elif kind == 4:
            line = "a=3D b=C3 =" + r.choice(["", " ", "é"])
        elif kind == 5:
            line = "--" + r.choice(["", "x", "-- ", "boundary"])
        elif kind == 6:
            line = "From me to you"
        else:
            line = UMLAUTS * r.randint(1, 3)
        lines.append(line)
    return "\r\n".join(lines) + r.choice(["", "\r\n", "\r\n\r\n"])


def octets(r):
    """Anything in wire form: no NUL, CR and LF as pairs only."""
    out = bytes(r.choice([b for b in range(1, 256) if b not in (10, 13)])
                for _ in range(r.randint(0, 300)))
    if r.random() < 0.5:
        out += b"\r\n" + out[:50]
    return out


def leaf(r):
    kind = r.randint(0, 7)
    body = text(r, True)
    if kind <= 2:
        charset = r.choice(["utf-8", "utf-8", "iso-8859-15"])
        head = r.choice(["text/plain", "text/html"])
        return ("Content-Type: %s; charset=%s\r\n"
                "Content-Transfer-Encoding: %s\r\n\r\n" %
                (head, charset, r.choice(["8bit", "8BIT (so)", "binary"]))
                ).encode(), body.encode(charset, "replace")
    if kind == 3:  # nothing said
        return b"\r\n", body.encode()
    if kind == 4:
        return ("Content-Type: application/octet-stream;\r\n"
                " name=\"f\u00fc\u00df %d.bin\"\r\n"
                "Content-Disposition: attachment;\r\n"
                "\tfilename=\"f\u00fc\u00df %d.bin\"\r\n"
                "Content-Transfer-Encoding: %s\r\n\r\n" %
                (r.randint(0, 9), r.randint(0, 9),
                 r.choice(["8bit", "binary"]))).encode(), octets(r)
    if kind == 5:  # quoted-printable with stray octets and long lines
        good = quopri.encodestring(body.encode()).replace(b"\r\n", b"\n")
        good = good.replace(b"\n", b"\r\n")
        if r.random() < 0.5:
            good = good.replace(b"=C3=BC", "\u00fc".encode(), 1)
        else:
            good = good.replace(b"=\r\n", b"")
        return (b"Content-Type: text/plain; charset=utf-8\r\n"
                b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"), good
    if kind == 6:  # base64 on one line
        return (b"Content-Type: image/png\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n"
                ), base64.b64encode(octets(r) * 20) + b"\r\n"
    return b"Content-Type: text/plain\r\n\r\n", b"plain words\r\nand more\r\n"


def entity(r, depth, number):
    kind = r.random()
    if depth >= 4 or kind < 0.35:
        return leaf(r)
    if kind < 0.5:
        head, body = entity(r, depth + 1, number)
        inner = ("Subject: inner %s\r\nFrom: \"J\u00f6rg\" <j@x.test>\r\n"
                 % UMLAUTS[:r.randint(3, 12)]).encode()
        if b"Content-Type" in head:
            inner += b"MIME-Version: 1.0\r\n"
        return (b"Content-Type: message/rfc822\r\n"
                + r.choice([b"", b"Content-Transfer-Encoding: 8bit\r\n"])
                + b"\r\n"), inner + head + body
    number[0] += 1
    mark = "=_b%d_%s" % (number[0], r.choice(["", "x" * 40, "'()+_,-./:=?"]))
    head = ("Content-Type: multipart/%s;\r\n boundary=\"%s\"\r\n" %
            (r.choice(["mixed", "alternative", "related", "parallel"]), mark)
            + r.choice(["", "Content-Transfer-Encoding: 8bit\r\n"]) + "\r\n")
    body = r.choice([b"", b"This is MIME.\r\n"])
    for _ in range(r.randint(1, 4)):
        h, b = entity(r, depth + 1, number)
        body += b"--" + mark.encode() + r.choice([b"", b" \t"]) + b"\r\n"
        body += h + b + b"\r\n"
    body += b"--" + mark.encode() + b"--\r\n"
    return head.encode(), body + r.choice([b"", b"the end\r\n"])


def headers(r, name):
    out = "X-Unique: %s\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n" % name
    out += "Message-ID: <%s@example.com>\r\n" % name
    out += "From: %s\r\n" % r.choice([
        "Jos\u00e9 N\u00fa\u00f1ez <jose@example.com>",
        "\"N\u00fa\u00f1ez, Jos\u00e9\" <jose@example.com>",
        "plain@example.com (Jos\u00e9 \u2013 comment)",
        "Plain Name <jose@example.com>"])
    out += "To: %s\r\n" % r.choice([
        "a@x.test, \u00c4nne \u00d6 Last <b@x.test>,\r\n \"C\" <c@x.test>",
        "Gr\u00fcppe: a@x.test, b@x.test;",
        ", ".join("\"Number %d\" <n%d@x.test>" % (i, i) for i in range(99))])
    out += "Subject: %s\r\n" % r.choice([
        UMLAUTS.strip(), "plain", "long " + "word " * 500 + "end",
        "Re: " + UMLAUTS * 30 + "end", "x" * 3000])
    if r.random() < 0.3:
        out += "X-Note: %s\r\n" % (UMLAUTS + "\r\n " + UMLAUTS)
    return out


def make(directory, seed):
    for i in range(60):
        r = random.Random("%s %d" % (seed, i))
        name = "m%d" % i
        head, body = entity(r, 0, [0])
        top = headers(r, name).encode()
        if b"Content-Type" in head and r.random() < 0.8:
            top += b"MIME-Version: 1.0\r\n"
        wire = top + head + body
        if not wire.endswith(b"\r\n"):
            wire += b"\r\n"
        with open(os.path.join(directory, name + ".eml"), "wb") as f:
            f.write(wire)


def decoded(value):
    """A header as a reader sees it."""
    if isinstance(value, email.header.Header):
        value = str(value.encode("utf-8"))
    if value is None:
        return None
    parts = []
    for chunk, charset in email.header.decode_header(value):
        if isinstance(chunk, bytes):
            if charset in (None, "unknown-8bit"):
                charset = "utf-8"
            chunk = chunk.decode(charset, "surrogateescape")
        parts.append(chunk)
    return "".join("".join(parts).split())


def field(part, name):
    raw = dict((k.lower(), v) for k, v in part._headers).get(name)
    if raw is None:
        return None
    raw = raw.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    return decoded(raw.replace("\r\n", ""))


def addresses(part, name):
    """Quotes and comments are forms of a name."""
    value = field(part, name)
    return value and value.replace('"', "")


def filename(part):
    """Python's own loses octets above ASCII that nobody encoded."""
    raw = dict((k.lower(), v) for k, v in part._headers).get(
        "content-disposition", "")
    if not raw.isascii():
        raw = raw.encode("ascii", "surrogateescape").decode("utf-8")
        return re.search('filename="([^"]*)"', raw).group(1)
    return part.get_filename()


def lines(octets_):
    return octets_.replace(b"\r\n", b"\n")


def compare(name, a, b):
    wrong = []
    pa, pb = list(a.walk()), list(b.walk())
    if len(pa) != len(pb):
        return ["%s: %d parts became %d" % (name, len(pa), len(pb))]
    for i, (x, y) in enumerate(zip(pa, pb)):
        where = "%s part %d" % (name, i)
        if x.get_content_type() != y.get_content_type():
            wrong.append(where + ": type")
        if filename(x) != filename(y):
            wrong.append("%s: file name %r %r" %
                         (where, filename(x), filename(y)))
        for h in ("subject", "x-note"):
            if field(x, h) != field(y, h):
                wrong.append("%s: %s\n %r\n %r" %
                             (where, h, field(x, h), field(y, h)))
        for h in ("from", "to"):
            if addresses(x, h) != addresses(y, h):
                wrong.append("%s: %s\n %r\n %r" % (
                    where, h, addresses(x, h), addresses(y, h)))
        if not x.is_multipart():
            c, d = x.get_payload(decode=True), y.get_payload(decode=True)
            if lines(c) != lines(d):
                wrong.append("%s: body\n %r\n %r" % (where, c, d))
    return wrong


def check(directory, saved, what):
    wrong, seen, changed = [], set(), 0
    for f in sorted(os.listdir(saved)):
        if not f.endswith(".msg"):
            continue
        with open(os.path.join(saved, f), "rb") as g:
            stuffed = g.read()
        wire = b"".join(l[1:] if l.startswith(b".") else l
                        for l in stuffed.splitlines(True))
        if wire.endswith(b".\r\n") and stuffed.endswith(b"\r\n.\r\n"):
            wire = wire[:-3]
        got = email.message_from_bytes(wire)
        name = got["X-Unique"]
        seen.add(name)
        with open(os.path.join(directory, name + ".eml"), "rb") as g:
            original = g.read()
        changed += not wire.endswith(original[-200:])
        wrong += compare(name, email.message_from_bytes(original), got)
        for line in wire.split(b"\r\n"):
            if len(line) > 998:
                wrong.append(name + ": a line of %d octets" % len(line))
            if b"\r" in line or b"\n" in line:
                wrong.append(name + ": a bare CR or LF")
            if what == "seven" and not line.isascii():
                wrong.append(name + ": not ASCII: %r" % line[:80])
    want = {f[:-4] for f in os.listdir(directory) if f.endswith(".eml")}
    for name in sorted(want - seen):
        wrong.append(name + ": did not arrive")
    print("\n".join(wrong[:40]))
    print("%d messages, %d with another end" % (len(seen), changed))
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "1")
    else:
        sys.exit(check(*sys.argv[2:]))
