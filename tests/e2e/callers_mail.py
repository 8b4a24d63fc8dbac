#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Is a message of the drop directory what was expected?

  callers_mail.py MESSAGE EXIT-CODE WANTED

WANTED has lines of a word and a value, in any order; of each word that is
there, the message must have exactly these values.

  exit CODE          of the program that sent it
  sender ADDRESS     envelope ("" for the null sender)
  rcpt ADDRESS       envelope; one line for each
  subject, from, to, cc, date, content-type...  VALUE   fields, decoded
  no NAME            there is no such field
  body TEXT          all octets of the decoded text; escapes as in Python
  has REGEX          somewhere in the decoded text, at a line's begin
"""
import email
import email.policy
import re
import sys


def text_of(message):
    part = message.get_body(("plain", "html")) or message
    data = part.get_payload(decode=True) or b""
    charset = part.get_content_charset("utf-8").replace("us-ascii", "utf-8")
    return data.decode(charset, "surrogateescape").replace("\r\n", "\n")


def main():
    path, code, wanted_path = sys.argv[1:]
    with open(path, "rb") as file:
        raw = file.read()
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    text = text_of(message)
    wanted = {}
    with open(wanted_path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            word, _, value = line.partition(" ")
            wanted.setdefault(word, []).append(value)
    faults = []
    if re.search(rb"(?<!\r)\n|\r(?!\n)", raw):
        faults.append("a bare CR or LF")
    for word, values in wanted.items():
        if word == "has":
            faults += ["no line %r" % v for v in values
                       if not re.search("^" + v, text, re.M)]
            continue
        if word == "no":
            faults += ["a field %s" % v for v in values if v in message]
            continue
        if word == "body":
            values = [v.encode("latin-1", "backslashreplace").decode(
                "unicode_escape") for v in values]
        got = ([code] if word == "exit" else
               [text] if word == "body" else
               sorted(v.strip("<>") for v in
                      message.get_all("x-sender", [])) if word == "sender" else
               sorted(message.get_all("x-receiver", [])) if word == "rcpt"
               else [re.sub(r"\s+", " ", v)
                     for v in message.get_all(word, [])])
        if got != (sorted(values) if word == "rcpt" else values):
            faults.append("%s: %r, not %r" % (word, got, values))
    for fault in faults:
        print(fault)
    if faults:
        print(raw.decode("latin-1")[:3000])
    return bool(faults)


sys.exit(main())
