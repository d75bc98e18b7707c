"""Rules of protection: does what leaves this computer leave through the VPN that is up, as far as others can see?

A leak is only said where something is known of the line without the VPN: a resolver, an IPv6 address or a datagram that merely comes out
elsewhere than pages do may well be the VPN's own doing.  Whatever ``vpn_carriage.py`` has is about how well the tunnel carries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from diagnostics.judge.evidence import Evidence, ids
from diagnostics.judge.vpn_carriage import CARRIAGE
from diagnostics.judge.vpn_seen import Outlook, Place, Said, Same, compare, services, steps_of
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, Status, VpnCheck, VpnVerdict

WITNESSES: Final = 2
"""Services that must have seen the same before it is certain."""

TOGETHER: Final = frozenset({Same.ADDRESS, Same.NETWORK, Same.ALIKE})
WHOLE: Final = "full"
"""The state in which everything is meant to go through the VPN; a part that goes outside is no leak in any other."""

Check = Callable[[Outlook, VpnVerdict], Said]


def checks_of(evidence: Evidence, state: VpnVerdict, network: NetworkVerdict | None = None) -> tuple[VpnCheck, ...]:
    """Return what the active checks found; none where they were not asked for.

    ``network`` is what is known of the line through the VPN.
    """
    outlook = Outlook(evidence)
    asked = outlook.of("protection")
    if not asked:
        return ()
    names = [*SEEN, *CARRIAGE]
    reason = _why_not(asked[-1], state)
    if reason:
        status = Status.UNKNOWN if reason == "vpn.state_unknown" else Status.NOT_TESTED
        return tuple(VpnCheck(check=name, status=status, rule=reason, evidence=ids(asked[-1])) for name in names)
    found = {name: rule(outlook, state) for name, rule in SEEN.items()}
    found |= {name: carriage(outlook, evidence, network) for name, carriage in CARRIAGE.items()}
    return tuple(_check(name, said) for name, said in found.items())


def _check(name: str, said: Said) -> VpnCheck:
    status, rule, cause, certainty, evidence = said
    return VpnCheck(check=name, status=status, rule=rule, cause=cause, certainty=certainty, evidence=evidence)


def _why_not(asked: Observation, state: VpnVerdict) -> str:
    """Return why nothing can be said at all, or nothing."""
    if asked.detail.get("simulated") is True:
        return "vpn.protection_simulated"
    if state.state == "unknown":
        return "vpn.state_unknown"
    if state.state in ("none", "browser_only", "stale") or asked.detail.get("tunnel") is not True:
        return "vpn.no_tunnel"
    return "" if state.state == WHOLE else "vpn.part_of_traffic"


# --- where it comes out ---------------------------------------------------------------------------


def _exit(outlook: Outlook, _state: VpnVerdict) -> Said:
    """Judge where pages come out, against the line without the VPN where that is known."""
    exits, beside = outlook.exits, outlook.beside
    if not exits:
        return _nothing(outlook.of("exit"), "vpn.exit_not_asked", "vpn.exit_silent")
    steps = steps_of(exits)
    if any(pair is Same.OTHER for pair in _pairs(exits)):
        return Status.UNKNOWN, "vpn.exit_disagrees", None, Certainty.NONE, ids(steps)
    same = [p for p in beside if any(p.said.mark == each.said.mark for each in exits)]
    if same:
        return Status.PARTIAL, "vpn.exit_same_address", None, Certainty.LIKELY, ids(steps, steps_of(same))
    own = outlook.exit_in_own_network()
    if own:
        return Status.UNKNOWN, "vpn.exit_own_network", None, Certainty.NONE, ids(steps, own)
    known = outlook.line_is_known and all(p.said.networks for p in exits)
    certainty = Certainty.CERTAIN if known and services(exits) >= WITNESSES else Certainty.LIKELY
    rule = "vpn.exit_elsewhere" if known else "vpn.exit_seen"
    return Status.WORKS, rule, None, certainty, ids(steps, steps_of(beside), outlook.of("line"))


def _pairs(places: list[Place]) -> Iterable[Same]:
    return (compare(one, other) for number, one in enumerate(places) for other in places[:number])


def _nothing(steps: list[Observation], not_asked: str, silent: str) -> Said:
    """Return what is said where nothing was seen: it was not asked for, or nobody answered."""
    if not steps:
        return Status.NOT_TESTED, not_asked, None, Certainty.NONE, ()
    return Status.UNKNOWN, silent, None, Certainty.NONE, ids(steps[:8])


def _incomparable(outlook: Outlook) -> Said | None:
    """Return what is said where the exit is not known, or cannot be told from the line."""
    if not outlook.exits:
        return _nothing(outlook.of("exit"), "vpn.exit_not_asked", "vpn.exit_silent")
    own = outlook.exit_in_own_network()
    if own:
        return Status.UNKNOWN, "vpn.exit_own_network", None, Certainty.NONE, ids(steps_of(outlook.exits), own)
    return None


# --- names ----------------------------------------------------------------------------------------


def _names(outlook: Outlook, state: VpnVerdict) -> Said:
    """Judge who asks for this computer's names; a resolver that people choose is nobody's leak.

    One that the line used before in another network than its own may have been chosen, too, and be asked through the tunnel: it counts only
    where the routes lead to it beside the tunnel.
    """
    seen = outlook.resolvers
    if not seen:
        return _nothing(outlook.of("dns_seen"), "vpn.dns_not_asked", "vpn.dns_not_seen")
    steps = steps_of(seen)
    unclear = _incomparable(outlook)
    if unclear is not None:
        return unclear
    own = [p for p in seen if p.public or outlook.with_exit(p) in TOGETHER]
    others = [p for p in seen if p not in own]
    routed = any(c.cause is Cause.VPN_DNS_OUTSIDE for c in state.checks)
    leaks = [p for p in others if outlook.of_line(p, resolver=routed)]
    if leaks:
        proofs = [o for p in leaks for o in outlook.of_line(p, resolver=True)]
        tunnelled = [p for p in own if not p.public]
        sure = services(leaks) >= WITNESSES and not tunnelled and all(p.said.networks and outlook.of_line(p) for p in leaks)
        return (
            Status.PARTIAL,
            "vpn.dns_of_provider",
            Cause.VPN_DNS_OUTSIDE,
            Certainty.CERTAIN if sure else Certainty.LIKELY,
            ids(steps_of(leaks), steps_of(outlook.exits), proofs),
        )
    evidence = ids(steps, steps_of(outlook.exits), outlook.of("line"))
    if not others:
        public = any(p.public and outlook.with_exit(p) not in TOGETHER for p in seen)
        rule = "vpn.dns_public" if public else "vpn.dns_with_exit"
        return Status.WORKS, rule, None, Certainty.LIKELY if public else Certainty.CERTAIN, evidence
    if outlook.line_is_known and all(p.said.networks and not outlook.of_line(p, resolver=True) for p in others):
        return Status.WORKS, "vpn.dns_not_provider", None, Certainty.LIKELY, evidence
    return Status.UNKNOWN, "vpn.dns_other_network", None, Certainty.NONE, evidence


# --- IPv6 and calls -------------------------------------------------------------------------------


def _ipv6(outlook: Outlook, state: VpnVerdict) -> Said:
    """Judge where IPv6 comes out: many providers have other networks for it, so another one alone is no leak."""
    places, asked = outlook.exits6, [o for o in outlook.of("exit") if o.detail.get("family") == 6]
    if not asked:
        return Status.NOT_TESTED, "vpn.ipv6_not_asked", None, Certainty.NONE, ()
    routed = [c for c in state.checks if c.cause is Cause.VPN_IPV6_OUTSIDE]
    if not places and routed:  # pages that are silent do not show that nothing else gets out there
        return Status.UNKNOWN, "vpn.ipv6_unclear", None, Certainty.NONE, ids(asked)
    if not places:
        return Status.WORKS, "vpn.ipv6_closed", None, Certainty.LIKELY, ids(asked)
    unclear = _incomparable(outlook)
    if unclear is not None:
        return unclear
    evidence = ids(steps_of(places), steps_of(outlook.exits))
    how = [outlook.with_exit(p) for p in places]
    if all(each in TOGETHER for each in how):
        return Status.WORKS, "vpn.ipv6_with_exit", None, Certainty.CERTAIN if Same.ALIKE not in how else Certainty.LIKELY, evidence
    passive = tuple(i for c in routed for i in c.evidence)
    leaks = [p for p in places if outlook.with_exit(p) not in TOGETHER and outlook.of_line(p)]
    if leaks:
        sure = services(leaks) >= WITNESSES or bool(routed)
        proofs = ids(steps_of(leaks), steps_of(outlook.exits), [o for p in leaks for o in outlook.of_line(p)])
        certainty = Certainty.CERTAIN if sure else Certainty.LIKELY
        return Status.PARTIAL, "vpn.ipv6_of_provider", Cause.VPN_IPV6_OUTSIDE, certainty, (*proofs, *passive)
    if routed:
        certainty = Certainty.CERTAIN if all(each is Same.OTHER for each in how) else Certainty.LIKELY
        return Status.PARTIAL, "vpn.ipv6_elsewhere", Cause.VPN_IPV6_OUTSIDE, certainty, (*evidence, *passive)
    return Status.UNKNOWN, "vpn.ipv6_other_network", None, Certainty.NONE, evidence


def _calls(outlook: Outlook, _state: VpnVerdict) -> Said:
    """Judge where datagrams come out, against pages."""
    places = outlook.calls
    if not places:
        return _nothing(outlook.of("udp"), "vpn.udp_not_asked", "vpn.udp_silent")
    unclear = _incomparable(outlook)
    if unclear is not None:
        return unclear
    evidence = ids(steps_of(places), steps_of(outlook.exits))
    how = [outlook.with_exit(p) for p in places]
    leaks = [p for p in places if outlook.with_exit(p) not in TOGETHER and outlook.of_line(p)]
    if leaks:
        sure = len(leaks) == len(places) and services(leaks) >= WITNESSES
        proofs = ids(steps_of(leaks), steps_of(outlook.exits), [o for p in leaks for o in outlook.of_line(p)])
        certainty = Certainty.CERTAIN if sure else Certainty.LIKELY
        return Status.PARTIAL, "vpn.udp_of_provider", Cause.VPN_UDP_OUTSIDE, certainty, proofs
    if all(each in TOGETHER for each in how):
        certainty = Certainty.CERTAIN if Same.ALIKE not in how else Certainty.LIKELY
        return Status.WORKS, "vpn.udp_with_exit", None, certainty, evidence
    return Status.UNKNOWN, "vpn.udp_other_network", None, Certainty.NONE, evidence


SEEN: Final[dict[str, Check]] = {"exit": _exit, "names_seen": _names, "ipv6_seen": _ipv6, "udp": _calls}
