"""The web servers of a simulated world: honest, broken and hostile ones, notice pages and sign-in pages."""

from __future__ import annotations

import asyncio
import email.utils
import html
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Final

import h11

from diagnostics.model import Fact
from diagnostics.sim.behaviour import Serves
from diagnostics.sim.scenario import Site
from diagnostics.streams import Stream

_MAX_REQUEST_HEAD: Final = 32_768
_MAX_REQUEST_BODY: Final = 65_536
_HUGE: Final = 1 << 30
PAGE_BYTES: Final = 6_000
_HTML: Final = "text/html; charset=utf-8"


class Request(Fact, frozen=True):
    """One request."""

    method: str
    target: str
    host: str | None  # of the Host header, without a port
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """Return the path without the query."""
        return self.target.partition("?")[0]


class Reply(Fact, frozen=True):
    """One response.  ``serves`` other than PAGE sends something hostile instead."""

    status: int = 200
    body: bytes = b""
    content_type: str = _HTML
    location: str | None = None
    serves: Serves = Serves.PAGE
    cut_after: int | None = None  # bytes, counted from the status line


Answering = Callable[[Request], Awaitable[Reply | None]]
"""Returns the reply, or None when the connection has already been dealt with."""


async def serve(stream: Stream, answering: Answering, clock: Callable[[], float]) -> None:
    """Answer requests until the client leaves; ``clock`` dates the responses.  Raises OSError when it leaves early."""
    peer = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_REQUEST_HEAD)
    while True:
        try:
            request = await _read_request(peer, stream)
        except h11.RemoteProtocolError:
            return
        reply = await answering(request) if request else None
        if request is None or reply is None:
            return
        if reply.serves is Serves.SILENCE:
            while await stream.read():
                pass
            return
        if reply.serves not in (Serves.PAGE, Serves.REDIRECT_CHAIN):
            async for chunk in _hostile(reply.serves, request):
                await stream.write(chunk)
            return
        whole = _render(peer, request, reply, clock())
        await stream.write(whole[: reply.cut_after])
        if reply.cut_after is not None or peer.our_state is not h11.DONE or peer.their_state is not h11.DONE:
            return
        peer.start_next_cycle()


def page_of(host: str, site: Site, size: int = PAGE_BYTES) -> Reply:
    """Return the front page of a host: a title, and about ``size`` bytes of text."""
    title = site.title or host
    body = _document(title, site.body or _filler(host, site.page_bytes or size)) if 200 <= site.status < 300 else _error_document(site)
    return Reply(status=site.status, body=body, serves=site.serves, cut_after=site.close_after_bytes)


def notice(status: int, title: str, text: str) -> Reply:
    """Return a notice page."""
    return Reply(status=status, body=_document(title, f"<h1>{html.escape(title)}</h1><p>{html.escape(text)}</p>"))


def redirect(status: int, location: str) -> Reply:
    """Return a response that sends the client elsewhere."""
    return Reply(status=status, location=location, body=_document(_phrase(status), f"<p>{html.escape(location)}</p>"))


def plain(status: int, text: str) -> Reply:
    """Return a short text, as the controls do."""
    return Reply(status=status, body=text.encode(), content_type="text/plain")


def step_of(request: Request) -> int:
    """Return which redirect of a chain or loop a request follows; 0 for its beginning."""
    tail = request.path.rpartition("/")[2]
    return int(tail) if tail.isdecimal() and len(tail) < 12 else 0


async def _read_request(peer: h11.Connection, stream: Stream) -> Request | None:
    """Return the next request with its bounded body, or None once the client has left."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = peer.next_event()
        if event is h11.NEED_DATA:
            if peer.they_are_waiting_for_100_continue:
                await stream.write(peer.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            peer.receive_data(await stream.read())
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data) and len(body) + len(event.data) <= _MAX_REQUEST_BODY:
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head:
            return _request(head, bytes(body))
        else:
            return None


def _request(head: h11.Request, body: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    return Request(
        method=head.method.decode("latin-1"),
        target=head.target.decode("latin-1"),
        host=host.lower().rstrip(".") or None,
        headers=headers,
        body=body,
    )


def _render(peer: h11.Connection, request: Request, reply: Reply, now: float) -> bytes:
    headers = [("Date", email.utils.formatdate(now, usegmt=True)), ("Content-Length", str(len(reply.body)))]
    if reply.body:
        headers.append(("Content-Type", reply.content_type))
    if reply.location:
        headers.append(("Location", reply.location))
    if reply.status in (204, 304):
        headers = headers[:1]
    response = h11.Response(status_code=reply.status, headers=headers, reason=_phrase(reply.status))
    sent = [peer.send(response)]
    if request.method != "HEAD" and reply.status not in (204, 304):
        sent.append(peer.send(h11.Data(data=reply.body)))
    sent.append(peer.send(h11.EndOfMessage()))
    return b"".join(part for part in sent if part)


async def _hostile(serves: Serves, request: Request) -> AsyncIterator[bytes]:
    """Yield what a hostile or broken server sends, made as it goes out."""
    if serves is Serves.ENDLESS_HEADERS:
        yield b"HTTP/1.1 200 OK\r\n"
        for number in itertools.count():
            yield b"".join(b"X-Filler-%d-%d: %s\r\n" % (number, row, b"a" * 64) for row in range(64))
    elif serves is Serves.HUGE_BODY:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % _HUGE
        for _ in range(_HUGE >> 14):
            yield b"a" * (1 << 14)
    elif serves is Serves.REDIRECT_LOOP:
        yield b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: /%d\r\n\r\n" % (step_of(request) + 1)
    elif serves is Serves.SLOW:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % PAGE_BYTES
        for _ in range(PAGE_BYTES):
            await asyncio.sleep(1.0)
            yield b"a"
    else:
        yield b"\x00\xff" * 512 + b"\r\n\r\n"


def _document(title: str, body: str) -> bytes:
    return f"<!DOCTYPE html>\n<html><head><title>{html.escape(title)}</title></head>\n<body>{body}</body></html>\n".encode()


def _error_document(site: Site) -> bytes:
    title = site.title or f"{site.status} {_phrase(site.status)}"
    return _document(title, site.body or f"<h1>{html.escape(title)}</h1>")


def _filler(host: str, size: int) -> str:
    line = f"<p>Welcome to {host}. This page belongs to a simulated network.</p>\n"
    return line * (size // len(line))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
