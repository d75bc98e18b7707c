"""The line without its VPN, on the loopback interface: sockets are tied to it, and names are asked of its own servers alone."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from diagnostics.network import Beside
from diagnostics.trust import Trust
from diagnostics.vpn.outside import network as module
from diagnostics.vpn.outside.interfaces import Default, Physical, Rank
from diagnostics.vpn.outside.network import BoundNetwork, beside
from tests.conftest import RunAsync

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ties sockets to an interface as Linux does")

HERE = "127.0.0.1"
LOOPBACK = Physical(name="lo", index=1)
Reply = Callable[[dns.message.Message], dns.message.Message | None]


class Told:
    """A system whose network told it some servers, and whose routes are a test's."""

    def __init__(self, *addresses: str, routes: tuple[Default, ...] = (), ranks: dict[str, Rank] | None = None) -> None:
        self.addresses, self.routes, self.ranks = addresses, routes, ranks or {}

    def defaults(self) -> tuple[Default, ...]:
        return self.routes

    def rank(self, device: str) -> Rank:
        return self.ranks.get(device, Rank.LINE)

    def index(self, device: str) -> int:
        return len(device)

    def nameservers(self, physical: Physical) -> list[str]:
        del physical
        return list(self.addresses)


class _Resolver(asyncio.DatagramProtocol):
    """A name server that answers as a test says."""

    def __init__(self, reply: Reply) -> None:
        self.reply, self.asked = reply, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        found = self.reply(dns.message.from_wire(data))
        self.transport.sendto(b"noise", addr)
        if found is not None:
            self.transport.sendto(found.to_wire(), addr)


@asynccontextmanager
async def resolver(reply: Reply) -> AsyncIterator[tuple[_Resolver, int]]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: _Resolver(reply), (HERE, 0))
    try:
        yield protocol, int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


def giving(*addresses: str, rcode: int = dns.rcode.NOERROR) -> Reply:
    def reply(query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.set_rcode(dns.rcode.Rcode(rcode))
        if addresses:
            answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", *addresses))
        return answer

    return reply


async def resolved(reply: Reply, *, told: tuple[str, ...] = (HERE,), gateway: str = "") -> list[str]:
    async with resolver(reply) as (_, port):
        physical = Physical(name="lo", index=1, gateway=gateway)
        return await BoundNetwork(Trust(), physical, system=Told(*told), port=port).resolve("site.example", socket.AF_INET)


def test_a_name_is_asked_of_the_servers_of_the_line_and_never_of_the_system(run_async: RunAsync) -> None:
    found = run_async(resolved(giving("203.0.113.5", "203.0.113.6")))
    assert sorted(found) == ["203.0.113.5", "203.0.113.6"]  # a set of records has no order


@pytest.mark.parametrize(
    "reply, number",
    [
        (giving(rcode=dns.rcode.NXDOMAIN), socket.EAI_NONAME),
        (giving(), socket.EAI_NODATA),
        (giving(rcode=dns.rcode.REFUSED), socket.EAI_FAIL),
        (giving(rcode=dns.rcode.SERVFAIL), socket.EAI_AGAIN),
    ],
)
def test_a_server_that_says_no_is_heard_as_getaddrinfo_would_say_it(run_async: RunAsync, reply: Reply, number: int) -> None:
    with pytest.raises(socket.gaierror) as caught:
        run_async(resolved(reply))
    assert caught.value.errno == number


def test_a_server_that_is_silent_is_a_temporary_failure(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", (0.01, 0.01))
    with pytest.raises(socket.gaierror) as caught:
        run_async(resolved(lambda _query: None))
    assert caught.value.errno == socket.EAI_AGAIN


def test_a_router_that_serves_names_stands_in_where_nobody_was_told(run_async: RunAsync) -> None:
    assert run_async(resolved(giving("203.0.113.5"), told=(), gateway=HERE)) == ["203.0.113.5"]


def test_a_router_that_serves_no_names_is_not_taken_for_a_server(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", (0.01,))

    async def told() -> list[str]:
        async with resolver(lambda _query: None) as (_, port):
            return await BoundNetwork(Trust(), Physical(name="lo", index=1, gateway=HERE), system=Told(), port=port).nameservers()

    assert run_async(told()) == []


def test_the_servers_are_looked_up_once(run_async: RunAsync) -> None:
    async def go() -> tuple[list[str], list[str]]:
        system = Told(HERE)
        network = BoundNetwork(Trust(), LOOPBACK, system=system)
        first = await network.nameservers()
        system.addresses = ()
        return first, await network.nameservers()

    assert run_async(go()) == ([HERE], [HERE])


def test_every_socket_is_tied_to_the_interface(run_async: RunAsync) -> None:
    async def go() -> list[bytes]:
        network = BoundNetwork(Trust(), LOOPBACK, system=Told())
        found = []
        for address, kind in ((HERE, socket.SOCK_STREAM), ("::1", socket.SOCK_DGRAM)):
            with network.socket_for(address, kind) as sock:
                found.append(sock.getsockopt(socket.SOL_SOCKET, 25, 16))
        return found

    assert run_async(go()) == [b"lo\0", b"lo\0"]


def test_where_the_interface_is_gone_no_socket_is_left_behind(run_async: RunAsync) -> None:
    async def go() -> None:
        network = BoundNetwork(Trust(), Physical(name="no-such-if0", index=9), system=Told())
        with pytest.raises(OSError, match="tied"):
            await network.connect(HERE, 443)

    run_async(go())


def test_only_the_lines_own_ipv6_counts_and_no_proxy_of_the_settings(run_async: RunAsync) -> None:
    async def go() -> tuple[bool, bool, bool]:
        with_six = BoundNetwork(Trust(), Physical(name="lo", index=1, six=True), system=Told())
        without = BoundNetwork(Trust(), LOOPBACK, system=Told())
        proxies = await without.system_proxies()
        return await with_six.routes_ipv6(), await without.routes_ipv6(), bool(proxies.settings)

    assert run_async(go()) == (True, False, False)


# --- whether there is a line to compare with ------------------------------------------------------------


def asked(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch, *devices: str, routes: tuple[Default, ...] | None = None) -> Beside:
    monkeypatch.setattr(module, "devices_now", lambda _places: list(devices))
    wanted = (Default(device="lo"),) if routes is None else routes
    system = Told(routes=wanted, ranks={"tun0": Rank.TUNNEL})
    return run_async(beside(Trust(), system))


def test_a_line_below_a_tunnel_can_be_compared_with(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, part = (asked(run_async, monkeypatch, "tun0", last) for last in ("tun0", "lo"))
    assert isinstance(whole.network, BoundNetwork)
    assert (whole.whole, part.network is not None, part.whole) == (True, True, False)


def test_without_a_tunnel_or_a_line_it_is_said_why_not(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(run_async, monkeypatch, "lo", "lo") == Beside(None, "no_vpn")
    assert asked(run_async, monkeypatch, "", "eth7") == Beside(None, "no_vpn")
    assert asked(run_async, monkeypatch, "tun0", routes=()) == Beside(None, "no_interface")
    gone = (Default(device="no-such-if0"),)
    assert asked(run_async, monkeypatch, "tun0", routes=gone) == Beside(None, "cannot_bind")
