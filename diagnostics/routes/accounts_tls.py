"""Trojan and VLESS: accounts inside TLS to their server, without a core of their own.

Sources: trojan-gfw's protocol page; Xray's VLESS page (version 0, command TCP); checked 2026-11.
"""

from __future__ import annotations

import hashlib
import ipaddress
import struct
import uuid

from diagnostics.routes.link import Link
from diagnostics.routes.socks import socks_address
from diagnostics.routes.tunnel import BAD_REPLY, ProxyRefusal, Reader, ThroughStream
from diagnostics.streams import READ_SIZE, Stream


async def trojan(link: Link, stream: Stream, host: str, port: int) -> Stream:
    """Return a stream to ``host:port`` over TLS to a Trojan server; it never answers by itself."""
    password = hashlib.sha224(link.secret.reveal().encode()).hexdigest().encode("ascii")
    return _Opening(stream, password + b"\r\n\x01" + socks_address(host, port) + b"\r\n")


async def vless(link: Link, stream: Stream, host: str, port: int) -> Stream:
    """Return a stream to ``host:port`` over TLS to a VLESS server."""
    opening = b"\0" + uuid.UUID(link.secret.reveal()).bytes + b"\0\x01" + v2ray_address(host, port)
    return _Vless(stream, opening)


def v2ray_address(host: str, port: int) -> bytes:
    """Return an address as VLESS and VMess write it: port, type (1 IPv4, 2 name, 3 IPv6), address."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna")
        return struct.pack("!H", port) + bytes([2, len(name)]) + name
    return struct.pack("!H", port) + bytes([1 if literal.version == 4 else 3]) + literal.packed


class _Opening(ThroughStream):
    """A stream whose first bytes go out together with the request: one flight, as the real clients send it."""

    def __init__(self, below: Stream, opening: bytes) -> None:
        super().__init__(below)
        self._opening = opening

    async def write(self, data: bytes) -> None:
        opening, self._opening = self._opening, b""
        await self.below.write(opening + data)
        self.sent += len(data)


class _Vless(_Opening):
    """A stream whose answer has two bytes in front: the version, and the length of additions."""

    def __init__(self, below: Stream, opening: bytes) -> None:
        super().__init__(below, opening)
        self._reader: Reader | None = Reader(below)
        self._rest = b""

    async def read(self, limit: int = READ_SIZE) -> bytes:
        if self._reader is not None:
            version, additions = await self._reader.exactly(2)
            if version != 0:
                raise ProxyRefusal(BAD_REPLY, "no VLESS answer")
            await self._reader.exactly(additions)
            self._rest, self._reader = self._reader.rest, None
        if self._rest:
            data, self._rest = self._rest[:limit], self._rest[limit:]
            self.received += len(data)
            return data
        return await super().read(limit)
