# SPDX-License-Identifier: ISC
"""Memory and processes that run out (H05, H06), and kills while the
configuration is read anew (J21), by the shim of scarce.c.

The daemons run on while the test arms the shim for the next allocation, the
one behind it, and so on.  What it hits may be put off or refused for now, or
may end the program, which is then started again, as systemd does.  In the
end each acknowledged message is there, whole, and none is there twice, but
where waypostd ended with a delivery in flight."""

import mmap
import os
import re
import signal
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../e2e"))
import dialog
import sweep
from dialog import Gone, until

MEMORY, PROCESSES, DEATH = 1, 2, 3
FIELDS = {"kind": 0, "left": 8, "burst": 16, "seen": 24, "failed": 32}
NEVER = 1 << 62
POINTS = int(os.environ.get("POINTS", "20"))  # of each sweep; 0: all


class Plan:
    """The file of five words that the shim maps; see scarce.c."""

    def __init__(self, build, path):
        with open(path, "wb") as file:
            file.write(bytes(40))
        with open(path, "r+b") as file:
            self.words = mmap.mmap(file.fileno(), 40)
        self.before = ["env", "SCARCE_FILE=" + path,
                       "LD_PRELOAD=" + build + "/tests/crash/scarce.so"]
        self.disarm()

    def __getitem__(self, name):
        return struct.unpack_from("q", self.words, FIELDS[name])[0]

    def __setitem__(self, name, value):
        struct.pack_into("q", self.words, FIELDS[name], value)

    def arm(self, at, burst=1, kind=MEMORY):
        self.disarm()
        self["seen"] = self["failed"] = 0
        self["burst"], self["left"] = burst, at
        self["kind"] = kind

    def disarm(self):
        self["kind"] = 0

    def points(self, calls):
        """Those of so many calls that are tried."""
        return range(1, calls + 1, 1 + calls // POINTS if POINTS else 1)


def threads(pid):
    return len(os.listdir("/proc/%d/task" % pid))


class Listener:
    """waypost-smtpd with one worker."""

    def __init__(self, tap, build, scratch):
        self.tap = tap
        self.house = dialog.House(build, os.path.join(scratch, "listener"))
        self.plan = Plan(build, self.house.path("plan"))
        self.house.configure("workers = 1")
        self.house.start(before=self.plan.before)
        self.sent, self.acknowledged = 0, set()
        self.faults, self.restarts = [], 0

    def letter(self):
        """One message in a session of its own: the last reply, or None."""
        self.sent += 1
        text = "Subject: t\r\nX-Unique: %d.\r\n\r\nbody\r\n" % self.sent
        try:
            peer = self.house.peer()
            if not peer.greeting.startswith("220"):
                return peer.greeting
            answer = peer.ehlo()
            if answer.startswith("250"):
                answer = peer.mail("a@b.test", "joe@example.com", text)
            if answer.startswith("250"):
                self.acknowledged.add(self.sent)
            peer.close()
            return answer
        except (Gone, OSError):
            return None

    def died(self):
        """Has a worker ended, or the parent?"""
        return (self.house.process.poll() is not None or
                "worker-died" in self.house.logged()[self.at:])

    def again(self, answer):
        """Whoever ended is started again; a worker by its parent, but
        this test has not the time to wait for its pauses."""
        if answer is None and until(self.died, 1) or self.died():
            self.restarts += 1
            self.house.stop()
            self.house.start(before=self.plan.before)

    def attempt(self, at, burst, act):
        self.at = self.house.mark()
        self.plan.arm(at, burst)
        answer = act()
        self.plan.disarm()
        if answer and answer[0] not in "24":
            self.faults.append("%d, %d: %s" % (at, burst, answer))
        self.again(answer)
        last = until(lambda: (self.letter() or "").startswith("250"))
        if not last:
            self.faults.append("%d, %d: nobody is served" % (at, burst))

    def reload(self):
        """The parent and the worker read everything anew."""
        before = self.house.mark()
        self.house.process.send_signal(signal.SIGHUP)
        self.house.wait_log("reloaded|worker-died|fault", before)
        return ""

    def sweep(self, name, act):
        act()  # what is only made once is there
        self.plan.arm(NEVER)
        act()
        calls = self.plan["seen"]
        self.faults, self.restarts = [], 0
        for burst in (1, 1000):
            for at in self.plan.points(calls):
                self.attempt(at, burst, act)
        print("# %d allocations, %d restarts" % (calls, self.restarts))
        self.tap.result("H05 waypost-smtpd, %s: no memory at some call: "
                        "4xx, or a restart" % name, self.faults)
        self.tap.result("... there are such calls",
                        [] if calls > 20 else ["only %d" % calls])

    def killed_reload(self):
        """Killed at some point of it: the new rules, all of them, behind a
        restart, and the old or the new ones from who lives on."""
        house, queued = self.house, self.house.messages()
        self.plan.arm(NEVER)
        self.reload()
        calls, faults = self.plan["seen"], []
        for at in self.plan.points(calls):
            self.at = house.mark()
            house.configure("workers = 1",
                            limits='message-size = "%d"' % (9000 + at))
            house.write("domains", "example.com local default\n"
                        "d%d.test local\n" % at)
            self.plan.arm(at, kind=DEATH)
            self.reload()
            self.plan.disarm()
            self.again(None)
            if not until(lambda: self.obeys(at)):
                faults.append("%d: other rules" % at)
            if house.messages() != queued:
                faults.append("%d: the queue has changed" % at)
        self.tap.result("J21 waypost-smtpd killed at %d points of a reload: "
                        "whole rules, an untouched queue" %
                        len(self.plan.points(calls)), faults)

    def obeys(self, number):
        try:
            peer = self.house.peer()
            said = peer.ehlo()
            peer.cmd("MAIL FROM:<a@b.test>")
            return ("SIZE %d\n" % (9000 + number) in said and
                    peer.cmd("RCPT TO:<u@d%d.test>" % number)[:3] == "250")
        except (Gone, OSError):
            return False

    def no_processes(self):
        """H06: fork() fails for a while.  Tries are counted, and they come
        ever more seldom."""
        house, pause = self.house, 100
        usual = threads(house.workers()[0])
        house.stop()
        house.configure("workers = 2")
        house.start(before=self.plan.before)
        until(lambda: {threads(p) for p in house.workers()} == {usual})
        self.at = house.mark()
        first = house.workers()[0]
        self.plan.arm(1, 1 << 40, PROCESSES)
        os.kill(first, signal.SIGKILL)
        until(lambda: self.plan["failed"] >= 3)
        served = (self.letter() or "").startswith("250")
        self.plan.disarm()
        pauses = [int(n) for n in re.findall(
            r"not-started .*restart-ms=(\d+)", house.logged()[self.at:])]
        faults = [] if served else ["the other worker does not serve"]
        for n in pauses:
            faults += [] if n == 2 * pause else ["pauses: %s" % pauses]
            pause = n
        if len(pauses) != self.plan["failed"]:
            faults.append("%d tries, %s" % (self.plan["failed"], pauses))
        if not until(lambda: len(house.workers()) == 2):
            faults.append("it does not come back")
        self.tap.result("H06 a worker dies and fork says EAGAIN: others serve, "
                        "each try waits twice as long, and it comes back",
                        faults)

    def reconcile(self):
        numbers = [int(text.split(b"X-Unique: ")[1].split(b".")[0])
                   for _, text in self.house.messages()]
        self.tap.result(
            "H05 INV1 each of %d acknowledged messages is queued, whole" %
            len(self.acknowledged),
            ["%d is lost" % n for n in self.acknowledged - set(numbers)])
        self.tap.result("H05 INV2 INV3 none is there twice",
                        [] if len(numbers) == len(set(numbers)) else numbers)


class Carrier:
    """waypostd and a server that takes everything."""

    def __init__(self, tap, build, prefix, sink):
        self.tap, self.sink = tap, sink
        self.place = sweep.Place(build, prefix)
        self.plan = Plan(build, os.path.join(prefix, "plan"))
        self.log = os.path.join(prefix, "log")
        self.faults, self.deaths, self.sent = [], [], 0
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.plan.before + list(self.place.command("waypostd")),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        self.process.terminate()
        if self.process.wait(30) != 0:
            self.faults.append("it ends with %d" % self.process.returncode)

    def post(self):
        self.sent += 1
        unique = b"unique-scarce-%d." % self.sent
        code, output = self.place.run(
            self.place.command("sendmail", "-oi", "-f", "sender@example.com",
                               "user@remote.test"), sweep.message(unique))
        if code != 0:
            self.faults.append("sendmail says %s\n%s" % (code, output))
        return unique

    def copies(self, unique):
        return len(sweep.holding(self.sink, b"X-Unique: " + unique))

    def settled(self, unique):
        """At the server, and gone from the queue; or waypostd has ended."""
        return (self.process.poll() is not None or
                self.copies(unique) and not os.listdir(self.place.new))

    def judge(self, unique, where, died):
        until(lambda: self.settled(unique))
        copies = self.copies(unique)
        if not 1 <= copies <= 1 + died:
            self.faults.append("%s: %d copies, died: %s" % (
                where, copies, died))
        if os.listdir(self.place.new):
            self.faults.append("%s: still queued" % where)
        for path in sweep.files(self.sink):
            os.unlink(path)

    def attempt(self, at, burst):
        self.plan.arm(at, burst)
        unique = self.post()
        until(lambda: self.settled(unique) or self.plan["failed"] >= burst)
        if burst > 1:
            until(lambda: self.settled(unique), 0.3)  # nothing need happen
        self.plan.disarm()
        until(lambda: self.settled(unique))
        died = self.process.poll() is not None
        if died:
            self.deaths.append(self.process.returncode)
            self.start()
        self.judge(unique, "%d, %d" % (at, burst), died)

    def running(self):
        self.start()
        first = self.post()
        until(lambda: self.settled(first))
        self.plan.arm(NEVER)
        unique = self.post()
        until(lambda: self.settled(unique))
        calls = self.plan["seen"]
        for burst in (1, 1000):
            for at in self.plan.points(calls):
                self.attempt(at, burst)
        self.stop()
        self.report("while it delivers", calls)

    def starting(self):
        """From the start of the process on, one run each."""
        command = self.place.command("waypostd", "--drain")
        self.plan.arm(NEVER)
        unique = self.post()
        subprocess.run(self.plan.before + list(command), check=False,
                       stderr=subprocess.DEVNULL)
        calls = self.plan["seen"]
        for at in self.plan.points(calls):
            unique = self.post()
            self.plan.arm(at)
            self.process = subprocess.Popen(
                self.plan.before + list(command), stderr=subprocess.DEVNULL)
            code = self.process.wait(30)
            self.plan.disarm()
            if code != 0:
                self.deaths.append(code)
            self.place.carry()
            self.judge(unique, "start %d" % at, code != 0)
        self.report("from its start on", calls)

    def report(self, name, calls):
        print("# %d allocations; it ended %d times: %s" % (
            calls, len(self.deaths), sorted(set(self.deaths))))
        self.tap.result("H05 waypostd, %s: no memory at some call: deferred, "
                        "or a restart; delivered once" % name, self.faults)
        self.tap.result("... there are such calls",
                        [] if calls > 20 else ["only %d" % calls])
        self.faults, self.deaths = [], []


def listener(tap, build, scratch):
    one = Listener(tap, build, scratch)
    one.sweep("a session with a message", one.letter)
    one.sweep("a reload", one.reload)
    one.killed_reload()
    one.no_processes()
    one.reconcile()
    tap.result("it stops with 0",
               [code for code in [one.house.stop()] if code != 0])


def main(build, scratch, sink):
    tap = sweep.Tap()
    carrier = Carrier(tap, build, os.path.join(scratch, "crash"), sink)
    beside = threading.Thread(target=lambda: (carrier.running(),
                                              carrier.starting()))
    beside.start()
    listener(tap, build, scratch)
    beside.join()
    tap.done()


main(*sys.argv[1:])
