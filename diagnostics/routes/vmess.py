"""VMess with an authenticated header, as every server since 2022 wants it: an account without a core of its own.

Sources: v2fly's VMess page and its ``proxy/vmess/aead`` and ``proxy/vmess/encoding``; checked 2026-11.  The header carries this
computer's time: a clock that is more than two minutes wrong looks like a wrong key, which servers answer with an end or silence.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
import time
import uuid
import zlib
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from diagnostics.routes.accounts_tls import v2ray_address
from diagnostics.routes.link import Link
from diagnostics.routes.socks import spoken
from diagnostics.routes.tunnel import BAD_REPLY, WRONG_PROTOCOL, ProxyRefusal, Reader, ThroughStream
from diagnostics.streams import READ_SIZE, Stream

MAGIC: Final = b"c48619fe-8f02-49e0-b9e9-edf763e17e21"
"""What a UUID is hashed with into the key of an account."""

TAG: Final = 16
MAX_CHUNK: Final = 8000
"""Bytes of a chunk: below the 8 KiB buffers of the servers."""

MAX_CHUNKS: Final = 0x10000
"""Chunks in one direction, after which a nonce would be used again."""

_VERSION, _TCP = 1, 1
_CHUNKED, _MASKED = 0x01, 0x04
_AES_128_GCM, _CHACHA20_POLY1305 = 3, 4
_LENGTH: Final = struct.Struct("!H")
_Hash = Callable[[bytes], bytes]


def kdf(key: bytes, *path: bytes) -> bytes:
    """Return 32 bytes: HMAC-SHA256 whose hash is HMAC again, once for every part of the path."""

    def innermost(message: bytes) -> bytes:
        return hmac.digest(b"VMess AEAD KDF", message, "sha256")

    def layer(inner: _Hash, name: bytes) -> _Hash:
        name = (inner(name) if len(name) > 64 else name).ljust(64, b"\0")
        outside, inside = bytes(x ^ 0x5C for x in name), bytes(x ^ 0x36 for x in name)
        return lambda message: inner(outside + inner(inside + message))

    function: _Hash = innermost
    for name in path:
        function = layer(function, name)
    return function(key)


def _fnv1a(data: bytes) -> bytes:
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return struct.pack("!I", value)


class _Direction:
    """The chunks of one direction: their cipher, a nonce that counts up, and the masks over their lengths."""

    def __init__(self, security: int, key: bytes, iv: bytes) -> None:
        if security == _CHACHA20_POLY1305:
            half = hashlib.md5(key, usedforsecurity=False).digest()
            self._cipher: AESGCM | ChaCha20Poly1305 = ChaCha20Poly1305(half + hashlib.md5(half, usedforsecurity=False).digest())
        else:
            self._cipher = AESGCM(key)
        self._iv = iv
        self._count = 0
        self._masks = b""

    def masked(self, size: int) -> int:
        """Put the next chunk's mask on its length, or take it off."""
        at = 2 * self._count
        if len(self._masks) < at + 2:
            self._masks = hashlib.shake_128(self._iv).digest(max(64, 2 * len(self._masks)))
        return size ^ int.from_bytes(self._masks[at : at + 2], "big")

    def _nonce(self) -> bytes:
        if self._count == MAX_CHUNKS:
            raise ProxyRefusal(BAD_REPLY, "more chunks than the protocol has numbers for")
        self._count += 1
        return _LENGTH.pack(self._count - 1) + self._iv[2:12]

    def seal(self, data: bytes) -> bytes:
        size = self.masked(len(data) + TAG)
        return _LENGTH.pack(size) + self._cipher.encrypt(self._nonce(), data, None)

    def open(self, data: bytes) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(), data, None)
        except InvalidTag:
            raise ProxyRefusal(BAD_REPLY, "a chunk that was changed on the way") from None


