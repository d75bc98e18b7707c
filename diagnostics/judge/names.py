"""Rules of the name layer: does this computer's resolver tell the truth about a name?

What it says is held against answers that nobody on the way can forge (over TLS with the resolver's certificate) and
against certificates: an address where the name's valid certificate is had is a true one, whoever named it.  That a CDN
answers differently here than elsewhere therefore accuses nobody.
"""

from __future__ import annotations

import ipaddress
from functools import cached_property
from typing import Final

from diagnostics.bogons import is_bogon
from diagnostics.failures import DNS_REFUSED, DNS_SERVFAIL, NO_ANSWER, NXDOMAIN, TIMEOUT, UNKNOWN_AUTHORITY, WRONG_NAME
from diagnostics.judge.evidence import Evidence, Finding, base_domain, ids, is_six
from diagnostics.judge.indexes import FEW
from diagnostics.judge.loss import tries_that_prove
from diagnostics.model import Cause, Certainty, Observation, Status

NEGATIVE: Final = frozenset({NXDOMAIN, NO_ANSWER, DNS_REFUSED, DNS_SERVFAIL, "dns_server_misbehaving", "dns_non_recoverable_failure"})
SURE_NEGATIVE: Final = frozenset({NXDOMAIN, NO_ANSWER})
"""What a resolver says when it knows that there is nothing; REFUSED and SERVFAIL may be trouble of its own."""

SILENT: Final = frozenset({TIMEOUT, "dns_temporary_failure"})
FAKE: Final = ipaddress.IPv4Network("198.18.0.0/15")
"""What proxy clients on this computer hand out for every name (RFC 2544's range): no provider's lie."""

ENOUGH_OPERATORS: Final = 2


