"""Shadowsocks with authenticated ciphers: SIP004 (AEAD) and SIP022 (2022 edition, needs the optional ``blake3``)."""

from __future__ import annotations

import base64
import hashlib
import importlib
import secrets
import struct
import time
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from diagnostics.failures import ProtocolError
from diagnostics.routes.accounts import KEY_SIZES
from diagnostics.routes.link import Link
from diagnostics.routes.socks import socks_address, spoken
from diagnostics.routes.tunnel import AUTH, BAD_REPLY, NOT_SUPPORTED, WRONG_PROTOCOL, ProxyRefusal, Reader, ThroughStream
from diagnostics.streams import READ_SIZE, Stream

MAX_CHUNK: Final = 0x3FFF
"""Bytes of a chunk (SIP004); SIP022 allows 0xFFFF, and takes these as well."""

TAG: Final = 16
CONTEXT_2022: Final = "shadowsocks 2022 session subkey"
CLOCK_2022: Final = 30
"""Seconds that the clocks may differ (SIP022)."""

_OTHERS: Final = (b"HTTP/1.", b"SSH-2.0", b"\x15\x03\x01\x00\x02", b"\x15\x03\x03\x00\x02")
"""Beginnings of other protocols' answers; a salt begins so once in 2^40."""

_LENGTH: Final = struct.Struct("!H")


class _Cipher(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


class _Sealed:
    """One direction: a cipher whose nonce counts up."""

    def __init__(self, method: str, key: bytes) -> None:
        self._cipher: _Cipher = ChaCha20Poly1305(key) if "chacha20" in method else AESGCM(key)
        self._count = 0

    def _nonce(self) -> bytes:
        self._count += 1
        return (self._count - 1).to_bytes(12, "little")

    def seal(self, data: bytes) -> bytes:
        return self._cipher.encrypt(self._nonce(), data, None)

    def open(self, data: bytes) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(), data, None)
        except InvalidTag:
            raise ProxyRefusal(AUTH, "the answer is not sealed with our key") from None


class ShadowsocksStream(ThroughStream):
    """What goes to the target, in sealed chunks; the first of them carries its address."""

    def __init__(self, link: Link, below: Stream, host: str, port: int) -> None:
        """Prepare; the address leaves with the first bytes that are written."""
        super().__init__(below)
        self._method = link.method
        self._is_2022 = link.method.startswith("2022-")
        self._size = KEY_SIZES[link.method]
        self._key = _psk(link.secret.reveal()) if self._is_2022 else _evp_key(link.secret.reveal(), self._size)
        prefix = link.option("prefix").encode("latin-1")
        self._salt = prefix + secrets.token_bytes(self._size - len(prefix))
        self._out = _Sealed(self._method, self._subkey(self._salt))
        self._in: _Sealed | None = None
        self._address: bytes | None = socks_address(host, port)
        self._reader = Reader(below)
        self._ready = b""

    def _subkey(self, salt: bytes) -> bytes:
        if not self._is_2022:
            return HKDF(hashes.SHA1(), self._size, salt, b"ss-subkey").derive(self._key)  # noqa: S303 - the protocol's own
        return _blake3(self._key + salt, self._size)

    async def write(self, data: bytes) -> None:
        """Send; the first chunk has the address in front."""
        wire = b""
        if self._address is not None:
            wire, data = self._opening(data)
            self._address = None
        for at in range(0, len(data), MAX_CHUNK):
            piece = data[at : at + MAX_CHUNK]
            wire += self._out.seal(_LENGTH.pack(len(piece))) + self._out.seal(piece)
            self.sent += len(piece)
        if wire:
            await self.below.write(wire)

    def _opening(self, data: bytes) -> tuple[bytes, bytes]:
        """Return salt and first chunks, and what of ``data`` does not fit into them."""
        address = self._address or b""
        if not self._is_2022:
            return self._salt, address + data
        first, rest = data[:MAX_CHUNK], data[MAX_CHUNK:]
        self.sent += len(first)
        variable = address + _LENGTH.pack(0 if first else 1) + (b"" if first else b"\0") + first  # padding where there is no payload
        fixed = struct.pack("!BQH", 0, int(time.time()), len(variable))
        return self._salt + self._out.seal(fixed) + self._out.seal(variable), rest

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return opened bytes, ``b""`` at the end.  Raises ProxyRefusal for bytes that our key does not open."""
        if not self._ready:
            try:
                self._ready = await self._chunk()
            except EOFError:
                if self._in is None and self._reader.rest:
                    raise
                return b""
        data, self._ready = self._ready[:limit], self._ready[limit:]
        self.received += len(data)
        return data

    async def _chunk(self) -> bytes:
        if self._in is None:
            salt = await self._reader.exactly(self._size)
            if salt.startswith(_OTHERS):
                raise ProxyRefusal(WRONG_PROTOCOL, "another protocol answers", speaks=spoken(salt[:2]))
            self._in = _Sealed(self._method, self._subkey(salt))
            if self._is_2022:
                return await self._first_2022(self._in)
        (size,) = _LENGTH.unpack(self._in.open(await self._reader.exactly(_LENGTH.size + TAG)))
        return self._in.open(await self._reader.exactly(size + TAG))

    async def _first_2022(self, sealed: _Sealed) -> bytes:
        header = sealed.open(await self._reader.exactly(1 + 8 + self._size + 2 + TAG))
        if header[0] != 1 or header[9 : 9 + self._size] != self._salt:
            raise ProxyRefusal(BAD_REPLY, "an answer to another request")
        return sealed.open(await self._reader.exactly(_LENGTH.unpack(header[-2:])[0] + TAG))


async def shadowsocks(link: Link, stream: Stream, host: str, port: int) -> Stream:
    """Return a stream to ``host:port``; nothing is sent before its first bytes, as the protocol has it."""
    return ShadowsocksStream(link, stream, host, port)


def _evp_key(password: str, size: int) -> bytes:
    """Return OpenSSL's EVP_BytesToKey with MD5: how a Shadowsocks password becomes a key (SIP004)."""
    key = last = b""
    while len(key) < size:
        last = hashlib.md5(last + password.encode(), usedforsecurity=False).digest()
        key += last
    return key[:size]


def _psk(text: str) -> bytes:
    """Return the key of the 2022 edition; of several, which lead through a relay, the person's own is the last."""
    last = text.rsplit(":", 1)[-1].replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(last + "=" * (-len(last) % 4))


def _blake3(material: bytes, size: int) -> bytes:
    try:
        blake3: Any = importlib.import_module("blake3")
    except ImportError:
        raise ProtocolError(NOT_SUPPORTED, "blake3 is not installed") from None
    return bytes(blake3.blake3(material, derive_key_context=CONTEXT_2022).digest(size))
