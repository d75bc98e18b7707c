"""What is remembered of a line without a VPN: learnt from agreeing pages, forgotten in time, and never an address."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.model import OUTSIDE, Observation, Step
from diagnostics.vpn.protection.line import MOST_LINES, MOST_NETWORKS, LineMemory, LineSeen, learnt, read_memory, remembered

TODAY = dt.date(2026, 11, 27)
HOME = LineSeen(networks=(8048,), operator="CANTV", country="VE", resolvers=(8048,), seen="2026-11-20")


def step(stage: str, number: int, **detail: Any) -> Observation:
    route = detail.pop("route", "direct")
    return Observation(id=f"o{number}", step=Step.VPN, route=route, detail={"stage": stage, **detail})


def exits(*networks: int, route: str = "direct", pages: int = 2) -> list[Observation]:
    place = {"networks": list(networks), "operator": "CANTV Servicios", "country": "VE", "mark": "abcdef01", "near": "01abcdef"}
    return [step("exit", number, family=4, route=route, **place) for number in range(pages)]


def asked(*networks: int) -> Observation:
    return step("dns_seen", 9, seen=[{"mark": "a", "near": "b", "networks": [each]} for each in networks])


def test_a_line_that_two_pages_agree_on_is_remembered_with_its_resolvers() -> None:
    (line,) = learnt(LineMemory(), [*exits(8048), asked(27717, 8048)], TODAY).lines
    assert (line.networks, line.operator, line.country, line.resolvers, line.seen) == (
        (8048,),
        "CANTV Servicios",
        "VE",
        (8048, 27717),
        "2026-11-27",
    )
    assert "abcdef01" not in repr(line), "no mark, from which an address could be tried"


@pytest.mark.parametrize(
    "observations", [[], exits(8048, pages=1), [*exits(8048, pages=1), *exits(9009, pages=1)], exits(), exits(8048, route=OUTSIDE)]
)
def test_a_line_that_is_not_sure_is_not_remembered(observations: list[Observation]) -> None:
    assert learnt(LineMemory(lines=(HOME,)), observations, TODAY).lines == (HOME,)


def test_the_same_line_is_renewed_and_keeps_the_resolvers_it_was_seen_with() -> None:
    (line,) = learnt(LineMemory(lines=(HOME,)), [*exits(8048), asked(27717)], TODAY).lines
    assert (line.resolvers, line.seen) == ((8048, 27717), "2026-11-27")


def test_the_latest_line_comes_first_and_the_oldest_is_forgotten() -> None:
    many = tuple(msgspec.structs.replace(HOME, networks=(number,)) for number in range(1, MOST_LINES + 1))
    found = learnt(LineMemory(lines=many), exits(8048), TODAY).lines
    assert [line.networks for line in found] == [(8048,), (1,), (2,), (3,), (4,)]


def test_a_resolver_of_many_networks_does_not_fill_the_memory() -> None:
    (line,) = learnt(LineMemory(), [*exits(8048), asked(*range(1, 100))], TODAY).lines
    assert len(line.resolvers) == MOST_NETWORKS


@pytest.mark.parametrize(
    "seen, kept",
    [
        ("2026-11-27", True),
        ("2026-10-28", True),
        ("2026-10-27", False),
        ("2026-11-28", True),
        ("2026-11-29", False),
        ("", False),
        ("x", False),
    ],
)
def test_a_line_is_forgotten_after_thirty_days_and_one_from_the_future_is_not_believed(seen: str, kept: bool) -> None:
    lines = (msgspec.structs.replace(HOME, seen=seen),)
    assert bool(remembered(LineMemory(lines=lines), TODAY).lines) is kept


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe{",
        b'{"lines": 5}',
        b'{"lines": [{"networks": ["8048"]}]}',
        b'{"lines": [{"networks": [99999999999999999999999]}]}',
        b'{"later": ' + b"[" * 60000,
        b'{"lines": [], "later": ' + b"[" * 20000 + b"]" * 20000 + b"}",
    ],
)
def test_a_damaged_memory_is_an_empty_one(data: bytes) -> None:
    assert read_memory(data) == LineMemory()


def test_a_memory_of_an_older_or_newer_program_is_read_as_far_as_it_goes() -> None:
    assert read_memory(b'{"lines": [{"networks": [8048]}], "version": 7}').lines == (LineSeen(networks=(8048,)),)
    assert read_memory(b"{}") == LineMemory()


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: msgspec.json.encode({"lines": [{"seen": text}]})))
def test_no_file_does_harm(data: bytes) -> None:
    remembered(read_memory(data), TODAY)
