#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The fault matrix of HAZARDS K: 13 stages of a session by 9 faults, a server
and a message for each cell, all of them at once against one waypostd.

  matrix.py BUILD WORK

A line of TAP for each cell says that the fault was met, how the attempt was
judged, and that once the fault is over the message is there whole, once (or
reported, once): INV1 to INV5.  Twice is right only where the server had the
final dot and its answer was not a plain 250 (INV3)."""
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import server
from server_rules import Rule

BUILD, WORK = sys.argv[1:3]
HERE = os.path.dirname(os.path.abspath(__file__))
SPOOL = os.path.join(WORK, "a", "spool")
CONF = os.path.join(WORK, "a", "waypost.conf")
LOG = os.path.join(WORK, "carrier.log")
PATIENCE = 60  # seconds; only a test that fails waits so long
CALM = 16 << 10  # KiB that all hostile sessions may add; seen: 4100

PLAIN, TLS, LOGIN = ("tls=none", "tls=require",
                     "tls=require user=u secret-file=%s/secret" % WORK)
STAGES = {  # what the way asks for, and the server's stage
    "ehlo-for-tls": (TLS, "ehlo"),
    "ehlo-for-auth": (LOGIN, "ehlo#2"),
    "greeting": (PLAIN, "greeting"),
    "ehlo": (PLAIN, "ehlo"),
    "helo": (PLAIN, "helo"),
    "starttls": (TLS, "starttls"),
    "handshake": (TLS, "tls"),
    "ehlo-in-tls": (TLS, "ehlo#2"),
    "auth": (LOGIN, "auth"),
    "mail": (PLAIN, "mail"),
    "rcpt": (PLAIN, "rcpt"),
    "data": (PLAIN, "data"),
    "body": (PLAIN, "body"),
    "dot": (PLAIN, "dot"),
    "quit": (PLAIN, "quit"),
}
FAULTS = {
    "close": "close",
    "rst": "rst",
    "hang": "hang",
    "drip": "drip:2",
    "421": "421 4.3.2 closing;close",
    "4xx": "450 4.3.0 not now",
    "5xx": "554 5.7.0 never",
    "garbage": "raw:\\x16\\0\\xffHTTP/1.0 what\\x1b[31m\\r\\n",
    "endless": "endless:250-x",
}
NEVER = {(stage, "5xx") for stage in ("mail", "rcpt", "data", "body", "dot")}
# K04: HELO serves as well where nothing of EHLO is needed (any more).
DONE = {("quit", fault) for fault in FAULTS} | {
    (stage, fault) for stage in ("ehlo", "ehlo-in-tls")
    for fault in ("4xx", "5xx")}
EXTRA = {  # stage: faults
    "ehlo-for-tls": ("4xx", "5xx"),
    "ehlo-for-auth": ("4xx", "5xx"),
}


class Cell:
    def __init__(self, stage, fault):
        self.stage, self.fault = stage, fault
        self.name = "%s-%s" % (stage, fault)
        self.saved = os.path.join(WORK, "saved", self.name)
        self.want = ("done" if (stage, fault) in DONE else
                     "never" if (stage, fault) in NEVER else "later")
        self.rules = [Rule("%s=%s" % (STAGES[stage][1], self.action()))] \
            if stage in STAGES else []
        if stage == "helo":
            self.rules.append(Rule("ehlo=502 5.5.1 what"))
        self.server = self.listen()

    def action(self):
        action = FAULTS[self.fault]
        if self.stage == "body":
            # Nothing behind such an answer may look like a second one.
            if self.fault == "hang":
                return "sleep:3600;rst"
            if self.fault in ("4xx", "5xx", "garbage"):
                return action + ";discard"
        return action

    def listen(self):
        os.makedirs(self.saved)
        arguments = ["--save", self.saved, "--log", self.saved + ".dialogue"]
        way = STAGES.get(self.stage, (PLAIN,))[0]
        if way != PLAIN:
            arguments += ["--cert", os.path.join(WORK, "s.crt"),
                          "--key", os.path.join(WORK, "s.key")]
        if way == LOGIN:
            arguments += ["--auth", "u:right"]
        one = server.Server(server.options(arguments))
        self.entry = "%s.test remote host=[127.0.0.1]:%d %s\n" % (
            self.name, one.bind(), way)
        threading.Thread(target=one.run, daemon=True).start()
        return one

    def arm(self):
        self.server.rules, self.server.fired = self.rules, 0

    def heal(self):
        self.server.rules = []

    def clear(self):
        shutil.rmtree(self.saved)
        os.makedirs(self.saved)

    def message(self):
        unique = self.name.encode()
        lines = 100 if self.stage != "body" else 5000
        if (self.stage, self.fault) == ("body", "hang"):
            lines = 100000  # more than the kernel takes of it
        return (b"From: me@example.com\r\nTo: r@x.test\r\n"
                b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
                b"Message-ID: <%s@example.com>\r\nX-Unique: %s.\r\n\r\n"
                b".\r\n..a\r\n%sthe end of %s\r\n" % (
                    unique, unique, b"." + b"y" * 70 + b"\r\n" +
                    b"x" * 74 + b"\r\n" * lines, unique)
                ).replace(b"\r\n", b"\n")

    def broken(self):
        """What the server has and should not: parts, or foreign octets."""
        body = self.message().partition(b"\n\n")[2]
        wire = re.sub(rb"^\.", b"..", body, flags=re.M).replace(b"\n", b"\r\n")
        faults = []
        for name in os.listdir(self.saved):
            if name.endswith(".msg"):
                with open(os.path.join(self.saved, name), "rb") as file:
                    raw = file.read()
                if raw.partition(b"\r\n\r\n")[2] != wire:
                    faults.append("%s is not what was sent" % name)
        return faults


class Tap:
    count = failed = 0

    def result(self, name, faults):
        self.count += 1
        self.failed += bool(faults)
        print("%sok %d - %s" % ("not " if faults else "", self.count, name))
        for fault in faults[:10]:
            print("# " + fault.replace("\n", "\n#   "), flush=True)

    def done(self):
        print("1..%d" % self.count)
        sys.exit(self.failed > 0)


def within(what, test):
    """Wait for an event; what did not come is a fault."""
    end = time.monotonic() + PATIENCE
    while not test():
        if time.monotonic() > end:
            return ["%s: not within %d s" % (what, PATIENCE)]
        time.sleep(0.02)
    return []


def place(cells, timeout):
    shutil.rmtree(os.path.join(WORK, "a"), ignore_errors=True)
    for folder in ("queue/tmp", "queue/new", "pickup", "drop"):
        os.makedirs(os.path.join(SPOOL, folder))
    open(LOG, "w").close()
    with open(os.path.join(WORK, "a", "domains"), "w") as file:
        file.write("example.com local default\n")
        file.writelines(cell.entry for cell in cells)
    with open(CONF, "w") as file:
        file.write("""hostname = "a.example.com"
            domains = "%s/a/domains"
            aliases = "/dev/null"
            spool = "%s"
            limits { message-size = "20M" }
            outbound { connections = 200
                connect-timeout = "%s" timeout = "%s" }
            queue { retry = { "1h" } }\n""" % (WORK, SPOOL, timeout, timeout))
    for cell in cells:
        cell.clear()


def post(cell, to="r"):
    subprocess.run(
        [os.path.join(BUILD, "sendmail"), "-C", CONF, "-oi", "-f",
         "me@example.com", "%s@%s.test" % (to, cell.name)],
        input=cell.message(), check=True, stderr=subprocess.DEVNULL)


def carrier(*arguments):
    with open(LOG, "a") as log:
        child = subprocess.Popen(
            [os.path.join(BUILD, "waypostd"), "-C", CONF] + list(arguments),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return child


def log():
    with open(LOG, encoding="latin-1") as file:
        return file.read()


def status(child, key):
    with open("/proc/%d/status" % child.pid) as file:
        return int(re.search(r"^%s:\s+(\d+)" % key, file.read(), re.M)[1])


def descriptors(child):
    return len(os.listdir("/proc/%d/fd" % child.pid))


def fates(cells):
    """By cell, what tally.py says: {"sent": 1, "unsure": 1, ...}"""
    text = subprocess.run(
        [sys.executable, "-B", os.path.join(HERE, "tally.py"), SPOOL] +
        [cell.saved for cell in cells], check=True,
        stdout=subprocess.PIPE).stdout.decode()
    found = {cell.name: {} for cell in cells}
    for line in text.splitlines():
        unique, _, rest = line.partition(" ")
        if unique in found:
            for word in rest.split(": ", 1)[1].split(" "):
                fate, _, count = word.partition("*")
                fate = fate.partition(":")[0]
                found[unique][fate] = int(count or 1)
        else:
            found.setdefault("?", {})[line] = 1
    return found


def attempts(cells):
    """By cell, the verdict of each attempt, and whether it gave a cause."""
    found = {cell.name: [] for cell in cells}
    for line in log().splitlines():
        match = re.search(
            r" attempt .* (?:domain=|to=r@)(\S+)\.test .*verdict=(\w+)(.*)",
            line)
        if match and match[1] in found:
            found[match[1]].append((match[2], "text=" in match[3]))
    return found


def first(cell, fate, tries):
    """The attempt that met the fault."""
    faults = []
    if not cell.server.fired:
        faults.append("the fault was never met")
    if [verdict for verdict, _ in tries] != [cell.want]:
        faults.append("attempts: %s, not one %s" % (tries, cell.want))
    if not all(told for _, told in tries):
        faults.append("no cause is told")
    right = {"done": {"sent": 1}, "never": {"failed": 1},
             "later": {"queued": 1}}[cell.want]
    got = {k: n for k, n in fate.items() if k != "unsure"}
    if got != right:
        faults.append("fate: %s, not %s" % (got, right))
    if fate.get("unsure", 0) != (cell.stage == "dot"):
        faults.append("%s dots unanswered" % fate.get("unsure", 0))
    return faults


def last(cell, fate):
    """Once the fault is over and the queue was tried again."""
    right = {"failed": 1} if cell.want == "never" else {"sent": 1}
    if cell.stage == "dot":
        right["unsure"] = 1
    faults = [] if fate == right else ["in the end: %s, not %s" % (
        fate, right)]
    return faults + cell.broken()


def recover(tap, title, cells):
    for cell in cells:
        cell.heal()
    child = carrier("--drain", "--flush")
    try:
        code = child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        code = "hung"
    left = os.listdir(os.path.join(SPOOL, "queue", "new"))
    tap.result("INV5 %s: the queue drains" % title,
               ["exit %s, %d left\n%s" % (code, len(left), log()[-3000:])]
               if code or left else [])


def hanging(tap, cells, live):
    """Every stage hangs, for as long as we like; others go on (K30), and
    waypostd can be stopped (J22)."""
    place(cells + [live], "10m")
    for cell in cells:
        cell.arm()
        post(cell)
    child = carrier()
    faults = within("every stage hangs",
                    lambda: all(cell.server.fired for cell in cells))
    for _ in range(20):
        post(live)
    faults += within("20 messages arrive elsewhere",
                     lambda: live.server.messages >= 20)
    ended = [k for k, v in attempts(cells).items()
             if v and k != "quit-hang"]
    tap.result("K30 INV5 13 sessions hang, others go on", faults + (
        ["not hanging any more: %s" % ended] if ended else []))
    child.terminate()
    try:
        code = child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        code = "hung"
    tap.result("J22 it ends on SIGTERM with these in flight",
               [] if code == 0 else ["exit %s\n%s" % (code, log()[-3000:])])
    recover(tap, "after the hang", cells)
    found = fates(cells + [live])
    tap.result("J22 INV1 INV3 each of them once", [
        "%s: %s" % (cell.name, fault) for cell in cells
        for fault in last(cell, found[cell.name])])


def matrix(tap, cells):
    place(cells, "5s")
    for cell in cells:
        cell.arm()
    child = carrier()
    faults = within("it starts", lambda: ": started " in log())
    before, open_before = status(child, "VmHWM"), descriptors(child)
    for cell in cells:
        post(cell)
    faults += within("each message is tried",
                     lambda: all(attempts(cells).values()))
    met, tries = fates(cells), attempts(cells)
    faults += within("its descriptors are closed again",
                     lambda: descriptors(child) <= open_before)
    after = status(child, "VmHWM")
    tap.result("INV5 the whole matrix is tried, then nothing is open", faults)
    with open(os.path.join(BUILD, "waypostd"), "rb") as file:
        sanitized = b"__asan_init" in file.read()
    print("# memory: %d KiB before, at most %d" % (before, after))
    tap.result("K05 memory stays flat", [
        "%d KiB more" % (after - before)]
        if after - before > CALM and not sanitized else [])
    child.terminate()
    child.wait(PATIENCE)
    tap.result("INV7 the log is lines of printable text",
               sorted(set(re.findall(r".{0,60}[^ -~\n].{0,60}", log()))))
    recover(tap, "after the matrix", cells)
    found = fates(cells)
    for cell in cells:
        tap.result("K%s %s, %s: %s" % ("04" * (cell.stage in EXTRA),cell.stage, cell.fault, cell.want),
                   first(cell, met[cell.name], tries[cell.name]) +
                   last(cell, found[cell.name]))
    strange = list(found.get("?", ()))
    tap.result("INV2 nothing else arrived, and reports are well formed",
               strange)


def main():
    tap = Tap()
    cells = [Cell(stage, fault) for stage in STAGES
             for fault in EXTRA.get(stage, FAULTS)]
    live = Cell("live", "none")
    hanging(tap, [c for c in cells if c.fault == "hang"], live)
    matrix(tap, cells)
    tap.done()


main()
