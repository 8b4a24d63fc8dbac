#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""queued.py QUEUE/new DIRECTORY: what is queued, for shell scripts: N.text,
the message without the Received fields in front of it; N.rcpts, its
recipients; N.with, the words "with" of our own Received field."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../crash"))
import batch

FIELD = re.compile(rb"(Received|X-Received):.*\r\n([ \t].*\r\n)*")


def main():
    new, out = sys.argv[1:]
    for n, (envelope, text) in enumerate(batch.read_all(new), 1):
        ours = re.search(rb"\twith (\S+) id", text)
        while match := FIELD.match(text):
            text = text[match.end():]
        rcpts = sorted(line.split(b" ", 4)[4] for line in
                       envelope.splitlines() if line.startswith(b"rcpt: "))
        for name, data in (("text", text), ("rcpts", b" ".join(rcpts)),
                           ("with", ours.group(1) if ours else b"")):
            with open(os.path.join(out, "%d.%s" % (n, name)), "wb") as f:
                f.write(data)


main()
