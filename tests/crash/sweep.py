# SPDX-License-Identifier: ISC
"""What the sweeps of this directory share: a waypost in a scratch place, runs
under the shim of fault.c, and TAP.

A sweep first runs a program without a fault and learns its calls, then once
for each call and kind of fault.  After each run the place is looked at with
the promises in hand (HAZARDS: the invariants): what was acknowledged is
there, what is there is whole, and nothing is there twice."""

import concurrent.futures
import os
import queue
import shutil
import subprocess
import sys
import time

KILL = "SIGKILL"
ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EXDEV")
HARMLESS = ("EINTR", "short")
WORKERS = 10
WRITES = ("write", "pwrite", "writev")


class Place:
    """BUILD, the scratch folder of one instance, and its parts."""

    def __init__(self, build, prefix):
        self.build = build
        self.prefix = prefix
        self.spool = os.path.join(prefix, "spool")
        self.new = os.path.join(self.spool, "queue", "new")
        self.tmp = os.path.join(self.spool, "queue", "tmp")
        self.drop = os.path.join(self.spool, "drop")
        self.pickup = os.path.join(self.spool, "pickup")
        self.conf = os.path.join(prefix, "waypost.conf")
        self.log = os.path.join(prefix, "calls")
        self.input = os.path.join(prefix, "input")

    def clear(self):
        shutil.rmtree(self.spool)
        for folder in (self.new, self.tmp, self.drop, self.pickup):
            os.makedirs(folder)

    def command(self, program, *arguments):
        return (os.path.join(self.build, program), "-C", self.conf) + arguments

    def run(self, command, data=b"", fault=None, net=False):
        """Run it, perhaps with fault = (n, mode): exit code, calls."""
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        if fault is not None:
            if os.path.exists(self.log):
                os.unlink(self.log)
            environment.update(
                LD_PRELOAD=os.path.join(self.build, "tests/crash/fault.so"),
                FAULT_DIR=self.spool, FAULT_LOG=self.log)
            if net:
                environment["FAULT_NET"] = "1"
            if fault[0]:
                environment.update(FAULT_AT=str(fault[0]), FAULT_MODE=fault[1])
        with open(self.input, "wb") as file:  # not a pipe: same reads always
            file.write(data)
        try:
            with open(self.input, "rb") as file:
                done = subprocess.run(command, stdin=file, env=environment,
                                      stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, timeout=30)
        except subprocess.TimeoutExpired as expired:
            return "hung", (expired.output or b"").decode("latin-1")
        return done.returncode, done.stdout.decode("latin-1")

    def calls(self):
        """[(call, path)] that the last run with a fault made."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="latin-1") as file:
            return [tuple(line.split(" ", 2)[1:])
                    for line in file.read().splitlines()]

    def hit(self, n):
        """(call, path) that the fault at n met; two runs may differ."""
        calls = self.calls()
        return calls[n - 1] if n <= len(calls) else ("none", "")

    def carry(self):
        """Everything that is queued or lies in pickup is due now."""
        return self.run(self.command("waypostd", "--drain", "--flush"))


# Where an error can happen; any call, if it is not named here.
ONLY = {
    "short": WRITES + ("send", "recv"),
    "EXDEV": ("rename", "link"),
}
NEVER = {
    "EINTR": ("rename", "unlink", "mkdir", "link", "connect"),
    "ENOSPC": ("send", "recv", "connect", "unlink"),
    "EDQUOT": ("send", "recv", "connect", "unlink"),
}

# What HAZARDS.md calls the faults of each kind.
CASES = {
    "SIGTERM": "B17",
    "SIGINT": "B17",
    "SIGHUP": "B17",
    "SIGQUIT": "B17",
    "ENOSPC": "I01 I02 I09",  # I02: out of inodes is ENOSPC at create
    "EDQUOT": "I03",
    "EIO": "I06 I07 I09 I10 I11",
    "EXDEV": "I09",
    "EINTR": "I07 I08",
    "short": "I08",
}


def points(calls, modes):
    """(n, mode) worth trying: each mode where it can happen."""
    for n, (call, _) in enumerate(calls, 1):
        for mode in modes:
            if (call in ONLY.get(mode, (call,)) and
                    call not in NEVER.get(mode, ())):
                yield n, mode


def files(directory):
    return sorted(os.path.join(directory, name)
                  for name in os.listdir(directory)
                  if os.path.isfile(os.path.join(directory, name)))


def holding(directory, text):
    """The files in a directory with these bytes inside; others may come and
    go meanwhile."""
    found = []
    for path in files(directory):
        try:
            with open(path, "rb") as file:
                if text in file.read():
                    found.append(path)
        except FileNotFoundError:
            pass
    return found


def message(unique, lines=30):
    """A message with an ID of its own, at both ends, and hostile lines."""
    body = b"".join(b"line %d\n" % i for i in range(lines))
    return (b"From: sender@example.com\nTo: user@example.com\n"
            b"Subject: %s\nDate: Tue, 24 Nov 2026 10:00:00 +0000\n"
            b"Message-ID: <%s@example.com>\nX-Unique: %s\n\n"
            b".\n..two\nFrom here\n%s"
            b"END-OF-%s\n" % (unique, unique, unique, body, unique))


def body_of(unique, lines=30):
    return message(unique, lines).split(b"\n\n", 1)[1].replace(b"\n", b"\r\n")


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0
        self.started = time.monotonic()

    def result(self, name, faults):
        """One test; faults are the reasons why it failed."""
        self.count += 1
        print("%sok %d - %s" % ("not " if faults else "", self.count, name))
        for fault in faults[:20]:
            print("# " + fault.replace("\n", "\n#   "))
        self.failed += bool(faults)
        sys.stdout.flush()

    def done(self):
        print("# %.1f s" % (time.monotonic() - self.started))
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)


def rings(make, build, prefix):
    """Several places like the one at prefix, each with its own make(place),
    since most of a sweep is waiting."""
    made = []
    for number in range(WORKERS):
        place = Place(build, "%s.%d" % (prefix, number))
        os.makedirs(place.spool)
        for name in ("waypost.conf", "domains", "aliases"):
            with open(os.path.join(prefix, name), encoding="ascii") as file:
                text = file.read().replace(prefix + "/", place.prefix + "/")
            with open(os.path.join(place.prefix, name), "w",
                      encoding="ascii") as file:
                file.write(text)
        place.clear()
        made.append(make(place))
    return made


def sweep(tap, title, calls, modes, free, method):
    """One test for each mode.  Each of the free rings' method(n, mode)
    makes one attempt and gives the call that was hit and the faults."""
    idle = queue.Queue()
    for ring in free:
        idle.put(ring)

    def attempt(point):
        n, mode = point
        ring = idle.get()
        begun = time.monotonic()
        (call, path), faults = getattr(ring, method)(n, mode)
        took = time.monotonic() - begun
        idle.put(ring)
        return took, ["%s at call %d, %s %s: %s" % (
            mode, n, call, path, reason) for reason in faults]

    for mode in modes:
        with concurrent.futures.ThreadPoolExecutor(len(free)) as pool:
            done = list(pool.map(attempt, points(calls, (mode,))))
        print("# the slowest took %.1f s" % max([0, *(t for t, _ in done)]))
        tap.result("%s: %s" % (title, " ".join(filter(None, [
            CASES.get(mode), mode, "at each of %d calls" % len(done)]))),
                   [fault for _, faults in done for fault in faults])
