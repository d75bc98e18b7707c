"""Datagrams through a SOCKS5 proxy: UDP ASSOCIATE (RFC 1928, sections 4, 6 and 7).

The proxy names a port that takes datagrams for as long as the connection over which it was asked stays open: an ``Association``.  What is
sent there goes on to whomever it is addressed to; what comes back says where it came from.  That address is not looked at: proxies
disagree on what they write there, and every protocol that is spoken through here knows its own answers by random numbers.
"""

from __future__ import annotations

import asyncio
import errno
import os
import struct
from typing import Final, Self

from diagnostics.network import Network
from diagnostics.routes.link import Link
from diagnostics.routes.socks import ADDRESS_BYTES, REPLIES, greet5, socks_address
from diagnostics.routes.tunnel import BAD_REPLY, ProxyRefusal, Reader
from diagnostics.streams import READ_SIZE, Datagrams, Stream

_VERSION: Final = 5
_ASSOCIATE: Final = b"\x05\x03\x00"
_NAME: Final = 3
_HEAD: Final = 4
"""Bytes in front of an address: two that are reserved, the number of a fragment, and the kind of address."""


async def associate(link: Link, stream: Stream) -> int:
    """Ask a SOCKS5 proxy to carry datagrams and return the port at which it takes them.  Raises ProxyRefusal, EOFError, OSError.

    It takes them at its own address, which is also what 0.0.0.0 in its reply means: another one that it names may be private, or
    somebody else's, and is never followed.
    """
    reader = Reader(stream)
    await greet5(link, stream, reader)
    await stream.write(_ASSOCIATE + socks_address("0.0.0.0", 0))  # noqa: S104 - RFC 1928: from wherever we will send
    version, reply, _, kind = await reader.exactly(_HEAD)
    if version != _VERSION:
        raise ProxyRefusal(BAD_REPLY, "no SOCKS5 reply")
    if reply != 0:
        raise ProxyRefusal(REPLIES.get(reply, "socks_error"), f"reply {reply}", reply=reply)
    size = (await reader.exactly(1))[0] if kind == _NAME else ADDRESS_BYTES.get(kind)
    if size is None:
        raise ProxyRefusal(BAD_REPLY, "an unknown kind of address", reply=reply)
    port = int(struct.unpack("!H", (await reader.exactly(size + 2))[-2:])[0])
    if port == 0:
        raise ProxyRefusal(BAD_REPLY, "no port for datagrams", reply=reply)
    return port


def framed(data: bytes, host: str, port: int) -> bytes:
    """Return a datagram as it goes to the proxy (RFC 1928, section 7)."""
    return b"\0\0\0" + socks_address(host, port) + data


def unframed(wire: bytes) -> bytes | None:
    """Return what a datagram of the proxy carries, or None for a fragment and for bytes that are none."""
    if len(wire) <= _HEAD or wire[:3] != b"\0\0\0":
        return None
    size = 1 + wire[_HEAD] if wire[3] == _NAME else ADDRESS_BYTES.get(wire[3])
    return None if size is None or len(wire) < _HEAD + size + 2 else wire[_HEAD + size + 2 :]


class Association:
    """A proxy's promise to carry datagrams; ``close`` ends it, and so does the proxy by closing the connection."""

    def __init__(self, control: Stream, below: Datagrams) -> None:
        """Take over the connection over which the proxy was asked, and a flow to the port that it named."""
        self._control = control
        self._below = below
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Task[None] = self._loop.create_task(self._listen())
        self._arriving: asyncio.Task[bytes] | None = None

    async def _listen(self) -> None:
        """Return once the proxy has closed the connection; nothing that it could say there matters."""
        while await self._control.read():
            pass

    def toward(self, host: str, port: int) -> RelayedDatagrams:
        """Return a flow to one peer; a name is looked up by the proxy."""
        return RelayedDatagrams(self, host, port)

    async def send(self, data: bytes, host: str, port: int) -> None:
        """Send one datagram on its way.  Raises OSError."""
        self._insist()
        await self._below.send(framed(data, host, port))

    async def receive(self) -> bytes:
        """Return what the next datagram carries, whoever sent it.  Raises OSError (an ICMP error is the proxy's, not the peer's).

        Whoever is cancelled while waiting loses none: the next one who waits gets it.
        """
        while True:
            if self._arriving is None:
                self._insist()
                self._arriving = self._loop.create_task(self._below.receive())
            await asyncio.wait((self._arriving, self._over), return_when=asyncio.FIRST_COMPLETED)
            if not self._arriving.done():
                self._insist()
            arrived, self._arriving = self._arriving, None
            data = unframed(arrived.result())
            if data is not None:
                return data

    def _insist(self) -> None:
        """Raise ConnectionAbortedError if the proxy has ended it."""
        if self._over.done():
            raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))

    def close(self) -> None:
        """Let everything go at once; safe to call twice."""
        for task in (self._over, self._arriving):
            if task is not None and not task.cancel() and not task.cancelled():
                task.exception()  # it is over: nobody has to hear of it any more
        self._below.close()
        self._control.close()

    async def __aenter__(self) -> Self:
        """Return the association itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let everything go, and return when nothing of it is left."""
        self.close()
        await asyncio.wait([task for task in (self._over, self._arriving) if task is not None])


class RelayedDatagrams(Datagrams):
    """A flow to one peer through a proxy; closing it ends the association that carries it."""

    def __init__(self, association: Association, host: str, port: int) -> None:
        """Speak to ``host``, an address or a name, over ``association``."""
        self._association = association
        self._host = host
        self._port = port

    async def send(self, data: bytes) -> None:
        """Send one datagram.  Raises OSError."""
        await self._association.send(data, self._host, self._port)

    async def receive(self, limit: int = READ_SIZE) -> bytes:
        """Return what came back, cut to ``limit`` bytes.  Raises OSError."""
        return (await self._association.receive())[:limit]

    def close(self) -> None:
        """End the association."""
        self._association.close()


async def begin_association(link: Link, control: Stream, network: Network, address: str) -> Association:
    """Ask the proxy at ``address`` over a connection with it, which is the association's from then on, to carry datagrams.

    Raises ProxyRefusal, EOFError, OSError; the connection is the caller's to close then.
    """
    port = await associate(link, control)
    return Association(control, await network.datagram(address, port))
