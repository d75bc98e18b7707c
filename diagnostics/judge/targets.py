"""Targets: endpoints combine into functions, functions into what a person is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from diagnostics.judge.evidence import Finding
from diagnostics.model import Cause, Certainty, Endpoint, Function, NetworkVerdict, Rule, Service, Status, Verdict

MASKING: Final = frozenset({Cause.NO_INTERNET, Cause.CAPTIVE_PORTAL, Cause.WRONG_CLOCK, Cause.LOCAL_INTERCEPTION})
"""Faults of this computer or line that explain any failure: what fails under them is not judged."""

UNPROVEN: Final = frozenset({"tcp.answers", "http.clear_page"})
"""Rules by which something works that whoever owns the line could have answered himself, such as a sign-in page."""

_GRAVITY: Final = {
    Status.BLOCKED: 0,
    Status.LIKELY_BLOCKED: 1,
    Status.DOWN: 2,
    Status.UNKNOWN: 3,
    Status.NOT_TESTED: 4,
    Status.PARTIAL: 5,
    Status.SLOW: 6,
    Status.WORKS: 7,
}
_CERTAINTY: Final = {Certainty.CERTAIN: 0, Certainty.LIKELY: 1, Certainty.NONE: 2}
GOOD: Final = frozenset({Status.WORKS, Status.SLOW})

_UNDECIDED: Final = frozenset({Status.UNKNOWN, Status.NOT_TESTED})

Judged = tuple[Endpoint, Finding]


def gravity(finding: Finding) -> tuple[int, int]:
    """Return a key that puts the gravest and surest finding first."""
    return _GRAVITY.get(finding.status, 9), _CERTAINTY.get(finding.certainty, 9)


class JudgesEndpoints(Protocol):
    """Says what is to be said of one endpoint, over whatever route."""

    def judge(self, target: str | None, endpoint: Endpoint) -> Finding:
        """Return the finding."""


class TargetJudge:
    """Judges the targets of one run."""

    def __init__(self, endpoints: JudgesEndpoints, network: NetworkVerdict) -> None:
        """Judge endpoints by ``endpoints``; ``network`` masks what it explains."""
        self._endpoints = endpoints
        self._network = network

    def judge(self, target: Service) -> list[Verdict]:
        """Return the verdict of the whole target first, then one for each function."""
        judged = {f.id: [(e, self._endpoints.judge(target.id, e)) for e in f.endpoints] for f in target.functions}
        errors = self._lone_errors([each for group in judged.values() for each in group])
        functions = {
            f.id: self._masked(self._function(f, [_forgiven(each, errors and not f.core) for each in judged[f.id]]))
            for f in target.functions
        }
        whole = self._whole(target, functions)
        return [whole.of_target(target.id, None), *(functions[f.id].of_target(target.id, f.id) for f in target.functions)]

    @staticmethod
    def _lone_errors(judged: Sequence[Judged]) -> bool:
        """Tell whether error pages stand beside pages that are well: then an odd path gave them, not a server that is down."""
        return any(finding.rule == "http.page" for _, finding in judged)

    def _function(self, function: Function, judged: Sequence[Judged]) -> Finding:
        if not judged:
            return Finding(status=Status.NOT_TESTED, rule="plan.empty", certainty=Certainty.NONE)
        good = [finding for _, finding in judged if finding.status in GOOD]
        bad = sorted((each for each in judged if each[1].status not in GOOD), key=lambda each: gravity(each[1]))
        if good and bad and function.rule is Rule.MOST_OF:
            return _most(judged)
        if not bad or (good and function.rule is Rule.ANY_OF):
            slow = [finding for finding in good if finding.status is Status.SLOW]
            if slow and (function.rule is not Rule.ANY_OF or len(slow) == len(good)):
                return _joined(min(slow, key=gravity), slow)
            quick = [finding for finding in good if finding.status is Status.WORKS]
            evidence = tuple(dict.fromkeys(i for finding in quick for i in finding.evidence[:1]))
            return Finding(status=Status.WORKS, rule=quick[0].rule, certainty=_surest(quick), evidence=evidence)
        return _supported(bad)

    def _masked(self, finding: Finding) -> Finding:
        cause = self._network.cause
        proven = finding.status in GOOD and finding.rule not in UNPROVEN
        if cause not in MASKING or proven or finding.status is Status.NOT_TESTED:
            return finding
        return Finding(
            status=Status.UNKNOWN, rule=self._network.rule, cause=cause, certainty=Certainty.NONE, evidence=self._network.evidence[:8]
        )

    @staticmethod
    def _whole(target: Service, functions: dict[str, Finding]) -> Finding:
        deciding = {f.id: functions[f.id] for f in target.functions if f.rule is not Rule.INFO}
        if not deciding:
            return Finding(status=Status.NOT_TESTED, rule="plan.empty", certainty=Certainty.NONE)
        core = [functions[f.id] for f in target.functions if f.core and f.id in deciding] or list(deciding.values())
        bad = sorted((f for f in deciding.values() if f.status not in GOOD), key=gravity)
        good = [f for f in deciding.values() if f.status in GOOD]
        slow = sorted((f for f in core if f.status is Status.SLOW), key=gravity)
        if not bad and slow:
            return _joined(slow[0], [f for f in good if f.status is Status.SLOW and f.cause == slow[0].cause])
        if not bad:
            evidence = tuple(dict.fromkeys(i for f in good for i in f.evidence))
            return Finding(status=Status.WORKS, rule="target.all_functions", certainty=_surest(good), evidence=evidence)
        broken = sorted((f for f in core if f.status not in GOOD), key=gravity)
        in_part = any(f.status is Status.PARTIAL for f in core)
        if len(broken) == len(core) and not in_part:
            return _joined(broken[0], [f for f in bad if f.cause == broken[0].cause])
        worst = next((f for f in bad if not in_part or f.status not in _UNDECIDED), bad[0])
        if worst.status in _UNDECIDED:
            return _restated(worst, worst.status, Certainty.NONE, "target.incomplete")
        return _restated(worst, Status.PARTIAL, worst.certainty, worst.rule)


def _most(judged: Sequence[Judged]) -> Finding:
    """Judge a pool whose members do not replace each other, some of which work and some do not.

    One dead member is what maintenance looks like; from two on, or from half of a small pool, somebody is cut off.  What
    could not be found out counts for neither side.  The evidence names one step of every member: it carries the count.
    """
    good = [finding for _, finding in judged if finding.status in GOOD]
    undecided = [finding for _, finding in judged if finding.status in _UNDECIDED]
    dead = sorted((each for each in judged if each[1].status not in GOOD | _UNDECIDED), key=lambda each: gravity(each[1]))
    heard = tuple(dict.fromkeys(i for finding in good for i in finding.evidence[:1]))
    if len(dead) > 1 or 2 * len(dead) >= len(judged):
        worst = _supported(dead)
        return Finding(
            status=Status.PARTIAL, rule=worst.rule, cause=worst.cause, certainty=worst.certainty, evidence=(*worst.evidence, *heard)
        )
    told = tuple(dict.fromkeys((*heard, *(i for _, finding in dead for i in finding.evidence[:1]))))
    if 2 * len(good) < len(judged):
        seen = tuple(i for finding in undecided for i in finding.evidence[:1])
        return Finding(status=Status.UNKNOWN, rule="target.incomplete", certainty=Certainty.NONE, evidence=(*told, *seen))
    return Finding(status=Status.WORKS, rule=good[0].rule, certainty=_surest(good), evidence=told)


def _surest(good: Sequence[Finding]) -> Certainty:
    """Return how sure it is that something works: as sure as the surest sign of it."""
    return min((finding.certainty for finding in good), key=lambda certainty: _CERTAINTY.get(certainty, 9))


def _forgiven(judged: Judged, errors_alone: bool) -> Judged:
    """Count an error page as an answer where other pages of the target are well."""
    endpoint, finding = judged
    if errors_alone and finding.rule == "http.server_error":
        return endpoint, Finding(status=Status.WORKS, rule="http.error_page", evidence=finding.evidence)
    return judged


def _supported(bad: Sequence[Judged]) -> Finding:
    """Return the gravest finding, weakened where only endpoints that nobody has checked carry it."""
    worst = bad[0][1]
    carrying = [(endpoint, finding) for endpoint, finding in bad if (finding.status, finding.cause) == (worst.status, worst.cause)]
    joined = _joined(worst, [finding for _, finding in carrying])
    if worst.status is Status.BLOCKED and not any(endpoint.checked for endpoint, _ in carrying):
        return Finding(
            status=Status.LIKELY_BLOCKED, rule=joined.rule, cause=joined.cause, certainty=Certainty.LIKELY, evidence=joined.evidence
        )
    return joined


def _restated(finding: Finding, status: Status, certainty: Certainty, rule: str) -> Finding:
    return Finding(status=status, rule=rule, cause=finding.cause, certainty=certainty, evidence=finding.evidence)


def _joined(finding: Finding, others: Sequence[Finding]) -> Finding:
    """Return a finding with the evidence of those that say the same."""
    evidence = tuple(dict.fromkeys((*finding.evidence, *(i for other in others for i in other.evidence))))
    return Finding(status=finding.status, rule=finding.rule, cause=finding.cause, certainty=finding.certainty, evidence=evidence)
