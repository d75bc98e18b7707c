"""VMess, played by a server that knows the keys: answers whole, in pieces, cut and changed on the way."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import struct
import uuid
import zlib

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from diagnostics.routes.grammar import parse_link
from diagnostics.routes.tunnel import ProxyRefusal
from diagnostics.routes.vmess import MAGIC, MAX_CHUNK, VmessStream, kdf
from diagnostics.streams import READ_SIZE, Stream
from tests.routes.test_hostile import UUID

NOW = 1_790_000_000


class Script(Stream):
    """Keeps what is written and reads what the test says, ``step`` bytes at a time."""

    def __init__(self, step: int = READ_SIZE) -> None:
        super().__init__()
        self.written = b""
        self.coming = b""
        self._step = step

    async def read(self, limit: int = READ_SIZE) -> bytes:
        size = min(limit, self._step)
        data, self.coming = self.coming[:size], self.coming[size:]
        return data

    async def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        """Nothing is open."""


class Server:
    """What a server reads out of a request, and how it answers."""

    def __init__(self, wire: bytes) -> None:
        account = hashlib.md5(uuid.UUID(UUID).bytes + MAGIC).digest()
        mark, nonce = wire[:16], wire[34:42]
        stamp = Cipher(algorithms.AES(kdf(account, b"AES Auth ID Encryption")[:16]), modes.ECB()).decryptor().update(mark)
        assert stamp[12:] == struct.pack("!I", zlib.crc32(stamp[:12]))
        self.time = int.from_bytes(stamp[:8], "big")

        def opened(part: bytes, data: bytes) -> bytes:
            key = kdf(account, b"VMess Header AEAD Key" + part, mark, nonce)[:16]
            return AESGCM(key).decrypt(kdf(account, b"VMess Header AEAD Nonce" + part, mark, nonce)[:12], data, mark)

        size = int.from_bytes(opened(b"_Length", wire[16:34]), "big")
        self.head = opened(b"", wire[42 : 58 + size])
        self.rest = wire[58 + size :]
        self.iv, self.key, self.check = self.head[1:17], self.head[17:33], self.head[33:34]

    def chunks(self) -> list[bytes]:
        """Return what the client's chunks hold."""
        masks, rest = hashlib.shake_128(self.iv).digest(20_000), self.rest
        found: list[bytes] = []
        while rest:
            at = 2 * len(found)
            size = int.from_bytes(rest[:2], "big") ^ int.from_bytes(masks[at : at + 2], "big")
            nonce = struct.pack("!H", len(found)) + self.iv[2:12]
            found.append(AESGCM(self.key).decrypt(nonce, rest[2 : 2 + size], None))
            rest = rest[2 + size :]
        return found

    def answer(self, *chunks: bytes, check: bytes | None = None) -> bytes:
        """Return an answer of these chunks."""
        key, iv = (hashlib.sha256(each).digest()[:16] for each in (self.key, self.iv))

        def sealed(part: bytes, data: bytes) -> bytes:
            return AESGCM(kdf(key, b"AEAD Resp Header " + part + b"Key")[:16]).encrypt(
                kdf(iv, b"AEAD Resp Header " + part + b"IV")[:12], data, None
            )

        head = (check or self.check) + b"\0\0\0"
        wire = sealed(b"Len ", struct.pack("!H", len(head))) + sealed(b"", head)
        masks = hashlib.shake_128(iv).digest(20_000)
        for at, chunk in enumerate(chunks):
            data = AESGCM(key).encrypt(struct.pack("!H", at) + iv[2:12], chunk, None)
            wire += struct.pack("!H", len(data) ^ int.from_bytes(masks[2 * at : 2 * at + 2], "big")) + data
        return wire


def asked(data: bytes = b"hello", step: int = READ_SIZE) -> tuple[VmessStream, Script, Server]:
    """Return a client that has sent ``data``, what it speaks over, and the server that read it."""
    below = Script(step)
    account = parse_link(f"vless://{UUID}@h.example:1")  # the same identifier; only that counts here
    stream = VmessStream(account, below, "page.example", 443)
    asyncio.run(stream.write(data))
    return stream, below, Server(below.written)


def everything(stream: VmessStream) -> bytes:
    async def go() -> bytes:
        found = b""
        while data := await stream.read(777):
            found += data
        return found

    return asyncio.run(go())


def test_the_request_says_who_when_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW + 0.9)
    _, _, server = asked()
    assert server.time == NOW
    assert server.head[:1] == b"\x01"
    assert server.head[34:38] == b"\x05\x03\x00\x01"
    assert server.head[38:-4] == struct.pack("!H", 443) + b"\x02\x0cpage.example"
    assert server.chunks() == [b"hello"]


def test_long_data_goes_in_chunks_and_comes_in_chunks() -> None:
    data = bytes(range(256)) * 1000
    stream, below, server = asked(data)
    assert max(map(len, server.chunks())) == MAX_CHUNK
    assert b"".join(server.chunks()) == data
    below.coming = server.answer(*(data[at : at + 1000] for at in range(0, len(data), 1000)), b"")
    assert everything(stream) == data


def test_an_answer_may_come_byte_by_byte_and_ends_with_an_empty_chunk() -> None:
    stream, below, server = asked(step=1)
    below.coming = server.answer(b"first", b"second", b"", b"never")
    assert everything(stream) == b"firstsecond"


def test_an_answer_that_is_cut_anywhere_is_an_end() -> None:
    for size in range(90):
        stream, below, server = asked()
        below.coming = server.answer(b"first", b"second")[:size]
        assert b"firstsecond".startswith(everything(stream))


def test_no_changed_byte_is_ever_taken_for_an_answer() -> None:
    for at in range(90):
        stream, below, server = asked()
        wire = bytearray(server.answer(b"first", b"second" * 10))
        wire[at] ^= 0x40
        below.coming = bytes(wire)
        try:
            found = everything(stream)
        except ProxyRefusal as refusal:
            found = b""
            refused = refusal.failure
            assert refused in ("proxy_wrong_protocol", "proxy_bad_reply")
        assert found in (b"", b"first")


def test_an_answer_to_somebody_else_is_refused() -> None:
    stream, below, server = asked()
    below.coming = server.answer(b"x", check=bytes([server.check[0] ^ 1]))
    with pytest.raises(ProxyRefusal, match="another request"):
        everything(stream)


def test_the_nested_hash_of_one_part_is_the_hmac_of_an_hmac() -> None:
    """HMAC written out with HMAC as its hash, for a short name and for one longer than a block."""

    def inner(message: bytes) -> bytes:
        return hmac.digest(b"VMess AEAD KDF", message, "sha256")

    for name in (b"short", b"n" * 100):
        padded = (inner(name) if len(name) > 64 else name).ljust(64, b"\0")
        inside = inner(bytes(x ^ 0x36 for x in padded) + b"key")
        assert kdf(b"key", name) == inner(bytes(x ^ 0x5C for x in padded) + inside)
