"""The control channel on a network: packets over UDP or TCP, and the stream of bytes that TLS runs on."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import struct
from collections.abc import Callable
from typing import Final

from diagnostics.failures import TIMEOUT
from diagnostics.streams import READ_SIZE, Datagrams, Stream
from diagnostics.vpn.openvpn.crypt import HEAD, PacketError
from diagnostics.vpn.openvpn.packets import Channel

MOST_PACKET: Final = 4096
"""Bytes; a control packet has at most some 1500."""

MOST_STRANGE: Final = 200
"""Datagrams that are not of this session and are passed over; who sends more is not listened to."""

_LENGTH: Final = struct.Struct("!H")


class Line(abc.ABC):
    """Carries packets whole."""

    @abc.abstractmethod
    async def send(self, packet: bytes) -> None:
        """Send one packet.  Raises OSError."""

    @abc.abstractmethod
    async def receive(self) -> bytes:
        """Return the next packet.  Raises OSError, EOFError."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close at once; safe to call twice."""


class DatagramLine(Line):
    """Packets over UDP."""

    def __init__(self, flow: Datagrams) -> None:
        """Take over a flow."""
        self._flow = flow

    async def send(self, packet: bytes) -> None:
        """Send one datagram."""
        await self._flow.send(packet)

    async def receive(self) -> bytes:
        """Return the next datagram."""
        return await self._flow.receive(MOST_PACKET)

    def close(self) -> None:
        """Close the flow."""
        self._flow.close()


class StreamLine(Line):
    """Packets over TCP, each behind its length."""

    def __init__(self, stream: Stream) -> None:
        """Take over a stream."""
        self._stream = stream
        self._buffer = b""

    async def send(self, packet: bytes) -> None:
        """Send one packet."""
        await self._stream.write(_LENGTH.pack(len(packet)) + packet)

    async def receive(self) -> bytes:
        """Return the next packet; a length that no packet has is another protocol.  Raises PacketError."""
        while True:
            if len(self._buffer) >= _LENGTH.size:
                size = _LENGTH.unpack(self._buffer[:2])[0]
                if not HEAD < size <= MOST_PACKET:
                    raise PacketError
                if len(self._buffer) >= _LENGTH.size + size:
                    packet, self._buffer = self._buffer[2 : 2 + size], self._buffer[2 + size :]
                    return packet
            data = await self._stream.read(MOST_PACKET)
            if not data:
                raise EOFError
            self._buffer += data

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class ControlStream(Stream):
    """The bytes that TLS runs on.  Reading also sends: what is due again, and acknowledgements."""

    def __init__(self, line: Line, channel: Channel, patience: Callable[[], float]) -> None:
        """Run ``channel`` over ``line``; nothing that brings it on for ``patience()`` seconds is silence."""
        super().__init__()
        self._line = line
        self.channel = channel
        self.patience = patience
        self._loop = asyncio.get_running_loop()
        self._pending: asyncio.Task[bytes] | None = None
        self._moved = self._loop.time()

    async def greet(self, tries: Callable[[int], float], most: int, tell: Callable[[int], None]) -> bool:
        """Send the reset up to ``most`` times, waiting ``tries(number)`` seconds after each; tell whether it was answered.

        ``tell`` hears the number of each try.  Raises OSError, EOFError.
        """
        for number in range(1, most + 1):
            tell(number)
            await self._line.send(self.channel.reset())
            until = self._loop.time() + tries(number)
            while not self.channel.answered and (left := until - self._loop.time()) > 0:
                await self._take(left)
            if self.channel.answered:
                self._moved = self._loop.time()
                return True
        return False

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return bytes in order.  Raises TimeoutError once nothing has moved for too long, OSError, EOFError."""
        while True:
            if data := self.channel.read(limit):
                self.received += len(data)
                return data
            await self._send_due()
            left = self._moved + self.patience() - self._loop.time()
            if left <= 0:
                raise TimeoutError(TIMEOUT)
            due = self.channel.next_due()
            await self._take(left if due is None else max(min(left, due - self._loop.time()), 0.0))

    async def write(self, data: bytes) -> None:
        """Send bytes; they are repeated while somebody reads."""
        self.channel.write(data)
        self.sent += len(data)
        self._moved = self._loop.time()
        await self._send_due()

    async def settled(self, seconds: float) -> bool:
        """Wait at most so long until everything that was sent is acknowledged; tell whether it is."""
        with contextlib.suppress(OSError, EOFError):
            async with asyncio.timeout(seconds):
                await self._send_due()
                while (due := self.channel.next_due()) is not None:
                    await self._take(max(due - self._loop.time(), 0.0))
                    await self._send_due()
        return self.channel.next_due() is None

    async def _send_due(self) -> None:
        for wire in self.channel.due(self._loop.time()):
            await self._line.send(wire)

    async def _take(self, seconds: float) -> None:
        """Take the next packet if one comes within so many seconds; the receiving itself is never cancelled, so that none is lost."""
        if self._pending is None:
            self._pending = self._loop.create_task(self._line.receive())
        done, _ = await asyncio.wait([self._pending], timeout=seconds)
        if not done:
            return
        pending, self._pending = self._pending, None
        try:
            if self.channel.take(pending.result()):
                self._moved = self._loop.time()
        except PacketError:
            if isinstance(self._line, StreamLine) or self.channel.strange > MOST_STRANGE:
                raise

    def close(self) -> None:
        """Close the line, once nobody waits for it any more: its number may soon be another socket's."""
        if self._pending is None:
            self._line.close()
            return
        pending, self._pending = self._pending, None
        pending.cancel()
        pending.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[bytes]) -> None:
        """Close the line; how the last receiving ended is nobody's concern."""
        if not task.cancelled():
            task.exception()
        self._line.close()
