"""Counting what a tunnel carries: two silent rounds, a tunnel that goes away, counters that begin anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from diagnostics.catalog import load_catalog
from diagnostics.probes.context import Context
from diagnostics.trace import Trace
from diagnostics.vpn.protection.data import Networks
from diagnostics.vpn.protection.places import Places
from diagnostics.vpn.protection.traffic import QUESTIONS, Counters, measure_traffic
from tests.conftest import RunAsync
from tests.vpn.outside.nowhere import Nowhere


def looks(*found: Counters | None) -> Callable[[str], Counters | None]:
    """Return a reader of counters that finds one after the other."""
    rest: Iterator[Counters | None] = iter(found)
    return lambda _interface: next(rest)


def counted(run_async: RunAsync, *found: Counters | None) -> tuple[bool, list[dict[str, Any]]]:
    """Ask where nobody answers, and return whether anything came back, and each round."""

    async def measured() -> tuple[bool, list[dict[str, Any]]]:
        catalog, trace = load_catalog(), Trace()
        context = Context(Nowhere(["192.0.2.1"]), trace, catalog.resolvers, catalog.controls)
        alive = await measure_traffic(context, "wg0", looks(*found))
        return alive, [o.detail for o in trace.observations]

    return run_async(measured())


def test_two_silent_rounds_are_counted_and_nothing_came_back(run_async: RunAsync) -> None:
    alive, rounds = counted(run_async, Counters(10, 7), Counters(16, 7), Counters(16, 7), Counters(22, 7))
    assert not alive
    assert [r["round"] for r in rounds] == [0, 1]
    assert [(r["asked"], r["answered"], r["sent"], r["received"]) for r in rounds] == [(QUESTIONS, 0, 6, 0)] * 2


def test_packets_of_others_that_come_back_are_enough(run_async: RunAsync) -> None:
    alive, rounds = counted(run_async, Counters(10, 7), Counters(16, 8))
    assert alive
    assert len(rounds) == 1


@pytest.mark.parametrize("found", [(None, None), (Counters(1, 1), None), (None, Counters(1, 1))])
def test_a_tunnel_that_is_not_there_is_gone_and_not_dead(run_async: RunAsync, found: tuple[Counters | None, Counters | None]) -> None:
    alive, rounds = counted(run_async, *found, *found)
    assert not alive
    assert [(r["gone"], r["sent"], r["received"]) for r in rounds] == [(True, None, None)] * 2


def test_counters_that_begin_anew_count_for_nothing(run_async: RunAsync) -> None:
    _, rounds = counted(run_async, Counters(10, 7), Counters(3, 0), Counters(3, 0), Counters(9, 0))
    assert [(r["reset"], r["received"]) for r in rounds] == [(True, None), (False, 0)]


# --- marks ----------------------------------------------------------------------------------------


class Nobody:
    """Can be asked, and knows nothing; counts how often it was."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def texts(self, name: str) -> list[str] | None:
        """Return nothing."""
        self.asked.append(name)
        return None


NETWORKS = Networks(origin="o.example", origin6="o6.example", names="n.example", source="a test", checked=False)


def test_marks_of_one_key_can_be_compared_and_those_of_another_run_cannot(run_async: RunAsync) -> None:
    one, same, other = (Places(Nobody(), NETWORKS, key) for key in (b"k" * 16, b"k" * 16, None))
    assert one.mark("185.65.1.1") == same.mark("185.65.1.1") != other.mark("185.65.1.1")
    assert one.near("185.65.1.1") == one.near("185.65.9.9") != one.near("185.66.1.1")
    assert "185" not in repr(run_async(one.facts("185.65.1.1")))


def test_a_network_is_asked_for_once_and_a_private_one_never(run_async: RunAsync) -> None:
    nobody = Nobody()

    async def described() -> None:
        places = Places(nobody, NETWORKS)
        for address in ("185.65.1.1", "185.65.1.2", "10.0.0.1", "192.168.1.1", "fd00::1", "127.0.0.1"):
            assert (await places.facts(address))["networks"] == []
        await places.close()

    run_async(described())
    assert nobody.asked == ["0.1.65.185.o.example"]
