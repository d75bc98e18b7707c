"""Rules of Tor bridges (see ``judge/vpn_profiles.py`` for what protocols share).

A bridge proves who it is with certificates that are tied to the connection itself: where those hold, nothing on the way can pretend to be
it.  Silence of an obfs4 bridge says less than any other: it answers nobody who does not know its line, by design.
"""

from __future__ import annotations

from typing import Final

from diagnostics.failures import FAILED_HANDSHAKE, WRONG_ANSWER
from diagnostics.judge.evidence import Finding, ids
from diagnostics.judge.route_evidence import said, word
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_tcp import cut, silent_port
from diagnostics.model import Cause, Certainty, Observation, Status

MOST_SKEW: Final = 3600.0
"""Seconds by which two clocks may differ before tor itself complains (tor's TIME_SKEW_WARN, an hour)."""

NOT_FOUND: Final = "transport_not_found"
NOT_STARTED: Final = "transport_not_started"
"""Failures of ``vpn/tor/probe.py``; the judge reads them from reports and imports no probe."""


def judge_tor(evidence: ProfileEvidence) -> Finding | None:
    """Return what the bridge proved, or how its greeting ended; None where the shared rules decide."""
    for rule in (_keys, _program, _silent_port, _other_service, _cut, _hidden):
        found = rule(evidence)
        if found is not None:
            return found
    return None


def _silent_port(evidence: ProfileEvidence) -> Finding | None:
    return silent_port(evidence, "vpn.silent")


def _cut(evidence: ProfileEvidence) -> Finding | None:
    return cut(evidence, "vpn.tor_closes", "vpn.tor_cut") if evidence.protocol == "tor" else None


def _keys(evidence: ProfileEvidence) -> Finding | None:
    """Judge who the bridge is."""
    keys = evidence.of("keys")
    wrong = {reason: [o for o in keys if word(o, "reason") == reason] for reason in ("fingerprint", "chain", "expired")}
    off = _clock(evidence)
    if wrong["fingerprint"]:
        return said(Status.DOWN, "vpn.tor_other_bridge", Cause.VPN_UNTRUSTED_SERVER, Certainty.CERTAIN, ids(wrong["fingerprint"]))
    if wrong["chain"]:
        return said(Status.DOWN, "vpn.tor_unproven", Cause.VPN_UNTRUSTED_SERVER, Certainty.LIKELY, ids(wrong["chain"]))
    proven = [o for o in keys if o.failure is None]
    if off and (proven or wrong["expired"]):
        return said(Status.DOWN, "vpn.tor_clock", Cause.WRONG_CLOCK, Certainty.LIKELY, ids(off, proven, wrong["expired"]))
    if wrong["expired"]:
        return said(Status.DOWN, "vpn.tor_expired", Cause.VPN_UNTRUSTED_SERVER, Certainty.LIKELY, ids(wrong["expired"]))
    matching = [o for o in proven if o.detail.get("match") is True]
    if matching:
        return said(Status.WORKS, "vpn.tor_verified", None, Certainty.CERTAIN, ids(evidence.answered, matching))
    return None


def _clock(evidence: ProfileEvidence) -> list[Observation]:
    """Return the steps that showed clocks which differ by more than Tor bears."""
    return [o for o in evidence.of("clock") if isinstance(skew := o.detail.get("skew_s"), int | float) and abs(skew) > MOST_SKEW]


def _program(evidence: ProfileEvidence) -> Finding | None:
    """Judge the person's own program for obfs4: without it nothing was asked."""
    if evidence.of("handshake"):
        return None
    steps = evidence.of("transport")
    missing = [o for o in steps if o.failure == NOT_FOUND]
    if missing:
        return said(Status.NOT_TESTED, "vpn.obfs4_no_program", None, Certainty.NONE, ids(missing))
    failed = [o for o in steps if o.failure == NOT_STARTED]
    return said(Status.NOT_TESTED, "vpn.obfs4_program_failed", None, Certainty.NONE, ids(failed)) if failed else None


def _other_service(evidence: ProfileEvidence) -> Finding | None:
    """Judge a port at which something else answers; what breaks TLS off with words of its own may also be a filter."""
    if evidence.answered:
        return None
    others = [o for o in evidence.of("handshake") if o.failure == WRONG_ANSWER]
    if others:
        return said(Status.DOWN, "vpn.tor_other_service", Cause.VPN_SERVER_UNREACHABLE, Certainty.LIKELY, ids(others))
    broken = [o for o in evidence.of("handshake") if o.failure == FAILED_HANDSHAKE]
    if broken and len(broken) == len(evidence.of("handshake")) and not evidence.elsewhere("handshake"):
        return said(Status.UNKNOWN, "vpn.tor_no_tls", None, Certainty.NONE, ids(broken))
    return None


def _hidden(evidence: ProfileEvidence) -> Finding | None:
    """Judge an obfs4 bridge that says nothing, or whose disguise holds while Tor behind it does not answer."""
    if evidence.protocol != "obfs4" or evidence.answered or not evidence.silent:
        return None
    disguised = [o for o in evidence.silent if word(o, "reached") in ("obfs4", "tls")]
    if disguised:
        return said(Status.UNKNOWN, "vpn.obfs4_stalls", None, Certainty.NONE, ids(disguised))
    return said(Status.UNKNOWN, "vpn.obfs4_silent", None, Certainty.NONE, ids(evidence.silent))
