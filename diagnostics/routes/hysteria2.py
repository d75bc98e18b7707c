"""Hysteria 2: an account behind HTTP/3, whose streams carry TCP.

Source: hysteria.network's protocol page (login, TCP request, salamander), checked 2026-11 and against sing-box 1.14.4.  The server
answers a login with status 233; anything else is what the web server it poses as would say.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Final

from diagnostics.routes.link import Link
from diagnostics.routes.quic import DATAGRAMS, HOSTILE, MAX_UNREAD, QuicSession
from diagnostics.routes.tunnel import AUTH, BAD_REPLY, TARGET_FAILED, ProxyRefusal, Reader
from diagnostics.routes.websocket import xored
from diagnostics.streams import Datagrams, Stream
from diagnostics.trust import Trust

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

TCP_REQUEST: Final = 0x401
ACCEPTED: Final = 233
MAX_MESSAGE: Final = 2048
MAX_PADDING: Final = 4096
"""Bytes that an answer may have in its message and in its padding (the protocol's own bounds)."""

SALT: Final = 8
_PADDING: Final = range(256, 1024)


class Salamander:
    """The cover ``salamander``: eight bytes of salt, and BLAKE2b-256 of password and salt laid over the datagram again and again."""

    def __init__(self, password: str) -> None:
        """Cover with a password of its own, which the link calls ``obfs-password``."""
        self._password = password.encode()

    def _mask(self, salt: bytes) -> bytes:
        return hashlib.blake2b(self._password + salt, digest_size=32).digest()

    def put(self, data: bytes) -> bytes:
        """Cover a datagram."""
        salt = secrets.token_bytes(SALT)
        return salt + xored(data, self._mask(salt))

    def off(self, data: bytes) -> bytes | None:
        """Uncover a datagram; None for one that is too short."""
        return xored(data[SALT:], self._mask(data[:SALT])) if len(data) > SALT else None


def begin_hysteria2(link: Link, trust: Trust, flow: Datagrams, address: str, name: str) -> QuicSession:
    """Return a connection to be shaken hands on; its certificate must carry ``name`` and be signed by a public root."""
    from aioquic.quic.configuration import QuicConfiguration

    configuration = QuicConfiguration(alpn_protocols=["h3"], server_name=name, cafile=trust.bundle, max_datagram_frame_size=DATAGRAMS)
    cover = Salamander(link.option("obfs-password")) if link.option("obfs") == "salamander" else None
    return QuicSession(flow, (address, link.port), configuration, cover)


async def hysteria2(link: Link, session: QuicSession, host: str, port: int) -> Stream:
    """Log in and open ``host:port``.  Raises ProxyRefusal, EOFError, OSError."""
    status = await _log_in(link, session)
    if status != ACCEPTED:
        raise ProxyRefusal(AUTH, f"status {status}", status=status)
    stream = session.stream()
    place = (f"[{host}]:{port}" if ":" in host else f"{host.encode('idna').decode('ascii')}:{port}").encode()
    padding = _padding()
    await stream.write(_varint(TCP_REQUEST) + _varint(len(place)) + place + _varint(len(padding)) + padding)
    reader = Reader(stream)
    reply = (await reader.exactly(1))[0]
    for most in (MAX_MESSAGE, MAX_PADDING):
        size = await _read_varint(reader)
        if size > most:
            raise ProxyRefusal(BAD_REPLY, "an endless answer")
        await reader.exactly(size)  # its message may name addresses of the server's own network: not kept
    if reply != 0:
        raise ProxyRefusal(TARGET_FAILED, f"reply {reply}", reply=reply)
    return reader.onward()


class _Answer:
    """Waits for the head of one HTTP/3 response."""

    def __init__(self, session: QuicSession) -> None:
        from aioquic.h3.connection import H3Connection

        self._h3 = H3Connection(session.quic)
        self._session = session
        self.status: int | None = None
        session.listen(self._take)

    def ask(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._h3.send_headers(self._session.quic.get_next_available_stream_id(), headers, end_stream=True)

    def _take(self, event: QuicEvent) -> None:
        from aioquic.h3.events import HeadersReceived

        try:
            for item in self._h3.handle_event(event):
                if isinstance(item, HeadersReceived) and self.status is None:
                    self.status = int(dict(item.headers)[b":status"])
        except HOSTILE:
            raise ProxyRefusal(BAD_REPLY, "no HTTP/3 answer") from None


async def _log_in(link: Link, session: QuicSession) -> int:
    answer = _Answer(session)
    answer.ask(
        [
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":authority", b"hysteria"),
            (b":path", b"/auth"),
            (b"hysteria-auth", link.secret.reveal().encode()),
            (b"hysteria-cc-rx", b"0"),
            (b"hysteria-padding", _padding()),
        ]
    )
    await session.until(lambda: answer.status is not None or session.raw_received > MAX_UNREAD)
    session.listen(lambda _event: None)  # what else the web server says is not read
    if answer.status is None:
        raise ProxyRefusal(BAD_REPLY, "an endless head")
    return answer.status


def _padding() -> bytes:
    """Return letters of a length by chance, so that requests do not all have the same."""
    return secrets.token_urlsafe(_PADDING.stop)[: secrets.choice(_PADDING)].encode("ascii")


def _varint(value: int) -> bytes:
    """Write a number as RFC 9000, section 16 has it."""
    for bits, width in ((6, 1), (14, 2), (30, 4), (62, 8)):
        if value < 1 << bits:
            return (value | (width.bit_length() - 1) << (8 * width - 2)).to_bytes(width, "big")
    message = "a number of more than 62 bits"
    raise ValueError(message)


async def _read_varint(reader: Reader) -> int:
    (first,) = await reader.exactly(1)
    rest = await reader.exactly((1 << (first >> 6)) - 1)
    return int.from_bytes(bytes([first & 0x3F]) + rest, "big")
