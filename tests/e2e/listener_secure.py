# SPDX-License-Identifier: ISC
"""TLS, AUTH and the unix socket of one listener, for listener.py."""

import base64
import os
import re
import shutil
import subprocess

from dialog import Peer, free_port, fresh, plain, until, verifier


def secure(tap, h):
    """A44, F01-F04, F06."""
    tls = 'certificate = "%s" key = "%s"' % (h.path("one.crt"),
                                             h.path("one.key"))
    p = fresh(h, lambda p: "STARTTLS" not in p.ehlo())
    tap.starts("A44 no key: not offered, refused", p.cmd("STARTTLS"), "502")
    h.write("users", verifier("joe", "secret"), 0o600)
    port = free_port()
    listen = {"lan": "", "strict":
              'address = "127.0.0.1:%d" require-tls = true' % port,
              "smtps": 'address = "127.0.0.1:%d" tls = implicit'
              % free_port(), "mine": 'address = "127.0.0.1:%d" '
              'require-auth = true' % free_port()}
    h.configure(listen=listen, tls=tls)
    ports = {name: int(re.search(r":(\d+)", body).group(1))
             for name, body in listen.items() if name != "lan"}
    for name in ports:
        tap.ok("listener %s opens live" % name,
               h.wait_log("listening listener=%s " % name), h.logged())
    p = until(lambda: ready(ports["strict"]))
    tap.starts("A44 require-tls: MAIL", p.cmd("MAIL FROM:<a@b.test>"),
               "530 5.7.0 Must issue a STARTTLS")
    tap.starts("F02 STARTTLS with an argument", p.cmd("STARTTLS x"), "501")
    tap.starts("F01 STARTTLS", p.cmd("STARTTLS"), "220 2.0.0")
    p.wrap()
    tap.starts("F03 EHLO is forgotten", p.cmd("MAIL FROM:<a@b.test>"), "503")
    answer = p.ehlo()
    tap.ok("F02 no STARTTLS inside; AUTH now", "STARTTLS" not in answer and
           "250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" in answer,
           answer)
    tap.starts("F02 twice", p.cmd("STARTTLS"), "503")
    tap.starts("A7 wrong password", p.cmd(plain("joe", "wrong")), "535")
    tap.starts("A7 right one", p.cmd(plain("joe", "secret")), "235")
    h.clear()
    tap.starts("A7 relay", p.mail("joe@example.com", "u@remote.test"), "250")
    text = h.messages()[0][1]
    tap.ok("Received: with ESMTPSA", b"\twith ESMTPSA id" in text, text)
    tap.ok("the user is in the log and the envelope",
           "user=joe from=joe@example.com" in h.logged() and
           dict(h.messages()[0][0])["source"].endswith("user=joe"),
           h.logged())
    p = until(lambda: ready(h.port))
    p.send("STARTTLS\r\nNOOP\r\nNOOP\r\n")
    p.reply()
    p.wrap()
    tap.starts("F01 what came behind it in clear is gone", p.ehlo("x"),
               "250-mx.example.com\n250-SIZE")
    tap.starts("F04 AUTH in clear", until(lambda: ready(h.port)).cmd(
        plain("joe", "secret")), "538 5.7.11")
    p = h.peer()
    p.ehlo()
    p.cmd("MAIL FROM:<a@b.test>")
    tap.starts("F02 in a transaction", p.cmd("STARTTLS"), "503")
    tap.starts("F02 before EHLO", h.peer().cmd("STARTTLS"), "503")
    p = Peer(ports["smtps"], greeting=False).wrap()
    tap.starts("implicit TLS: greeting", p.reply(), "220")
    p.ehlo()
    tap.starts("implicit TLS", p.mail("a@b.test", "joe@example.com"), "250")
    p = until(lambda: ready(ports["mine"]))
    tap.starts("F19 require-auth", p.cmd("MAIL FROM:<a@b.test>"), "530 5.7.0")
    p.starttls()
    p.ehlo()
    login = p.cmd("AUTH LOGIN"), p.cmd(base64.b64encode(b"joe").decode())
    tap.eq("LOGIN asks twice", [x[:3] for x in login], ["334", "334"])
    tap.starts("LOGIN", p.cmd(base64.b64encode(b"secret").decode()), "235")
    tap.starts("F12 AUTH twice", p.cmd(plain("joe", "secret")), "503")
    openssl(tap, h, ports)
    h.clear()


