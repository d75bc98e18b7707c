"""Rules of what was done outside a VPN on purpose: the comparison without it, the kill-switch test, the watch.

What was measured beside the VPN is a direct line of its own, judged by the very same rules.  It says nothing of the line that the person
uses now, and only one thing goes across: a service that works through the VPN at the same time is not down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from diagnostics.bogons import is_bogon
from diagnostics.judge.endpoints import EndpointJudge
from diagnostics.judge.evidence import Evidence, Finding, ids
from diagnostics.judge.network import NetworkJudge
from diagnostics.judge.route_evidence import said, word
from diagnostics.judge.routes import confirmed
from diagnostics.judge.targets import TargetJudge
from diagnostics.judge.vpn_protection import checks_of
from diagnostics.model import DIRECT, OUTSIDE, Cause, Certainty, NetworkVerdict, Observation, RouteVerdict, Status, Step, Verdict, VpnCheck

DENIED: Final = "permission_denied"
"""What a system answers for a packet that a filter of its own refuses."""

ENOUGH_DENIED: Final = 4
"""Places that must have been refused before the filter is said to hold everything."""

ENOUGH_ANSWERS: Final = 2
"""Answers of routers that make an open path certain."""

SHARED: Final = ("plan", "clock", "lateness")
"""Notes of the run that hold on both lines."""


def judge_outside(
    evidence: Evidence, network: NetworkVerdict, directly: Sequence[Verdict]
) -> tuple[tuple[RouteVerdict, ...], tuple[Verdict, ...]]:
    """Return what is to be said of the line without the VPN, and of the services over it; nothing if nobody asked."""
    steps = evidence.routes.get(OUTSIDE, [])
    plan = evidence.system.get("plan")
    asked = plan is not None and plan.detail.get("outside") is True
    note = next((o for o in steps if o.step is Step.SYSTEM and o.detail.get("kind") == "outside"), None)
    if note is None:
        missed = said(Status.NOT_TESTED, "vpn.outside_not_reached", None, Certainty.NONE, ids(plan))
        return ((missed.of_route(OUTSIDE, OUTSIDE),) if asked else (), ())
    if note.detail.get("found") is not True:
        reason = said(Status.NOT_TESTED, "vpn.outside_not_possible", None, Certainty.NONE, ids(note))
        return (reason.of_route(OUTSIDE, OUTSIDE),), ()
    line = _alone(evidence, steps)
    endpoints = EndpointJudge(line)
    found = NetworkJudge(line, endpoints).line()
    shut = _held(line) or _silent(found, network)
    if shut is not None:
        return (shut.of_route(OUTSIDE, OUTSIDE),), tuple(_nothing_known(line, shut))
    judged = [verdict for target in line.targets for verdict in TargetJudge(endpoints, found).judge(target)]
    proofs = directly if note.detail.get("whole") is True else ()
    verdicts = tuple(msgspec.structs.replace(confirmed(verdict, proofs), route=OUTSIDE) for verdict in judged)
    return (said(found.status, found.rule, found.cause, found.certainty, found.evidence).of_route(OUTSIDE, OUTSIDE),), verdicts


def _alone(evidence: Evidence, steps: Sequence[Observation]) -> Evidence:
    """Return the steps beside the VPN as the evidence of a run of their own, under the ids that they have in the report."""
    notes = [note for kind in SHARED if (note := evidence.system.get(kind)) is not None]
    alone = [msgspec.structs.replace(o, detail=o.detail | {"direct": True}) if o.detail.get("kind") == "plan" else o for o in notes]
    resolver = next((o for o in steps if o.step is Step.SYSTEM and o.detail.get("kind") == "resolver"), None)
    unknown = resolver is None or not resolver.detail.get("addresses")
    kept = (o for o in steps if not (unknown and o.step is Step.DNS and o.detail.get("resolver") == "system"))
    return Evidence([*alone, *(msgspec.structs.replace(o, route=DIRECT) for o in kept)])


def _held(line: Evidence) -> Finding | None:
    """Judge a line on which this computer's own filter refuses everything: the VPN's kill switch does what it is for.

    A connection that is refused so just stays silent, so it is questions over UDP that tell.  The person's own network may be exempt.
    """
    denied = [o for o in line.observations if o.failure == DENIED and not is_bogon(str(o.address))]
    if len({o.address for o in denied}) < ENOUGH_DENIED or line.connected() or _answered(line):
        return None
    return said(Status.DOWN, "vpn.kill_switch_holds", Cause.VPN_KILL_SWITCH_ACTIVE, Certainty.CERTAIN, ids(denied[:8]))


def _answered(line: Evidence) -> bool:
    """Tell whether a resolver outside the person's own network answered."""
    lookups = (o for group in line.dns.values() for o in group)
    return any(o.detail.get("rcode") and not is_bogon(str(o.address)) for o in lookups)


def _silent(found: NetworkVerdict, network: NetworkVerdict) -> Finding | None:
    """Judge a line on which nothing answers while the VPN works: a silent kill switch, or a line that lets nothing but the VPN through."""
    if found.cause is not Cause.NO_INTERNET or network.cause is Cause.NO_INTERNET:
        return None
    return said(Status.UNKNOWN, "vpn.nothing_outside", None, Certainty.NONE, found.evidence[:8])


