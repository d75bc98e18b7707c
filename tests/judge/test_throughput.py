"""Slowed, frozen or cut by the amount of what came: who did it, the server or somebody on the way?"""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.model import Step
from tests.judge.story import CONTROL_ADDRESS, TRUE, TRUE_ELSEWHERE, Story, service

FAST, SLOW = 500_000.0, 16_000.0
SIZE = 65_536


def story() -> Story:
    return Story(service("x.com")).healthy().system("x.com", TRUE).doh("x.com", TRUE)


def transfer(told: Story, number: int, purpose: str, rate: float, *, size: int = SIZE, failure: str | None = None, **more: Any) -> None:
    own = purpose != "control"
    seconds = more.pop("seconds", size / rate)
    detail = {"port": 443, "url": "https://x.com/", "hop": 0, "purpose": purpose, "status": 200, "complete": failure is None}
    detail |= {"body_bytes": size, "body_seconds": seconds, "received": size + 4000, "round": number, "round_trip": 0.08} | more
    host = "x.com" if own else "es.wikipedia.org"
    address = more.get("address", TRUE) if own else CONTROL_ADDRESS
    told.add(Step.THROUGHPUT, target="x" if own else None, host=host, address=address, failure=failure, detail=detail)


def rounds(told: Story, target: float, control: float = FAST, other: float | None = None, count: int = 2) -> Story:
    for number in range(count):
        transfer(told, number, "target", target)
        transfer(told, number, "control", control)
        if other is not None:
            transfer(told, number, "other_name", other)
    return told


def test_a_page_that_is_quick_under_another_name_is_slowed_for_its_name() -> None:
    assert rounds(story().serves("x.com"), SLOW, other=FAST).said() == ("slow", "throttled", "certain")


def test_a_server_that_is_slow_under_every_name_accuses_nobody() -> None:
    assert rounds(story().serves("x.com"), SLOW, other=SLOW).said() == ("slow", None, "likely")


def test_slowness_alone_accuses_nobody() -> None:
    assert rounds(story().serves("x.com"), SLOW).said() == ("slow", None, "likely")


def test_a_service_that_is_slow_in_two_networks_only_seems_to_be_slowed() -> None:
    told = rounds(story().serves("x.com"), SLOW)
    transfer(told, 5, "target", SLOW, address=TRUE_ELSEWHERE)
    assert told.said() == ("slow", "throttled", "likely")


@pytest.mark.parametrize("control", [SLOW, SLOW * 4])
def test_on_a_slow_line_nothing_is_slowed(control: float) -> None:
    assert rounds(story().serves("x.com"), SLOW, control=control).said()[0] == "works"


def test_one_slow_round_of_two_is_chance() -> None:
    told = rounds(story().serves("x.com"), SLOW, other=FAST, count=1)
    transfer(told, 1, "target", FAST)
    transfer(told, 1, "control", FAST)
    assert told.said()[0] == "works"


def test_a_server_far_away_is_not_slow_for_its_distance() -> None:
    told = story().serves("x.com")
    for number in range(2):
        transfer(told, number, "target", 1.0, seconds=1.9, round_trip=0.3)
        transfer(told, number, "control", 10e6)
    assert told.said()[0] == "works"


def frozen(told: Story, received: int = 16_000, *, other: bool = False) -> Story:
    told.tls("x.com", TRUE).page("x.com", TRUE, failure="generic_timeout_error")
    for number in range(2):
        transfer(told, number, "target", FAST, size=0, failure="generic_timeout_error", received=received)
        transfer(told, number, "control", FAST)
        if other:
            transfer(told, number, "other_name", FAST)
    return told


def test_transfers_that_always_stop_after_some_kilobytes_are_frozen() -> None:
    assert frozen(story()).said() == ("likely_blocked", "throttled", "likely")
    assert frozen(story(), other=True).said() == ("blocked", "throttled", "certain")


@pytest.mark.parametrize("received", [0, 4_000, 40_000])
def test_a_stop_elsewhere_is_another_matter(received: int) -> None:
    assert frozen(story(), received, other=True).said()[0] == "unknown"


# --- one page of a service is measured in quiet; the others share what it shows ------------------------


def sibling(**page: Any) -> Story:
    """Return a story of a service whose page was fetched in the run alone; what was measured in quiet is x.com's."""
    told = Story(service("api.x.com")).healthy().system("api.x.com", TRUE).doh("api.x.com", TRUE).tls("api.x.com", TRUE)
    return told.page("api.x.com", TRUE, **page)


def whole(rate: float) -> Story:
    return sibling(body_bytes=SIZE, body_seconds=SIZE / rate)


def test_a_page_as_slow_as_the_measured_one_of_its_service_is_slowed_too() -> None:
    assert rounds(whole(SLOW * 1.5), SLOW, other=FAST).said() == ("slow", "throttled", "likely")


def test_a_quick_page_of_a_slowed_service_is_not_said_to_be_slow() -> None:
    assert rounds(whole(FAST), SLOW, other=FAST).said()[0] == "works"


def test_a_service_that_is_merely_slow_itself_lends_no_accusation_to_its_other_pages() -> None:
    assert rounds(whole(SLOW), SLOW, other=SLOW).said()[0] == "works"


def test_pages_that_froze_in_the_run_share_the_finding_of_the_one_that_froze_in_quiet() -> None:
    stopped = sibling(failure="generic_timeout_error", received=16_000)
    assert frozen(stopped, other=True).said() == ("blocked", "throttled", "certain")
    elsewhere = sibling(failure="generic_timeout_error", received=4_000)
    assert frozen(elsewhere, other=True).said()[0] == "unknown"


def cut(told: Story, times: int, passes: int, *, body: int = 9_000, passed_body: int = SIZE, failure: str = "connection_reset") -> Story:
    for number in range(times):
        purpose = "repeat" if number else "target"
        told.tls("x.com", TRUE, purpose=purpose).page("x.com", TRUE, failure=failure, purpose=purpose, body_bytes=body)
    for _ in range(passes):
        told.page("x.com", TRUE, purpose="other_name", body_bytes=passed_body)
    return told


def test_a_page_that_is_cut_for_its_name_and_whole_under_another_is_blocked_by_name() -> None:
    assert cut(story(), 3, 2).said() == ("blocked", "name_blocked", "certain")
    assert cut(story(), 2, 1).said() == ("likely_blocked", "name_blocked", "likely")


def test_a_server_that_cuts_its_answers_itself_accuses_nobody() -> None:
    assert cut(story(), 3, 0).said()[0] == "unknown"
    assert cut(story(), 3, 2, passed_body=500).said()[0] == "unknown", "another name got a short page: nothing to compare"
    assert cut(story(), 1, 2).said()[0] == "unknown", "once is chance"
