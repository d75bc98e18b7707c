"""Rules of this computer's own VPN: is it on, does it carry everything, and what is left of one that is gone?

They read the note ``vpn`` (``diagnostics/vpn/state/facts.py``) and what the settings say of proxies, so most of them are never more than
likely: a route says where packets would go, not that any went.  Decisions that need a reason:

* a mesh, a company's access and a tunnel for its own networks are meant to leave the rest outside: no fault, nor are names asked there;
* of a tunnel that carries a part of the public addresses nobody can tell here whether that is meant: the part is said, and likely a fault;
* names are held against a VPN only where it carries everything; where it carries a part, they go with the rest, without a cause.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from diagnostics.judge.evidence import Evidence, ids
from diagnostics.judge.vpn_ways import Ways
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, Status, VpnCheck, VpnVerdict
from diagnostics.vpn.state.facts import VpnFacts

_SPLITS: Final = frozenset({"split", "mesh"})


def judge_vpn_state(evidence: Evidence, line: NetworkVerdict) -> VpnVerdict:
    """Return what is to be said of this computer's VPN; ``line`` is what is known of the line."""
    note = evidence.system.get("vpn")
    if note is None:
        return VpnVerdict()
    try:
        facts = msgspec.convert(note.detail, VpnFacts)
    except msgspec.ValidationError:
        return VpnVerdict()  # of a newer version
    return _Judge(Ways(facts), note, evidence.system.get("system_proxy"), line).verdict()


