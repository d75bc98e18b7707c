"""From what a system told to the facts of a report: labels instead of names, ways instead of addresses.  Pure."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from diagnostics.bogons import is_loopback
from diagnostics.model import Fact
from diagnostics.vpn.state.adapters import judged_together, overlapping
from diagnostics.vpn.state.clients import Role, VpnClient, VpnNames
from diagnostics.vpn.state.facts import MOST_ADAPTERS, TUNNELS, Interface, Overlap, ResolverRoute, RouteTest, VpnFacts
from diagnostics.vpn.state.reading_facts import Adapter, Reading, Server
from diagnostics.vpn.state.routes import Way, is_public_source

_PLAIN: Final = re.compile(r"(?:lo|eth|en|wlan|wl|wwan|tun|tap|utun|wg|ppp|ipsec|xfrm|vti|feth|wt)\d{0,3}")
"""Names that any computer may have.  Others may carry a hardware address (``enx...``), a network's id or the name of a profile."""

_HALVES: Final = (frozenset({"0.0.0.0/1", "128.0.0.0/1"}), frozenset({"::/1", "8000::/1"}))
_EVERYTHING: Final = frozenset({"0.0.0.0/0", "::/0"})


class VpnReading(Fact, frozen=True):
    """Facts for a report, and the system's own names behind its labels: for whoever has to use an adapter, never to be kept."""

    facts: VpnFacts
    names: Mapping[str, str] = {}
    adapters: tuple[Adapter, ...] = ()


def assemble(
    reading: Reading, ways: Sequence[Way], server_ways: Mapping[str, Way], names: VpnNames, running: Iterable[str] = ()
) -> VpnReading:
    """Return the facts.  ``ways``: of the route tests; ``server_ways``: to each name server; ``running``: ids of clients."""
    adapters = judged_together(reading.adapters, (way.source for way in ways if way.source))
    owners = _Owners(adapters)
    shown = _most_telling(adapters, {owner.name for way in ways if (owner := owners.of(way)) is not None})
    labels = labels_of(shown, names, reading.system)
    clients = {each.name: _client_of(each, names, reading) for each in shown}
    facts = VpnFacts(
        system=reading.system,
        interfaces=tuple(_interface(each, labels[each.name], clients[each.name]) for each in shown),
        routes=tuple(_route(way, owners, labels) for way in ways),
        resolvers=tuple(_resolver(server, server_ways.get(server.address), owners, labels) for server in reading.servers),
        overlaps=tuple(_overlaps(shown, labels)),
        running=tuple(running),
        smart_names=reading.smart_names,
        unclear=any(owners.from_second_address(way) for way in ways),
    )
    return VpnReading(facts=facts, names={label: name for name, label in labels.items()}, adapters=adapters)


def needs_programs(reading: Reading, names: VpnNames) -> bool:
    """Tell whether the processes are worth asking for: there is a tunnel, and its names say only which protocol it speaks, if that."""
    tunnels = [each for each in reading.adapters if each.kind in TUNNELS and each.up and each.addressed]
    return any(client is None or client.role is Role.ANY for client in (_client_of(each, names, reading) for each in tunnels))


class _Owners:
    """Whose adapter an address is."""

    def __init__(self, adapters: Sequence[Adapter]) -> None:
        self._of: dict[str, list[Adapter]] = {}
        for adapter in adapters:
            for each in adapter.interfaces:
                self._of.setdefault(str(each.ip), []).append(adapter)

    def all_of(self, way: Way) -> list[Adapter]:
        return self._of.get(way.source, []) if way.source else []

    def of(self, way: Way) -> Adapter | None:
        """Return the adapter, or None if there are several or none; one that is down does not count beside one that is up."""
        found = self.all_of(way)
        up = [each for each in found if each.up]
        candidates = up or found
        return candidates[0] if len(candidates) == 1 else None

    def from_second_address(self, way: Way) -> bool:
        """Tell whether packets leave the line from a single address beside its own network, as those of IPsec without a device do."""
        owner = self.of(way)
        if owner is None or owner.kind != "physical":
            return False
        same = [each for each in owner.interfaces if each.version == ipaddress.ip_address(way.source).version and not each.ip.is_link_local]
        own = [each for each in same if str(each.ip) == way.source]
        alone = all(each.network.num_addresses == 1 for each in own) and not is_public_source(way.source)
        return alone and any(each.network.num_addresses > 1 for each in same) and same[0].version == 4


