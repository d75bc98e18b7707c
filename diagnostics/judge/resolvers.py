"""Public resolvers that cannot be reached, or not by every way in, while the line works: changing to them would not help here.

A resolver that is out of reach is no accusation by itself (its servers may be down), so nothing here is ever certain, and one
way into one resolver that failed is not even mentioned: a lost packet, or a service that its operator has ended, looks so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from diagnostics.doubt import LEAST
from diagnostics.failures import TIMEOUT, died
from diagnostics.judge.evidence import Evidence, ids
from diagnostics.model import RESOLVER_TARGET, Cause, Certainty, Fact, NetworkVerdict, Observation, Status, Step, Verdict

ENOUGH_TRANSPORTS: Final = 2
"""Transports of one resolver that must be shut, and none of the others answered: one alone may be a lost packet."""

ENOUGH_OPERATORS: Final = 2
"""Operators whose resolvers must be out of reach by the same transport before that transport is said to be in trouble."""

TRANSPORTS: Final = ("udp", "tcp", "dot", "doh")
NO_WAY: Final = frozenset({"network_unreachable", "network_down", "address_not_available", "address_family_not_supported"})

WELL: Final = frozenset({Status.WORKS, Status.SLOW, Status.PARTIAL})

ANYBODY: Final = f"{RESOLVER_TARGET}any"
"""The target under which it is said that somebody on the way answers in the place of every public resolver."""


class _Seen(Fact, frozen=True):
    """What one resolver's transports came to; a transport that was not tried, or for want of a way there, is in neither."""

    id: str
    operator: str
    reached: frozenset[str]
    failed: dict[str, list[Observation]]
    closed: frozenset[str]


def judge_resolvers(evidence: Evidence, network: NetworkVerdict) -> list[Verdict]:
    """Return verdicts for the public resolvers that are out of reach, whole or by some way; none while the line does not work."""
    if network.status not in WELL or evidence.late:
        return []
    plan = evidence.system.get("plan")
    known = plan.detail.get("resolvers", ()) if plan else ()
    steps = _steps_by_resolver(evidence)
    seen = [_seen(entry, steps) for entry in known if isinstance(entry, dict) and entry.get("checked", True)]
    troubled = _troubled_transports(seen)
    return [*_taken_over(evidence), *(verdict for each in seen for verdict in _judged(each, troubled))]


def _steps_by_resolver(evidence: Evidence) -> Mapping[str, Sequence[Observation]]:
    """Return the steps that spoke to each resolver itself, and not to something else at its address."""
    found: dict[str, list[Observation]] = defaultdict(list)
    for o in evidence.observations:
        if o.step is Step.DNS:
            found[str(o.detail.get("resolver"))].append(o)
        elif str(o.detail.get("purpose", "")).startswith("resolver_"):
            found[str(o.host)].append(o)
    return found


def _seen(entry: dict[str, Any], by_resolver: Mapping[str, Sequence[Observation]]) -> _Seen:
    name, addresses = str(entry.get("id")), entry.get("addresses") or ()
    steps = [o for o in by_resolver.get(name, ()) if o.address in addresses]
    reached = frozenset(_transport(o) for o in steps if o.step is Step.DNS and o.detail.get("rcode") is not None)
    failed: dict[str, list[Observation]] = defaultdict(list)
    for o in steps:
        if _out_of_reach(o) and _transport(o) not in reached:
            failed[_transport(o)].append(o)
    # on a narrow line answers that are only late look like silence: a way counts as closed if nothing was even connected to
    closed = frozenset(t for t, group in failed.items() if any(_shut(o) for o in group))
    return _Seen(id=name, operator=str(entry.get("operator")), reached=reached, failed=dict(failed), closed=closed)


def _troubled_transports(seen: Sequence[_Seen]) -> frozenset[str]:
    """Return the transports by which resolvers of several operators are out of reach that can be reached otherwise."""
    operators = {t: {s.operator for s in seen if t in s.closed and s.reached} for t in TRANSPORTS}
    return frozenset(t for t, those in operators.items() if len(those) >= ENOUGH_OPERATORS)


def _judged(seen: _Seen, troubled: frozenset[str]) -> list[Verdict]:
    """Return the verdict of one resolver and of its transports, or nothing where nothing is to be said."""
    if not seen.reached and len(seen.closed) >= ENOUGH_TRANSPORTS:
        return [
            _said(seen, None, Status.LIKELY_BLOCKED, "resolver.unreachable", [o for group in seen.failed.values() for o in group]),
            *(_said(seen, t, Status.LIKELY_BLOCKED, "resolver.unreachable", group) for t, group in seen.failed.items()),
        ]
    closed = {t: group for t, group in seen.failed.items() if t in troubled and t in seen.closed}
    if not seen.reached or not closed:
        return []
    return [
        _said(seen, None, Status.PARTIAL, "resolver.some_ways_closed", [o for group in closed.values() for o in group]),
        *(_said(seen, t, Status.LIKELY_BLOCKED, "resolver.way_closed", group) for t, group in closed.items()),
    ]


def _taken_over(evidence: Evidence) -> list[Verdict]:
    """Say that questions to an address where no resolver lives are answered: somebody on the way takes all of them over.

    It may be the person's own router; it says nothing about whether the answers are true.
    """
    answered = evidence.answered_by_nobody(neutral=True)
    if not answered:
        return []
    return [
        Verdict(
            target=ANYBODY,
            function="udp",
            status=Status.BLOCKED if len(answered) >= ENOUGH_TRANSPORTS else Status.LIKELY_BLOCKED,
            cause=Cause.RESOLVER_BLOCKED,
            certainty=Certainty.CERTAIN if len(answered) >= ENOUGH_TRANSPORTS else Certainty.LIKELY,
            rule="dns.taken_over",
            evidence=ids(answered),
        )
    ]


def _said(seen: _Seen, transport: str | None, status: Status, rule: str, steps: Sequence[Observation]) -> Verdict:
    return Verdict(
        target=f"{RESOLVER_TARGET}{seen.id}",
        function=transport,
        status=status,
        cause=Cause.RESOLVER_BLOCKED,
        certainty=Certainty.LIKELY,
        rule=rule,
        evidence=ids(steps),
    )


def _transport(o: Observation) -> str:
    return str(o.detail.get("engine") or str(o.detail.get("purpose")).removeprefix("resolver_"))


def _shut(o: Observation) -> bool:
    """Tell whether a step shows a way that is shut, and not one that was slow: lost tries, a refusal, or a handshake that was cut."""
    if o.step is Step.TLS:
        return o.failure != TIMEOUT
    return o.failure != TIMEOUT or int(o.detail.get("tries") or 1) >= LEAST


def _out_of_reach(o: Observation) -> bool:
    """Tell whether nothing of the resolver came back in this step, and not for want of a way there."""
    if o.failure in NO_WAY:
        return False
    if o.step is Step.DNS:
        return o.failure is not None and o.detail.get("rcode") is None
    return o.failure is not None and (o.step is Step.TCP or died(o))
