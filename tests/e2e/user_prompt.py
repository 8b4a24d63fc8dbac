#!/usr/bin/python3
"""Runs a command on a terminal of its own and types passwords.

user_prompt.py PATTERN TYPED [PATTERN TYPED]... -- COMMAND...

Waits for each PATTERN, then types TYPED and Enter; "^C" is an interrupt.
Prints what the terminal showed, then "echo on" or "echo off" and the exit
status or the signal.
"""
import fcntl
import os
import pty
import select
import sys
import termios

split = sys.argv.index("--")
script, command = sys.argv[1:split], sys.argv[split + 1:]
# The open slave keeps the settings readable after the command has ended.
master, slave = pty.openpty()
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)
    os.execvp(command[0], command)
shown = b""


def read(until=None):
    """Read until a pattern comes, or until the command has ended."""
    global shown
    start = len(shown)
    while until is None or until not in shown[start:]:
        if not select.select([master], [], [], 0.1)[0]:
            if until is None and ended():
                return
            continue
        shown += os.read(master, 1000)


status = None


def ended():
    global status
    if status is None:
        done, code = os.waitpid(pid, os.WNOHANG)
        if done:
            status = code
    return status is not None


for pattern, typed in zip(script[::2], script[1::2]):
    read(pattern.encode())
    os.write(master, b"\x03" if typed == "^C" else typed.encode() + b"\n")
read()
echo = termios.tcgetattr(slave)[3] & termios.ECHO
sys.stdout.write(shown.decode(errors="replace").replace("\r", ""))
print("echo", "on" if echo else "off")
if os.WIFSIGNALED(status):
    print("signal", os.WTERMSIG(status))
else:
    print("exit", os.WEXITSTATUS(status))
