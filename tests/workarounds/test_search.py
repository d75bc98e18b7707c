"""The search for ways round as a part of a run: the real engine against simulated filters of every kind."""

from __future__ import annotations

import asyncio
import functools
import itertools

import pytest

from diagnostics.catalog import load_catalog
from diagnostics.events import Event, StepDone, WaysJudged, WaysSought
from diagnostics.judge import judge
from diagnostics.judge.filters import FilterKind, filter_kind
from diagnostics.model import WAYS, Observation, Report, Status, Step, Workaround
from diagnostics.plan import make_plan
from diagnostics.runner import Run
from diagnostics.sim.scenario import Scenario, load_scenarios
from diagnostics.sim.simulation import open_simulation
from tests.conftest import RunAsync
from tests.simulated import scenario

SCENARIOS = load_scenarios()
WITH_WAYS = [name for name, what in SCENARIOS.items() if what.expected_ways]
KINDS = {
    "sni-packets": FilterKind.PER_PACKET,
    "sni-first-record": FilterKind.FIRST_RECORD,
    "sni-segments": FilterKind.REASSEMBLES_SEGMENTS,
    "sni-reset": FilterKind.REASSEMBLES_RECORDS,
    "ve-2024-08": FilterKind.NAMES_ONLY,
    "ip-blackhole": FilterKind.ADDRESS,
}


async def sought(what: Scenario, *targets: str, exits: bool = False, events: list[Event] | None = None) -> Report:
    """Return the report of a run that also looks for ways round."""
    catalog = load_catalog()
    async with open_simulation(what, catalog, seed=1) as network:
        tell = events.append if events is not None else (lambda _event: None)
        return await Run(make_plan(targets, [], catalog, ways=True, exits=exits), network, tell).complete()


@functools.cache
def shipped_ways(name: str) -> Report:
    """Return the report on X of one run of a scenario that ships: several tests read the same one."""
    return asyncio.run(sought(SCENARIOS[name], "x"))


def by_id(report: Report, target: str = "x") -> dict[str, Workaround]:
    return {way.id: way for way in report.workarounds if way.target == target}


@pytest.mark.parametrize("name", WITH_WAYS)
def test_the_right_ways_pass_and_the_right_ones_fail(name: str) -> None:
    found = by_id(shipped_ways(name))
    for row in SCENARIOS[name].expected_ways:
        assert {way: found[way].status.value for way in row.works} == dict.fromkeys(row.works, "works")
        assert {way: found[way].status.value for way in row.fails} == dict.fromkeys(row.fails, "blocked")


@pytest.mark.parametrize("name", KINDS)
def test_what_passes_tells_the_kind_of_the_filter(name: str) -> None:
    assert filter_kind([*by_id(shipped_ways(name)).values()]) is KINDS[name]


@pytest.mark.parametrize("name", WITH_WAYS)
def test_the_first_tip_is_one_that_was_just_proved_wherever_there_is_one(name: str) -> None:
    report = shipped_ways(name)
    works = {f"workaround:{way.id}" for way in report.workarounds if way.status is Status.WORKS}
    named = {reason for reason in report.tips[0].because if reason.startswith("workaround:")}
    assert named <= works
    assert bool(named) == bool(works)


def test_no_tip_rests_on_a_resolver_that_is_swallowed() -> None:
    named = {reason for tip in shipped_ways("ve-2025-01").tips for reason in tip.because if reason.startswith("workaround:")}
    assert {reason.rpartition(":")[2] for reason in named} <= {"wikimedia", "cira", "digitale-gesellschaft"}


def test_the_same_ways_are_found_in_the_saved_observations() -> None:
    report = shipped_ways("sni-packets")
    assert judge(report.observations).workarounds == report.workarounds


def test_looking_for_ways_changes_no_verdict() -> None:
    report = shipped_ways("sni-first-record")
    without = judge([o for o in report.observations if o.route != WAYS])
    assert without.verdicts == report.verdicts
    assert without.network == report.network


def test_where_the_name_is_lied_about_and_cut_both_are_needed(run_async: RunAsync) -> None:
    what = scenario('[[censor]]\nservice = "x"\ndns = "bogon"\n[[censor]]\nservice = "x"\ntls = "reset"\nsees = "record"\n')
    found = by_id(run_async(sought(what, "x")))
    both = [way for way in found.values() if way.id.endswith("|rec:snimid")]
    assert [way.status for way in both] == [Status.WORKS]
    assert {way.status for way in found.values() if "|" not in way.id} <= {Status.BLOCKED, Status.UNKNOWN, Status.NOT_TESTED}


def test_a_filter_that_punishes_the_address_makes_no_way_look_shut(run_async: RunAsync) -> None:
    found = by_id(run_async(sought(SCENARIOS["residual-blocking"], "x")))
    assert {way.status for way in found.values() if way.id != "h3"} <= {Status.NOT_TESTED, Status.UNKNOWN}


