"""Rules of what a WireGuard server said (see ``judge/vpn_profiles.py`` for what protocols share).

WireGuard says nothing to strangers: a wrong key on either side, a dead server and a filter look the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from diagnostics.judge.evidence import Finding, ids
from diagnostics.judge.route_evidence import code, said, word
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.model import Cause, Certainty, Observation, Status

SMALL: Final = 1280
"""Bytes that every way carries (RFC 8200): what passes no larger packets is what people notice as pages that hang."""

LARGE_PAGE: Final = 12_000
"""Bytes of a connection that several packets of full size carried: a server whose own end takes smaller ones answers no larger echo
requests, and pages pass all the same."""


def judge_wireguard(evidence: ProfileEvidence) -> Finding | None:
    """Return what the server's own words say, or None where it said nothing."""
    if not evidence.answered:
        busy = [o for o in evidence.of("handshake") if word(o, "answer") == "cookie"]
        return said(Status.DOWN, "vpn.busy", Cause.VPN_SERVER_BUSY, Certainty.LIKELY, ids(busy)) if busy else None
    wrong = [o for o in evidence.of("keys") if o.failure]
    if wrong:
        return said(Status.DOWN, "vpn.preshared_key_differs", Cause.VPN_WRONG_KEY, Certainty.CERTAIN, ids(evidence.answered, wrong))
    data = evidence.of("data")
    if not data:
        return said(Status.WORKS, "vpn.only_greeted", None, Certainty.LIKELY, ids(evidence.answered))
    if all(o.failure for o in data):
        return said(Status.DOWN, "vpn.no_data", Cause.VPN_DATA_BLOCKED, Certainty.LIKELY, ids(evidence.answered, data))
    shrunk = [o for o in evidence.of("mtu") if _only_small(o)]
    if shrunk and not any(code(o, "received") >= LARGE_PAGE for o in evidence.whole_pages):
        return said(Status.PARTIAL, "vpn.large_packets_lost", Cause.VPN_MTU, Certainty.LIKELY, ids(data, shrunk))
    if evidence.whole_pages:
        return said(Status.WORKS, "vpn.carries_pages", None, Certainty.CERTAIN, ids(evidence.answered, data, evidence.whole_pages[:4]))
    opened = [*evidence.stage("open"), *evidence.tls]
    if opened and all(o.failure for o in opened):
        return said(Status.DOWN, "vpn.leads_nowhere", None, Certainty.LIKELY, ids(data, opened[:6]))
    return said(Status.WORKS, "vpn.carries", None, Certainty.LIKELY, ids(evidence.answered, data))


def _only_small(o: Observation) -> bool:
    """Tell whether every packet up to some size passed and every larger one was lost, and a small one among those that passed."""
    passed, lost = _sizes(o.detail.get("passed")), _sizes(o.detail.get("lost"))
    return bool(passed and lost) and max(passed) < min(lost) and max(passed) >= min(SMALL, 576)


def _sizes(value: object) -> list[int]:
    return [size for size in value if isinstance(size, int)] if isinstance(value, Iterable) and not isinstance(value, str) else []
