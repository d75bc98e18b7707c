"""Finding a proxy by its name on simulated lines whose name directory lies, is silent, or is honest."""

from __future__ import annotations

import logging

import pytest

from diagnostics.catalog import load_catalog
from diagnostics.model import Report, Step
from diagnostics.plan import make_plan
from diagnostics.routes.grammar import parse_link
from diagnostics.runner import Run
from diagnostics.sim.simulation import open_simulation
from tests.conftest import RunAsync
from tests.simulated import scenario

NAME = "casa-de-la-prima.example"
SITE = f'[[site]]\nhost = "{NAME}"\n'


def censor(dns: str) -> str:
    return f'{SITE}[[censor]]\nhosts = ["{NAME}"]\ndns = "{dns}"\n'


async def measured(rules: str, link: str = f"socks5h://{NAME}:443") -> Report:
    catalog = load_catalog()
    async with open_simulation(scenario(rules), catalog, seed=1) as network:
        return await Run(make_plan(["x"], [], catalog, routes=[parse_link(link)]), network).complete()


def stages(report: Report) -> dict[str, dict[str, object]]:
    return {str(o.detail.get("stage")): o.detail for o in report.observations if o.step is Step.PROXY and o.route != "direct"}


@pytest.mark.parametrize("dns", ["nxdomain", "empty", "bogon", "servfail"])
def test_a_directory_that_hides_a_proxy_is_told_apart_from_a_proxy_that_is_gone(
    dns: str, run_async: RunAsync, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        report = run_async(measured(censor(dns)))
    (route,) = (each for each in report.routes if each.id != "direct")
    assert (route.status, route.cause, route.certainty, route.rule) == ("down", "proxy_blocked", "likely", "route.name_misled")
    assert stages(report)["name_elsewhere"]["knowing"] in (1, 2, 3)
    assert NAME not in repr(report), "the proxy's name is the person's own"
    assert NAME not in caplog.text.replace("simulated", "")


def test_an_honest_directory_is_enough(run_async: RunAsync) -> None:
    report = run_async(measured(SITE))
    assert "name_elsewhere" not in stages(report)
    assert all(each.rule != "route.name_misled" for each in report.routes)


def test_a_name_of_nobody_accuses_nobody(run_async: RunAsync) -> None:
    report = run_async(measured("", "socks5h://nadie.example:1080"))
    (route,) = (each for each in report.routes if each.id != "direct")
    assert (route.cause, route.certainty, route.rule) == ("proxy_unreachable", "likely", "route.name_unknown")


def test_a_name_of_ones_own_network_is_asked_of_nobody_else(run_async: RunAsync) -> None:
    for host in ("proxy", "proxy.lan", "proxy.home.arpa"):
        assert "name_elsewhere" not in stages(run_async(measured("", f"http://{host}:3128")))
