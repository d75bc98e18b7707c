"""Servers on loopback with a filter before them, and the search for ways past it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnostics.clienthello import needs_more
from diagnostics.judge.evidence import Evidence
from diagnostics.judge.workarounds import judge_workarounds
from diagnostics.model import Control, Observation, Status
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.place import USUAL_PORTS, Place
from diagnostics.streams import Stream
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.workarounds.attempt import Aim
from diagnostics.workarounds.flights import Flights, Given, Outcome
from tests.real_servers.authority import Authority
from tests.real_servers.box import READ, Looks, carry, finds, reset
from tests.routes.loopback import HERE, Always, Loopback, Serve, page, server_side

NAME = "banned.example"
NEUTRAL = Control(id="neutral", operator="nobody", kind="neutral", host="neutral.example")
TARGET = "x"
PATIENT = 4.0
"""Seconds for what must not fail because the computer is busy; a matrix has eight."""

CONNECTIONS = 2


@dataclass
class Box:
    """A relay that forwards what it does not object to; by default it resets at once what it finds the name in."""

    looks: Looks = Looks.NOTHING
    silent: bool = False  # what is cut is swallowed, not reset
    residue: float = 0.0  # seconds for which everything to the address is cut after a name
    at: str = ""  # the only address at which it looks
    every: int = 1  # only every so manieth finding is cut
    open: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    punished: dict[str, float] = field(default_factory=dict)
    found: int = 0
    met: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a connection came."""

    def cuts(self, address: str, packets: Sequence[bytes]) -> bool:
        """Decide about a connection by what its client said so far."""
        loop = asyncio.get_running_loop()
        if loop.time() < self.punished.get(address, 0.0):
            return True
        if self.at not in ("", address) or not finds(self.looks, packets, [NAME]):
            return False
        self.found += 1
        if self.found % self.every:
            return False
        self.punished[address] = loop.time() + self.residue
        return True


async def _relay(box: Box, address: str, upstream: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Gather the first flight, decide, and carry the rest."""
    packets: list[bytes] = []
    while needs_more(b"".join(packets)):
        packets.append(data := await reader.read(READ))
        cut = box.cuts(address, packets)
        if not data or cut:
            if box.silent and data:
                await reader.read(-1)
            return
    await carry(packets, reader, writer, HERE, upstream)


@asynccontextmanager
async def listening(serve: Serve, address: str = HERE, port: int = 0, tls: Any = None) -> AsyncIterator[int]:
    """Run a server at an address of loopback and give its port; its connections end with the block."""
    tasks: set[asyncio.Task[Any]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            await serve(reader, writer)
        reset(writer)
        tasks.discard(task)

    server = await asyncio.start_server(served, address, port, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        # the library's own tasks, whose handshakes were cut, end with their connections
        if accepting := [task for task in asyncio.all_tasks() if "_accept_connection" in repr(task.get_coro())]:
            await asyncio.wait(accepting)


class Usual(Loopback):
    """This computer's network, where one port stands in for 443, which is not everybody's to open."""

    standing_in = 443

    async def connect(self, address: str, port: int) -> Stream:
        """Connect to the port that stands in."""
        return await super().connect(address, self.standing_in if port == 443 else port)


@dataclass
class Site:
    """A site behind a box, at one or more addresses of loopback."""

    folder: Path
    box: Box = field(default_factory=Box)
    addresses: tuple[str, ...] = (HERE,)
    serve: Serve = page
    stranger: bool = False  # the certificate is from nobody we believe
    plain: bool = False  # the server speaks no TLS
    upstream: int = 0  # port of a server that runs already and stands in for ours
    seconds: float = PATIENT
    neutral: bool = True
    observations: list[Observation] = field(default_factory=list)
    issuer: Authority | None = None

    def __post_init__(self) -> None:
        """Make an authority, which is believed, unless one is given."""
        self.authority = self.issuer or Authority(self.folder)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[int]:
        """Run the site and give its port."""
        issuer = Authority(self.folder, "Stranger") if self.stranger else self.authority
        tls = None if self.plain else server_side(issuer, "own", NAME, "other.example")
        async with AsyncExitStack() as stack:
            upstream = self.upstream or await stack.enter_async_context(listening(self.serve, tls=tls))
            port = 0
            for address in self.addresses:
                port = await stack.enter_async_context(listening(self._through(address, upstream), address, port))
            yield port

    def _through(self, address: str, upstream: int) -> Serve:
        box = self.box

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            box.open[address] += 1
            box.met.set()
            box.most[address] = max(box.most[address], box.open[address])
            try:
                await _relay(box, address, upstream, reader, writer)
            finally:
                box.open[address] -= 1

        return serve

    def context(self) -> Context:
        """Return a run of its own, whose observations are kept in ``observations``."""
        trace = Trace()
        self.observations = trace.observations
        context = Context(Usual(self.authority.bundle), trace, (), (NEUTRAL,) if self.neutral else ())
        context.patience = Always(self.seconds)
        context.ipv6 = any(":" in address for address in self.addresses)
        return context

    def aim(self, scheme: str = "https", host: str = NAME) -> Aim:
        """Return the page that must open."""

        async def find(_host: str) -> list[str]:
            return list(self.addresses)

        return Aim(
            target=TARGET, place=Place(scheme, host, USUAL_PORTS[scheme]), trusts=Trusts(Trust(str(self.authority.bundle))), find=find
        )

    async def search(self, scheme: str = "https", **given: Any) -> Found:
        """Try all flights; ``given`` are fields of ``Given``."""
        async with self.up() as port:
            context = self.context()
            assert isinstance(context.network, Usual)
            context.network.standing_in = port
            began = asyncio.get_running_loop().time()
            outcomes = await Flights(context, self.aim(scheme), Given(**{"addresses": self.addresses} | given)).run()
            return Found(outcomes, tuple(context.trace.observations), asyncio.get_running_loop().time() - began)


@dataclass(frozen=True)
class Found:
    """What a search found, as it was counted and as the judge reads the observations."""

    outcomes: tuple[Outcome, ...]
    observations: tuple[Observation, ...]
    seconds: float

    @property
    def judged(self) -> dict[str, Status]:
        """Return the status of each way, which must agree with what was counted."""
        judged = {w.id: w for w in judge_workarounds(Evidence(self.observations))}
        for outcome in self.outcomes:
            tries = judged[outcome.way].tries if outcome.way in judged else 0
            passed = judged[outcome.way].passed if outcome.way in judged else 0
            assert (outcome.passed, outcome.passed + outcome.failed) == (passed, tries), outcome
        return {way: workaround.status for way, workaround in judged.items()}

    def ways(self, status: Status) -> set[str]:
        """Return the ways with a status."""
        return {way for way, found in self.judged.items() if found is status}

    def of(self, way: str) -> Outcome:
        """Return what was counted for one way."""
        return next(outcome for outcome in self.outcomes if outcome.way == way)


def frozen_after(size: int) -> Serve:
    """Return a server whose page stops in the middle."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 80000\r\n\r\n" + b"x" * size)
        await writer.drain()
        await reader.read(-1)

    return serve


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer whatever comes with something else, for a while."""
    await reader.read(READ)
    for _ in itertools.repeat(None, 50):
        writer.write(b"\x16\x03\x03\x40\x00" + b"garbage!" * 2048)
        await writer.drain()
    await reader.read(-1)
