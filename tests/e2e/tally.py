#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What became of each message (X-Unique) and recipient: INV1-INV3.

  tally.py SPOOL [SAVED-DIRECTORY-OF-SERVER.PY...]

One line for each, sorted: "UNIQUE RECIPIENT: FATE...", where a fate is

  sent[*N]        a server answered 2xx to the dot, N times if not once
  unsure[*N]      a dot that was not answered 2xx
  dropped[*N]     a file of the drop directory
  failed:STATUS[*N], delayed:STATUS[*N]   reported, as read by email.parser
  queued          in the queue, and the journal has no final record
  bad, corrupt    in badmail/ or corrupt/
A report that email.parser finds fault with is a line "FAULT ...".
"""
import collections
import email
import email.policy
import email.utils
import glob
import os
import re
import sys

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "crash"))
import batch

UNIQUE = re.compile(rb"^X-Unique: ([^\r\n.]+)\.", re.M)


def unique_of(data):
    match = UNIQUE.search(data)
    return match.group(1).decode() if match else "?"


def slurp(path):
    with open(path, "rb") as file:
        return file.read()


class Tally:
    def __init__(self):
        self.fates = collections.defaultdict(collections.Counter)
        self.faults = []

    def add(self, unique, rcpt, fate):
        self.fates[unique, rcpt][fate] += 1

    def servers(self, directory):
        for path in glob.glob(os.path.join(directory, "*.msg")):
            stem = path[:-4]
            dot = slurp(stem + ".dot") if os.path.exists(stem + ".dot") \
                else b"000"
            fate = "sent" if dot.startswith(b"2") else "unsure"
            unique = unique_of(slurp(path))
            for line in slurp(stem + ".env").decode("latin-1").split("\n"):
                if line.upper().startswith("RCPT"):
                    self.add(unique, re.search("<(.*?)>", line)[1], fate)

    def drops(self, spool):
        for path in glob.glob(os.path.join(spool, "drop", "*.eml")):
            raw = slurp(path)
            message = email.message_from_bytes(raw, policy=email.policy.SMTP)
            if message.get_content_type() == "multipart/report":
                self.report(message, raw)
                continue
            for rcpt in message.get_all("x-receiver"):
                self.add(unique_of(raw), rcpt, "dropped")

    def report(self, message, raw):
        def want(what, truth):
            if not truth:
                self.faults.append("FAULT %s" % what)
        for part in message.walk():
            want("defects %s" % part.defects, not part.defects)
        want("report-type", message["Content-Type"].params["report-type"] ==
             "delivery-status")
        want("null sender", message["x-sender"] in ("<>", ""))
        want("date", email.utils.parsedate_to_datetime(message["Date"]))
        want("lines", max(map(len, raw.split(b"\r\n"))) <= 998)
        text, status, original = message.iter_parts()
        want("text", len(text.get_payload(decode=True)) > 100)
        unique = unique_of(original.get_payload(decode=False).encode()
                           if isinstance(original.get_payload(), str)
                           else original.get_payload()[0].as_bytes())
        groups = status.get_payload()
        for group in groups[1:]:
            rcpt = group["Final-Recipient"].partition(";")[2].strip()
            self.add(unique, rcpt,
                     "%s:%s" % (group["Action"], group["Status"]))

    def queue(self, spool):
        final = set()
        journal = os.path.join(spool, "state", "journal")
        if os.path.exists(journal):
            for line in slurp(journal).split(b"\n"):
                words = line.split(b" ")
                if len(words) > 5 and words[5] in (b"done", b"never"):
                    final.add((words[3].decode(), words[4].decode()))
        for path in glob.glob(os.path.join(spool, "queue", "new", "*")):
            name = os.path.basename(path)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            try:
                messages = batch.read(path)
            except batch.Torn:
                continue
            for i, (envelope, message) in enumerate(messages):
                seq = re.search(rb"^seq: (\d+)", envelope, re.M)
                number = int(seq[1]) if seq else i + 1
                ident = name if number == 1 else "%s.%d" % (name, number)
                for rcpt in re.finditer(rb"^rcpt: (\d+) .* (\S+)$", envelope,
                                        re.M):
                    if (ident, rcpt[1].decode()) not in final:
                        self.add(unique_of(message), rcpt[2].decode(),
                                 "queued")

    def aside(self, spool):
        for path in glob.glob(os.path.join(spool, "badmail", "*.eml")):
            raw = slurp(path)
            for line in re.findall(rb"^x-receiver: (.*?)\r?$", raw, re.M):
                self.add(unique_of(raw), line.decode(), "bad")
        for path in glob.glob(os.path.join(spool, "corrupt", "*")):
            self.add(unique_of(slurp(path)), "-", "corrupt")


def main():
    tally = Tally()
    for directory in sys.argv[2:]:
        tally.servers(directory)
    tally.drops(sys.argv[1])
    tally.queue(sys.argv[1])
    tally.aside(sys.argv[1])
    for (unique, rcpt), fates in sorted(tally.fates.items()):
        print("%s %s: %s" % (unique, rcpt, " ".join(
            fate + ("*%d" % n if n > 1 else "")
            for fate, n in sorted(fates.items()))))
    for fault in tally.faults:
        print(fault)


main()