class _Judge:
    """Judges one note."""

    def __init__(self, ways: Ways, note: Observation, proxies: Observation | None, line: NetworkVerdict) -> None:
        self._ways = ways
        self._facts = ways.facts
        self._note = note
        self._proxies = proxies
        self._line = line
        way = proxies.detail.get("way") if proxies else None
        self._proxy = way if isinstance(way, dict) and way.get("alive") is True else None

    def verdict(self) -> VpnVerdict:
        """Return the state, whose VPN it is, and every check that has something to say."""
        state = self._state()
        found = (
            self._route(state),
            self._ipv6(state),
            self._names(state),
            self._names_at_risk(state),
            self._proxy_only(state),
            self._conflict(),
            self._overlap(),
            self._left_over(state),
        )
        return VpnVerdict(state=state, clients=self._clients(state), checks=tuple(check for check in found if check))

    def _state(self) -> str:
        ways = self._ways
        if not ways.known or ways.tested == ways.ambiguous:
            return "unknown"
        if ways.inside and not ways.outside:
            return "full"
        if ways.inside:
            return "mesh" if all(each.kind == "mesh" for each in ways.carrying) else "split"
        if ways.dead and not ways.outside:
            return "stale"
        return self._beside_the_line()

    def _beside_the_line(self) -> str:
        """Return the state where no public address is routed by a tunnel."""
        ways = self._ways
        if ways.live:
            return "mesh" if all(each.kind == "mesh" for each in ways.live) else "split"
        if self._facts.unclear or not ways.outside:
            return "unknown"  # no way at all, or one that no adapter explains
        return "browser_only" if self._proxy else "none"

    def _clients(self, state: str) -> tuple[str, ...]:
        ways = self._ways
        if state == "browser_only" and self._proxy:
            program = self._proxy.get("program")
            return (program,) if isinstance(program, str) and program not in ("", "other") else ()
        of = {"full": ways.carrying, "stale": ways.dead}.get(state, ways.live)
        named = tuple(dict.fromkeys(each.client or each.kind for each in of))
        weak = all(each.role in ("", "any") for each in of)
        return self._facts.running if of and weak and len(self._facts.running) == 1 else named

    def _check(
        self, check: str, status: Status, rule: str, cause: Cause | None = None, certainty: Certainty = Certainty.CERTAIN,
        *others: Observation | None,
    ) -> VpnCheck:  # fmt: skip
        return VpnCheck(check=check, status=status, cause=cause, certainty=certainty, rule=rule, evidence=ids(self._note, *others))

    # --- what goes where -------------------------------------------------------------------------

    def _route(self, state: str) -> VpnCheck | None:
        """Everything in the tunnel, a part of it, or nothing."""
        ways = self._ways
        if state == "full":
            return self._check("route", Status.WORKS, "vpn.carries_everything")
        if state == "unknown":
            rule = "vpn.address_unexplained" if self._facts.unclear else "vpn.too_little"
            return self._check("route", Status.UNKNOWN, rule, None, Certainty.NONE)
        if state not in _SPLITS:
            return None
        if ways.inside and any(each.role not in ("mesh", "access") for each in ways.carrying):
            return self._check("route", Status.PARTIAL, "vpn.carries_a_part", Cause.VPN_SPLIT, Certainty.LIKELY)
        idle = [each for each in ways.live if each.role == "full"]
        if idle and not ways.inside:
            return self._check("route", Status.PARTIAL, "vpn.carries_nothing", Cause.VPN_SPLIT, Certainty.LIKELY)
        return self._check("route", Status.WORKS, "vpn.for_its_own_networks")

    def _meant_for_everything(self, state: str) -> bool:
        """Tell whether what stays outside is a fault of the tunnel's set-up: not for one that is meant for a part."""
        return state == "full" or (state == "split" and any(each.role not in ("mesh", "access") for each in self._ways.carrying))

    def _ipv6(self, state: str) -> VpnCheck | None:
        """IPv6 beside the tunnel that takes IPv4.  Never more than likely: a firewall of the VPN's program may still stop it."""
        ways = self._ways
        if not self._meant_for_everything(state) or not ways.inside4 or not ways.tests6:
            return None
        if not ways.outside6:
            if any(test.outcome in ("error", "ambiguous") for test in ways.tests6):
                return self._check("ipv6", Status.UNKNOWN, "vpn.ipv6_unclear", None, Certainty.NONE)
            inside = any(test.outcome == "routed" for test in ways.tests6)
            return self._check("ipv6", Status.WORKS, "vpn.ipv6_inside" if inside else "vpn.ipv6_nowhere")
        if not any(test.public_source for test in ways.outside6):
            return self._check("ipv6", Status.WORKS, "vpn.ipv6_without_public_address", None, Certainty.LIKELY)
        if self._line.ipv6 == "broken":
            return self._check("ipv6", Status.WORKS, "vpn.ipv6_gets_nowhere", None, Certainty.LIKELY)
        return self._check("ipv6", Status.PARTIAL, "vpn.ipv6_routed_outside", Cause.VPN_IPV6_OUTSIDE, Certainty.LIKELY)

    def _names(self, state: str) -> VpnCheck | None:
        """Name servers that are asked past the tunnel."""
        used = [each for each in self._facts.resolvers if each.used]
        if not self._meant_for_everything(state) or not used:
            return None
        told = [each for each in used if each.place != "loopback" and each.outcome == "routed"]
        outside = [each for each in told if self._ways.is_outside(each.via)]
        if outside and state == "full":
            return self._check("names", Status.PARTIAL, "vpn.names_routed_outside", Cause.VPN_DNS_OUTSIDE, Certainty.LIKELY)
        if outside:
            return self._check("names", Status.PARTIAL, "vpn.names_follow_the_rest", None, Certainty.NONE)
        if not told:
            rule = "vpn.names_by_a_local_program" if any(each.place == "loopback" for each in used) else "vpn.names_unclear"
            return self._check("names", Status.UNKNOWN, rule, None, Certainty.NONE)
        return self._check("names", Status.WORKS, "vpn.names_inside", None, Certainty.LIKELY)

    def _names_at_risk(self, state: str) -> VpnCheck | None:
        """Windows may ask the servers of every adapter at once.  At risk, not proven: it was seen to go on when it was switched off."""
        smart = self._facts.smart_names
        if smart is None or state != "full":
            return None
        others = [each for each in self._facts.resolvers if each.on and self._ways.is_outside(each.on) and each.place != "loopback"]
        if smart.on and not smart.one_way and others:
            return self._check("names_at_risk", Status.PARTIAL, "vpn.names_asked_everywhere", Cause.VPN_DNS_AT_RISK, Certainty.LIKELY)
        return self._check("names_at_risk", Status.WORKS, "vpn.names_asked_one_way", None, Certainty.LIKELY)

    # --- other things that look like a VPN, or stand in its way ----------------------------------------

    def _proxy_only(self, state: str) -> VpnCheck | None:
        """No tunnel, but the browsers go through a program of this computer."""
        if state != "browser_only" or self._proxy is None:
            return None
        known = self._proxy.get("program") not in ("", "other", None)
        certainty = Certainty.CERTAIN if known else Certainty.LIKELY
        return self._check("proxy_only", Status.PARTIAL, "vpn.only_by_settings", Cause.VPN_PROXY_ONLY, certainty, self._proxies)

    def _conflict(self) -> VpnCheck | None:
        """Two tunnels that both are, or mean to be, the way for everything."""
        if len(self._ways.claiming) < 2:
            return None
        return self._check("conflict", Status.PARTIAL, "vpn.two_want_everything", Cause.VPN_CONFLICT, Certainty.LIKELY)

    def _overlap(self) -> VpnCheck | None:
        """A tunnel's own network is this computer's, too: one of both cannot be reached."""
        live = {each.label for each in self._ways.live}
        if not any(each.tunnel in live for each in self._facts.overlaps):
            return None
        return self._check("overlap", Status.PARTIAL, "vpn.same_network_twice", Cause.VPN_SUBNET_OVERLAP, Certainty.LIKELY)

    def _left_over(self, state: str) -> VpnCheck | None:
        """Everything is led into a tunnel that is gone, or into what a VPN's program left to swallow it: that is why nothing opens."""
        if state != "stale":
            return None
        swallows = any(each.kind == "kill_switch" for each in self._ways.dead)
        rule = "vpn.block_is_left" if swallows else "vpn.dead_tunnel_is_left"
        if self._line.cause is not Cause.NO_INTERNET:
            return self._check("left_over", Status.UNKNOWN, rule, None, Certainty.NONE)
        certainty = Certainty.CERTAIN if swallows else Certainty.LIKELY
        found = self._check("left_over", Status.DOWN, rule, Cause.VPN_KILL_SWITCH_ACTIVE, certainty)
        return msgspec.structs.replace(found, evidence=_each_once((*found.evidence, *self._line.evidence)))


def _each_once(evidence: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(evidence))
