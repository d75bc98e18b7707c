"""What a scenario's computer tells of its VPN: the table ``[vpn]``.

Only the facts are simulated (which adapter carries what), as the real engine reads them from a real computer; the network behind is the
scenario's as ever.  Without the table there is one adapter, ``eth0``, and no VPN.
"""

from __future__ import annotations

from typing import Literal

from diagnostics.model import Cause, Fact
from diagnostics.vpn.state.facts import Interface, ResolverRoute, RouteTest, VpnFacts

TESTS4, TESTS6 = 6, 3
"""Route tests of each family, as many as on a real computer (``diagnostics/vpn/state/routes.py``)."""

LINE = "eth0"


class SimAdapter(Fact, frozen=True, forbid_unknown_fields=True):
    """One adapter; ``client`` is an id of ``resources/vpn_clients.toml`` and ``role`` what it is for."""

    label: str
    kind: Literal["physical", "virtual", "tun", "wireguard", "ppp", "ipsec", "mesh", "kill_switch"]
    client: str = ""
    role: Literal["", "full", "any", "mesh", "access"] = ""
    up: bool = True


class SimVpn(Fact, frozen=True, forbid_unknown_fields=True):
    """[vpn].  ``ipv4``, ``ipv6``: labels of the adapters by which addresses leave, in turns; an empty list: there is no way.

    ``resolvers``: the adapter by which each configured name server is reached.
    """

    adapters: tuple[SimAdapter, ...]
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()

    def facts(self) -> VpnFacts:
        """Return what a run reads."""
        return VpnFacts(
            system="linux",
            interfaces=tuple(
                Interface(label=each.label, kind=each.kind, client=each.client, role=each.role, up=each.up) for each in self.adapters
            ),
            routes=(*_tests(4, self.ipv4, TESTS4), *_tests(6, self.ipv6, TESTS6)),
            resolvers=tuple(ResolverRoute(place="private", via=label) for label in self.resolvers),
        )

    def unknown_label(self) -> tuple[str, int, str] | None:
        """Return key, position and text of the first label that no adapter has."""
        known = {each.label for each in self.adapters}
        for key in ("ipv4", "ipv6", "resolvers"):
            for position, label in enumerate(getattr(self, key)):
                if label not in known:
                    return key, position, label
        return None


class ExpectedVpn(Fact, frozen=True, forbid_unknown_fields=True):
    """[expected_vpn]: what an honest diagnosis says of it; ``causes`` are those of all its checks."""

    state: Literal["none", "full", "split", "mesh", "browser_only", "stale", "unknown"]
    causes: tuple[Cause, ...] = ()


def without_vpn(*, ipv4: bool, ipv6: bool) -> VpnFacts:
    """Return what a computer without a VPN tells; each family has a way or none."""
    line = SimVpn(
        adapters=(SimAdapter(label=LINE, kind="physical"),),
        ipv4=(LINE,) if ipv4 else (),
        ipv6=(LINE,) if ipv6 else (),
        resolvers=(LINE,) if ipv4 else (),
    )
    return line.facts()


def _tests(family: int, labels: tuple[str, ...], count: int) -> list[RouteTest]:
    if not labels:
        return [RouteTest(family=family, outcome="none")] * count
    return [RouteTest(family=family, outcome="routed", via=labels[number % len(labels)]) for number in range(count)]
