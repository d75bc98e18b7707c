"""Which adapters public addresses are routed by, sorted for the rules of the VPN; nothing here decides."""

from __future__ import annotations

from collections.abc import Iterable

from diagnostics.vpn.state.facts import TUNNELS, Interface, RouteTest, VpnFacts

KILL_SWITCH = "kill_switch"


class Ways:
    """The facts of one note.

    ``live``: tunnels that are up and have an address; ``carrying``: those of them that public addresses are routed by; ``dead``: adapters
    that swallow what is routed by them, a tunnel that is down or what a VPN's program made for that.
    """

    def __init__(self, facts: VpnFacts) -> None:
        """Sort by adapter."""
        self.facts = facts
        self._by_label = {each.label: each for each in facts.interfaces}
        four = [test for test in facts.routes if test.family == 4]
        self.tests6 = [test for test in facts.routes if test.family != 4]
        main = four if any(test.outcome != "none" for test in four) else self.tests6
        self.tested = sum(test.outcome != "none" for test in main)
        self.ambiguous = sum(test.outcome in ("ambiguous", "error") for test in main)
        self.inside = [test for test in main if self._is_live(test.via)]
        self.inside4 = [test for test in four if self._is_live(test.via)]
        self.outside = [test for test in main if self.is_outside(test.via)]
        self.outside6 = [test for test in self.tests6 if self.is_outside(test.via)]
        self.live = [each for each in facts.interfaces if is_live(each) and each.addressed]
        self.carrying = self._adapters(self.inside)
        self.dead = self._adapters(
            test for test in main if test.outcome == "routed" and not self._is_live(test.via) and test not in self.outside
        )
        self._six_inside = self._adapters(test for test in self.tests6 if self._is_live(test.via))

    @property
    def known(self) -> bool:
        """Tell whether there is anything to judge by."""
        return bool(self.facts.system and self.facts.interfaces)

    def is_outside(self, label: str) -> bool:
        """Tell whether an adapter is the line, or what may be it: any but tunnels and what swallows."""
        each = self._by_label.get(label)
        return each is not None and each.kind not in TUNNELS and each.kind not in (KILL_SWITCH, "loopback")

    @property
    def claiming(self) -> list[Interface]:
        """Return the live tunnels that carry public addresses, or that the routing table or their program means to carry everything.

        One client may use several adapters, and IPv6 another than IPv4; a mesh that carries nothing claims nothing.
        """
        carrying = {each.label for each in (*self.carrying, *self._six_inside)}
        found: dict[str, Interface] = {}
        for each in self.live:
            means = each.kind != "mesh" and (each.claims_all or each.role == "full")
            if each.label in carrying or means:
                found.setdefault(each.client if each.role == "full" else each.label, each)
        return list(found.values())

    def _is_live(self, label: str) -> bool:
        each = self._by_label.get(label)
        return each is not None and is_live(each)

    def _adapters(self, tests: Iterable[RouteTest]) -> list[Interface]:
        labels = dict.fromkeys(test.via for test in tests)
        return [self._by_label[label] for label in labels if label in self._by_label]


def is_live(each: Interface) -> bool:
    """Tell whether an adapter is a tunnel behind which something answers."""
    return each.kind in TUNNELS and each.up
