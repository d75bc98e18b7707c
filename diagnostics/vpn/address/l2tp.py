"""The first message of L2TP without IPsec around it, as small and old servers take it (RFC 2661), and its farewell."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Final

SCCRQ, SCCRP, STOP = 1, 2, 4
_FLAGS: Final = 0xC802  # a control message with length and sequence, version 2
_HEADER: Final = struct.Struct("!HHHHHH")
_AVP: Final = struct.Struct("!HHH")
_MOST_AVPS: Final = 64
_KIND, _TUNNEL, _RESULT = 0, 9, 1


def new_tunnel() -> bytes:
    """Return the number under which the server shall answer."""
    return os.urandom(2)


def request(tunnel: bytes) -> bytes:
    """Return the question for a control connection."""
    avps = (
        *((_KIND, struct.pack("!H", SCCRQ), True), (2, b"\1\0", True), (3, struct.pack("!I", 3), True), (4, struct.pack("!I", 3), True)),
        *((6, b"\x06\x90", False), (7, b"pc", True), (_TUNNEL, tunnel, True), (10, b"\0\4", True)),
    )
    return _message(0, 0, 0, avps)


def farewell(tunnel: bytes, peer: int) -> bytes:
    """Return the message that ends a control connection which the server took."""
    avps = ((_KIND, struct.pack("!H", STOP), True), (_TUNNEL, tunnel, True), (_RESULT, b"\0\6", True))
    return _message(peer, 1, 1, avps)


def read_answer(tunnel: bytes, wire: bytes) -> int | None:
    """Return the server's number for the connection, 0 if it refuses one, or None for anything that is no answer to ``tunnel``."""
    if len(wire) < _HEADER.size or _HEADER.unpack_from(wire)[0] & 0xCB0F != _FLAGS & 0xCB0F or wire[4:6] != tunnel:
        return None
    found = dict(_avps(wire))
    kind = found.get(_KIND, b"")
    if kind == struct.pack("!H", SCCRP) and len(found.get(_TUNNEL, b"")) == 2:
        return int.from_bytes(found[_TUNNEL])
    return 0 if kind in (struct.pack("!H", SCCRP), struct.pack("!H", STOP)) else None


def _message(peer: int, ns: int, nr: int, avps: tuple[tuple[int, bytes, bool], ...]) -> bytes:
    body = b"".join(_AVP.pack((must << 15) | (_AVP.size + len(value)), 0, kind) + value for kind, value, must in avps)
    return _HEADER.pack(_FLAGS, _HEADER.size + len(body), peer, 0, ns, nr) + body


def _avps(wire: bytes) -> Iterator[tuple[int, bytes]]:
    offset = _HEADER.size
    for _ in range(_MOST_AVPS):
        if offset + _AVP.size > len(wire):
            return
        size, vendor, kind = _AVP.unpack_from(wire, offset)
        size &= 0x03FF
        if size < _AVP.size or offset + size > len(wire):
            return
        if vendor == 0:
            yield kind, wire[offset + _AVP.size : offset + size]
        offset += size
