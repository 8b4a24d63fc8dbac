# SPDX-License-Identifier: ISC
"""waypostd's pickup door and local delivery, killed or failed at each call
(J08, J09, I01-I10, A39): a file that was left in pickup/ arrives once, whole."""

import os
import sys

import sweep

UNIQUE = b"unique-pickup-1"
LETTER = (b"x-sender: sender@example.com\nx-receiver: user@example.com\n" +
          sweep.message(UNIQUE))


class Ring:
    def __init__(self, place):
        self.place = place

    def run(self, fault):
        self.place.clear()
        part = os.path.join(self.place.pickup, ".letter")
        with open(part, "wb") as file:
            file.write(LETTER)
        os.rename(part, os.path.join(self.place.pickup, "letter.eml"))
        return self.place.run(self.place.command("waypostd", "--drain"),
                              fault=fault)

    def look(self):
        """What must hold once another run, without a fault, has ended."""
        place, faults = self.place, []
        code, output = place.carry()
        if code != 0:
            faults.append("the next run says %s\n%s" % (code, output))
        copies = sweep.holding(place.drop, b"X-Unique: " + UNIQUE)
        if len(copies) != 1:
            faults.append("%d copies\n%s" % (len(copies), output))
        if copies != sweep.holding(place.drop, sweep.body_of(UNIQUE)):
            faults.append("a copy is not whole")
        for folder in (place.pickup, os.path.join(place.pickup, "claim"),
                       place.new):
            if sweep.files(folder):
                faults.append("left: %s" % sweep.files(folder))
        return faults

    def killed(self, n, mode):
        code, output = self.run((n, mode))
        hit = self.place.hit(n)
        faults = self.look()
        if code != -9:
            faults.append("not killed but %s\n%s" % (code, output))
        return hit, faults

    def failed(self, n, mode):
        code, output = self.run((n, mode))
        hit = self.place.hit(n)
        faults = self.look()
        if code == "hung" or code < 0:
            faults.append("waypostd ended by %s\n%s" % (code, output))
        return hit, faults


def main(build, prefix):
    tap = sweep.Tap()
    rings = sweep.rings(Ring, build, prefix)
    code, output = rings[0].run((0, ""))
    calls = rings[0].place.calls()
    faults = [] if code == 0 else ["exit %s\n%s" % (code, output)]
    tap.result("pickup without a fault: %d calls" % len(calls),
               faults + rings[0].look())
    sweep.sweep(tap, "A39 pickup", calls, (sweep.KILL,), rings, "killed")
    sweep.sweep(tap, "pickup", calls, sweep.ERRORS + sweep.HARMLESS, rings,
                "failed")
    tap.done()


main(*sys.argv[1:])
