"""The unmodified command line behind real filters: the right ways round pass, the right ones fail, the first tip is one that works."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from diagnostics.catalog import load_catalog
from tests.real_servers.box import Looks
from tests.real_servers.censor import Scenario, boxed, censorship, towards
from tests.real_servers.lab import Lab
from tests.real_servers.proxies import Proxies

pytestmark = pytest.mark.root

SWALLOWED = ("cloudflare", "google")
CUTS = {
    Looks.PACKET: ({"seg:snimid", "rec:sni", "rec:snimid", "recseg:snimid", "chunk:16"}, {"seg:1", "rec:1", "recseg:32"}),
    Looks.RECORD: ({"rec:1", "rec:sni", "rec:snimid", "recseg:snimid", "recseg:32"}, {"seg:1", "seg:snimid", "chunk:16"}),
    Looks.STREAM: ({"rec:snimid", "recseg:snimid"}, {"seg:1", "seg:snimid", "rec:1", "chunk:16", "recseg:32", "rec:sni"}),
    Looks.MESSAGE: (set(), {"seg:1", "seg:snimid", "rec:1", "rec:snimid", "recseg:snimid", "recseg:32", "chunk:16"}),
}
"""What passes a filter that reads so well, and what does not."""


MADE_BY_TOOLS = {"seg:snimid", "rec:sni", "recseg:32"}
"""Cuts that a program makes which a tip can name: where only others pass, no tip may claim that one helps."""


def report_on_x(lab: Lab, *more: str) -> dict[str, Any]:
    """Return the report of a check of X."""
    done = lab.atajo("check", "x", *more, "--json", "-", "--quiet", timeout=90)
    assert "Traceback" not in done.stderr, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def ways(report: dict[str, Any]) -> dict[str, str]:
    """Return how each way to X ended."""
    return {way["id"]: way["status"] for way in report["workarounds"] if way["target"] == "x"}


def proved(tip: dict[str, Any]) -> set[str]:
    """Return the ways on which a tip rests."""
    return {reason.removeprefix("workaround:") for reason in tip["because"] if reason.startswith("workaround:")}


def assert_first_tip_works(report: dict[str, Any]) -> None:
    found = ways(report)
    rests_on = proved(report["tips"][0])
    assert rests_on, report["tips"][0]
    assert {found[way] for way in rests_on} == {"works"}


@pytest.mark.parametrize("looks", CUTS)
def test_a_filter_of_names_is_passed_by_the_cuts_that_it_cannot_read_and_by_no_other(looks: Looks, lab: Lab) -> None:
    lab.arrange(boxed(lab.world, "x", looks))
    report = report_on_x(lab)
    found, (passes, fails) = ways(report), CUTS[looks]
    assert {way: found.get(way) for way in passes} == dict.fromkeys(passes, "works")
    assert {way: found.get(way) for way in fails} == dict.fromkeys(fails, "blocked")
    if passes & MADE_BY_TOOLS:
        assert_first_tip_works(report)
    else:
        assert not any(proved(tip) for tip in report["tips"])


def test_forged_answers_are_passed_by_every_resolver_that_is_asked_elsewhere(lab: Lab) -> None:
    lab.censor(Scenario.FORGED_DNS)
    report = report_on_x(lab)
    found = ways(report)
    encrypted = {way: status for way, status in found.items() if way.startswith(("doh:", "dot:"))}
    assert len({way.partition(":")[2] for way in encrypted}) >= 12
    assert set(encrypted.values()) == {"works"}
    assert not any(way.startswith("rec:") for way in found), "the name is not cut: nothing has to be"
    assert_first_tip_works(report)


def test_no_tip_names_a_resolver_that_is_swallowed(lab: Lab) -> None:
    swallowed = [a for r in load_catalog().resolvers if r.id in SWALLOWED for a in r.addresses]
    lab.arrange(dataclasses.replace(censorship(Scenario.FORGED_DNS, lab.world, "x"), rules=towards(swallowed, "-j DROP")))
    report = report_on_x(lab)
    found = ways(report)
    assert {status for way, status in found.items() if way.rpartition(":")[2] in SWALLOWED} <= {"blocked", "unknown", "not_tested"}
    assert any(status == "works" for way, status in found.items() if way.startswith("doh:"))
    assert_first_tip_works(report)
    assert not {way.rpartition(":")[2] for tip in report["tips"] for way in proved(tip)} & set(SWALLOWED)
    for language in ("es", "en"):
        text = lab.atajo("check", "x", "--lang", language, timeout=90).stdout
        for word in ("1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "dns.google", "Cloudflare", "Google "):
            assert word not in text, text


def test_addresses_that_are_shut_leave_the_proxy_that_works(lab: Lab) -> None:
    lab.censor(Scenario.ADDRESS_SILENT)
    without = report_on_x(lab)
    assert "works" not in ways(without).values()
    assert not any(proved(tip) for tip in without["tips"])
    with Proxies(lab) as proxies:
        report = report_on_x(lab, "--proxy", proxies.link("socks5h", "microsocks"))
    routes = [way for way, status in ways(report).items() if way.startswith("route:") and status == "works"]
    assert len(routes) == 1
    assert_first_tip_works(report)
    assert proved(report["tips"][0]) == set(routes)
