"""The server's end of a simulated connection: what is written arrives later, and sometimes late.

An answer is due one round trip after the bytes that it answers, or one censor's round trip if the censor gives it.  A lost
flight costs one retransmission time-out.  The delay is kept by a queue, not by the server: a server never waits for its own
words, so two answers to one question do not cost two round trips.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import random
import socket
from typing import Final

import msgspec

from diagnostics.model import Fact
from diagnostics.streams import READ_SIZE, SocketStream, Stream

_SEGMENT: Final = 1448  # bytes that fit into one packet of Ethernet, as TCP cuts them
_QUEUE: Final = 64  # writes on their way before the server has to wait
_RETRANSMISSION: Final = 0.2  # seconds; Linux's smallest retransmission time-out (RFC 6298 says 1 s, kernels do not)
_FIRST_SYN_TIMEOUT: Final = 1.0  # seconds (RFC 6298 section 2.1); doubles with every further loss


class Line(Fact, frozen=True):
    """The distances and losses of a flow, in seconds and as a probability each way."""

    rtt: float
    censor_rtt: float
    loss: float = 0.0

    def lost(self, chance: random.Random) -> bool:
        """Tell whether one packet is lost one way."""
        return self.loss > 0 and chance.random() < self.loss

    def flight_delay(self, chance: random.Random) -> float:
        """Return how much later a flight and its answer come because of losses, in seconds."""
        delay, timeout = 0.0, max(_RETRANSMISSION, 2 * self.rtt)
        for _ in range(2):  # the way there and the way back
            if self.lost(chance):
                delay += timeout
        return delay

    def syn_delay(self, chance: random.Random) -> float:
        """Return how long a connection waits for the kernel to repeat a lost SYN (or its answer), in seconds."""
        delay, timeout = 0.0, _FIRST_SYN_TIMEOUT
        while self.lost(chance) or self.lost(chance):
            delay += timeout
            timeout *= 2
        return delay


class Shape(Fact, frozen=True):
    """What becomes of the server's bytes on their way: ``rate`` in bytes a second (0: unbounded), the rest in bytes."""

    rate: float = 0.0
    freeze_after: int | None = None
    cut_after: int | None = None


class _End(enum.Enum):
    FAREWELL = enum.auto()
    RESET = enum.auto()


class Wire(Stream):
    """A connection as its server sees it.  ``run`` must be running for anything to be sent."""

    def __init__(self, sock: socket.socket, line: Line, chance: random.Random) -> None:
        """Take over an accepted, non-blocking socket."""
        super().__init__()
        self._socket, self._below = sock, SocketStream(sock)
        self._loop = asyncio.get_running_loop()
        self._line, self._chance = line, chance
        self._heard = self._loop.time()
        self._fresh = True  # nothing was answered since the last bytes came
        self._late = 0.0
        self._queue: asyncio.Queue[tuple[float, bytes | _End]] = asyncio.Queue(_QUEUE)
        self._broken = False
        self._unread = bytearray()
        self._shape = Shape()
        self._free = 0.0  # when a shaped line has room for the next piece, by the loop's time

    def shape(self, shape: Shape) -> None:
        """From now on let the server's bytes through as ``shape`` says."""
        self._shape = shape

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what the client sent, as soon as it was sent: the delay is put on the answer."""
        if self._unread:
            data = bytes(self._unread[:limit])
            del self._unread[:limit]
            return data
        data = await self._below.read(limit)
        self._heard, self._fresh = self._loop.time(), True
        self.received += len(data)
        return data

    def unread(self, data: bytes) -> None:
        """Put bytes back, so that the next reader sees them first."""
        self._unread[:0] = data

    async def write(self, data: bytes) -> None:
        """Send ``data`` so that it arrives one round trip after the last bytes came.  Raises OSError."""
        if self._shape == Shape():
            await self._put(data)
            self.sent += len(data)
            return
        for start in range(0, len(data), _SEGMENT):
            await self._write_shaped(data[start : start + _SEGMENT])

    async def _write_shaped(self, piece: bytes) -> None:
        """Send one segment as far as the line lets it through."""
        shape = self._shape
        limit = shape.freeze_after if shape.cut_after is None else shape.cut_after
        room = len(piece) if limit is None else max(0, limit - self.sent)
        if piece[:room]:
            await self._put(piece[:room])
            self.sent += len(piece[:room])
        if room < len(piece) and shape.cut_after is not None:
            await self.reset()
            raise ConnectionResetError

    def come_near(self) -> None:
        """From now on everything is sent from where the censor stands."""
        self._line = msgspec.structs.replace(self._line, rtt=self._line.censor_rtt)

    async def reset(self) -> None:
        """Send a reset; nothing can be sent after it."""
        await self._put(_End.RESET)

    async def finish(self) -> None:
        """Say farewell after everything that was written, also when nobody is left to hear it: ``run`` ends by it."""
        if self._shape.freeze_after is not None and self.sent >= self._shape.freeze_after:
            with contextlib.suppress(OSError):
                await self.swallow()  # a frozen flow does not end either
        await self._queue.put((self._heard + self._line.rtt + self._late, _End.FAREWELL))

    async def swallow(self) -> None:
        """Read until the client leaves, and never answer."""
        while await self.read():
            pass

    def close(self) -> None:
        """Close at once, without what is still under way; for the end of the simulation."""
        self._below.close()

    async def run(self) -> None:
        """Send what is due until the connection ends."""
        while True:
            due, what = await self._queue.get()
            await asyncio.sleep(due - self._loop.time())
            if isinstance(what, bytes):
                await self._send(what)
            elif what is _End.RESET:
                self._broken = True
                self._below.reset()
                return
            else:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_WR)
                return

    async def _send(self, data: bytes) -> None:
        if not self._broken:
            try:
                await self._below.write(data)
            except OSError:  # the client has left; what is still queued has nowhere to go
                self._broken = True

    async def _put(self, what: bytes | _End) -> None:
        if self._broken:
            raise ConnectionResetError
        if self._fresh:
            self._fresh = False
            self._late = self._line.flight_delay(self._chance)
        due = self._heard + self._line.rtt + self._late
        if self._shape.rate and isinstance(what, bytes):
            self._free = max(self._free, due) + len(what) / self._shape.rate
            due = self._free
        await self._queue.put((due, what))
