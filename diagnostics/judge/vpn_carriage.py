"""Rules of how a VPN carries: does anything come back, do large packets pass, who shows the certificates, what does it cost?"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from diagnostics.failures import CERTIFICATE_FAILURES, DEATHS, UNKNOWN_AUTHORITY
from diagnostics.judge.evidence import Evidence, ids
from diagnostics.judge.route_evidence import code, owners, word
from diagnostics.judge.vpn_seen import Outlook, Said
from diagnostics.model import OUTSIDE, Cause, Certainty, NetworkVerdict, Observation, Status, Step

Carriage = Callable[[Outlook, Evidence, NetworkVerdict | None], Said]

TWICE: Final = 2
"""Rounds, and places of different owners, that must show the same before it is said."""

ENOUGH_ASKED: Final = 3
"""Questions of a round that must have gone out for its silence to count."""

SLOW: Final = 0.2
"""Share of the speed beside the tunnel below which a tunnel is called slow, in both rounds; as for services."""

QUICK: Final = 1_000_000
"""Bytes a second that nobody calls slow, however quick the line beside the tunnel is: a film in high definition needs as much."""

ENOUGH_BYTES: Final = 32 * 1024
LOCAL: Final = frozenset({Cause.LOCAL_INTERCEPTION, Cause.WRONG_CLOCK, Cause.CAPTIVE_PORTAL, Cause.NO_INTERNET})
"""Faults that explain certificates which nobody vouches for, without any VPN."""


def _traffic(outlook: Outlook, evidence: Evidence, _network: NetworkVerdict | None) -> Said:
    """Judge a tunnel into which packets go and out of which none come, twice; what others of this computer send counts for life."""
    rounds = outlook.of("traffic")
    if not rounds:
        return Status.NOT_TESTED, "vpn.traffic_not_counted", None, Certainty.NONE, ()
    if any(code(o, "answered") > 0 for o in rounds) or (evidence.connected() and any(code(o, "received") > 0 for o in rounds)):
        return Status.WORKS, "vpn.traffic_passes", None, Certainty.CERTAIN, ids(rounds)
    if any(o.detail.get("gone") is True for o in rounds):
        return Status.UNKNOWN, "vpn.tunnel_gone", None, Certainty.NONE, ids(rounds)
    mute = [o for o in rounds if _mute(o)]
    if len(mute) >= TWICE and not evidence.connected():
        return Status.DOWN, "vpn.nothing_returns", Cause.VPN_NO_TRAFFIC, Certainty.CERTAIN, ids(mute)
    return Status.UNKNOWN, "vpn.traffic_unclear", None, Certainty.NONE, ids(rounds)


def _mute(o: Observation) -> bool:
    """Tell whether a round sent its questions into the tunnel and nothing at all came out."""
    counted = isinstance(o.detail.get("received"), int) and o.detail.get("reset") is not True and o.failure is None
    return counted and code(o, "asked") >= ENOUGH_ASKED and code(o, "sent") >= code(o, "asked") and code(o, "received") == 0


def _sizes(outlook: Outlook, _evidence: Evidence, _network: NetworkVerdict | None) -> Said:
    """Judge pages that stop with ordinary segments and come with small ones, in both rounds and at places of two operators."""
    steps = outlook.of("mtu")
    if not steps:
        return Status.NOT_TESTED, "vpn.mtu_not_asked", None, Certainty.NONE, ()
    whole = [o for o in steps if word(o, "segment") == "ordinary" and o.failure is None]
    by_service: dict[str, list[Observation]] = defaultdict(list)
    for o in steps:
        by_service[word(o, "service")].append(o)
    holes = {service: own for service, own in by_service.items() if _rounds_lost(own) >= TWICE}
    lost = ids(o for own in holes.values() for o in own)
    if len(holes) >= TWICE:
        return Status.PARTIAL, "vpn.large_packets_lost", Cause.VPN_MTU, Certainty.CERTAIN, lost
    if holes and not whole:
        return Status.PARTIAL, "vpn.large_packets_lost", Cause.VPN_MTU, Certainty.LIKELY, lost
    if whole and not holes:
        return Status.WORKS, "vpn.large_packets_pass", None, Certainty.CERTAIN, ids(whole)
    return Status.UNKNOWN, "vpn.mtu_unclear", None, Certainty.NONE, ids(steps)


def _rounds_lost(steps: Sequence[Observation]) -> int:
    """Return in how many rounds at one place an ordinary page stopped in the middle while the small one came."""
    small = {code(o, "round") for o in steps if word(o, "segment") == "small" and o.failure is None}
    stopped = {
        code(o, "round")
        for o in steps
        if word(o, "segment") == "ordinary" and o.failure in DEATHS and word(o, "part") in ("handshake", "answer")
    }
    return len(small & stopped)


def _certificates(_outlook: Outlook, evidence: Evidence, network: NetworkVerdict | None) -> Said:
    """Judge certificates of the controls that no public root vouches for, only through the VPN."""
    shaken = [o for steps in evidence.tls.values() for o in steps if word(o, "purpose") == "control"]
    strange = [o for o in shaken if o.failure == UNKNOWN_AUTHORITY and "verify_code" in o.detail]
    good = [o for o in shaken if o.failure is None]
    if not strange:
        if good:
            return Status.WORKS, "vpn.certificates_are_true", None, Certainty.CERTAIN, ids(good[:8])
        return Status.UNKNOWN, "vpn.certificates_unseen", None, Certainty.NONE, ids(shaken[:8])
    local = [o for steps in evidence.tls.values() for o in steps if word(o, "purpose") == "system_roots" and o.failure is None]
    if local or (network is not None and network.cause in LOCAL):
        return Status.UNKNOWN, "vpn.certificates_local", None, Certainty.NONE, ids(strange[:8], local[:4])
    beside = [o for o in evidence.routes.get(OUTSIDE, ()) if o.step is Step.TLS and o.host in {s.host for s in strange}]
    alike = [o for o in beside if o.failure in CERTIFICATE_FAILURES]
    fine = [o for o in beside if o.failure is None]
    if alike:
        return Status.UNKNOWN, "vpn.certificates_alike", None, Certainty.NONE, ids(strange[:8], alike[:4])
    if fine and len(owners(fine)) >= TWICE:
        return (*(Status.PARTIAL, "vpn.certificates_differ", Cause.VPN_INTERCEPTS_TLS, Certainty.CERTAIN), ids(strange[:8], fine[:4]))
    if len(owners(strange)) >= TWICE or fine:
        return Status.PARTIAL, "vpn.certificates_strange", Cause.VPN_INTERCEPTS_TLS, Certainty.LIKELY, ids(strange[:8], fine[:4])
    return Status.UNKNOWN, "vpn.certificates_one", None, Certainty.NONE, ids(strange[:8])


def _speed(outlook: Outlook, _evidence: Evidence, _network: NetworkVerdict | None) -> Said:
    """Judge what the way costs; slow only against the same page beside the tunnel, in both rounds."""
    inside, beside = outlook.of("speed"), outlook.outside("speed")
    own = [rate for o in inside if (rate := _rate(o)) is not None]
    if not own:
        rule = "vpn.speed_unseen" if inside else "vpn.speed_not_asked"
        return Status.UNKNOWN if inside else Status.NOT_TESTED, rule, None, Certainty.NONE, ids(inside)
    others = [rate for o in beside if (rate := _rate(o)) is not None]
    if len(own) < TWICE or len(others) < TWICE:
        return Status.WORKS, "vpn.speed_measured", None, Certainty.LIKELY, ids(inside, beside)
    slow = max(own) < min(QUICK, SLOW * statistics.median(others))
    rule = "vpn.slower_than_outside" if slow else "vpn.speed_compared"
    return Status.SLOW if slow else Status.WORKS, rule, None, Certainty.LIKELY, ids(inside, beside)


def _rate(o: Observation) -> float | None:
    """Return the bytes a second of a page, None for one that says nothing."""
    size, seconds = o.detail.get("bytes"), o.detail.get("body")
    if not isinstance(size, int) or not isinstance(seconds, int | float) or o.failure is not None or size < ENOUGH_BYTES:
        return None
    return size / max(seconds, 1e-3)


def _portal(outlook: Outlook, _evidence: Evidence, network: NetworkVerdict | None) -> Said:
    """Say that a sign-in page is in front of everything: a VPN does not get past it, and is not to blame."""
    if network is None:
        return Status.NOT_TESTED, "vpn.portal_not_asked", None, Certainty.NONE, ()
    if network.cause is Cause.CAPTIVE_PORTAL:
        return Status.DOWN, "vpn.behind_portal", Cause.CAPTIVE_PORTAL, network.certainty, network.evidence[:8]
    if network.status in (Status.WORKS, Status.SLOW, Status.PARTIAL):
        return Status.WORKS, "vpn.no_portal", None, network.certainty, network.evidence[:8]
    return Status.UNKNOWN, "vpn.portal_unseen", None, Certainty.NONE, (*network.evidence[:8], *ids(outlook.of("protection")))


def _resolver(outlook: Outlook, _evidence: Evidence, _network: NetworkVerdict | None) -> Said:
    """Show what the resolver does: whether it tells others only what they need, and refuses forged names.  Not a matter of leaks."""
    facts = outlook.of("dns_facts")
    known = [o for o in facts if o.failure is None and (o.detail.get("minimises") is not None or o.detail.get("validates") is not None)]
    if not known:
        return Status.UNKNOWN if facts else Status.NOT_TESTED, "vpn.resolver_not_known", None, Certainty.NONE, ids(facts)
    good = all(o.detail.get("minimises") is not False and o.detail.get("validates") is not False for o in known)
    return Status.WORKS, "vpn.resolver_careful" if good else "vpn.resolver_plain", None, Certainty.LIKELY, ids(known)


def _taken_over(_outlook: Outlook, evidence: Evidence, _network: NetworkVerdict | None) -> Said:
    """Show that somebody answers questions that were for nobody; through a tunnel it is most often the VPN itself, which is no leak."""
    every = [o for steps in evidence.dns.values() for o in steps]
    asked = [o for o in every if word(o, "purpose") == "nobody"]
    answered = evidence.answered_by_nobody(neutral=True)
    if answered:
        return Status.WORKS, "vpn.dns_taken_over", None, Certainty.LIKELY, ids(answered)
    if asked and not any(o.detail.get("rcode") for o in every):
        return Status.UNKNOWN, "vpn.dns_path_silent", None, Certainty.NONE, ids(asked[:4])
    if asked:
        return Status.WORKS, "vpn.dns_path_free", None, Certainty.LIKELY, ids(asked[:4])
    return Status.NOT_TESTED, "vpn.dns_path_not_asked", None, Certainty.NONE, ()


CARRIAGE: Final[dict[str, Carriage]] = {
    "traffic": _traffic,
    "mtu": _sizes,
    "tls": _certificates,
    "speed": _speed,
    "portal": _portal,
    "resolver": _resolver,
    "names_path": _taken_over,
}
