"""The line itself: distance, loss, IPv6, no network; and that nothing is left of it afterwards."""

from __future__ import annotations

import asyncio
import errno
import gc
import itertools
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dns.message
import psutil
import pytest

from diagnostics.errors import InputError
from diagnostics.network import Network
from diagnostics.sim import wire
from diagnostics.sim.simulation import open_simulation
from tests.sim.lab import CATALOG, PROVIDER, address_of, ask, in_loop, lab, never_connects, page, resolve4, scenario, secure, until_silence


@in_loop
async def test_a_connection_a_handshake_and_a_page_cost_one_round_trip_each() -> None:
    async with lab(rtt_ms=300) as network:
        clock = asyncio.get_running_loop().time
        await network.trust.prepare()
        marks = [clock()]
        async with await network.connect(address_of(network, "x.com"), 443) as stream:
            marks.append(clock())
            secured = await network.start_tls(stream, network.trust.public, "x.com")
            marks.append(clock())
            await page(secured, "x.com")
            marks.append(clock())
    for began, ended in itertools.pairwise(marks):
        assert 0.3 <= ended - began < 0.6  # a second round trip would show


@in_loop
async def test_a_censor_answers_before_the_server_could() -> None:
    async with lab('censor_rtt_ms = 100\n[[censor]]\nservice = "x"\ntls = "reset"', rtt_ms=1000) as network:
        clock = asyncio.get_running_loop().time
        await network.trust.prepare()
        async with await network.connect(address_of(network, "x.com"), 443) as stream:
            began = clock()
            with pytest.raises(ConnectionResetError):
                await network.start_tls(stream, network.trust.public, "x.com")
            assert 0.1 <= clock() - began < 1.0


async def _answered(network: Network, server: str, questions: int = 20) -> set[int]:
    """Return the ids of the questions that were answered, all sent in one flow."""
    async with await network.datagram(server, 53) as flow:
        for number in range(questions):
            await flow.send(dns.message.make_query("x.com", "A", id=number + 1).to_wire())
        return {dns.message.from_wire(message).id for message in await until_silence(flow, 0.5)}


async def _losses(seed: int | None) -> set[int]:
    async with lab("loss = 0.3", seed) as network:
        return await _answered(network, "9.9.9.10")


@in_loop
async def test_losses_repeat_with_their_seed_and_differ_without() -> None:
    first = await _losses(7)
    assert await _losses(7) == first
    assert 0 < len(first) < 20
    assert await _losses(8) != first


@in_loop
async def test_what_else_is_going_on_does_not_change_the_losses_of_a_flow() -> None:
    async with lab("loss = 0.3", 7) as network:
        found, _ = await asyncio.gather(_answered(network, "9.9.9.10"), _answered(network, PROVIDER))
    assert found == await _losses(7)


@in_loop
async def test_a_lost_syn_costs_the_kernels_second_and_the_connection_comes_about() -> None:
    async with lab("loss = 0.5", 3) as network:
        clock, times = asyncio.get_running_loop().time, []

        async def once() -> None:
            began = clock()
            async with asyncio.timeout(20), await network.connect(address_of(network, "x.com"), 443):
                times.append(clock() - began)

        await asyncio.gather(*(once() for _ in range(4)))
    assert len(times) == 4
    assert max(times) >= 1.0


@in_loop
async def test_a_lost_flight_delays_the_page_and_does_not_break_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_FIRST_SYN_TIMEOUT", 0.01)
    async with lab("loss = 0.5", 5) as network:

        async def once() -> float:
            async with await network.connect(address_of(network, "x.com"), 80) as stream:
                began = asyncio.get_running_loop().time()
                assert b" 301 " in await page(stream, "x.com")
                return asyncio.get_running_loop().time() - began

        times = await asyncio.gather(*(once() for _ in range(8)))
    assert max(times) >= 0.2


