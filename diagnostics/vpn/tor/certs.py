"""The certificates with which a Tor relay proves who it is, from its CERTS cell.

Source: cert-spec and tor-spec, "Negotiating and initializing channels" (spec.torproject.org, read 2026-11).  A relay's name is the SHA-1
of its RSA identity (what a bridge line carries).  The chain goes from there to the TLS connection:

* an X.509 certificate that carries the RSA identity (type 2);
* the RSA identity signs the Ed25519 identity (type 7);
* the Ed25519 identity signs a signing key (type 4), and that one the SHA-256 of the TLS certificate (type 5).

Whoever stands between cannot complete it: the TLS certificate would be another.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RSA_IDENTITY, SIGNING, TLS_LINK, CROSS = 2, 4, 5, 7
ED25519_KEY, SHA256_OF_X509 = 1, 3
SIGNED_WITH: Final = 4
"""The extension that carries the key with which a certificate is signed."""

AFFECTS_VALIDATION: Final = 1
CROSS_PREFIX: Final = b"Tor TLS RSA/Ed25519 cross-certificate"
HOUR: Final = 3600
MOST_CERTIFICATES: Final = 16
RSA_BITS: Final = range(1024, 4097)

_SIGNATURE: Final = 64


class ChainError(Exception):
    """The certificates do not prove what they should; ``reason`` is ``chain`` or ``expired``."""

    def __init__(self, reason: str) -> None:
        """Say why, in one word."""
        super().__init__(reason)
        self.reason = reason


class _Certificate(NamedTuple):
    """An Ed25519 certificate: what it is for, until when (seconds since 1970), what it certifies, and the key it names as its signer."""

    purpose: int
    until: int
    kind: int
    key: bytes
    signer: bytes
    signed: bytes
    signature: bytes


def proven_fingerprint(cell: bytes, tls_certificate: bytes, now: float) -> str:
    """Return the fingerprint (40 capital digits) that the body of a CERTS cell proves for a TLS connection.

    ``tls_certificate`` is the connection's, in DER; ``now`` in seconds since 1970.  Raises ChainError, whatever the bytes are.
    """
    parts = _parts(cell)
    try:
        identity = _rsa_identity(parts[RSA_IDENTITY])
        ed_identity, until = _cross_certified(parts[CROSS], identity)
        signing = _read(parts[SIGNING])
        link = _read(parts[TLS_LINK])
    except KeyError:
        raise ChainError("chain") from None
    if signing.signer != ed_identity or link.signer not in (b"", signing.key):
        raise ChainError("chain")
    _check(signing, ed_identity, SIGNING, ED25519_KEY)
    _check(link, signing.key, TLS_LINK, SHA256_OF_X509)
    if link.key != hashlib.sha256(tls_certificate).digest():
        raise ChainError("chain")
    if now > min(until, signing.until, link.until):
        raise ChainError("expired")
    return fingerprint_of(identity)


def fingerprint_of(identity: RSAPublicKey) -> str:
    """Return the SHA-1 of a key as PKCS#1 writes it: what Tor calls its owner by."""
    written = identity.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return hashlib.sha1(written, usedforsecurity=False).hexdigest().upper()


def _parts(cell: bytes) -> dict[int, bytes]:
    """Return the certificates of a cell by their kind; a kind that comes twice is refused (tor-spec)."""
    parts: dict[int, bytes] = {}
    if not cell or cell[0] > MOST_CERTIFICATES:
        raise ChainError("chain")
    at = 1
    for _ in range(cell[0]):
        if len(cell) < at + 3:
            raise ChainError("chain")
        kind, size = struct.unpack_from("!BH", cell, at)
        at += 3
        if len(cell) < at + size or kind in parts:
            raise ChainError("chain")
        parts[kind] = cell[at : at + size]
        at += size
    return parts


def _rsa_identity(der: bytes) -> RSAPublicKey:
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm, NotImplementedError):
        raise ChainError("chain") from None
    if not isinstance(key, RSAPublicKey) or key.key_size not in RSA_BITS:
        raise ChainError("chain")
    return key


def _cross_certified(data: bytes, identity: RSAPublicKey) -> tuple[bytes, int]:
    """Return the Ed25519 identity that an RSA identity signed, and until when; the signature holds the bare digest, without its name."""
    if len(data) < 37 or len(data) != 37 + data[36]:
        raise ChainError("chain")
    expected = hashlib.sha256(CROSS_PREFIX + data[:36]).digest()
    try:
        signed = identity.recover_data_from_signature(data[37:], padding.PKCS1v15(), None)
    except (InvalidSignature, ValueError):
        raise ChainError("chain") from None
    if signed != expected:
        raise ChainError("chain")
    return data[:32], HOUR * struct.unpack_from("!I", data, 32)[0]


def _read(data: bytes) -> _Certificate:
    if len(data) < 40 + _SIGNATURE or data[0] != 1:
        raise ChainError("chain")
    purpose, hours, kind = struct.unpack_from("!BIB", data, 1)
    signed, signature = data[:-_SIGNATURE], data[-_SIGNATURE:]
    signer, at = b"", 40
    for _ in range(data[39]):
        if len(signed) < at + 4:
            raise ChainError("chain")
        size, extension, flags = struct.unpack_from("!HBB", signed, at)
        at += 4
        if len(signed) < at + size:
            raise ChainError("chain")
        if extension == SIGNED_WITH and size == 32:
            signer = signed[at : at + size]
        elif flags & AFFECTS_VALIDATION:
            raise ChainError("chain")
        at += size
    if at != len(signed):
        raise ChainError("chain")
    return _Certificate(purpose, HOUR * hours, kind, data[7:39], signer, signed, signature)


def _check(certificate: _Certificate, signer: bytes, purpose: int, kind: int) -> None:
    if certificate.purpose != purpose or certificate.kind != kind:
        raise ChainError("chain")
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(certificate.signature, certificate.signed)
    except (InvalidSignature, ValueError):
        raise ChainError("chain") from None
