"""Linux: the main routing table, what a device is, and the name servers that its network told it."""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from diagnostics.vpn.outside.interfaces import Default, Physical, Rank
from diagnostics.vpn.outside.reading import printed, servers, text_of

_UP, _REJECT = 0x0001, 0x0200
"""RTF_UP and RTF_REJECT of linux/route.h."""

_ROUTE_FIELDS, _ROUTE6_FIELDS = 8, 10
_TUNNEL_KINDS: Final = frozenset({"wireguard", "ovpn", "ovpn-dco", "ipip", "sit", "gre", "vti", "xfrm"})
"""DEVTYPE in a device's uevent."""

_TUNNEL_TYPES: Final = frozenset({"768", "769", "776", "778", "823", "65534"})
"""ARPHRD_TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE and NONE of linux/if_arp.h; NONE is what TUN, WireGuard and xfrm devices have."""

_PPP: Final = "512"
_NO_TUNNELS: Final = frozenset({"wwan", "wlan"})
"""DEVTYPE of lines whose type may be NONE all the same: mobile modems."""


class Linux:
    """The adapter; ``root`` stands for / in tests."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Read below ``root``."""
        self._root = root

    def defaults(self) -> list[Default]:
        """Return the default routes of /proc/net."""
        four, six = (text_of(self._root / "proc/net" / name) for name in ("route", "ipv6_route"))
        return [*parse_route(four), *parse_ipv6_route(six)]

    def rank(self, device: str) -> Rank:
        """Return what /sys/class/net says of a device."""
        folder = self._root / "sys/class/net" / device
        kind = re.search(r"^DEVTYPE=(\S+)$", text_of(folder / "uevent"), re.MULTILINE)
        if kind and kind[1] in _NO_TUNNELS:
            return Rank.LINE
        type_ = text_of(folder / "type").strip()
        if (folder / "tun_flags").exists() or (kind and kind[1] in _TUNNEL_KINDS) or type_ in _TUNNEL_TYPES:
            return Rank.TUNNEL
        return Rank.DIAL_UP if type_ == _PPP else Rank.LINE

    def index(self, device: str) -> int:
        """Return the kernel's number of a device."""
        try:
            return socket.if_nametoindex(device)
        except OSError:
            return 0

    def nameservers(self, physical: Physical) -> list[str]:
        """Ask who may know, the surest first: systemd-resolved, NetworkManager, the DHCP client, and what is configured for its network."""
        name, run = physical.name, self._root / "run/systemd"
        sources: tuple[Callable[[], list[str]], ...] = (
            lambda: parse_resolvectl(printed("resolvectl", "dns", name)),
            lambda: parse_settings(text_of(run / "resolve/netif" / str(physical.index)), "SERVERS"),
            lambda: parse_settings(text_of(run / "netif/leases" / str(physical.index)), "DNS"),
            lambda: servers(re.split(r"[\s|]+", printed("nmcli", "-g", "IP4.DNS,IP6.DNS", "device", "show", name))),
            lambda: self._leased(name),
            lambda: self._configured(physical),
        )
        return next((found for source in sources if (found := source())), [])

    def _leased(self, device: str) -> list[str]:
        """Read the leases of dhclient; those that only root may read are left out."""
        files = sorted((self._root / "var/lib/dhcp").glob("*.leases"))
        return next((found for file in files if (found := parse_leases(text_of(file), device))), [])

    def _configured(self, physical: Physical) -> list[str]:
        """Return the servers in resolv.conf that live in the interface's own network: a VPN's would not."""
        lines = re.findall(r"^\s*nameserver\s+(\S+)", text_of(self._root / "etc/resolv.conf"), re.MULTILINE)
        return [each for each in servers(lines) if physical.holds(each)]


def parse_route(text: str) -> list[Default]:
    """Return the default routes of /proc/net/route: one route a line, addresses in hexadecimal in this computer's byte order."""
    found: list[Default] = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < _ROUTE_FIELDS:
            continue
        try:
            target, gateway, flags, mask = (int(fields[n], 16) for n in (1, 2, 3, 7))
            metric = int(fields[6])
            shown = str(ipaddress.IPv4Address(struct.pack("=I", gateway))) if gateway else ""
        except (ValueError, struct.error):
            continue
        if target == mask == 0 and flags & _UP and not flags & _REJECT:
            found.append(Default(device=fields[0], gateway=shown, metric=metric))
    return found


def parse_ipv6_route(text: str) -> list[Default]:
    """Return the default routes of /proc/net/ipv6_route; the kernel's own entry on ``lo`` rejects, and is none."""
    found: list[Default] = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < _ROUTE6_FIELDS:
            continue
        try:
            target, length, source, metric, flags = (int(fields[n], 16) for n in (0, 1, 3, 5, 8))
            gateway = ipaddress.IPv6Address(int(fields[4], 16))
        except ValueError:
            continue
        if target == length == source == 0 and flags & _UP and not flags & _REJECT and fields[9] != "lo":
            found.append(Default(device=fields[9], gateway=str(gateway) if int(gateway) else "", metric=metric, six=True))
    return found


def parse_resolvectl(text: str) -> list[str]:
    """Return the servers of a line such as ``Link 2 (eth0): 192.168.1.1 2001:db8::1%21#name``."""
    words = " ".join(line.partition("):")[2] for line in text.splitlines()).split()
    return servers(word.partition("#")[0] for word in words)


def parse_settings(text: str, key: str) -> list[str]:
    """Return the servers of ``KEY=a b c`` in one of systemd's state files."""
    found = re.search(rf"^{key}=(.*)$", text, re.MULTILINE)
    return servers(found[1].split()) if found else []


def parse_leases(text: str, device: str) -> list[str]:
    """Return the servers of dhclient's last lease for a device (dhclient.leases(5))."""
    found: list[str] = []
    for block in re.findall(r"lease\s*\{(.*?)\}", text, re.DOTALL):
        told = re.search(r"option\s+domain-name-servers\s+([^;]*);", block)
        if told and re.search(rf'interface\s+"{re.escape(device)}"', block):
            found = servers(told[1].split(","))
    return found
