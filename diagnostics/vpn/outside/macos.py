"""macOS: its routing table and name servers as its own tools print them.  Not run on a Mac yet."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

from diagnostics.vpn.outside.interfaces import Default, Physical, Rank
from diagnostics.vpn.outside.reading import printed, servers

_TUNNELS: Final = re.compile(r"(utun|ipsec|tun|tap|wg|feth|gif|stf)\d")
_COLUMNS: Final = 4
"""Destination, Gateway, Flags, Netif; "Expire" may be missing."""


class MacOS:
    """The adapter."""

    def defaults(self) -> list[Default]:
        """Return the default routes, scoped ones included: a VPN that is up leaves the line's own as such."""
        return [*parse_netstat(printed("netstat", "-rn", "-f", "inet")), *parse_netstat(printed("netstat", "-rn", "-f", "inet6"), six=True)]

    def rank(self, device: str) -> Rank:
        """Return what a device is by its name, which the system gives."""
        if _TUNNELS.match(device):
            return Rank.TUNNEL
        return Rank.DIAL_UP if device.startswith("ppp") else Rank.LINE

    def index(self, device: str) -> int:
        """Return the kernel's number of a device."""
        try:
            return socket.if_nametoindex(device)
        except OSError:
            return 0

    def nameservers(self, physical: Physical) -> list[str]:
        """Return the resolvers that are scoped to the interface."""
        return parse_scutil_dns(printed("scutil", "--dns"), physical.name)


def parse_netstat(text: str, *, six: bool = False) -> list[Default]:
    """Return the lines of ``netstat -rn`` that begin with ``default``; the order of the table stands for the cost."""
    found: list[Default] = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < _COLUMNS or fields[0] != "default" or "R" in fields[2]:  # R: it rejects
            continue
        gateway = fields[1].partition("%")[0]
        try:
            shown = str(ipaddress.ip_address(gateway))
        except ValueError:  # link#4: a link without a router
            shown = ""
        found.append(Default(device=fields[3], gateway=shown, metric=len(found), six=six))
    return found


def parse_scutil_dns(text: str, device: str) -> list[str]:
    """Return the name servers of the resolvers in ``scutil --dns`` that belong to a device, scoped ones first."""
    scoped: list[str] = []
    plain: list[str] = []
    for block in re.split(r"^resolver #\d+", text, flags=re.MULTILINE)[1:]:
        if re.search(rf"^\s*if_index\s*:\s*\d+\s*\({re.escape(device)}\)", block, re.MULTILINE):
            told = re.findall(r"^\s*nameserver\[\d+\]\s*:\s*(\S+)", block, re.MULTILINE)
            (scoped if re.search(r"^\s*flags\s*:.*\bScoped\b", block, re.MULTILINE) else plain).extend(told)
    return servers([*scoped, *plain])
