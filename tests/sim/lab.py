"""A small catalog and plain clients for the tests of the simulated network: none of the engine's probes."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, ParamSpec

import dns.message
import dns.rcode
import dns.rdatatype

from diagnostics.catalog import Catalog
from diagnostics.model import Control, Endpoint, Function, Probe, Resolver, Rule, Service
from diagnostics.network import Network
from diagnostics.sim.scenario import Scenario, read_scenario
from diagnostics.sim.simulation import SimulatedNetwork, open_simulation
from diagnostics.streams import Datagrams, Stream, TlsStream

P = ParamSpec("P")

PROVIDER = "192.168.1.1"
SILENCE = 0.3
"""Seconds without an answer that count as silence, fifteen round trips of the test line."""

HEAD = """
id = "test"
name = {es = "Prueba", en = "Test"}
summary = {es = "Prueba.", en = "Test."}
as_of = 2026-11-22
source = "tests"
"""


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test in a loop of its own; it fails if a task is left at its end."""

    async def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        await test(*args, **kwargs)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(whole(*args, **kwargs))

    return run


def _service(name: str, *functions: Function) -> Service:
    return Service(id=name, name={"es": name, "en": name}, functions=functions)


CATALOG = Catalog(
    services={
        "x": _service(
            "x",
            Function(id="web", endpoints=(Endpoint(host="x.com"), Endpoint(host="twitter.com"))),
            Function(id="media", endpoints=(Endpoint(host="pbs.twimg.com"),)),
        ),
        "chat": _service(
            "chat",
            Function(id="chat", rule=Rule.ANY_OF, endpoints=(Endpoint(host="g.chat.net", port=5222, probe=Probe.TCP_HOLD),)),
            Function(id="centres", rule=Rule.ANY_OF, endpoints=(Endpoint(host="149.154.175.50", probe=Probe.TCP),)),
        ),
    },
    resolvers=(
        Resolver(
            id="alfa",
            operator="Alfa",
            addresses=("9.9.9.10",),
            addresses6=("2620:fe::10",),
            doh_url="https://dns.alfa.net/dns-query",
            doh_by_address=True,
            dot_name="dot.alfa.net",
        ),
        Resolver(id="beta", operator="Beta", addresses=("185.71.138.138",), plain=False, doh_url="https://dns.beta.org/dns-query"),
    ),
    controls=(
        Control(id="portal", operator="Moz", kind="portal", host="detect.moz.com", port=80, path="/success.txt", expect_body="success"),
        Control(id="empty", operator="Goo", kind="https", host="www.goo.com", path="/generate_204", expect_status=204),
        Control(id="neutral", operator="Ian", kind="neutral", host="example.org"),
    ),
)


def scenario(text: str = "", rtt_ms: int = 20) -> Scenario:
    """Return a scenario of the test line with ``text`` added."""
    return read_scenario(f"{HEAD}rtt_ms = {rtt_ms}\n{text}", "test.toml")


@asynccontextmanager
async def lab(text: str = "", seed: int | None = 1, rtt_ms: int = 20) -> AsyncIterator[SimulatedNetwork]:
    """Open the test line with ``text`` added."""
    async with asyncio.timeout(30), open_simulation(scenario(text, rtt_ms), CATALOG, seed) as network:
        yield network


def address_of(network: SimulatedNetwork, host: str) -> str:
    """Return the first true address of a host."""
    found = network.world.find(host)
    assert found is not None
    return found.addresses[0]


async def ask(network: Network, server: str, name: str, kind: str = "A", *, expect: int = 1) -> list[dns.message.Message]:
    """Return the replies to one question over UDP: ``expect`` are waited for, and what comes soon after them is seen too."""
    async with await network.datagram(server, 53) as flow:
        await flow.send(dns.message.make_query(name, kind).to_wire())
        replies = [dns.message.from_wire(await flow.receive()) for _ in range(expect)]
        replies += [dns.message.from_wire(message) for message in await until_silence(flow, 0.1 if expect else SILENCE)]
    return replies


async def until_silence(flow: Datagrams, patience: float = SILENCE) -> list[bytes]:
    """Return the datagrams that come until nothing came for ``patience`` seconds."""
    found: list[bytes] = []
    try:
        while True:
            async with asyncio.timeout(patience):
                found.append(await flow.receive())
    except TimeoutError:
        return found


def addresses_in(reply: dns.message.Message) -> list[str]:
    """Return the addresses of a reply."""
    return [record.to_text() for rrset in reply.answer for record in rrset]


def code(reply: dns.message.Message) -> str:
    """Return the name of a reply's response code."""
    return dns.rcode.to_text(reply.rcode())


async def ask_stream(stream: Stream, name: str) -> dns.message.Message:
    """Return the reply to one question over TCP or TLS."""
    wire = dns.message.make_query(name, "A").to_wire()
    await stream.write(len(wire).to_bytes(2, "big") + wire)
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        more = await stream.read()
        assert more, "the resolver closed the connection"
        data += more
    return dns.message.from_wire(data[2:])


async def secure(network: Network, address: str, name: str | None, port: int = 443, context: ssl.SSLContext | None = None) -> TlsStream:
    """Return a connection after a handshake that believes the world's public root."""
    stream = await network.connect(address, port)
    try:
        return await network.start_tls(stream, context or network.trust.public, name)
    except BaseException:
        stream.close()
        raise


async def page(stream: Stream, host: str, path: str = "/") -> bytes:
    """Return the whole response to one request, head and body."""
    await stream.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return await everything(stream)


async def everything(stream: Stream, limit: int = 1 << 20) -> bytes:
    """Return what comes until the end of the stream or the limit."""
    data = b""
    while len(data) < limit and (more := await stream.read()):
        data += more
    return data


async def is_silent(stream: Stream) -> bool:
    """Tell whether nothing comes for a while."""
    try:
        async with asyncio.timeout(SILENCE):
            await stream.read()
    except TimeoutError:
        return True
    return False


async def never_connects(network: Network, address: str, port: int) -> bool:
    """Tell whether connecting goes on for ever."""
    try:
        async with asyncio.timeout(SILENCE):
            stream = await network.connect(address, port)
    except TimeoutError:
        return True
    stream.close()
    return False


async def resolve4(network: Network, name: str) -> list[str]:
    """Return the IPv4 addresses that the system's resolver gives."""
    return await network.resolve(name, socket.AF_INET)
