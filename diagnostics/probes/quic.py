"""Does UDP 443 pass, so that HTTP/3 could?  A first packet of a version that does not exist, which every server must refuse.

The refusal (version negotiation) needs no encryption and names nobody, so silence speaks of the address and port alone.

Detail of a ``quic`` observation: ``port``, ``protocol`` "quic", ``purpose``, ``tries``, ``received`` as for ``udp``
(``probes/stun.py``), and ``versions``, those that the server offers, as hexadecimal numbers, at most 16.
"""

from __future__ import annotations

import secrets
import struct
from typing import Any, Final

from diagnostics.model import Step

PACKET: Final = 1200
"""Bytes that a first packet must at least have to be answered (RFC 9000, section 14.1)."""

GREASE: Final = 0x1A2A3A4A
"""A version of the reserved pattern 0x?a?a?a?a, which nobody speaks (RFC 9000, section 15)."""

MOST_VERSIONS: Final = 16
_LONG: Final = 0xC0  # header form and fixed bit (RFC 9000, section 17.2)
_ID: Final = 8


class QuicInquiry:
    """One question to a QUIC server, and how its answer is known."""

    name: Final = "quic"
    step: Final = Step.QUIC

    def __init__(self) -> None:
        """Take connection ids that only somebody who saw the question can repeat."""
        self._theirs, self._ours = secrets.token_bytes(_ID), secrets.token_bytes(_ID)
        head = struct.pack("!BI", _LONG, GREASE) + bytes([_ID]) + self._theirs + bytes([_ID]) + self._ours
        self.request = head + bytes(PACKET - len(head))

    def read(self, wire: bytes) -> dict[str, Any] | None:
        """Return what a version negotiation packet offers (RFC 9000, section 17.2.1), or None for any other bytes."""
        head = bytes(4) + bytes([_ID]) + self._ours + bytes([_ID]) + self._theirs
        offered = wire[1 + len(head) :]
        if len(wire) < 1 or not wire[0] & 0x80 or wire[1 : 1 + len(head)] != head or not offered or len(offered) % 4:
            return None
        versions = [offered[at : at + 4].hex() for at in range(0, len(offered), 4)]
        return {"versions": versions[:MOST_VERSIONS]}
