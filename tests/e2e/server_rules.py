# SPDX-License-Identifier: ISC
"""The rules of server.py and what they can do to a connection."""
import os
import re
import socket
import ssl
import struct
import sys
import time


class Gone(Exception):
    """The connection is over."""


def unescape(text):
    def one(m):
        c = m.group(1)
        if c[0] == "x":
            return chr(int(c[1:], 16))
        return {"r": "\r", "n": "\n", "0": "\0", "t": "\t", "\\": "\\"}[c]
    return re.sub(r"\\(x[0-9A-Fa-f]{2}|[rn0t\\])", one, text).encode("latin-1")


class Rule:
    def __init__(self, text):
        m = re.fullmatch(r"([a-z]+)(?:#(\d+))?(?:@(\d+))?=(.*)", text, re.S)
        if not m:
            sys.exit("server.py: no rule: " + text)
        self.stage = m.group(1)
        self.nth = int(m.group(2) or 0)
        self.conn = int(m.group(3) or 0)
        self.actions = m.group(4).split(";")

    def fits(self, stage, nth, conn):
        return (self.stage == stage and self.nth in (0, nth) and
                self.conn in (0, conn))


class Actions:
    """The do_ methods are the words that an action may start with."""

    def do_sleep(self, seconds):
        time.sleep(float(seconds))

    def do_close(self, _):
        try:
            self.raw.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        raise Gone("by close")

    def do_shutdown(self, _):
        if self.secure:
            self.sock.unwrap()
        self.do_close(_)

    def do_bye(self, _):
        """close_notify, which ends this direction only; then FIN."""
        self.sock.setblocking(False)
        try:
            self.sock.unwrap()
        except (ssl.SSLError, OSError):
            pass
        raise Gone("by bye")

    def do_alert(self, _):
        """A fatal alert (handshake_failure) that no key protects."""
        os.write(self.sock.fileno(), b"\x15\x03\x03\x00\x02\x02\x28")
        raise Gone("by alert")

    def do_rst(self, _):
        s = self.sock if self.secure else self.raw
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        fd = s.detach()
        os.close(fd)
        raise Gone("by rst")

    def do_discard(self, _):
        while self.sock.recv(65536):
            pass
        raise Gone("by the client")

    do_hang = do_discard

    def do_drip(self, text):
        data = unescape(text)
        while True:
            for i in range(len(data)):
                self.sock.sendall(data[i:i + 1])
                time.sleep(0.2)

    def do_endless(self, text):
        while True:
            self.sock.sendall((text + "\r\n").encode("latin-1") * 100)

    def do_flood(self, _):
        while True:
            self.sock.sendall(b"2" * 65536)
