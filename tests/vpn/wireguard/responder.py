"""The other end of WireGuard's handshake, written for the tests from the paper (section 5.4), and a flow that leads to it in memory."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import struct
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from diagnostics.streams import Datagrams
from diagnostics.vpn.profile import Source
from diagnostics.vpn.wireguard.profile import NO_JUNK, Junk, WireGuardProfile, parse_conf

PSK = bytes(range(32))


def blake(*parts: bytes) -> bytes:
    return hashlib.blake2s(b"".join(parts)).digest()


def mac(key: bytes, data: bytes) -> bytes:
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def derive(chain: bytes, data: bytes, count: int) -> list[bytes]:
    """Return so many outputs of HKDF over HMAC-BLAKE2s."""

    def one(key: bytes, message: bytes) -> bytes:
        return hmac.new(key, message, hashlib.blake2s).digest()

    first = one(chain, data)
    found = [one(first, b"\1")]
    while len(found) < count:
        found.append(one(first, found[-1] + bytes([len(found) + 1])))
    return found


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Return the key that XChaCha20 derives (draft-irtf-cfrg-xchacha-03, section 2.2), round by round."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def turn(a: int, b: int, c: int, d: int) -> None:
        for one, two, three, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[one] = (state[one] + state[two]) & 0xFFFFFFFF
            mixed = state[three] ^ state[one]
            state[three] = (mixed << by | mixed >> (32 - by)) & 0xFFFFFFFF

    for _ in range(10):
        for at in range(4):
            turn(at, at + 4, at + 8, at + 12)
        for at in range(4):
            turn(at, (at + 1) % 4 + 4, (at + 2) % 4 + 8, (at + 3) % 4 + 12)
    return struct.pack("<8I", *state[:4], *state[12:])


def seal_x(key: bytes, nonce: bytes, plain: bytes, extra: bytes) -> bytes:
    """Seal with XChaCha20-Poly1305."""
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], plain, extra)


class Responder:
    """A server with one peer."""

    def __init__(self, psk: bytes = PSK, junk: Junk = NO_JUNK) -> None:
        self._private, self._peer = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw()
        self.psk, self.junk = psk, junk
        self.stamps: list[bytes] = []
        self.initiations: list[bytes] = []
        self.index = os.urandom(4)
        self.keys = (b"", b"")
        """To send with, and to receive with."""
        self._receiving: dict[bytes, bytes] = {}

    def profile(self, *, psk: bytes | None = None, more: str = "") -> WireGuardProfile:
        """Return the peer's profile."""

        def text(raw: bytes) -> str:
            return base64.b64encode(raw).decode()

        return parse_conf(
            Source(
                f"[Interface]\nPrivateKey = {text(self._peer.private_bytes_raw())}\nAddress = 10.0.0.2\n{more}\n"
                f"[Peer]\nPublicKey = {text(self.public)}\nPresharedKey = {text(self.psk if psk is None else psk)}\n"
                "AllowedIPs = 0.0.0.0/0\nEndpoint = 127.0.0.1:51820\n"
            )
        )

    def answer(self, wire: bytes) -> bytes:
        """Return the response to an initiation, which has to be right in every part."""
        message = wire[self.junk.s1 :]
        assert len(message) == 148
        assert message[:4] == struct.pack("<I", self.junk.h1)
        assert message[116:132] == mac(blake(b"mac1----", self.public), message[:116])
        index, ephemeral, static, stamp = message[4:8], message[8:40], message[40:88], message[88:116]
        chain = blake(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
        seen = blake(blake(blake(chain, b"WireGuard v1 zx2c4 Jason@zx2c4.com"), self.public), ephemeral)
        (chain,) = derive(chain, ephemeral, 1)
        chain, key = derive(chain, self._private.exchange(X25519PublicKey.from_public_bytes(ephemeral)), 2)
        peer = ChaCha20Poly1305(key).decrypt(bytes(12), static, seen)
        assert peer == self._peer.public_key().public_bytes_raw()
        seen = blake(seen, static)
        chain, key = derive(chain, self._private.exchange(X25519PublicKey.from_public_bytes(peer)), 2)
        self.stamps.append(ChaCha20Poly1305(key).decrypt(bytes(12), stamp, seen))
        self.initiations.append(message)
        return self._response(index, ephemeral, peer, chain, blake(seen, stamp))

    def _response(self, index: bytes, ephemeral: bytes, peer: bytes, chain: bytes, seen: bytes) -> bytes:
        own = X25519PrivateKey.generate()
        public = own.public_key().public_bytes_raw()
        seen = blake(seen, public)
        (chain,) = derive(chain, public, 1)
        for other in (ephemeral, peer):
            (chain,) = derive(chain, own.exchange(X25519PublicKey.from_public_bytes(other)), 1)
        chain, middle, key = derive(chain, self.psk, 3)
        empty = ChaCha20Poly1305(key).encrypt(bytes(12), b"", blake(seen, middle))
        receive, send = derive(chain, b"", 2)
        self.keys, self.index = (send, receive), os.urandom(4)
        self._receiving[self.index] = receive
        return self.sealed_answer(struct.pack("<I", self.junk.h2) + self.index + index + public + empty)

    def sealed_answer(self, head: bytes) -> bytes:
        """Return a response with the codes that its receiver looks at first."""
        peer = self._peer.public_key().public_bytes_raw()
        return os.urandom(self.junk.s2) + head + mac(blake(b"mac1----", peer), head) + bytes(16)

    def patience(self, wire: bytes, cookie: bytes, *, index: bytes | None = None) -> bytes:
        """Return the reply of a server that is busy: a cookie for who sent ``wire``."""
        message, nonce = wire[self.junk.s1 :], os.urandom(24)
        sealed = seal_x(blake(b"cookie--", self.public), nonce, cookie, message[116:132])
        return struct.pack("<I", self.junk.h3) + (message[4:8] if index is None else index) + nonce + sealed

    def open(self, wire: bytes) -> bytes:
        """Return the packet in a transport message of the peer's."""
        kind, index, counter = struct.unpack_from("<I4sQ", wire)
        assert kind == self.junk.h4
        return ChaCha20Poly1305(self._receiving[index]).decrypt(struct.pack("<IQ", 0, counter), wire[16:], b"")

    def seal(self, packet: bytes, counter: int, index: bytes) -> bytes:
        """Return a transport message for the peer, who calls the session ``index``."""
        sealed = ChaCha20Poly1305(self.keys[0]).encrypt(struct.pack("<IQ", 0, counter), packet, b"")
        return struct.pack("<I4sQ", self.junk.h4, index, counter) + sealed


class Flow(Datagrams):
    """A flow in memory; ``serve`` is told what is sent, and ``put`` gives what arrives: bytes, or an error of the line."""

    def __init__(self) -> None:
        self.serve: Callable[[bytes], None] = lambda _wire: None
        self._arriving: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self._changed = asyncio.Event()
        self.sent: list[bytes] = []
        self.closed = False
        self.broken: OSError | None = None
        self.asked = 0

    def put(self, what: bytes | OSError) -> None:
        self._arriving.put_nowait(what)

    async def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.serve(data)
        self._changed.set()

    async def sends(self, count: int) -> list[bytes]:
        """Wait until so many datagrams were sent, and return them."""
        async with asyncio.timeout(20):
            while len(self.sent) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.sent

    async def receive(self, limit: int = 65536) -> bytes:
        del limit
        self.asked += 1
        if self.broken is not None:
            raise self.broken
        what = await self._arriving.get()
        if isinstance(what, OSError):
            raise what
        return what

    def close(self) -> None:
        self.closed = True
