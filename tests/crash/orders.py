# SPDX-License-Identifier: ISC
"""What the operator does with the queue, killed or failed at each call, in
waypost and in waypostd (J28): afterwards each message is as it was or as it
was ordered, and once all is delivered each was, exactly once.  What was
interrupted is repeated, after waypostd has delivered what it found and has
begun a new journal."""

import json
import os
import shutil
import sys

import sweep

FAR = "near.test local default\n"  # remote.test: a smart host that is dead
NEAR = FAR + "remote.test local\n"
ORDERS = ("hold", "release", "retry", "remove", "purge")
MESSAGES = ORDERS + ("plain",)
MOVED = ("hold", "plain")


def unique(name):
    return b"unique-order-%s." % name.encode()


class Ring:
    """A place, and the spools that each attempt begins with."""

    def __init__(self, place):
        self.place = place
        self.parcel = os.path.join(place.prefix, "parcel")
        self.output = os.path.join(place.spool, "state", "parcel")
        self.domains(FAR)
        place.clear()
        for name in MESSAGES:
            self.post(name, "a@remote.test")
        self.drain()
        self.queue("hold", "--from", "release@example.com")
        self.drain()
        self.keep("orders")
        place.clear()
        self.post("bad", "a@remote.test")
        self.drain()
        self.queue("remove", "--all")
        self.drain()
        self.keep("requeue")
        place.clear()
        self.post("torn", "a@remote.test", "done@near.test")
        self.drain()
        shutil.rmtree(place.drop)  # with what is done already
        os.mkdir(place.drop)
        self.tear()
        self.drain()  # a new journal
        self.keep("salvage")
        place.clear()
        for name in MOVED:
            self.post(name, "a@remote.test")
        self.drain()
        self.queue("hold", "--from", "hold@example.com")
        self.drain()
        self.must(self.exporting())
        os.rename(self.output, self.parcel)
        self.keep("export")
        place.clear()
        self.keep("import")

    # --- steps that are not to fail ---

    def must(self, command, data=b""):
        code, output = self.place.run(command, data)
        if code != 0:
            raise RuntimeError("%s says %s\n%s" % (command, code, output))
        return output

    def post(self, name, *rcpts):
        self.must(self.place.command("sendmail", "-oi", "-f",
                                     name + "@example.com", *rcpts),
                  sweep.message(unique(name)))

    def drain(self, *options):
        self.must(self.place.command("waypostd", "--drain", *options))

    def queue(self, *words):
        return self.must(self.place.command("waypost", "queue", *words))

    def domains(self, text):
        with open(os.path.join(self.place.prefix, "domains"), "w",
                  encoding="ascii") as file:
            file.write(text)

    def tear(self):
        """The message in new/ becomes a damaged one in corrupt/."""
        (path,) = sweep.files(self.place.new)
        with open(path, "ab") as file:
            file.write(b"x")
        os.rename(path, os.path.join(self.place.spool, "corrupt",
                                     os.path.basename(path)))

    def keep(self, name):
        shutil.move(self.place.spool, self.place.spool + "." + name)
        os.mkdir(self.place.spool)
        self.place.clear()

    def restore(self, name):
        shutil.rmtree(self.place.spool)
        shutil.copytree(self.place.spool + "." + name, self.place.spool)
        self.domains(FAR)

    # --- what is ordered ---

    def exporting(self):
        return ("sh", "-c", 'exec "$@" >"$0"', self.output,
                *self.place.command("waypost", "queue", "export", "--held"))

    def requeuing(self, what, folder):
        """By the name that it had in the beginning."""
        names = os.listdir("%s.%s/%s" % (self.place.spool, what, folder))
        name = sorted(names)[0]
        if folder == "corrupt":
            name = "corrupt/" + name
        return self.place.command("waypost", "queue", "requeue", name)

    def command(self, what):
        if what == "requeue":
            return self.requeuing("requeue", "badmail")
        if what == "salvage":
            return self.requeuing("salvage", "corrupt")
        if what == "export":
            return self.exporting()
        if what == "import":
            return self.place.command("waypost", "queue", "import")
        return self.place.command("waypost", "queue", "hold", "--from",
                                  "hold@example.com")

    def data(self, what):
        if what != "import":
            return b""
        with open(self.parcel, "rb") as file:
            return file.read()

    # --- what there is ---

    def states(self):
        """{name: (state, attempts)}"""
        lines = self.queue("list", "--json").splitlines()
        found = {}
        for message in map(json.loads, lines):
            (rcpt,) = message["recipients"]
            name = message["sender"].split("@")[0]
            found[name] = rcpt["state"], rcpt["attempts"]
        return found

    def deliver(self):
        self.domains(NEAR)
        self.place.run(self.place.command("waypost", "queue", "release",
                                          "--all"))
        self.drain("--flush")

    def take_away(self):
        """What is in drop/, as who reads it does: a second delivery would
        have the same name."""
        for path in sweep.files(self.place.drop):
            os.rename(path, path + ".taken")

    def finish(self, expected):
        """Deliver all of it; the copies of each."""
        faults = []
        self.deliver()
        for name, (dropped, bad) in expected.items():
            for folder, most in ((self.place.drop, dropped),
                                 (self.place.spool + "/badmail", bad)):
                copies = sweep.holding(folder, sweep.body_of(unique(name))) \
                    if os.path.isdir(folder) else []
                if len(copies) != most:
                    faults.append("%s: %d in %s, not %d" % (
                        name, len(copies), os.path.basename(folder), most))
        if sweep.files(self.place.new):
            faults.append("still queued: %s" % sweep.files(self.place.new))
        return faults

    # --- attempts: the call that was hit, and the faults ---

    def attempt(self, what, n, mode):
        """The program under test; its exit code and output, what it hit."""
        code, output = self.place.run(self.command(what), self.data(what),
                                      (n, mode))
        faults = []
        if code == "hung" or (code < 0 and code != -9):
            faults.append("it ended by %s\n%s" % (code, output))
        return code, self.place.hit(n), faults

    def ordered(self, n, mode):
        self.restore("orders")
        code, hit, faults = self.attempt("hold", n, mode)
        self.drain()
        now = self.states()
        if now["hold"][0] not in ("waiting", "held"):
            faults.append("hold: %s, %d" % now["hold"])
        if code == 0 and now["hold"][0] != "held":
            faults.append("exit 0, and not held")
        for name in MESSAGES[1:]:
            want = "held" if name == "release" else "waiting"
            if now.get(name) != (want, 1):
                faults.append("%s: %s" % (name, now.get(name)))
        self.queue("hold", "--from", "hold@example.com")
        self.drain()
        if self.states()["hold"] != ("held", 1):
            faults.append("repeated, and not held")
        return hit, faults + self.finish({name: (1, 0) for name in MESSAGES})

    def carried_out(self, n, mode):
        """All orders, carried out by a waypostd that meets the fault."""
        self.restore("orders")
        for name in ORDERS:
            verb = ("remove", "--purge") if name == "purge" else (name,)
            self.queue(*verb, "--from", name + "@example.com")
        code, output = self.place.run(
            self.place.command("waypostd", "--drain"), fault=(n, mode))
        hit = self.place.hit(n)
        self.drain()
        now, faults = self.states(), []
        if code == "hung" or (code < 0 and code != -9):
            faults.append("waypostd ended by %s\n%s" % (code, output))
        if now.get("hold") != ("held", 1) or now.get("plain") != ("waiting", 1):
            faults.append("hold, plain: %s" % now)
        for name in ("release", "retry"):  # tried, perhaps once more
            state, attempts = now.get(name, ("gone", 0))
            if state != "waiting" or not 2 <= attempts <= 3:
                faults.append("%s: %s, %d" % (name, state, attempts))
        if "remove" in now or "purge" in now:
            faults.append("not removed: %s" % now)
        left = [name for name in os.listdir(self.place.spool + "/state/orders")
                if not name.startswith(".")]
        if left:
            faults.append("orders are left: %s" % left)
        expected = {name: (1, 0) for name in MESSAGES}
        expected.update(remove=(0, 1), purge=(0, 0))
        return hit, faults + self.finish(expected)

    def repeated(self, what, n, mode, expected):
        """Interrupted, all delivered, a new journal, repeated."""
        self.restore(what)
        code, hit, faults = self.attempt(what, n, mode)
        self.deliver()
        self.drain()
        self.take_away()
        again, output = self.place.run(self.command(what), self.data(what))
        if again != 0 and code != 0 and what == "import":
            faults.append("repeated: %s\n%s" % (again, output))
        return hit, faults + self.finish(expected)

    def requeued(self, n, mode):
        return self.repeated("requeue", n, mode, {"bad": (1, 0)})

    def salvaged(self, n, mode):
        return self.repeated("salvage", n, mode, {"torn": (1, 0)})

    def imported(self, n, mode):
        return self.repeated("import", n, mode,
                             {name: (1, 0) for name in MOVED})

    def exported(self, n, mode):
        """Whole, or no export; the queue is what it was."""
        self.restore("export")
        before = sorted(os.listdir(self.place.new))
        code, hit, faults = self.attempt("export", n, mode)
        if sorted(os.listdir(self.place.new)) != before:
            faults.append("it changed the queue")
        data = b""
        if os.path.exists(self.output):
            with open(self.output, "rb") as file:
                data = file.read()
        self.restore("import")
        taken, output = self.place.run(
            self.place.command("waypost", "queue", "import"), data)
        if taken not in (0, 65) or (code == 0 and taken != 0):
            faults.append("export %s, import %s\n%s" % (code, taken, output))
        there = sorted(os.listdir(self.place.new))
        if there != (before if taken == 0 else []):
            faults.append("import %s: %s" % (taken, there))
        return hit, faults


def calls_of(ring, spool, what):
    ring.restore(spool)
    ring.place.run(ring.command(what), ring.data(what), (0, ""))
    return ring.place.calls()


def main(build, prefix):
    tap = sweep.Tap()
    free = sweep.rings(Ring, build, prefix)
    for spool, what, method in (
            ("orders", "hold", "ordered"), ("requeue", "requeue", "requeued"),
            ("salvage", "salvage", "salvaged"),
            ("import", "import", "imported"),
            ("export", "export", "exported")):
        calls = calls_of(free[0], spool, what)
        sweep.sweep(tap, "waypost queue " + what, calls, (sweep.KILL,), free,
                    method)
    free[0].restore("orders")
    for name in ORDERS:
        free[0].queue("remove" if name == "purge" else name, "--from",
                      name + "@example.com")
    free[0].place.run(free[0].place.command("waypostd", "--drain"),
                      fault=(0, ""))
    calls = free[0].place.calls()
    sweep.sweep(tap, "waypostd carries out orders", calls,
                (sweep.KILL, "EIO"), free, "carried_out")
    tap.done()


main(*sys.argv[1:])
