"""A simulated network behind the five verbs: real sockets on 127.0.0.1, everything else made up.

One TCP listener and one UDP socket serve the whole world.  A client's socket is bound before it connects, and its port
is noted with what it wanted to dial; the listener looks its peer's port up, so that every flow has a state of its own.
A refusal is a real refusal by the kernel, a reset a real reset.  What loopback cannot show is emulated here: swallowed
and repeated SYNs, unreachable networks, this computer's clock.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import errno
import functools
import ipaddress
import itertools
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from diagnostics.bogons import is_address
from diagnostics.network import Network, family_of
from diagnostics.sim import quic_server, stun_server, system_resolver
from diagnostics.sim.behaviour import Ipv6, Link, Tcp
from diagnostics.sim.censor import Censor, CensorAction
from diagnostics.sim.certificates import Authority
from diagnostics.sim.check import check_against
from diagnostics.sim.dns_server import MAX_MESSAGE, Names
from diagnostics.sim.flows import Dialled, Parts, serve_flow
from diagnostics.sim.scenario import Scenario
from diagnostics.sim.vpn import without_vpn
from diagnostics.sim.wire import Line
from diagnostics.sim.world import DNS_PORT, HTTP_PORT, Kind, World
from diagnostics.streams import Datagrams, SocketStream, Stream
from diagnostics.trust import Trust

if TYPE_CHECKING:
    from diagnostics.catalog import Catalog
    from diagnostics.vpn.state.facts import VpnFacts

_LOOPBACK: Final = "127.0.0.1"
_BACKLOG: Final = 1024
_RECEIVE_BUFFER: Final = 1 << 20  # a thousand questions at once overflow the usual 208 KiB
_DAY: Final = 86_400.0


@contextlib.asynccontextmanager
async def open_simulation(scenario: Scenario, catalog: Catalog, seed: int | None = None) -> AsyncIterator[SimulatedNetwork]:
    """Yield the network of a scenario; nothing of it is left afterwards.

    ``seed`` makes its losses repeatable; None takes a new one.  Raises InputError("error.scenario") if the scenario
    names what the catalog does not have.
    """
    check_against(scenario, catalog)
    async with contextlib.AsyncExitStack() as stack:
        sockets = [stack.enter_context(sock) for sock in _open_sockets()]
        authority = Authority(lambda: time.time() + scenario.clock_offset_days * _DAY, scenario.installed_roots)
        stack.callback(authority.close)
        tasks = _Tasks()
        stack.push_async_callback(tasks.end)
        network = SimulatedNetwork(scenario, catalog, authority, sockets, tasks.spawn, seed)
        tasks.spawn(network.accept_forever())
        tasks.spawn(network.receive_forever())
        yield network


class _Tasks:
    """The tasks of a simulation.  Not a TaskGroup: that would wrap what the body raises into a group."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._defects: list[BaseException] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that ends with the simulation at the latest."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._defects.append(error)

    async def end(self) -> None:
        """Cancel what still runs and wait for its end; raise what went wrong in a server of ours."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._defects:
            raise self._defects[0]


def _open_sockets() -> list[socket.socket]:
    """Return the listener, the UDP socket, and a bound socket that never listens."""
    sockets: list[socket.socket] = []
    with contextlib.ExitStack() as on_error:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_STREAM):
            sock = on_error.enter_context(socket.socket(socket.AF_INET, kind))
            sock.setblocking(False)
            sock.bind((_LOOPBACK, 0))
            sockets.append(sock)
        sockets[0].listen(_BACKLOG)
        sockets[1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        on_error.pop_all()
    return sockets


class SimulatedNetwork(Network):
    """The network of one scenario."""

    def __init__(
        self,
        scenario: Scenario,
        catalog: Catalog,
        authority: Authority,
        sockets: list[socket.socket],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        seed: int | None,
    ) -> None:
        """Use the three ``sockets`` of ``_open_sockets``; ``spawn`` starts a task that ends with the simulation."""
        self.simulated = scenario.id
        self.scenario = scenario
        self.trust = Trust(bundle=authority.bundle, system_bundle=authority.system_bundle)
        self.world = World(scenario, catalog)
        self._censor = Censor(scenario, catalog, self.world)
        self._names = Names(self.world, self._censor, scenario.portal)
        self._parts = Parts(
            world=self.world,
            censor=self._censor,
            authority=authority,
            names=self._names,
            portal=scenario.portal,
            clock=lambda: time.time() + scenario.clock_offset_days * _DAY,
        )
        self._listener, self._udp, self._closed = sockets
        self._spawn = spawn
        self._seed = random.randrange(1 << 32) if seed is None else seed  # noqa: S311 - chance, not a secret
        self._numbers: collections.defaultdict[tuple[str, int], itertools.count[int]] = collections.defaultdict(itertools.count)
        self._tcp_flows: dict[int, Dialled] = {}  # by the client's port
        self._udp_flows: dict[int, tuple[Dialled, random.Random]] = {}

    @property
    def censor_log(self) -> tuple[CensorAction, ...]:
        """Return what the censor did so far; for trainers."""
        return tuple(self._censor.log)

    # --- the five verbs ----------------------------------------------------------------------------

    async def resolve(self, host: str, family: socket.AddressFamily) -> list[str]:
        """Ask the scenario's own resolvers as getaddrinfo would.  Raises socket.gaierror."""
        return await system_resolver.resolve(self, self.scenario.hosts, host, family)

    async def nameservers(self) -> list[str]:
        """Return the scenario's resolvers."""
        return list(self.scenario.nameservers)

    async def hosts_file(self) -> dict[str, tuple[str, ...]]:
        """Return the scenario's hosts file."""
        return {name.lower(): (address,) for name, address in self.scenario.hosts.items()}

    async def routes_ipv6(self) -> bool:
        """Return whether the scenario has an IPv6 route, good or dead."""
        return self.scenario.link is not Link.NONE and self.scenario.ipv6 is not Ipv6.NONE

    async def vpn_facts(self) -> VpnFacts:
        """Return what the scenario's computer tells of a VPN."""
        if self.scenario.vpn:
            return self.scenario.vpn.facts()
        return without_vpn(ipv4=self.scenario.link is not Link.NONE, ipv6=await self.routes_ipv6())

    async def datagram(self, address: str, port: int) -> Datagrams:
        """Open a UDP flow.  Raises OSError if there is no route."""
        dialled = self._dial(address, port)
        self._check_route(address)
        with _client_socket(socket.SOCK_DGRAM) as sock:
            chance = random.Random(dialled.seed)  # noqa: S311 - chance, not a secret
            self._udp_flows[int(sock.getsockname()[1])] = (dialled, chance)
            sock.connect(self._udp.getsockname())
        return Datagrams(sock)

    async def connect(self, address: str, port: int) -> Stream:
        """Open a TCP connection: one round trip, or what the scenario has for this address.  Raises OSError."""
        dialled = self._dial(address, port)
        if _is_local(address):
            return await self._really_connect(self._closed)
        self._check_route(address)
        outcome, distance = self._outcome(dialled)
        if outcome is Tcp.SILENCE:
            await asyncio.get_running_loop().create_future()  # for ever: nobody will answer
        await asyncio.sleep(distance + dialled.line.syn_delay(random.Random(f"{dialled.seed}/syn")))  # noqa: S311
        if outcome is Tcp.UNREACHABLE:
            raise OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
        if outcome is Tcp.REFUSED:
            return await self._really_connect(self._closed)
        line = msgspec.structs.replace(dialled.line, rtt=distance)
        return await self._really_connect(self._listener, msgspec.structs.replace(dialled, line=line, reset=outcome is Tcp.RESET))

    def clock(self) -> float:
        """Return this computer's clock; it is the world's that a scenario moves."""
        return time.time()

    # --- the near side -----------------------------------------------------------------------------

    def _dial(self, address: str, port: int) -> Dialled:
        """Note what is dialled.  Chance depends on the endpoint and its count, not on what else is going on."""
        number = next(self._numbers[address, port])
        near = address in self.scenario.nameservers
        line = Line(
            rtt=self.scenario.censor_rtt if near else self.scenario.rtt, censor_rtt=self.scenario.censor_rtt, loss=self.scenario.loss
        )
        return Dialled(address=address, port=port, line=line, seed=f"{self._seed}/{address}/{port}/{number}")

    def _check_route(self, address: str) -> None:
        no_ipv6 = self.scenario.ipv6 is Ipv6.NONE and family_of(address) is socket.AF_INET6
        if self.scenario.link is Link.NONE or no_ipv6:
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    def _outcome(self, dialled: Dialled) -> tuple[Tcp, float]:
        """Return how connecting ends, and after how many seconds."""
        scenario, address, port = self.scenario, dialled.address, dialled.port
        if scenario.link is Link.SILENT or (scenario.ipv6 is Ipv6.DEAD and ":" in address):
            return Tcp.SILENCE, 0.0
        if scenario.portal:
            return (Tcp.ALLOW if port == HTTP_PORT else Tcp(scenario.portal.others)), scenario.censor_rtt
        verdict = self._censor.on_connect(str(dialled), address, port)
        if verdict is not Tcp.ALLOW:
            return verdict, dialled.line.rtt if verdict is Tcp.RESET else scenario.censor_rtt
        if port == HTTP_PORT and self._censor.takes_over(address, port):
            return Tcp.ALLOW, scenario.censor_rtt
        host = self.world.first_at(address)
        if host and host.site.tcp:
            return host.site.tcp, dialled.line.rtt
        if not self.world.exists(address):
            return Tcp.SILENCE, 0.0
        return (Tcp.ALLOW if self.world.kind(address, port) else Tcp.REFUSED), dialled.line.rtt

    async def _really_connect(self, peer: socket.socket, dialled: Dialled | None = None) -> Stream:
        with _client_socket(socket.SOCK_STREAM) as sock:
            if dialled:
                self._tcp_flows[int(sock.getsockname()[1])] = dialled
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, peer.getsockname())
        return SocketStream(sock)

    # --- the far side ------------------------------------------------------------------------------

    async def accept_forever(self) -> None:
        """Accept connections; those that did not come through ``connect`` are closed at once."""
        while True:
            sock, peer = await self._accept()
            dialled = self._tcp_flows.pop(int(peer[1]), None)
            if dialled is None:
                sock.close()
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            flow = self._spawn(serve_flow(sock, dialled, self._parts))
            flow.add_done_callback(functools.partial(_close, sock))  # a task that is cancelled before it begins closes nothing

    async def _accept(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept one connection; being cancelled just after one came in must not lose its socket."""
        accepting = asyncio.ensure_future(asyncio.get_running_loop().sock_accept(self._listener))
        try:
            return await asyncio.shield(accepting)
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # what has arrived gets its turn to be handed over
            if not accepting.done():
                accepting.cancel()
            (outcome,) = await asyncio.gather(accepting, return_exceptions=True)
            if not isinstance(outcome, BaseException):
                outcome[0].close()
            raise

    async def receive_forever(self) -> None:
        """Receive datagrams and send the answers when they are due."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0)  # a full buffer is read without a pause otherwise, and everybody else waits
            try:
                message, peer = await loop.sock_recvfrom(self._udp, MAX_MESSAGE)
            except OSError:  # on Windows, an earlier answer to a socket that has been closed since
                continue
            flow = self._udp_flows.get(int(peer[1]))
            if flow is None or not self._udp_passes(flow[0]) or flow[0].line.lost(flow[1]):
                continue
            self._answer_datagram(message, peer, *flow)

    def _udp_passes(self, dialled: Dialled) -> bool:
        scenario, address = self.scenario, dialled.address
        if scenario.link is not Link.UP or (scenario.ipv6 is Ipv6.DEAD and ":" in address):
            return False
        if scenario.portal and address not in scenario.nameservers:
            return False
        if not self._censor.on_datagram(f"udp {address} {dialled.port}", address, dialled.port):
            return False
        if dialled.port != DNS_PORT:
            return self.world.udp_kind(address, dialled.port) is not None
        return self.world.answers_plain_dns(address) or scenario.intercepts_dns or self._censor.injects(address)

    def _answer_datagram(self, message: bytes, peer: tuple[str, int], dialled: Dialled, chance: random.Random) -> None:
        if dialled.port != DNS_PORT:
            server_of = quic_server if self.world.udp_kind(dialled.address, dialled.port) is Kind.QUIC else stun_server
            answer = server_of.answer(message)
            if answer and not dialled.line.lost(chance):
                self._spawn(self._send_later(dialled.line.rtt, answer, peer))
            return
        server, real = dialled.address, self.world.answers_plain_dns(dialled.address)
        taken_over = self.scenario.intercepts_dns and server not in self.scenario.nameservers
        if taken_over:
            server = self.scenario.nameservers[0]
            dialled = msgspec.structs.replace(dialled, line=msgspec.structs.replace(dialled.line, rtt=dialled.line.censor_rtt))
        answers = self._names.answers(message, f"udp {dialled.address} {dialled.port}", server)
        raced = len(answers) > 1
        for answer in answers:
            if not (real or taken_over or answer.forged):
                continue  # nobody lives there who could tell the truth
            near = dialled.line.censor_rtt / 2 if raced else dialled.line.censor_rtt  # an injector is nearer than any resolver
            if not dialled.line.lost(chance):
                self._spawn(self._send_later(near if answer.forged else dialled.line.rtt, answer.wire, peer))

    async def _send_later(self, delay: float, wire: bytes, peer: tuple[str, int]) -> None:
        await asyncio.sleep(delay)
        with contextlib.suppress(OSError):  # the client's socket is gone
            self._udp.sendto(wire, peer)


def _close(sock: socket.socket, _ended: asyncio.Task[None]) -> None:
    sock.close()


@contextlib.contextmanager
def _client_socket(kind: socket.SocketKind) -> Iterator[socket.socket]:
    """Yield a bound socket; it is closed unless the block ends well: a cancelled connect must not leak it."""
    with contextlib.ExitStack() as on_error:
        sock = on_error.enter_context(socket.socket(socket.AF_INET, kind))
        sock.setblocking(False)
        sock.bind((_LOOPBACK, 0))
        yield sock
        on_error.pop_all()


def _is_local(address: str) -> bool:
    """Tell whether an address is this computer itself, where no server of ours listens."""
    literal = ipaddress.ip_address(address) if is_address(address) else None
    return literal is not None and (literal.is_loopback or literal.is_unspecified)
