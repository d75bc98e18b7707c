"""One try of a page over HTTP/3, whose name a filter of TCP connections does not see.

Detail of the ``quic`` observation of a try: ``port``, ``server_name``, ``protocol`` "h3", ``purpose``, ``received`` and, where we did not
take the certificate, ``verify_code``.  The page is an ``http`` observation as over TCP.  ``aioquic`` is optional.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from diagnostics.failures import DEATHS, EOF, FAILED_HANDSHAKE, HTTP_FAILED, RESET, ProtocolError, died
from diagnostics.judge.pages import judge_page
from diagnostics.model import WAYS, Observation, Status, Step
from diagnostics.probes.context import Context
from diagnostics.probes.http import ACCEPT, MAX_BODY, USER_AGENT, Progress, Reply, facts_of
from diagnostics.probes.pacing import patiently
from diagnostics.probes.place import Asking, Place, next_place
from diagnostics.probes.tls import KERNEL_REPEATS
from diagnostics.routes.quic import HOSTILE, MAX_UNREAD, CertificateRefused, QuicSession
from diagnostics.routes.tunnel import ProxyRefusal
from diagnostics.workarounds.attempt import MOST_HOPS, PURPOSE, Aim, Recipe, Try

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

PROTOCOL: Final = "h3"
_FINAL: Final = 200  # statuses below are no answer yet (RFC 9114, section 4.1)


async def attempt_http3(context: Context, aim: Aim, address: str, recipe: Recipe) -> Try:
    """Try to open what ``aim`` names over HTTP/3 at ``address``; a redirect is followed in the same manner."""
    stamped = context.stamped(WAYS, way=recipe.way, attempt=recipe.number, goal=aim.goal, at=address)
    loop = asyncio.get_running_loop()
    began, seen, where = loop.time(), list[Observation](), address
    place: Place | None = aim.place
    while place is not None:
        visit = _Visit(stamped, aim, place, where)
        async with context.limits.slot(where):
            served = await visit.make()
        seen += visit.seen
        if not served:
            return Try(False, loop.time() - began, visit.cut, True, tuple(seen))
        onward = visit.onward if place.hop < MOST_HOPS else None
        if onward is not None and onward.host != place.host:
            found = await aim.find(onward.host)
            if onward.scheme != "https" or not found:
                return Try(False, loop.time() - began, False, True, tuple(seen))
            where = found[0]
        place = onward
    return Try(True, loop.time() - began, False, True, tuple(seen))


class _Visit:
    """One URL of a try."""

    def __init__(self, context: Context, aim: Aim, place: Place, address: str) -> None:
        self._context, self._aim, self._place = context, aim, place
        self._asking = Asking(address, aim.target, PURPOSE)
        self.onward: Place | None = None
        self.seen: list[Observation] = []
        self.cut = False

    async def make(self) -> bool:
        """Return whether the page was had; ``onward`` is where it leads then."""
        session = await self._shaken()
        if session is None:
            self.cut = died(self.seen[-1])
            return False
        try:
            if not self._aim.page:
                return True
            observation, reply = await self._fetched(session)
        finally:
            session.close()
        self.seen.append(observation)
        self.cut = observation.failure in DEATHS
        if reply is None or observation.failure:
            return False
        self.onward = next_place(self._place, reply.status, reply.headers.get("location"))
        return judge_page(observation).status is Status.WORKS

    async def _shaken(self) -> QuicSession | None:
        """Return a connection whose certificate was verified, or None; recorded."""
        asking, place, secured = self._asking, self._place, None
        await self._context.trusting()
        session: QuicSession | None = None
        with self._context.trace.step(Step.QUIC, target=asking.target, host=place.host, address=asking.address) as step:
            step.detail = {"port": place.port, "server_name": place.host, "protocol": PROTOCOL, "purpose": asking.purpose}
            try:
                session = await self._session()
                async with asyncio.timeout(self._context.patience.wait(extra=KERNEL_REPEATS)):
                    await session.handshake()
                secured = session
            except CertificateRefused as error:
                step.detail["verify_code"] = error.verify_code
                raise
            except ProxyRefusal as error:
                raise ProtocolError(FAILED_HANDSHAKE, str(error)) from error
            finally:
                step.detail["received"] = 0 if session is None else session.raw_received
                if session is not None and secured is None:
                    session.close()
        self.seen.append(step.done)
        return secured

    async def _session(self) -> QuicSession:
        from aioquic.quic.configuration import QuicConfiguration

        trusts, host = self._aim.trusts, self._place.host
        own = (trusts.own_for(host) or "").encode() or None
        configuration = QuicConfiguration(alpn_protocols=[PROTOCOL], server_name=host, cafile=trusts.store.bundle, cadata=own)
        flow = await self._context.network.datagram(self._asking.address, self._place.port)
        return QuicSession(flow, (self._asking.address, self._place.port), configuration)

    async def _fetched(self, session: QuicSession) -> tuple[Observation, Reply | None]:
        """Ask for the page and record it as over TCP."""
        asking, place, reply = self._asking, self._place, None
        with self._context.trace.step(Step.HTTP, target=asking.target, host=place.host, address=asking.address) as step:
            step.detail = {"port": place.port, "url": place.url, "hop": place.hop, "purpose": asking.purpose, "protocol": PROTOCOL}
            progress = Progress(step.detail, session)
            answer = _Answer(session, place, progress)
            try:
                reply = await patiently(answer.read(), lambda: progress.wait(self._context.patience))
            except ProxyRefusal as error:
                raise ProtocolError(HTTP_FAILED, str(error)) from error
            finally:
                step.detail["received"] = session.raw_received
            step.detail |= facts_of(reply)
            if not reply.complete:
                step.failure = answer.cut_by or EOF
        return step.done, reply


class _Answer:
    """One request and its response, read as far as its first 64 KiB."""

    def __init__(self, session: QuicSession, place: Place, progress: Progress) -> None:
        from aioquic.h3.connection import H3Connection

        self._session, self._progress = session, progress
        self._h3 = H3Connection(session.quic)
        self._stream = session.quic.get_next_available_stream_id()
        self._headers: dict[str, str] | None = None
        self._body = bytearray()
        self._ended = False
        self.cut_by: str | None = None
        """The failure that ended the body in the middle."""
        session.listen(self._take)
        head = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", place.authority.encode()), (b":path", place.path.encode())]
        head += [(b"user-agent", USER_AGENT.encode()), (b"accept-encoding", b"identity")]
        head += [(name.lower().encode(), value.encode()) for name, value in ACCEPT]
        self._h3.send_headers(self._stream, head, end_stream=True)

    async def read(self) -> Reply:
        """Return the response.  Raises ProtocolError, OSError."""
        before = self._session.raw_received
        await self._session.until(lambda: self._headers is not None or self._ended or self._session.raw_received - before > MAX_UNREAD)
        headers = self._headers
        if headers is None:
            raise ProtocolError(self.cut_by or HTTP_FAILED, "no head of a response")
        try:
            await self._session.until(lambda: self._ended or len(self._body) >= MAX_BODY)
        except ProxyRefusal:
            self.cut_by = HTTP_FAILED
        except ProtocolError as error:
            self.cut_by = error.failure
        except OSError:
            self.cut_by = RESET
        whole = len(self._body) >= MAX_BODY or (self._ended and self.cut_by is None)
        status = int(headers[":status"])
        return Reply(status=status, headers=headers, body=bytes(self._body[:MAX_BODY]), complete=whole)

    def _take(self, event: QuicEvent) -> None:
        from aioquic.h3.events import DataReceived, HeadersReceived
        from aioquic.quic.events import StreamReset

        if isinstance(event, StreamReset) and event.stream_id == self._stream:
            self._ended, self.cut_by = True, RESET
        try:
            for item in self._h3.handle_event(event):
                if isinstance(item, HeadersReceived) and item.stream_id == self._stream:
                    self._take_head(item.headers)
                    self._ended |= item.stream_ended
                elif isinstance(item, DataReceived) and item.stream_id == self._stream and len(self._body) < MAX_BODY:
                    self._body += item.data
                    self._ended |= item.stream_ended
                    self._progress.body(len(self._body))
        except HOSTILE:
            raise ProtocolError(HTTP_FAILED, "no HTTP/3 answer") from None

    def _take_head(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Keep the first head that is the answer's: trailers come later, and hints before."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in fields}
        status = int(headers[":status"]) if ":status" in headers else 0
        if self._headers is None and status >= _FINAL:
            self._headers = headers
            self._progress.head(status)