def _nothing_known(line: Evidence, shut: Finding) -> Iterator[Verdict]:
    """Yield a verdict for every target that could not be reached: that nothing may leave says nothing of it."""
    for target in line.targets:
        nothing = Finding(status=Status.NOT_TESTED, rule=shut.rule, cause=shut.cause, certainty=Certainty.NONE, evidence=shut.evidence)
        yield nothing.of_target(target.id, None, OUTSIDE)


# --- checks of the VPN ------------------------------------------------------------------------------


def with_checks(network: NetworkVerdict, evidence: Evidence) -> NetworkVerdict:
    """Return what is known of the line with the checks that were asked for: what others see, and those outside the VPN."""
    checks = (*checks_of(evidence, network.vpn, network), *outside_checks(evidence))
    if not checks:
        return network
    return msgspec.structs.replace(network, vpn=msgspec.structs.replace(network.vpn, checks=(*network.vpn.checks, *checks)))


def outside_checks(evidence: Evidence) -> tuple[VpnCheck, ...]:
    """Return the checks that were asked for: ``kill_switch`` and ``watch``."""
    found = (_kill_switch(_stage(evidence, "kill_switch")), _watch(_stage(evidence, "watch")))
    return tuple(each for each in found if each is not None)


def _stage(evidence: Evidence, name: str) -> list[Observation]:
    return [o for o in evidence.observations if o.step is Step.VPN and word(o, "stage") == name]


def _check(check: str, status: Status, rule: str, cause: Cause | None, certainty: Certainty, steps: Sequence[Observation]) -> VpnCheck:
    return VpnCheck(check=check, status=status, cause=cause, certainty=certainty, rule=rule, evidence=ids(steps[:8]))


def _number(o: Observation, key: str) -> int:
    value = o.detail.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _kill_switch(steps: Sequence[Observation]) -> VpnCheck | None:
    """Judge the low-TTL probe: a router that answers saw the packet, a refusal of this computer held it, silence says neither."""
    name = "kill_switch"
    if not steps:
        return None
    tried = [o for o in steps if o.detail.get("available") is not False]
    if not tried:
        return _check(name, Status.NOT_TESTED, "vpn.kill_switch_not_here", None, Certainty.NONE, steps)
    heard = [o for o in tried if _number(o, "answers")]
    without = not any(o.detail.get("vpn") for o in tried)
    if heard and not without:
        sure = Certainty.CERTAIN if any(_number(o, "answers") >= ENOUGH_ANSWERS for o in heard) else Certainty.LIKELY
        return _check(name, Status.PARTIAL, "vpn.path_beside", Cause.VPN_LEAK_PATH_OPEN, sure, heard)
    held = [o for o in tried if _number(o, "denied") and _number(o, "denied") == _number(o, "tries")]
    if len(held) == len(tried):
        return _check(name, Status.WORKS, "vpn.refused_here", Cause.VPN_KILL_SWITCH_ACTIVE, Certainty.CERTAIN, held)
    if without:
        return _check(name, Status.NOT_TESTED, "vpn.kill_switch_without_vpn", None, Certainty.NONE, heard or tried)
    return _check(name, Status.UNKNOWN, "vpn.no_reply", None, Certainty.NONE, tried)


_LEFT: Final = {"four": Cause.VPN_LEAK_PATH_OPEN, "six": Cause.VPN_IPV6_OUTSIDE, "names": Cause.VPN_DNS_OUTSIDE}
"""What a part of the traffic that left the tunnel means."""


def _watch(steps: Sequence[Observation]) -> VpnCheck | None:
    """Judge what was seen while the person pulled the plug."""
    name = "watch"
    if not steps:
        return None
    step = steps[-1]
    moments = [m for m in step.detail.get("moments") or () if isinstance(m, dict)] if _is_list(step.detail.get("moments")) else []
    whats = [(str(m.get("what")), str(m.get("part"))) for m in moments]
    left = [part for what, part in whats if what == "left" and part in _LEFT]
    if left:
        part = next(each for each in ("four", "six", "names") if each in left)
        return _check(name, Status.PARTIAL, "vpn.left_the_tunnel", _LEFT[part], Certainty.CERTAIN, [step])
    outside = [part for what, part in whats if what == "outside" and part in _LEFT]
    if ("none", "") in whats:
        return _check(name, Status.NOT_TESTED, "vpn.watched_without_vpn", None, Certainty.NONE, [step])
    if outside:
        cause = next((_LEFT[each] for each in ("six", "names") if each in outside), Cause.VPN_SPLIT)
        return _check(name, Status.PARTIAL, "vpn.outside_all_along", cause, Certainty.CERTAIN, [step])
    if any(what in ("cut", "gone") for what, _ in whats):
        return _check(name, Status.WORKS, "vpn.held_while_down", Cause.VPN_KILL_SWITCH_ACTIVE, Certainty.LIKELY, [step])
    return _check(name, Status.UNKNOWN, "vpn.stayed_up", None, Certainty.NONE, [step])


def _is_list(value: Any) -> bool:  # noqa: ANN401 - a report of a stranger
    return isinstance(value, list | tuple)
