#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""An SMTP server (aiosmtpd) whose users log in with bearer tokens.

  oauth_server.py --cert FILE --key FILE --user NAME --tokens FILE --log FILE
                  [--mechanisms XOAUTH2,OAUTHBEARER]

It prints "READY PORT n".  STARTTLS is demanded before AUTH.  The tokens that
are good now stand in FILE, one on each line, read again for each login.  The
log has "login MECHANISM TOKEN yes|no" (an unknown token is written in repr),
"message FROM RCPT..." and nothing else.
"""
import argparse
import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Server(SMTP):
    line_length_limit = 12288  # RFC 4954 section 4; tokens are long


class Handler:
    def __init__(self, options):
        self.o = options

    def log(self, text):
        with open(self.o.log, "a", encoding="utf-8") as f:
            f.write(text + "\n")

    async def login(self, server, mechanism, args, parse, last):
        text = args[1] if len(args) > 1 else None
        if text is None:
            given = await server.challenge_auth("")
        else:
            given = base64.b64decode(text)
        try:
            user, token = parse(given.decode("ascii"))
        except (ValueError, UnicodeDecodeError):
            user, token = None, repr(given)
        with open(self.o.tokens, encoding="utf-8") as f:
            good = user == self.o.user and token in f.read().split("\n")
        self.log("login %s %s %s" % (mechanism, token,
                                     "yes" if good else "no"))
        if good:
            return AuthResult(success=True, auth_data=user)
        # As the providers do: the cause as a challenge, then a 535.
        why = json.dumps({"status": "invalid_token", "schemes": "bearer"})
        answer = await server.challenge_auth(why)
        if answer not in last:
            self.log("odd answer %r" % (answer,))
        return AuthResult(success=False, handled=False)

    async def auth_XOAUTH2(self, server, args):
        def parse(s):
            user, auth, *rest = s.split("\1")
            if not user.startswith("user=") or rest != ["", ""] or \
                    not auth.startswith("auth=Bearer "):
                raise ValueError
            return user[5:], auth[12:]
        return await self.login(server, "XOAUTH2", args, parse,
                                (b"", b"\1"))

    async def auth_OAUTHBEARER(self, server, args):
        def parse(s):
            head, *fields = s.split("\1")
            if fields[-2:] != ["", ""]:
                raise ValueError
            gs2 = head.split(",")
            if gs2[0] != "n" or not gs2[1].startswith("a="):
                raise ValueError
            fields = dict(f.split("=", 1) for f in fields[:-2])
            if not fields["auth"].startswith("Bearer "):
                raise ValueError
            return gs2[1][2:], fields["auth"][7:]
        return await self.login(server, "OAUTHBEARER", args, parse, (b"\1",))

    async def handle_DATA(self, server, session, envelope):
        self.log("message %s %s" % (envelope.mail_from,
                                    " ".join(envelope.rcpt_tos)))
        return "250 2.0.0 taken"


async def run(o):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(o.cert, o.key)
    handler = Handler(o)
    leave = {"XOAUTH2", "OAUTHBEARER", "PLAIN", "LOGIN"} - \
        set(o.mechanisms.split(","))

    def make():
        return Server(handler, hostname="mx.example", tls_context=context,
                      require_starttls=True, auth_required=True,
                      auth_exclude_mechanism=sorted(leave), loop=loop)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", 0)
    print("READY PORT %d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


p = argparse.ArgumentParser(usage=__doc__)
for name in ("cert", "key", "user", "tokens", "log"):
    p.add_argument("--" + name, required=True)
p.add_argument("--mechanisms", default="XOAUTH2,OAUTHBEARER")
sys.dont_write_bytecode = True
asyncio.run(run(p.parse_args()))
