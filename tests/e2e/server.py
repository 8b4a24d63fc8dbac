#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A scripted SMTP server for faults.  Python's standard library only.

  server.py [options] [RULE...]

It prints "READY PORT n" once it listens (port 0 = any free one), and serves
until it is killed, or with --exit-after N until N connections have ended.

Options
  --listen IP:PORT      default 127.0.0.1:0
  --log FILE            the dialogue: "1 < line" from the client, "1 > line"
                        to it, "1 = event"; 1 is the number of the connection
  --save DIR            each message: DIR/N.msg (what came between 354 and
                        the dot, octet by octet, still dot-stuffed) and
                        DIR/N.env (its MAIL and RCPT lines); N counts all
                        messages that ended in a dot, accepted or not.
                        DIR/N.dot has the code that the dot was answered
                        with, once a rule for it has run to its end
  --cert FILE --key FILE   PEM; offers STARTTLS
  --implicit-tls        TLS from the first octet
  --tls12               nothing newer than TLS 1.2
  --auth USER:SECRET    offers AUTH PLAIN LOGIN and checks
  --keywords A,B,C      instead of the usual EHLO keywords (may be empty)
  --tls-keywords A,B,C  the same, inside TLS
  --bytewise            every reply goes out one octet per packet
  --coalesce            all replies to what came in one read go out at once
  --lf-tolerant         LF.LF, CR.CR and mixtures end a message, too

