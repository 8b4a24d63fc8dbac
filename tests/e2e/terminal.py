#!/usr/bin/python3
"""Runs a command on a terminal of 24 lines and 80 columns, and acts.

terminal.py [--stdout FILE] [PATTERN ACT]... -- COMMAND...

Waits until the terminal has shown PATTERN since the act before, then acts:
"^C" and "^Z" are typed, "small" makes it 6 lines high, "close" closes it,
"cont" continues a stopped command (PATTERN "" waits until it has stopped).
Prints what was shown, control characters escaped, then "exit N" or
"signal N"."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios


def resize(fd, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))


arguments = sys.argv[1:]
output = None
if arguments[0] == "--stdout":
    output = arguments[1]
    del arguments[:2]
split = arguments.index("--")
script, command = arguments[:split], arguments[split + 1:]
pid, master = pty.fork()
if pid == 0:
    resize(0, 24)
    if output:
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT, 0o600), 1)
    os.execvp(command[0], command)
shown, seen = b"", 0


def more():
    """Read on; false at the end of the terminal."""
    global shown
    try:
        data = os.read(master, 4096)
    except OSError:  # EIO: nobody has it open any more
        return False
    shown += data
    return data != b""


for pattern, act in zip(script[::2], script[1::2]):
    while pattern and pattern.encode() not in shown[seen:]:
        if not more():
            break
    if not pattern:
        os.waitpid(pid, os.WUNTRACED)
    while select.select([master], [], [], 0)[0] and more():
        pass
    seen = len(shown)
    if act == "small":
        resize(master, 6)
    elif act == "close":
        os.close(master)
        master = -1
    elif act == "cont":
        os.kill(pid, signal.SIGCONT)
    else:
        os.write(master, {"^C": b"\x03", "^Z": b"\x1a"}[act])
while master >= 0 and more():
    pass
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
text = shown.decode(errors="replace").replace("\r\n", "\n")
print("".join(c if c >= " " or c == "\n" else
              {"\x1b": "<ESC>", "\r": "<CR>"}.get(c, "<%d>" % ord(c))
              for c in text))
print("signal %d" % -code if code < 0 else "exit %d" % code)
