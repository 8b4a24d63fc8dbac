# SPDX-License-Identifier: ISC
"""What the shell cannot measure of an SMTP server.

    listener.py cpu PID            seconds used by PID and all below it
    listener.py pss PID            KiB, shared pages by their share
    listener.py idle PORT N [tls]  N sessions; "ready", then they stay until
                                   stdin ends
    listener.py large PORT N       messages of 10 MiB in one session: MiB/s;
                                   smtp-source is slower than some servers
    listener.py slow PORT N ROUNDS milliseconds of a whole new session, median
                                   and worst; then the same beside N clients
                                   that send an octet a second"""

import os
import select
import signal
import socket
import ssl
import statistics
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")


def processes():
    """pid -> (parent, ticks; those of children that ended included)"""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as f:
                field = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(name)] = int(field[1]), sum(map(int, field[11:15]))
    return found


def tree(root):
    found, members = processes(), {root}
    while True:
        more = {p for p, (parent, _) in found.items() if parent in members}
        if more <= members:
            return {p: found[p][1] for p in members if p in found}
        members |= more


def cpu(root):
    print("%.2f" % (sum(tree(int(root)).values()) / TICK))


def pss(root):
    total = 0
    for pid in tree(int(root)):
        with open("/proc/%d/smaps_rollup" % pid) as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("Pss:"))
    print(total)


def reply(s):
    got = b""
    while not got.endswith(b"\n") or got.splitlines()[-1][3:4] == b"-":
        more = s.recv(4096)
        if not more:
            raise ConnectionError("closed: %r" % got)
        got += more
    if got[:1] not in b"23":
        raise ConnectionError("refused: %r" % got)
    return got


def command(s, line):
    s.sendall(line.encode() + b"\r\n")
    return reply(s)


def connect(port):
    s = socket.create_connection(("127.0.0.1", int(port)), timeout=60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def begin(port, tls=None):
    s = connect(port)
    reply(s)
    command(s, "EHLO client.test")
    if tls:
        command(s, "STARTTLS")
        s = tls.wrap_socket(s)
        command(s, "EHLO client.test")
    return s


def idle(port, n, tls=""):
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    kept = [begin(port, context) for _ in range(int(n))]
    print("ready", flush=True)
    sys.stdin.read()
    del kept


def large(port, n):
    line = b"x" * 70 + b"\r\n"
    text = b"Subject: large\r\n\r\n" + line * ((10 << 20) // len(line) - 10)
    with begin(port) as s:
        start = time.monotonic()
        for _ in range(int(n)):
            command(s, "MAIL FROM:<sender@example.com>")
            command(s, "RCPT TO:<user@remote.test>")
            command(s, "DATA")
            s.sendall(text)
            command(s, ".")
    print("%.0f" % (int(n) * len(text) / 1048576 / (time.monotonic() - start)))


def whole(port):
    """A session from connect to the answer to QUIT, in ms."""
    start = time.monotonic()
    with begin(port) as s:
        command(s, "MAIL FROM:<sender@example.com>")
        command(s, "RCPT TO:<user@remote.test>")
        command(s, "QUIT")
    return 1000 * (time.monotonic() - start)


def tell(port, rounds, name):
    took = [whole(port) for _ in range(int(rounds))]
    print(name, "%.2f %.2f" % (statistics.median(took), max(took)), flush=True)


def drip(clients):
    """An octet of a NOOP each within a second, for ever."""
    text, at, poll = b"NOOP\r\n", 0, select.poll()
    by_fd = {s.fileno(): s for s in clients}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while True:
        begun = time.monotonic()
        for i, s in enumerate(clients):
            s.send(text[at:at + 1])
            if i % 20 == 0:
                time.sleep(0.005)
        at = (at + 1) % len(text)
        for fd, _ in poll.poll(0):
            by_fd[fd].recv(4096)
        time.sleep(max(0, 1 - time.monotonic() + begun))


def slow(port, n, rounds):
    tell(port, rounds, "alone")
    clients = [begin(port) for _ in range(int(n))]
    pid = os.fork()
    if pid == 0:
        drip(clients)
    tell(port, rounds, "crowd")
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


globals()[sys.argv[1]](*sys.argv[2:])
