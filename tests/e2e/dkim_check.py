#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Do the signatures of messages that a server saved hold?

  dkim_check.py SAVED RECORDS   RECORDS: what `waypost dkim show` prints
  dkim_check.py --last SAVED    prints the newest message
  dkim_check.py --serve RECORDS answers DNS on 127.0.0.1:53 with them
One line for each message: X-Unique, then for each signature its algorithm,
selector and "good" or "bad", by Debian's python3-dkim.
"""
import os
import re
import socket
import struct
import sys

import dkim


def records(path):
    out = {}
    with open(path) as f:
        for name, value in re.findall(r"^(\S+) IN TXT \((.*?)\)", f.read(),
                                      re.S | re.M):
            out[name.encode()] = "".join(
                re.findall(r'"([^"]*)"', value)).encode()
    return out


def unstuff(stuffed):
    wire = b"".join(l[1:] if l.startswith(b".") else l
                    for l in stuffed.splitlines(True))
    return wire[:-3] if stuffed.endswith(b"\r\n.\r\n") else wire


def main(saved, path):
    known = records(path)
    for f in sorted(os.listdir(saved),
                    key=lambda n: int(n.split(".")[0])):
        if not f.endswith(".msg"):
            continue
        with open(os.path.join(saved, f), "rb") as g:
            wire = unstuff(g.read())
        d = dkim.DKIM(wire)
        unique = re.search(rb"(?im)^x-unique: *([^ .\r]*)", wire)
        words = [unique.group(1).decode() if unique else f]
        n = len([h for h in d.headers if h[0].lower() == b"dkim-signature"])
        for i in range(n):
            raw = [h[1] for h in d.headers
                   if h[0].lower() == b"dkim-signature"][i]
            algorithm = re.search(rb"a=([a-z0-9-]*)", raw).group(1).decode()
            selector = re.search(rb"\bs=([^;\s]*)", raw).group(1).decode()
            try:
                good = d.verify(
                    idx=i, dnsfunc=lambda name, timeout=5: known[name])
            except (dkim.DKIMException, KeyError) as e:
                good = False
                words.append(repr(e))
            words.append("%s:%s:%s" % (algorithm, selector,
                                       "good" if good else "bad"))
        print(" ".join(words))


def serve(path):
    """TXT records over UDP, for verifiers that ask DNS themselves."""
    known = records(path)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 53))
    print("READY", flush=True)
    while True:
        query, client = s.recvfrom(4096)
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]])
            at += 1 + query[at]
        question = query[12:at + 5]
        text = known.get(b".".join(labels) + b".")
        head = query[:2] + struct.pack(
            ">HHHHH", 0x8580 if text else 0x8583, 1, 1 if text else 0, 0, 0)
        answer = b""
        if text:
            data = b"".join(bytes([len(text[i:i + 255])]) + text[i:i + 255]
                            for i in range(0, len(text), 255))
            answer = struct.pack(">HHHIH", 0xc00c, 16, 1, 60,
                                 len(data)) + data
        s.sendto(head + question + answer, client)


def last(saved):
    """The newest message, for the standard input of another."""
    n = max(int(f[:-4]) for f in os.listdir(saved) if f.endswith(".msg"))
    with open(os.path.join(saved, "%d.msg" % n), "rb") as g:
        sys.stdout.buffer.write(unstuff(g.read()))


if __name__ == "__main__":
    if sys.argv[1] in ("--serve", "--last"):
        {"--serve": serve, "--last": last}[sys.argv[1]](sys.argv[2])
        sys.exit(0)
    main(sys.argv[1], sys.argv[2])
