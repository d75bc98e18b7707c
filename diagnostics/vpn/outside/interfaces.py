"""The interface that leads out when no VPN does, and by which one an address is reached now; nothing is sent.

One adapter a system says three things: its default routes, what kind of thing a device is, and which name servers belong to it.
"""

from __future__ import annotations

import contextlib
import enum
import ipaddress
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import psutil

from diagnostics.daemon import daemon_call
from diagnostics.model import Fact
from diagnostics.network import family_of

PLACES: Final = ("1.1.1.1", "8.8.8.8", "93.184.216.34", "172.217.0.1")
PLACES6: Final = ("2606:4700:4700::1111", "2001:4860:4860::8888")
"""Addresses whose routes are asked for, in both halves of IPv4: VPNs that "replace" the default route add 0.0.0.0/1 and 128.0.0.0/1."""

ANY_PORT: Final = 53

UNKNOWN: Final = "?"
"""A device that nobody knows by the source address that it gives."""


class Rank(enum.IntEnum):
    """How much a device looks like a line of its own."""

    LINE = 0
    DIAL_UP = 1  # ppp: a DSL line, or an old kind of VPN
    TUNNEL = 2


class Default(Fact, frozen=True):
    """One default route: its device by the system's own name, the next router ("" on a link without one), and its cost."""

    device: str
    gateway: str = ""
    metric: int = 0
    six: bool = False


class Physical(Fact, frozen=True):
    """The interface that leads out when no VPN does.

    ``name`` is psutil's, ``index`` the system's number of it.  ``four`` and ``six``: which families have a default route there.
    ``networks`` are its own prefixes.  None of this enters an observation.
    """

    name: str
    index: int
    gateway: str = ""
    four: bool = True
    six: bool = False
    networks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Say nothing of where the person lives."""
        return "<physical interface>"

    __str__ = __repr__

    def holds(self, address: str) -> bool:
        """Tell whether an address lies in one of the interface's own networks."""
        with contextlib.suppress(ValueError):
            parsed = ipaddress.ip_address(address)
            return any(parsed in ipaddress.ip_network(network, strict=False) for network in self.networks)
        return False


class System(Protocol):
    """What one operating system is asked; all of it blocks, and none of it raises."""

    def defaults(self) -> Sequence[Default]:
        """Return the default routes of the main table, those of tunnels included."""

    def rank(self, device: str) -> Rank:
        """Return what kind of thing a device is."""

    def index(self, device: str) -> int:
        """Return the system's number of a device, 0 if there is none."""

    def nameservers(self, physical: Physical) -> list[str]:
        """Return the name servers that were told to this interface, most preferred first; empty if nobody says."""


def this_system() -> System:
    """Return the adapter of the system that this program runs on."""
    if sys.platform == "win32":
        from diagnostics.vpn.outside.windows import Windows

        return Windows()
    if sys.platform == "darwin":
        from diagnostics.vpn.outside.macos import MacOS

        return MacOS()
    from diagnostics.vpn.outside.linux import Linux

    return Linux()


async def physical_interface(system: System | None = None) -> Physical | None:
    """Return the interface that leads out when no VPN does, or None where there is none (or only tunnels lead out)."""
    return await daemon_call(lambda: find_physical(system or this_system()))


def find_physical(system: System) -> Physical | None:
    """Choose among the default routes: a line before a dial-up, then the cheapest; never a tunnel."""
    routes = [(system.rank(each.device), each) for each in system.defaults()]
    lines = [(rank, each) for rank, each in routes if rank is not Rank.TUNNEL]
    if not lines:
        return None
    _, chosen = min(lines, key=lambda pair: (pair[0], pair[1].six, pair[1].metric))
    own = [each for _, each in lines if each.device == chosen.device]
    index = system.index(chosen.device)
    if not index:
        return None
    four = [each for each in own if not each.six]
    return Physical(
        name=chosen.device,
        index=index,
        gateway=next((each.gateway for each in [*four, *own] if each.gateway), ""),
        four=bool(four),
        six=any(each.six for each in own),
        networks=tuple(own_networks(chosen.device)),
    )


def own_networks(device: str) -> list[str]:
    """Return the prefixes of a device as psutil tells them."""
    found: list[str] = []
    for each in psutil.net_if_addrs().get(device, ()):
        if each.family in (socket.AF_INET, socket.AF_INET6) and each.netmask:
            with contextlib.suppress(ValueError):
                plain, mask = each.address.partition("%")[0], each.netmask
                length = mask if ":" not in mask else str(int(ipaddress.IPv6Address(mask)).bit_count())
                found.append(str(ipaddress.ip_network(f"{plain}/{length}", strict=False)))
    return found


# --- by which device an address is reached now ----------------------------------------------------


def source_towards(address: str) -> str | None:
    """Return this computer's address that packets to ``address`` would carry; None without a route.

    Connecting a UDP socket asks the routing table, policy rules included, and sends no packet.
    """
    with contextlib.suppress(OSError), socket.socket(family_of(address), socket.SOCK_DGRAM) as probe:
        probe.connect((address, ANY_PORT))
        own = str(probe.getsockname()[0])
        return own if own not in ("0.0.0.0", "::") else None  # noqa: S104 - compared, not listened on
    return None


def owners() -> dict[str, str]:
    """Return which device has which of this computer's addresses."""
    return {
        each.address.partition("%")[0]: device
        for device, addresses in psutil.net_if_addrs().items()
        for each in addresses
        if each.family in (socket.AF_INET, socket.AF_INET6)
    }


def device_towards(address: str, owned: Mapping[str, str]) -> str:
    """Return the device by which an address is reached now; "" without a route, ``UNKNOWN`` if nobody owns the source address."""
    own = source_towards(address)
    return "" if own is None else owned.get(own, UNKNOWN)


def devices_now(places: Sequence[str] = PLACES) -> list[str]:
    """Return by which devices some addresses are reached now, "" for those without a route; blocking."""
    owned = owners()
    return [device_towards(place, owned) for place in places]
