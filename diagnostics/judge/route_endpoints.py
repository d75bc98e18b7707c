"""Rules of places behind a proxy: what of a service opens through it, and whose fault it is where something does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.failures import INVALID_CERTIFICATE, UNKNOWN_AUTHORITY
from diagnostics.judge.evidence import Evidence, Finding, ids
from diagnostics.judge.handshakes import DATE_CODES, ENOUGH_DEATHS
from diagnostics.judge.route_evidence import AUTH, FORBIDDEN, NOT_ALLOWED, READABLE, SILENCES, DirectLine, RouteEvidence, code, owners, said
from diagnostics.model import Cause, Certainty, Endpoint, NetworkVerdict, Observation, Probe, RouteVerdict, Status, Step

SERVER_ERROR: Final = 500
REFUSED_FOR_PLACE: Final = frozenset({451})
ENOUGH_OWNERS: Final = 2
CLOUDED: Final = frozenset({Cause.WRONG_CLOCK, Cause.LOCAL_INTERCEPTION})
"""Faults of this computer that make true certificates look wrong, whichever way they come."""


class RouteEndpoints:
    """Judges endpoints over one route; fits in where the direct line's judge does."""

    def __init__(self, evidence: RouteEvidence, route: RouteVerdict, direct: DirectLine, network: NetworkVerdict) -> None:
        """Judge by ``evidence``; ``route`` says what is known of the way itself, ``direct`` and ``network`` of this line."""
        self._evidence = evidence
        self._route = route
        self._direct = direct
        self._network = network

    def judge(self, target: str | None, endpoint: Endpoint) -> Finding:
        """Return what is to be said of one endpoint."""
        if self._route.status is Status.DOWN:
            return said(Status.DOWN, self._route.rule, self._route.cause, self._route.certainty, self._route.evidence)
        if self._route.status in (Status.UNKNOWN, Status.NOT_TESTED):
            return said(self._route.status, self._route.rule, self._route.cause, Certainty.NONE, self._route.evidence)
        steps = {Probe.MTPROTO: self._evidence.mtproto, Probe.TLS: self._evidence.tls}.get(endpoint.probe, self._evidence.pages)
        last = self._of(steps, target, endpoint)
        good = [o for o in last if o.failure is None]
        if good:
            answers = said(Status.WORKS, "route.answers", None, Certainty.CERTAIN, ids(good[0]))
            return page_finding(good[0]) if good[0].step is Step.HTTP else answers
        opened = self._of(self._evidence.stage("open"), target, endpoint)
        if opened and all(o.failure for o in opened):
            return refused(opened, self._evidence.believed)
        tls = self._of(self._evidence.tls, target, endpoint)
        if tls and all(o.failure for o in tls):
            return self._broken(target, endpoint, tls)
        if last:
            return said(Status.UNKNOWN, "route.cut_short", None, Certainty.NONE, ids(last))
        return said(Status.NOT_TESTED, "route.not_measured", None, Certainty.NONE, ())

    @staticmethod
    def _of(steps: Sequence[Observation], target: str | None, endpoint: Endpoint) -> list[Observation]:
        """Return the steps at an endpoint; a page of its host at another port is another one's."""
        return [o for o in steps if (o.target, o.host) == (target, endpoint.host) and Evidence.port(o) in (0, endpoint.port)]

    def _broken(self, target: str | None, endpoint: Endpoint, broken: Sequence[Observation]) -> Finding:
        """Judge handshakes that failed through the proxy although it said yes."""
        strangers = [o for o in self._evidence.strangers() if o in broken]
        if strangers:
            return judge_strangers(strangers, self._evidence, self._direct, self._network)
        deaths, neutral = self._evidence.deaths(target), self._evidence.passing_neutrals(target)
        read = self._evidence.kind in READABLE and not self._evidence.near and not self._evidence.stage("onward")
        if read and target in self._direct.name_blocked and neutral and len(deaths) >= ENOUGH_DEATHS and self._evidence.whole_pages:
            own = [o for o in deaths if o in broken]
            if own:
                witnesses = ids(own, deaths[:4], neutral, self._evidence.whole_pages[:2])
                return said(Status.LIKELY_BLOCKED, "route.name_seen_through", Cause.NAME_BLOCKED, Certainty.LIKELY, witnesses)
        return said(Status.DOWN, "route.opened_but_dead", None, Certainty.LIKELY, ids(broken))