@pytest.mark.parametrize("name", ["open", "server-down", "expired-certificate", "captive-portal", "offline", "wrong-clock", "antivirus"])
def test_nothing_is_tried_where_nothing_is_blocked_or_a_fault_of_the_line_explains_it(name: str, run_async: RunAsync) -> None:
    report = run_async(sought(SCENARIOS[name], "x", "whatsapp"))
    assert [o for o in report.observations if o.route == WAYS] == []
    assert report.workarounds == ()


def test_a_run_tells_what_it_looks_for_and_what_it_found(run_async: RunAsync) -> None:
    events: list[Event] = []
    report = run_async(sought(SCENARIOS["sni-packets"], "x", "whatsapp", events=events))
    assert [event.target for event in events if isinstance(event, WaysSought)] == ["x"]
    told = [event for event in events if isinstance(event, WaysJudged)]
    assert told[-1].workarounds == tuple(way for way in report.workarounds if way.target == "x")


def at_once(tries: list[Observation]) -> int:
    """Return how many tries were under way at the same time, each from its first to its last step."""
    spans: dict[tuple[str, object, object], tuple[float, float]] = {}
    for o in tries:
        key = str(o.detail["way"]), o.detail["attempt"], o.detail["goal"]
        begin, end = spans.get(key, (o.t, o.t))
        spans[key] = min(begin, o.t), max(end, o.t + o.seconds)
    edges = sorted(itertools.chain.from_iterable(((begin, 1), (end - 0.002, -1)) for begin, end in spans.values()))
    return max(itertools.accumulate(change for _, change in edges), default=0)


def test_no_address_gets_more_than_two_tries_at_a_time() -> None:
    tries = [
        o for o in shipped_ways("sni-first-record").observations if o.route == WAYS and o.detail.get("goal") and o.step is not Step.SYSTEM
    ]
    places = {str(o.detail["at"]) for o in tries}
    assert places
    assert {place: at_once([o for o in tries if o.detail["at"] == place]) <= 2 for place in places} == dict.fromkeys(places, True)


@pytest.mark.parametrize("enough", [1, 20, 50])
@pytest.mark.parametrize("name", ["sni-silence", "ve-2025-01"])
def test_a_cancelled_search_ends_and_calls_what_it_did_not_finish_neither_open_nor_shut(
    name: str, enough: int, run_async: RunAsync
) -> None:
    async def go() -> Report:
        catalog, seen = load_catalog(), 0
        async with open_simulation(SCENARIOS[name], catalog, seed=1) as network:

            def count(event: Event) -> None:
                nonlocal seen
                seen += isinstance(event, StepDone) and event.observation.route == WAYS
                if seen == enough:
                    asyncio.get_running_loop().call_soon(run.cancel)

            run = Run(make_plan(["x"], [], catalog, ways=True), network, count)
            return await run.complete()

    report = run_async(go())
    assert report.run.cancelled
    for way in report.workarounds:
        assert way.status in (Status.NOT_TESTED, Status.UNKNOWN) or way.tries >= 2, way


def test_a_page_that_freezes_is_searched_for_once_that_is_known(run_async: RunAsync) -> None:
    report = run_async(sought(SCENARIOS["freeze-16k"], "x", "whatsapp"))
    found = by_id(report)
    assert report.of_target("x") is not None
    assert {"rec:snimid", "h3"} <= set(found)
    passed = {way.id for way in found.values() if way.status is Status.WORKS}
    assert {way for way in passed if not way.startswith("name:")} == set(), "whatever says the name freezes as well"


def test_another_name_is_only_one_that_the_service_s_data_calls_so(run_async: RunAsync) -> None:
    report = run_async(sought(SCENARIOS["whatsapp-media-only-blocked"], "whatsapp"))
    assert not [way.id for way in report.workarounds if way.id.startswith("name:")]
    what = scenario('[[censor]]\nhosts = ["x.com"]\ntls = "reset"\n')
    names = {way.id for way in run_async(sought(what, "x")).workarounds if way.id.startswith("name:")}
    assert names <= {"name:twitter.com", "name:mobile.twitter.com"}
    assert names


def test_more_than_a_run_searches_for_is_said_to_be_left_out(run_async: RunAsync) -> None:
    services = ["x", "whatsapp", "telegram", "signal", "instagram", "facebook", "youtube", "tiktok"]
    what = scenario("".join(f'[[censor]]\nservice = "{service}"\ntls = "reset"\n' for service in services))
    report = run_async(sought(what, *services))
    left_out = {o.target for o in report.observations if o.detail.get("kind") == "ways_left_out"}
    searched = {way.target for way in report.workarounds}
    assert len(searched) <= 6
    assert left_out.isdisjoint(searched)
    assert len(left_out | searched) >= 7


def test_ways_out_are_reached_for_only_when_asked(run_async: RunAsync) -> None:
    quiet = shipped_ways("sni-packets")
    assert not any(way.id.startswith("exit:") for way in quiet.workarounds)
    asked = run_async(sought(SCENARIOS["open"], "x", exits=True))
    assert any(way.id.startswith("exit:") for way in asked.workarounds)
    assert all(way.target is None for way in asked.workarounds)
