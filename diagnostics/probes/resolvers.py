"""Sessions with public resolvers over TCP, TLS (DoT) and HTTPS (DoH by address).

One session a resolver and transport, opened at the start of the run by the survey and kept for all names: what a
session answered over TLS with the resolver's own certificate nobody on the way can forge.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import dns.message
import msgspec

from diagnostics.failures import EOF, HTTP_FAILED, RESET, ProtocolError
from diagnostics.model import Observation, Resolver, Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import Answer, Listener, Question, Source, facts_of, new_query, record_reply, stream_reply
from diagnostics.probes.http import SERVER_WORK, HttpConnection
from diagnostics.probes.pipeline import UNDER_WAY, Pipeline
from diagnostics.probes.place import Asking, Greeting
from diagnostics.probes.tcp import TRIES, connect
from diagnostics.probes.tls import shake
from diagnostics.streams import Stream

PORTS: Final = {"tcp": 53, "dot": 853, "doh": 443}
_HTTP_OK: Final = 200


class Door(msgspec.Struct, frozen=True):
    """What is out of the ordinary about a way to a resolver."""

    target: str | None = None  # on whose behalf it is opened, where it is not for everybody
    name: str = ""  # that the handshake says and the certificate must carry, in place of what ``server_name`` returns
    dress: Callable[[Stream], Stream] | None = None  # what the connection is laid under
    most: int = TRIES  # tries of the connection


_ORDINARY: Final = Door()


class BrokenSessionError(Exception):
    """The session ended before the question was sent; another one may be asked."""


class Session:
    """An open way to one resolver.

    Over TCP and TLS several questions are under way at once; over HTTP/1.1 they go one after another.
    """

    def __init__(self, context: Context, resolver: Resolver, engine: str, address: str, stream: Stream) -> None:
        """Ask ``resolver`` over ``stream``."""
        self.resolver = resolver
        self.engine = engine
        self.address = address
        self.ended = asyncio.Event()
        self.load = 0  # names that count on it now; the pool spreads them
        self._context = context
        self._stream = stream
        self._http = HttpConnection(stream)
        self._pipeline = Pipeline(stream)
        self._turns = asyncio.Semaphore(self.width)
        self._under_way: set[asyncio.Future[None]] = set()

    @property
    def width(self) -> int:
        """Return how many questions may be under way at once."""
        return 1 if self.engine == "doh" else UNDER_WAY

    async def receive(self) -> None:
        """Take the answers in until the connection ends; runs beside ``ask``."""
        if self.engine != "doh":
            await self._pipeline.receive()
            self.ended.set()

    @property
    def broken(self) -> bool:
        """Tell whether nothing more can be asked here."""
        return self.ended.is_set()

    async def ask(self, question: Question, on_answer: Listener) -> Observation:
        """Ask and record it; a connection that fails in the middle of a question ends the session.

        Raises BrokenSessionError if it had ended before, or ended now although it had answered others: some servers take only
        so many questions.
        """
        done = await self._ask(question)
        on_answer(
            Answer(
                resolver=self.resolver.id,
                engine=self.engine,
                question=question,
                addresses=tuple(done.detail["answers"]),
                failure=done.failure,
                authenticated=self.engine != "tcp",
            )
        )
        return done

    async def exchange(self, query: dns.message.Message) -> dns.message.Message:
        """Return the reply to a query of any kind; no step is recorded, for names that would tell an address of the person's.

        Raises BrokenSessionError if the session had ended before, TimeoutError, OSError and EOFError.
        """
        async with self._turns, self._noted():
            if self.broken:
                raise BrokenSessionError
            heard, reply = self._pipeline.answers, None
            try:
                async with asyncio.timeout(self._context.patience.wait(extra=SERVER_WORK)):
                    reply = await self._exchange(query)
            finally:
                self._end_if_dead(answered=reply is not None, heard=self._pipeline.answers > heard)
            return reply

    async def _ask(self, question: Question) -> Observation:
        source = Source(self.resolver.id, self.address, self.resolver.filters)
        async with self._turns, self._noted():
            if self.broken:
                raise BrokenSessionError
            heard = self._pipeline.answers
            with self._context.trace.step(Step.DNS, target=question.target, host=question.name, address=self.address) as step:
                step.detail = facts_of(question, source, self.engine) | {"authenticated": self.engine != "tcp"}
                query, reply = new_query(question), None
                try:
                    async with asyncio.timeout(self._context.patience.wait(extra=SERVER_WORK)):
                        reply = await self._exchange(query)
                finally:
                    self._end_if_dead(answered=reply is not None, heard=self._pipeline.answers > heard)
                step.failure = record_reply(step.detail, question, reply)
        if step.done.failure in (EOF, RESET) and self._pipeline.answers:
            raise BrokenSessionError
        return step.done

    @asynccontextmanager
    async def _noted(self) -> AsyncIterator[None]:
        """Let ``idle`` wait for the end of the block."""
        done = asyncio.get_running_loop().create_future()
        self._under_way.add(done)
        try:
            yield
        finally:
            self._under_way.discard(done)
            done.set_result(None)

    async def idle(self) -> None:
        """Return once no question is under way; only then may the connection be closed.

        A socket that is closed while somebody reads it leaves its number in the selector, and the next socket gets that number.
        """
        while self._under_way:
            await asyncio.wait(list(self._under_way))

    def _end_if_dead(self, *, answered: bool, heard: bool) -> None:
        """End the session after a question without an answer, unless others were answered meanwhile: one name may be slow."""
        whole = self._http.reusable if self.engine == "doh" and answered else answered
        if not whole and not (heard and self.engine != "doh"):
            self.ended.set()

    async def _exchange(self, query: dns.message.Message) -> dns.message.Message:
        if self.engine == "doh":
            return stream_reply(query, await self._over_http(query.to_wire()))
        return await self._pipeline.exchange(query)

    async def _over_http(self, wire: bytes) -> bytes:
        parts = urlsplit(self.resolver.doh_url)
        host = parts.hostname or self.address
        kind = "application/dns-message"
        headers = (("Content-Type", kind), ("Accept", kind))
        reply = await self._http.request("POST", host, parts.path or "/", headers=headers, body=wire)
        if reply.status != _HTTP_OK or not reply.complete:
            raise ProtocolError(HTTP_FAILED, f"status {reply.status}")
        return reply.body


@asynccontextmanager
async def opened(context: Context, resolver: Resolver, engine: str, address: str, door: Door = _ORDINARY) -> AsyncIterator[Session | None]:
    """Open a session and close it at the end of the block; None when it cannot be had (the steps say why)."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(context.limits.slot(address))
        purpose = f"resolver_{engine}"
        port, host = PORTS[engine], resolver.id
        _, stream = await connect(context, address, port, target=door.target, host=host, purpose=purpose, most=door.most)
        if stream is None:
            yield None
            return
        await stack.enter_async_context(stream)
        stream = door.dress(stream) if door.dress else stream
        if engine != "tcp":
            await context.trusting()
            name = door.name or server_name(resolver, engine, address)
            greeting = Greeting(port, name, host, Asking(address, door.target, purpose))
            secured = await shake(context, stream, context.network.trust.public, greeting)
            if secured.stream is None:
                yield None
                return
            stream = secured.stream
        session = Session(context, resolver, engine, address, stream)
        stack.push_async_callback(_ended, context.spawn(session.receive()))
        stack.push_async_callback(session.idle)
        yield session


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait([task])


def server_name(resolver: Resolver, engine: str, address: str) -> str:
    """Return the name that the resolver's certificate must carry."""
    if engine == "dot":
        return resolver.dot_name or address
    return address if resolver.doh_by_address else (urlsplit(resolver.doh_url).hostname or address)


def engines_of(resolver: Resolver) -> list[str]:
    """Return the transports that a resolver offers: udp, tcp, dot, doh."""
    offered = ["udp", "tcp"] if resolver.plain else []
    return offered + (["dot"] if resolver.dot_name else []) + (["doh"] if resolver.doh_url else [])
