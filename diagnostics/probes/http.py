"""HTTP/1.1 over a measured stream, with everything a server may send bounded.

Detail of an ``http`` observation::

    port, url, purpose         what was asked; ``hop`` counts redirects from 0
    status, headers, title     the response; headers are the few that matter, each at most 200 characters
    body_bytes, body_sha256    of the first 64 KiB
    head_seconds, body_seconds until the head was there, and from then to the last bytes of the body
    received                   bytes that came over the connection in all, encryption included
    complete                   the whole body, or its first 64 KiB, arrived
    told                       what an error page says of itself: country | challenge (``diagnostics/phrases.py``)
    location                   where a redirect points
    date                       the Date header in seconds since 1970 UTC
"""

from __future__ import annotations

import asyncio
import email.utils
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import h11
import msgspec

from diagnostics.failures import EOF, HTTP_FAILED, ProtocolError, failure_of
from diagnostics.model import Observation, Step
from diagnostics.phrases import told_by
from diagnostics.probes.context import Context
from diagnostics.probes.pacing import MOST_STEP, Patience, patiently
from diagnostics.probes.place import Asking, Place
from diagnostics.streams import Stream

MAX_BODY: Final = 64 * 1024
MAX_HEAD: Final = 32 * 1024
"""Bytes; a response head larger than this is refused, which ends a server of endless headers."""

SERVER_WORK: Final = 1.5
"""Seconds that a busy server may think before it answers, on top of the round trips."""

GOOD: Final = 200
MAX_HEADER: Final = 200
MAX_TITLE: Final = 120
KEPT_HEADERS: Final = ("server", "content-type", "content-length", "location", "via", "date")

USER_AGENT: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
"""A common browser's: the request must get what a person gets and not mark its sender."""

ACCEPT: Final = (("Accept", "text/html,*/*;q=0.8"),)

_TITLE: Final = re.compile(rb"<title[^>]{0,80}>(.{0,400}?)</title", re.IGNORECASE | re.DOTALL)


class Reply(msgspec.Struct, frozen=True):
    """A response; ``body`` holds at most the first ``limit`` bytes that were asked for."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool


class Counting(Protocol):
    """Something that counts the bytes that come over a connection."""

    @property
    def raw_received(self) -> int:
        """Return how many came in all."""
        ...


class Progress:
    """How a response comes in; noted as it comes, so that one that never ends tells how far it got."""

    def __init__(self, detail: dict[str, Any], stream: Counting) -> None:
        """Write into ``detail`` what comes over ``stream``."""
        self._detail, self._stream = detail, stream
        self._come = stream.raw_received
        self._loop = asyncio.get_running_loop()
        self._began = self._head = self._latest = self._loop.time()

    def head(self, status: int) -> None:
        """Note that the head is there."""
        self._head = self._loop.time()
        self._detail |= {"status": status, "head_seconds": round(self._head - self._began, 4), "body_bytes": 0, "body_seconds": 0.0}

    def body(self, size: int) -> None:
        """Note that ``size`` bytes of the body are there."""
        self._detail |= {"body_bytes": size, "body_seconds": round(self._loop.time() - self._head, 4)}

    def wait(self, patience: Patience) -> float:
        """Return for how many seconds in all the response may come in: for as long as something comes now and then.

        What counts are bytes of the connection: a record of 16 KB shows nothing of the page until all of it is there, and on a
        narrow line that many pages share it takes seconds.
        """
        if self._stream.raw_received != self._come:
            self._come, self._latest = self._stream.raw_received, self._loop.time()
        return min(self._latest - self._began + patience.wait(extra=SERVER_WORK), MOST_STEP)


class HttpConnection:
    """One connection; requests go one after another for as long as the server keeps it open."""

    def __init__(self, stream: Stream, limit: int = MAX_BODY) -> None:
        """Speak over ``stream``, and read at most ``limit`` bytes of a body."""
        self._stream = stream
        self._limit = limit
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self.cut_by: str | None = None
        """The failure that ended the last body in the middle."""

    @property
    def reusable(self) -> bool:
        """Tell whether another request may be sent."""
        return self._h11.our_state is h11.IDLE and self._h11.their_state is h11.IDLE

    async def request(
        self,
        method: str,
        host: str,
        path: str,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
        progress: Progress | None = None,
        take: Callable[[bytes], None] | None = None,
    ) -> Reply:
        """Send a request and return its response, reading at most the first bytes of the body (64 KiB usually).

        The body of a 200 is handed to ``take`` piece by piece instead, if there is one, and is not kept; what it raises ends the reading.
        Raises OSError from the stream, ProtocolError for a response that is none, EOFError when the connection ends
        before a response began.
        """
        fields = [("Host", host), ("User-Agent", USER_AGENT), ("Accept-Encoding", "identity"), *headers]
        if body:
            fields.append(("Content-Length", str(len(body))))
        try:
            request = h11.Request(method=method, target=path, headers=fields)
            data = self._send(request) + (self._send(h11.Data(data=body)) if body else b"") + self._send(h11.EndOfMessage())
            await self._stream.write(data)
            return await self._response(progress, take)
        except h11.ProtocolError as error:
            raise ProtocolError(HTTP_FAILED, str(error)[:MAX_HEADER]) from error

    def _send(self, event: h11.Event) -> bytes:
        return self._h11.send(event) or b""

    async def _next(self) -> h11.Event:
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Event):
                return event
            if event is h11.PAUSED:
                raise ProtocolError(HTTP_FAILED, "the server goes on after the end")
            data = await self._stream.read()
            if not data and self._h11.their_state is h11.SEND_RESPONSE:
                message = "closed before a response"
                raise EOFError(message)
            self._h11.receive_data(data)

    async def _response(self, progress: Progress | None, take: Callable[[bytes], None] | None) -> Reply:
        event = await self._next()
        while isinstance(event, h11.InformationalResponse):
            event = await self._next()
        if not isinstance(event, h11.Response):
            raise ProtocolError(HTTP_FAILED, "no response")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        if progress:
            progress.head(event.status_code)
        body, complete = await self._body(progress, take if event.status_code == GOOD else None)
        if complete and self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        return Reply(status=event.status_code, headers=headers, body=body, complete=complete)

    async def _body(self, progress: Progress | None, take: Callable[[bytes], None] | None) -> tuple[bytes, bool]:
        """Return what arrived of the body and whether that is all that was wanted."""
        body = bytearray()
        try:
            while len(body) < self._limit:
                event = await self._next()
                if not isinstance(event, h11.Data):
                    return bytes(body), True
                if take:
                    take(bytes(event.data))
                    continue
                body += event.data
                if progress:
                    progress.body(len(body))
        except (h11.RemoteProtocolError, OSError, EOFError) as error:
            self.cut_by = failure_of(error) if isinstance(error, OSError) else EOF
            return bytes(body), False  # cut in the middle: what arrived is still evidence
        return bytes(body[: self._limit]), True


def clean(text: str, limit: int) -> str:
    """Return a server's text without control characters, collapsed and cut."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:limit]


