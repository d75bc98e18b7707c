"""Ways out: their data is sound and holds nothing private, and reaching for them says what is in the way of each."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from pathlib import Path

import pytest

import resources
from diagnostics.bogons import is_address
from diagnostics.errors import InputError
from diagnostics.model import WAYS, Observation, Probe, Step
from diagnostics.probes.context import Context
from diagnostics.probes.http import MAX_BODY
from diagnostics.sim.scenario import Scenario, load_scenarios
from diagnostics.sim.simulation import open_simulation
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.workarounds.exit_probe import measure_exits
from diagnostics.workarounds.exits import FILE, Group, WayOut, exit_of, known_exits, read_exits
from diagnostics.workarounds.identity import parse_way
from tests.conftest import RunAsync
from tests.probes.misbehaving import GARBAGE, hangs_up, says
from tests.real_servers.authority import Authority
from tests.real_servers.telegram import Handler, serving
from tests.simulated import scenario
from tests.workarounds.lines import CATALOG, HERE, Played, played, simulated

LAST = {Probe.TCP: Step.TCP, Probe.TLS: Step.TLS, Probe.HTTPS: Step.HTTP}
GOOD = """
as_of = 2026-11-26
[[exit]]
id = "somewhere"
group = "vpn"
name = { es = "Algo", en = "Something" }
endpoints = [{ host = "vpn.example", source = "tests", checked = false }]
"""


# --- the data ----------------------------------------------------------------------------------------


def test_the_shipped_ways_out_are_read_and_cover_every_group() -> None:
    exits = known_exits()
    assert {each.group for each in exits} == set(Group)
    assert len({each.id for each in exits}) == len(exits) >= 12
    assert all(each.name["es"] and each.name["en"] for each in exits)
    assert all(dt.date.fromisoformat(each.as_of) <= dt.datetime.now(dt.UTC).date() for each in exits)
    assert all(e.source for each in exits for e in each.endpoints)
    for each in exits:
        way = parse_way(f"exit:{each.id}")
        assert way is not None
        assert exit_of(way.exit, exits) is each
    assert exit_of("nowhere", exits) is None


def test_an_address_is_only_connected_to_and_everything_else_has_a_certificate() -> None:
    endpoints = [e for each in known_exits() for e in each.endpoints]
    assert all((e.probe is Probe.TCP) == is_address(e.host) for e in endpoints)


@pytest.mark.parametrize("private", ["cert=", "fingerprint", "obfs4 ", "Bridge ", "password", "iat-mode", "://", "@"])
def test_nothing_that_only_a_bridge_line_or_a_login_has_is_in_the_data(private: str) -> None:
    values = [line for line in resources.text(FILE).splitlines() if not line.startswith("#")]
    assert not [line for line in values if private in line.partition(" # ")[0].replace(" @ ", "")]


@pytest.mark.parametrize(
    "old, new, found, allowed",
    [
        ('"somewhere"', '"Some where"', "Some where", "small letters"),
        ('"vpn.example"', '"127.0.0.1", probe = "tcp"', "127.0.0.1", "a public address"),
        ('"vpn.example"', '"8.8.8.8"', "https", "tcp for an address"),
        ('"vpn.example"', '"vpn.example", probe = "mtproto"', "mtproto", "tcp, tls, https"),
        ('"vpn.example"', '"not a name"', "not a name", "a host name"),
        ('"vpn.example"', '"vpn.example", port = 0', "0", "1 to 65535"),
        ('"vpn.example"', '"vpn.example", path = "x"', "x", "/"),
        ('source = "tests"', 'source = " "', " ", "where this is known from"),
        ('en = "Something"', 'en = ""', "es, en", "a name in each"),
        ('[{ host = "vpn.example", source = "tests", checked = false }]', "[]", "[]", "at least one endpoint"),
        ('group = "vpn"', 'group = "magic"', "magic", "tor"),
        ("checked = false", "checked = false, secret = 1", "secret", "host"),
    ],
)
def test_a_mistake_in_the_data_is_named_with_its_line(old: str, new: str, found: str, allowed: str) -> None:
    assert [each.id for each in read_exits(GOOD, "exits.toml")] == ["somewhere"]
    assert old in GOOD
    with pytest.raises(InputError) as error:
        read_exits(GOOD.replace(old, new), "exits.toml")
    facts = error.value.values
    assert (facts["file"], str(facts["found"])) == ("exits.toml", found)
    assert allowed in str(facts["allowed"])
    assert int(str(facts["line"])) >= 3


def test_an_id_that_is_used_twice_is_refused() -> None:
    twice = GOOD + GOOD.partition("2026-11-26\n")[2]
    with pytest.raises(InputError):
        read_exits(twice, "exits.toml")


# --- reaching for them -------------------------------------------------------------------------------


async def reached(what: Scenario, exits: tuple[WayOut, ...]) -> tuple[list[Observation], float]:
    """Return what was seen on the way to ways out, and the seconds that it took."""
    async with open_simulation(what, CATALOG, seed=1) as network:
        context = Context(network, Trace(), CATALOG.resolvers, CATALOG.controls)
        context.begin_trusting()
        async with context.settled():
            began = asyncio.get_running_loop().time()
            await measure_exits(context, exits, network.trust)
            seconds = asyncio.get_running_loop().time() - began
        return context.trace.observations, seconds


def passes(observations: list[Observation], way_out: WayOut) -> tuple[int, int]:
    """Return of how many tries of a way out how many came to their last step, and how many tries there were."""
    own = [o for o in observations if o.detail["way"] == f"exit:{way_out.id}"]
    tried = {o.detail["attempt"] for o in own if o.failure != "interrupted"}
    passed = {o.detail["attempt"] for o in own if o.failure is None and o.step is LAST[Probe(o.detail["probe"])]}
    return len(passed), len(tried)


def test_on_an_open_line_every_way_out_is_reached_twice_at_each_of_its_places(run_async: RunAsync) -> None:
    observations, seconds = run_async(reached(load_scenarios()["open"], known_exits()))
    for way_out in known_exits():
        assert passes(observations, way_out) == (2 * len(way_out.endpoints), 2 * len(way_out.endpoints)), way_out.id
    assert {o.route for o in observations} == {WAYS}
    assert seconds <= 8.0


def test_only_what_was_asked_for_is_reached_for(run_async: RunAsync) -> None:
    wanted = tuple(each for each in known_exits() if each.group is Group.STORE)
    observations, _ = run_async(reached(load_scenarios()["open"], wanted))
    assert {o.detail["way"] for o in observations} == {f"exit:{each.id}" for each in wanted}
    assert {o.host for o in observations} == {e.host for each in wanted for e in each.endpoints}


def test_what_is_in_the_way_stops_each_where_it_stands(run_async: RunAsync) -> None:
    rules = """
        [[censor]]
        hosts = ["www.torproject.org"]
        tls = "reset"

        [[censor]]
        hosts = ["psiphon.ca"]
        dns = "bogon"
        answer = "127.0.0.1"

        [[censor]]
        addresses = ["193.23.244.244/32"]
        tcp = "silence"
    """
    observations, _ = run_async(reached(scenario(rules), known_exits()))
    by_id = {each.id: each for each in known_exits()}
    assert passes(observations, by_id["tor-network"]) == (12, 14)
    assert passes(observations, by_id["tor-download"]) == (4, 6)
    assert passes(observations, by_id["psiphon-download"]) == (2, 4)
    assert passes(observations, by_id["gmail"]) == (2, 2)
    lied = [o for o in observations if o.host == "psiphon.ca"]
    assert {(o.step, o.failure) for o in lied} == {(Step.DNS, "dns_bogon_error")}, "nothing at a false address is talked to"
    cut = [o for o in observations if o.host == "www.torproject.org" and o.step is Step.TLS]
    assert {o.failure for o in cut} == {"connection_reset"}


def test_a_certificate_of_somebody_else_is_no_way_out(run_async: RunAsync) -> None:
    rules = """
        [[censor]]
        hosts = ["mullvad.net"]
        tls = "intercept"
        issuer = "Middlebox"
    """
    observations, _ = run_async(reached(scenario(rules), known_exits()))
    found = next(each for each in known_exits() if each.id == "mullvad-download")
    assert passes(observations, found) == (0, 2)
    assert not [o for o in observations if o.host == "mullvad.net" and o.step is Step.HTTP]


def test_where_everything_is_swallowed_it_ends_in_time(run_async: RunAsync) -> None:
    observations, seconds = run_async(reached(load_scenarios()["offline"], known_exits()))
    assert not [o for o in observations if o.failure is None]
    assert seconds <= 8.0


def test_it_ends_at_once_when_it_is_cancelled_and_leaves_nothing(run_async: RunAsync) -> None:
    async def go(name: str) -> float:
        async with simulated(name, measured=False) as (context, network):
            work = asyncio.create_task(measure_exits(context, known_exits(), network.trust))
            await asyncio.sleep(0.15)
            assert not work.done()
            began = asyncio.get_running_loop().time()
            work.cancel()
            await asyncio.wait([work])
            context.end()
            return asyncio.get_running_loop().time() - began

    for name in ("open", "offline"):
        assert run_async(go(name)) < 0.25


# --- hostile places ----------------------------------------------------------------------------------


async def endless_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin a page that has no end."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"a" * 10_000)
        await writer.drain()


async def endless_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin a head that has no end."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Pad: " + b"a" * 1000 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    "handler, failure",
    [
        (endless_page, None),  # its first 64 KiB are a page
        (endless_head, "http_request_failed"),
        (says(GARBAGE), "http_request_failed"),
        (hangs_up, "eof_error"),
    ],
)
def test_whatever_a_site_sends_ends_its_own_try(handler: Handler, failure: str | None, tmp_path: Path, run_async: RunAsync) -> None:
    authority = Authority(tmp_path)
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(*authority.issue("site", ["vpn.example"]))
    way_out = read_exits(GOOD, "exits.toml")[0]

    async def go() -> list[Observation]:
        async with serving(handler, (HERE, 0), secure) as port:
            trust = Trust(bundle=str(authority.bundle))
            network = Played(trust, {("104.16.9.9", 443): port}, {"vpn.example": "104.16.9.9"})
            async with played(network, []) as context:
                await measure_exits(context, [way_out], trust)
                return context.trace.observations

    pages = [o for o in run_async(go()) if o.step is Step.HTTP]
    assert [o.failure for o in pages] == [failure] * 2
    assert all(o.detail.get("body_bytes", 0) <= MAX_BODY for o in pages)