class VmessStream(ThroughStream):
    """What goes to the target, in sealed chunks behind a header that leaves with the first of them."""

    def __init__(self, link: Link, below: Stream, host: str, port: int) -> None:
        """Prepare; nothing is sent before the first bytes are written."""
        super().__init__(below)
        self._account = hashlib.md5(uuid.UUID(link.secret.reveal()).bytes + MAGIC, usedforsecurity=False).digest()
        self._security = _CHACHA20_POLY1305 if link.option("scy").lower() == "chacha20-poly1305" else _AES_128_GCM
        self._key, self._iv, self._check = secrets.token_bytes(16), secrets.token_bytes(16), secrets.token_bytes(1)
        self._address: bytes | None = v2ray_address(host, port)
        self._out = _Direction(self._security, self._key, self._iv)
        self._in: _Direction | None = None
        self._reader = Reader(below)
        self._ready = b""
        self._ended = False

    async def write(self, data: bytes) -> None:
        """Send; the header goes in front of the first chunk."""
        wire = b""
        if self._address is not None:
            wire, self._address = self._header(self._address), None
        for at in range(0, len(data), MAX_CHUNK):
            wire += self._out.seal(data[at : at + MAX_CHUNK])
        if wire:
            await self.below.write(wire)
        self.sent += len(data)

    def _header(self, address: bytes) -> bytes:
        """Return the sealed request: who asks, when, for what, and the keys of the chunks."""
        plain = bytes([_VERSION]) + self._iv + self._key + self._check + bytes([_CHUNKED | _MASKED, self._security, 0, _TCP]) + address
        plain += _fnv1a(plain)
        stamp = struct.pack("!Q", int(time.time())) + secrets.token_bytes(4)
        stamp += struct.pack("!I", zlib.crc32(stamp))
        mark_key = kdf(self._account, b"AES Auth ID Encryption")[:16]
        mark = Cipher(algorithms.AES(mark_key), modes.ECB()).encryptor().update(stamp)  # noqa: S305 - one block, the protocol's own
        nonce = secrets.token_bytes(8)

        def sealed(part: bytes, data: bytes) -> bytes:
            key = kdf(self._account, b"VMess Header AEAD Key" + part, mark, nonce)[:16]
            return AESGCM(key).encrypt(kdf(self._account, b"VMess Header AEAD Nonce" + part, mark, nonce)[:12], data, mark)

        return mark + sealed(b"_Length", _LENGTH.pack(len(plain))) + nonce + sealed(b"", plain)

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return opened bytes, ``b""`` at the end.  Raises ProxyRefusal for an answer that is not one to our request."""
        if not self._ready and not self._ended:
            try:
                self._ready = await self._chunk()
            except EOFError:
                self._ended = True
            self._ended |= not self._ready  # an empty chunk is the server's farewell
        data, self._ready = self._ready[:limit], self._ready[limit:]
        self.received += len(data)
        return data

    async def _chunk(self) -> bytes:
        if self._in is None:
            self._in = await self._answer()
        size = self._in.masked(_LENGTH.unpack(await self._reader.exactly(_LENGTH.size))[0])
        if size < TAG:
            raise ProxyRefusal(BAD_REPLY, "a chunk without its seal")
        return self._in.open(await self._reader.exactly(size))

    async def _answer(self) -> _Direction:
        """Read the answer's header and return the direction that follows it."""
        key, iv = (hashlib.sha256(each).digest()[:16] for each in (self._key, self._iv))

        async def opened(part: bytes, size: int) -> bytes:
            data = await self._reader.exactly(size + TAG)
            try:
                return AESGCM(kdf(key, b"AEAD Resp Header " + part + b"Key")[:16]).decrypt(
                    kdf(iv, b"AEAD Resp Header " + part + b"IV")[:12], data, None
                )
            except InvalidTag:
                raise ProxyRefusal(WRONG_PROTOCOL, "no VMess answer", speaks=spoken(data[:2])) from None

        (size,) = _LENGTH.unpack(await opened(b"Len ", _LENGTH.size))
        head = await opened(b"", size)
        if head[:1] != self._check:
            raise ProxyRefusal(BAD_REPLY, "an answer to another request")
        return _Direction(self._security, key, iv)


async def vmess(link: Link, stream: Stream, host: str, port: int) -> Stream:
    """Return a stream to ``host:port``; nothing is sent before its first bytes, as the protocol has it."""
    return VmessStream(link, stream, host, port)
