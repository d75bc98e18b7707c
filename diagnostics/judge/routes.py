"""Rules of proxies: is the way itself open, and what opens through it?

What a proxy says when it agrees proves nothing.  A target works through it when its certificate is valid and its page came in whole.
What it says when it refuses is believed: it is the one who knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from diagnostics.failures import CERTIFICATE_FAILURES, DEATHS, EOF, FAILED_HANDSHAKE, INTERRUPTED, REFUSED, RESET, TIMEOUT, WRONG_ANSWER
from diagnostics.judge.app_proxies import app_of, judge_app
from diagnostics.judge.evidence import Evidence, Finding, base_domain, ids
from diagnostics.judge.route_hops import before_the_proxy
from diagnostics.judge.route_quality import with_quality
from diagnostics.judge.targets import GOOD, TargetJudge
from diagnostics.model import (
    Cause,
    Certainty,
    Endpoint,
    NetworkVerdict,
    Observation,
    Probe,
    RouteVerdict,
    Rule,
    Service,
    Status,
    Step,
    Verdict,
)

PROVABLE: Final = frozenset({Probe.HTTPS, Probe.HTTP, Probe.TLS, Probe.MTPROTO})
"""What can be proven through a proxy: a mere connection cannot, since proxies say yes to closed ports."""

AUTH: Final = "proxy_authentication_failed"
WRONG_PROTOCOL: Final = "proxy_wrong_protocol"
HTTP_REFUSED: Final = "http_proxy_request_failed"
BAD_REPLY: Final = "proxy_bad_reply"
NOT_ALLOWED: Final = "socks_connection_not_allowed"
"""Failures of ``routes/tunnel.py`` and ``routes/socks.py``; the judge reads them from reports and imports no dialer."""

FORBIDDEN: Final = 403
SERVER_ERROR: Final = 500
REFUSED_FOR_PLACE: Final = frozenset({451})
ENOUGH_OWNERS: Final = 2
_CUT: Final = frozenset({RESET, EOF, TIMEOUT, "timed_out", "connection_aborted"})


class RouteEvidence:
    """What was measured over one route."""

    def __init__(self, observations: Sequence[Observation]) -> None:
        """Sort by step; what was interrupted proves nothing."""
        whole = [o for o in observations if o.failure != INTERRUPTED]
        self.note = next((o for o in whole if o.step is Step.SYSTEM and o.detail.get("kind") == "route"), None)
        self.proxy = [o for o in whole if o.step is Step.PROXY]
        self.tls = [o for o in whole if o.step is Step.TLS]
        self.pages = [o for o in whole if o.step is Step.HTTP]
        self.mtproto = [o for o in whole if o.step is Step.MTPROTO]

    def stage(self, name: str) -> list[Observation]:
        """Return the steps of one stage of getting through."""
        return [o for o in self.proxy if o.detail.get("stage") == name]

    @property
    def whole_pages(self) -> list[Observation]:
        """Return the pages that came in whole."""
        return [o for o in self.pages if o.failure is None and o.detail.get("complete")]


class RouteEndpoints:
    """Judges endpoints over one route; fits in where the direct line's judge does."""

    def __init__(self, evidence: RouteEvidence, route: RouteVerdict) -> None:
        """Judge by ``evidence``; ``route`` says what is known of the way itself."""
        self._evidence = evidence
        self._route = route

    def judge(self, target: str | None, endpoint: Endpoint) -> Finding:
        """Return what is to be said of one endpoint."""
        if self._route.status is Status.DOWN:
            return _said(Status.DOWN, self._route.rule, self._route.cause, self._route.certainty, self._route.evidence)
        if self._route.status in (Status.UNKNOWN, Status.NOT_TESTED):
            return _said(self._route.status, self._route.rule, self._route.cause, Certainty.NONE, self._route.evidence)
        opened = [o for o in self._evidence.stage("open") if o.target == target and o.host == endpoint.host]
        tls = [o for o in self._evidence.tls if o.target == target and o.host == endpoint.host]
        steps = {Probe.MTPROTO: self._evidence.mtproto, Probe.TLS: self._evidence.tls}.get(endpoint.probe, self._evidence.pages)
        last = [o for o in steps if o.target == target and o.host == endpoint.host]
        good = [o for o in last if o.failure is None]
        if good:
            return (
                _page(good[0]) if good[0].step is Step.HTTP else _said(Status.WORKS, "route.answers", None, Certainty.CERTAIN, ids(good[0]))
            )
        refused = [o for o in opened if o.failure]
        if refused and len(refused) == len(opened):
            return _refused(refused)
        broken = [o for o in tls if o.failure]
        if broken and len(broken) == len(tls):
            return self._broken(endpoint.host, broken)
        if last:
            return _said(Status.UNKNOWN, "route.cut_short", None, Certainty.NONE, ids(last))
        return _said(Status.NOT_TESTED, "route.not_measured", None, Certainty.NONE, ())

    def _broken(self, host: str, broken: Sequence[Observation]) -> Finding:
        """Judge handshakes that failed through the proxy although it said yes."""
        strangers = [o for o in broken if o.failure in CERTIFICATE_FAILURES and "verify_code" in o.detail]
        if strangers:
            others = [o for o in self._evidence.tls if o.failure in CERTIFICATE_FAILURES and base_domain(str(o.host)) != base_domain(host)]
            sure = Certainty.CERTAIN if others else Certainty.LIKELY
            return _said(Status.DOWN, "route.stranger_signs", Cause.PROXY_INTERCEPTS, sure, ids(strangers, others[:2]))
        return _said(Status.DOWN, "route.opened_but_dead", None, Certainty.LIKELY, ids(broken))


