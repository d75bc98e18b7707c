"""WireGuard's handshake from the initiator's side: Noise_IKpsk2 over messages of 148, 92 and 64 bytes.

Source of every constant and layout: Jason A. Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel" (NDSS 2017), sections 5.4.2
to 5.4.7; AmneziaWG's padding and message types: its documentation (experimental: no server to be had for a test).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from diagnostics.vpn.wireguard.profile import NO_JUNK, Junk, WireGuardProfile

CONSTRUCTION: Final = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
IDENTIFIER: Final = b"WireGuard v1 zx2c4 Jason@zx2c4.com"
INITIATION_BYTES: Final = 148
RESPONSE_BYTES: Final = 92
COOKIE_BYTES: Final = 64
MAC: Final = 16
TAI_OFFSET: Final = 0x400000000000000A
"""TAI64N's label of the second 1970-01-01 00:00:00 TAI, and the ten seconds by which TAI was ahead of UTC then."""

_SIGMA: Final = struct.unpack("<4I", b"expand 32-byte k")
_WORD: Final = 0xFFFFFFFF


class WrongPresharedKeyError(Exception):
    """The server answered this very greeting, and the answer does not open: the pre-shared keys differ."""


class Keys(NamedTuple):
    """What a handshake yields: one key each way, and what the server calls this session."""

    send: bytes
    receive: bytes
    peer_index: bytes
    own_index: bytes


class Identity(NamedTuple):
    """The keys of both ends, as bytes."""

    private: X25519PrivateKey
    own_public: bytes
    server: bytes
    psk: bytes

    @classmethod
    def of(cls, profile: WireGuardProfile) -> Identity:
        """Return the keys of a profile."""
        private = X25519PrivateKey.from_private_bytes(base64.b64decode(profile.private_key.reveal()))
        psk = base64.b64decode(profile.preshared_key.reveal()) if profile.preshared_key else bytes(32)
        return cls(private, private.public_key().public_bytes_raw(), base64.b64decode(profile.public_key.reveal()), psk)


class Greeting:
    """One initiation and the state that its own answer needs; a late answer to another one does not fit."""

    def __init__(self, identity: Identity, now: float, junk: Junk = NO_JUNK, cookie: bytes = b"") -> None:
        """Write the initiation; ``now`` is this computer's time in seconds since 1970, ``cookie`` what a busy server gave us."""
        self._identity = identity
        self._junk = junk
        self.index = os.urandom(4)
        self._ephemeral = X25519PrivateKey.generate()
        self.message = self._initiation(now)
        self.mac1 = self.message[-2 * MAC : -MAC]
        if cookie:
            self.message = self.message[:-MAC] + _mac(cookie, self.message[:-MAC])

    @property
    def wire(self) -> bytes:
        """Return the initiation as it is sent, with the padding of a disguise."""
        return os.urandom(self._junk.s1) + self.message

    def _initiation(self, now: float) -> bytes:
        own = self._identity
        ephemeral = self._ephemeral.public_key().public_bytes_raw()
        chain = _hash(CONSTRUCTION)
        transcript = _hash(_hash(_hash(chain, IDENTIFIER), own.server), ephemeral)
        (chain,) = _kdf(1, chain, ephemeral)
        chain, key = _kdf(2, chain, _dh(self._ephemeral, own.server))
        static = _seal(key, own.own_public, transcript)
        transcript = _hash(transcript, static)
        chain, key = _kdf(2, chain, _dh(own.private, own.server))
        stamp = _seal(key, tai64n(now), transcript)
        self._transcript, self._chain = _hash(transcript, stamp), chain
        message = struct.pack("<I", self._junk.h1) + self.index + ephemeral + static + stamp
        return message + _mac(_hash(b"mac1----", own.server), message) + bytes(MAC)

    def fits(self, wire: bytes) -> bool:
        """Tell whether a message answers this greeting: it has the length, names the session, and was made for our key."""
        wire = wire[self._junk.s2 :]
        if len(wire) != RESPONSE_BYTES or wire[:4] != struct.pack("<I", self._junk.h2) or wire[8:12] != self.index:
            return False
        return hmac.compare_digest(_mac(_hash(b"mac1----", self._identity.own_public), wire[:60]), wire[60:76])

    def keys(self, wire: bytes) -> Keys:
        """Return the session's keys from the answer to this greeting.  Raises WrongPresharedKeyError."""
        wire, own = wire[self._junk.s2 :], self._identity
        peer_index, ephemeral, empty = wire[4:8], wire[12:44], wire[44:60]
        transcript = _hash(self._transcript, ephemeral)
        (chain,) = _kdf(1, self._chain, ephemeral)
        try:
            (chain,) = _kdf(1, chain, _dh(self._ephemeral, ephemeral))
            (chain,) = _kdf(1, chain, _dh(own.private, ephemeral))
        except ValueError as error:  # a point of small order: nobody honest sends it
            raise WrongPresharedKeyError from error
        chain, temporary, key = _kdf(3, chain, own.psk)
        try:
            ChaCha20Poly1305(key).decrypt(bytes(12), empty, _hash(transcript, temporary))
        except InvalidTag as error:
            raise WrongPresharedKeyError from error
        send, receive = _kdf(2, chain, b"")
        return Keys(send, receive, peer_index, self.index)

    def cookie(self, wire: bytes) -> bytes | None:
        """Return the cookie in a busy server's reply to this greeting, or None for any other bytes."""
        if len(wire) != COOKIE_BYTES or wire[:4] != struct.pack("<I", self._junk.h3) or wire[4:8] != self.index:
            return None
        key = _hash(b"cookie--", self._identity.server)
        try:
            return _open_x(key, wire[8:32], wire[32:], self.mac1)
        except InvalidTag:
            return None


