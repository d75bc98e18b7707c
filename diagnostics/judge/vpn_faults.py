"""Faults of this computer and its line that explain what fails of a VPN profile: they are said first, and accuse nobody else."""

from __future__ import annotations

from typing import Final

from diagnostics.judge.evidence import Finding, ids
from diagnostics.judge.route_evidence import said
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, Status

DENIED: Final = "permission_denied"
"""What a system says of a connection or a packet that a program of this computer forbids."""

LOCAL: Final = frozenset({Cause.LOCAL_INTERCEPTION, Cause.LOCAL_FIREWALL, Cause.LOSSY_NETWORK})
"""Faults that cut, close or lose by themselves what a profile sends."""

ACCUSING: Final = frozenset({Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN, Status.PARTIAL})
TOLD: Final = frozenset({"vpn.busy", "vpn.no_common_cipher"})
"""What a server says in its protocol's own words, or in an encrypted channel; no local fault says that."""

SHOWN: Final = frozenset({Cause.WRONG_CLOCK, Cause.VPN_UNTRUSTED_SERVER})
"""What rests on dates and certificates that came, not on what did not: a warning not to type a password is not taken back."""


def denied(evidence: ProfileEvidence) -> list[Observation]:
    """Return the ports and greetings that this computer did not let out."""
    return [o for o in [*evidence.of("port"), *evidence.of("handshake")] if o.failure == DENIED]


def not_permitted(evidence: ProfileEvidence) -> Finding | None:
    """Judge a server that was never reached, since this computer let nothing out to it: an answer from elsewhere proves no block."""
    own = denied(evidence)
    tried = [o for o in [*evidence.of("port"), *evidence.of("handshake")] if o.failure]
    if not own or evidence.answered or len(own) < len(tried):
        return None
    return said(Status.UNKNOWN, "vpn.not_permitted", Cause.LOCAL_FIREWALL, Certainty.NONE, ids(own))


def capped(found: Finding, evidence: ProfileEvidence, network: NetworkVerdict) -> Finding:
    """Return a finding, or what is left of it while this computer or its line has a fault that may be why.

    What was certain rests on a strong comparison and is likely; what was likely cannot be told.  What works does so all the same.
    """
    own = denied(evidence)
    cause = network.cause if network.cause in LOCAL else Cause.LOCAL_FIREWALL if own else None
    if cause is None or found.status not in ACCUSING:
        return found
    if found.certainty is Certainty.CERTAIN or found.rule in TOLD or found.cause in SHOWN:
        status = Status.LIKELY_BLOCKED if found.status is Status.BLOCKED else found.status
        return said(status, found.rule, found.cause, Certainty.LIKELY, found.evidence)
    if found.status is Status.PARTIAL:  # what is wrong beside an answer is what the fault explains
        return said(Status.WORKS, "vpn.answers", None, Certainty.LIKELY, found.evidence)
    faults = network.evidence[:4] if network.cause in LOCAL else ids(own)
    return said(Status.UNKNOWN, "vpn.local_fault", cause, Certainty.NONE, tuple(dict.fromkeys((*found.evidence, *faults))))
