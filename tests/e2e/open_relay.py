#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""open_relay.py BUILD SCRATCH: an unlisted client tries to bring mail for
others, see 64-open-relay.sh.

l, our name; i, our address; y, a foreign domain; u, its user."""

import os

from dialog import House, Tap, arguments, plain, until, verifier

NAMES = {"l": "example.com", "i": "[127.0.0.1]", "y": "nmap.scanme.test",
         "u": "relaytest", "h": "mx.example.com", "z": "antispam.test"}

# The sixteen that nmap's smtp-open-relay tries, as (sender, recipient).
NMAP = [
    ("", "{u}@{y}"), ("{z}@{y}", "{u}@{y}"), ("{z}@{l}", "{u}@{y}"),
    ("{z}@{i}", "{u}@{y}"),
    ("{z}@{l}", "{u}%{y}@{i}"), ("{z}@{l}", "{u}%{y}@{l}"),
    ("{z}@{l}", '"{u}@{y}"'), ("{z}@{l}", '"{u}%{y}"'),
    ("{z}@{l}", "{u}@{y}@{i}"), ("{z}@{l}", '"{u}@{y}"@{i}'),
    ("{z}@{l}", "{u}@{y}@{l}"), ("{z}@{l}", "@{i}:{u}@{y}"),
    ("{z}@{l}", "@{l}:{u}@{y}"), ("{z}@{l}", "{y}!{u}"),
    ("{z}@{l}", "{y}!{u}@{i}"), ("{z}@{l}", "{y}!{u}@{l}"),
]

CASES = [
    ("G01", "u@{z}", "{u}@{y}"), ("G02", "", "{u}@{y}"),
    ("G03", "u@{l}", "{u}@{y}"), ("G04", "u@{i}", "{u}@{y}"),
    ("G05", "u@localhost", "{u}@{y}"), ("G06", "u", "{u}@{y}"),
    ("G07", "u@{l}", "{u}%{y}@{l}"), ("G08", "u@{l}", "{u}%{y}@{i}"),
    ("G09", "u@{l}", '"{u}@{y}"'), ("G10", "u@{l}", '"{u}%{y}"'),
    ("G11", "u@{l}", "{u}@{y}@{l}"), ("G12", "u@{l}", "{u}@{y}@{i}"),
    ("G13", "u@{l}", '"{u}@{y}"@{l}'), ("G14", "u@{l}", '"{u}@{y}"@{i}'),
    ("G15", "u@{l}", "@{l}:{u}@{y}"), ("G16", "u@{l}", "@{i}:{u}@{y}"),
    ("G17", "u@{l}", "{y}!{u}"), ("G18", "u@{l}", "{y}!{u}@{l}"),
    ("G19", "u@{l}", "{y}!{u}@{i}"), ("G20", "u@{l}", "@a.test,@b.test:{u}@{y}"),
    ("G15 ours twice", "u@{l}", "@{l}:@{l}:{u}@{y}"),
    ("quoted route", "u@{l}", '"@{l}:{u}@{y}"@{l}'),
    ("quoted bang", "u@{l}", '"{y}!{u}"@{l}'),
    ("escaped at", "u@{l}", '"{u}\\@{y}"@{l}'),
    ("bare percent", "u@{l}", "{u}%{y}"),
    ("double percent", "u@{l}", "{u}%{y}%{l}@{l}"),
    ("hostname", "u@{l}", "{u}@{h}.{y}"),
    ("G21 suffix", "u@{l}", "u@evilallowed.test"),
    ("G21 prefix", "u@{l}", "u@allowed.test.evil"),
    ("G21 inside", "u@{l}", "u@x.allowed.test"),
    ("G21 local suffix", "u@{l}", "u@evil{l}"),
    ("G21 local prefix", "u@{l}", "u@{l}.evil.test"),
    ("G21 NUL", "u@{l}", "u@allowed.test\0.evil"),
    ("G21 NUL, other way", "u@{l}", "u@evil.test\0.allowed.test"),
    ("G21 blank", "u@{l}", "u@evil.test allowed.test"),
    ("G21 comment", "u@{l}", "u@(allowed.test)evil.test"),
    ("G21 U-label", "u@{l}", "u@\xc3\xa4llowed.test"),
    ("G21 literal", "u@{l}", "u@[allowed.test]"),
    ("number", "u@{l}", "u@127.0.0.1"),
    ("decimal", "u@{l}", "u@[2130706433]"),
    ("mapped", "u@{l}", "u@[IPv6:::ffff:192.0.2.1]"),
]
# The domain with relay=yes, in its legal spellings.
ALLOWED = ("u@allowed.test", "u@ALLOWED.test", "u@Allowed.Test")


def expand(text):
    for key, value in NAMES.items():
        text = text.replace("{%s}" % key, value)
    return text


def attempt(tap, h, name, sender, rcpt, p=None):
    h.clear()
    if p is None:
        p = h.peer()
        p.ehlo()
    sender, rcpt = expand(sender), expand(rcpt)
    said = [p.cmd("MAIL FROM:<%s>" % sender)]
    said.append(p.cmd("RCPT TO:<%s>" % rcpt))
    code = said[-1][:3]
    said.append(p.cmd("DATA"))
    if said[-1].startswith("354"):
        said.append(p.cmd("Subject: relayed\r\n\r\n."))
    tap.ok("%s <%s> <%s>" % (name, sender, rcpt.replace("\0", "NUL")),
           code in ("550", "501", "553", "554") and said[2][0] == "5" and
           not h.messages(), said, h.rcpts())


def rights(tap, h):
    """What gives no right: G23, G24, G26, G27; RSET and EHLO: G25."""
    for name in ("localhost", "mx.example.com", "[127.0.0.1]", "trusted.test",
                 "allowed.test"):
        p = h.peer()
        p.ehlo(name)
        attempt(tap, h, "G23 EHLO " + name, "u@{l}", "{u}@{y}", p)
    h.clear()
    p = h.peer()
    p.ehlo()
    replies = p.envelope("a@b.test", "joe@example.com", "u@foreign.test",
                         "u@allowed.test")
    tap.eq("G24 one allowed, one denied", [r[:3] for r in replies],
           ["250", "250", "550", "250"])
    tap.starts("G24 DATA", p.data(
        "To: x@foreign.test\r\nCc: y@foreign.test\r\nBcc: z@foreign.test\r\n"
        "Resent-To: w@foreign.test\r\nX-Receiver: v@foreign.test\r\n\r\nt\r\n"),
               "250")
    tap.eq("G24 G26 only the allowed ones; the header adds none", h.rcpts(),
           ["joe@example.com", "u@allowed.test"])
    h.clear()
    for mail, rcpt in (
            ("AUTH=joe@example.com", ""), ("AUTH=<>", ""),
            ("", "ORCPT=rfc822;joe@example.com"), ("", "NOTIFY=NEVER")):
        p.cmd("RSET")
        p.cmd(("MAIL FROM:<a@example.com> " + mail).rstrip())
        tap.starts("G27 %s%s" % (mail, rcpt), p.cmd(
            ("RCPT TO:<u@foreign.test> " + rcpt).rstrip()), "550")
    p = h.peer()
    p.ehlo()
    p.cmd(plain("joe", "wrong"))
    tap.starts("G25 a failed login gives none", p.envelope(
        "joe@example.com", "u@foreign.test")[1], "550")
    p.cmd("RSET")
    tap.starts("G25 a right one does", p.cmd(plain("joe", "secret")), "235")
    tap.starts("G25 ...", p.envelope(
        "joe@example.com", "u@foreign.test")[1], "250")
    p.ehlo()
    tap.starts("G25 a second EHLO keeps it", p.envelope(
        "joe@example.com", "u@foreign.test")[1], "250")
    h.clear()


def impostors(tap, h):
    """D20: others' extensions do not change who is there."""
    for line in ("XCLIENT ADDR=127.0.0.2 NAME=trusted.test",
                 "XFORWARD ADDR=127.0.0.2", "XCLIENT LOGIN=joe",
                 "PROXY TCP4 127.0.0.2 127.0.0.1 1 25"):
        p = h.peer()
        p.ehlo()
        tap.starts("D20 " + line, p.cmd(line), "50")
        attempt(tap, h, "D20 then", "u@{l}", "{u}@{y}", p)
    p = h.peer(greeting=False)
    p.send(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x02\x7f\0\0\x01\0\x01"
           b"\0\x19EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u@foreign.test>\r\n"
           b"DATA\r\nx\r\n.\r\nQUIT\r\n")
    said = p.said()
    tap.ok("D20 PROXY v2 from who is no proxy", not any(
        "queued" in s for s in said) and not h.messages(), said)


