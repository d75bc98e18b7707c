"""The first cells of Tor's link protocol: enough to learn who a relay is, and what time it has.

Source: tor-spec, "Negotiating and initializing channels" (spec.torproject.org, read 2026-11); run against tor 0.4.9.  A cell is a circuit
id (2 bytes until the versions are agreed, 4 from version 4 on), a command, and 509 bytes; commands from 128 on and VERSIONS carry a length.

The TLS certificate below is nobody's: Tor verifies none there.  Only the CERTS cell ties the connection to a relay (``certs.py``).
"""

from __future__ import annotations

import secrets
import ssl
import struct
from typing import Final

from diagnostics.failures import WRONG_ANSWER, ProtocolError
from diagnostics.model import Fact
from diagnostics.routes.tunnel import Reader
from diagnostics.streams import TlsStream

VERSIONS, NETINFO, CERTS = 7, 8, 129
SPOKEN: Final = (3, 4, 5)
FIXED: Final = 509
VARIABLE_FROM: Final = 128

MOST_CELLS: Final = 32
MOST_BYTES: Final = 65_536
"""What a relay may send before its NETINFO; tor sends four cells, about 3 KB."""

_WIDE_FROM: Final = 4


class Greeting(Fact, frozen=True):
    """What a relay said of itself: the body of its CERTS cell, and its clock (seconds since 1970; 0: it told none)."""

    certificates: bytes
    clock: int


def unverified() -> ssl.SSLContext:
    """Return a TLS context that verifies nothing: there is nobody who would sign for a relay."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def some_name() -> str:
    """Return the kind of name that tor itself sends in its hello."""
    return f"www.{secrets.token_hex(6)}.com"


class RelayLink:
    """One connection to a relay, after TLS."""

    def __init__(self, stream: TlsStream) -> None:
        """Speak over ``stream``."""
        self._stream = stream
        self._reader = Reader(stream)
        self._bytes = 0
        self._wide = False

    @property
    def tls_certificate(self) -> bytes:
        """Return the connection's certificate in DER; empty if it showed none."""
        return self._stream.tls.getpeercert(binary_form=True) or b""

    async def versions(self) -> int:
        """Exchange VERSIONS and return the highest in common.  Raises ProtocolError if no relay answers, EOFError, OSError."""
        await self._stream.write(struct.pack("!HBH", 0, VERSIONS, 2 * len(SPOKEN)) + struct.pack(f"!{len(SPOKEN)}H", *SPOKEN))
        circuit, command, size = struct.unpack("!HBH", await self._exactly(5))
        if circuit or command != VERSIONS or size % 2 or size > 64:
            raise ProtocolError(WRONG_ANSWER, "no VERSIONS cell")
        offered: tuple[int, ...] = struct.unpack(f"!{size // 2}H", await self._exactly(size))
        common = set(offered) & set(SPOKEN)
        if not common:
            raise ProtocolError(WRONG_ANSWER, "no version in common")
        self._wide = max(common) >= _WIDE_FROM
        return max(common)

    async def greeting(self) -> Greeting:
        """Read on to NETINFO; padding and challenges are passed over.  Raises ProtocolError, EOFError, OSError."""
        certificates = b""
        for _ in range(MOST_CELLS):
            command, body = await self._cell()
            if command == CERTS:
                certificates = certificates or body
            elif command == NETINFO:
                return Greeting(certificates=certificates, clock=struct.unpack_from("!I", body)[0])
        raise ProtocolError(WRONG_ANSWER, "cells without an end")

    async def _cell(self) -> tuple[int, bytes]:
        head = await self._exactly(5 if self._wide else 3)
        command = head[-1]
        if command == VERSIONS:
            raise ProtocolError(WRONG_ANSWER, "VERSIONS again")
        size = struct.unpack("!H", await self._exactly(2))[0] if command >= VARIABLE_FROM else FIXED
        return command, await self._exactly(size)

    async def _exactly(self, size: int) -> bytes:
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise ProtocolError(WRONG_ANSWER, "bytes without an end")
        return await self._reader.exactly(size)