def _most_telling(adapters: Sequence[Adapter], routed: set[str]) -> list[Adapter]:
    """Return at most ``MOST_ADAPTERS`` of them, those first that something is routed by, then tunnels, then the rest."""

    def rank(adapter: Adapter) -> int:
        return 0 if adapter.name in routed else 1 if adapter.kind in TUNNELS or adapter.kind == "kill_switch" else 2

    kept = sorted((each for each in adapters if each.kind != "loopback"), key=rank)[:MOST_ADAPTERS]
    return [each for each in adapters if each in kept]


def labels_of(adapters: Sequence[Adapter], names: VpnNames, system: str) -> dict[str, str]:
    """Return a label for each adapter's name: the name itself where any computer may have it, else a number."""
    literal = {p.lower() for c in (*names.clients, *names.others) for p in getattr(c, system, ()) if "*" not in p}
    found: dict[str, str] = {}
    for adapter in adapters:
        plain = _PLAIN.fullmatch(adapter.name) or (system != "windows" and adapter.name.lower() in literal)
        found[adapter.name] = adapter.name if plain else f"adapter {len([v for v in found.values() if v.startswith('adapter ')]) + 1}"
    return found


def _client_of(adapter: Adapter, names: VpnNames, reading: Reading) -> VpnClient | None:
    if adapter.kind not in (*TUNNELS, "idle"):
        return None
    found = names.client_of(reading.system, adapter.names, (str(each.ip) for each in adapter.interfaces))
    if found is not None and found.role is not Role.ANY:
        return found
    kinds = {kind.partition(":")[2].lower() for kind in reading.connected}
    managed = [client for client in names.clients if not kinds.isdisjoint(client.services)]
    return managed[0] if len(managed) == 1 else found


def _interface(adapter: Adapter, label: str, client: VpnClient | None) -> Interface:
    role = client.role if client else None
    if client and any(each.ip in ipaddress.ip_network(net) for each in adapter.interfaces for net in client.mesh_addresses):
        role = Role.MESH
    kind = "mesh" if role is Role.MESH else adapter.kind
    return Interface(
        label=label,
        kind=kind,
        client=client.id if client else "",
        role=str(role) if role else "",
        up=adapter.up,
        addressed=adapter.addressed,
        claims_all=_claims_all(adapter.routes),
    )


def _claims_all(routes: Iterable[str]) -> bool:
    there = frozenset(routes)
    return bool(there & _EVERYTHING) or any(halves <= there for halves in _HALVES)


def _route(way: Way, owners: _Owners, labels: Mapping[str, str]) -> RouteTest:
    family = ipaddress.ip_address(way.target).version
    if way.outcome != "routed":
        return RouteTest(family=family, outcome=way.outcome)
    owner = owners.of(way)
    outcome = "ambiguous" if owner is None or owner.name not in labels else "routed"
    via = labels.get(owner.name, "") if owner else ""
    return RouteTest(family=family, outcome=outcome, via=via, public_source=is_public_source(way.source))


def _resolver(server: Server, way: Way | None, owners: _Owners, labels: Mapping[str, str]) -> ResolverRoute:
    bare = server.address.partition("%")[0]
    place = "loopback" if is_loopback(bare) else "public" if is_public_source(bare) else "private"
    on = labels.get(server.on, "")
    if way is None or way.outcome != "routed" or place == "loopback":
        return ResolverRoute(place=place, outcome=way.outcome if way else "error", on=on, used=server.used)
    owner = owners.of(way)
    via = labels.get(owner.name, "") if owner else ""
    return ResolverRoute(place=place, outcome="routed" if via else "ambiguous", via=via, on=on, used=server.used)


def _overlaps(adapters: Sequence[Adapter], labels: Mapping[str, str]) -> list[Overlap]:
    """Return the tunnels that claim a private network which another adapter is in."""
    found = []
    for tunnel in (each for each in adapters if each.kind in TUNNELS and each.up and each.addressed):
        claimed = [*tunnel.routes, *(str(each.network) for each in tunnel.interfaces if each.network.num_addresses > 1)]
        for other in adapters:
            networks = [str(each.network) for each in other.interfaces]
            if other.kind == "physical" and other.up and overlapping(claimed, networks):
                found.append(Overlap(tunnel=labels[tunnel.name], other=labels[other.name]))
    return found


def kinds_of(facts: VpnFacts) -> Counter[str]:
    """Return how many adapters of each kind there are; for logs."""
    return Counter(each.kind for each in facts.interfaces)
