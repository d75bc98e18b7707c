"""No single resolver and no single control decides: without it a verdict may weaken, but never turn into its opposite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import pytest

from diagnostics.judge import judge
from diagnostics.model import RESOLVER_TARGET, Observation, Report, Status
from diagnostics.sim.scenario import load_scenarios
from tests.simulated import shipped

OPPOSITES = {Status.WORKS, Status.BLOCKED}


def plan_of(report: Report) -> dict[str, list[dict[str, str]]]:
    return next(o.detail for o in report.observations if o.detail.get("kind") == "plan")


def without_resolver(report: Report, name: str) -> list[Observation]:
    return [o for o in report.observations if o.detail.get("resolver") != name and o.host != name]


def without_control(report: Report, host: str) -> list[Observation]:
    """Return the observations without a control: not planned, not visited, and its name not said anywhere."""
    kept: list[Observation] = []
    for o in report.observations:
        if o.detail.get("kind") == "plan":
            controls = [c for c in o.detail["controls"] if c["host"] != host]
            kept.append(msgspec.structs.replace(o, detail={**o.detail, "controls": controls}))
        elif o.target is not None or (o.host != host and o.detail.get("server_name") != host):
            kept.append(o)
    return kept


def losses(report: Report) -> Iterator[tuple[str, list[Observation]]]:
    plan = plan_of(report)
    for resolver in plan["resolvers"]:
        yield resolver["id"], without_resolver(report, resolver["id"])
    for host in dict.fromkeys(control["host"] for control in plan["controls"]):
        yield host, without_control(report, host)


def turned(report: Report, observations: Sequence[Observation]) -> list[str]:
    """Return the verdicts that became their opposite."""
    now = {(v.target, v.function): v for v in judge(observations).verdicts}
    pairs = [(v, now.get((v.target, v.function))) for v in report.verdicts if not v.target.startswith(RESOLVER_TARGET)]
    return [f"{a} -> {b}" for a, b in pairs if b is not None and {a.status, b.status} == OPPOSITES]


@pytest.mark.parametrize("name", load_scenarios())
def test_without_any_one_witness_no_verdict_turns_into_its_opposite(name: str) -> None:
    report = shipped(name)
    for lost, observations in losses(report):
        assert turned(report, observations) == [], f"without {lost}"


def test_every_resolver_and_the_first_controls_had_said_something() -> None:
    report = shipped("ve-2024-08")
    silent = {lost for lost, observations in losses(report) if len(observations) == len(report.observations)}
    assert silent.isdisjoint({"cloudflare", "google", "quad9", "example.org", "es.wikipedia.org", "detectportal.firefox.com"})
