"""Rules of what an OpenVPN server said (see ``judge/vpn_profiles.py`` for what protocols share).

A server with tls-auth or tls-crypt answers nobody who lacks the key: over UDP with silence, over TCP by closing.  What a server says
once its certificate was believed cannot be forged on the way; everything before that can.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.failures import EOF, TIMEOUT, WRONG_ANSWER
from diagnostics.judge.evidence import Finding, ids
from diagnostics.judge.route_evidence import code, said, word
from diagnostics.judge.vpn_elsewhere import CUT, ENOUGH_CUTS, ENOUGH_TRIES, answered_elsewhere, closed_unasked, proven_elsewhere
from diagnostics.judge.vpn_evidence import ProfileEvidence, tries
from diagnostics.model import Cause, Certainty, Observation, Status

PROVEN_OTHER: Final = frozenset({"authority", "usage", "name", "fingerprint"})
"""Reasons why a certificate is not the profile's server's, whatever the date."""

DATES: Final = frozenset({"expired", "early"})
ENDINGS: Final = {
    "challenge": (Status.UNKNOWN, "vpn.login_wants_more", None, Certainty.NONE),
    "pending": (Status.UNKNOWN, "vpn.login_wants_more", None, Certainty.NONE),
    "busy": (Status.DOWN, "vpn.busy", Cause.VPN_SERVER_BUSY, Certainty.LIKELY),
    "cipher": (Status.DOWN, "vpn.no_common_cipher", None, Certainty.LIKELY),
}
"""What is said of logins that ended in the server's own words; those that it refused are apart."""


def judge_openvpn(evidence: ProfileEvidence) -> Finding | None:
    """Return what the server proved and said, or how it fell silent; None where the shared rules decide."""
    for rule in (_stranger, _login, _secured, _stalled, _only_greeted, _cut, _other_service, _silent_port):
        found = rule(evidence)
        if found is not None:
            return _beside(found, evidence) if found.status is Status.WORKS else found
    return None


# --- who the server is, and what it says ---


def _stranger(evidence: ProfileEvidence) -> Finding | None:
    """Judge a certificate that is not the profile's server's."""
    wrong = [o for o in evidence.of("tls") if o.failure and word(o, "reason")]
    if not wrong:
        return None
    dated = [o for o in wrong if word(o, "reason") in DATES]
    if len(dated) == len(wrong):
        return said(Status.DOWN, "vpn.server_expired", Cause.VPN_UNTRUSTED_SERVER, Certainty.LIKELY, ids(dated))
    sure = Certainty.CERTAIN if any(word(o, "reason") in PROVEN_OTHER for o in wrong) else Certainty.LIKELY
    return said(Status.DOWN, "vpn.other_server", Cause.VPN_UNTRUSTED_SERVER, sure, ids(wrong))


def _login(evidence: ProfileEvidence) -> Finding | None:
    """Judge the login; it took place with a server that had proved who it is."""
    steps = evidence.of("login")
    if not steps:
        return None
    proof = [o for o in evidence.of("tls") if o.failure is None]
    last = steps[-1]
    answer = word(last, "answer")
    if last.failure is None and answer == "push":
        return said(Status.WORKS, "vpn.logged_in", None, Certainty.CERTAIN, ids(evidence.answered, proof, last))
    if answer == "refused":
        return said(Status.DOWN, "vpn.login_refused", Cause.VPN_AUTH_FAILED, Certainty.CERTAIN, ids(proof, last))
    # silence here: a certificate of the person's that is not accepted shows in no other way (TLS 1.3), and a busy server looks the same
    status, rule, cause, sure = ENDINGS.get(answer, (Status.UNKNOWN, "vpn.login_unanswered", None, Certainty.NONE))
    return said(status, rule, cause, sure, ids(proof, last))


def _secured(evidence: ProfileEvidence) -> Finding | None:
    """Judge a server that proved who it is and was asked for nothing more."""
    proof = [o for o in evidence.of("tls") if o.failure is None]
    heard = [o for o in proof if o.detail.get("settled") is not False]
    if heard:
        return said(Status.WORKS, "vpn.server_proven", None, Certainty.LIKELY, ids(evidence.answered, heard))
    # it does not accept the person's certificate, or the way back is filtered
    return said(Status.UNKNOWN, "vpn.proven_then_silent", None, Certainty.NONE, ids(evidence.answered, proof)) if proof else None


def _stalled(evidence: ProfileEvidence) -> Finding | None:
    """Judge a server that answers the greeting and not what follows, on every way that was tried."""
    steps = evidence.of("tls")
    if not steps:
        return None
    silent = [o for o in steps if o.failure == TIMEOUT and tries(o) >= ENOUGH_CUTS]
    if len(silent) < len(steps):
        rule = "vpn.tls_cut" if all(o.failure in CUT or o.failure == TIMEOUT for o in steps) else "vpn.tls_refused"
        return said(Status.UNKNOWN, rule, None, Certainty.NONE, ids(steps))
    if all(_unheard(o) for o in silent):
        return _unheard_here(evidence, silent)
    if all(_without_the_large(o) for o in silent):
        return said(Status.DOWN, "vpn.large_control_lost", Cause.VPN_MTU, Certainty.LIKELY, ids(evidence.answered, silent))
    return said(Status.UNKNOWN, "vpn.tls_stalls", None, Certainty.NONE, ids(evidence.answered, silent))


