# SPDX-License-Identifier: ISC
"""Random kills of everything under load (J24): senders and files keep
coming, some senders are killed, waypostd is killed over and over.  In the
end each acknowledged message is at the server, whole, and what was sent
twice stays within one commit of the journal for each kill."""

import os
import random
import subprocess
import sys
import threading
import time

import sweep

COMMIT_RECORDS = 64  # src/deliver/carrier.h


class Storm:
    def __init__(self, place, seconds):
        self.place = place
        self.end = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.acknowledged = set()
        self.sent = set()
        self.faults = []
        self.kills = 0

    def going(self):
        return time.monotonic() < self.end

    def note(self, unique, acknowledged):
        with self.lock:
            self.sent.add(unique)
            if acknowledged:
                self.acknowledged.add(unique)

    def send(self, worker):
        """sendmail, one in five killed at some moment."""
        dice = random.Random(worker)
        count = 0
        while self.going():
            count += 1
            unique = b"unique-storm-%d-%d." % (worker, count)
            child = subprocess.Popen(
                self.place.command("sendmail", "-oi", "-f",
                                   "sender@example.com", "user@remote.test"),
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            killer = None
            if dice.random() < 0.2:
                killer = threading.Timer(dice.random() * 0.01, child.kill)
                killer.start()
            try:
                child.communicate(sweep.message(unique))
            except BrokenPipeError:
                child.wait()
            if killer:
                killer.cancel()
            self.note(unique, child.returncode == 0)
            if child.returncode not in (0, -9):
                self.faults.append("sendmail says %d" % child.returncode)

    def leave(self):
        """Files for the pickup door; left there, they are owed."""
        count = 0
        while self.going():
            count += 1
            unique = b"unique-storm-p-%d." % count
            part = os.path.join(self.place.pickup, ".%d" % count)
            with open(part, "wb") as file:
                file.write(b"x-sender: sender@example.com\n"
                           b"x-receiver: user@remote.test\n" +
                           sweep.message(unique))
            os.rename(part, os.path.join(self.place.pickup, "%d" % count))
            self.note(unique, True)
            time.sleep(0.02)

    def carry(self):
        dice = random.Random("carrier")
        while self.going():
            child = subprocess.Popen(self.place.command("waypostd"),
                                     stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            time.sleep(0.03 + dice.random() * 0.4)
            if child.poll() is not None:
                self.faults.append("waypostd says %d" % child.returncode)
            child.kill()
            child.wait()
            self.kills += 1


def main(build, prefix, sink, seconds):
    place = sweep.Place(build, prefix)
    place.clear()
    tap = sweep.Tap()
    storm = Storm(place, float(seconds))
    threads = [threading.Thread(target=storm.send, args=(n,))
               for n in range(3)]
    threads += [threading.Thread(target=storm.leave),
                threading.Thread(target=storm.carry)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    code, output = place.carry()
    faults = storm.faults + ([] if code == 0 else
                             ["the last run says %s\n%s" % (code, output)])
    copies, broken = {}, 0
    for path in sweep.files(sink):
        with open(path, "rb") as file:
            raw = file.read()
        unique = raw.partition(b"X-Unique: ")[2].partition(b"\n")[0]
        copies[unique] = copies.get(unique, 0) + 1
        broken += sweep.body_of(unique).replace(b"\r\n", b"\n") not in raw
    lost = storm.acknowledged - set(copies)
    extra = sum(n - 1 for n in copies.values())
    print("# %d kills of waypostd, %d messages, %d acknowledged, %d arrived, "
          "%d twice" % (storm.kills, len(storm.sent), len(storm.acknowledged),
                        len(copies), extra))
    tap.result("the storm ends, the queue drains", faults + [
        "still there: " + path for path in
        sweep.files(place.new) + sweep.files(place.pickup)])
    tap.result("no acknowledged message is lost",
               ["%s" % unique for unique in sorted(lost)])
    tap.result("no message is broken or invented",
               (["%d broken" % broken] if broken else []) +
               ["%s" % u for u in sorted(set(copies) - storm.sent)])
    tap.result("repeated deliveries stay within the commits cut off",
               [] if extra <= COMMIT_RECORDS * storm.kills else
               ["%d in %d kills" % (extra, storm.kills)])
    tap.done()


main(*sys.argv[1:])
