"""The matrix of resolvers and transports on simulated lines: what answers truly is found, what is swallowed or forged is not."""

from __future__ import annotations

import asyncio
import functools
import statistics
from collections import Counter

import pytest

from diagnostics.model import Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import LISTEN_FOR_LAST
from diagnostics.sim.scenario import load_scenarios
from diagnostics.sim.simulation import SimulatedNetwork
from diagnostics.streams import Stream
from diagnostics.workarounds.identity import ENCRYPTED, ENGINES, parse_way
from diagnostics.workarounds.lookups import IN_ALL, TRANSPORTS, ResolverWays, cells_of
from tests.conftest import RunAsync
from tests.workarounds.lines import CATALOG, Surveyed, simulated, surveyed

ALL = {cell.way for cell in cells_of(CATALOG.resolvers)}
LATE = 0.5
"""Seconds that a busy computer may be late."""

STILL_THERE = {"wikimedia", "cira", "digitale-gesellschaft"}
"""Resolvers that the scenarios of January 2025 leave, encrypted."""


@functools.cache
def once(name: str, *hosts: str) -> Surveyed:
    """Return one survey of a scenario, that many tests look at."""
    return asyncio.run(surveyed(name, *hosts))


def engine(way: str) -> str:
    return way.partition(":")[0]


def resolver(way: str) -> str:
    return way.partition(":")[2]


def test_the_matrix_has_every_engine_and_a_dozen_resolvers() -> None:
    assert set(TRANSPORTS) == set(ENGINES) == {engine(way) for way in ALL}
    assert len({resolver(way) for way in ALL}) >= 12
    assert all(parse_way(way) for way in ALL)
    assert "doh-name:wikimedia" not in ALL, "its HTTPS has no name to look up"
    assert "udp:wikimedia" not in ALL, "it has no port 53"


def test_where_only_the_providers_resolver_lies_every_other_one_is_a_way(run_async: RunAsync) -> None:
    seen = run_async(surveyed("ve-2024-08", "x.com", "pbs.twimg.com", ipv6=True))
    assert set(seen.found) == ALL
    assert all(seen.is_true(way) for way in ALL)
    assert all(any(":" in a for a in found.addresses["x.com"]) for found in seen.found.values()), "IPv6 is asked for too"
    assert all(":" not in found.addresses["x.com"][0] for found in seen.found.values()), "IPv4 comes first"
    assert seen.seconds <= IN_ALL + LATE


@pytest.mark.parametrize("name", ["ve-2025-01", "ve-cantv-2025-01-resolvers"])
def test_no_swallowed_resolver_is_ever_found(name: str) -> None:
    seen = once(name, "x.com")
    assert seen.found
    assert {resolver(way) for way in seen.found} == STILL_THERE
    assert {engine(way) for way in seen.found} <= ENCRYPTED
    assert all(seen.is_true(way) for way in seen.found)
    assert {(way, n) for way in ALL for n in (1, 2)} == seen.attempts
    assert seen.seconds <= 4.0 + LATE


def test_a_matrix_that_is_swallowed_whole_finds_nothing_and_ends_in_time(run_async: RunAsync) -> None:
    seen = run_async(surveyed("ve-2025-01-all-resolvers", "x.com"))
    assert (seen.found, seen.told) == ({}, [])
    assert {(way, n) for way in ALL for n in (1, 2)} == seen.attempts
    assert seen.seconds <= 4.0 + LATE


def test_before_anything_has_answered_it_ends_in_time_too(run_async: RunAsync) -> None:
    seen = run_async(surveyed("ve-2025-01-all-resolvers", "x.com", measured=False))
    assert seen.found == {}
    assert seen.seconds <= IN_ALL + LATE


def test_a_forger_on_the_way_is_beaten_by_encryption_and_by_waiting_for_the_second_answer() -> None:
    seen = once("dns-injected", "x.com")
    true = {way for way in seen.found if seen.is_true(way)}
    assert {engine(way) for way in true} == ENCRYPTED | {"udp-second"}
    assert {way for way in ALL if engine(way) in ENCRYPTED | {"udp-second"}} == true
    assert not [way for way in seen.found if engine(way) in ("udp", "tcp") and way in true]
    of_second = [o for o in seen.observations if engine(o.detail["way"]) == "udp-second" and o.step is Step.DNS]
    assert {len(o.detail["replies"]) for o in of_second} == {2}
    assert all(set(o.detail["answers"]) <= seen.truth["x.com"] for o in of_second)


def test_a_closed_port_costs_only_the_ways_through_it() -> None:
    seen = once("dot-blocked", "x.com")
    assert set(seen.found) == {way for way in ALL if engine(way) != "dot"}
    assert all(seen.is_true(way) for way in seen.found)


@pytest.mark.parametrize("name", ["dns-servfail", "dns-silence"])
def test_what_the_system_says_or_does_not_say_changes_nothing_for_others(name: str, run_async: RunAsync) -> None:
    seen = run_async(surveyed(name, "x.com"))
    assert {way for way in ALL if engine(way) in ENCRYPTED and engine(way) != "doh-name"} <= set(seen.found)
    assert all(seen.is_true(way) for way in seen.found)


