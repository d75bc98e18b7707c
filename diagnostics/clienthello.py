"""Reads the server name out of a ClientHello, as a censor on the way does, and says where in the flight it stands.

Formats: TLS records RFC 8446 section 5.1, ClientHello section 4.1.2, server_name RFC 6066 section 3, ALPN RFC 7301.
Nothing here raises on arbitrary bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from diagnostics.model import Fact

MAX_HELLO: Final = 16384 + 4
"""Longest ClientHello that is looked at: one full record, many times what any program sends."""

_HANDSHAKE_RECORD: Final = 22
_RECORD_HEAD: Final = 5
_CLIENT_HELLO: Final = 1
_SERVER_NAME: Final = 0
_ALPN: Final = 16


class ClientHello(Fact, frozen=True):
    """What the first flight says in the clear."""

    server_name: str | None = None  # printable ASCII, lower case, without a trailing dot
    alpn: tuple[str, ...] = ()


class _Reader:
    """Takes integers and vectors off the front; reading beyond the end raises IndexError."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise IndexError(end)
        found = self.data[self.at : end]
        self.at = end
        return found

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))

    @property
    def more(self) -> bool:
        return self.at < len(self.data)


def is_tls(data: bytes) -> bool:
    """Tell whether a flow that begins with ``data`` may be TLS (or has said nothing yet)."""
    return data[:1] in (b"", b"\x16") and data[1:2] in (b"", b"\x03")


def needs_more(data: bytes) -> bool:
    """Tell whether ``data`` is the beginning of a ClientHello that has not arrived whole."""
    if not is_tls(data) or len(data) > 2 * MAX_HELLO:
        return False
    body = _handshake_bytes(data)
    if len(body) < 4:
        return not body or body[0] == _CLIENT_HELLO
    return body[0] == _CLIENT_HELLO and len(body) - 4 < min(int.from_bytes(body[1:4], "big"), MAX_HELLO)


def first_record(data: bytes) -> bytes:
    """Return the first TLS record at the front, or what there is of it."""
    return data[: _RECORD_HEAD + int.from_bytes(data[3:_RECORD_HEAD], "big")]


def parse(data: bytes) -> ClientHello | None:
    """Return what a complete ClientHello says, or None if ``data`` is not one."""
    body = _handshake_bytes(data)
    if not is_tls(data) or body[:1] != bytes([_CLIENT_HELLO]):
        return None
    try:
        hello = _Reader(_Reader(body[1:]).vector(3))
        hello.take(2 + 32)  # version, random
        hello.vector(1)  # session
        hello.vector(2)  # cipher suites
        hello.vector(1)  # compression
        extensions = dict(_extensions(hello.vector(2))) if hello.more else {}
        return ClientHello(server_name=_server_name(extensions), alpn=_alpn(extensions))
    except IndexError:
        return None


def name_span(record: bytes) -> tuple[int, int] | None:
    """Return where the server name begins and ends, in bytes from the start of a first flight that is one record.

    None if it is none, is not whole, or says no name.
    """
    whole = len(record) > _RECORD_HEAD and len(record) == _RECORD_HEAD + int.from_bytes(record[3:5], "big")
    if not whole or not is_tls(record) or record[_RECORD_HEAD] != _CLIENT_HELLO:
        return None
    try:
        hello = _Reader(record)
        hello.take(_RECORD_HEAD + 4 + 2 + 32)  # record, kind and length, version, random
        hello.vector(1)  # session
        hello.vector(2)  # cipher suites
        hello.vector(1)  # compression
        hello.number(2)  # length of all extensions
        while hello.more:
            kind, size = hello.number(2), hello.number(2)
            if kind == _SERVER_NAME:
                return _first_name(hello)
            hello.take(size)
    except IndexError:
        return None
    return None


def _first_name(hello: _Reader) -> tuple[int, int] | None:
    """Return the span of the first name of a list that begins where ``hello`` stands."""
    hello.number(2)  # length of the list
    if hello.number(1) != 0:
        return None
    length = hello.number(2)
    begin = hello.at
    hello.take(length)
    return (begin, begin + length) if length else None


def _handshake_bytes(data: bytes) -> bytes:
    """Join the fragments of the handshake records at the front; the last may be incomplete."""
    body, at = bytearray(), 0
    while at + _RECORD_HEAD <= len(data) and data[at] == _HANDSHAKE_RECORD and len(body) <= MAX_HELLO:
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        body += data[at + _RECORD_HEAD : at + _RECORD_HEAD + length]
        at += _RECORD_HEAD + length
    return bytes(body)


def _extensions(block: bytes) -> Iterator[tuple[int, bytes]]:
    reader = _Reader(block)
    while reader.more:
        yield reader.number(2), reader.vector(2)


def _server_name(extensions: dict[int, bytes]) -> str | None:
    if _SERVER_NAME not in extensions:
        return None
    names = _Reader(_Reader(extensions[_SERVER_NAME]).vector(2))
    while names.more:
        kind, name = names.number(1), names.vector(2)
        if kind == 0:
            text = name.decode("ascii", "replace").lower().rstrip(".")
            return text if text and text.isascii() and text.isprintable() else None
    return None


def _alpn(extensions: dict[int, bytes]) -> tuple[str, ...]:
    if _ALPN not in extensions:
        return ()
    names, found = _Reader(_Reader(extensions[_ALPN]).vector(2)), []
    while names.more:
        found.append(names.vector(1).decode("ascii", "replace"))
    return tuple(found)
