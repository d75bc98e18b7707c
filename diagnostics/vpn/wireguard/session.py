"""WireGuard's transport messages: counters, keys that grow old, and a window against repeated ones."""

from __future__ import annotations

import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from diagnostics.vpn.wireguard.noise import Keys
from diagnostics.vpn.wireguard.profile import NO_JUNK, Junk

HEADER: Final = struct.Struct("<I4sQ")
PADDING: Final = 16
REKEY_AFTER: Final = 120.0
REJECT_AFTER: Final = 180.0
"""Seconds after which the one who greeted greets again, and after which a key is used no more (WireGuard paper, section 6.1)."""

WINDOW: Final = 2048
"""Counters behind the highest one that may still come in, as in the Linux kernel (RFC 6479)."""

TAG: Final = 16


class Window:
    """Which counters have come in already (RFC 6479)."""

    def __init__(self) -> None:
        """Start with none."""
        self._highest = -1
        self._seen = 0

    def take(self, counter: int) -> bool:
        """Tell whether a counter is new, and remember it."""
        ahead = counter - self._highest
        if ahead > 0:
            self._seen = ((self._seen << ahead) | 1) & ((1 << WINDOW) - 1) if ahead < WINDOW else 1
            self._highest = counter
            return True
        if -ahead >= WINDOW or self._seen >> -ahead & 1:
            return False
        self._seen |= 1 << -ahead
        return True


class Session:
    """Seals and opens packets with the keys of one handshake."""

    def __init__(self, keys: Keys, began: float, junk: Junk = NO_JUNK) -> None:
        """Use ``keys`` that were agreed at ``began`` (seconds, the loop's)."""
        self._keys = keys
        self._send, self._receive = ChaCha20Poly1305(keys.send), ChaCha20Poly1305(keys.receive)
        self._type = junk.h4
        self._counter = 0
        self._window = Window()
        self.began = began

    @property
    def index(self) -> bytes:
        """Return what this end calls the session."""
        return self._keys.own_index

    def seal(self, packet: bytes) -> bytes:
        """Return a packet as a transport message; an empty one is a keepalive, which confirms the keys."""
        padded = packet + bytes(-len(packet) % PADDING)
        head = HEADER.pack(self._type, self._keys.peer_index, self._counter)
        sealed = self._send.encrypt(struct.pack("<IQ", 0, self._counter), padded, b"")
        self._counter += 1
        return head + sealed

    def open(self, wire: bytes) -> bytes | None:
        """Return the packet in a transport message for us, or None for anything else: a stranger's, a repeated or a broken one."""
        if len(wire) < HEADER.size + TAG:
            return None
        kind, index, counter = HEADER.unpack_from(wire)
        if kind != self._type or index != self._keys.own_index or counter >= 2**60:
            return None
        try:
            packet = self._receive.decrypt(struct.pack("<IQ", 0, counter), wire[HEADER.size :], b"")
        except InvalidTag:
            return None
        return packet if self._window.take(counter) else None