def tai64n(now: float) -> bytes:
    """Return a time in seconds since 1970 UTC as TAI64N, 12 bytes."""
    whole = int(now)
    return struct.pack(">QI", TAI_OFFSET + whole, int((now - whole) * 1e9))


def junk_packets(junk: Junk) -> list[bytes]:
    """Return AmneziaWG's packets of junk that go before a greeting."""
    return [os.urandom(junk.jmin + secrets.randbelow(junk.jmax - junk.jmin + 1)) for _ in range(junk.jc)]


def _hash(*parts: bytes) -> bytes:
    return hashlib.blake2s(b"".join(parts)).digest()


def _mac(key: bytes, message: bytes) -> bytes:
    return hashlib.blake2s(message, key=key, digest_size=MAC).digest()


def _kdf(count: int, key: bytes, data: bytes) -> list[bytes]:
    secret = hmac.new(key, data, hashlib.blake2s).digest()
    found: list[bytes] = []
    last = b""
    for number in range(1, count + 1):
        last = hmac.new(secret, last + bytes([number]), hashlib.blake2s).digest()
        found.append(last)
    return found


def _dh(private: X25519PrivateKey, public: bytes) -> bytes:
    return private.exchange(X25519PublicKey.from_public_bytes(public))


def _seal(key: bytes, plain: bytes, extra: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(bytes(12), plain, extra)


def _open_x(key: bytes, nonce: bytes, sealed: bytes, extra: bytes) -> bytes:
    """Open XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), which ``cryptography`` lacks, by way of its ChaCha20.

    HChaCha20 is a block of ChaCha20 without the last addition of the state, which is taken back here.
    """
    encryptor = Cipher(ChaCha20(key, nonce[:16]), mode=None).encryptor()
    block = struct.unpack("<16I", encryptor.update(bytes(64)))
    first = [(word - added) & _WORD for word, added in zip(block[:4], _SIGMA, strict=True)]
    last = [(word - added) & _WORD for word, added in zip(block[12:], struct.unpack("<4I", nonce[:16]), strict=True)]
    return ChaCha20Poly1305(struct.pack("<8I", *first, *last)).decrypt(bytes(4) + nonce[16:], sealed, extra)
