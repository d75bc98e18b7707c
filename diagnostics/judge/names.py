"""Rules of the name layer: does this computer's resolver tell the truth about a name?

What it says is held against answers that nobody on the way can forge (over TLS with the resolver's certificate) and
against certificates: an address where the name's valid certificate is had is a true one, whoever named it.  That a CDN
answers differently here than elsewhere therefore accuses nobody.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

from diagnostics.bogons import is_bogon
from diagnostics.failures import DNS_REFUSED, DNS_SERVFAIL, NO_ANSWER, NXDOMAIN
from diagnostics.judge.evidence import CERTIFICATE_FAILURES, Evidence, Finding, ids
from diagnostics.model import Cause, Certainty, Observation, Status

NEGATIVE: Final = frozenset({NXDOMAIN, NO_ANSWER, DNS_REFUSED, DNS_SERVFAIL, "dns_server_misbehaving", "dns_non_recoverable_failure"})
SURE_NEGATIVE: Final = frozenset({NXDOMAIN, NO_ANSWER})
"""What a resolver says when it knows that there is nothing; REFUSED and SERVFAIL may be trouble of its own."""

ENOUGH_OPERATORS: Final = 2
ENOUGH_TRIES: Final = 3
"""Questions that must have been lost together before silence counts: at 5 % loss each way once in a thousand."""


class NameLayer:
    """What is known of one name."""

    def __init__(self, evidence: Evidence, host: str) -> None:
        """Gather what the rules below ask for."""
        self.host = host
        self.evidence = evidence
        self.system = evidence.system_lookups(host)
        self.given = evidence.public_answers([*self.system, *evidence.system_lookups(host, "AAAA")])
        self.authenticated = evidence.control_lookups(host, authenticated=True)
        self.plain = evidence.control_lookups(host, authenticated=False)
        self.true_answers = evidence.public_answers(self.authenticated)
        self.proven = evidence.proven(host)

    @property
    def vouched(self) -> set[str]:
        """Return the addresses that an authenticated answer or a certificate backs."""
        return {*self.true_answers, *self.proven}

    @property
    def believed(self) -> list[str]:
        """Return the addresses that the layers above may be judged on."""
        if self.finding() is not None:
            return list(dict.fromkeys([*self.proven, *self.true_answers]))
        return list(dict.fromkeys([*self.given, *self.proven, *self.true_answers, *self.evidence.public_answers(self.plain)]))

    def truth(self) -> tuple[Certainty, tuple[str, ...]]:
        """Return how sure we are that the name has true addresses, and by what."""
        if self.proven:
            return Certainty.CERTAIN, ids(next(iter(self.proven.values())), self._answering(self.authenticated))
        operators = {self.evidence.operator(o) for o in self._answering(self.authenticated)}
        if len(operators) >= ENOUGH_OPERATORS:
            return Certainty.CERTAIN, ids(self._answering(self.authenticated))
        witnesses = self._answering(self.authenticated) or self._answering(self.plain)
        return (Certainty.LIKELY, ids(witnesses)) if witnesses else (Certainty.NONE, ())

    def _answering(self, lookups: list[Observation]) -> list[Observation]:
        return [o for o in lookups if self.evidence.public_answers([o])]

    def finding(self) -> Finding | None:
        """Return what is wrong with the system's answers, or None when nothing speaks against them."""
        return self._found

    @cached_property
    def _found(self) -> Finding | None:
        if not self.system:
            return None
        if self.given:
            return self._foreign() or self._only_here()
        if any(is_bogon(a) for a in self.evidence.answers(self.system)):
            return self._bogon()
        if any(o.failure in NEGATIVE for o in self.system):
            return self._negative()
        return self._silence()

    def _foreign(self) -> Finding | None:
        """Judge public addresses: false only if no certificate is had there and true ones differ."""
        if self.vouched & set(self.given) or not self.vouched:
            return None
        steps = [o for o in self.evidence.tls.get(self.host, ()) if o.address in self.given and o.detail.get("server_name") == self.host]
        wrong = [o for o in steps if o.failure in CERTIFICATE_FAILURES and "verify_code" in o.detail]
        if wrong:
            certainty, witnesses = self.truth()
            status = Status.BLOCKED if self.proven else Status.LIKELY_BLOCKED
            certainty = certainty if self.proven else Certainty.LIKELY
            return self._tampering("dns.certificate_disagrees", status, certainty, [*self.system, *wrong], witnesses)
        if self.proven:
            tried = [o for a in self.given for (address, _), place in self.evidence.tcp.items() if address == a for o in place]
            witnesses = ids(next(iter(self.proven.values())))
            return self._tampering("dns.address_is_dead", Status.LIKELY_BLOCKED, Certainty.LIKELY, [*self.system, *tried[:4]], witnesses)
        return None

    def _only_here(self) -> Finding | None:
        """Judge a name that only this computer's own files send elsewhere: its configured servers say the truth."""
        asked = [o for o in self.system if o.detail.get("engine") == "getaddrinfo"]
        servers = [o for o in self.system if o.detail.get("engine") == "udp"]
        astray = [o for o in asked if o.detail.get("answers") and not self.evidence.public_answers([o])]
        honest = [o for o in servers if self.vouched & set(self.evidence.answers([o]))]
        if not astray or not honest:
            return None
        return Finding(
            status=Status.DOWN,
            rule="dns.only_this_computer_differs",
            cause=Cause.HOSTS_FILE,
            certainty=Certainty.LIKELY,
            evidence=ids(astray, honest),
        )

    def _bogon(self) -> Finding:
        lookups = self._answering(self.authenticated)
        published = [o for o in self.authenticated if o.detail.get("answers")]
        if published and not lookups and not self.proven:
            return self._fault("dns.site_publishes_private_address", [*self.system, *published])
        certainty, witnesses = self.truth()
        if certainty is Certainty.CERTAIN:
            return self._tampering("dns.bogon", Status.BLOCKED, certainty, self.system, witnesses)
        others = self.evidence.system_resolver_works(self.host)[:2]
        if certainty is Certainty.LIKELY or others:
            return self._tampering("dns.bogon_alone", Status.LIKELY_BLOCKED, Certainty.LIKELY, [*self.system, *others], witnesses)
        return Finding(status=Status.UNKNOWN, rule="dns.no_control", certainty=Certainty.NONE, evidence=ids(self.system))

    def _negative(self) -> Finding:
        """Judge "there is no such name", nothing, or a refusal."""
        certainty, witnesses = self.truth()
        denying = [o for o in self.authenticated if o.failure in SURE_NEGATIVE and not o.detail.get("filters")]
        failing = [o for o in self.authenticated if o.failure in NEGATIVE and not o.detail.get("filters")]
        if certainty is Certainty.NONE and denying:
            return self._fault("dns.name_exists_nowhere", [*self.system, *denying])
        if certainty is Certainty.NONE and failing:
            return self._fault("dns.fails_everywhere", [*self.system, *failing], Certainty.LIKELY)
        if certainty is Certainty.NONE:
            return Finding(status=Status.UNKNOWN, rule="dns.no_control", certainty=Certainty.NONE, evidence=ids(self.system))
        sure = any(o.failure in SURE_NEGATIVE for o in self.system)
        others = [] if sure else self.evidence.system_resolver_works(self.host)[:2]
        if not sure and not others:
            return Finding(
                status=Status.UNKNOWN, rule="dns.resolver_fails_for_all", certainty=Certainty.NONE, evidence=(*ids(self.system), *witnesses)
            )
        status = Status.BLOCKED if certainty is Certainty.CERTAIN else Status.LIKELY_BLOCKED
        return self._tampering("dns.denied", status, certainty, [*self.system, *others], witnesses)

    def _silence(self) -> Finding:
        """Judge no answer at all."""
        certainty, witnesses = self.truth()
        others = self.evidence.system_resolver_works(self.host)[:2]
        tries = sum(int(o.detail.get("tries") or 1) for o in self.system)
        if certainty is Certainty.NONE or not others or tries < ENOUGH_TRIES:
            return Finding(status=Status.UNKNOWN, rule="dns.silent", certainty=Certainty.NONE, evidence=(*ids(self.system), *witnesses))
        sure = certainty is Certainty.CERTAIN
        return Finding(
            status=Status.BLOCKED if sure else Status.LIKELY_BLOCKED,
            rule="dns.swallowed",
            cause=Cause.DNS_NO_ANSWER,
            certainty=certainty,
            evidence=(*ids(self.system, others), *witnesses),
        )

    def _tampering(
        self, rule: str, status: Status, certainty: Certainty, against: list[Observation], witnesses: tuple[str, ...]
    ) -> Finding:
        evidence = tuple(dict.fromkeys((*ids(against), *witnesses)))
        return Finding(status=status, rule=rule, cause=Cause.DNS_TAMPERING, certainty=certainty, evidence=evidence)

    @staticmethod
    def _fault(rule: str, against: list[Observation], certainty: Certainty = Certainty.CERTAIN) -> Finding:
        return Finding(status=Status.DOWN, rule=rule, cause=Cause.SERVER_FAULT, certainty=certainty, evidence=ids(against))
