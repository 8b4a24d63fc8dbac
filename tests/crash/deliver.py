# SPDX-License-Identifier: ISC
"""waypostd's delivery to a real SMTP server, killed or failed at each call
on the spool and the network (J10-J20, I08-I12).

Every message arrives, whole; twice only if the server had it at the kill
and the journal did not yet say so, or when the journal itself failed."""

import os
import shutil
import sys

import sweep

LETTERS = {  # unique: recipients, copies at the sink, copies in drop/
    b"unique-deliver-1": (("a@remote.test",), 1, 0),
    b"unique-deliver-2": (("b@remote.test", "c@remote.test"), 1, 0),
    b"unique-deliver-3": (("d@remote.test", "user@example.com"), 1, 1),
}


def at_rest(unique):
    """smtp-sink writes lines with LF and without the dots of the wire."""
    return sweep.body_of(unique).replace(b"\r\n", b"\n")


def main(build, prefix, sink):
    place = sweep.Place(build, prefix)
    tap = sweep.Tap()
    prepared = place.spool + ".prepared"
    command = place.command("waypostd", "--drain")
    batch_of = {}

    def prepare():
        faults = []
        place.clear()
        for unique, (rcpts, _, _) in LETTERS.items():
            before = set(os.listdir(place.new))
            code, output = place.run(
                place.command("sendmail", "-oi", "-f", "sender@example.com",
                              *rcpts), sweep.message(unique))
            if code != 0:
                faults.append("sendmail says %s\n%s" % (code, output))
            for name in set(os.listdir(place.new)) - before:
                batch_of[unique] = name
        shutil.copytree(place.spool, prepared)
        return faults

    def run(fault):
        """What waypostd did under the fault, and who has what after it."""
        shutil.rmtree(place.spool)
        shutil.copytree(prepared, place.spool)
        for path in sweep.files(sink):
            os.unlink(path)
        code, output = place.run(command, fault=fault, net=True)
        return code, output, at_sink(), recorded()

    def at_sink():
        return {unique: len(sweep.holding(sink, b"X-Unique: " + unique))
                for unique in LETTERS}

    def recorded():
        """The messages that the journal calls done, for anybody."""
        path = os.path.join(place.spool, "state", "journal")
        if not os.path.exists(path):
            return set()
        with open(path, "rb") as file:
            lines = [line.split(b" ") for line in file.read().split(b"\n")]
        done = {line[3].split(b".")[0].decode() for line in lines
                if len(line) > 5 and line[1] == b"R" and line[5] == b"done"}
        return {unique for unique in LETTERS if batch_of[unique] in done}

    def look(may_repeat):
        faults = []
        code, output = place.carry()
        if code != 0:
            faults.append("the next run says %s\n%s" % (code, output))
        copies = at_sink()
        for unique, (_, remote, local) in LETTERS.items():
            name = unique.decode()
            most = remote + (unique in may_repeat)
            if not remote <= copies[unique] <= most:
                faults.append("%s: %d at the sink, not %d..%d\n%s" % (
                    name, copies[unique], remote, most, output))
            whole = len(sweep.holding(sink, at_rest(unique)))
            if whole != copies[unique]:
                faults.append("%s: not whole at the sink" % name)
            dropped = len(sweep.holding(place.drop, sweep.body_of(unique)))
            if dropped != local:
                faults.append("%s: %d dropped, not %d" % (
                    name, dropped, local))
        if sweep.files(place.new):
            faults.append("still queued: %s" % sweep.files(place.new))
        return faults

    def killed(n, mode, call):
        code, output, there, known = run((n, mode))
        repeatable = {u for u in LETTERS if there[u] and u not in known}
        faults = look(repeatable)
        if code not in (-9, 0):
            faults.append("not killed but %s\n%s" % (code, output))
        return faults

    def failed(n, mode, call):
        code, output, there, known = run((n, mode))
        path = place.calls()[n - 1][1] if len(place.calls()) >= n else ""
        repeatable = set()
        if "/state" in path or path == "socket":
            repeatable = {u for u in LETTERS if there[u] and u not in known}
        faults = look(repeatable)
        if code == "hung" or isinstance(code, int) and code < 0:
            faults.append("waypostd ended by %s\n%s" % (code, output))
        return faults

    tap.result("three messages queued", prepare())
    code, output, there, known = run((0, ""))
    calls = place.calls()
    faults = [] if code == 0 else ["exit %s\n%s" % (code, output)]
    tap.result("delivery without a fault: %d calls" % len(calls),
               faults + look(set()))
    sweep.sweep(tap, "delivery", calls, (sweep.KILL,), killed)
    sweep.sweep(tap, "delivery", calls, sweep.ERRORS + sweep.HARMLESS, failed)
    tap.done()


main(*sys.argv[1:])
