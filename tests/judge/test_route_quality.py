"""What is wrong with a proxy that works all the same: it changes pages, stops them midway, or is slow; and what only looks so."""

from __future__ import annotations

import hashlib
from typing import Any, Self

import msgspec
import pytest

from diagnostics.judge.evidence import Evidence
from diagnostics.judge.route_quality import with_quality
from diagnostics.model import Certainty, Control, Observation, RouteVerdict, Status, Step

ROUTE = "socks5h-1234"
WORKS = RouteVerdict(id=ROUTE, kind="socks5h", status=Status.WORKS, certainty=Certainty.CERTAIN, rule="route.works")
PORTALS = ("http://detectportal.firefox.com/success.txt", "http://captive.apple.com/hotspot-detect.html")
PAGES = ("https://x.com/", "https://web.whatsapp.com/", "https://signal.org/")
EOF = "eof_error"
EXPECTED = hashlib.sha256(b"success\n").hexdigest()
CONTROLS = [
    Control(id=url.split("/")[2], operator=url, kind="portal", host=url.split("/")[2], port=80, expect_body="success") for url in PORTALS
]


class Both:
    """Pages directly and over one proxy."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        plan = {"kind": "plan", "targets": [], "controls": msgspec.to_builtins(CONTROLS)}
        self.observations.append(Observation(id="plan", step=Step.SYSTEM, detail=plan))

    def page(self, url: str, *, over: bool, seconds: float = 0.2, failure: str | None = None, **detail: Any) -> Self:
        host = url.split("/")[2]
        facts = {"url": url, "status": 200, "complete": failure is None, "head_seconds": seconds / 2, "body_seconds": seconds / 2}
        facts |= {"received": 80_000, "purpose": "control" if url.startswith("http:") else "target", "body_sha256": EXPECTED} | detail
        made = Observation(
            id=f"o{len(self.observations)}",
            step=Step.HTTP,
            host=host,
            route=ROUTE if over else "direct",
            seconds=seconds,
            failure=failure,
            detail=facts,
        )
        self.observations.append(made)
        return self

    def both(self, url: str, **over: Any) -> Self:
        return self.page(url, over=False).page(url, over=True, **over)

    def said(self, verdict: RouteVerdict = WORKS) -> tuple[str, str | None, str]:
        over = [o for o in self.observations if o.route == ROUTE]
        found = with_quality(verdict, over, Evidence(self.observations))
        return found.status.value, found.cause.value if found.cause else None, found.rule


UNTOUCHED = ("works", None, "route.works")


def test_pages_of_two_owners_that_come_changed_are_changed_by_the_proxy() -> None:
    way = Both()
    for url in PORTALS:
        way.both(url, body_sha256="b" * 64)
    assert way.said() == ("works", "proxy_intercepts", "route.changes_pages")


@pytest.mark.parametrize(
    "over",
    [
        {"body_sha256": "b" * 64, "status": 403},  # an error of the proxy's own is no page
        {"body_sha256": "b" * 64, "failure": EOF},  # cut midway: of course it differs
    ],
)
def test_an_error_page_and_a_cut_one_are_no_changed_pages(over: dict[str, Any]) -> None:
    way = Both()
    for url in PORTALS:
        way.both(url, **over)
    assert way.said() == UNTOUCHED


def test_pages_that_the_direct_line_changes_are_not_the_proxys_doing() -> None:
    way = Both()
    for url in PORTALS:
        way.page(url, over=False, body_sha256="c" * 64).page(url, over=True)
    assert way.said() == UNTOUCHED


def test_one_page_that_differs_accuses_nobody() -> None:
    assert Both().both(PORTALS[0], body_sha256="b" * 64).both(PORTALS[1]).said() == UNTOUCHED


def test_secure_pages_that_differ_are_not_the_proxys_doing() -> None:
    way = Both()
    for url in PAGES:
        way.both(url, body_sha256="b" * 64)
    assert way.said() == UNTOUCHED


def test_everything_that_stops_after_a_few_kilobytes_is_held_up() -> None:
    way = Both()
    for url in PAGES:
        way.both(url, failure="generic_timeout_error", received=18_000)
    assert way.said() == ("slow", "throttled", "route.stops_midway")


@pytest.mark.parametrize(
    "received, pages",
    [
        (18_000, 1),  # one page alone
        (2_000, 3),  # cut at the beginning
        (60_000, 3),  # cut late
    ],
)
def test_other_cuts_are_no_freeze(received: int, pages: int) -> None:
    way = Both()
    for url in PAGES[:pages]:
        way.both(url, failure="generic_timeout_error", received=received)
    assert way.said() == UNTOUCHED


def test_a_long_page_that_came_in_whole_speaks_against_a_freeze() -> None:
    way = Both()
    for url in PAGES[:2]:
        way.both(url, failure="generic_timeout_error", received=18_000)
    assert way.both(PAGES[2]).said() == UNTOUCHED


def test_pages_that_take_five_times_as_long_and_long_are_slow() -> None:
    way = Both()
    for url in PAGES:
        way.both(url, seconds=4.0)
    assert way.said() == ("slow", None, "route.far_below_direct")


def test_a_proxy_far_away_on_a_good_line_is_not_slow() -> None:
    way = Both()
    for url in PAGES:
        way.both(url, seconds=1.6)  # eight times as long, and still soon
    assert way.said() == UNTOUCHED


def test_a_line_that_is_slow_by_itself_is_not_the_proxys_doing() -> None:
    way = Both()
    for url in PAGES:
        way.page(url, over=False, seconds=5.0).page(url, over=True, seconds=8.0)
    assert way.said() == UNTOUCHED


def test_one_slow_page_of_three_is_a_chance() -> None:
    assert Both().both(PAGES[0], seconds=9.0).both(PAGES[1]).both(PAGES[2]).said() == UNTOUCHED


def test_a_proxy_that_does_not_work_keeps_its_own_verdict() -> None:
    down = RouteVerdict(id=ROUTE, kind="socks5h", status=Status.DOWN, rule="route.refused")
    way = Both()
    for url in PAGES:
        way.both(url, seconds=4.0)
    assert way.said(down) == ("down", None, "route.refused")
