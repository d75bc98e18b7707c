"""Faults of this computer and its line that explain what fails of a VPN profile: they are said first, and accuse nobody else."""

from __future__ import annotations

from typing import Final

from diagnostics.judge.evidence import Finding, ids
from diagnostics.judge.route_evidence import said
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.model import Cause, Certainty, Observation, Status

DENIED: Final = "permission_denied"
"""What a system says of a connection or a packet that a program of this computer forbids."""


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
