"""This computer and its line: said first, since a fault here explains what fails above."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from diagnostics.bogons import is_bogon, is_loopback
from diagnostics.controls import chosen, endpoint_of
from diagnostics.failures import INVALID_CERTIFICATE
from diagnostics.judge.clock import dated, skew
from diagnostics.judge.endpoints import EndpointJudge
from diagnostics.judge.evidence import Evidence, base_domain, ids
from diagnostics.judge.loss import asked_again, questions_to_quick_resolvers, quick_line
from diagnostics.judge.vpn_state import judge_vpn_state
from diagnostics.model import Cause, Certainty, Control, NetworkVerdict, Observation, Status, Step

ENOUGH_OPERATORS: Final = 2
ENOUGH_ATTEMPTS: Final = 4
"""Places that must have been tried before silence means that there is no Internet."""

WRONG_BY: Final = 24 * 3600.0
"""Seconds: certificates tolerate less, but a smaller skew breaks nothing that people see."""

LOSSY: Final = 0.3
"""Share of first questions that went unanswered; at 10 % loss each way it is 0.19, and blocks can still be told apart."""

ENOUGH_QUESTIONS: Final = 20

ENOUGH_REFUSALS: Final = 2
"""Times that a port must have refused, some time apart: a program that is starting opens its port a moment later."""


class NetworkJudge:
    """Judges the line of one run."""

    def __init__(self, evidence: Evidence, endpoints: EndpointJudge) -> None:
        """Work out which controls answered."""
        self._evidence = evidence
        controls = chosen(evidence.controls)
        self._secure = [c for c in controls if c.kind == "https" and self._answers(endpoints, c)]
        self._insecure = [c for c in controls if c.kind == "https" and c not in self._secure]
        self._portals = [c for c in controls if c.kind == "portal"]

    @staticmethod
    def _answers(endpoints: EndpointJudge, control: Control) -> bool:
        return endpoints.judge(None, endpoint_of(control)).status is Status.WORKS

    def judge(self) -> NetworkVerdict:
        """Return what is to be said of this computer and its line; the first rule that fits decides.  Its VPN is judged beside them."""
        line = self.line()
        return msgspec.structs.replace(self._stale_proxy(line) or line, vpn=judge_vpn_state(self._evidence, line))

    def line(self) -> NetworkVerdict:
        """Return what is to be said of the line alone, on which the services were measured: no proxy of the settings is on it."""
        for rule in (self._offline, self._portal, self._clock, self._interception, self._resolver, self._lossy, self._ipv6, self._works):
            found = rule()
            if found is not None:
                return found
        return self._verdict(Status.UNKNOWN, "network.too_little", Certainty.NONE, [])

    def _verdict(
        self, status: Status, rule: str, certainty: Certainty, evidence: list[Observation], cause: Cause | None = None
    ) -> NetworkVerdict:
        return NetworkVerdict(
            status=status,
            cause=cause,
            certainty=certainty,
            rule=rule,
            evidence=ids(evidence),
            ipv6=self._ipv6_state(),
            clock_skew_s=skew(self._evidence),
        )

    # --- rules, in order -------------------------------------------------------------------------

    def _offline(self) -> NetworkVerdict | None:
        """Nothing outside answers: neither a connection nor a public resolver."""
        evidence = self._evidence
        lookups = [o for group in evidence.dns.values() for o in group]
        answered = [o for o in lookups if o.detail.get("resolver") != "system" and o.detail.get("rcode")]
        tried = [o for o in evidence.observations if o.step is Step.TCP and o.failure is not None and not is_bogon(str(o.address))]
        if evidence.connected() or answered:
            return None
        asked = [o for o in lookups if o.failure is not None]
        places = {o.address for o in [*tried, *asked]}
        if len(places) < ENOUGH_ATTEMPTS:
            return None
        return self._verdict(Status.DOWN, "network.nothing_answers", Certainty.CERTAIN, [*tried, *asked][:12], Cause.NO_INTERNET)

    def _portal(self) -> NetworkVerdict | None:
        """Clear-text controls are answered by somebody else, and no secure one gets through."""
        if self._secure or not self._insecure:
            return None
        wrong = {c.operator: page for c in self._portals if (page := self._wrong_page(c)) is not None}
        right = [c for c in self._portals if self._right_page(c)]
        if not wrong or right:
            return None
        certainty = Certainty.CERTAIN if len(wrong) >= ENOUGH_OPERATORS else Certainty.LIKELY
        return self._verdict(Status.DOWN, "network.portal_page", certainty, list(wrong.values()), Cause.CAPTIVE_PORTAL)

    def _pages(self, control: Control) -> list[Observation]:
        return [
            o
            for o in self._evidence.http.get(control.host, ())
            if o.detail.get("purpose") == "control" and o.detail.get("hop") == 0 and o.detail.get("status") is not None
        ]

    def _right_page(self, control: Control) -> bool:
        return any(o.detail.get("status") == control.expect_status for o in self._pages(control))

    def _wrong_page(self, control: Control) -> Observation | None:
        return next((o for o in self._pages(control) if o.detail.get("status") != control.expect_status), None)

    def _clock(self) -> NetworkVerdict | None:
        """Certificates fail for their dates, and several servers agree that this computer's date is wrong."""
        off, pages = skew(self._evidence), dated(self._evidence)
        shaken = [o for steps in self._evidence.tls.values() for o in steps if o.detail.get("purpose") == "control"]
        failing = [o for o in shaken if o.failure == INVALID_CERTIFICATE]
        owners = {base_domain(str(o.host)) for o in pages}
        if off is None or abs(off) < WRONG_BY or not failing or self._secure:
            return None
        certainty = Certainty.CERTAIN if len(owners) >= ENOUGH_OPERATORS else Certainty.LIKELY
        return self._verdict(Status.DOWN, "network.clock_differs", certainty, [*failing, *pages][:12], Cause.WRONG_CLOCK)

    def _interception(self) -> NetworkVerdict | None:
        """A root installed on this computer signs what the Internet shows."""
        local = [
            o for steps in self._evidence.tls.values() for o in steps if o.detail.get("purpose") == "system_roots" and o.failure is None
        ]
        if not local or self._secure:
            return None
        owners = {base_domain(str(o.host)) for o in local}
        certainty = Certainty.CERTAIN if len(owners) >= ENOUGH_OPERATORS else Certainty.LIKELY
        return self._verdict(Status.DOWN, "network.local_root", certainty, local[:8], Cause.LOCAL_INTERCEPTION)

    def _stale_proxy(self, line: NetworkVerdict) -> NetworkVerdict | None:
        """Browsers are sent to a port of this computer where nobody listens, while the line itself answers.

        The status is ``partial`` and masks nothing: the services were measured without that proxy.
        """
        note = self._evidence.system.get("system_proxy")
        way = note.detail.get("way") if note else None
        if note is None or not isinstance(way, Mapping) or line.status not in (Status.WORKS, Status.SLOW, Status.PARTIAL):
            return None
        host, port = way.get("host"), way.get("port")
        gone = way.get("alive") is False and way.get("refused") == way.get("tries") and int(way.get("refused") or 0) >= ENOUGH_REFUSALS
        if not gone or note.detail.get("searched") or not isinstance(host, str) or not is_loopback(host):
            return None
        detects = any(each.get("detect") and each.get("for_browsers") for each in note.detail.get("settings") or ())
        certainty = Certainty.LIKELY if detects or line.certainty is not Certainty.CERTAIN else Certainty.CERTAIN
        found = self._verdict(Status.PARTIAL, "network.stale_proxy", certainty, [note], Cause.STALE_PROXY)
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return msgspec.structs.replace(found, evidence=(*found.evidence, *line.evidence), system_proxy=place)

    def _resolver(self) -> NetworkVerdict | None:
        """This computer's resolver gives no true answer for anybody, while resolvers that cannot be forged do."""
        hosts = [host for host in self._evidence.dns if self._evidence.system_lookups(host)]
        given = [o for host in hosts for o in self._evidence.system_lookups(host)]
        if len(hosts) < ENOUGH_ATTEMPTS or self._secure or self._evidence.public_answers(given):
            return None
        true = [o for host in hosts for o in self._evidence.control_lookups(host, authenticated=True) if o.failure is None]
        return self._verdict(Status.UNKNOWN, "network.resolver_misleads", Certainty.NONE, [*given[:6], *true[:6]]) if true else None

    def _lossy(self) -> NetworkVerdict | None:
        questions = questions_to_quick_resolvers(self._evidence)
        if len(questions) < ENOUGH_QUESTIONS or not quick_line(self._evidence):
            return None
        again = [o for o in questions if asked_again(o)]
        if len(again) / len(questions) <= LOSSY:
            return None
        return self._verdict(Status.SLOW, "network.loses_much", Certainty.LIKELY, again[:8], Cause.LOSSY_NETWORK)

    def _ipv6(self) -> NetworkVerdict | None:
        if self._ipv6_state() != "broken" or not self._secure:
            return None
        return self._verdict(Status.PARTIAL, "network.ipv6_dead", Certainty.CERTAIN, self._six()[:6], Cause.BROKEN_IPV6)

    def _works(self) -> NetworkVerdict | None:
        proofs = [o for c in self._secure for o in self._evidence.http.get(c.host, ()) if o.failure is None][:4]
        operators = {c.operator for c in self._secure}
        if len(operators) >= ENOUGH_OPERATORS:
            return self._verdict(Status.WORKS, "network.controls_answer", Certainty.CERTAIN, proofs)
        if operators:
            return self._verdict(Status.WORKS, "network.one_control_answers", Certainty.LIKELY, proofs)
        others = [o for steps in self._evidence.tls.values() for o in steps if o.failure is None and o.detail.get("purpose") == "target"]
        if others:
            return self._verdict(Status.WORKS, "network.targets_answer", Certainty.LIKELY, others[:4])
        return None

    # --- facts -----------------------------------------------------------------------------------

    def _six(self) -> list[Observation]:
        places = [place for (address, _), place in self._evidence.tcp.items() if ":" in address]
        return [o for place in places for o in place if o.detail.get("purpose") != "hold"]

    def _pages_over_six(self) -> list[Observation]:
        """Return the pages of a VPN's checks that were asked over IPv6: where resolvers are blocked, they are what is left."""
        exits = [o for o in self._evidence.observations if o.step is Step.VPN and o.detail.get("stage") == "exit"]
        return [o for o in exits if o.detail.get("family") == 6]

    def _ipv6_state(self) -> str:
        route = self._evidence.system.get("ipv6")
        if route is not None and not route.detail.get("route"):
            return "none"
        if any(o.failure is None for o in [*self._six(), *self._pages_over_six()]):
            return "works"
        return "broken" if self._evidence.six_is_dead() else "unknown"
