#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""sockets.py BUILD SCRATCH: noise on every socket, see 82-sockets.sh."""

import os
import random
import socket
import struct
import subprocess
import sys

from dialog import (Gone, House, Peer, Tap, arguments, certificate, free_port,
                    until, verifier)

CONNECTIONS = 10000
AT_ONCE = 100


def connect(to):
    if isinstance(to, str):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(to)
        return s
    return socket.create_connection(("127.0.0.1", to), 20)


def pour(s, data):
    """All of it, as far as the other side takes it; what it says is read to
    the end."""
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    except OSError:
        pass  # it closed before we did


def noises():
    """(name, octets): as D, F and N10 of HAZARDS.md have them."""
    dice = random.Random(20261124)
    for n in range(20):
        yield "random %d" % n, dice.randbytes(dice.randrange(1, 100000))
    yield "zeros", bytes(1 << 20)
    yield "a line without an end", b"A" * (4 << 20)
    yield "half a command", b"EHLO cli"
    yield "half a letter", (b"EHLO x\r\nMAIL FROM:<>\r\n"
                            b"RCPT TO:<joe@example.com>\r\nDATA\r\nSubj")
    yield "a huge SIZE", (b"EHLO x\r\nMAIL FROM:<> SIZE=" + b"9" * 60 +
                          b"\r\nQUIT\r\n")
    yield "a huge BDAT", (b"EHLO x\r\nMAIL FROM:<>\r\n"
                          b"RCPT TO:<joe@example.com>\r\n"
                          b"BDAT 18446744073709551615 LAST\r\n")
    yield "a huge AUTH", b"EHLO x\r\nAUTH PLAIN " + b"A" * (1 << 20) + b"\r\n"
    yield "a record of TLS that never ends", (b"EHLO x\r\nSTARTTLS\r\n"
                                              b"\x16\x03\x01\xff\xff\x01")
    yield "TLS without STARTTLS", b"\x16\x03\x01\xff\xff" + dice.randbytes(9000)
    yield "half a PROXY header", b"PROXY TCP4 192.0.2.1 192"
    yield "a PROXY header of version 2 and 65535 octets", (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + bytes(100))
    yield "HTTP without an end", b"GET / HTTP/1.1\r\nX: " + b"y" * (2 << 20)
    yield "HTTP with a huge body", (b"POST / HTTP/1.1\r\nHost: x\r\n"
                                    b"Content-Length: 99999999999999999999\r\n"
                                    b"\r\nbody")
    yield "HTTP in a negative chunk", (b"POST / HTTP/1.1\r\nHost: x\r\n"
                                       b"Transfer-Encoding: chunked\r\n\r\n"
                                       b"-1\r\nx\r\nffffffffffffffff\r\n")


def many(to):
    """Ten thousand, most of which leave without a word, some by RST."""
    crowd = []
    for n in range(CONNECTIONS):
        try:
            crowd.append(connect(to))
        except OSError:
            pass  # its backlog is full: that is an answer, too
        if len(crowd) >= AT_ONCE or n == CONNECTIONS - 1:
            for i, s in enumerate(crowd):
                if i % 3 == 0 and not isinstance(to, str):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
                s.close()
            crowd = []


def mail(to, **options):
    try:
        p = Peer(to, **options)
        p.ehlo()
        said = p.mail("a@example.com", "joe@example.com")
        p.cmd("QUIT")
        return said.startswith("250")
    except (Gone, OSError):
        return False


def page(port):
    try:
        with connect(port) as s:
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                      b"Connection: close\r\n\r\n")
            text = b""
            while more := s.recv(65536):
                text += more
            return text.startswith(b"HTTP/1.1 200") and b"waypost_" in text
    except OSError:
        return False


def storm(tap, name, to, serves, processes):
    before = processes()
    for noise, data in noises():
        with connect(to) as s:
            if noise.startswith("half"):
                s.sendall(data)  # and it stays there
            else:
                pour(s, data)
            tap.ok("N10 %s: up after %s" % (name, noise),
                   until(lambda: serves(to)) and processes() == before)
    many(to)
    tap.ok("N10 %s: up after %d connections" % (name, CONNECTIONS),
           until(lambda: serves(to)))
    tap.eq("N10 %s: the same processes" % name, processes(), before)


def claims(tap, h, path):
    """N11: who asks is what the kernel says, whatever he says himself."""
    uid = 54321
    os.chmod(h.root, 0o755)
    os.chmod(os.path.dirname(h.root), 0o755)
    h.clear()
    script = """
import smtplib, socket, sys
class Unix(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        return s
s = Unix("uid-0.example.com", 25, "root (uid 0)".replace(" ", "-"))
s.ehlo("uid-0.example.com")
said = [s.docmd(line)[0] for line in (
    "XCLIENT ADDR=127.0.0.1 LOGIN=root", "XFORWARD SOURCE=LOCAL",
    "AUTH EXTERNAL cm9vdA==", "PROXY UNKNOWN")]
assert all(code >= 500 for code in said), said
s.docmd("MAIL FROM:<root@example.com> AUTH=root@example.com")
s.docmd("RCPT TO:<joe@example.com>")
code, text = s.data(b"Received: from x (uid 0) by y; now\\r\\n"
    b"X-Source: socket uid=0\\r\\nsource: socket uid=0\\r\\n\\r\\nuid=0\\r\\n")
assert code == 250, text
s.quit()
"""
    done = subprocess.run(
        ["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups",
         sys.executable, "-c", script, path], check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.eq("N11 a user who says that he is root", done.returncode, 0)
    print("".join("# %s\n" % line for line in
                  done.stdout.decode().splitlines()), end="")
    (envelope, text), = h.messages()
    tap.eq("N11 ... is who the kernel says",
           [value for key, value in envelope if key == "source"],
           ["socket uid=%d" % uid])
    tap.ok("N11 ... in Received, too",
           b"(uid %d)" % uid in text.split(b"\r\n\tby ", 1)[0], text)


def main():
    build, scratch = arguments()
    tap = Tap()
    h = House(build, os.path.join(scratch, "house"))
    path = h.path("smtp.sock")
    certificate(h, "tls")
    h.write("users", verifier("joe", "secret"), 0o600)
    behind = free_port()
    h.configure(
        listen={"lan": "tls = starttls", "local": 'address = "%s"' % path,
                "behind": 'address = "127.0.0.1:%d" proxies = '
                          '{ "127.0.0.1" }' % behind},
        tls='certificate = "%s" key = "%s"' % (h.path("tls.crt"),
                                               h.path("tls.key")),
        limits='per-client = 100000 idle-timeout = "2s" errors = 1000')
    h.start()

    def listener():
        return [h.process.pid, *h.workers()]

    def proxied(to):
        return mail(to, proxy="127.0.0.1")
    for name, to, serves in (("TCP", h.port, mail),
                             ("the unix socket", path, mail),
                             ("behind a proxy", behind, proxied)):
        storm(tap, name, to, serves, listener)
        h.clear()
    if os.getuid() == 0:
        claims(tap, h, path)
    port = free_port()
    with open(h.path("serve.log"), "wb") as log, subprocess.Popen(
            [build + "/waypost", "-C", h.conf, "serve", "--listen",
             "127.0.0.1:%d" % port], stdout=log, stderr=log) as serve:
        until(lambda: page(port))
        storm(tap, "waypost serve", port, page, lambda: serve.poll())
        serve.terminate()
        tap.eq("waypost serve ends with 0", serve.wait(20), 0)
    h.end(tap)
    tap.done()


main()
