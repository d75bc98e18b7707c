"""The flights against filters of every kind: the right ones pass, and none is called failed where the address was spoiled."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from pathlib import Path

import pytest

from diagnostics.model import WAYS, Status, Step
from diagnostics.workarounds.flights import MOST_SECONDS, Flights, Given
from diagnostics.workarounds.identity import LAYOUTS, UNTESTED
from tests.conftest import RunAsync
from tests.real_servers.box import Looks
from tests.routes.loopback import HERE, answering, page
from tests.workarounds.boxes import CONNECTIONS, NAME, Box, Site, Usual, frozen_after, garbage

many_addresses = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 on loopback")


def has_ipv6() -> bool:
    """Tell whether IPv6 is there on loopback."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return True
    return False


TWO = (HERE, "127.0.0.2")
CUT_IN_NAME = {"rec:sni", "rec:snimid", "recseg:snimid", "rec:1,snimid"}


@pytest.mark.parametrize(
    "looks, passing",
    [
        (Looks.NOTHING, {*LAYOUTS, "browser"}),
        (Looks.PACKET, {"rec:sni", "rec:snimid", "seg:snimid", "recseg:snimid", "rec:1,snimid", "chunk:16"}),
        (Looks.RECORD, {*CUT_IN_NAME, "rec:1", "recseg:32"}),
        (Looks.STREAM, CUT_IN_NAME),
        (Looks.MESSAGE, set()),
    ],
)
def test_what_passes_a_box_tells_how_it_looks(looks: Looks, passing: set[str], tmp_path: Path, run_async: RunAsync) -> None:
    site = Site(tmp_path, Box(looks))
    found = run_async(site.search())
    assert found.ways(Status.WORKS) == passing
    assert found.ways(Status.BLOCKED) == {*LAYOUTS, "browser", "h3"} - passing
    assert max(site.box.most.values()) <= CONNECTIONS
    assert {o.route for o in found.observations} == {WAYS}


def test_every_try_is_made_twice_and_names_itself_in_each_of_its_steps(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, Box(Looks.STREAM)).search(lookup="doh:quad9"))
    assert (found.of("doh:quad9|rec:snimid").passed, found.of("doh:quad9|seg:1").failed) == (2, 2)
    steps = [o for o in found.observations if o.detail.get("way") == "doh:quad9|rec:snimid"]
    assert [(o.step, o.detail["attempt"]) for o in sorted(steps, key=lambda o: o.detail["attempt"])] == [
        (step, attempt) for attempt in (1, 2) for step in (Step.TCP, Step.TLS, Step.HTTP)
    ]


def test_a_box_that_swallows_the_name_is_done_with_in_time(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, Box(Looks.STREAM, silent=True), TWO if sys.platform == "linux" else (HERE,), seconds=0.8).search())
    assert found.seconds < MOST_SECONDS + 1
    assert found.ways(Status.WORKS) == CUT_IN_NAME
    assert not found.ways(Status.WORKS) & {o.way for o in found.outcomes if o.failed}


def test_where_everything_is_swallowed_nothing_is_called_failed(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, Box(Looks.EVERYTHING, silent=True), seconds=0.8).search())
    assert found.seconds < MOST_SECONDS + 1
    assert found.ways(Status.BLOCKED) <= {"h3"}
    assert found.ways(Status.NOT_TESTED)


@many_addresses
@pytest.mark.parametrize("silent", [False, True])
def test_a_filter_that_punishes_the_address_makes_no_way_look_useless(silent: bool, tmp_path: Path, run_async: RunAsync) -> None:
    box = Box(Looks.STREAM, silent=silent, residue=60.0)
    found = run_async(Site(tmp_path, box, TWO, seconds=0.8).search())
    assert found.ways(Status.BLOCKED) <= {"h3"}
    assert [o for o in found.outcomes if o.failed and o.way != "h3"] == []
    assert found.seconds < MOST_SECONDS + 1


@many_addresses
def test_after_a_short_punishment_the_right_ways_pass_all_the_same(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, Box(Looks.STREAM, residue=0.4), tuple(f"127.0.0.{n}" for n in range(1, 6))).search())
    assert found.of("rec:snimid").passed >= 1
    assert found.ways(Status.BLOCKED) | found.ways(Status.PARTIAL) <= {"h3"}


@pytest.mark.parametrize("every", [2, 3])
def test_a_filter_that_lets_some_through_gives_a_rate(every: int, tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, Box(Looks.MESSAGE, every=every)).search())
    counts = {o.way: (o.passed, o.passed + o.failed) for o in found.outcomes if o.way != "h3"}
    assert set(counts.values()) <= {(0, 2), (2, 2), (1, 3), (2, 3)}
    assert any(passed for passed, _ in counts.values())
    assert found.ways(Status.PARTIAL) == {way for way, (passed, tries) in counts.items() if 0 < passed < tries}


