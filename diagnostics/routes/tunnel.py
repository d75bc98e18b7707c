"""What all dialers share: reading exactly, streams that begin with bytes already read, and how a proxy says no."""

from __future__ import annotations

from typing import Final

from diagnostics.failures import ProtocolError
from diagnostics.streams import READ_SIZE, Stream

AUTH: Final = "proxy_authentication_failed"
WRONG_PROTOCOL: Final = "proxy_wrong_protocol"
HTTP_REFUSED: Final = "http_proxy_request_failed"
BAD_REPLY: Final = "proxy_bad_reply"
NOT_SUPPORTED: Final = "proxy_not_supported"
TARGET_FAILED: Final = "proxy_target_failed"
"""Failures that df-007 has no word for; those of SOCKS are the names that its RFC's replies have there."""


class ProxyRefusal(ProtocolError):  # noqa: N818 - an answer of the proxy, not a defect
    """The proxy said no, or something that its protocol does not have; ``facts`` keep what it said for the observation."""

    def __init__(self, failure: str, message: str, **facts: object) -> None:
        """Name the failure; ``message`` is for developers and repeats nothing secret."""
        super().__init__(failure, message)
        self.facts = facts


class ThroughStream(Stream):
    """A stream over another one, which it closes; the base of what a proxy's protocol wraps around the bytes."""

    def __init__(self, below: Stream) -> None:
        """Speak over ``below``."""
        super().__init__()
        self.below = below

    @property
    def raw_received(self) -> int:
        """Return the bytes that came over the connection itself."""
        return self.below.raw_received

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what comes through."""
        data = await self.below.read(limit)
        self.received += len(data)
        return data

    async def write(self, data: bytes) -> None:
        """Send through."""
        await self.below.write(data)
        self.sent += len(data)

    def close(self) -> None:
        """Close the connection below."""
        self.below.close()


class Begun(ThroughStream):
    """A stream of which some bytes were read too far: they come first."""

    def __init__(self, below: Stream, rest: bytes) -> None:
        """Give ``rest`` before what comes next."""
        super().__init__(below)
        self._rest = rest

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what was left over, then what comes."""
        if self._rest:
            data, self._rest = self._rest[:limit], self._rest[limit:]
            self.received += len(data)
            return data
        return await super().read(limit)


class Reader:
    """Reads exactly as many bytes as a protocol's next field has."""

    def __init__(self, stream: Stream) -> None:
        """Read from ``stream``."""
        self._stream = stream
        self.rest = b""

    async def exactly(self, size: int) -> bytes:
        """Return ``size`` bytes.  Raises EOFError if the other side closes before."""
        while len(self.rest) < size:
            piece = await self._stream.read()
            if not piece:
                message = f"closed after {len(self.rest)} of {size} bytes"
                raise EOFError(message)
            self.rest += piece
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    async def until(self, mark: bytes, most: int) -> bytes:
        """Return everything up to and with ``mark``.  Raises EOFError, and ProxyRefusal for more than ``most`` bytes without it."""
        while mark not in self.rest:
            if len(self.rest) > most:
                raise ProxyRefusal(BAD_REPLY, "an endless head")
            piece = await self._stream.read()
            if not piece:
                message = "closed in the middle of a head"
                raise EOFError(message)
            self.rest += piece
        end = self.rest.index(mark) + len(mark)
        data, self.rest = self.rest[:end], self.rest[end:]
        return data

    async def first(self) -> bytes:
        """Return whatever comes first, without taking it out."""
        if not self.rest:
            self.rest = await self._stream.read()
        return self.rest

    def onward(self) -> Stream:
        """Return the stream from here on."""
        return Begun(self._stream, self.rest) if self.rest else self._stream
