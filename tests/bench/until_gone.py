#!/usr/bin/python3
"""waypostd's log on stdin, copied to FILE; prints the seconds from the start
of the reading until the N-th message was gone, that is answered for all its
recipients.  What waypostd does after that (removing files) is not counted.

    waypostd ... 2>&1 | until_gone.py N FILE
"""
import sys
import time

wanted = int(sys.argv[1])
began = time.monotonic()
gone = 0
with open(sys.argv[2], "wb") as copy:
    for line in sys.stdin.buffer:
        copy.write(line)
        if b": gone id=" in line:
            gone += 1
            if gone == wanted:
                print("%.3f" % (time.monotonic() - began))
sys.exit(gone < wanted)
