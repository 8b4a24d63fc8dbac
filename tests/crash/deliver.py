# SPDX-License-Identifier: ISC
"""waypostd's delivery to a real SMTP server, killed or failed at each call
on the spool and the network (J10-J20, I08-I12).

Every message arrives, whole; twice only if the server had it when waypostd
stopped and the journal did not yet say so."""

import os
import shutil
import sys

import sweep

LETTERS = (  # recipients, the first one at the server; copies in drop/
    (("a@remote.test",), 0),
    (("b@remote.test", "c@remote.test"), 0),
    (("d@remote.test", "user@example.com"), 1),
)


def at_rest(unique):
    """smtp-sink writes lines with LF and without the dots of the wire."""
    return sweep.body_of(unique).replace(b"\r\n", b"\n")


class Letter:
    def __init__(self, unique, batch, dropped):
        self.unique = unique
        self.batch = batch
        self.dropped = dropped
        self.name = unique.decode()


class Ring:
    """One place with three messages of its own and the common server."""

    sink = ""
    made = 0

    def __init__(self, place):
        self.place = place
        self.prepared = place.spool + ".prepared"
        self.letters = []
        Ring.made += 1
        for rcpts, dropped in LETTERS:
            unique = b"unique-deliver-%d-%d." % (Ring.made, len(self.letters))
            before = set(os.listdir(place.new))
            code, output = place.run(
                place.command("sendmail", "-oi", "-f", "sender@example.com",
                              *rcpts), sweep.message(unique))
            if code != 0:
                raise RuntimeError("sendmail says %s\n%s" % (code, output))
            batch, = set(os.listdir(place.new)) - before
            self.letters.append(Letter(unique, batch, dropped))
        shutil.copytree(place.spool, self.prepared)

    def copies(self, letter):
        return sweep.holding(self.sink, b"X-Unique: " + letter.unique)

    def run(self, fault):
        shutil.rmtree(self.place.spool)
        shutil.copytree(self.prepared, self.place.spool)
        for letter in self.letters:
            for path in self.copies(letter):
                os.unlink(path)
        return self.place.run(self.place.command("waypostd", "--drain"),
                              fault=fault, net=True)

    def recorded(self):
        """The batches that the journal calls done for recipient 1, who is
        always one at the server."""
        path = os.path.join(self.place.spool, "state", "journal")
        if not os.path.exists(path):
            return set()
        with open(path, "rb") as file:
            lines = [line.split(b" ") for line in file.read().split(b"\n")]
        return {line[3].split(b".")[0].decode() for line in lines
                if line[1:2] == [b"R"] and line[4:6] == [b"1", b"done"]}

    def repeatable(self):
        known = self.recorded()
        return {letter for letter in self.letters
                if letter.batch not in known and self.copies(letter)}

    def look(self, repeatable):
        """What must hold once another run, without a fault, has ended."""
        faults = []
        code, output = self.place.carry()
        if code != 0:
            faults.append("the next run says %s\n%s" % (code, output))
        for letter in self.letters:
            copies = self.copies(letter)
            most = 1 + (letter in repeatable)
            if not 1 <= len(copies) <= most:
                faults.append("%s: %d at the sink, not 1..%d\n%s" % (
                    letter.name, len(copies), most, output))
            if copies != sweep.holding(self.sink, at_rest(letter.unique)):
                faults.append("%s: not whole at the sink" % letter.name)
            dropped = len(sweep.holding(self.place.drop,
                                        sweep.body_of(letter.unique)))
            if dropped != letter.dropped:
                faults.append("%s: %d dropped, not %d" % (
                    letter.name, dropped, letter.dropped))
        if sweep.files(self.place.new):
            faults.append("still queued: %s" % sweep.files(self.place.new))
        return faults

    def killed(self, n, mode):
        code, output = self.run((n, mode))
        hit = self.place.hit(n)
        faults = self.look(self.repeatable())
        if code not in (-9, 0):  # 0: this time it needed fewer calls
            faults.append("not killed but %s\n%s" % (code, output))
        return hit, faults

    def failed(self, n, mode):
        code, output = self.run((n, mode))
        hit = self.place.hit(n)
        faults = self.look(self.repeatable())
        if code == "hung" or code < 0:
            faults.append("waypostd ended by %s\n%s" % (code, output))
        return hit, faults


def main(build, prefix, sink):
    Ring.sink = sink
    tap = sweep.Tap()
    rings = sweep.rings(Ring, build, prefix)
    code, output = rings[0].run((0, ""))
    calls = rings[0].place.calls()
    faults = [] if code == 0 else ["exit %s\n%s" % (code, output)]
    tap.result("delivery without a fault: %d calls" % len(calls),
               faults + rings[0].look(set()))
    sweep.sweep(tap, "A39 delivery", calls, (sweep.KILL,), rings, "killed")
    sweep.sweep(tap, "delivery", calls, sweep.ERRORS + sweep.HARMLESS, rings,
                "failed")
    tap.done()


main(*sys.argv[1:])
