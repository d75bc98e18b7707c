"""Every shipped scenario, measured by the real engine on real sockets: what is said is what the file expects."""

from __future__ import annotations

import pytest

from diagnostics.judge import judge
from diagnostics.model import Status
from diagnostics.sim.scenario import load_scenarios
from tests.conftest import RunAsync
from tests.simulated import measured, shipped, verdict

SCENARIOS = load_scenarios()
INNOCENT = ("open", "lossy-5-percent", "dead-ipv6", "slow-line", "server-down", "expired-certificate")
REQUIRED = {
    *("open", "offline", "captive-portal", "ve-2024-08", "ve-2025-01", "sni-reset", "sni-silence", "ip-blackhole", "ip-refused"),
    *("tls-interception", "block-page", "whatsapp-media-only-blocked", "lossy-5-percent", "dead-ipv6", "server-down"),
    "expired-certificate",
}
ACCUSING = {Status.BLOCKED, Status.LIKELY_BLOCKED}


def test_the_promised_scenarios_ship() -> None:
    assert set(SCENARIOS) >= REQUIRED


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_engine_says_what_the_scenario_expects(name: str) -> None:
    what, report = SCENARIOS[name], shipped(name)
    for expected in what.expected:
        found = verdict(report, expected.target, expected.function)
        assert found.status == expected.status, str(found)
        assert found.cause == expected.cause, str(found)
        assert expected.certainty in (None, found.certainty), str(found)
    if what.expected_network:
        assert what.expected_network.cause in (None, report.network.cause)
        assert what.expected_network.status in (None, report.network.status)
    if what.expected_vpn:
        assert report.network.vpn.state == what.expected_vpn.state
        assert tuple(check.cause for check in report.network.vpn.checks if check.cause) == what.expected_vpn.causes
    else:
        assert report.network.vpn.state in ("none", "unknown")
        assert not [check for check in report.network.vpn.checks if check.cause], "a VPN is accused where there is none"
    assert report.run.simulated == name


@pytest.mark.parametrize("name", INNOCENT)
def test_an_innocent_line_accuses_nobody(name: str, run_async: RunAsync) -> None:
    report = run_async(measured(SCENARIOS[name], seed=None))
    accused = [str(v) for v in report.verdicts if v.status in ACCUSING]
    assert accused == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_observations_alone_give_the_same_verdicts_again(name: str) -> None:
    report = shipped(name)
    again = judge(report.observations)
    assert (again.verdicts, again.network, again.routes) == (report.verdicts, report.network, report.routes)


def test_every_verdict_names_its_rule_and_evidence_that_exists() -> None:
    report = shipped("ve-2024-08")
    known = {o.id for o in report.observations}
    assert len(known) == len(report.observations)
    for found in report.verdicts:
        assert found.rule
        assert set(found.evidence) <= known
        assert found.evidence, str(found)


def test_the_resolvers_that_are_swallowed_are_named_and_no_other() -> None:
    report = shipped("ve-2025-01")
    named = {v.target for v in report.verdicts if v.cause == "resolver_blocked"}
    assert {"resolver:google", "resolver:cloudflare"} <= named
    assert named.isdisjoint({"resolver:wikimedia", "resolver:digitale-gesellschaft"})
