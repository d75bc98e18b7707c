"""Byte streams over non-blocking sockets, in the clear and under TLS.

Both are used by the real network, by the simulated one and by its servers.  Closing is immediate: a run that is
cancelled leaves no socket behind.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import socket
import ssl
import struct
from typing import Self

READ_SIZE = 65536
MOST_AT_ONCE = 32
"""Datagrams that are handed out before everything else gets its turn."""

_LINGER_RESET = struct.pack("ii", 1, 0)


class Stream(abc.ABC):
    """A reliable byte stream.  ``received`` and ``sent`` count its bytes."""

    def __init__(self) -> None:
        """Start the counters."""
        self.received = 0
        self.sent = 0

    @property
    def raw_received(self) -> int:
        """Return the bytes that came over the connection itself, encryption included."""
        return self.received

    @abc.abstractmethod
    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return at least one byte and at most ``limit``; ``b""`` once the peer has closed.  Raises OSError."""

    @abc.abstractmethod
    async def write(self, data: bytes) -> None:
        """Send all of ``data``.  Raises OSError."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close at once; safe to call twice."""

    async def __aenter__(self) -> Self:
        """Return the stream itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the stream."""
        self.close()


class SocketStream(Stream):
    """A TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected, non-blocking socket."""
        super().__init__()
        self._socket = sock
        self._loop = asyncio.get_running_loop()

    @property
    def peer_port(self) -> int:
        """Return the other side's port."""
        return int(self._socket.getpeername()[1])

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what has arrived, or ``b""`` at the end."""
        data = await self._loop.sock_recv(self._socket, limit)
        self.received += len(data)
        return data

    async def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        await self._loop.sock_sendall(self._socket, data)
        self.sent += len(data)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def reset(self) -> None:
        """Close with a TCP reset instead of a farewell."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self._socket.close()


class TlsStream(Stream):
    """TLS over another stream, by way of ``ssl.MemoryBIO``: every byte passes through our hands and can be timed."""

    def __init__(self, below: Stream, context: ssl.SSLContext, *, server_name: str | None = None, server: bool = False) -> None:
        """Prepare a session; nothing is sent before ``handshake``."""
        super().__init__()
        self.below = below
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=server_name)

    @property
    def raw_received(self) -> int:
        """Return the bytes that came in below the encryption."""
        return self.below.raw_received

    def feed(self, data: bytes) -> None:
        """Hand over bytes that were read from the stream below before TLS began."""
        self._in.write(data)

    async def handshake(self) -> None:
        """Shake hands and, for a client, verify the certificate.  Raises ssl.SSLError, OSError."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()  # our alert, so that the server is not left waiting
                raise
            else:
                await self._flush()
                return

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return decrypted bytes, or ``b""`` at the end."""
        while True:
            try:
                data = self.tls.read(limit)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            else:
                self.received += len(data)
                return data

    async def write(self, data: bytes) -> None:
        """Encrypt and send ``data``."""
        self.tls.write(data)
        self.sent += len(data)
        await self._flush()

    def close(self) -> None:
        """Close the connection below."""
        self.below.close()

    async def _flush(self) -> None:
        if data := self._out.read():
            await self.below.write(data)

    async def _fill(self) -> None:
        if data := await self.below.read():
            self._in.write(data)
        else:
            self._in.write_eof()


class Datagrams:
    """A connected UDP socket: only the peer's datagrams arrive, and ICMP errors become OSError."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected, non-blocking datagram socket."""
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._watched = False
        self._at_once = 0

    async def send(self, data: bytes) -> None:
        """Send one datagram.  Raises OSError."""
        await self._loop.sock_sendall(self._socket, data)

    async def receive(self, limit: int = READ_SIZE) -> bytes:
        """Return the next datagram.  Raises OSError (an ICMP error of an earlier send appears here).

        Whoever is cancelled while waiting loses none: ``sock_recv`` alone would drop one that comes in the very moment in which a
        deadline rings.
        """
        self._at_once += 1
        if self._at_once >= MOST_AT_ONCE:  # whoever floods us must not keep deadlines from ringing
            self._at_once = 0
            await asyncio.sleep(0)
        while True:
            with contextlib.suppress(BlockingIOError, InterruptedError):
                return self._socket.recv(limit)
            self._at_once = 0
            try:
                await self._readable()
            except NotImplementedError:  # Windows' proactor has no readers
                return await self._loop.sock_recv(self._socket, limit)

    async def _readable(self) -> None:
        """Return when there is something to read."""
        ready = asyncio.Event()
        self._loop.add_reader(self._socket, ready.set)
        self._watched = True
        try:
            await ready.wait()
        finally:
            self._unwatch()

    def _unwatch(self) -> None:
        """Forget the socket while its number is still its own."""
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._socket)

    def close(self) -> None:
        """Close the socket."""
        self._unwatch()
        self._socket.close()

    async def __aenter__(self) -> Self:
        """Return the flow itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the socket."""
        self.close()
