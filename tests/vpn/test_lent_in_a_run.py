"""Proxies that are lent for a profile's greeting: the test of the profile has them, and the run does nothing else with them."""

from __future__ import annotations

import pytest

from diagnostics.catalog import load_catalog
from diagnostics.model import Report
from diagnostics.plan import VpnPlan, make_plan, with_vpn
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import Link
from diagnostics.runner import Run
from diagnostics.sim.scenario import load_scenarios
from diagnostics.sim.simulation import open_simulation
from diagnostics.vpn import measure
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import read_profile
from tests.conftest import RunAsync
from tests.vpn.openvpn.server import profile_text

OWN, LENT = parse_link("socks5h://192.0.2.7:1080"), parse_link("socks5h://192.0.2.8:1080")


async def run_with(routes: tuple[Link, ...], lent: tuple[Link, ...]) -> Report:
    catalog = load_catalog()
    plan = make_plan(["x"], [], catalog, routes=routes, direct=False)
    plan = with_vpn(plan, VpnPlan(profiles=(read_profile(profile_text(1194)),), lent=lent))
    async with open_simulation(load_scenarios()["open"], catalog, seed=1) as network:
        return await Run(plan, network).complete()


@pytest.mark.parametrize("routes, lent", [((), (LENT,)), ((OWN,), (LENT,)), ((OWN,), ()), ((), ())])
def test_the_test_of_a_profile_may_greet_through_what_is_lent_and_nothing_else_is_done_with_it(
    routes: tuple[Link, ...], lent: tuple[Link, ...], run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Link, ...]] = []

    async def look(probing: Probing, _clock_skew: float | None = None) -> None:
        seen.append(probing.proxies)

    monkeypatch.setattr(measure, "measure_profile", look)
    report = run_async(run_with(routes, lent))
    assert seen == [(*routes, *lent)]
    assert LENT.id not in {route.id for route in report.routes} | {o.route for o in report.observations}
