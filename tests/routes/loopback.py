"""One proxy on loopback, measured by the engine's own probe: what happened, and what the judge says of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import AddressFamily
from typing import Any

from diagnostics.judge.evidence import Evidence
from diagnostics.judge.routes import judge_routes
from diagnostics.model import Endpoint, NetworkVerdict, Observation, RouteVerdict, Step
from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.pacing import Patience
from diagnostics.probes.route import RouteProbe
from diagnostics.routes.link import Link
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from tests.real_servers.authority import Authority

HERE = "127.0.0.1"
BODY = b"<title>page</title>" + b"x" * 80_000
PATIENT = 30.0
"""Seconds for what must not fail because the computer is busy."""

BRIEF = 0.3
"""Seconds for what never ends by itself."""


class Loopback(RealNetwork):
    """This computer's network, on which every name leads to this computer, but for those of ``names``."""

    def __init__(self, bundle: Path | str, names: Mapping[str, str] | None = None) -> None:
        super().__init__(Trust(str(bundle)))
        self._names = names or {}
        self.asked: list[str] = []

    async def resolve(self, host: str, family: AddressFamily) -> list[str]:
        """Return an address without asking anybody."""
        self.asked.append(host)
        return [self._names.get(host, HERE)]


class Always(Patience):
    """Waits that are always as long."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def wait(self, round_trips: float = 0.0, extra: float = 0.0) -> float:
        """Return the same number of seconds for everything."""
        return self._seconds


class Steady(Context):
    """A context whose routes have its own patience."""

    def over(self, route: str) -> Context:
        """Return the same for another route."""
        other = super().over(route)
        other.patience = self.patience
        return other


@dataclass(frozen=True)
class Outcome:
    """What came of one page through one proxy."""

    good: bool
    observations: list[Observation]
    verdict: RouteVerdict

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Return stage (or step) and failure of what failed."""
        return [(str(o.detail.get("stage") or o.step), o.failure) for o in self.observations if o.failure]

    @property
    def said(self) -> tuple[str, str | None, str]:
        """Return status, cause and rule of the proxy."""
        return str(self.verdict.status), self.verdict.cause and str(self.verdict.cause), self.verdict.rule

    def stage(self, name: str) -> list[Observation]:
        """Return the steps of one stage."""
        return [o for o in self.observations if o.detail.get("stage") == name]


async def tried(link: Link, endpoint: Endpoint, network: Loopback, seconds: float = PATIENT) -> Outcome:
    """Fetch one page through a proxy; no step may take longer than ``seconds``."""
    trace = Trace()
    context = Steady(network, trace, (), ())
    context.patience = Always(seconds)
    probe = RouteProbe(context, link)
    good = await probe.begin() and await probe.measure(endpoint, None, Trusts(network.trust), "control")
    await asyncio.sleep(0)
    seen = list(trace.observations)
    proxy_steps = [o for o in seen if o.step is Step.PROXY]
    assert {o.route for o in seen} == {link.id}
    assert all(o.address is None for o in proxy_steps), "an observation names the proxy's address"
    assert link.host == HERE or all(o.host != link.host for o in proxy_steps), "an observation names the proxy"
    ((verdict,), _) = judge_routes(Evidence(seen), (), NetworkVerdict())
    return Outcome(good, seen, verdict)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[int]:
    """Run a server on loopback and give its port; its connections end with the block."""
    tasks: set[asyncio.Task[Any]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.transport.abort()
        tasks.discard(task)

    server = await asyncio.start_server(served, HERE, port, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests with one large page."""
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        await writer.drain()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Listen and say nothing."""
    while await reader.read(65536):
        pass


async def closing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Listen to the first bytes and close."""
    await reader.read(65536)


def saying(data: bytes) -> Serve:
    """Return a server that answers the first bytes with ``data`` and goes on listening."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(data)
        await writer.drain()
        await silent(reader, writer)

    return serve


def endless(beginning: bytes, more: bytes) -> Serve:
    """Return a server that never comes to an end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(beginning)
        while True:
            writer.write(more)
            await writer.drain()

    return serve


def trickling(data: bytes) -> Serve:
    """Return a server that gives a byte at a time, again and again, each well before anybody's patience is over."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        for byte in itertools.chain(data, itertools.repeat(data[-1])):
            writer.write(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BRIEF / 3):
                    if not await reader.read(65536):
                        return

    return serve


def answering(body: bytes, status: str = "200 OK", *headers: str) -> Serve:
    """Return a server that answers the first request with ``body`` and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""])
        writer.write(head.encode() + body)
        await writer.drain()
        await reader.read()

    return serve


def server_side(authority: Authority, label: str, *names: str) -> ssl.SSLContext:
    """Return the server's side of TLS with a certificate for ``names``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(label, names))
    context.set_alpn_protocols(["http/1.1"])
    return context
