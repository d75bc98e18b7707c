"""From observations to verdicts: pure rules, one file a layer.

``judge`` reads nothing but observations (the plan is one of them), so a saved report gives the same verdicts again on any
computer, offline, byte for byte.  Rule ids are ``layer.name``; they are a public contract and never change meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnostics.judge.app_proxies import carried_by_none, may_confirm
from diagnostics.judge.endpoints import EndpointJudge
from diagnostics.judge.evidence import Evidence
from diagnostics.judge.network import NetworkJudge
from diagnostics.judge.resolvers import judge_resolvers
from diagnostics.judge.routes import confirmed, judge_routes
from diagnostics.judge.targets import TargetJudge
from diagnostics.judge.vpn_outside import judge_outside, with_checks
from diagnostics.judge.workarounds import judge_workarounds
from diagnostics.model import Fact, NetworkVerdict, Observation, RouteVerdict, Service, Verdict, Workaround


class Judgement(Fact, frozen=True):
    """Everything that a run's observations mean."""

    network: NetworkVerdict
    routes: tuple[RouteVerdict, ...]
    verdicts: tuple[Verdict, ...]
    workarounds: tuple[Workaround, ...] = ()


def judge_target(evidence: Evidence, target: Service, network: NetworkVerdict) -> tuple[Verdict, ...]:
    """Return what is known of one target so far; ``network`` is what is known of the line."""
    return tuple(TargetJudge(EndpointJudge(evidence), network).judge(target))


def judge(observations: Sequence[Observation]) -> Judgement:
    """Return the judgement of a run's observations."""
    evidence = Evidence(observations)
    endpoints = EndpointJudge(evidence)
    judges_line = NetworkJudge(evidence, endpoints)
    network, line = with_checks(judges_line.judge(), evidence), judges_line.line()
    targets = TargetJudge(endpoints, network)
    direct = RouteVerdict(status=line.status, cause=line.cause, certainty=line.certainty, rule=line.rule, evidence=line.evidence)
    directly = [verdict for target in evidence.targets for verdict in targets.judge(target)] if evidence.goes_direct else []
    routes, over_routes = judge_routes(evidence, evidence.targets, network, directly)
    if evidence.goes_direct:
        proofs = [verdict for verdict in over_routes if may_confirm(verdict, routes)]
        services = [confirmed(verdict, proofs) for verdict in directly]
    else:
        services = list(carried_by_none(evidence.targets, routes, over_routes))
    beside, over_beside = judge_outside(evidence, network, directly)
    resolvers = judge_resolvers(evidence, network)
    return Judgement(
        network=network,
        routes=(direct, *routes, *beside),
        verdicts=(*services, *over_routes, *over_beside, *resolvers),
        workarounds=judge_workarounds(evidence, (*services, *over_routes)),
    )
