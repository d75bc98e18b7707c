"""Rules of VPN profiles: does it connect, and if not, who or what is in the way?

Each protocol judges what its own server said (``judge/vpn_wireguard.py`` and its neighbours); what several share is here: names, closed
ports, a wrong clock, and silence.  Silence has four causes (blocked, dead, wrong key, wrong clock), and no probe alone tells them apart:
only a comparison does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from diagnostics.failures import BOGON, NO_ANSWER, NXDOMAIN, REFUSED, TIMEOUT
from diagnostics.judge.evidence import Finding, ids
from diagnostics.judge.route_evidence import said, word
from diagnostics.judge.vpn_address import judge_ike, judge_spoken
from diagnostics.judge.vpn_elsewhere import ENOUGH_TRIES, answered_elsewhere
from diagnostics.judge.vpn_evidence import ADDRESSES, ProfileEvidence, ends_on_the_way, is_prohibited, tries
from diagnostics.judge.vpn_faults import capped, not_permitted
from diagnostics.judge.vpn_openvpn import judge_openvpn
from diagnostics.judge.vpn_tor import judge_tor
from diagnostics.judge.vpn_wireguard import judge_wireguard
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, RouteVerdict, Status

BEHIND: Final = -60.0
"""Seconds by which this computer's clock is behind from which on it may be why a server that looks at the time stays silent."""

DATED: Final = frozenset({"wireguard", "amneziawg"})
"""Protocols whose servers take no greeting that is older than the last they took."""

DATED_FINDINGS: Final = frozenset({"vpn.server_expired", "vpn.tor_expired", "vpn.address_expired"})
"""Findings that rest on this computer's clock."""

DAY: Final = 86_400.0
"""Seconds by which that must be off to be why something has run out: certificates last months and more.  What does not hold yet may have
been made a moment ago: a clock that is ``BEHIND`` is enough there."""

ENOUGH_OPERATORS: Final = 2

_LINE_WORKS: Final = frozenset({Status.WORKS, Status.PARTIAL, Status.SLOW})
_NOBODY: Final = frozenset({NXDOMAIN, NO_ANSWER, BOGON})
"""Failures that are an answer: whoever knows names knows this one not."""

Judge = Callable[[ProfileEvidence], Finding | None]
JUDGES: Final[Mapping[str, Judge]] = {
    "wireguard": judge_wireguard,
    "amneziawg": judge_wireguard,
    "tor": judge_tor,
    "obfs4": judge_tor,
    "ikev2": judge_ike,
    "l2tp": judge_ike,
    "sstp": judge_spoken,
    "anyconnect": judge_spoken,
    "ssh": judge_spoken,
    "openvpn": judge_openvpn,
}


def judge_profile(route: str, evidence: ProfileEvidence, network: NetworkVerdict) -> RouteVerdict:
    """Return what is to be said of a profile; the first stage that fails decides."""
    return capped(_finding(evidence, network), evidence, network).of_route(route, evidence.protocol)


def _finding(evidence: ProfileEvidence, network: NetworkVerdict) -> Finding:
    if not evidence.vpn:
        return said(Status.NOT_TESTED, "vpn.not_measured", None, Certainty.NONE, ids(evidence.note))
    if network.cause in (Cause.NO_INTERNET, Cause.CAPTIVE_PORTAL) and not evidence.answered:
        return said(Status.UNKNOWN, network.rule, network.cause, Certainty.NONE, network.evidence[:8])
    ahead = evidence.of("ahead")
    if ahead:
        return said(Status.NOT_TESTED, "vpn.clock_ahead", Cause.WRONG_CLOCK, Certainty.NONE, ids(ahead))
    inside = evidence.of("inside")
    if inside:
        return said(Status.NOT_TESTED, "vpn.inside_itself", None, Certainty.NONE, ids(inside))
    found = _name(evidence, network) or not_permitted(evidence) or _port(evidence)
    if found is not None:
        return found
    own = JUDGES.get(evidence.protocol)
    found = own(evidence) if own else None
    if found is not None:
        return _by_this_clock(found, evidence, network)
    if evidence.silent and not evidence.answered:
        return _silence(evidence, network)
    if evidence.answered:
        return said(Status.WORKS, "vpn.answers", None, Certainty.LIKELY, ids(evidence.answered))
    return said(Status.UNKNOWN, "vpn.too_little", None, Certainty.NONE, ids(evidence.vpn[:8]))


def _by_this_clock(found: Finding, evidence: ProfileEvidence, network: NetworkVerdict) -> Finding:
    """Return a finding, or what this computer's clock makes of it: by a wrong one, certificates that are valid have run out.

    A clock that nobody vouches for accuses nobody; a Tor bridge tells the time itself.
    """
    if found.rule not in DATED_FINDINGS:
        return found
    skew = network.clock_skew_s
    early = any(word(o, "reason") == "early" for o in evidence.of("tls"))
    off = skew is not None and (abs(skew) > DAY or (early and skew < BEHIND))
    if network.cause is Cause.WRONG_CLOCK or off:
        return said(Status.DOWN, "vpn.server_dates", Cause.WRONG_CLOCK, Certainty.LIKELY, (*found.evidence, *network.evidence[:4]))
    if skew is None and not any(isinstance(o.detail.get("skew_s"), int | float) for o in evidence.of("clock")):
        return said(Status.UNKNOWN, "vpn.dates_unchecked", None, Certainty.NONE, found.evidence)
    return found