def _page(page: Observation) -> Finding:
    status = page.detail.get("status")
    if not page.detail.get("complete"):
        return _said(Status.UNKNOWN, "route.cut_short", None, Certainty.NONE, ids(page))
    if status in REFUSED_FOR_PLACE or page.detail.get("told") == "country":
        return _said(Status.DOWN, "route.refused_for_place", Cause.GEO_REFUSED, Certainty.LIKELY, ids(page))
    if isinstance(status, int) and status >= SERVER_ERROR and not page.detail.get("told"):
        return _said(Status.DOWN, "route.server_error", Cause.SERVER_FAULT, Certainty.LIKELY, ids(page))
    return _said(Status.WORKS, "route.page", None, Certainty.CERTAIN, ids(page))


def _refused(refused: Sequence[Observation]) -> Finding:
    """Judge what a proxy says when it does not open a target."""
    by_rule = [o for o in refused if o.failure == NOT_ALLOWED or o.detail.get("status") == FORBIDDEN]
    if by_rule:
        return _said(Status.DOWN, "route.not_allowed", Cause.PROXY_REFUSES_TARGET, Certainty.CERTAIN, ids(by_rule))
    if any(o.failure == AUTH for o in refused):
        return _said(Status.DOWN, "route.login_refused", Cause.PROXY_AUTH, Certainty.CERTAIN, ids(refused))
    if all(o.failure in (TIMEOUT, "timed_out") for o in refused):
        return _said(Status.UNKNOWN, "route.no_answer_for_target", None, Certainty.NONE, ids(refused))
    return _said(Status.DOWN, "route.target_out_of_reach", None, Certainty.LIKELY, ids(refused))


def _said(status: Status, rule: str, cause: Cause | None, certainty: Certainty, evidence: Sequence[str]) -> Finding:
    return Finding(status=status, rule=rule, cause=cause, certainty=certainty, evidence=tuple(evidence))


# --- the way itself ----------------------------------------------------------------------------------


def judge_route(route: str, evidence: RouteEvidence, network: NetworkVerdict) -> RouteVerdict:
    """Return what is to be said of a proxy; the first stage that fails everywhere decides."""
    kind = str(evidence.note.detail.get("proxy", "")) if evidence.note else ""
    found = _masked(network) or _stages(evidence)
    return RouteVerdict(
        id=route,
        kind=kind,
        label=route,
        status=found.status,
        cause=found.cause,
        certainty=found.certainty,
        rule=found.rule,
        evidence=found.evidence,
    )


