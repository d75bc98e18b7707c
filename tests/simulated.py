"""Run the real engine against a scenario, for the tests."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence

from diagnostics.catalog import Catalog, load_catalog
from diagnostics.events import Event
from diagnostics.judge.evidence import Evidence
from diagnostics.model import Report, Verdict
from diagnostics.plan import make_plan
from diagnostics.runner import Run
from diagnostics.sim.scenario import Scenario, load_scenarios, read_scenario
from diagnostics.sim.simulation import open_simulation

HEAD = """
id = "test"
name = {es = "Prueba", en = "Test"}
summary = {es = "Prueba.", en = "Test."}
as_of = 2026-11-22
source = "tests"
rtt_ms = 20
"""


def scenario(text: str) -> Scenario:
    """Return a scenario from its rules alone."""
    return read_scenario(HEAD + text, "test.toml")


async def measured(
    what: Scenario,
    *targets: str,
    urls: Sequence[str] = (),
    catalog: Catalog | None = None,
    on_event: Callable[[Event], None] = lambda _event: None,
    seed: int | None = 1,
    seconds: float | None = None,
) -> Report:
    """Return the report of a run in a simulated network."""
    known = catalog or load_catalog()
    async with open_simulation(what, known, seed=seed) as network:
        return await Run(make_plan(targets, urls, known, timeout=seconds), network, on_event).complete()


MOST_MEASUREMENTS = 4
"""Times that a scenario is measured before its report is taken as it is."""


@functools.cache
def shipped(name: str) -> Report:
    """Return the report of one run, with a fixed seed, of a scenario that ships: many tests read the same one.

    A run during which this computer was busy with something else proves no silence, and is measured again.
    """
    what = load_scenarios()[name]
    services, urls = what.asks_for
    for _ in range(MOST_MEASUREMENTS - 1):
        report = asyncio.run(measured(what, *services, urls=urls))
        if not Evidence(report.observations).late:
            return report
    return asyncio.run(measured(what, *services, urls=urls))


def verdict(report: Report, target: str, function: str | None = None) -> Verdict:
    """Return one verdict of a report."""
    return next(v for v in report.verdicts if (v.target, v.function) == (target, function))


def said(report: Report, target: str, function: str | None = None) -> tuple[str, str | None]:
    """Return status and cause of a verdict as plain words."""
    found = verdict(report, target, function)
    return found.status.value, found.cause.value if found.cause else None