A RULE is STAGE[#N][@C]=ACTION[;ACTION...]
  STAGE   greeting ehlo helo starttls tls auth mail rcpt data body dot rset
          quit noop unknown
  #N      the N-th of this stage: rcpt counts in its transaction, all
          others count in their connection; without it: all of them
  @C      on the C-th connection only
  The first rule that fits wins.  Stage "tls" is instead of the handshake,
  "body" as soon as octets of a body came (once per message).
  ACTION, one after another:
  250 2.1.0 Ok     a reply; \\n stands for CRLF
  raw:TEXT         octets as they are; \\r \\n \\0 \\t \\xHH understood
  ok               what it would have said without the rule
  sleep:SECONDS    read nothing, say nothing meanwhile
  close            FIN (inside TLS without close_notify)
  shutdown         close_notify, then FIN
  rst              RST
  hang             stay silent until the client closes
  drip:TEXT        one octet of TEXT each 0.2 s, over and over
  endless:TEXT     TEXT and CRLF for ever
  flood            one line without an end
  discard          read and forget until the client closes
Example: two recipients refused, then the connection lost at the dot:
  server.py --log l 'rcpt#2=550 5.1.1 who' 'rcpt#3=450 4.2.1 busy' dot=close
"""
import argparse
import base64
import os
import re
import socket
import ssl
import sys
import threading
import time

sys.dont_write_bytecode = True
from server_rules import Actions, Gone, Rule, unescape

USUAL = ["PIPELINING", "SIZE 104857600", "8BITMIME", "DSN",
         "ENHANCEDSTATUSCODES", "SMTPUTF8"]


class Server:
    def __init__(self, options):
        self.o = options
        self.rules = [Rule(r) for r in options.rules]
        self.lock = threading.Lock()
        self.connections = 0
        self.ended = 0
        self.messages = 0
        self.fired = 0  # rules that met a client
        self.listener = None
        self.logfile = open(options.log, "a", buffering=1,
                            encoding="latin-1") if options.log else None
        self.tls = None
        if options.cert:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if options.tls12:
                self.tls.maximum_version = ssl.TLSVersion.TLSv1_2
            self.tls.load_cert_chain(options.cert, options.key)

    def log(self, number, mark, text):
        if self.logfile:
            with self.lock:
                self.logfile.write("%d %s %s\n" % (
                    number, mark, text.replace("\r", "\\r")
                    .replace("\n", "\\n").replace("\0", "\\0")))

    def bind(self):
        """Listen; the port."""
        ip, port = self.o.listen.rsplit(":", 1)
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.listener = s = socket.socket(family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((ip.strip("[]"), int(port)))
        s.listen(1024)
        return s.getsockname()[1]

    def run(self):
        while True:
            c, _ = self.listener.accept()
            self.connections += 1
            threading.Thread(target=self.serve, args=(c, self.connections),
                             daemon=True).start()

    def serve(self, sock, number):
        session = Session(self, sock, number)
        self.log(number, "=", "connected")
        try:
            session.run()
        except (Gone, OSError, ssl.SSLError) as e:
            self.log(number, "=", "ended %s" % (e or type(e).__name__))
        session.close()
        with self.lock:
            self.ended += 1
            if self.o.exit_after and self.ended >= self.o.exit_after:
                os._exit(0)

    def save(self, envelope, raw):
        with self.lock:
            self.messages += 1
            n = self.messages
        if self.o.save:
            for name, data in ((".env", "\n".join(envelope) + "\n"),
                               (".msg", raw)):
                path = os.path.join(self.o.save, "%d%s" % (n, name))
                if isinstance(data, str):
                    data = data.encode("latin-1")
                self.put(path, data)
        return n

    def put(self, path, data):
        with open(path + ".tmp", "wb") as f:
            f.write(data)
        os.rename(path + ".tmp", path)


class Session(Actions):
    def __init__(self, server, sock, number):
        self.server, self.o, self.number = server, server.o, number
        self.raw = self.sock = sock  # sock: with TLS once there is some
        self.buf = bytearray()
        self.out = b""
        self.count = {}
        self.secure = False
        self.envelope = []
        self.rcpts = 0
        self.quit = False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # --- octets ---

    def log(self, mark, text):
        self.server.log(self.number, mark, text)

    def close(self):
        try:
            self.raw.close()
            self.sock.close()
        except OSError:
            pass

    def send(self, data):
        if self.o.bytewise:
            for i in range(len(data)):
                self.sock.sendall(data[i:i + 1])
                time.sleep(0.0005)
        else:
            self.sock.sendall(data)

    def flush(self):
        out, self.out = self.out, b""
        if out:
            self.send(out)

    def say(self, data):
        self.log(">", data.decode("latin-1").rstrip("\r\n"))
        if self.o.coalesce:
            self.out += data
        else:
            self.send(data)

    def fill(self):
        self.flush()
        data = self.sock.recv(65536)
        if not data:
            raise Gone("by the client")
        self.buf += data

    def line(self):
        while b"\n" not in self.buf:
            self.fill()
        end = self.buf.index(b"\n")
        line = bytes(self.buf[:end])
        del self.buf[:end + 1]
        if not line.endswith(b"\r"):
            self.log("=", "bare LF in a command")
        text = line.rstrip(b"\r").decode("latin-1")
        self.log("<", text)
        return text

    # --- rules ---

    def act(self, stage, usual):
        """Say what the rules or the usual say; the code that was said."""
        nth = self.count[stage] = self.count.get(stage, 0) + 1
        if stage == "rcpt":
            nth = self.rcpts
        for r in self.server.rules:
            if r.fits(stage, nth, self.number):
                self.server.fired += 1
                said = None
                for action in r.actions:
                    said = self.one(action, usual) or said
                return said or 0
        return self.one("ok", usual) or 0

    def ruled(self, stage):
        nth = self.count.get(stage, 0) + 1
        return any(r.fits(stage, nth, self.number)
                   for r in self.server.rules)

    def one(self, action, usual):
        word, _, rest = action.partition(":")
        if action == "ok":
            action = usual
            if not usual:
                return 0
        elif word == "raw":
            self.say(unescape(rest))
            return 0
        elif hasattr(self, "do_" + word):
            self.log("=", action)
            self.flush()
            getattr(self, "do_" + word)(rest)
            return 0
        text = action.replace("\\n", "\r\n") + "\r\n"
        self.say(text.encode("latin-1"))
        last = text.rstrip("\r\n").rsplit("\n", 1)[-1]
        return int(last[:3]) if last[:3].isdigit() else 0

    # --- SMTP ---

    def start_tls(self):
        if self.buf:
            self.log("=", "octets behind STARTTLS")
            self.buf.clear()
        if self.ruled("tls"):
            self.act("tls", "")
        self.sock = self.server.tls.wrap_socket(self.raw, server_side=True)
        self.secure = True
        self.log("=", "TLS %s %s" % (self.sock.version(),
                                     self.sock.cipher()[0]))

    def keywords(self):
        chosen = self.o.tls_keywords if self.secure else self.o.keywords
        if chosen is not None:
            return [k for k in chosen.split(",") if k]
        k = list(USUAL)
        if self.server.tls and not self.secure:
            k.append("STARTTLS")
        if self.o.auth:
            k.append("AUTH PLAIN LOGIN")
        return k

    def run(self):
        if self.o.implicit_tls:
            self.start_tls()
        self.act("greeting", "220 server.example ESMTP")
        while not self.quit:
            line = self.line()
            verb = line.split(" ", 1)[0].split(":", 1)[0].upper()
            f = getattr(self, "on_" + verb.lower(), None)
            if f is None:
                self.act("unknown", "500 5.5.2 what?")
            else:
                f(line)
        self.flush()

    def on_ehlo(self, line):
        lines = ["server.example"] + self.keywords()
        reply = "\\n".join("250%s%s" % (" " if i == len(lines) - 1 else "-", k)
                           for i, k in enumerate(lines))
        self.act("ehlo", reply)

    def on_helo(self, line):
        self.act("helo", "250 server.example")

    def on_starttls(self, line):
        usual = "220 2.0.0 go" if self.server.tls else "502 5.5.1 no"
        if self.act("starttls", usual) == 220:
            self.flush()
            self.start_tls()

    def on_auth(self, line):
        if self.ruled("auth"):
            self.act("auth", "")
            return
        words = line.split(" ")
        good = self.o.auth or ":"
        user, _, secret = good.partition(":")
        if words[1].upper() == "PLAIN":
            if len(words) < 3:
                self.say(b"334 \r\n")
                words.append(self.line())
            given = base64.b64decode(words[2]).split(b"\0")
            ok = given[1:] == [user.encode(), secret.encode()]
        elif words[1].upper() == "LOGIN":
            if len(words) < 3:
                self.say(b"334 VXNlcm5hbWU6\r\n")
                words.append(self.line())
            self.say(b"334 UGFzc3dvcmQ6\r\n")
            ok = (base64.b64decode(words[2]) == user.encode() and
                  base64.b64decode(self.line()) == secret.encode())
        else:
            self.act("auth", "504 5.5.4 no such mechanism")
            return
        ok = ok and self.o.auth is not None
        self.act("auth", "235 2.7.0 welcome" if ok else "535 5.7.8 no")

    def on_mail(self, line):
        code = self.act("mail", "250 2.1.0 Ok")
        self.mail_ok = 200 <= code < 300
        self.envelope = [line] if self.mail_ok else []
        self.rcpts = 0
        self.accepted = 0

    def on_rcpt(self, line):
        self.rcpts += 1
        usual = "250 2.1.5 Ok" if self.envelope else "503 5.5.1 MAIL first"
        if 200 <= self.act("rcpt", usual) < 300:
            self.accepted += 1
            self.envelope.append(line)

    def on_data(self, line):
        usual = "354 go"
        if not self.envelope:
            usual = "503 5.5.1 MAIL first"
        elif not self.accepted:
            usual = "554 5.5.1 no valid recipients"
        if self.act("data", usual) != 354:
            return
        self.flush()
        if self.ruled("body"):
            while not self.buf:
                self.fill()
            self.act("body", "")
        n = self.server.save(self.envelope, self.body())
        self.envelope = []
        code = self.act("dot", "250 2.0.0 Queued")
        if self.o.save:
            self.server.put(os.path.join(self.o.save, "%d.dot" % n),
                            b"%d\n" % code)

    def body(self):
        ends = re.compile(rb"(?:^|\r\n)\.\r\n")
        if self.o.lf_tolerant:
            ends = re.compile(rb"(?:^|[\r\n])\.[\r\n]+")
        seen = 0
        while True:
            m = ends.search(self.buf, max(0, seen - 4))
            if m:
                break
            seen = len(self.buf)
            self.fill()
        end = m.end()
        m = None  # it holds the buffer
        raw = bytes(self.buf[:end])
        del self.buf[:end]
        self.log("=", "body %d octets" % len(raw))
        return raw[:raw.rindex(b".")]

    def on_rset(self, line):
        self.envelope = []
        self.act("rset", "250 2.0.0 Ok")

    def on_noop(self, line):
        self.act("noop", "250 2.0.0 Ok")

    def on_quit(self, line):
        self.act("quit", "221 2.0.0 Bye")
        self.quit = True


def options(arguments):
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--listen", default="127.0.0.1:0")
    for name in ("log", "save", "cert", "key", "auth", "keywords",
                 "tls-keywords"):
        p.add_argument("--" + name)
    for name in ("implicit-tls", "tls12", "bytewise", "coalesce",
                 "lf-tolerant"):
        p.add_argument("--" + name, action="store_true")
    p.add_argument("--exit-after", type=int, default=0)
    p.add_argument("rules", nargs="*")
    return p.parse_args(arguments)


def main():
    server = Server(options(sys.argv[1:]))
    print("READY PORT %d" % server.bind(), flush=True)
    server.run()


if __name__ == "__main__":
    main()
