"""How the packets of OpenVPN's control channel are protected: not at all, with a signature (tls-auth), or hidden (tls-crypt, also v2).

Source: OpenVPN 2.6's ssl_pkt.c, tls_crypt.h and crypto.h.  The byte with the opcode and the sender's session id stay readable in all.
"""

from __future__ import annotations

import abc
import hashlib
import hmac
import struct
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from diagnostics.failures import WRONG_ANSWER, ProtocolError

HEAD: Final = 9
"""Bytes of opcode and session id."""

TAG: Final = 32
REPLAY: Final = struct.Struct("!II")
"""Number of the packet, and when it was sent, in seconds since 1970."""

EARLY: Final = 0x0F000000
"""Where a client that can send its wrapped key again begins to count (ssl_pkt.h, ``EARLY_NEG_START``)."""


class PacketError(ProtocolError):
    """Bytes that are no packet of this control channel; says nothing of what was in them."""

    def __init__(self) -> None:
        """Have no words: they could repeat something."""
        super().__init__(WRONG_ANSWER, "not a packet of this control channel")


class Wrapping(abc.ABC):
    """A control packet on its way out and in: ``head`` is opcode and session id, ``body`` everything else."""

    first_number = 0
    """Of packets; the first that is sent has the next one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Date packets by ``clock``, seconds since 1970."""
        self._clock = clock
        self._number = self.first_number

    def replay(self) -> bytes:
        """Return the number and the date of the next packet."""
        self._number += 1
        return REPLAY.pack(self._number & 0xFFFFFFFF, int(self._clock()) & 0xFFFFFFFF)

    @abc.abstractmethod
    def wrap(self, head: bytes, body: bytes) -> bytes:
        """Return a packet as it goes on the wire."""

    @abc.abstractmethod
    def unwrap(self, wire: bytes) -> tuple[bytes, bytes]:
        """Return head and body of a packet from the wire.  Raises PacketError."""


class Plain(Wrapping):
    """Nothing around it."""

    def wrap(self, head: bytes, body: bytes) -> bytes:
        """Return both."""
        return head + body

    def unwrap(self, wire: bytes) -> tuple[bytes, bytes]:
        """Take both apart."""
        return wire[:HEAD], wire[HEAD:]


def halves(key: bytes) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """Return the two pairs of a static key: for encryption and for signatures, 64 bytes each."""
    return (key[:64], key[64:128]), (key[128:192], key[192:256])


class TlsAuth(Wrapping):
    """Opcode and session id, signature, number and date, the rest; what is signed has number and date in front."""

    def __init__(self, key: bytes, direction: int | None, digest: str, clock: Callable[[], float]) -> None:
        """Sign with the half of ``key`` that ``direction`` says, or with the first in both directions."""
        super().__init__(clock)
        out, back = {None: (0, 0), 0: (0, 1), 1: (1, 0)}[direction]
        self._digest, self._size = digest, hashlib.new(digest, usedforsecurity=False).digest_size
        pairs = halves(key)
        self._ours, self._theirs = pairs[out][1][: self._size], pairs[back][1][: self._size]

    def wrap(self, head: bytes, body: bytes) -> bytes:
        """Sign a packet."""
        replay = self.replay()
        return head + hmac.digest(self._ours, replay + head + body, self._digest) + replay + body

    def unwrap(self, wire: bytes) -> tuple[bytes, bytes]:
        """Take a packet whose signature is right."""
        end = HEAD + self._size
        head, signature, replay, body = wire[:HEAD], wire[HEAD:end], wire[end : end + REPLAY.size], wire[end + REPLAY.size :]
        if not hmac.compare_digest(signature, hmac.digest(self._theirs, replay + head + body, self._digest)):
            raise PacketError
        return head, body


class TlsCrypt(Wrapping):
    """Opcode and session id, number and date, a tag, and the rest encrypted with AES-256 in counter mode, which begins at the tag."""

    def __init__(self, key: bytes, clock: Callable[[], float], wrapped: bytes = b"") -> None:
        """Use ``key``; ``wrapped`` is what a tls-crypt-v2 server needs to find it out."""
        self.first_number = EARLY if wrapped else 0
        super().__init__(clock)
        theirs, ours = halves(key)
        self._ours, self._theirs = (ours[0][:32], ours[1][:32]), (theirs[0][:32], theirs[1][:32])
        self.wrapped = wrapped

    def wrap(self, head: bytes, body: bytes) -> bytes:
        """Encrypt a packet."""
        clear = head + self.replay()
        tag = hmac.digest(self._ours[1], clear + body, "sha256")
        return clear + tag + _counted(self._ours[0], tag, body)

    def unwrap(self, wire: bytes) -> tuple[bytes, bytes]:
        """Decrypt a packet whose tag is right."""
        end = HEAD + REPLAY.size
        clear, tag = wire[:end], wire[end : end + TAG]
        if len(tag) != TAG:
            raise PacketError
        body = _counted(self._theirs[0], tag, wire[end + TAG :])
        if not hmac.compare_digest(tag, hmac.digest(self._theirs[1], clear + body, "sha256")):
            raise PacketError
        return clear[:HEAD], body


def _counted(key: bytes, tag: bytes, data: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(tag[:16])).encryptor().update(data)
