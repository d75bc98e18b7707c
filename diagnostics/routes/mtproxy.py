"""Telegram's own proxy: secrets, the disguise as an ordinary secure site, and the stream that looks like noise.

A secret has 16 bytes ("classic"), or dd and 16 bytes ("padded": messages end in random bytes), or ee, 16 bytes and the name of a
site ("fake TLS": the connection poses as one to that site).  Sources: core.telegram.org/mtproto/mtproto-transports (obfuscation,
padded intermediate), TelegramMessenger/MTProxy and alexbers/mtprotoproxy 0614c35 (fake TLS), checked 2026-11.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import ssl
import struct
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from diagnostics.model import Fact
from diagnostics.routes.link import Link, Secret
from diagnostics.routes.socks import spoken
from diagnostics.routes.tunnel import AUTH, BAD_REPLY, WRONG_PROTOCOL, ProxyRefusal, Reader, ThroughStream
from diagnostics.streams import READ_SIZE, Stream

KEY: Final = 16
INTERMEDIATE: Final = b"\xee" * 4
PADDED: Final = b"\xdd" * 4
"""Tags of the transports that are spoken inside: frames with a length of four bytes, without and with random bytes behind."""

EARLIEST, LATEST = -600.0, 1200.0
"""Seconds by which a client's clock may be off in fake TLS before the proxy shows its site instead (TIME_SKEW_* of mtprotoproxy)."""

_CLASSIC, _PADDED, _FAKE_TLS = "classic", "padded", "fake_tls"
_HANDSHAKE, _CHANGE, _DATA, _ALERT = 0x16, 0x14, 0x17, 0x15
_RECORD: Final = struct.Struct("!B2sH")
_MAX_RECORD: Final = 16384 + 256
"""Bytes of a TLS record's content (RFC 8446, 5.2)."""

_RANDOM: Final = slice(11, 43)
"""Where a hello's random number stands, in the client's as in the server's: behind record, message and version."""

_HELLO: Final = 517
"""Bytes of the ClientHello that Telegram's programs send; older proxies accept no other size."""

_PADDING: Final = 21
"""TLS extension (RFC 7685)."""

_MOST_IDLE: Final = 16
"""Records without data that are skipped in a row: a server that sends nothing else has no end."""

_RESERVED: Final = (b"HEAD", b"POST", b"GET ", b"OPTI", INTERMEDIATE, PADDED, b"\x16\x03\x01\x02")
"""Beginnings that other transports have; a stream of noise must not begin like them."""


def sounds_like(first: bytes) -> str:
    """Return which protocol an answer belongs to, or nothing: only those that say so in more than a byte, since noise begins with any."""
    found = spoken(first)
    return found if found in ("http", "tls", "ssh") else ""


class ProxySecret(Fact, frozen=True):
    """A secret taken apart: ``mode`` is classic, padded or fake_tls; ``site`` is the name that fake TLS says."""

    mode: str
    key: Secret
    site: str = ""

    @property
    def raw(self) -> bytes:
        """Return the key."""
        return bytes.fromhex(self.key.reveal())

    @property
    def fake_tls(self) -> bool:
        """Tell whether the connection poses as one to a site."""
        return self.mode == _FAKE_TLS

    @property
    def tag(self) -> bytes:
        """Return the transport that is spoken inside."""
        return INTERMEDIATE if self.mode == _CLASSIC else PADDED


def secret_of(link: Link) -> ProxySecret:
    """Return the secret of a link, which the grammar has checked."""
    found = bytes.fromhex(link.secret.reveal())
    if len(found) == KEY:
        return ProxySecret(mode=_CLASSIC, key=Secret(found.hex()))
    mode = _FAKE_TLS if found[0] == 0xEE else _PADDED
    return ProxySecret(mode=mode, key=Secret(found[1 : 1 + KEY].hex()), site=found[1 + KEY :].decode("ascii"))


# --- fake TLS ----------------------------------------------------------------------------------------


