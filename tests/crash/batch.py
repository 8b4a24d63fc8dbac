# SPDX-License-Identifier: ISC
"""Reads queue files by the text of src/queue/batch.h, not by its code, so
that the tests have an opinion of their own about what is whole."""

import os
import re

MAGIC = b"waypost-batch 1\n"
RECORD = re.compile(
    rb"M (\d{8}) (\d{12}) ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8})\n")
END = re.compile(rb"END (\d{8}) (\d{16}) ([0-9a-f]{8})\n")
SEAL = 9  # a CRC and the line's end


def table():
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        yield n


CASTAGNOLI = tuple(table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for octet in data:
        crc = crc >> 8 ^ CASTAGNOLI[(crc ^ octet) & 255]
    return crc ^ 0xFFFFFFFF


def sealed(line):
    return crc32c(line[:-SEAL]) == int(line[-SEAL:-1], 16)


class Torn(Exception):
    pass


def read(path):
    """The messages of a batch as (envelope, message); Torn if not whole."""
    with open(path, "rb") as file:
        raw = file.read()
    if not raw.startswith(MAGIC):
        raise Torn("no magic")
    at, messages = len(MAGIC), []
    while match := RECORD.match(raw, at):
        if not sealed(match.group(0)):
            raise Torn("record line")
        lengths = [int(match.group(i)) for i in (1, 2)]
        parts, at = [], match.end()
        for length, crc in zip(lengths, (match.group(3), match.group(4))):
            part = raw[at:at + length]
            if len(part) != length or crc32c(part) != int(crc, 16):
                raise Torn("message %d" % (len(messages) + 1))
            parts.append(part)
            at += length
        messages.append(tuple(parts))
    match = END.match(raw, at)
    if not match or match.end() != len(raw) or not sealed(match.group(0)):
        raise Torn("end")
    if int(match.group(1)) != len(messages) or int(match.group(2)) != at:
        raise Torn("counts")
    return messages


def read_all(directory):
    """Every message in a directory; Torn if any file is not whole."""
    return [m for name in sorted(os.listdir(directory))
            for m in read(os.path.join(directory, name))]