def _masked(network: NetworkVerdict) -> Finding | None:
    """Without Internet nothing can be said of a proxy."""
    if network.cause in (Cause.NO_INTERNET, Cause.CAPTIVE_PORTAL):
        return _said(Status.UNKNOWN, network.rule, network.cause, Certainty.NONE, network.evidence[:8])
    return None


def _stages(evidence: RouteEvidence) -> Finding:
    if evidence.note is not None and evidence.note.detail.get("why_not"):
        return _said(Status.NOT_TESTED, "route.needs_its_own_client", None, Certainty.NONE, ids(evidence.note))
    if (before := before_the_proxy(evidence.proxy)) is not None:
        return before
    for stage in (_named, _connected, _secured, _opened, _through):
        found = stage(evidence)
        if found is not None:
            return found
    if not evidence.whole_pages:
        return _said(Status.NOT_TESTED, "route.not_measured", None, Certainty.NONE, ())
    leaks = bool(evidence.note and evidence.note.detail.get("names_here"))
    rule, cause = ("route.names_leak", Cause.PROXY_LEAKS_DNS) if leaks else ("route.works", None)
    return _said(Status.WORKS, rule, cause, Certainty.CERTAIN, ids(evidence.note, evidence.whole_pages[:4]))


def _all_failed(steps: Sequence[Observation]) -> list[Observation]:
    """Return the failed steps if there is no other."""
    failed = [o for o in steps if o.failure]
    return failed if failed and len(failed) == len(steps) else []


def _named(evidence: RouteEvidence) -> Finding | None:
    failed = _all_failed(evidence.stage("name"))
    if failed:
        return _said(Status.DOWN, "route.name_unknown", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, ids(failed))
    return None


def _connected(evidence: RouteEvidence) -> Finding | None:
    failed = _all_failed(evidence.stage("connect"))
    if not failed:
        return None
    if any(o.failure == REFUSED for o in failed):
        return _said(Status.DOWN, "route.refused", Cause.PROXY_DOWN, Certainty.CERTAIN, ids(failed))
    return _said(Status.DOWN, "route.silent", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, ids(failed))


def _secured(evidence: RouteEvidence) -> Finding | None:
    failed = _all_failed(evidence.stage("secure"))
    if not failed:
        return None
    if any(o.failure in CERTIFICATE_FAILURES for o in failed):
        return _said(Status.DOWN, "route.own_certificate", Cause.PROXY_INTERCEPTS, Certainty.LIKELY, ids(failed))
    if all(o.failure == FAILED_HANDSHAKE for o in failed):
        return _said(Status.DOWN, "route.no_tls", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, ids(failed))
    return _said(Status.DOWN, "route.cut_at_hello", Cause.PROXY_BLOCKED, Certainty.LIKELY, ids(failed))