def ready(port):
    """Its configuration and key are loaded?"""
    p = Peer(port)
    return p if "STARTTLS" in p.ehlo() else None


def openssl(tap, h, ports):
    for version, good in (("tls1_3", True), ("tls1_2", True),
                          ("tls1_1", False)):
        out = subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % h.port,
             "-starttls", "smtp", "-" + version, "-cipher",
             "DEFAULT@SECLEVEL=0", "-CAfile", h.path("one.crt"),
             "-verify_return_error", "-verify_hostname", "mx.example.com",
             "-crlf", "-quiet"], input=b"QUIT\n", timeout=20,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        said = out.stdout.decode("latin-1")
        tap.ok("F06 s_client -%s" % version,
               ("221 2.0.0" in said or out.returncode == 0) == good and
               ("handshake failure" in said or "alert" in said or
                "error" in said) != good, out.returncode, said)
    out = subprocess.run(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % ports["smtps"],
         "-CAfile", h.path("one.crt"), "-verify_return_error", "-quiet",
         "-crlf"], input=b"QUIT\n", timeout=20, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False)
    tap.eq("s_client, implicit TLS", out.returncode, 0)


def unix_socket(tap, h):
    path = h.path("smtp.sock")
    h.configure(listen={"lan": "", "local": 'address = "%s"' % path})
    h.wait_log("listening listener=local ")
    h.clear()
    p = until(lambda: listener_up(path))
    tap.starts("unix socket: mail of this host, anywhere", p.mail(
        "a@example.com", "u@remote.test", "Subject: t\r\n\r\nx\r\n"), "250")
    (envelope, text), = h.messages()
    tap.eq("... source", dict(envelope)["source"],
           "socket uid=%d" % os.getuid())
    tap.ok("... its header is completed", b"\r\nDate: " in text and
           b"\r\nMessage-ID: " in text, text)
    tap.ok("... Received tells the uid", b"(uid %d)" % os.getuid() in text,
           text)
    tap.eq("... open for all", os.stat(path).st_mode & 0o777, 0o666)
    h.clear()


def listener_up(path):
    p = Peer(path)
    return p if p.greeting.startswith("220") and p.ehlo()[:3] == "250" else None


def swaks(port, *arguments):
    out = subprocess.run(
        ["swaks", "--server", "127.0.0.1:%d" % port, "--ehlo", "swaks.test",
         "--from", "a@b.test", "--to", "u@remote.test", "-tls"]
        + list(arguments), stdin=subprocess.DEVNULL, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return out.returncode, out.stdout.decode("latin-1")


def users(tap, h):
    """`waypost user` and swaks; F17, F20."""
    if not os.access(h.build + "/waypost", os.X_OK):
        print("# no waypost user")
        return

    def user(*arguments, password=""):
        return subprocess.run(
            [h.build + "/waypost", "-C", h.conf, "user"] + list(arguments),
            input=password.encode(), check=False).returncode
    tap.eq("waypost user add", user("add", "--senders", "@b.test", "ann",
                                    password="p\xe4ss word\n"), 0)
    p = until(lambda: ready(h.port))
    p.starttls()
    p.ehlo()
    tap.starts("... is known at once", until(
        lambda: (lambda r: r[0] == "2" and r)(p.cmd(plain(
            "ann", "p\xe4ss word")))) or "", "235")
    tap.starts("F20 a sender of another", p.cmd("MAIL FROM:<x@c.test>"),
               "553 5.7.1")
    tap.starts("F20 one of hers", p.cmd("MAIL FROM:<x@b.test>"), "250")
    p.cmd("RSET")
    if shutil.which("swaks"):
        for mechanism in ("PLAIN", "LOGIN"):
            h.clear()
            code, said = swaks(h.port, "--auth", mechanism, "--auth-user",
                               "ann", "--auth-password", "p\xe4ss word")
            tap.ok("swaks, %s" % mechanism, code == 0, said)
            tap.eq("... queued", h.rcpts(), ["u@remote.test"])
        code, said = swaks(h.port)
        tap.ok("swaks without AUTH: 550", code == 24 and
               "550 5.7.1 Unable to relay for u@remote.test" in said, code,
               said)
    tap.eq("waypost user remove", user("remove", "ann"), 0)
    tap.ok("F17 removed: next MAIL 530", until(
        lambda: p.cmd("MAIL FROM:<x@b.test>").startswith("530") or
        (p.cmd("RSET"), None)[1]))
    h.clear()