def client_hello(site: str) -> bytearray:
    """Return an ordinary ClientHello that names ``site``, filled up to the size that Telegram's programs send."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ecdh_curve("X25519")  # newer defaults carry a key that makes the message too long
    context.set_alpn_protocols(["h2", "http/1.1"])
    said = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), said, server_hostname=site)
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return _filled_up(bytearray(said.read()))


def _filled_up(hello: bytearray) -> bytearray:
    missing = _HELLO - len(hello) - 4
    if missing < 0:
        return hello
    at = 44 + hello[43]  # behind the session id
    at += 2 + int.from_bytes(hello[at : at + 2])  # the ciphers
    at += 1 + hello[at]  # the compressions; here the length of the extensions stands
    hello += struct.pack("!HH", _PADDING, missing) + bytes(missing)
    for where, size in ((3, 2), (6, 3), (at, 2)):
        longer = int.from_bytes(hello[where : where + size]) + 4 + missing
        hello[where : where + size] = longer.to_bytes(size)
    return hello


def signed_hello(secret: ProxySecret, now: float) -> bytes:
    """Return a hello whose random number proves the secret and tells the time (``now``: seconds since 1970 UTC)."""
    hello = client_hello(secret.site)
    hello[_RANDOM] = bytes(32)
    random = bytearray(hmac.new(secret.raw, hello, hashlib.sha256).digest())
    random[28:] = bytes(a ^ b for a, b in zip(random[28:], struct.pack("<I", int(now) & 0xFFFF_FFFF), strict=True))
    hello[_RANDOM] = random
    return bytes(hello)


async def fake_tls(secret: ProxySecret, stream: Stream, now: float) -> Stream:
    """Shake hands as if with the site; the stream that carries Telegram's bytes as if they were the site's.

    Raises EOFError, OSError, and ProxyRefusal: AUTH where the site itself answered (``whole``: to the end of what a proxy would
    have said), WRONG_PROTOCOL for anything that is not TLS.
    """
    hello = signed_hello(secret, now)
    await stream.write(hello)
    reader = Reader(stream)
    answer, kind = await _record(reader)
    if kind == _ALERT:
        raise ProxyRefusal(AUTH, "the site's alert instead of a hello", whole=True)
    if kind != _HANDSHAKE or len(answer) < _RANDOM.stop:
        raise ProxyRefusal(WRONG_PROTOCOL, "no hello")
    try:
        for expected in (_CHANGE, _DATA):
            record, kind = await _record(reader)
            if kind != expected:
                raise ProxyRefusal(AUTH, "the site itself answered", whole=True)
            answer += record
    except (EOFError, ConnectionError):  # a proxy's answer is one piece: what comes in parts is a site's
        raise ProxyRefusal(AUTH, "half of an answer", whole=False) from None
    claimed = answer[_RANDOM]
    blank = answer[: _RANDOM.start] + bytes(32) + answer[_RANDOM.stop :]
    proof = hmac.new(secret.raw, hello[_RANDOM] + blank, hashlib.sha256).digest()
    if not hmac.compare_digest(claimed, proof):
        raise ProxyRefusal(AUTH, "the site itself answered", whole=True)
    return _Records(stream, reader)


async def _record(reader: Reader) -> tuple[bytes, int]:
    """Return one TLS record and its type."""
    head = await reader.exactly(_RECORD.size)
    kind, version, length = _RECORD.unpack(head)
    if kind not in (_HANDSHAKE, _CHANGE, _DATA, _ALERT) or version[0] != 3 or length > _MAX_RECORD:
        raise ProxyRefusal(WRONG_PROTOCOL, "no TLS", speaks=sounds_like(head))
    return head + await reader.exactly(length), kind


class _Records(ThroughStream):
    """Bytes inside records of application data; the first ones follow the change of keys that TLS has there."""

    def __init__(self, below: Stream, reader: Reader) -> None:
        super().__init__(below)
        self._reader = reader
        self._opening = bytes([_CHANGE]) + b"\x03\x03\x00\x01\x01"
        self._rest = b""

    async def read(self, limit: int = READ_SIZE) -> bytes:
        idle = 0
        while not self._rest:
            try:
                record, kind = await _record(self._reader)
            except EOFError:
                return b""
            self._rest = record[_RECORD.size :] if kind == _DATA else b""
            idle += 1
            if kind not in (_DATA, _CHANGE) or idle > _MOST_IDLE:
                raise ProxyRefusal(BAD_REPLY, "records without data")
        data, self._rest = self._rest[:limit], self._rest[limit:]
        self.received += len(data)
        return data

    async def write(self, data: bytes) -> None:
        opening, self._opening = self._opening, b""
        pieces = (data[at : at + 16384] for at in range(0, len(data), 16384))
        await self.below.write(opening + b"".join(_RECORD.pack(_DATA, b"\x03\x03", len(piece)) + piece for piece in pieces))
        self.sent += len(data)


# --- the stream that looks like noise ------------------------------------------------------------------


def noise_start(tag: bytes, centre: int) -> bytes:
    """Return 64 random bytes that begin like no other transport, with the transport's ``tag`` and the data centre's number."""
    while True:
        start = bytearray(secrets.token_bytes(64))
        if start[0] != 0xEF and bytes(start[:4]) not in _RESERVED and start[4:8] != bytes(4):
            start[56:60] = tag
            start[60:62] = struct.pack("<h", centre)
            return bytes(start)


class Noise(ThroughStream):
    """Everything encrypted under the secret, so that it looks like nothing ("obfuscated2"); whoever lacks the secret reads noise."""

    def __init__(self, below: Stream, secret: ProxySecret, centre: int) -> None:
        """Ask for a data centre by its number; nothing is sent before the first ``write``."""
        super().__init__(below)
        start = noise_start(secret.tag, centre)
        mirrored = start[8:56][::-1]
        self._encrypt = _stream_cipher(start[8:40], start[40:56], secret.raw)
        self._decrypt = _stream_cipher(mirrored[:32], mirrored[32:], secret.raw)
        self._opening = start[:56] + self._encrypt.update(start)[56:]
        self.first = b""

    def heard(self) -> str:
        """Return which other protocol the first bytes look like, or nothing."""
        return sounds_like(self.first)

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what comes, decrypted."""
        data = await super().read(limit)
        if len(self.first) < 4:
            self.first = (self.first + data)[:4]
        return self._decrypt.update(data)

    async def write(self, data: bytes) -> None:
        """Send encrypted, the first time behind the 64 bytes that tell the proxy the keys."""
        opening, self._opening = self._opening, b""
        await super().write(opening + self._encrypt.update(data))


def _stream_cipher(key: bytes, start: bytes, secret: bytes) -> CipherContext:
    mixed = hashlib.sha256(key + secret).digest()
    return Cipher(algorithms.AES(mixed), modes.CTR(start)).encryptor()