@in_loop
async def test_ipv6_works_has_no_route_or_is_dead() -> None:
    async with lab('ipv6 = "works"') as network:
        (address,) = await network.resolve("x.com", socket.AF_INET6)
        assert await network.routes_ipv6()
        (await secure(network, address, "x.com")).close()
        assert await ask(network, "2620:fe::10", "x.com")
    async with lab('ipv6 = "none"') as network:
        assert not await network.routes_ipv6()
        with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what counts
            await network.connect(address, 443)
        assert caught.value.errno == errno.ENETUNREACH
    async with lab('ipv6 = "dead"') as network:
        assert await network.routes_ipv6()
        assert await never_connects(network, address, 443)
        assert await ask(network, "2620:fe::10", "x.com", expect=0) == []


@in_loop
async def test_without_a_link_everything_fails_at_once() -> None:
    async with lab('link = "none"') as network:
        for verb in (network.connect, network.datagram):
            with pytest.raises(OSError) as caught:  # noqa: PT011
                await verb("9.9.9.10", 53)
            assert caught.value.errno == errno.ENETUNREACH
        with pytest.raises(socket.gaierror) as failed:
            await resolve4(network, "x.com")
        assert failed.value.errno == socket.EAI_AGAIN
        assert not await network.routes_ipv6()


@in_loop
async def test_on_a_silent_link_everything_is_swallowed() -> None:
    async with lab('link = "silent"') as network:
        assert await ask(network, PROVIDER, "x.com", expect=0) == []
        assert await never_connects(network, address_of(network, "x.com"), 443)


@in_loop
async def test_this_computers_clock_is_not_touched_and_the_worlds_is() -> None:
    async with lab("clock_offset_days = 400") as network:
        assert abs(network.clock() - time.time()) < 5
        async with await network.connect(address_of(network, "x.com"), 80) as stream:
            year = str(time.gmtime(time.time() + 400 * 86_400).tm_year).encode()
            date = next(line for line in (await page(stream, "x.com")).split(b"\r\n") if line.startswith(b"Date:"))
            assert year in date


@in_loop
async def test_only_the_loopback_address_is_bound() -> None:
    async with lab():
        bound = {entry.laddr.ip for entry in psutil.Process().net_connections("inet") if entry.status in ("LISTEN", "NONE")}
        assert bound == {"127.0.0.1"}


Left = Callable[[], tuple[int, int, int]]


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Left:
    """Return how many sockets, temporary files and threads there are; files in a folder of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def count() -> tuple[int, int, int]:
        gc.collect()
        return len(psutil.Process().net_connections("all")), len(list(tmp_path.iterdir())), threading.active_count()

    return count


def test_nothing_is_left_behind_even_with_flows_under_way(left: Left) -> None:
    before = left()

    async def scene() -> set[asyncio.Task[None]]:
        async with lab('[[site]]\nhost = "site.example"\nclear = true\nserves = "huge-body"') as network:
            streams = [await network.connect(address_of(network, "site.example"), 80) for _ in range(5)]
            for stream in streams:
                await stream.write(b"GET / HTTP/1.1\r\nHost: site.example\r\n\r\n")
            waiting = asyncio.create_task(never_connects(network, "93.184.7.7", 443))
            await streams[0].read()
            waiting.cancel()
            for stream in streams:
                stream.close()
        own = asyncio.current_task()
        return {task for task in asyncio.all_tasks() if task not in (own, waiting)}

    assert asyncio.run(scene()) == set()
    assert left() == before


def test_an_error_of_the_body_comes_out_as_it_is_and_leaves_nothing(left: Left) -> None:
    before = left()

    async def scene() -> None:
        async with lab() as network, await network.connect(address_of(network, "x.com"), 443):
            raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(scene())
    assert left() == before


def test_a_cancelled_body_leaves_nothing(left: Left) -> None:
    before = left()

    async def scene() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), lab() as network:
                await network.connect("93.184.7.7", 443)

    asyncio.run(scene())
    assert left() == before


@pytest.mark.parametrize("rule", ['hosts = ["x.con"]', 'service = "y"', 'service = "x"\nfunction = "calls"', 'resolvers = ["gamma"]'])
@in_loop
async def test_a_scenario_that_names_what_does_not_exist_is_refused(rule: str) -> None:
    with pytest.raises(InputError) as caught:
        async with open_simulation(scenario(f"[[censor]]\n{rule}\ntcp = 'silence'"), CATALOG):
            pass
    assert caught.value.text == "error.scenario"
    assert str(caught.value.values["found"]) in rule
