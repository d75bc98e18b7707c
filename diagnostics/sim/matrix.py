"""Scenario by scenario: what an honest diagnosis must say, and what the engine says.

Run again and again with other seeds, it also counts what must never happen: an accusation where nothing is blocked.
"""

from __future__ import annotations

import asyncio
from typing import Final

from diagnostics.catalog import Catalog, load_catalog
from diagnostics.model import RESOLVER_TARGET, Fact, Report, Status
from diagnostics.plan import make_plan
from diagnostics.runner import Run
from diagnostics.sim.scenario import Expected, Scenario, find_scenario
from diagnostics.sim.simulation import open_simulation

ACCUSING: Final = frozenset({Status.BLOCKED, Status.LIKELY_BLOCKED})


class Cell(Fact, frozen=True):
    """One expectation of a scenario and what was said."""

    target: str
    function: str | None
    expected: str
    got: str
    right: bool


class Outcome(Fact, frozen=True):
    """One run of one scenario.  ``accused`` are the accusing verdicts that no expectation asks for."""

    scenario: str
    seed: int
    seconds: float
    cells: tuple[Cell, ...]
    accused: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Tell whether everything was said as expected, and nobody accused beyond it."""
        return not self.accused and all(cell.right for cell in self.cells)


def innocent(scenario: Scenario) -> bool:
    """Tell whether nothing is blocked in a scenario."""
    return not any(row.status in ACCUSING for row in scenario.expected)


def measure_one(name: str, seed: int) -> Outcome:
    """Run a scenario once, in a loop of its own; for a worker process.  Raises InputError."""
    return asyncio.run(measure(find_scenario(name), load_catalog(), seed))


async def measure(scenario: Scenario, catalog: Catalog, seed: int) -> Outcome:
    """Run a scenario once and compare."""
    services, urls = scenario.asks_for
    async with open_simulation(scenario, catalog, seed=seed) as network:
        report = await Run(make_plan(services, urls, catalog), network).complete()
    cells = [_cell(row, report) for row in scenario.expected]
    wanted = scenario.expected_network
    if wanted:
        said = report.network
        right = wanted.cause in (None, said.cause) and wanted.status in (None, said.status)
        cells.append(
            Cell(target="-", function=None, expected=_words(wanted.status, wanted.cause), got=_words(said.status, said.cause), right=right)
        )
    return Outcome(
        scenario=scenario.id, seed=seed, seconds=report.run.seconds, cells=tuple(cells), accused=tuple(_accused(scenario, report))
    )


def _cell(row: Expected, report: Report) -> Cell:
    found = next((v for v in report.verdicts if (v.target, v.function) == (row.target, row.function)), None)
    expected = _words(row.status, row.cause, row.certainty)
    if found is None:
        return Cell(target=row.target, function=row.function, expected=expected, got="-", right=False)
    right = found.status == row.status and found.cause == row.cause and row.certainty in (None, found.certainty)
    return Cell(
        target=row.target,
        function=row.function,
        expected=expected,
        got=f"{_words(found.status, found.cause, found.certainty)} [{found.rule}]",
        right=right,
    )


def _accused(scenario: Scenario, report: Report) -> list[str]:
    """Return the accusations that no row asks for: of services and sites expected to be better, and of resolvers without a censor."""
    fine = {row.target for row in scenario.expected if row.function is None and row.status not in (*ACCUSING, Status.PARTIAL)}
    asked = {(row.target, row.function) for row in scenario.expected}
    found = [v for v in report.verdicts if v.status in ACCUSING and (v.target, v.function) not in asked]
    return [str(v) for v in found if v.target in fine or (v.target.startswith(RESOLVER_TARGET) and not scenario.censor)]


def _words(*words: object) -> str:
    return " ".join(str(word) for word in words if word is not None and str(word) != "none") or "-"
