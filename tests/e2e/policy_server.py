#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""policy_server.py CERT KEY DIRECTORY LOG: MTA-STS policies over HTTPS on
127.0.0.1:443; the policy of mta-sts.DOMAIN is DIRECTORY/DOMAIN.  A file of
that name with .redirect, .html or .endless is answered as it says."""

import http.server
import os
import ssl
import sys

CERT, KEY, DIRECTORY, LOG = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        host = self.headers.get("Host", "")
        domain = os.path.basename(host.removeprefix("mta-sts."))
        path = os.path.join(DIRECTORY, domain)
        with open(LOG, "a") as log:
            log.write("%s %s\n" % (host, self.path))
        if self.path != "/.well-known/mta-sts.txt" or \
                not os.path.exists(path):
            self.send_error(404)
            return
        with open(path, "rb") as f:
            text = f.read()
        if os.path.exists(path + ".redirect"):
            self.send_response(302)
            self.send_header("Location", "https://mta-sts.enforce.plain.test"
                             "/.well-known/mta-sts.txt")
            self.end_headers()
            return
        kind = "html" if os.path.exists(path + ".html") else "plain"
        self.send_response(200)
        self.send_header("Content-Type", "text/%s; charset=utf-8" % kind)
        self.end_headers()
        try:
            self.wfile.write(text)
            while os.path.exists(path + ".endless"):
                self.wfile.write(b"mx: x.example\r\n" * 1000)
        except OSError:
            pass

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