def _name(evidence: ProfileEvidence, network: NetworkVerdict) -> Finding | None:
    """Judge a server whose name leads nowhere: to nobody, or only here; on a line that does not work otherwise this proves nothing."""
    failed = [o for o in evidence.of("name") if o.failure]
    if not failed or evidence.answered:
        return None
    known = [o for o in evidence.of("name_elsewhere") if o.failure is None]
    told = network.status in _LINE_WORKS and any(o.failure in _NOBODY for o in failed)
    if known and told:
        return said(Status.LIKELY_BLOCKED, "vpn.name_misled", Cause.VPN_HANDSHAKE_BLOCKED, Certainty.LIKELY, ids(failed, known))
    if any(word(o, "stage") in ("port", "handshake") for o in evidence.vpn):
        return None  # its address was learnt by another way, or it has another name: what was seen there decides
    if known or not told:
        return said(Status.UNKNOWN, "vpn.name_unclear", None, Certainty.NONE, ids(failed))
    return said(Status.DOWN, "vpn.name_unknown", Cause.VPN_SERVER_UNREACHABLE, Certainty.LIKELY, ids(failed))


def _port(evidence: ProfileEvidence) -> Finding | None:
    """Judge a port that says no: nobody listens there, or somebody on the way says that it is forbidden."""
    steps = [*evidence.of("port"), *evidence.of("handshake")]
    if evidence.answered or any(o.failure is None for o in evidence.of("port")):
        return None
    prohibited = [o for o in steps if is_prohibited(o)]
    ended = [o for o in steps if ends_on_the_way(o)]
    refused = [o for o in steps if o.failure == REFUSED]
    elsewhere = answered_elsewhere(evidence, steps) if prohibited or refused or ended else None
    if elsewhere:
        return elsewhere
    if prohibited:
        return said(Status.LIKELY_BLOCKED, "vpn.prohibited", Cause.VPN_HANDSHAKE_BLOCKED, Certainty.LIKELY, ids(prohibited))
    if ended and not refused and not evidence.silent:
        return said(Status.UNKNOWN, "vpn.way_ends", None, Certainty.NONE, ids(ended))
    if refused and not evidence.silent:  # a profile with several ways may be closed on one and swallowed on another
        return said(Status.DOWN, "vpn.port_closed", Cause.VPN_SERVER_UNREACHABLE, Certainty.LIKELY, ids(refused))
    return None


def _silence(evidence: ProfileEvidence, network: NetworkVerdict) -> Finding:
    """Judge a server that does not answer, by what else was tried."""
    silent = evidence.silent
    elsewhere = answered_elsewhere(evidence, [*evidence.of("port"), *evidence.of("handshake")])
    if elsewhere:
        return elsewhere
    if _clock_behind(evidence, network):
        return said(Status.UNKNOWN, "vpn.clock_behind", Cause.WRONG_CLOCK, Certainty.NONE, ids(silent))
    timeless = evidence.protocol not in DATED or network.clock_skew_s is not None
    carrying = evidence.carrying() if timeless else []  # a clock that nobody can vouch for explains a silence everywhere
    through = _silent_elsewhere(evidence, {word(o, "by") for o in carrying})
    if through:
        proof = ids(silent, through, carrying)
        return said(Status.DOWN, "vpn.silent_everywhere", Cause.VPN_SERVER_UNREACHABLE, Certainty.LIKELY, proof)
    others = _other_silences(evidence)
    rule = "vpn.udp_silent_too" if others else "vpn.silent_address" if evidence.protocol in ADDRESSES else "vpn.silent"
    return said(Status.UNKNOWN, rule, None, Certainty.NONE, ids(silent, evidence.alive(), others))


def _silent_elsewhere(evidence: ProfileEvidence, carrying: set[str]) -> list[Observation]:
    """Return the greetings that stayed silent through proxies, too.

    Over UDP those of a proxy count that is known to carry datagrams: others swallow them, and look like a server that is off.
    """
    return [
        o
        for o in evidence.elsewhere("handshake")
        if o.failure == TIMEOUT and tries(o) >= ENOUGH_TRIES and (word(o, "transport") == "tcp" or word(o, "by") in carrying)
    ]


def _clock_behind(evidence: ProfileEvidence, network: NetworkVerdict) -> bool:
    """Tell whether this computer's clock alone may be why a server stays silent."""
    skew = network.clock_skew_s
    return evidence.protocol in DATED and (network.cause is Cause.WRONG_CLOCK or (skew is not None and skew < BEHIND))


def _other_silences(evidence: ProfileEvidence) -> list[Observation]:
    """Return the places of several operators that answer anybody over UDP and did not; nothing if one of them did.

    It accuses nobody: what calls need may be shut by itself, and those places may be down.
    """
    asked = evidence.of("udp_control")
    if any(o.detail.get("answered") is True for o in asked) or any(o.detail.get("transport") != "udp" for o in evidence.silent):
        return []
    return asked if len({word(o, "control") for o in asked}) >= ENOUGH_OPERATORS else []
