"""Rules of the encryption layer: does the handshake with this name get through, and whose certificate comes back?"""

from __future__ import annotations

from typing import Any, Final

from diagnostics.failures import CERTIFICATE_FAILURES, INVALID_CERTIFICATE, UNKNOWN_AUTHORITY, WRONG_NAME, died
from diagnostics.judge.clock import dated, only_our_clock_refuses
from diagnostics.judge.connections import SILENT, Dialled, judge_notice
from diagnostics.judge.evidence import OURS, Evidence, Finding, base_domain, ids
from diagnostics.model import Cause, Certainty, Observation, Status, Step

ENOUGH_DEATHS: Final = 2
DATE_CODES: Final = frozenset({9, 10})
"""OpenSSL verify codes: not yet valid, expired."""


class HandshakeLayer:
    """What is known of the handshakes with one name at its believed addresses."""

    def __init__(self, evidence: Evidence, dialled: Dialled) -> None:
        """Gather the handshakes and the questions that were asked about them."""
        target, host, port, believed = dialled.target, dialled.host, dialled.port, dialled.believed
        self.evidence = evidence
        self.target = target
        self.host = host
        self.backed = dialled.backed
        steps = [o for o in evidence.tls.get(host, ()) if evidence.port(o) == port]
        self.own = [o for o in steps if evidence.purpose(o) in OURS and o.address in believed]
        self.at_control = [o for o in evidence.tls.get(host, ()) if evidence.purpose(o) == "control_address"]
        self.looked = [o for o in steps if evidence.purpose(o) == "inspect"]
        self.by_system = [o for o in steps if evidence.purpose(o) == "system_roots" and o.failure is None]
        self.neutral = evidence.questions.at(Step.TLS, "neutral_name", [o.address for o in self.own])
        self.baseline = evidence.questions.of(Step.TLS, "control_neutral")

    def finding(self) -> Finding | None:
        """Return why no handshake with the name ended well, or None if one did or none was tried."""
        if not self.own or any(o.failure is None for o in self.own):
            return None
        shown = [o for o in self.own if o.failure in CERTIFICATE_FAILURES and not died(o)]
        if shown:
            return self._certificate(shown)
        return self._death([o for o in self.own if died(o)])

    # --- the handshake dies ----------------------------------------------------------------------

    def _death(self, deaths: list[Observation]) -> Finding:
        if not deaths:
            return self._unknown("tls.unexplained", self.own)
        if self.evidence.late and all(o.failure in SILENT for o in deaths):
            return self._unknown("tls.this_computer_is_late", [*deaths, self.evidence.late])
        passed = self._passing_neutrals(deaths)
        everywhere = self._dies_at_control()
        if everywhere and (passed or len(deaths) >= ENOUGH_DEATHS):
            return self._name("tls.name_dies_everywhere", Status.BLOCKED, Certainty.CERTAIN, [*deaths, *passed, *everywhere])
        if passed and len(deaths) >= ENOUGH_DEATHS:
            return self._name("tls.name_dies_here", Status.LIKELY_BLOCKED, Certainty.LIKELY, [*deaths, *passed])
        notice = judge_notice(self.evidence, self.target, self.host, deaths)
        if notice:
            return notice
        rule = "tls.any_name_dies" if self.neutral else "tls.no_control"
        return self._unknown(rule, [*deaths, *self.neutral])

    def _passing_neutrals(self, deaths: list[Observation]) -> list[Observation]:
        """Return handshakes with a harmless name that the same addresses went on with, up to a certificate.

        An alert is no going on: a server without a working host of that name gives it too.
        """
        places = {o.address for o in deaths}
        return [o for o in self.neutral if o.address in places and (o.failure is None or "verify_code" in o.detail)]

    def _dies_at_control(self) -> list[Observation]:
        """Return handshakes that die with this name at an address that has nothing to do with it, and the proof that others pass.

        The proof must come first: an address stays cut for every name for a while after some filters saw a forbidden one.
        """
        dead = [o for o in self.at_control if died(o)]
        proofs = [(d, o) for d in dead for o in self.baseline if o.failure is None and o.address == d.address and o.t <= d.t]
        return [o for pair in proofs for o in pair]

    # --- the certificate is wrong ----------------------------------------------------------------

    def _certificate(self, shown: list[Observation]) -> Finding:
        if any(o.failure == INVALID_CERTIFICATE and o.detail.get("verify_code") in DATE_CODES for o in shown):
            return self._dates(shown)
        if self.by_system:
            return Finding(
                status=Status.DOWN,
                rule="tls.local_root",
                cause=Cause.LOCAL_INTERCEPTION,
                certainty=Certainty.CERTAIN,
                evidence=ids(shown, self.by_system),
            )
        if any(o.failure == UNKNOWN_AUTHORITY for o in shown):
            return self._stranger(shown)
        if not self._backed(shown):
            return self._unbacked(shown)
        if any(o.failure == WRONG_NAME for o in shown) and self._same_for_neutral():
            return self._fault("tls.server_shows_another_name", shown, Certainty.LIKELY)
        return self._unknown("tls.certificate_unexplained", shown)

    def _dates(self, shown: list[Observation]) -> Finding:
        """Judge a certificate outside its dates: the server's neglect, unless it is this computer's clock that is outside."""
        early = [o for o in self.looked if only_our_clock_refuses(self.evidence, self._certificate_of(o))]
        if not early:
            return self._fault("tls.certificate_date", shown, Certainty.CERTAIN)
        return Finding(
            status=Status.DOWN,
            rule="tls.clock_differs",
            cause=Cause.WRONG_CLOCK,
            certainty=Certainty.CERTAIN,
            evidence=ids(shown, early, dated(self.evidence)[:2]),
        )

    def _stranger(self, shown: list[Observation]) -> Finding:
        """Judge a certificate that no public root signed: a server's own, or somebody on the way."""
        issuers = self._issuers(self.looked)
        alike = [o for o in self.neutral if self._issuer(o) in issuers]
        minted = [o for o in alike if o.detail.get("server_name") in (self._certificate_of(o).get("names") or ())]
        elsewhere = [o for o in self.at_control if self._issuer(o) in issuers]
        others = self._same_issuer_for_strangers()
        passed = [o for o in self.neutral if o.failure is None and self._issuer(o) not in issuers]
        if minted or elsewhere or (others and passed):
            witnesses = [*shown, *self.looked, *minted, *elsewhere, *others, *passed]
            return self._interception("tls.stranger_signs_everywhere", Status.BLOCKED, Certainty.CERTAIN, witnesses)
        if not self._backed(shown):
            return self._unbacked(shown)
        if alike:  # the server shows its own certificate to everybody: nobody on the way would sign so
            return self._fault("tls.server_signs_itself", [*shown, *alike], Certainty.LIKELY)
        if (passed or others) and self.looked:
            witnesses = [*shown, *self.looked, *passed, *others]
            return self._interception("tls.stranger_signs_this_name", Status.LIKELY_BLOCKED, Certainty.LIKELY, witnesses)
        return self._unknown("tls.unknown_authority", [*shown, *self.looked])

    def _backed(self, shown: list[Observation]) -> bool:
        """Tell whether anybody but the system's resolver says that these are the name's addresses."""
        return any(o.address in self.backed for o in shown)

    def _unbacked(self, shown: list[Observation]) -> Finding:
        """Judge a stranger's certificate at an address that only the system's resolver names: the address may be the lie."""
        shared = [o for a in {str(o.address) for o in shown} for o in self.evidence.sharing(a, self.host)]
        if not shared:
            return self._unknown("tls.unbacked", shown)
        return Finding(
            status=Status.LIKELY_BLOCKED,
            rule="dns.strangers_share_an_address",
            cause=Cause.DNS_TAMPERING,
            certainty=Certainty.LIKELY,
            evidence=ids(shown, shared[:4]),
        )

    def _same_issuer_for_strangers(self) -> list[Observation]:
        """Return certificates by the same unknown issuer for names of other owners."""
        wanted = self._issuers(self.looked)
        return [
            o
            for o in self.evidence.questions.of(Step.TLS, "inspect")
            if self._issuer(o) in wanted and base_domain(str(o.host)) != base_domain(self.host)
        ]

    def _same_for_neutral(self) -> list[Observation]:
        """Return handshakes with a harmless name that were shown the very same certificate: then it is the server's own."""
        prints = {self._certificate_of(o).get("sha256") for o in self.looked} - {None}
        return [o for o in self.neutral if self._certificate_of(o).get("sha256") in prints]

    @staticmethod
    def _certificate_of(o: Observation) -> dict[str, Any]:
        certificate = o.detail.get("certificate")
        return certificate if isinstance(certificate, dict) else {}

    def _issuer(self, o: Observation) -> str | None:
        issuer = self._certificate_of(o).get("issuer")
        return issuer if isinstance(issuer, str) and issuer else None

    def _issuers(self, steps: list[Observation]) -> set[str]:
        return {issuer for o in steps if (issuer := self._issuer(o))}

    # --- how it is said --------------------------------------------------------------------------

    @staticmethod
    def _name(rule: str, status: Status, certainty: Certainty, witnesses: list[Observation]) -> Finding:
        return Finding(status=status, rule=rule, cause=Cause.NAME_BLOCKED, certainty=certainty, evidence=ids(witnesses))

    @staticmethod
    def _interception(rule: str, status: Status, certainty: Certainty, witnesses: list[Observation]) -> Finding:
        return Finding(status=status, rule=rule, cause=Cause.TLS_INTERCEPTION, certainty=certainty, evidence=ids(witnesses))

    @staticmethod
    def _fault(rule: str, witnesses: list[Observation], certainty: Certainty) -> Finding:
        return Finding(status=Status.DOWN, rule=rule, cause=Cause.SERVER_FAULT, certainty=certainty, evidence=ids(witnesses))

    @staticmethod
    def _unknown(rule: str, witnesses: list[Observation]) -> Finding:
        return Finding(status=Status.UNKNOWN, rule=rule, certainty=Certainty.NONE, evidence=ids(witnesses))
