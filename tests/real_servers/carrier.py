"""Carries packets between two TUN devices in two namespaces, late, at a limited speed or not at all.

Run as ``carrier.py NAMESPACE DEVICE NAMESPACE DEVICE DELAY LOSS RATE SEED``: delay in seconds each way, loss as a share of 1,
drawn from a seed, rate in bytes a second each way (0: no limit).  The order of packets is kept.
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
QUEUE = 64 * 1024
"""Bytes that wait where the rate is limited; what comes on top is lost, as in any router."""

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


class Way:
    """One direction of the line."""

    def __init__(self, source: int, sink: int, delay: float, loss: float, rate: float, seed: int) -> None:
        """Carry from one device to the other; each direction throws its own dice."""
        self.source = source
        self._sink = sink
        self._delay, self._loss, self._rate = delay, loss, rate
        self._dice = random.Random(seed)
        self._under_way: collections.deque[tuple[float, bytes]] = collections.deque()
        self._idle_at = 0.0

    @property
    def next_arrival(self) -> float:
        """Return when the next packet is due, by the monotonic clock."""
        return self._under_way[0][0] if self._under_way else float("inf")

    def take(self, now: float) -> None:
        """Take what the device has, and lose some of it."""
        for packet in waiting(self.source):
            if not self._loss or self._dice.random() >= self._loss:
                self._send(packet, now)

    def _send(self, packet: bytes, now: float) -> None:
        leaves = now
        if self._rate:
            begins = max(now, self._idle_at)
            if (begins - now) * self._rate > QUEUE:
                return
            leaves = self._idle_at = begins + len(packet) / self._rate
        self._under_way.append((leaves + self._delay, packet))

    def deliver(self, now: float) -> None:
        """Hand over what is due."""
        while self.next_arrival <= now:
            _, packet = self._under_way.popleft()
            try:
                os.write(self._sink, packet)
            except OSError as error:  # a full queue or a device that is down loses packets
                print(error, file=sys.stderr)


def carry(ways: tuple[Way, Way]) -> None:
    """Move packets until killed."""
    by_source = {way.source: way for way in ways}
    while True:
        due = min(way.next_arrival for way in ways)
        patience = None if due == float("inf") else max(0.0, due - time.monotonic())
        readable, _, _ = select.select(list(by_source), [], [], patience)
        now = time.monotonic()
        for source in readable:
            by_source[source].take(now)
        for way in ways:
            way.deliver(now)


def main() -> None:
    """Open both ends and carry."""
    first, device, second, other_device, *numbers, seed = sys.argv[1:]
    delay, loss, rate = map(float, numbers)
    one, other = open_device(first, device), open_device(second, other_device)
    print("ready", flush=True)
    # each direction throws its own dice
    carry((Way(one, other, delay, loss, rate, 2 * int(seed)), Way(other, one, delay, loss, rate, 2 * int(seed) + 1)))


if __name__ == "__main__":
    main()
