"""Rules of servers of which nothing but the address is known: IKE, SSTP, AnyConnect, SSH.

"Works" is never more than likely: it answers as such a server does, and nobody logged in.
"""

from __future__ import annotations

from typing import Final

from diagnostics.failures import FAILED_HANDSHAKE, INVALID_CERTIFICATE, TIMEOUT, UNKNOWN_AUTHORITY, WRONG_ANSWER, WRONG_NAME
from diagnostics.judge.evidence import Finding, ids
from diagnostics.judge.route_evidence import code, said, word
from diagnostics.judge.vpn_elsewhere import answered_elsewhere
from diagnostics.judge.vpn_evidence import ProfileEvidence, tries
from diagnostics.judge.vpn_openvpn import DATES
from diagnostics.judge.vpn_tcp import cut, silent_port
from diagnostics.model import Cause, Certainty, Status

ENOUGH_TRIES: Final = 3
BARE_PORT: Final = 1701
"""Where L2TP is spoken without IPsec, in the clear."""

UNTRUSTED: Final = frozenset({UNKNOWN_AUTHORITY, WRONG_NAME, INVALID_CERTIFICATE})


def judge_ike(evidence: ProfileEvidence) -> Finding | None:
    """Return what the server's answers on its ports say, or None where it gave none."""
    answered = evidence.answered
    if not answered:
        busy = [o for o in evidence.of("handshake") if word(o, "answer") == "cookie"]
        return said(Status.DOWN, "vpn.busy", Cause.VPN_SERVER_BUSY, Certainty.LIKELY, ids(busy)) if busy else None
    if all(code(o, "port") == BARE_PORT for o in answered):
        return said(Status.WORKS, "vpn.l2tp_bare", None, Certainty.LIKELY, ids(answered))
    silent = [o for o in evidence.of("handshake") if o.failure == TIMEOUT and not word(o, "answer") and tries(o) >= ENOUGH_TRIES]
    if silent:
        # a server that has one of the two ports has the other: behind a router, both are needed
        return said(Status.PARTIAL, "vpn.ike_one_port", Cause.VPN_HANDSHAKE_BLOCKED, Certainty.LIKELY, ids(answered, silent))
    return said(Status.WORKS, "vpn.address_answers", None, Certainty.LIKELY, ids(answered))


def judge_spoken(evidence: ProfileEvidence) -> Finding | None:
    """Return what a server over TCP showed of itself, or how its greeting ended; None where the shared rules decide."""
    if evidence.answered:
        return _certificate(evidence) or said(Status.WORKS, "vpn.address_answers", None, Certainty.LIKELY, ids(evidence.answered))
    return silent_port(evidence, "vpn.silent_address") or _other_service(evidence) or cut(evidence, "vpn.address_closes", "vpn.address_cut")


def _certificate(evidence: ProfileEvidence) -> Finding | None:
    """Judge a server whose certificate this computer believes by no roots."""
    seen = evidence.of("tls")
    wrong = [o for o in seen if o.failure in UNTRUSTED]
    if not wrong or any(o.failure is None for o in seen):
        return None
    dated = [o for o in wrong if word(o, "reason") in DATES]
    if dated:  # some roots signed it: what does not hold is its days, and those are read by this computer's clock
        return said(Status.PARTIAL, "vpn.address_expired", Cause.VPN_UNTRUSTED_SERVER, Certainty.LIKELY, ids(evidence.answered, dated))
    return said(Status.PARTIAL, "vpn.address_untrusted", Cause.VPN_UNTRUSTED_SERVER, Certainty.LIKELY, ids(evidence.answered, wrong))


def _other_service(evidence: ProfileEvidence) -> Finding | None:
    """Judge a port at which something else answers; what breaks TLS off with words of its own may also be a filter."""
    greetings = evidence.of("handshake")
    others = [o for o in greetings if o.failure == WRONG_ANSWER]
    if others:
        return said(Status.DOWN, "vpn.address_other_service", Cause.VPN_SERVER_UNREACHABLE, Certainty.LIKELY, ids(others))
    broken = [o for o in greetings if o.failure == FAILED_HANDSHAKE or (o.failure == TIMEOUT and word(o, "reached") == "tls")]
    if not broken or len(broken) < len(greetings):
        return None
    return answered_elsewhere(evidence, broken) or said(Status.UNKNOWN, "vpn.address_no_tls", None, Certainty.NONE, ids(broken))
