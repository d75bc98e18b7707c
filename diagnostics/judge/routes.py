"""Rules of proxies: is the way itself open, and what opens through it?

What a proxy says when it agrees proves nothing.  A target works through it when its certificate is valid and its page came in whole.
What it says when it refuses is believed: it is the one who knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from diagnostics.failures import CERTIFICATE_FAILURES, DEATHS, FAILED_HANDSHAKE, REFUSED, RESET, WRONG_ANSWER
from diagnostics.judge.app_proxies import app_of, judge_app
from diagnostics.judge.evidence import Evidence, Finding, ids
from diagnostics.judge.handshakes import DATE_CODES, ENOUGH_DEATHS
from diagnostics.judge.route_endpoints import CLOUDED, RouteEndpoints, by_own_rule, judge_strangers
from diagnostics.judge.route_evidence import AUTH, BAD_REPLY, TOR, WRONG_PROTOCOL, DirectLine, RouteEvidence, code, cut, said
from diagnostics.judge.route_hops import before_the_proxy
from diagnostics.judge.route_quality import with_quality
from diagnostics.judge.targets import GOOD, TargetJudge
from diagnostics.judge.vpn_evidence import PAGELESS, PROFILES, ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import (
    OUTSIDE,
    WAYS,
    Cause,
    Certainty,
    NetworkVerdict,
    Observation,
    Probe,
    RouteVerdict,
    Rule,
    Service,
    Status,
    Verdict,
)

PROVABLE: Final = frozenset({Probe.HTTPS, Probe.HTTP, Probe.TLS, Probe.MTPROTO})
"""What can be proven through a proxy: a mere connection cannot, since proxies say yes to closed ports."""

# --- the way itself ----------------------------------------------------------------------------------


def judge_route(route: str, evidence: RouteEvidence, network: NetworkVerdict, direct: DirectLine) -> RouteVerdict:
    """Return what is to be said of a proxy; the first stage that fails everywhere decides."""
    found = _masked(evidence, network) or _stages(evidence, network, direct)
    return found.of_route(route, evidence.kind)


def _masked(evidence: RouteEvidence, network: NetworkVerdict) -> Finding | None:
    """Without Internet nothing can be said of a proxy, unless pages came through it all the same."""
    if network.cause in (Cause.NO_INTERNET, Cause.CAPTIVE_PORTAL) and not evidence.whole_pages:
        return said(Status.UNKNOWN, network.rule, network.cause, Certainty.NONE, network.evidence[:8])
    return None


def _stages(evidence: RouteEvidence, network: NetworkVerdict, direct: DirectLine) -> Finding:
    if evidence.note is not None and evidence.note.detail.get("why_not"):
        return said(Status.NOT_TESTED, "route.needs_its_own_client", None, Certainty.NONE, ids(evidence.note))
    if (before := before_the_proxy(evidence.proxy)) is not None:
        return before
    for stage in (_named, _connected, _misled, _speaks_otherwise):
        found = stage(evidence)
        if found is not None:
            return found
    found = _secured(evidence, network) or _opened(evidence) or _through(evidence, network, direct)
    if found is not None:
        return found
    if not evidence.whole_pages:
        return said(Status.NOT_TESTED, "route.not_measured", None, Certainty.NONE, ())
    leaks = bool(evidence.note and evidence.note.detail.get("names_here"))
    rule, cause = ("route.names_leak", Cause.PROXY_LEAKS_DNS) if leaks else ("route.works", None)
    return said(Status.WORKS, rule, cause, Certainty.CERTAIN, ids(evidence.note, evidence.whole_pages[:4]))


def _all_failed(steps: Sequence[Observation]) -> list[Observation]:
    """Return the failed steps if there is no other."""
    failed = [o for o in steps if o.failure]
    return failed if failed and len(failed) == len(steps) else []


def _named(evidence: RouteEvidence) -> Finding | None:
    failed = _all_failed(evidence.stage("name"))
    there = any(o.failure is None for o in evidence.stage("connect"))  # an odd address that answers all the same is the proxy's
    if failed and not _known_elsewhere(evidence) and not there:
        return said(Status.DOWN, "route.name_unknown", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, ids(failed))
    return None


def _known_elsewhere(evidence: RouteEvidence) -> list[Observation]:
    """Return the step in which public resolvers, asked over encrypted ways, gave the proxy's address."""
    return [o for o in evidence.stage("name_elsewhere") if o.failure is None]


