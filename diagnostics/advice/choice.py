"""From verdicts to an ordered choice of tips.  Pure: nothing is measured and nothing is claimed to have been."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from diagnostics.advice.tips import Tip, shipped_tips
from diagnostics.model import LOCAL_CAUSES, Cause, Fact, NetworkVerdict, Status, TipChoice, Verdict

SETTLED: Final = (Status.WORKS, Status.NOT_TESTED)
"""Statuses that need no next step."""

CLEAR_TEXT: Final = "http://"
"""How the id of a typed page begins that is asked for without encryption."""

_HARMLESS: Final = frozenset({Cause.BROKEN_IPV6})  # the line works in spite of it: it may wait until the services were spoken of


def tips_for(verdicts: Sequence[Verdict], network: NetworkVerdict, tips: Mapping[str, Tip] | None = None) -> tuple[TipChoice, ...]:
    """Return one next step for every cause that stands in the way, best first.

    Causes in this computer or line come first, because they mask what they explain; then the targets' in their own order.
    Of several tips for a cause the first counts that fits what was seen (``Tip.rules``, ``Tip.clear_text``) and that nothing
    found in this run makes useless (``Tip.unless``): all verdicts of the run are needed, not those of one target alone.
    Warnings (``Tip.beside``) follow it.  A tip that helps several targets or causes appears once and names
    all of them (``cause:<id>``, ``target:<id>``).  ``tips`` defaults to those that ship.  Raises InputError when their file
    is broken.
    """
    known = shipped_tips() if tips is None else tips
    found = list(_found(verdicts, network))
    present = {str(each.cause) for each in found}
    reasons: dict[str, dict[str, None]] = {}
    for each in sorted(found, key=lambda each: _place(each.cause)):
        for tip in _tips_of(each, known.values(), present):
            because = reasons.setdefault(tip.id, {})
            because[f"cause:{each.cause}"] = None
            if each.target is not None:
                because[f"target:{each.target}"] = None
    return tuple(
        TipChoice(id=tip, rank=rank, because=_causes_first(because)) for rank, (tip, because) in enumerate(reasons.items(), start=1)
    )


class _Obstacle(Fact, frozen=True):
    """A cause that was found, by which rule, and the target that it hinders (None: the line)."""

    cause: Cause
    rule: str
    target: str | None = None


def _found(verdicts: Sequence[Verdict], network: NetworkVerdict) -> Iterator[_Obstacle]:
    """Return what stands in the way: of the line first, then of each target as a whole."""
    if network.cause is not None:
        yield _Obstacle(cause=network.cause, rule=network.rule)
    for verdict in verdicts:
        if verdict.function is None and verdict.cause is not None and verdict.status not in SETTLED:
            yield _Obstacle(cause=verdict.cause, rule=verdict.rule, target=verdict.target)


def _tips_of(obstacle: _Obstacle, tips: Iterable[Tip], present: set[str]) -> Iterator[Tip]:
    """Return the tip that counts for an obstacle, then the warnings beside it."""
    fitting = [tip for tip in tips if obstacle.cause in tip.causes and _fits(tip, obstacle, present)]
    yield from [tip for tip in fitting if not tip.beside][:1]
    yield from (tip for tip in fitting if tip.beside)


def _fits(tip: Tip, obstacle: _Obstacle, present: set[str]) -> bool:
    if present & set(tip.unless) or (tip.rules and obstacle.rule not in tip.rules):
        return False
    return not tip.clear_text or str(obstacle.target).startswith(CLEAR_TEXT)


def _place(cause: Cause) -> int:
    if cause in _HARMLESS:
        return 2
    if cause.startswith("proxy_"):
        return 3  # another way than the one that everything else is about
    return 0 if cause in LOCAL_CAUSES else 1


def _causes_first(because: Mapping[str, None]) -> tuple[str, ...]:
    return tuple(sorted(because, key=lambda reason: not reason.startswith("cause:")))
