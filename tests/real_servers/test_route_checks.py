"""Where a proxy comes out and whether it carries calls, asked of real proxies on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import cast

import pytest

from diagnostics.model import DIRECT, Control, Observation, Step
from diagnostics.probes.context import Context
from diagnostics.probes.route import RouteProbe
from diagnostics.probes.route_checks import RouteChecks
from diagnostics.routes.grammar import parse_link
from diagnostics.sim.stun_server import answer
from diagnostics.trace import Trace
from tests.conftest import RunAsync
from tests.real_servers.test_accounts import Servers, free_port, program
from tests.routes.loopback import HERE, Loopback, Serve, server_side, serving


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Run a proxy that carries datagrams and one that does not."""
    with ExitStack() as stack:
        found = Servers(tmp_path_factory.mktemp("checks"), stack)
        found.ports |= {"sing-box": free_port(), "microsocks": free_port()}
        inbound = {"type": "socks", "listen": HERE, "listen_port": found.ports["sing-box"]}
        config = {"log": {"level": "error"}, "inbounds": [inbound], "outbounds": [{"type": "direct"}]}
        written = found.written("sb.json", config)
        found.start("sing-box", program("sing-box"), "run", "-c", written, waits=[("tcp", found.ports["sing-box"])])
        words = (program("microsocks"), "-i", HERE, "-p", str(found.ports["microsocks"]))
        found.start("microsocks", *words, waits=[("tcp", found.ports["microsocks"])])
        yield found


class _Stun(asyncio.DatagramProtocol):
    """Answers binding requests."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = answer(data)
        if response:
            self._transport.sendto(response, addr)


@asynccontextmanager
async def stun() -> AsyncIterator[int]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(_Stun, (HERE, 0))
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


def telling(*bodies: bytes) -> Serve:
    """Return a server that tells each visitor the next of some bodies: the direct line is the first to ask."""
    left = list(bodies)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = left.pop(0) if len(left) > 1 else left[0]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    return serve


async def checked(proxies: Servers, kind: str, place: Serve) -> dict[tuple[str, str], Observation]:
    """Return what was found out, by route (direct or proxy) and stage."""
    tls = server_side(proxies.authority, "exit", HERE)
    async with stun() as udp_port, serving(place, tls) as port:
        controls = (
            Control(id="exit", operator="A", kind="exit", host=HERE, port=port, path="/cdn-cgi/trace"),
            Control(id="stun", operator="B", kind="stun", host=HERE, port=udp_port),
        )
        trace = Trace()
        context = Context(Loopback(proxies.authority.bundle), trace, (), controls)
        async with context.settled():
            context.begin_trusting(())
            probe = RouteProbe(context, parse_link(f"socks5h://{HERE}:{proxies.ports[kind]}"))
            assert await probe.begin()
            await RouteChecks(context).measure(probe)
        seen = [o for o in trace.observations if o.step is Step.PROXY]
        assert all(o.host is None and o.address is None for o in seen if o.detail["stage"] in ("exit", "udp"))
        assert b"203.0.113" not in repr(trace.observations).encode(), "an address is kept"
        return {(DIRECT if o.route == DIRECT else "proxy", str(o.detail["stage"])): o for o in seen}


HOME, ABROAD = b"ip=203.0.113.7\nloc=VE\n", b"ip=203.0.113.99\nloc=CL\n"


def test_a_proxy_abroad_that_carries_calls(proxies: Servers, run_async: RunAsync) -> None:
    found = run_async(checked(proxies, "sing-box", telling(HOME, ABROAD)))
    told = {found[DIRECT, "exit"].detail["country"], found["proxy", "exit"].detail["country"]}
    assert told == {"VE", "CL"}
    assert found["proxy", "exit"].detail["same_address"] is False
    assert found["proxy", "udp"].detail["answered"] is True


def test_a_proxy_on_the_same_line_that_carries_no_calls(proxies: Servers, run_async: RunAsync) -> None:
    found = run_async(checked(proxies, "microsocks", telling(HOME)))
    assert found["proxy", "exit"].detail["same_address"] is True
    assert found["proxy", "udp"].detail["answered"] is False
    assert found["proxy", "udp"].failure == "socks_command_not_supported"


@pytest.mark.parametrize("body", [b"", b"loc=XX\nip=203.0.113.7\n", b"loc=<script>\nip=" + b"9" * 5000, b"\xff" * 3000])
def test_a_page_that_does_not_tell_the_country_says_nothing(body: bytes, proxies: Servers, run_async: RunAsync) -> None:
    found = run_async(checked(proxies, "microsocks", telling(body)))
    assert found["proxy", "exit"].detail["country"] is None
