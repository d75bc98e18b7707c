"""Rules that servers over TCP share: a port that is silent, and connections that are cut at the greeting."""

from __future__ import annotations

from diagnostics.judge.evidence import Finding, ids
from diagnostics.judge.route_evidence import said, word
from diagnostics.judge.vpn_elsewhere import CUT, ENOUGH_CUTS, answered_elsewhere, closed_unasked
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.model import Cause, Certainty, Status


def silent_port(evidence: ProfileEvidence, rule: str) -> Finding | None:
    """Judge a port that answers nobody here: it may be swallowed, or the server may be gone; ``rule`` is what is said then."""
    if evidence.of("handshake") or not (silent := [o for o in evidence.of("port") if o.failure]):
        return None
    return answered_elsewhere(evidence, silent) or said(Status.UNKNOWN, rule, None, Certainty.NONE, ids(silent, evidence.alive()))


def cut(evidence: ProfileEvidence, closes: str, unknown: str) -> Finding | None:
    """Judge greetings that were cut: by whom shows a connection on which nothing was said.

    ``closes`` is said of a port that cuts these as well, ``unknown`` of a filter, or a server of another kind that takes a greeting amiss.
    """
    greetings = evidence.of("handshake")
    ended = [o for o in greetings if o.failure in CUT and word(o, "reached") in ("tcp", "tls")]
    if evidence.answered or len(ended) < ENOUGH_CUTS or len(ended) < len(greetings):
        return None
    found = answered_elsewhere(evidence, ended)
    if found is not None:
        return found
    held = evidence.of("hold")
    if held and len(closed_unasked(evidence)) == len(held) and all(word(o, "reached") == "tcp" for o in ended):
        return said(Status.DOWN, closes, Cause.VPN_SERVER_UNREACHABLE, Certainty.LIKELY, ids(ended, held))
    return said(Status.UNKNOWN, unknown, None, Certainty.NONE, ids(ended, held))
