"""What was tried as a way round, for a terminal: a line a service, and for ``explain`` every way with its id."""

from __future__ import annotations

from app.report_facts import whole_verdicts
from app.terminal import Terminal
from app.texts import t
from app.way_words import filter_sentence, way_rows
from app.wording import name_of
from diagnostics.model import Report, Status

MOST_LINES = 120
"""Ways of one target that are written; a full search tries about eighty."""


def write_ways(report: Report, out: Terminal) -> None:
    """Write every way that was tried, target by target, what works first; nothing where none was."""
    targets = [v.target for v in whole_verdicts(report) if any(w.target == v.target for w in report.workarounds)]
    for target in targets:
        out.line()
        out.line(f"{t('way.tried')}: {name_of(target, report)}", style="bold")
        sentence = filter_sentence(report, target)
        if sentence:
            out.line(sentence, indent=2)
        by_id = {w.id: w for w in report.workarounds if w.target in (target, None)}
        for row in way_rows(report, target)[:MOST_LINES]:
            tried = by_id[row.id]
            out.raw(f"  {out.symbol(row.status)} {row.id:34} {tried.passed}/{tried.tries}  {row.label}: {row.outcome}")


def write_counts(report: Report, target: str, out: Terminal) -> None:
    """Write in one line how many ways were tried for a target and how many passed; nothing where none was."""
    tried = [w for w in report.workarounds if w.target == target and w.status is not Status.NOT_TESTED]
    if tried:
        passed = sum(w.status is Status.WORKS for w in tried)
        out.line(t("cli.ways", tried=len(tried), passed=passed), indent=2)
    elif (sentence := filter_sentence(report, target)) != "":
        out.line(sentence, indent=2)
