"""Lines for trying ways round: a simulated one as a run has measured it, and one whose servers the test plays on loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from diagnostics.catalog import load_catalog
from diagnostics.model import WAYS, Observation, Resolver
from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.probes.pool import ResolverPool
from diagnostics.probes.tcp import connect
from diagnostics.sim.scenario import load_scenarios
from diagnostics.sim.simulation import SimulatedNetwork, open_simulation
from diagnostics.streams import Datagrams, Stream
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.workarounds.lookups import Found, ResolverWays

CATALOG = load_catalog()
HERE = "127.0.0.1"


@asynccontextmanager
async def simulated(name: str, *, ipv6: bool = False, measured: bool = True) -> AsyncIterator[tuple[Context, SimulatedNetwork]]:
    """Yield a context on a scenario's line after the survey of the resolvers, as a run has it when it tries ways round."""
    async with open_simulation(load_scenarios()[name], CATALOG, seed=1) as network:
        context = Context(network, Trace(), CATALOG.resolvers, CATALOG.controls)
        context.begin_trusting()
        context.ipv6 = ipv6
        async with context.settled():
            if measured:
                await _measure(context, network)
            yield context, network


async def _measure(context: Context, network: SimulatedNetwork) -> None:
    neutral = context.neutral
    assert neutral is not None
    host = network.world.find(neutral.host)
    assert host is not None
    _, stream = await connect(context, host.addresses[0], 443, target=None, host=neutral.host)
    assert stream is not None
    stream.close()
    pool = ResolverPool(context, neutral.host)
    pool.start()
    async with pool.sessions(len(CATALOG.resolvers) + 1):  # more than there are: waited for until everybody was asked
        pool.close()


class Surveyed(msgspec.Struct):
    """What a survey of one target found, when, and what was recorded."""

    found: dict[str, Found]
    told: list[tuple[float, Found]]
    seconds: float
    observations: list[Observation]
    truth: dict[str, set[str]]

    def is_true(self, way: str) -> bool:
        """Tell whether a way answered nothing but the truth, and something, for every host."""
        answered = self.found[way].addresses
        return all(set(answered.get(host, ())) and set(answered[host]) <= self.truth[host] for host in self.truth)

    @property
    def attempts(self) -> set[tuple[str, int]]:
        """Return the ways that were tried to an end, and which attempt it was."""
        whole = {(o.detail["way"], o.detail["attempt"]) for o in self.observations}
        return whole - {(o.detail["way"], o.detail["attempt"]) for o in self.observations if o.failure == "interrupted"}


async def surveyed(name: str, *hosts: str, ipv6: bool = False, measured: bool = True) -> Surveyed:
    """Return what the matrix finds in a scenario."""
    async with simulated(name, ipv6=ipv6, measured=measured) as (context, network):
        loop, told = asyncio.get_running_loop(), list[tuple[float, Found]]()
        began = loop.time()
        found = await ResolverWays(context).survey(hosts, "x", lambda each: told.append((loop.time() - began, each)))
        seconds = loop.time() - began
        truth = {}
        for host in hosts:
            known = network.world.find(host)
            truth[host] = set(known.addresses if known else ())
        observations = [o for o in context.trace.observations if o.route == WAYS]
        return Surveyed({each.way: each for each in found}, told, seconds, observations, truth)


class Played(RealNetwork):
    """A network whose every place is a server of the test, by address and port; there is nobody elsewhere."""

    def __init__(self, trust: Trust, places: Mapping[tuple[str, int], int], names: Mapping[str, str] | None = None) -> None:
        super().__init__(trust)
        self._places = places
        self._names = names or {}

    async def resolve(self, host: str, family: socket.AddressFamily) -> list[str]:
        """Know the names that the test made up."""
        if host not in self._names:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [self._names[host]]

    async def connect(self, address: str, port: int) -> Stream:
        """Connect to the test's server."""
        return await super().connect(HERE, self._port(address, port))

    async def datagram(self, address: str, port: int) -> Datagrams:
        """Send to the test's server."""
        return await super().datagram(HERE, self._port(address, port))

    def _port(self, address: str, port: int) -> int:
        if (address, port) not in self._places:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        return self._places[address, port]


@asynccontextmanager
async def played(network: RealNetwork, resolvers: Sequence[Resolver]) -> AsyncIterator[Context]:
    """Yield a context on a network that the test plays."""
    context = Context(network, Trace(), tuple(resolvers), ())
    context.begin_trusting()
    async with asyncio.timeout(30), AsyncExitStack() as stack:
        await stack.enter_async_context(context.settled())
        yield context
