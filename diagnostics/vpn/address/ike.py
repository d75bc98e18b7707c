"""The first message of IKE and what is read of its answer; no keys are agreed on.

Sources: RFC 7296 (IKEv2: sections 2.6, 2.7, 3.1 to 3.10), RFC 2408 and 2409 (IKEv1: the outside of L2TP over IPsec), RFC 3948 (four zero
bytes in front of IKE on port 4500), and the numbers of IANA's registries of both.  Everything that arrives is a stranger's.
"""

from __future__ import annotations

import enum
import os
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SPI_BYTES: Final = 8
HEADER_BYTES: Final = 28
MOST_PAYLOADS: Final = 64
MOST_COOKIE: Final = 64
"""RFC 7296 section 2.6: a cookie has 1 to 64 bytes."""

NAT_MARKER: Final = bytes(4)

SA, KE, NONCE, NOTIFY = 33, 34, 40, 41
SA_V1, NOTIFY_V1 = 1, 11
SA_INIT: Final = 34
MAIN_MODE: Final = 2
INFORMATIONAL_V1: Final = 5
INVALID_KE: Final = 17
COOKIE: Final = 16390
FIRST_STATUS: Final = 16384
"""Notifications below this number are errors (RFC 7296 section 3.10.1)."""

X25519: Final = 31
_CURVES: Final[dict[int, ec.EllipticCurve]] = {19: ec.SECP256R1(), 20: ec.SECP384R1()}
_MODP_BYTES: Final = {14: 256, 15: 384, 16: 512, 2: 128}
GROUPS: Final = (X25519, *_CURVES, *_MODP_BYTES)
"""Groups for the key exchange, most usual first; a responder that wants another of them says which (INVALID_KE_PAYLOAD)."""

_CIPHER, _PRF, _INTEGRITY, _GROUP = 1, 2, 3, 4
_AEAD: Final = ((_CIPHER, 20, 256), (_CIPHER, 20, 128), (_PRF, 5, 0), (_PRF, 6, 0), (_PRF, 7, 0))
_CLASSIC: Final = (
    *((_CIPHER, 12, 256), (_CIPHER, 12, 128), (_CIPHER, 3, 0), (_PRF, 5, 0), (_PRF, 2, 0), (_PRF, 7, 0)),
    *((_INTEGRITY, 12, 0), (_INTEGRITY, 14, 0), (_INTEGRITY, 2, 0)),
)
"""What is proposed: AES-GCM, and AES-CBC or 3DES with SHA-2 or SHA-1, as the built-in clients of the three systems do."""


class Said(enum.StrEnum):
    """What a responder answered."""

    ACCEPTED = "accepted"  # it chose one of our proposals
    REFUSED = "refused"  # it speaks IKE and does not want these proposals: reached all the same
    OTHER_GROUP = "other_group"
    COOKIE = "cookie"


class Answer(NamedTuple):
    """An answer, with what the next message needs."""

    said: Said
    group: int = 0
    cookie: bytes = b""


def new_spi() -> bytes:
    """Return the number by which an answer is known to be for us."""
    return os.urandom(SPI_BYTES)


class SaInit:
    """IKE_SA_INIT (IKEv2), which may have to be sent again: with a cookie, all the rest of it must be the same (RFC 7296 section 2.6)."""

    def __init__(self, spi: bytes, group: int = X25519) -> None:
        """Begin an exchange under ``spi`` with a public value of ``group``."""
        self._spi = spi
        groups = tuple((_GROUP, each, 0) for each in GROUPS)
        proposals = _proposal((*_AEAD, *groups), 1, last=False) + _proposal((*_CLASSIC, *groups), 2, last=True)
        exchange = struct.pack("!HH", group, 0) + _public_value(group)
        self._body = _payload(KE, proposals) + _payload(NONCE, exchange) + _payload(0, os.urandom(32))

    def wire(self, cookie: bytes = b"") -> bytes:
        """Return the message, with the cookie that a busy responder asked for in front of all else."""
        body, first = self._body, SA
        if cookie:
            body, first = _payload(SA, struct.pack("!BBH", 0, 0, COOKIE) + cookie) + body, NOTIFY
        return self._spi + bytes(SPI_BYTES) + struct.pack("!BBBBII", first, 0x20, SA_INIT, 0x08, 0, HEADER_BYTES + len(body)) + body


