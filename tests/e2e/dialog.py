# SPDX-License-Identifier: ISC
"""SMTP dialogs with waypost-smtpd, octet by octet, and TAP.

Peer is a client that says exactly what it is told; House is a listener in a
place of its own, whose configuration is rewritten while it runs.  Nothing
here sleeps for luck: until() asks again until the answer is there."""

import ctypes
import os
import re
import resource
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../crash"))
import batch
from free_port import free_port  # for those who have all else from here

PATIENCE = 20  # seconds for what should come at once


class Gone(Exception):
    """The other side closed."""


class Tap:
    def __init__(self):
        self.count = self.failures = 0

    def ok(self, name, good, *said):
        self.count += 1
        self.failures += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, name),
              flush=True)
        if not good:
            for text in said:
                for line in str(text).splitlines()[-60:]:
                    print("#", line, flush=True)
        return good

    def eq(self, name, got, wanted):
        return self.ok(name, got == wanted, "got:    %r" % (got,),
                       "wanted: %r" % (wanted,))

    def starts(self, name, got, wanted):
        return self.ok(name, got.startswith(wanted), "got:    %r" % got,
                       "wanted: %r..." % wanted)

    def done(self):
        print("1..%d" % self.count)
        sys.exit(self.failures > 0)


def until(fn, seconds=PATIENCE):
    """The first true answer of fn; its last one when time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = fn()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.01)


class Peer:
    """A client.  Replies are text, their lines joined by LF."""

    def __init__(self, to, source=None, greeting=True, proxy=None, small=0):
        self.kept = b""
        if isinstance(to, str):
            self.s = socket.socket(socket.AF_UNIX)
            self.s.settimeout(PATIENCE)
            self.s.connect(to)
        else:
            to = ("127.0.0.1", to) if isinstance(to, int) else to
            self.s = socket.socket(
                socket.AF_INET6 if ":" in to[0] else socket.AF_INET)
            self.s.settimeout(PATIENCE)
            if small:
                self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, small)
            if source:
                self.s.bind((source, 0))
            self.s.connect(to)
            self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if proxy:
            self.send("PROXY TCP4 %s 192.0.2.1 4321 25\r\n" % proxy)
        self.greeting = self.reply() if greeting else ""

    def send(self, data):
        self.s.sendall(data.encode("latin-1")
                       if isinstance(data, str) else data)

    def line(self):
        while b"\n" not in self.kept:
            try:
                more = self.s.recv(65536)
            except (ConnectionError, ssl.SSLError) as e:
                raise Gone(str(e)) from e
            if not more:
                raise Gone("closed")
            self.kept += more
        line, self.kept = self.kept.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def cmd(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def ehlo(self, name="client.test"):
        return self.cmd("EHLO " + name)

    def said(self):
        """All that comes until it closes."""
        lines = []
        try:
            while True:
                lines.append(self.line())
        except Gone:
            return lines

    def closed(self):
        """Nothing more, and closed."""
        return self.said() == []

    def silent(self):
        """Has it said nothing so far?"""
        return not self.kept and not select.select([self.s], [], [], 0)[0]

    def envelope(self, sender, *rcpts):
        return [self.cmd("MAIL FROM:<%s>" % sender)] + [
            self.cmd("RCPT TO:<%s>" % r) for r in rcpts]

    def data(self, text):
        """DATA and the message; the last reply."""
        first = self.cmd("DATA")
        if not first.startswith("354"):
            return first
        self.send(text)
        self.send("\r\n.\r\n" if not text.endswith("\n") else ".\r\n")
        return self.reply()

    def mail(self, sender, rcpt, text="Subject: t\r\n\r\ntext\r\n"):
        replies = self.envelope(sender, rcpt)
        return replies[-1] if replies[-1][0] != "2" else self.data(text)

    def wrap(self, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        for name, value in options.items():
            setattr(context, name, value)
        self.s = context.wrap_socket(self.s)
        return self

    def starttls(self, **options):
        answer = self.cmd("STARTTLS")
        if answer.startswith("220"):
            self.wrap(**options)
        return answer

    def close(self):
        self.s.close()

    def reset(self):
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))
        self.s.close()


class House:
    """waypost-smtpd and all its files, below root."""

    def __init__(self, build, root):
        self.build, self.root = build, root
        for d in ("spool/queue/tmp", "spool/queue/new", "spool/pickup",
                  "spool/drop"):
            os.makedirs(os.path.join(root, d))
        self.conf, self.log = self.path("waypost.conf"), self.path("log")
        self.new = self.path("spool/queue/new")
        self.port = free_port()
        self.process, self.listeners, self.wanted = None, 0, 2
        self.write("aliases", "")
        self.write("domains", "example.com local default\n")

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text, mode=0o644):
        """As careful editors do: a new file takes the old one's place."""
        fresh = self.path(name + ".fresh")
        with open(fresh, "w", encoding="latin-1") as f:
            f.write(text)
        os.chmod(fresh, mode)
        os.rename(fresh, self.path(name))

    def configure(self, top="", listen=None, **sections):
        """listen: name -> body; other sections: their bodies."""
        settings = {"drop": 'directory = "%s"' % self.path("spool/drop"),
                    "pickup": 'directory = "%s"' % self.path("spool/pickup")}
        settings.update(sections)
        if "hostname" not in top:
            top += '\nhostname = "mx.example.com"\n'
        if "workers" not in top:
            top += "workers = 2\n"
        for name in ("aliases", "domains", "users", "spool"):
            top += '%s = "%s"\n' % (name, self.path(name))
        if listen is None:
            listen = {"lan": ""}
        self.listeners = len(listen)
        self.wanted = int(re.search(r"workers = (\d+)", top).group(1))
        for name, body in listen.items():
            if "address" not in body:
                body = 'address = "127.0.0.1:%d" ' % self.port + body
            top += 'listen "%s" { %s }\n' % (name, body)
        for name, body in settings.items():
            top += "%s { %s }\n" % (name.replace("_", "-"), body)
        self.write("waypost.conf", top)

    def run(self, files=None, before=()):
        """before: a command that runs it."""
        def limit():
            # It ends with us, however we end.
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                list(before) + [self.build + "/waypost-smtpd", "-C", self.conf],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=limit)

    def start(self, **options):
        before = self.mark()
        self.process = self.run(**options)
        self.wait_log("(?s)" + "listening .*" * self.listeners, before)
        until(lambda: len(self.workers()) == self.wanted)
        return self

    def logged(self):
        with open(self.log, encoding="latin-1") as f:
            return f.read()

    def wait_log(self, pattern, start=0):
        """The first match behind start; None in vain."""
        return until(lambda: re.search(pattern, self.logged()[start:]) or
                     (self.process.poll() is not None and "over"))

    def mark(self):
        return len(self.logged()) if os.path.exists(self.log) else 0

    def workers(self):
        pid = self.process.pid
        try:
            with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
                return sorted(int(n) for n in f.read().split())
        except OSError:
            return []

    def peer(self, **options):
        return Peer(self.port, **options)

    def messages(self):
        """Of the queue: envelope as a list of pairs, and the text."""
        return [([tuple(line.split(": ", 1)) for line in
                  envelope.decode("latin-1").splitlines()], text)
                for envelope, text in batch.read_all(self.new)]

    def clear(self):
        for name in os.listdir(self.new):
            os.unlink(os.path.join(self.new, name))

    def rcpts(self):
        """Of all messages, sorted."""
        return sorted(value.split(" ", 3)[3] for e, _ in self.messages()
                      for key, value in e if key == "rcpt")

    def bodies(self):
        return [text.split(b"\r\n\r\n", 1)[1] for _, text in self.messages()]

    def stop(self):
        """SIGTERM; what the program returned."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "did not stop"

    def end(self, tap):
        """Stop it, and look for what should never be in a log."""
        tap.eq("it stops with 0", self.stop(), 0)
        said = [line for line in self.logged().splitlines()
                if re.search("Sanitizer|runtime error|Assertion", line)]
        tap.eq("no fault of memory in the log", said[:10], [])
        for name in os.listdir(self.path("spool/queue/tmp")):
            with open(self.path("spool/queue/tmp/" + name), "rb") as f:
                print("#", f.read(2000))
        tap.eq("nothing half-made is left",
               os.listdir(self.path("spool/queue/tmp")), [])


def fresh(h, good):
    """A new session for which good is true, soon; else None."""
    def one():
        try:
            p = h.peer()
            return p if good(p) else p.close()
        except Gone:
            return None
    return until(one)


def certificate(house, name, host="mx.example.com"):
    """A self-signed one, and its key; both in NAME.crt and NAME.key."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
         "/CN=" + host, "-addext", "subjectAltName=DNS:" + host, "-keyout",
         house.path(name + ".key"), "-out", house.path(name + ".crt")],
        check=True, stderr=subprocess.DEVNULL)


def verifier(name, password, senders="", iterations=4096, salt=b"0123456789ab"):
    """A line of the users file, made without waypost's own code."""
    import base64
    import hashlib
    import hmac
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)

    def key(word):
        return hmac.new(salted, word, hashlib.sha256).digest()
    stored = hashlib.sha256(key(b"Client Key")).digest()
    return "%s:SCRAM-SHA-256$%d:%s$%s:%s%s\n" % (
        name, iterations, *(base64.b64encode(x).decode() for x in
                            (salt, stored, key(b"Server Key"))),
        ":" + senders if senders else "")


def plain(name, password):
    import base64
    return "AUTH PLAIN " + base64.b64encode(
        ("\0%s\0%s" % (name, password)).encode()).decode()


def arguments():
    """BUILD and a scratch directory."""
    return sys.argv[1], sys.argv[2]
