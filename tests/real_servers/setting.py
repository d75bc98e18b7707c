"""What a condition changes in the laboratory, as plain data: at the provider, at the sites, on the line, at the client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.real_servers.netns import Line
from tests.real_servers.world import Conduct

CLIENT_DEVICE = "down0"
"""The router's device towards the client."""

RESOLVER = "192.168.77.1"
"""The provider's resolver, at its router."""

_CHAINS = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
}


@dataclass(frozen=True)
class Setting:
    """Everything that differs from an open line; nothing set means that nothing does.

    Provider: ``dns`` are lines of unbound's ``server:`` clause, ``rules``, ``nat`` and ``mangle`` iptables rules,
    ``injected`` the names that a racer answers wrongly, ``issuer`` the root name of a middlebox that opens TLS connections
    (``nat`` decides which ones), ``box`` how well another one reads first flights and the names that it cuts (``box.py``; ``nat`` too).
    Sites: ``public_dns`` are lines of the public resolvers' unbound, ``conduct`` belongs
    to a site of the world, ``dark`` are addresses of servers that are switched off.  Line: ``near`` is the client's (as
    it was built if None), ``ipv6`` announces IPv6 that leads nowhere.  Client: link, name servers, lines of the hosts file,
    whether the middlebox's root is installed, seconds that its clock is ahead.
    """

    dns: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    nat: tuple[str, ...] = ()
    mangle: tuple[str, ...] = ()
    injected: tuple[str, ...] = ()
    issuer: str = ""
    box: tuple[str, ...] = ()
    public_dns: tuple[str, ...] = ()
    conduct: Mapping[str, Conduct] = field(default_factory=dict)
    dark: tuple[str, ...] = ()
    near: Line | None = None
    ipv6: bool = False
    link_up: bool = True
    nameservers: tuple[str, ...] = (RESOLVER,)
    hosts: tuple[str, ...] = ()
    root_installed: bool = False
    clock_ahead: int = 0

    @property
    def tables(self) -> str:
        """Return the input of ``iptables-restore``; it replaces whatever was there."""
        rules = {"filter": self.rules, "nat": self.nat, "mangle": self.mangle}
        lines: list[str] = []
        for table, chains in _CHAINS.items():
            lines += [f"*{table}", *(f":{chain} ACCEPT [0:0]" for chain in chains), *rules[table], "COMMIT"]
        return "\n".join(lines) + "\n"
