"""The unmodified command line under many conditions, over a line with a real delay: the mechanism is named, nobody else accused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from diagnostics.catalog import load_catalog
from diagnostics.judge import judge
from diagnostics.model import RESOLVER_TARGET, Observation
from tests.real_servers.conditions import connections, lines, names, sites
from tests.real_servers.conditions.condition import Condition
from tests.real_servers.lab import Finished, Lab, Line

pytestmark = pytest.mark.root

CONDITIONS = (*names.CONDITIONS, *connections.CONDITIONS, *sites.CONDITIONS, *lines.CONDITIONS)
ACCUSING = {"blocked", "likely_blocked"}
NEAR, FAR = Line(rtt=0.02), Line(rtt=0.06)
EXTRA_SECONDS = 20
"""What a run may take beyond its own timeout: starting Python and ending."""

TRIES_WHEN_BUSY = 3
"""How often a condition is measured while this computer is busy and all that is missing is an answer: "couldn't tell" is right then."""

TOLD = ("engine", "resolver", "answers", "purpose", "port", "server_name", "status", "title", "tries", "bytes")


@pytest.fixture(scope="module")
def far_lab() -> Iterator[Lab]:
    """Build a laboratory whose Internet is 80 ms away, 20 of them on the client's own line."""
    with Lab(load_catalog(), near=NEAR, far=FAR) as built:
        yield built


def story(report: dict[str, Any]) -> str:
    """Tell what was seen, for the message of a failing test."""
    lines = [f"network {report['network']}"]
    lines += [str({key: v[key] for key in v if key != "evidence"}) for v in report["verdicts"] if v["status"] != "works"]
    for o in report["observations"]:
        if o["failure"] or o["step"] == "http":
            detail = {key: value for key, value in o["detail"].items() if key in TOLD}
            lines.append(f"{o['id']} {o['step']} {o['host']} {o['address']} {o['failure']} {o['t']:.2f}+{o['seconds']:.3f} {detail}")
    return "\n".join(lines)


def accused(condition: Condition, report: dict[str, Any]) -> list[str]:
    """Return the targets that were accused although the condition does nothing to them."""
    allowed = {expected.target for expected in condition.expected if (ACCUSING | {"partial"}) & set(expected.status)}
    found = {v["target"] for v in report["verdicts"] if v["status"] in ACCUSING} - allowed
    return sorted(t for t in found if not (condition.resolvers and t.startswith(RESOLVER_TARGET)))


def replayed(report: dict[str, Any]) -> object:
    """Judge a report again from its observations alone."""
    observations = msgspec.convert(report["observations"], tuple[Observation, ...])
    return json.loads(msgspec.json.encode(judge(observations).verdicts))


def busy() -> bool:
    """Tell whether other programs want this computer's processors: the line that is made here in software is then not the one asked for."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1)


def measured(lab: Lab, condition: Condition) -> tuple[Finished, dict[str, Any], dict[str, Any]]:
    """Run the command line once; return its outcome, its report, and the verdicts of whole targets."""
    words = ("check", *condition.checked, "--json", "-", "--quiet", "--timeout", str(condition.timeout))
    done = lab.atajo(*words, timeout=condition.timeout + EXTRA_SECONDS)
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stdout)
    print(f"{condition.id}: {done.seconds:.2f} s")
    return done, report, {v["target"]: v for v in report["verdicts"] if v["function"] is None}


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.id)
def test_what_is_said_is_what_was_done_and_nobody_else_is_accused(far_lab: Lab, condition: Condition) -> None:
    setting = condition.make(far_lab.world)
    if setting.clock_ahead and not shutil.which("cc"):
        pytest.skip("needs a C compiler to shift the clock")
    far_lab.arrange(setting)
    done, report, whole = measured(far_lab, condition)
    for _ in range(TRIES_WHEN_BUSY - 1):
        missing = [whole[expected.target] for expected in condition.expected if expected.misses(whole[expected.target])]
        if not missing or any(verdict["status"] != "unknown" for verdict in missing) or not busy():
            break
        done, report, whole = measured(far_lab, condition)
    for expected in condition.expected:
        assert not expected.misses(whole[expected.target]), f"{expected}\n{story(report)}"
    assert not accused(condition, report), story(report)
    assert set(condition.ways) <= {(v["target"], v["function"], v["rule"]) for v in report["verdicts"]}, story(report)
    assert condition.network in (None, report["network"]["cause"] or ""), story(report)
    assert done.status == int(not all(whole[target]["status"] == "works" for target in whole if not target.startswith(RESOLVER_TARGET)))
    assert replayed(report) == report["verdicts"]


def test_there_are_enough_conditions_and_no_two_alike() -> None:
    assert len({condition.id for condition in CONDITIONS}) == len(CONDITIONS) >= 24
