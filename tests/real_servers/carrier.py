"""Carries packets between two TUN devices in two namespaces, late or not at all.

Run as ``carrier.py NAMESPACE DEVICE NAMESPACE DEVICE DELAY LOSS SEED``: delay in seconds each way, loss as a share of 1,
drawn from a seed.  The order of packets is kept.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import fcntl
import os
import random
import select
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

MTU = 1500
AT_ONCE = 64
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_CLONE_NEWNET = 0x40000000


def open_device(namespace: str, device: str) -> int:
    """Return a file descriptor of a TUN device in a namespace; the calling thread moves into the namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", namespace).open("rb") as handle:
        if libc.setns(handle.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    number = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(number, _TUNSETIFF, struct.pack("16sH14x", device.encode(), _IFF_TUN_NO_PI))
    return number


def waiting(end: int) -> Iterator[bytes]:
    """Yield the packets that a device has now, at most so many that the other side gets its turn."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(AT_ONCE):
            yield os.read(end, MTU)


def carry(ends: tuple[int, int], delay: float, loss: float, seed: int) -> None:
    """Move packets until killed."""
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    under_way: collections.deque[tuple[float, int, bytes]] = collections.deque()
    dice = random.Random(seed)
    while True:
        patience = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        readable, _, _ = select.select(ends, [], [], patience)
        now = time.monotonic()
        for end in readable:
            for packet in waiting(end):
                if not loss or dice.random() >= loss:
                    under_way.append((now + delay, other[end], packet))
        while under_way and under_way[0][0] <= now:
            _, end, packet = under_way.popleft()
            try:
                os.write(end, packet)
            except (BlockingIOError, OSError) as error:  # a full queue or a device that is down loses packets
                print(error, file=sys.stderr)


def main() -> None:
    """Open both ends and carry."""
    first, device, second, other_device, delay, loss, seed = sys.argv[1:]
    ends = (open_device(first, device), open_device(second, other_device))
    print("ready", flush=True)
    carry(ends, float(delay), float(loss), int(seed))


if __name__ == "__main__":
    main()
