"""A TCP port of 127.0.0.1 that nobody uses.

Not one that the kernel gives to clients: who asks for such a port again and
again, once its server is gone, is at last connected to itself.
"""
import random
import socket

FIRST, LAST = 10240, 32767  # below net.ipv4.ip_local_port_range


def free_port():
    while True:
        port = random.randint(FIRST, LAST)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


if __name__ == "__main__":
    print(free_port())