class NameLayer:
    """What is known of one name."""

    def __init__(self, evidence: Evidence, host: str) -> None:
        """Gather what the rules below ask for."""
        self.host = host
        self.evidence = evidence
        self.system = evidence.system_lookups(host)
        self.given = evidence.public_answers([*self.system, *evidence.system_lookups(host, "AAAA")])
        self.authenticated = evidence.control_lookups(host, authenticated=True)
        taken_over = evidence.answered_by_nobody(neutral=True)
        # whoever takes every clear question over answers in the name of all resolvers: they are one witness, and not a new one
        self.plain = [] if taken_over else evidence.control_lookups(host, authenticated=False)
        self.injected = [] if taken_over else evidence.answered_by_nobody(neutral=False, host=host)
        self.true_answers = evidence.public_answers(self.authenticated)
        self.proven = evidence.proven(host)

    @property
    def vouched(self) -> set[str]:
        """Return the addresses that an authenticated answer or a certificate backs."""
        return {*self.true_answers, *self.proven}

    @property
    def backed(self) -> frozenset[str]:
        """Return the addresses that anybody but the system's resolver backs, forgeable answers included."""
        return frozenset({*self.vouched, *self.evidence.public_answers(self.plain)})

    @property
    def believed(self) -> list[str]:
        """Return the addresses that the layers above may be judged on."""
        if self.finding() is not None:
            return list(dict.fromkeys([*self.proven, *self.true_answers]))
        return list(dict.fromkeys([*self.given, *self.proven, *self.true_answers, *self.evidence.public_answers(self.plain)]))

    def truth(self, query: str | None = None) -> tuple[Certainty, tuple[str, ...]]:
        """Return how sure we are that the name has true addresses (of the kind asked for), and by what."""
        wanted = [o for o in self.authenticated if query in (None, o.detail.get("query"))]
        proven = [o for address, o in self.proven.items() if query is None or (query == "AAAA") == is_six(address)]
        if proven:
            return Certainty.CERTAIN, ids(proven[0], self._answering(wanted))
        operators = {self.evidence.operator(o) for o in self._answering(wanted)}
        if len(operators) >= ENOUGH_OPERATORS:
            return Certainty.CERTAIN, ids(self._answering(wanted))
        plain = [o for o in self.plain if query in (None, o.detail.get("query"))]
        witnesses = self._answering(wanted) or self._answering(plain)
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
        written = self._hosts_file()
        if written is not None:
            return written
        if self.given:
            return self._programs() or self._foreign()
        return self._astray(self.system)

    def _astray(self, lookups: list[Observation]) -> Finding:
        """Judge answers among which no public address is."""
        if any(is_bogon(a) for a in self.evidence.answers(lookups)):
            return self._bogon(lookups)
        if any(o.failure in NEGATIVE for o in lookups):
            return self._negative(lookups)
        return self._silence()

    def _hosts_file(self) -> Finding | None:
        """Judge a line in this computer's own hosts file: it is no fault while the name's valid certificate is had there."""
        entry = self.evidence.hosts_entry(self.host)
        told = [o for o in self.system if o.detail.get("engine") == "getaddrinfo"]
        if entry is None or set(entry[1]) & set(self.proven):
            return None
        others = [a for a in self.backed if a not in entry[1]]
        certainty = Certainty.CERTAIN if others else Certainty.LIKELY
        witnesses = [o for o in [*self.authenticated, *self.plain] if self.evidence.public_answers([o])][:4]
        return Finding(
            status=Status.DOWN, rule="dns.hosts_file", cause=Cause.HOSTS_FILE, certainty=certainty, evidence=ids(entry[0], told, witnesses)
        )

    # --- public addresses ------------------------------------------------------------------------

    def _programs(self) -> Finding | None:
        """Judge what ordinary programs are told (getaddrinfo) where it differs from what some configured server says."""
        asked = [o for o in self.system if o.detail.get("engine") == "getaddrinfo"]
        told = [o for o in asked if o.detail.get("answers") or o.failure in NEGATIVE]
        six = self.evidence.public_answers(self.evidence.system_lookups(self.host, "AAAA"))
        if not told or self.evidence.public_answers(asked) or six:
            return None
        servers = [o for o in self.system if o.detail.get("engine") == "udp" and o.detail.get("rcode") is not None]
        lying = [o for o in servers if not self.evidence.public_answers([o])]
        if lying:
            return self._astray([*told, *lying])  # one of several servers lies, and programs believe it
        if not any(o.detail.get("answers") for o in told) or not servers:
            return self._nothing("dns.programs_told_otherwise", [*told, *servers])
        return Finding(
            status=Status.DOWN,
            rule="dns.only_this_computer_differs",
            cause=Cause.HOSTS_FILE,
            certainty=Certainty.LIKELY,
            evidence=ids(told, servers),
        )

    def _foreign(self) -> Finding | None:
        """Judge public addresses: false only if no certificate is had there and true ones differ."""
        if self.vouched & set(self.given):
            return None
        two = self._two_answers()
        if not self.vouched:
            return self._tampering("dns.two_answers", Certainty.LIKELY, two, ()) if two else None
        steps = [o for o in self.evidence.tls.get(self.host, ()) if o.address in self.given and o.detail.get("server_name") == self.host]
        # an expired certificate is a neglected server of the right owner, not a stranger's
        wrong = [o for o in steps if o.failure in (UNKNOWN_AUTHORITY, WRONG_NAME) and "verify_code" in o.detail]
        if wrong or two:
            certainty, witnesses = self.truth()
            rule = "dns.certificate_disagrees" if wrong else "dns.two_answers"
            return self._tampering(rule, certainty if self.proven else Certainty.LIKELY, [*self.system, *wrong, *two], witnesses)
        return self._dead() if self.proven else None

    def _dead(self) -> Finding:
        """Judge given addresses that do not serve while others of the name do.

        An edge of a CDN may be down, so an accusation takes one sign more: the same address for names of other owners.
        """
        tried = [o for a in self.given for o in self.evidence.attempts(a, 443)]
        dead = {o.address for o in tried if o.failure is not None} - {o.address for o in tried if o.failure is None}
        witnesses = ids(next(iter(self.proven.values())))
        shared = [o for a in self.given for o in self.evidence.sharing(a, self.host)]
        if shared and dead >= set(self.given):
            against = [*self.system, *tried[:4], *shared[:4]]
            return self._tampering("dns.strangers_share_an_address", Certainty.LIKELY, against, witnesses)
        return self._nothing("dns.address_is_dead", [*self.system, *tried[:4], next(iter(self.proven.values()))])

    def _two_answers(self) -> list[Observation]:
        """Return questions of ours that got two replies which have nothing in common: one of them was injected."""
        found = []
        for o in [*self.system, *self.plain]:
            replies = [r for r in o.detail.get("replies") or () if isinstance(r, dict)]
            sets = [frozenset(map(str, r.get("answers") or ())) for r in replies]
            if any(first.isdisjoint(second) for first in sets for second in sets if first != second):
                found.append(o)
        return found

    # --- no public address -----------------------------------------------------------------------

    def _bogon(self, lookups: list[Observation]) -> Finding:
        if all(_is_fake(address) for address in self.evidence.answers(lookups)):
            return self._nothing("dns.local_proxy_address", lookups)
        published = [o for o in self.authenticated if o.detail.get("answers")]
        if published and not self.true_answers and not self.proven:
            return self._fault("dns.site_publishes_private_address", [*lookups, *published])
        certainty, witnesses = self.truth()
        denied = [o for o in self.authenticated if o.failure in SURE_NEGATIVE and not o.detail.get("filters")]
        if certainty is Certainty.NONE and denied:
            return self._nothing("dns.local_name", [*lookups, *denied])
        others = self.evidence.system_resolver_works(self.host)[:2]
        if not others:
            return self._nothing("dns.resolver_misleads_for_all", lookups)
        if certainty is Certainty.CERTAIN:
            return self._tampering("dns.bogon", certainty, [*lookups, *others], witnesses)
        return self._tampering("dns.bogon_alone", Certainty.LIKELY, [*lookups, *others], witnesses)

    def _negative(self, lookups: list[Observation]) -> Finding:
        """Judge "there is no such name", nothing, or a refusal; held against answers to the same question only."""
        certainty, witnesses = self.truth("A")
        if certainty is Certainty.NONE:
            return self._denied_everywhere(lookups)
        others = self.evidence.system_resolver_works(self.host)[:2]
        if not others:
            return self._nothing("dns.resolver_fails_for_all", lookups)
        alike = [] if any(o.failure in SURE_NEGATIVE for o in lookups) else self._alike(NEGATIVE - SURE_NEGATIVE | SILENT)
        sure = certainty is Certainty.CERTAIN and (bool(alike) or any(o.failure in SURE_NEGATIVE for o in lookups))
        return self._tampering("dns.denied", Certainty.CERTAIN if sure else Certainty.LIKELY, [*lookups, *others, *alike[:4]], witnesses)

    def _denied_everywhere(self, lookups: list[Observation]) -> Finding:
        unfiltered = [o for o in self.authenticated if not o.detail.get("filters")]
        missing = [o for o in unfiltered if o.failure == NXDOMAIN]
        empty = [o for o in unfiltered if o.failure == NO_ANSWER]
        failing = [o for o in unfiltered if o.failure in NEGATIVE]
        if missing:
            return self._fault("dns.name_exists_nowhere", [*lookups, *missing])
        if empty:
            return self._nothing("dns.no_address_of_this_kind", [*lookups, *empty])
        if failing:
            return self._fault("dns.fails_everywhere", [*lookups, *failing], Certainty.LIKELY)
        return self._nothing("dns.no_control", lookups)

    def _alike(self, failures: frozenset[str]) -> list[Observation]:
        """Return lookups of other owners' names that failed for the system while resolvers that cannot be forged know them.

        A broken zone or a slow server of one owner explains one name; it does not explain those of two.
        """
        owner = base_domain(self.host)
        found: list[Observation] = []
        for host in self.evidence.unresolved:
            known = self.evidence.public_answers(self.evidence.control_lookups(host, authenticated=True))
            lookups = self.evidence.system_lookups(host)
            if base_domain(host) != owner and known and lookups and all(o.failure in failures for o in lookups):
                found += lookups
            if len(found) >= FEW:
                break
        return found

    def _silence(self) -> Finding:
        """Judge no answer at all."""
        certainty, witnesses = self.truth()
        others = self.evidence.system_resolver_works(self.host)[:2]
        tries = sum(int(o.detail.get("tries") or 1) for o in self.system)
        among = 1 if self._another_is_silent() else len(self.evidence.dns)
        enough = tries_that_prove(self.evidence, among)
        if certainty is Certainty.NONE or not others or enough is None or tries < enough:
            return self._nothing("dns.silent", self.system)
        alike = self._alike(SILENT)
        sure = certainty is Certainty.CERTAIN and bool(alike)
        return Finding(
            status=Status.BLOCKED if sure else Status.LIKELY_BLOCKED,
            rule="dns.swallowed",
            cause=Cause.DNS_NO_ANSWER,
            certainty=Certainty.CERTAIN if sure else Certainty.LIKELY,
            evidence=tuple(dict.fromkeys((*ids(self.system, others, alike[:4]), *witnesses))),
        )

    def _another_is_silent(self) -> bool:
        """Tell whether another existing name got no answer either: of many names a lossy line may lose one by chance, hardly two."""
        for host in self.evidence.unresolved:
            lookups = self.evidence.system_lookups(host)
            silent = host != self.host and bool(lookups) and all(o.failure in SILENT for o in lookups)
            if silent and self.evidence.public_answers(self.evidence.control_lookups(host, authenticated=True)):
                return True
        return False

    # --- how it is said --------------------------------------------------------------------------

    def _tampering(self, rule: str, certainty: Certainty, against: list[Observation], witnesses: tuple[str, ...]) -> Finding:
        """Accuse; an answer from where no resolver lives is a second sign, unless the name may be one of the person's router."""
        injected = self.injected if self.truth()[0] is not Certainty.NONE else []
        certainty = Certainty.CERTAIN if injected else certainty
        return Finding(
            status=Status.BLOCKED if certainty is Certainty.CERTAIN else Status.LIKELY_BLOCKED,
            rule=rule,
            cause=Cause.DNS_TAMPERING,
            certainty=certainty,
            evidence=tuple(dict.fromkeys((*ids(against, injected[:2]), *witnesses))),
        )

    @staticmethod
    def _fault(rule: str, against: list[Observation], certainty: Certainty = Certainty.CERTAIN) -> Finding:
        return Finding(status=Status.DOWN, rule=rule, cause=Cause.SERVER_FAULT, certainty=certainty, evidence=ids(against))

    @staticmethod
    def _nothing(rule: str, seen: list[Observation]) -> Finding:
        return Finding(status=Status.UNKNOWN, rule=rule, certainty=Certainty.NONE, evidence=ids(seen))


def _is_fake(address: str) -> bool:
    """Tell whether an address is one that a proxy client on this computer made up."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return isinstance(parsed, ipaddress.IPv4Address) and parsed in FAKE
