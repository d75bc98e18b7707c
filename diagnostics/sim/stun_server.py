"""A STUN server of a simulated network: binding responses (RFC 8489) that tell everybody the same made-up address."""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

_HEADER: Final = struct.Struct("!HHI12s")
_COOKIE: Final = 0x2112A442
_REQUEST: Final = 0x0001
_SUCCESS: Final = 0x0101
_XOR_MAPPED_ADDRESS: Final = 0x0020
_IPV4: Final = 1

MAPPED: Final = "192.0.2.77"
"""The client's address as the server claims to see it: of a block for examples (RFC 5737)."""

_PORT: Final = 40_000


def answer(message: bytes) -> bytes | None:
    """Return the response to a binding request, or None for anything else."""
    if len(message) < _HEADER.size:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(message)
    if kind != _REQUEST or cookie != _COOKIE or length != len(message) - _HEADER.size:
        return None
    address = int(ipaddress.IPv4Address(MAPPED)) ^ _COOKIE
    value = struct.pack("!BBHI", 0, _IPV4, _PORT ^ (_COOKIE >> 16), address)
    attribute = struct.pack("!HH", _XOR_MAPPED_ADDRESS, len(value)) + value
    return _HEADER.pack(_SUCCESS, len(attribute), _COOKIE, transaction) + attribute
