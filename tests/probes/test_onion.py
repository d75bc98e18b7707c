"""Names inside Tor are never looked up, and no proxy but Tor's kind is asked for them."""

from __future__ import annotations

import pytest

from diagnostics.catalog import load_catalog
from diagnostics.plan import make_plan
from diagnostics.probes.place import Place, is_onion, next_place
from diagnostics.routes.grammar import parse_link
from diagnostics.runner import Run
from diagnostics.sim.scenario import load_scenarios
from diagnostics.sim.simulation import open_simulation
from tests.conftest import RunAsync

ONION = "http://duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion/"


@pytest.mark.parametrize("host, inside", [("abc.onion", True), ("ABC.ONION.", True), ("onion", False), ("abc.onion.example", False)])
def test_which_names_live_inside_tor(host: str, inside: bool) -> None:
    assert is_onion(host) is inside


def test_a_page_cannot_send_us_to_a_name_inside_tor() -> None:
    assert next_place(Place("https", "x.com", 443), 302, ONION) is None


def test_nobody_is_asked_for_a_name_inside_tor(run_async: RunAsync) -> None:
    async def go() -> str:
        catalog = load_catalog()
        async with open_simulation(load_scenarios()["open"], catalog, seed=1) as network:
            plan = make_plan([], [ONION], catalog, routes=[parse_link("http://104.200.0.1:3128")])
            report = await Run(plan, network).complete()
            assert {v.status.value for v in report.verdicts if v.target == ONION and v.route == "direct"} == {"not_tested"}
            return repr([o for o in report.observations if o.detail.get("kind") != "plan"])

    assert ".onion" not in run_async(go())
