# SPDX-License-Identifier: ISC
"""A name server of few records on 127.0.0.1, UDP, for the tests of names:
A, PTR and MX (with the preference 10); what it does not know does not exist.

    name_server.py NAME TYPE VALUE [NAME TYPE VALUE]...

prints its port, then each question."""

import ipaddress
import socket
import struct
import sys
import threading

TYPES = {1: "A", 12: "PTR", 15: "MX", 28: "AAAA"}


def wire(name):
    return b"".join(bytes([len(x)]) + x.encode()
                    for x in name.rstrip(".").split(".")) + b"\0"


def reverse(ip):
    return ipaddress.ip_address(ip).reverse_pointer


class NameServer:
    def __init__(self, records, log=lambda question: None):
        """records: (name, type) -> list of values."""
        self.records, self.asked, self.mute = records, [], False
        self.log = log
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            query, client = self.s.recvfrom(4096)
            if not self.mute:
                self.s.sendto(self.answer(query), client)

    def answer(self, query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        kind, = struct.unpack("!H", query[at + 1:at + 3])
        name = ".".join(labels).lower()
        self.asked.append((name, TYPES.get(kind, kind)))
        self.log(self.asked[-1])
        values = self.records.get((name, TYPES.get(kind)), [])
        exists = any(known == name for known, _ in self.records)
        out = query[:2] + struct.pack(
            "!HHHHH", 0x8580 | (0 if exists else 3), 1, len(values), 0, 0)
        out += query[12:at + 5]
        for value in values:
            data = (ipaddress.ip_address(value).packed if kind in (1, 28)
                    else wire(value))
            if kind == 15:
                data = b"\0\x0a" + data
            out += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data))
            out += data
        return out


if __name__ == "__main__":
    words = sys.argv[1:]
    server = NameServer(
        {(name, kind): [value]
         for name, kind, value in zip(words[::3], words[1::3], words[2::3])},
        lambda question: print("asked", *question, flush=True))
    print("READY PORT", server.port, flush=True)
    threading.Event().wait()
