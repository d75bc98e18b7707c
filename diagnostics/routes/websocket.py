"""WebSocket (RFC 6455) as a dress for other protocols: the client's side, over any stream."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import struct
from typing import Final

from diagnostics.plan import ascii_host
from diagnostics.probes.http import USER_AGENT
from diagnostics.routes.http_connect import answer_head
from diagnostics.routes.link import Link
from diagnostics.routes.parts import wire_path
from diagnostics.routes.tunnel import BAD_REPLY, HTTP_REFUSED, WRONG_PROTOCOL, ProxyRefusal, Reader, ThroughStream
from diagnostics.streams import READ_SIZE, Stream

MAX_FRAME: Final = 16 * 1024 * 1024
"""Bytes that a frame may announce; its content is passed on as it comes and never kept whole."""

MAX_CONTROL: Final = 125
"""Bytes of a ping, pong or close (RFC 6455, section 5.5)."""

MOST_CONTROLS: Final = 64
"""Control frames, and empty ones, that may come in a row: more is no traffic but a trap."""

OUT_FRAME: Final = 16 * 1024
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_EARLY: Final = re.compile(r"(?<=[?&])ed=\d+&?")
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_SWITCHING, _BROKEN = 101, 500


async def upgrade(link: Link, stream: Stream) -> Stream:
    """Ask the server of ``link`` for a WebSocket and return it.  Raises ProxyRefusal, EOFError, OSError."""
    key = base64.b64encode(secrets.token_bytes(16))
    lines = [f"GET {asked_path(link)} HTTP/1.1", f"Host: {_authority(link)}", f"User-Agent: {USER_AGENT}", "Upgrade: websocket"]
    lines += ["Connection: Upgrade", f"Sec-WebSocket-Key: {key.decode('ascii')}", "Sec-WebSocket-Version: 13", "", ""]
    await stream.write("\r\n".join(lines).encode("ascii"))
    reader = Reader(stream)
    status, head = await answer_head(reader)
    if status != _SWITCHING:  # a page instead: another server, or another path than the account's
        raise ProxyRefusal(HTTP_REFUSED if status >= _BROKEN else WRONG_PROTOCOL, f"status {status}", status=status, speaks="http")
    wanted = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    if _field(head, b"sec-websocket-accept") != wanted:
        raise ProxyRefusal(BAD_REPLY, "an upgrade that was not asked for")
    return WebSocketStream(reader.onward())


def asked_path(link: Link) -> str:
    """Return the path that is asked for: the link's, without its hint ``ed`` about early data, which is for clients."""
    return wire_path(_EARLY.sub("", link.option("path") or "/").rstrip("?&"))


def _authority(link: Link) -> str:
    """Return what goes into the Host header: the link's word, else the name that it shows, else the server."""
    for named in (link.option("host"), link.option("sni")):
        if found := ascii_host(named):
            return found
    return f"[{link.host}]" if ":" in link.host else link.host


def _field(head: bytes, wanted: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == wanted:
            return value.strip()
    return b""


class WebSocketStream(ThroughStream):
    """Bytes in binary messages: ours masked, the server's passed on as they come, whatever their bounds."""

    def __init__(self, below: Stream) -> None:
        """Speak over ``below``, on which the upgrade is done."""
        super().__init__(below)
        self._reader = Reader(below)
        self._left = 0  # bytes of the present frame that have not come yet
        self._ended = False

    async def write(self, data: bytes) -> None:
        """Send as binary messages."""
        frames = [_frame(_BINARY, data[at : at + OUT_FRAME]) for at in range(0, len(data), OUT_FRAME)]
        if frames:
            await self.below.write(b"".join(frames))
        self.sent += len(data)

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what comes, ``b""`` at the end.  Raises ProxyRefusal for what is no WebSocket, EOFError for half a frame."""
        controls = 0
        while not self._left and not self._ended:
            if controls > MOST_CONTROLS:
                raise ProxyRefusal(BAD_REPLY, "nothing but control frames")
            controls += 1
            await self._next_frame()
        if self._ended:
            return b""
        data = (await self._reader.first())[: min(limit, self._left)]
        if not data:
            message = f"closed with {self._left} bytes of a frame missing"
            raise EOFError(message)
        await self._reader.exactly(len(data))  # they are there
        self._left -= len(data)
        self.received += len(data)
        return data

    async def _next_frame(self) -> None:
        if not await self._reader.first():
            self._ended = True
            return
        first, second = await self._reader.exactly(2)
        kind, size = first & 0x0F, second & 0x7F
        if first & 0x70 or second & 0x80:
            raise ProxyRefusal(BAD_REPLY, "a frame that no server sends")  # reserved bits, or a mask
        if kind in (_CLOSE, _PING, _PONG):
            if size > MAX_CONTROL or not first & 0x80:
                raise ProxyRefusal(BAD_REPLY, "a control frame in pieces")
            await self._control(kind, await self._reader.exactly(size))
            return
        if kind > _BINARY:
            raise ProxyRefusal(BAD_REPLY, "an unknown kind of frame")
        if size > MAX_CONTROL:
            width = {126: "!H", 127: "!Q"}[size]
            (size,) = struct.unpack(width, await self._reader.exactly(struct.calcsize(width)))
        if size > MAX_FRAME:
            raise ProxyRefusal(BAD_REPLY, "an endless frame")
        self._left = size

    async def _control(self, kind: int, content: bytes) -> None:
        if kind == _PING:
            await self.below.write(_frame(_PONG, content))
        elif kind == _CLOSE:
            self._ended = True


def _frame(kind: int, data: bytes) -> bytes:
    """Return a whole message of ours, masked as a client's must be (RFC 6455, section 5.3)."""
    mask = secrets.token_bytes(4)
    size = len(data)
    head = bytes([0x80 | kind])
    head += bytes([0x80 | size]) if size <= MAX_CONTROL else b"\xfe" + struct.pack("!H", size)
    return head + mask + xored(data, mask)


def xored(data: bytes, key: bytes) -> bytes:
    """Return ``data`` with ``key`` laid over it again and again."""
    size = len(data)
    repeated = (key * (size // len(key) + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