def title_of(body: bytes) -> str:
    """Return the text of a page's title, or ``""``."""
    found = _TITLE.search(body)
    return clean(html.unescape(found.group(1).decode("utf-8", "replace")), MAX_TITLE) if found else ""


def date_of(headers: dict[str, str]) -> float | None:
    """Return the Date header in seconds since 1970, or None."""
    try:
        return email.utils.parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def facts_of(reply: Reply) -> dict[str, Any]:
    """Return what an observation keeps of a response."""
    return {
        "status": reply.status,
        "headers": {name: clean(reply.headers[name], MAX_HEADER) for name in KEPT_HEADERS if name in reply.headers},
        "title": title_of(reply.body),
        "body_bytes": len(reply.body),
        "body_sha256": hashlib.sha256(reply.body).hexdigest(),
        "complete": reply.complete,
        "told": told_by(reply.status, reply.body),
        "location": clean(reply.headers.get("location", ""), 500) or None,
        "date": date_of(reply.headers),
    }


async def fetch(
    context: Context, stream: Stream, place: Place, asking: Asking, *, step: Step = Step.HTTP, extra: Mapping[str, object] | None = None
) -> tuple[Observation, Reply | None]:
    """Ask for a page over ``stream`` and record it as ``step``, with ``extra`` detail.

    A body that is cut off is a failure with ``complete`` False.
    """
    reply: Reply | None = None
    with context.trace.step(step, target=asking.target, host=place.host, address=asking.address) as record:
        record.detail = {"port": place.port, "url": place.url, "hop": place.hop, "purpose": asking.purpose, **(extra or {})}
        connection, progress = HttpConnection(stream), Progress(record.detail, stream)
        request = connection.request("GET", place.authority, place.path, headers=ACCEPT, progress=progress)
        try:
            reply = await patiently(request, lambda: progress.wait(context.patience))
        finally:
            record.detail["received"] = stream.raw_received
        record.detail |= facts_of(reply)
        if not reply.complete:
            record.failure = connection.cut_by or EOF
    return record.done, reply