def test_a_stranger_with_another_certificate_is_no_way(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, stranger=True).search())
    assert found.ways(Status.BLOCKED) == {*LAYOUTS, "browser", "h3"}
    shaken = [o for o in found.observations if o.step is Step.TLS]
    assert {o.failure for o in shaken} == {"ssl_unknown_authority"}, "and the harmless name is not even asked for"


def test_a_page_that_is_frozen_after_its_beginning_is_no_page(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, serve=frozen_after(16_000), seconds=0.6).search())
    assert found.ways(Status.WORKS) == set()
    assert found.ways(Status.BLOCKED) >= {"rec:snimid", "seg:snimid"}
    assert {o.detail["body_bytes"] for o in found.observations if o.step is Step.HTTP} == {16_000}


@pytest.mark.parametrize("status", ["451 Unavailable For Legal Reasons", "503 Service Unavailable"])
def test_a_refusal_of_the_server_is_no_page(status: str, tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, serve=answering(b"no", status)).search())
    assert found.ways(Status.BLOCKED) == {*LAYOUTS, "browser", "h3"}


def test_a_server_that_sends_garbage_opens_nothing(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, serve=garbage, plain=True, seconds=1.0).search())
    assert found.ways(Status.WORKS) == set()
    assert found.ways(Status.BLOCKED) <= {"h3"}, "the harmless name fares no better"


def test_without_a_harmless_name_no_cut_is_counted(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, Box(Looks.STREAM), neutral=False).search())
    assert found.ways(Status.BLOCKED) <= {"h3"}
    assert found.of("rec:snimid").passed == 2


def test_where_nobody_listens_nothing_was_tried(tmp_path: Path, run_async: RunAsync) -> None:
    async def go() -> dict[str, tuple[int, int]]:
        site = Site(tmp_path)
        async with site.up() as port:
            pass
        context = site.context()
        context.network = Usual(site.authority.bundle)
        context.network.standing_in = port
        return {o.way: (o.passed, o.failed) for o in await Flights(context, site.aim(), Given((HERE,))).run() if o.way != "h3"}

    assert set(run_async(go()).values()) == {(0, 0)}


@many_addresses
def test_other_addresses_and_names_and_ports_are_tried_as_they_are(tmp_path: Path, run_async: RunAsync) -> None:
    site = Site(tmp_path, Box(Looks.MESSAGE), TWO)
    found = run_async(site.search(failed=(HERE,), names=("other.example",), ports=(9,)))
    assert {"address", "port:9"} <= found.ways(Status.BLOCKED)
    assert found.ways(Status.WORKS) == {"name:other.example"}
    at = {o.address for o in found.observations if o.detail.get("way") == "address" and o.detail.get("purpose") != UNTESTED}
    assert at == {"127.0.0.2"}


@many_addresses
def test_an_address_that_a_filter_forgot_is_a_way(tmp_path: Path, run_async: RunAsync) -> None:
    assert "address" in run_async(Site(tmp_path, addresses=TWO).search(failed=(HERE,))).ways(Status.WORKS)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on loopback")
def test_where_the_filter_knows_only_the_old_protocol_the_new_one_is_the_way(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, Box(Looks.MESSAGE, at=HERE), (HERE, "::1")).search(failed=(HERE,)))
    assert found.ways(Status.WORKS) == {"ipv6"}


def test_for_a_page_in_clear_text_the_encrypted_one_is_the_way(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path).search("http"))
    assert {o.way for o in found.outcomes} == {"https"}
    assert found.ways(Status.WORKS) == {"https"}


def test_a_layout_that_needs_a_name_is_not_tried_without_one(tmp_path: Path, run_async: RunAsync) -> None:
    async def go() -> set[str]:
        site = Site(tmp_path, Box(Looks.EVERYTHING))
        return {o.way for o in await Flights(site.context(), site.aim(host=HERE), Given(())).run()}

    assert run_async(go()) == {"rec:1", "recseg:32", "seg:1", "chunk:16", "h3", "browser"}


def test_cancelling_ends_everything_at_once(tmp_path: Path, run_async: RunAsync) -> None:
    site = Site(tmp_path, Box(Looks.EVERYTHING, silent=True))

    async def go() -> float:
        async with site.up() as port:
            context = site.context()
            context.network = Usual(site.authority.bundle)
            context.network.standing_in = port
            search = asyncio.ensure_future(Flights(context, site.aim(), Given((HERE,))).run())
            await site.box.met.wait()
            began = asyncio.get_running_loop().time()
            search.cancel()
            await asyncio.wait([search])
            assert search.cancelled()
            return asyncio.get_running_loop().time() - began

    assert run_async(go()) < 0.25
    assert {o.failure for o in site.observations if o.step is Step.TLS} <= {"interrupted"}


def test_the_first_success_takes_as_long_as_one_try(tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path, Box(Looks.STREAM), serve=page).search())
    first = min(o.t + o.seconds for o in found.observations if o.step is Step.HTTP and o.failure is None)
    assert first < found.seconds
    assert NAME in {o.host for o in found.observations}