def default_install(tap, h):
    """G28: what is shipped."""
    with open(os.path.join(os.path.dirname(__file__), "../../conf/waypost.conf"),
              encoding="utf-8") as f:
        text = f.read()
    tap.eq("G28 one listener, this host only", [
        line.strip() for line in text.splitlines() if
        line.strip().startswith("address")], ['address = "127.0.0.1:25"'])
    for old, new in (("127.0.0.1:25", "127.0.0.1:%d" % h.port),
                     ("/etc/waypost/domains", h.path("domains")),
                     ("/etc/aliases", h.path("aliases")),
                     ("/var/spool/waypost", h.path("spool"))):
        text = text.replace(old, new)
    h.write("waypost.conf", 'hostname = "shipped.example.com"\nusers = "%s"\n'
            % h.path("users") + text)
    until(lambda: "shipped" in h.peer().greeting)
    attempt(tap, h, "G28 shipped", "u@{l}", "{u}@{y}")


def bad_rules(tap, h):
    """G22: lists that say other than they seem to are no configuration."""
    for entry in ("10.0.0.0/33", "10.0.0.1/8", "0.0.0.0/0.0.0.0", "10.0.0",
                  "010.0.0.1", "fe80::1%eth0", "2001:db8::1/32", "*", "",
                  "*.corp.test", "::/129", "1.2.3.4/", "/8", "-1.0.0.0/8"):
        before = h.mark()
        h.configure(relay='except = { "%s" }' % entry)
        tap.ok("G22 except %r is told and not used" % entry, h.wait_log(
            r"waypost\.conf:\d+: .*(?s:.)*old one stays", before),
               h.logged()[before:])
    h.configure('hostname = "mapped.example.com"',
                relay='except = { "::ffff:127.0.0.5" }')
    until(lambda: "mapped" in h.peer().greeting)
    p = h.peer(source="127.0.0.5")
    p.ehlo()
    tap.starts("G22 ::ffff:127.0.0.5 is 127.0.0.5", p.envelope(
        "", "u@foreign.test")[1], "250")


def main():
    build, scratch = arguments()
    tap = Tap()
    h = House(build, os.path.join(scratch, "a"))
    h.write("domains", "example.com local default\n"
            "allowed.test remote route=mx relay=yes\n")
    h.write("users", verifier("joe", "secret"), 0o600)
    h.configure(relay='except = { "127.0.0.2" }', limits="errors = 1000",
                auth="plaintext-without-tls = true")
    h.start()
    for n, (sender, rcpt) in enumerate(NMAP):
        attempt(tap, h, "nmap %d" % (n + 1), sender, rcpt)
    for name, sender, rcpt in CASES:
        attempt(tap, h, name, sender, rcpt)
    for rcpt in ALLOWED:
        p = h.peer()
        p.ehlo()
        tap.starts("G21 allowed: " + rcpt, p.envelope("", rcpt)[1], "250")
    rights(tap, h)
    impostors(tap, h)
    default_install(tap, h)
    bad_rules(tap, h)
    h.clear()
    h.end(tap)
    tap.done()


main()