def _opened(evidence: RouteEvidence) -> Finding | None:
    """Judge a proxy that opens nothing at all, harmless targets included."""
    failed = _all_failed([o for o in evidence.stage("open") if o.detail.get("purpose") != "guess"] or evidence.stage("open"))
    if not failed:
        return None
    failures = {o.failure for o in failed}
    if AUTH in failures:
        return _said(Status.DOWN, "route.login_refused", Cause.PROXY_AUTH, Certainty.CERTAIN, ids(failed))
    if failures & {WRONG_PROTOCOL, BAD_REPLY, WRONG_ANSWER}:
        return _said(Status.DOWN, "route.other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.CERTAIN, ids(failed))
    if all(o.failure == NOT_ALLOWED or o.detail.get("status") == FORBIDDEN for o in failed):
        return _said(Status.DOWN, "route.not_allowed", Cause.PROXY_REFUSES_TARGET, Certainty.CERTAIN, ids(failed))
    if failures <= {TIMEOUT, "timed_out"}:
        return _said(Status.DOWN, "route.does_not_answer", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, ids(failed))
    if failures <= _CUT:
        return _said(Status.DOWN, "route.cut_at_greeting", Cause.PROXY_BLOCKED, Certainty.LIKELY, ids(failed))
    return _said(Status.DOWN, "route.reaches_nothing", None, Certainty.LIKELY, ids(failed))


def _through(evidence: RouteEvidence) -> Finding | None:
    """Judge a proxy that opens targets, behind all of which the handshake fails."""
    failed = _all_failed(evidence.tls)
    if not failed or evidence.whole_pages:
        return None
    if any(o.failure == AUTH for o in failed):
        return _said(Status.DOWN, "route.key_refused", Cause.PROXY_AUTH, Certainty.CERTAIN, ids(failed))
    strangers = [o for o in failed if o.failure in CERTIFICATE_FAILURES and "verify_code" in o.detail]
    owners = {base_domain(str(o.host)) for o in strangers}
    if len(owners) >= ENOUGH_OWNERS:
        return _said(Status.DOWN, "route.stranger_signs", Cause.PROXY_INTERCEPTS, Certainty.CERTAIN, ids(strangers))
    keyed = any(o.detail.get("late") for o in evidence.stage("open"))
    if keyed and all(o.failure in DEATHS for o in failed):
        return _said(Status.DOWN, "route.key_or_cut", Cause.PROXY_AUTH, Certainty.LIKELY, ids(failed))
    if strangers:
        return _said(Status.DOWN, "route.stranger_signs", Cause.PROXY_INTERCEPTS, Certainty.LIKELY, ids(strangers))
    return _said(Status.DOWN, "route.opened_but_dead", None, Certainty.LIKELY, ids(failed))


# --- the services through it, and what that says of the direct line -------------------------------------


def provable(target: Service) -> Service:
    """Return a service without what cannot be proven through a proxy."""
    functions = []
    for function in target.functions:
        endpoints = tuple(e for e in function.endpoints if e.probe in PROVABLE)
        if endpoints and function.rule is not Rule.INFO:
            functions.append(msgspec.structs.replace(function, endpoints=endpoints))
    return msgspec.structs.replace(target, functions=tuple(functions))


def judge_over_route(target: Service, evidence: RouteEvidence, route: RouteVerdict) -> list[Verdict]:
    """Return the verdicts of one service over one route, by the same rules of functions as on the direct line."""
    endpoints = RouteEndpoints(evidence, route)
    found = TargetJudge(endpoints, NetworkVerdict(status=Status.WORKS)).judge(provable(target))
    return [msgspec.structs.replace(verdict, route=route.id) for verdict in found]


def confirmed(direct: Verdict, over_routes: Sequence[Verdict]) -> Verdict:
    """Return a direct verdict, made certain where another route shows that the service itself is well.

    "It looks blocked" may also be a service that is down; the same service that opens over another route at the same time is not.
    """
    proof = [v for v in over_routes if (v.target, v.function) == (direct.target, direct.function) and v.status in GOOD]
    if direct.status is not Status.LIKELY_BLOCKED or not proof:
        return direct
    evidence = tuple(dict.fromkeys((*direct.evidence, *proof[0].evidence[:4])))
    return msgspec.structs.replace(direct, status=Status.BLOCKED, certainty=Certainty.CERTAIN, evidence=evidence)


def judge_routes(evidence: Evidence, targets: Sequence[Service], network: NetworkVerdict) -> tuple[list[RouteVerdict], list[Verdict]]:
    """Return the verdicts of all proxies, and of all services over each."""
    routes: list[RouteVerdict] = []
    verdicts: list[Verdict] = []
    for route, observations in evidence.routes.items():
        known = RouteEvidence(observations)
        if app_of(known):
            own, carried = judge_app(route, observations, known, targets, network)
            routes.append(own)
            verdicts += carried
            continue
        judged = with_quality(judge_route(route, known, network), observations, evidence)
        routes.append(judged)
        verdicts += [verdict for target in targets for verdict in judge_over_route(target, known, judged)]
    return routes, verdicts
