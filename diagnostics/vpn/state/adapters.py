"""Rules for adapters that hold on every system."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from diagnostics.vpn.state.facts import TUNNELS
from diagnostics.vpn.state.reading_facts import Adapter
from diagnostics.vpn.state.routes import is_public_source

_CARRIERS: Final = ipaddress.IPv4Network("100.64.0.0/10")


def judged_together(adapters: Sequence[Adapter], routed_by: Iterable[str] = ()) -> tuple[Adapter, ...]:
    """Return the adapters with the kinds that can only be told with all of them in view.

    ``routed_by``: source addresses of the route tests.  A tunnel without an address that nothing is routed by is ``idle``: macOS keeps
    several ``utun`` devices for itself.  A PPP link is an uplink (``physical``), not a VPN, unless it has a private address and there is
    another line below it: DSL and mobile modems make ``ppp0``, too.
    """
    sources = set(routed_by)
    lines = [each for each in adapters if each.kind == "physical" and each.up and any(a.version == 4 for a in _own(each))]
    return tuple(_told(each, lines, sources) for each in adapters)


def _own(adapter: Adapter) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    return [each.ip for each in adapter.interfaces if not (each.ip.is_link_local or each.ip.is_loopback)]


def _told(adapter: Adapter, lines: Sequence[Adapter], sources: set[str]) -> Adapter:
    own = _own(adapter)
    if adapter.kind == "ppp" and (not lines or any(_uplink(address) for address in own)):
        return msgspec.structs.replace(adapter, kind="physical")
    used = any(str(each.ip) in sources for each in adapter.interfaces)
    if adapter.kind in TUNNELS and adapter.up and not own and not used:
        return msgspec.structs.replace(adapter, kind="idle")
    return adapter


def _uplink(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether a provider gives its customers such an address: a public one, or one of RFC 6598."""
    return address.version == 4 and (address in _CARRIERS or is_public_source(str(address)))


def overlapping(tunnel: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether one of a tunnel's private prefixes takes in one of another adapter's networks: pure arithmetic.

    Prefixes that are not private as a whole do not count: a full tunnel leads everything into it, and the own network still stays
    reachable, since the narrower route wins.  Single addresses of another adapter are no network.  Raises ValueError for what is no prefix.
    """
    mine = [net for text in tunnel if _private(net := ipaddress.ip_network(text, strict=False))]
    theirs = [net for text in others if _private(net := ipaddress.ip_network(text, strict=False)) and net.num_addresses > 1]
    return any(a.version == b.version and a.overlaps(b) for a in mine for b in theirs)


def _private(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    first, last = network[0], network[-1]
    return any(first in each and last in each for each in _PRIVATE)


_PRIVATE: Final = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8"))
