"""A target that was measured again after a tip: a report of its own, and how it is shown beside the run before it.

A report holds one run.  So the second measurement is never written into the first one's report: each is kept, judged and saved by
itself.  Only for the screen that shows every target are both laid over one another (:func:`laid_over`), and that picture is never
saved.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from diagnostics.model import Report, Status, Verdict


class Recheck(msgspec.Struct, frozen=True, kw_only=True):
    """A target's latest measurement: its own report, and when it came."""

    report: Report
    at: dt.datetime


class Change(enum.StrEnum):
    """What a second measurement says, held against the first."""

    OPENS = "opens"
    BETTER = "better"  # not open, but less shut than before
    SAME = "same"
    UNCLEAR = "unclear"  # it says nothing: stopped, no line, too little evidence


_RANK: Final = {Status.WORKS: 0, Status.SLOW: 1, Status.PARTIAL: 2}
_SHUT: Final = 3
_NOTHING: Final = (Status.UNKNOWN, Status.NOT_TESTED)


def change(before: Verdict | None, after: Verdict | None) -> Change:
    """Return what the second of two verdicts on a target says of the tip between them."""
    if after is None or after.status in _NOTHING:
        return Change.UNCLEAR
    rank = _RANK.get(after.status, _SHUT)
    earlier = _SHUT if before is None else _RANK.get(before.status, _SHUT)
    if rank == 0 or (rank == 1 and earlier > 1):
        return Change.OPENS
    return Change.BETTER if rank < earlier else Change.SAME


def laid_over(report: Report, newer: Mapping[str, Recheck]) -> Report:
    """Return what the window shows of a run some of whose targets were measured again: theirs newer, everything else as it was.

    The newer observations get ids that cannot meet the older ones; the older ones of those targets stay, so that their number is
    right, but under a target that nobody asks for.
    """
    for number, (target, recheck) in enumerate(newer.items(), start=1):
        report = _over(report, target, recheck.report, f"r{number}-")
    return report


def _over(report: Report, target: str, newer: Report, prefix: str) -> Report:
    if newer.of_target(target) is None:
        return report

    def renamed(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(prefix + each for each in ids)

    verdicts = [v for v in report.verdicts if v.target != target]
    verdicts += [msgspec.structs.replace(v, evidence=renamed(v.evidence)) for v in newer.verdicts if v.target == target]
    ways = [w for w in report.workarounds if w.target != target]
    ways += [msgspec.structs.replace(w, evidence=renamed(w.evidence)) for w in newer.workarounds if w.target == target]
    aside = [msgspec.structs.replace(o, target=prefix + target) if o.target == target else o for o in report.observations]
    # all but the newer run's own plan, which names one target alone
    added = [msgspec.structs.replace(o, id=prefix + o.id) for o in newer.observations if o.detail.get("kind") != "plan"]
    return msgspec.structs.replace(
        report,
        run=msgspec.structs.replace(report.run, seconds=report.run.seconds + newer.run.seconds),
        verdicts=tuple(verdicts),
        workarounds=tuple(ways),
        observations=(*aside, *added),
    )
