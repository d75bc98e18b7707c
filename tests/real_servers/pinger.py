"""Echo requests, twenty a second: ``python -m tests.real_servers.pinger ADDRESS``, until its standard input ends.

Prints ``ready`` after the first reply, and in the end one JSON object: how many were sent, and which of them nobody answered in time.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import struct
import sys
import time

EVERY = 0.05
LATE = 2.0
"""Seconds between two requests, and those that the last reply may take."""

ECHO = struct.Struct("!BBHHH")


def checksum(data: bytes) -> int:
    """Return the Internet checksum of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(ident: int, number: int) -> bytes:
    """Return an echo request of 64 bytes."""
    body = bytes(56)
    check = checksum(ECHO.pack(8, 0, 0, ident, number) + body)
    return ECHO.pack(8, 0, check, ident, number) + body


def ping(address: str) -> dict[str, object]:
    """Send until nobody wants more, and return what came of it."""
    ident, sent, back = os.getpid() & 0xFFFF, 0, set[int]()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock, selectors.DefaultSelector() as either:
        sock.connect((address, 0))
        either.register(sock, selectors.EVENT_READ)
        either.register(sys.stdin, selectors.EVENT_READ)
        due, until = time.monotonic(), None
        while until is None or (len(back) < sent and time.monotonic() < until):
            now = time.monotonic()
            if until is None and now >= due:
                sock.send(request(ident, sent))
                sent, due = sent + 1, due + EVERY
            for key, _ in either.select(max(0.0, (due if until is None else until) - time.monotonic())):
                if key.fileobj is not sock:
                    either.unregister(sys.stdin)
                    until = time.monotonic() + LATE
                    continue
                kind, _, _, whose, number = ECHO.unpack_from(sock.recv(2048), 20)
                if (kind, whose) == (0, ident):
                    back.add(number)
                    if len(back) == 1:
                        print("ready", flush=True)
    return {"sent": sent, "lost": sorted(set(range(sent)) - back)}


if __name__ == "__main__":
    print(json.dumps(ping(sys.argv[1])))
