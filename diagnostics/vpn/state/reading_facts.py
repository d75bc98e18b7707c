"""What the systems tell of their adapters and name servers, before a report's words are made of it; with addresses, in memory only."""

from __future__ import annotations

import ipaddress
from typing import Final

from diagnostics.model import Fact
from diagnostics.vpn.state.facts import SmartNames

MOST: Final = 256
"""Adapters, addresses, routes or servers of one list that are looked at."""


class Adapter(Fact, frozen=True):
    """One adapter.

    ``kind`` as in ``facts.py``, as far as the system itself tells.  ``names``: device, description, alias: whatever patterns may fit.
    ``addresses``: with their prefix length, ``10.8.0.2/24``; without zone.  ``routes``: prefixes that the main table leads into it, where
    that can be read.
    """

    name: str
    kind: str
    names: tuple[str, ...] = ()
    up: bool = True
    addresses: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()

    @property
    def interfaces(self) -> tuple[ipaddress.IPv4Interface | ipaddress.IPv6Interface, ...]:
        """Return the addresses, parsed."""
        return tuple(ipaddress.ip_interface(text) for text in self.addresses)

    @property
    def addressed(self) -> bool:
        """Tell whether it has an address beyond its own link."""
        return any(not (each.ip.is_link_local or each.ip.is_loopback) for each in self.interfaces)


class Server(Fact, frozen=True):
    """One configured name server; ``on`` is the adapter's name that it is set for; ``used`` as in ``facts.ResolverRoute``."""

    address: str
    on: str = ""
    used: bool = True


class Reading(Fact, frozen=True):
    """What one system told."""

    system: str
    adapters: tuple[Adapter, ...] = ()
    servers: tuple[Server, ...] = ()
    smart_names: SmartNames | None = None
    connected: tuple[str, ...] = ()
    """Kinds of VPN that the system's own manager says are connected: ``PPP:L2TP``, ``VPN:com.wireguard.macos`` (macOS)."""