def judge_strangers(strangers: Sequence[Observation], evidence: RouteEvidence, direct: DirectLine, network: NetworkVerdict) -> Finding:
    """Judge certificates that came through a proxy and were not believed: the site's, this computer's or the proxy's doing."""
    if network.cause in CLOUDED:
        return said(Status.UNKNOWN, network.rule, network.cause, Certainty.NONE, ids(strangers))
    if evidence.note is not None and evidence.note.detail.get("names_here"):
        # this computer looked the name up: whoever misleads it leads the proxy astray, too
        return said(Status.UNKNOWN, "route.another_certificate", None, Certainty.NONE, ids(strangers))
    new = [o for o in strangers if not direct.alike(o)]
    if not new:
        return _as_directly(strangers, evidence, direct)
    unknown = [o for o in new if o.failure == UNKNOWN_AUTHORITY]
    if not unknown:
        return _of_the_site(new, evidence)
    others = [o for o in _elsewhere(unknown, evidence) if not direct.alike(o)]
    everybody = [*unknown, *others]
    vouched = [o for each in everybody for o in direct.well(str(each.host))]
    if len(owners(everybody)) < ENOUGH_OWNERS and not vouched:
        return said(Status.UNKNOWN, "route.unknown_authority", None, Certainty.NONE, ids(strangers))
    sure = Certainty.CERTAIN if len(owners(everybody)) >= ENOUGH_OWNERS and vouched else Certainty.LIKELY
    return said(Status.DOWN, "route.stranger_signs", Cause.PROXY_INTERCEPTS, sure, ids(unknown, others[:2], vouched[:2]))


def _elsewhere(strangers: Sequence[Observation], evidence: RouteEvidence) -> list[Observation]:
    """Return certificates of unknown authorities that other owners' names showed through the same proxy."""
    return [o for o in evidence.strangers() if o.failure == UNKNOWN_AUTHORITY and not owners([o]) <= owners(strangers)]


def _as_directly(strangers: Sequence[Observation], evidence: RouteEvidence, direct: DirectLine) -> Finding:
    """Judge certificates that the direct line shows alike.

    One of a public authority with a wrong date or name is its owner's fault.  One that nobody knows may be the owner's, too, or that of
    somebody who stands before both ways: of that nothing is said.
    """
    alike = [o for each in strangers for o in direct.alike(each)]
    unknown = [o for o in strangers if o.failure == UNKNOWN_AUTHORITY]
    others = _elsewhere(strangers, evidence)
    if unknown:
        return said(Status.UNKNOWN, "route.strangers_on_every_way", None, Certainty.NONE, ids(strangers, alike, others[:2]))
    return said(Status.DOWN, "route.same_certificate_directly", Cause.SERVER_FAULT, Certainty.LIKELY, ids(strangers, alike))


def _of_the_site(strangers: Sequence[Observation], evidence: RouteEvidence) -> Finding:
    """Judge certificates of public authorities with a wrong date or name, of which the direct line shows nothing alike."""
    dated = [o for o in strangers if o.failure == INVALID_CERTIFICATE and code(o) in DATE_CODES]
    elsewhere = [o for o in evidence.strangers() if code(o) in DATE_CODES and not owners([o]) <= owners(dated)]
    if dated and not elsewhere and len(owners(dated)) < ENOUGH_OWNERS:
        return said(Status.DOWN, "route.certificate_date", Cause.SERVER_FAULT, Certainty.LIKELY, ids(dated))
    return said(Status.UNKNOWN, "route.another_certificate", None, Certainty.NONE, ids(strangers, elsewhere[:2]))


def page_finding(page: Observation) -> Finding:
    """Judge a page that came through a proxy."""
    status = code(page, "status")
    if not page.detail.get("complete"):
        return said(Status.UNKNOWN, "route.cut_short", None, Certainty.NONE, ids(page))
    if status in REFUSED_FOR_PLACE or page.detail.get("told") == "country":
        return said(Status.DOWN, "route.refused_for_place", Cause.GEO_REFUSED, Certainty.LIKELY, ids(page))
    if status >= SERVER_ERROR and not page.detail.get("told"):
        return said(Status.DOWN, "route.server_error", Cause.SERVER_FAULT, Certainty.LIKELY, ids(page))
    return said(Status.WORKS, "route.page", None, Certainty.CERTAIN, ids(page))


def by_own_rule(o: Observation) -> bool:
    """Tell whether a proxy says that its own rules forbid a target."""
    return o.failure == NOT_ALLOWED or o.detail.get("status") == FORBIDDEN


def refused(steps: Sequence[Observation], sure: Certainty) -> Finding:
    """Judge what a proxy says when it does not open a target, each time that it was asked; ``sure``: how far it is believed."""
    by_rule = [o for o in steps if by_own_rule(o)]
    if by_rule:
        return said(Status.DOWN, "route.not_allowed", Cause.PROXY_REFUSES_TARGET, sure, ids(by_rule))
    if any(o.failure == AUTH for o in steps):
        return said(Status.DOWN, "route.login_refused", Cause.PROXY_AUTH, sure, ids(steps))
    if all(str(o.failure).startswith("dns_") for o in steps):
        return said(Status.DOWN, "route.name_not_found_here", Cause.PROXY_LEAKS_DNS, Certainty.LIKELY, ids(steps))
    if all(o.failure in SILENCES for o in steps):
        return said(Status.UNKNOWN, "route.no_answer_for_target", None, Certainty.NONE, ids(steps))
    return said(Status.DOWN, "route.target_out_of_reach", None, Certainty.LIKELY, ids(steps))