def _misled(evidence: RouteEvidence) -> Finding | None:
    """Judge a proxy whose name leads nowhere here although it lives where others say.

    Only likely: a resolver at home may filter by itself, and a new name is not known everywhere at once.
    """
    failed, known = _all_failed(evidence.stage("name")), _known_elsewhere(evidence)
    there = [o for o in evidence.stage("connect") if o.failure is None]
    if failed and known and there:
        return said(Status.DOWN, "route.name_misled", Cause.PROXY_BLOCKED, Certainty.LIKELY, ids(failed, known, there[:1]))
    return None


def _connected(evidence: RouteEvidence) -> Finding | None:
    """Judge a proxy to which no connection is made.

    A refusal may be a forged one, so it is certain only from a computer that nobody can stand in front of.
    """
    failed = _all_failed(evidence.stage("connect"))
    if not failed:
        return None
    if any(o.failure == REFUSED for o in failed):
        sure = Certainty.CERTAIN if evidence.near else Certainty.LIKELY
        return said(Status.DOWN, "route.refused", Cause.PROXY_DOWN, sure, ids(failed))
    return said(Status.DOWN, "route.silent", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, ids(failed))


def _speaks_otherwise(evidence: RouteEvidence) -> Finding | None:
    """Judge a place that opened nothing, and where something else than the proxy was heard."""
    if any(o.failure is None for o in evidence.stage("open")) or any(o.failure == AUTH for o in evidence.stage("open")):
        return None
    heard = evidence.heard
    tor = [o for o in heard if o.detail.get("speaks") == TOR]
    if tor and evidence.kind.startswith("socks"):
        asked = evidence.stage("open")
        return said(Status.DOWN, "route.tor_not_ready", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, ids(tor, asked[:4]))
    if heard:
        failed = [o for o in (*evidence.stage("secure"), *evidence.stage("open")) if o.failure]
        return said(Status.DOWN, "route.other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.CERTAIN, ids(heard, failed[:4]))
    return None


def _secured(evidence: RouteEvidence, network: NetworkVerdict) -> Finding | None:
    """Judge a proxy to which no secure connection comes about."""
    failed = _all_failed(evidence.stage("secure"))
    if not failed:
        return None
    shown = [o for o in failed if o.failure in CERTIFICATE_FAILURES and "verify_code" in o.detail]
    if shown:
        if network.cause in CLOUDED:
            return said(Status.UNKNOWN, network.rule, network.cause, Certainty.NONE, ids(shown))
        if evidence.note is not None and evidence.note.detail.get("insecure"):
            # its link says not to look, and its own program will not: we send no key to somebody unproven, and accuse nobody
            return said(Status.UNKNOWN, "route.not_proven", None, Certainty.NONE, ids(shown))
        late = all(code(o) in DATE_CODES for o in shown)
        return said(Status.DOWN, "route.own_certificate_date" if late else "route.own_certificate", None, Certainty.LIKELY, ids(shown))
    if all(o.failure == FAILED_HANDSHAKE for o in failed):
        return said(Status.DOWN, "route.no_tls", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, ids(failed))
    neutral = [o for o in evidence.proxy if o.detail.get("purpose") == "neutral_name"]
    passed = [o for o in neutral if o.failure is None or "verify_code" in o.detail]
    if passed and len([o for o in failed if cut(o)]) >= ENOUGH_DEATHS:
        return said(Status.DOWN, "route.cut_at_hello", Cause.PROXY_BLOCKED, Certainty.LIKELY, ids(failed, passed))
    return said(Status.DOWN, "route.does_not_answer", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, ids(failed, neutral))


def _opened(evidence: RouteEvidence) -> Finding | None:
    """Judge a proxy that opens nothing at all, harmless targets included."""
    failed = _all_failed(evidence.stage("open"))
    if not failed:
        return _never_answered(evidence)
    failures = {o.failure for o in failed}
    if AUTH in failures:
        return said(Status.DOWN, "route.login_refused", Cause.PROXY_AUTH, evidence.believed, ids(failed))
    if failures & {WRONG_PROTOCOL, BAD_REPLY, WRONG_ANSWER}:
        return said(Status.DOWN, "route.other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.CERTAIN, ids(failed))
    if all(by_own_rule(o) for o in failed):
        return said(Status.DOWN, "route.not_allowed", Cause.PROXY_REFUSES_TARGET, evidence.believed, ids(failed))
    greeted = [o for o in failed if o.detail.get("received") and not o.detail.get("late")]
    if all(cut(o) for o in failed) and not greeted:
        return _mute(evidence, failed)
    return said(Status.DOWN, "route.reaches_nothing", None, Certainty.LIKELY, ids(failed))


def _mute(evidence: RouteEvidence, failed: Sequence[Observation]) -> Finding:
    """Judge a place that takes connections and never says a word.

    The network is suspected only where our greeting is reset each time, while other words to the same place are left alone: a
    server that resets by itself does so to whatever it does not know.
    """
    others = [o for o in evidence.guesses if o.detail.get("stage") == "open" and o.detail.get("kind") != evidence.kind]
    spared = [o for o in others if o.failure != RESET]
    if all(o.failure == RESET for o in failed) and len(failed) >= ENOUGH_DEATHS and spared:
        return said(Status.DOWN, "route.cut_at_greeting", Cause.PROXY_BLOCKED, Certainty.LIKELY, ids(failed, spared))
    return said(Status.DOWN, "route.does_not_answer", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, ids(failed))


def _never_answered(evidence: RouteEvidence) -> Finding | None:
    """Judge a bare address that answers as no kind of proxy."""
    asked = _all_failed(evidence.guesses)
    if not asked or evidence.stage("open") or evidence.whole_pages:
        return None
    return said(Status.DOWN, "route.does_not_answer", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, ids(asked))


def _through(evidence: RouteEvidence, network: NetworkVerdict, direct: DirectLine) -> Finding | None:
    """Judge a proxy that opens targets, behind all of which the handshake fails."""
    failed = _all_failed(evidence.tls)
    if not failed or evidence.whole_pages:
        return None
    if any(o.failure == WRONG_PROTOCOL for o in failed):
        return said(Status.DOWN, "route.other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, ids(failed))
    refused = [o for o in failed if o.failure == AUTH]
    if refused:
        sure = Certainty.CERTAIN if refused == failed else Certainty.LIKELY
        return said(Status.DOWN, "route.key_refused", Cause.PROXY_AUTH, sure, ids(failed))
    strangers = evidence.strangers()
    if strangers:
        found = judge_strangers(strangers, evidence, direct, network)
        return None if found.cause is Cause.SERVER_FAULT else found  # a site's own fault is no proxy's
    keyed = any(o.detail.get("late") for o in evidence.stage("open"))
    if keyed and _clock_matters(evidence, network):
        return said(Status.UNKNOWN, "route.clock_off", Cause.WRONG_CLOCK, Certainty.NONE, ids(failed))
    if keyed and all(o.failure in DEATHS for o in failed):
        return said(Status.DOWN, "route.key_or_cut", Cause.PROXY_AUTH, Certainty.LIKELY, ids(failed))
    return said(Status.DOWN, "route.opened_but_dead", None, Certainty.LIKELY, ids(failed))


CLOCK_MATTERS: Final = {"shadowsocks": 30.0, "vmess": 90.0}
"""Seconds by which the clocks of both sides may differ (SIP022; VMess allows 90 to 120); older Shadowsocks does not mind."""


def _clock_matters(evidence: RouteEvidence, network: NetworkVerdict) -> bool:
    """Tell whether this computer's clock alone may be why a keyed kind hangs up."""
    most = CLOCK_MATTERS.get(evidence.kind)
    skew = network.clock_skew_s
    return most is not None and (network.cause is Cause.WRONG_CLOCK or (skew is not None and abs(skew) > most))


# --- the services through it, and what that says of the direct line -------------------------------------


def provable(target: Service) -> Service:
    """Return a service without what cannot be proven through a proxy."""
    functions = []
    for function in target.functions:
        endpoints = tuple(e for e in function.endpoints if e.probe in PROVABLE)
        if endpoints and function.rule is not Rule.INFO:
            functions.append(msgspec.structs.replace(function, endpoints=endpoints))
    return msgspec.structs.replace(target, functions=tuple(functions))


def judge_over_route(
    target: Service, evidence: RouteEvidence, route: RouteVerdict, direct: DirectLine, network: NetworkVerdict
) -> list[Verdict]:
    """Return the verdicts of one service over one route, by the same rules of functions as on the direct line."""
    endpoints = RouteEndpoints(evidence, route, direct, network)
    found = TargetJudge(endpoints, NetworkVerdict(status=Status.WORKS)).judge(provable(target))
    return [msgspec.structs.replace(verdict, route=route.id) for verdict in found]


def confirmed(direct: Verdict, over_routes: Sequence[Verdict]) -> Verdict:
    """Return a direct verdict, made certain where another route shows that the service itself is well.

    "It looks blocked" may also be a service that is down; the same service that opens over another route at the same time is not.
    Nothing else becomes blocked by this: what is unknown or down directly may have reasons of its own.
    """
    proof = [v for v in over_routes if (v.target, v.function) == (direct.target, direct.function) and v.status in GOOD]
    if direct.status is not Status.LIKELY_BLOCKED or not proof:
        return direct
    evidence = tuple(dict.fromkeys((*direct.evidence, *proof[0].evidence[:4])))
    return msgspec.structs.replace(direct, status=Status.BLOCKED, certainty=Certainty.CERTAIN, evidence=evidence)


def judge_routes(
    evidence: Evidence, targets: Sequence[Service], network: NetworkVerdict, directly: Sequence[Verdict] = ()
) -> tuple[list[RouteVerdict], list[Verdict]]:
    """Return the verdicts of all proxies, and of all services over each; ``directly`` is what was judged of the direct line."""
    named = (v.target for v in directly if (v.status, v.cause, v.certainty) == (Status.BLOCKED, Cause.NAME_BLOCKED, Certainty.CERTAIN))
    direct = DirectLine(evidence, frozenset(named))
    routes: list[RouteVerdict] = []
    verdicts: list[Verdict] = []
    for route, observations in evidence.routes.items():
        if route in (WAYS, OUTSIDE):
            continue  # judged by ``judge/workarounds.py`` and ``judge/vpn_outside.py``
        known = RouteEvidence(observations)
        if known.told_kind in PROFILES:
            of_profile = ProfileEvidence(observations)
            own = judge_profile(route, of_profile, network)
            routes.append(own)
            if known.told_kind in PAGELESS:
                nothing = said(Status.NOT_TESTED, "vpn.carries_no_pages", None, Certainty.NONE, ())
                verdicts += [nothing.of_target(target.id, None, route) for target in targets]
                continue
            verdicts += [verdict for target in targets for verdict in judge_over_route(target, of_profile, own, direct, network)]
            continue
        if app_of(known):
            own, carried = judge_app(route, observations, known, targets, network)
            routes.append(own)
            verdicts += carried
            continue
        judged = with_quality(judge_route(route, known, network, direct), observations, evidence)
        routes.append(judged)
        verdicts += [verdict for target in targets for verdict in judge_over_route(target, known, judged, direct, network)]
    return routes, verdicts
