# SPDX-License-Identifier: ISC
"""sendmail, killed or failed at each of its calls (J01-J07, I01-I10, B17).

Exit 0 means that the whole message is in the queue; any other exit leaves
no trace; a kill may leave a temporary file, never a torn batch."""

import sys

import batch
import sweep

UNIQUE = b"unique-sendmail-1"


class Ring:
    """One place and a message of so many lines."""

    lines = 30

    def __init__(self, place):
        self.place = place

    def run(self, fault):
        self.place.clear()
        return self.place.run(
            self.place.command("sendmail", "-oi", "-f", "sender@example.com",
                               "user@example.com", "other@example.com"),
            sweep.message(UNIQUE, self.lines), fault)

    def look(self):
        """(messages accepted, temporary files, faults)"""
        try:
            found = batch.read_all(self.place.new)
        except batch.Torn as torn:
            return 0, 0, ["torn batch in new/: %s" % torn]
        faults = []
        body = b"\r\n\r\n" + sweep.body_of(UNIQUE, self.lines)
        for envelope, data in found:
            if not data.endswith(body):
                faults.append("changed body in new/")
            if envelope.count(b"\nrcpt: ") != 2:
                faults.append("recipients lost: %r" % envelope)
        return len(found), len(sweep.files(self.place.tmp)), faults

    def delivered(self):
        """After a crash: what the carrier makes of what it finds."""
        code, output = self.place.carry()
        copies = sweep.holding(self.place.drop, b"X-Unique: " + UNIQUE)
        whole = sweep.holding(self.place.drop,
                              sweep.body_of(UNIQUE, self.lines))
        faults = [] if code == 0 else ["waypostd says %s\n%s" % (code, output)]
        if copies != whole:
            faults.append("part of a message was delivered")
        return len(copies), faults

    def killed(self, n, mode):
        code, output = self.run((n, mode))
        hit = self.place.hit(n)
        accepted, _, faults = self.look()
        if code != -9:
            faults.append("not killed but exit %s\n%s" % (code, output))
        copies, more = self.delivered()
        if copies < accepted or copies > 1:
            faults.append("%d copies, %d accepted" % (copies, accepted))
        return hit, faults + more

    def signalled(self, n, mode):
        code, _ = self.run((n, mode))
        hit = self.place.hit(n)
        accepted, left, faults = self.look()
        if accepted != 1 and code == 0:
            faults.append("exit 0, but nothing in the queue")
        if accepted and code != 0 and hit[0] in ("renameat2", "fsync"):
            faults.append("exit %s, but in the queue" % code)
        if left:
            faults.append("temporary file left, exit %s" % code)
        return hit, faults

    def failed(self, n, mode):
        code, output = self.run((n, mode))
        hit = self.place.hit(n)
        accepted, left, faults = self.look()
        if code == 0 and accepted != 1:
            faults.append("exit 0, but nothing in the queue")
        if code != 0 and accepted:
            faults.append("exit %s, but in the queue" % code)
        if code not in (0, 71, 74, 75):
            faults.append("exit %s\n%s" % (code, output))
        if left:
            faults.append("temporary file left, exit %s" % code)
        if code == 0 and (mode in sweep.ERRORS or hit[0] == "close"):
            faults.append("exit 0 after a failed " + hit[0])
        if mode in sweep.HARMLESS and code != 0 and hit[0] in sweep.WRITES:
            faults.append("exit %s after a harmless %s" % (code, hit[0]))
        return hit, faults


def ring_of(tap, rings, title):
    code, output = rings[0].run((0, ""))
    calls = rings[0].place.calls()
    accepted, left, faults = rings[0].look()
    if code != 0 or accepted != 1 or left:
        faults.append("exit %s, %d accepted, %d left\n%s" % (
            code, accepted, left, output))
    tap.result("%s without a fault: %d calls" % (title, len(calls)), faults)
    syncs = sum(call in ("fsync", "fdatasync") for call, _ in calls)
    tap.result("at most two syncs", [] if syncs <= 2 else ["%d" % syncs])
    sweep.sweep(tap, title, calls, (sweep.KILL,), rings, "killed")
    sweep.sweep(tap, title, calls, ("SIGTERM", "SIGINT", "SIGHUP",
                                     "SIGQUIT"), rings, "signalled")
    sweep.sweep(tap, title, calls, sweep.ERRORS + sweep.HARMLESS, rings,
                "failed")


def main(build, prefix):
    tap = sweep.Tap()
    rings = sweep.rings(Ring, build, prefix)
    ring_of(tap, rings, "one write")
    Ring.lines = 20000
    ring_of(tap, rings, "several writes")
    tap.done()


main(*sys.argv[1:])
