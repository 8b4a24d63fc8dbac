# SPDX-License-Identifier: ISC
"""waypostd's pickup door and local delivery, killed or failed at each call
(J08, J09, I01-I10): a file that was left in pickup/ arrives once, whole."""

import os
import sys

import sweep

UNIQUE = b"unique-pickup-1"
LETTER = (b"x-sender: sender@example.com\nx-receiver: user@example.com\n" +
          sweep.message(UNIQUE))


def main(build, prefix):
    place = sweep.Place(build, prefix)
    tap = sweep.Tap()
    command = place.command("waypostd", "--drain")

    def run(fault):
        place.clear()
        part = os.path.join(place.pickup, ".letter")
        with open(part, "wb") as file:
            file.write(LETTER)
        os.rename(part, os.path.join(place.pickup, "letter.eml"))
        return place.run(command, fault=fault)

    def look():
        """What must hold once a run without a fault has ended."""
        faults = []
        code, output = place.carry()
        if code != 0:
            faults.append("the next run says %s\n%s" % (code, output))
        copies = sweep.holding(place.drop, b"X-Unique: " + UNIQUE)
        if len(copies) != 1:
            faults.append("%d copies\n%s" % (len(copies), output))
        if copies != sweep.holding(place.drop, sweep.body_of(UNIQUE)):
            faults.append("a copy is not whole")
        for folder in (place.pickup, place.new):
            if sweep.files(folder):
                faults.append("left: %s" % sweep.files(folder))
        return faults

    def killed(n, mode, call):
        code, output = run((n, mode))
        faults = look()
        if code != -9:
            faults.append("not killed but %s\n%s" % (code, output))
        return faults

    def failed(n, mode, call):
        code, output = run((n, mode))
        faults = look()
        if code == "hung" or isinstance(code, int) and code < 0:
            faults.append("waypostd ended by %s\n%s" % (code, output))
        return faults

    code, output = run((0, ""))
    calls = place.calls()
    faults = [] if code == 0 else ["exit %s\n%s" % (code, output)]
    tap.result("pickup without a fault: %d calls" % len(calls),
               faults + look())
    sweep.sweep(tap, "pickup", calls, (sweep.KILL,), killed)
    sweep.sweep(tap, "pickup", calls, sweep.ERRORS + sweep.HARMLESS, failed)
    tap.done()


main(*sys.argv[1:])