def _unheard_here(evidence: ProfileEvidence, silent: Sequence[Observation]) -> Finding:
    """Judge a server that acknowledges nothing after its greeting: a full one (``max-clients``) greets, too, and then takes nobody in."""
    proven = proven_elsewhere(evidence, silent)
    if proven:
        return said(Status.DOWN, "vpn.control_lost", Cause.VPN_DATA_BLOCKED, Certainty.LIKELY, ids(evidence.answered, silent, proven))
    return said(Status.UNKNOWN, "vpn.control_unheard", None, Certainty.NONE, ids(evidence.answered, silent))


def _unheard(o: Observation) -> bool:
    """Tell whether nothing that followed the greeting was even acknowledged."""
    return not code(o, "acked") and not code(o, "came")


def _without_the_large(o: Observation) -> bool:
    """Tell whether later packets of the server's came and the first, the largest, never did."""
    return code(o, "acked") > 0 and code(o, "came") > 0 and not code(o, "taken")


def _only_greeted(evidence: ProfileEvidence) -> Finding | None:
    """Judge a greeting that was answered where the test ended there."""
    return said(Status.WORKS, "vpn.answers", None, Certainty.LIKELY, ids(evidence.answered)) if evidence.answered else None


# --- one way against another ---


def _beside(found: Finding, evidence: ProfileEvidence) -> Finding:
    """Return the finding of a profile that works, less than that where the same server is out of reach over another transport."""
    proven = [o for o in evidence.of("tls") if o.failure is None and o.detail.get("settled") is not False]
    mute = [o for o in evidence.of("handshake") if _mute(o) and _same_server(o, proven)]
    if mute:
        witnesses = ids(mute, evidence.of("hold"), proven)
        return said(Status.PARTIAL, "vpn.one_transport_cut", Cause.VPN_HANDSHAKE_BLOCKED, Certainty.LIKELY, witnesses)
    stuck = [o for o in evidence.of("tls") if _stuck(o) and _same_server(o, proven)]
    if stuck:
        return said(Status.PARTIAL, "vpn.one_transport_stalls", Cause.VPN_DATA_BLOCKED, Certainty.LIKELY, ids(stuck, proven))
    return found


def _stuck(o: Observation) -> bool:
    """Tell whether TLS fell silent, in two sessions or at its end."""
    return (o.failure == TIMEOUT and tries(o) >= ENOUGH_CUTS) or o.detail.get("settled") is False


def _mute(o: Observation) -> bool:
    """Tell whether a greeting was swallowed often enough over UDP to be held against another way."""
    return word(o, "transport") == "udp" and o.failure == TIMEOUT and tries(o) >= ENOUGH_TRIES


def _same_server(o: Observation, proven: Sequence[Observation]) -> bool:
    """Tell whether the same server proved itself over another transport: another server may be well where this one is off."""
    return any(code(o, "place") == code(p, "place") and word(o, "transport") != word(p, "transport") for p in proven)


# --- what was not answered ---


def _cut(evidence: ProfileEvidence) -> Finding | None:
    """Judge greetings over TCP that were cut: by whom shows a connection on which nothing was said, and what key it was."""
    greetings = evidence.of("handshake", transport="tcp")
    cut = [o for o in greetings if o.failure in CUT and word(o, "reached") == "tcp"]
    if len(cut) < ENOUGH_CUTS or len(cut) < len(greetings):
        return None
    elsewhere = answered_elsewhere(evidence, cut)
    if elsewhere is not None:
        return elsewhere
    held = evidence.of("hold")
    if held and len(closed_unasked(evidence)) == len(held):
        return said(Status.DOWN, "vpn.closes_at_once", Cause.VPN_SERVER_UNREACHABLE, Certainty.LIKELY, ids(cut, held))
    keyed = all(word(o, "wrap") not in ("", "plain") for o in cut)
    if keyed and held and all(o.failure == EOF for o in cut):
        return said(Status.DOWN, "vpn.closes_at_key", Cause.VPN_WRONG_KEY, Certainty.LIKELY, ids(cut, held))
    # a filter, a server that wants a key that the file has not, or one of another kind
    return said(Status.UNKNOWN, "vpn.greeting_cut", None, Certainty.NONE, ids(cut, held))


def _other_service(evidence: ProfileEvidence) -> Finding | None:
    """Judge a port at which something else answers."""
    greetings = evidence.of("handshake")
    others = [o for o in greetings if o.failure == WRONG_ANSWER]
    if others and len(others) == len(greetings):
        return said(Status.DOWN, "vpn.other_service", Cause.VPN_SERVER_UNREACHABLE, Certainty.LIKELY, ids(others))
    return None


def _silent_port(evidence: ProfileEvidence) -> Finding | None:
    """Judge ports that answer nobody here: they may be swallowed, or the server may be gone."""
    silent = [o for o in evidence.of("port") if o.failure]
    if evidence.of("handshake") or not silent:
        return None
    return answered_elsewhere(evidence, silent) or said(Status.UNKNOWN, "vpn.silent", None, Certainty.NONE, ids(silent, evidence.alive()))