def main_mode(spi: bytes) -> bytes:
    """Return the first message of main mode with a pre-shared key (IKEv1), as L2TP clients send it."""
    life = ((11, 1), (12, 28800))
    suites = (
        ((1, 7), (14, 256), (2, 2), (3, 1), (4, 14), *life),
        ((1, 7), (14, 128), (2, 2), (3, 1), (4, 2), *life),
        ((1, 5), (2, 2), (3, 1), (4, 2), *life),
    )  # AES or 3DES, SHA-1, a pre-shared key, group 14 or 2
    parts = []
    for number, suite in enumerate(suites, start=1):
        attributes = b"".join(struct.pack("!HH", 0x8000 | kind, value) for kind, value in suite)
        more = 0 if number == len(suites) else 3
        parts.append(struct.pack("!BBHBBH", more, 0, 8 + len(attributes), number, 1, 0) + attributes)
    transforms = b"".join(parts)
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transforms), 1, 1, 0, len(suites)) + transforms
    body = _payload(0, struct.pack("!II", 1, 1) + proposal)
    return spi + bytes(SPI_BYTES) + struct.pack("!BBBBII", SA_V1, 0x10, MAIN_MODE, 0, 0, HEADER_BYTES + len(body)) + body


def read_answer(spi: bytes, wire: bytes) -> Answer | None:
    """Return what an answer says, or None for anything that is no answer to ``spi``."""
    if len(wire) < HEADER_BYTES or wire[:SPI_BYTES] != spi or wire[17] >> 4 not in (1, 2):
        return None
    first_version = wire[17] >> 4 == 1
    if wire[18] not in ((MAIN_MODE, INFORMATIONAL_V1) if first_version else (SA_INIT,)):
        return None
    payloads = list(_payloads(wire))
    if any(kind == (SA_V1 if first_version else SA) for kind, _ in payloads):
        return Answer(Said.ACCEPTED)
    notices = [_notice(body, at=6 if first_version else 2) for kind, body in payloads if kind in (NOTIFY, NOTIFY_V1)]
    for code, data in notices:
        if code == COOKIE and 0 < len(data) <= MOST_COOKIE:
            return Answer(Said.COOKIE, cookie=data)
        if code == INVALID_KE and len(data) >= 2 and not first_version:
            return Answer(Said.OTHER_GROUP, group=int.from_bytes(data[:2]))
    return Answer(Said.REFUSED) if any(0 < code < FIRST_STATUS for code, _ in notices) else None


def _payloads(wire: bytes) -> Iterator[tuple[int, bytes]]:
    kind, offset = wire[16], HEADER_BYTES
    for _ in range(MOST_PAYLOADS):
        if not kind or offset + 4 > len(wire):
            return
        following, _, length = struct.unpack_from("!BBH", wire, offset)
        if length < 4 or offset + length > len(wire):
            return
        yield kind, wire[offset + 4 : offset + length]
        kind, offset = following, offset + length


def _notice(body: bytes, at: int) -> tuple[int, bytes]:
    """Return the number and the data of a notification, 0 for one that is broken; ``at`` is where its number stands."""
    if len(body) < at + 2:
        return 0, b""
    size_at = at - 1  # behind the protocol stands how long an SPI follows the number
    return int.from_bytes(body[at : at + 2]), body[at + 2 + body[size_at] :]


def _public_value(group: int) -> bytes:
    """Return a public value that a responder takes: a true point of a curve; for the older groups any number will do."""
    if group == X25519:
        return X25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    if group in _CURVES:
        return ec.generate_private_key(_CURVES[group]).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
    return b"\0" + os.urandom(_MODP_BYTES[group] - 1)


def _payload(following: int, body: bytes) -> bytes:
    return struct.pack("!BBH", following, 0, 4 + len(body)) + body


def _proposal(transforms: Sequence[tuple[int, int, int]], number: int, *, last: bool) -> bytes:
    parts = []
    for place, (kind, ident, bits) in enumerate(transforms, start=1):
        attribute = struct.pack("!HH", 0x800E, bits) if bits else b""
        more = 0 if place == len(transforms) else 3
        parts.append(struct.pack("!BBHBBH", more, 0, 8 + len(attribute), kind, 0, ident) + attribute)
    body = b"".join(parts)
    return struct.pack("!BBHBBBB", 0 if last else 2, 0, 8 + len(body), number, 1, 0, len(transforms)) + body