def test_whoever_opens_pages_is_told_of_each_way_once_and_long_before_the_end() -> None:
    seen = once("ve-cantv-2025-01-resolvers", "x.com")
    assert sorted(found.way for _, found in seen.told) == sorted(seen.found)
    assert seen.told[0][0] < 0.25 * seen.seconds, "the first answer does not wait for the matrix"
    assert all(found.addresses["x.com"] for _, found in seen.told)


def test_everything_is_recorded_as_a_try_of_its_way() -> None:
    seen = once("ve-2024-08", "x.com")
    assert {(way, n) for way in ALL for n in (1, 2)} == seen.attempts
    for o in seen.observations:
        way = parse_way(o.detail["way"])
        assert way is not None
        assert o.target == "x"
        if o.step is Step.DNS and o.detail["purpose"] != "resolver":
            assert (o.detail["engine"], o.detail["resolver"]) == (TRANSPORTS[way.engine], way.resolver)
            assert (o.host, o.detail["authenticated"]) == ("x.com", way.engine in ENCRYPTED)
    named = {o.host for o in seen.observations if o.step is Step.DNS and o.detail["purpose"] == "resolver"}
    assert "dns.google" in named
    handshakes = [o for o in seen.observations if o.detail["way"] == "doh-name:google" and o.step is Step.TLS]
    assert {o.detail["server_name"] for o in handshakes} == {"dns.google"}
    assert {o.detail["server_name"] for o in seen.observations if o.detail["way"] == "doh:google" and o.step is Step.TLS} == {"8.8.8.8"}


def test_hosts_of_one_target_share_a_connection(run_async: RunAsync) -> None:
    seen = run_async(surveyed("ve-2024-08", "x.com", "twitter.com", "abs.twimg.com"))
    made = Counter((o.detail["way"], o.detail["attempt"]) for o in seen.observations if o.step is Step.TCP)
    assert set(made.values()) == {1}
    assert all(seen.is_true(way) for way in seen.found)


class Counted(Stream):
    """A connection that is counted while it is open."""

    def __init__(self, below: Stream, now: Counter[str], address: str) -> None:
        super().__init__()
        self._below, self._now, self._address = below, now, address

    async def read(self, limit: int = 65536) -> bytes:
        return await self._below.read(limit)

    async def write(self, data: bytes) -> None:
        await self._below.write(data)

    def close(self) -> None:
        self._now[self._address] -= 1
        self._now = Counter()  # closed again, it counts no more
        self._below.close()


def counting(network: SimulatedNetwork, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return the most connections that were open or being opened at once, by address; it grows as they are made."""
    now, most = Counter[str](), Counter[str]()
    connect = network.connect

    async def counted(address: str, port: int) -> Stream:
        now[address] += 1
        most[address] = max(most[address], now[address])
        try:
            below = await connect(address, port)
        except BaseException:
            now[address] -= 1
            raise
        return Counted(below, now, address)

    monkeypatch.setattr(network, "connect", counted)
    return most


@pytest.mark.parametrize("name", ["ve-2024-08", "ve-2025-01"])
def test_all_targets_together_connect_to_no_resolver_more_than_twice_at_once(
    name: str, run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> Counter[str]:
        async with simulated(name) as (context, network):
            most = counting(network, monkeypatch)
            ways = ResolverWays(context)
            await asyncio.gather(ways.survey(["x.com"], "x"), ways.survey(["web.whatsapp.com"], "whatsapp"))
            return most

    most = run_async(go())
    assert len(most) >= 12
    assert max(most.values()) == 2


async def cancelled_after(context: Context, seconds: float, work: asyncio.Task[object]) -> float:
    """Cancel a survey in the middle and return how many seconds it took to end."""
    await asyncio.sleep(seconds)
    assert not work.done()
    began = asyncio.get_running_loop().time()
    work.cancel()
    await asyncio.wait([work])
    context.end()
    return asyncio.get_running_loop().time() - began


@pytest.mark.parametrize("name", ["ve-2024-08", "ve-2025-01-all-resolvers"])
@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.3, 1.0])
def test_it_ends_at_once_when_it_is_cancelled_and_leaves_nothing(name: str, seconds: float, run_async: RunAsync) -> None:
    async def go() -> float:
        async with simulated(name, measured=False) as (context, _):
            work: asyncio.Task[object] = asyncio.create_task(ResolverWays(context).survey(["x.com"], "x"))
            return await cancelled_after(context, seconds, work)

    assert run_async(go()) < 0.25


def test_the_seconds_of_a_way_are_those_until_its_answers_were_known() -> None:
    seen = once("ve-2024-08", "x.com")
    by_engine = {e: statistics.median(f.seconds for w, f in seen.found.items() if engine(w) == e) for e in ENGINES}
    trip = load_scenarios()["ve-2024-08"].rtt
    least = {"udp": 1, "tcp": 2, "tcp-cut": 2, "dot": 3, "doh": 3, "doh-name": 3}
    assert all(by_engine[e] >= 0.95 * trips * trip for e, trips in least.items())
    assert by_engine["udp-second"] > LISTEN_FOR_LAST > max(by_engine[e] for e in least), "it waits for another answer"
    assert [f.seconds for f in seen.found.values()] == sorted(f.seconds for f in seen.found.values())
