"""From verdicts to an ordered choice of tips.  Pure: nothing is measured and nothing is claimed to have been."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from diagnostics.advice.tips import Tip, shipped_tips
from diagnostics.model import LOCAL_CAUSES, Cause, NetworkVerdict, Status, TipChoice, Verdict

SETTLED: Final = (Status.WORKS, Status.NOT_TESTED)
"""Statuses that need no next step."""

_HARMLESS: Final = frozenset({Cause.BROKEN_IPV6})  # the line works in spite of it: it may wait until the services were spoken of


def tips_for(verdicts: Sequence[Verdict], network: NetworkVerdict, tips: Mapping[str, Tip] | None = None) -> tuple[TipChoice, ...]:
    """Return one next step for every cause that stands in the way, best first.

    Causes in this computer or line come first, because they mask what they explain; then the targets' in their own order.
    Of several tips for a cause the first counts that nothing found in this run makes useless (``Tip.unless``): all verdicts
    of the run are needed, not those of one target alone.  A tip that helps several targets or causes appears once and names
    all of them (``cause:<id>``, ``target:<id>``).  ``tips`` defaults to those that ship.  Raises InputError when their file
    is broken.
    """
    known = shipped_tips() if tips is None else tips
    found = list(_causes(verdicts, network))
    present = {str(cause) for cause, _ in found}
    reasons: dict[str, dict[str, None]] = {}
    for cause, target in sorted(found, key=lambda each: _place(each[0])):
        tip = next((tip.id for tip in known.values() if cause in tip.causes and not present & set(tip.unless)), None)
        if tip is None:
            continue
        because = reasons.setdefault(tip, {})
        because[f"cause:{cause}"] = None
        if target is not None:
            because[f"target:{target}"] = None
    return tuple(
        TipChoice(id=tip, rank=rank, because=_causes_first(because)) for rank, (tip, because) in enumerate(reasons.items(), start=1)
    )


def _causes(verdicts: Sequence[Verdict], network: NetworkVerdict) -> Iterator[tuple[Cause, str | None]]:
    """Return the causes that were found, each with the target that it hinders (None: the line)."""
    if network.cause is not None:
        yield network.cause, None
    whole = [v for v in verdicts if v.function is None]
    for verdict in whole:
        if verdict.cause is not None and verdict.status not in SETTLED:
            yield verdict.cause, verdict.target


def _place(cause: Cause) -> int:
    if cause in _HARMLESS:
        return 2
    return 0 if cause in LOCAL_CAUSES else 1


def _causes_first(because: Mapping[str, None]) -> tuple[str, ...]:
    return tuple(sorted(because, key=lambda reason: not reason.startswith("cause:")))
