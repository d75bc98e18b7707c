"""A QUIC server of a simulated network, as far as refusing a version that it does not speak (RFC 9000, section 6)."""

from __future__ import annotations

from typing import Final

_LEAST: Final = 1200
_VERSION_1: Final = b"\x00\x00\x00\x01"


def answer(message: bytes) -> bytes | None:
    """Return the version negotiation packet for a first packet of another version, or None for anything else."""
    if len(message) < _LEAST or not message[0] & 0x80 or message[1:5] in (_VERSION_1, bytes(4)):
        return None
    theirs_end = 6 + message[5]  # at most 261, well within the least size
    ours_end = theirs_end + 1 + message[theirs_end]
    destination, source = message[5:theirs_end], message[theirs_end:ours_end]
    return b"\x80" + bytes(4) + source + destination + _VERSION_1
