"""What the ways round that were tried in a run say about a tip.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from diagnostics.advice.patterns import fits
from diagnostics.advice.tips import Tip
from diagnostics.model import RESOLVER_TARGET, Cause, Fact, Status, Verdict, Workaround
from diagnostics.workarounds.identity import Way, parse_way

PASSED: Final = (Status.WORKS, Status.PARTIAL)
FAILED: Final = (Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN)
"""Outcomes that speak against a way; too few tries (``unknown``) speak neither for it nor against it."""


class TriedWay(Fact, frozen=True):
    """One way with what it brought."""

    way: Way
    outcome: Workaround

    @property
    def order(self) -> tuple[float, ...]:
        """Return what the better way has less of: doubt, then seconds."""
        return (self.outcome.status is not Status.WORKS, self.outcome.seconds)


class Tried:
    """The ways round of one run, by target."""

    def __init__(self, workarounds: Iterable[Workaround] = (), verdicts: Sequence[Verdict] = ()) -> None:
        """Take what was tried; ids of a newer version are passed over.

        ``verdicts`` tell which resolvers cannot be reached from here at all: no way through one of them is ever spoken of.  One of
        which only some transports are shut has others that may lead on.
        """
        dead = {
            v.target.removeprefix(RESOLVER_TARGET)
            for v in verdicts
            if v.target.startswith(RESOLVER_TARGET) and v.function is None and v.cause == Cause.RESOLVER_BLOCKED and v.status in FAILED
        }
        self._ways: dict[str | None, list[TriedWay]] = {}
        for outcome in workarounds:
            way = parse_way(outcome.id)
            if way is not None and way.resolver not in dead and outcome.status is not Status.NOT_TESTED:
                self._ways.setdefault(outcome.target, []).append(TriedWay(way=way, outcome=outcome))

    def any_for(self, target: str | None) -> bool:
        """Tell whether ways were tried for a target; for None, the line, whether any were."""
        return bool(self._ways) if target is None else target in self._ways

    def passed(self, tip: Tip, target: str | None) -> list[TriedWay]:
        """Return the ways that the tip needs and that passed for a target, the best first."""
        found = [tried for tried in self._of(target) if tried.outcome.status in PASSED and _means(tip.needs, tried.way)]
        return sorted(found, key=lambda tried: (*tried.order, tried.outcome.id))

    def contradict(self, tip: Tip, target: str | None) -> bool:
        """Tell whether every way that the tip hangs on and that was tried for a target failed."""
        found = [tried for tried in self._of(target) if _means(tip.contradicted_by, tried.way)]
        return bool(found) and all(tried.outcome.status in FAILED for tried in found)

    def with_resolver(self, resolver: str, targets: Iterable[str | None]) -> Resolution:
        """Return how a resolver could be asked for the targets."""
        used = [tried for target in dict.fromkeys(targets) for tried in self._of(target) if tried.way.resolver == resolver]
        passed = {tried.way.engine for tried in used if tried.outcome.status in PASSED}
        failed = {tried.way.engine for tried in used if not tried.way.flight and tried.outcome.status in FAILED} - passed
        return Resolution(passed=frozenset(passed), failed=frozenset(failed))

    def anywhere(self, resolver: str) -> Resolution:
        """Return how a resolver could be asked for any target of the run."""
        return self.with_resolver(resolver, self._ways)

    def _of(self, target: str | None) -> list[TriedWay]:
        own = self._ways.get(target, []) if target is not None else []
        return [*own, *self._ways.get(None, [])]


class Resolution(Fact, frozen=True):
    """The engines over which a resolver's answers led to the page, and those over which they did not."""

    passed: frozenset[str]
    failed: frozenset[str]


def _means(patterns: Iterable[str], way: Way) -> bool:
    return any(fits(pattern, way) for pattern in patterns)
