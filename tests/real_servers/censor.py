"""What a censor does to one service, as lines for the provider's resolver and rules for its router.

The rules are those of real filters, written for iptables: they see every packet that crosses the provider's router and
know nothing of the program under test.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from tests.real_servers.servers import NOTICE_PORT
from tests.real_servers.world import World

CLIENT_DEVICE = "down0"
"""The router's device towards the client."""


class Scenario(enum.StrEnum):
    """The conditions that the laboratory can set up."""

    OPEN = "open"
    FORGED_DNS = "forged-dns"
    NXDOMAIN = "nxdomain"
    SNI_RESET = "sni-reset"
    SNI_SILENCE = "sni-silence"
    ADDRESS_SILENT = "address-silent"
    ADDRESS_REFUSED = "address-refused"
    BLOCK_PAGE = "block-page"
    OFFLINE_SILENT = "offline-silent"
    OFFLINE_LINK_DOWN = "offline-link-down"


@dataclass(frozen=True)
class Censorship:
    """Lines of unbound's ``server:`` clause, iptables rules of the filter and nat tables, the client's link."""

    dns: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    nat: tuple[str, ...] = ()
    link_up: bool = True

    @property
    def tables(self) -> str:
        """Return the input of ``iptables-restore``; it replaces whatever was there."""
        chains = [":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"]
        nat_chains = [":PREROUTING ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]"]
        lines = ["*filter", *chains, *self.rules, "COMMIT", "*nat", *nat_chains, *self.nat, "COMMIT"]
        return "\n".join(lines) + "\n"


def _forged(world: World, service: str) -> Censorship:
    zones = world.suffixes_of(service)
    lines = [line for zone in zones for line in (f'local-zone: "{zone}." redirect', f'local-data: "{zone}. 60 A 127.0.0.1"')]
    return Censorship(dns=tuple(lines))


def _nxdomain(world: World, service: str) -> Censorship:
    return Censorship(dns=tuple(f'local-zone: "{zone}." always_nxdomain' for zone in world.suffixes_of(service)))


def _by_name(world: World, service: str, verdict: str) -> Censorship:
    """Match the server name of a ClientHello exactly: its type, its length and the name (RFC 6066 section 3).

    A bare substring would hit more: "t.co" lies in "support.com".  Packets of the other direction are not looked at,
    since the certificate carries the same names.
    """
    rules = [
        f'-A FORWARD -i {CLIENT_DEVICE} -p tcp -m string --algo bm --hex-string "|00{len(name):04x}|{name}" -j {verdict}'
        for name in world.names_of(service)
    ]
    return Censorship(rules=tuple(rules))


def _by_address(world: World, service: str, rule: str) -> Censorship:
    return Censorship(rules=tuple(f"-A FORWARD -i {CLIENT_DEVICE} -d {address} {rule}" for address in world.addresses_of(service)))


def _block_page(world: World, service: str) -> Censorship:
    addresses = world.addresses_of(service)
    to_notice = f"-p tcp --dport 80 -j REDIRECT --to-ports {NOTICE_PORT}"
    no_tls = "-p tcp --dport 443 -j REJECT --reject-with tcp-reset"
    return Censorship(
        nat=tuple(f"-A PREROUTING -i {CLIENT_DEVICE} -d {address} {to_notice}" for address in addresses),
        rules=tuple(f"-A FORWARD -i {CLIENT_DEVICE} -d {address} {no_tls}" for address in addresses),
    )


_RESET = "REJECT --reject-with tcp-reset"
_MAKERS: dict[Scenario, Callable[[World, str], Censorship]] = {
    Scenario.OPEN: lambda _world, _service: Censorship(),
    Scenario.FORGED_DNS: _forged,
    Scenario.NXDOMAIN: _nxdomain,
    Scenario.SNI_RESET: lambda world, service: _by_name(world, service, _RESET),
    Scenario.SNI_SILENCE: lambda world, service: _by_name(world, service, "DROP"),
    Scenario.ADDRESS_SILENT: lambda world, service: _by_address(world, service, "-j DROP"),
    Scenario.ADDRESS_REFUSED: lambda world, service: _by_address(world, service, f"-p tcp -j {_RESET}"),
    Scenario.BLOCK_PAGE: _block_page,
    Scenario.OFFLINE_SILENT: lambda _world, _service: Censorship(rules=("-A INPUT -j DROP", "-A FORWARD -j DROP")),
    Scenario.OFFLINE_LINK_DOWN: lambda _world, _service: Censorship(link_up=False),
}


def censorship(scenario: Scenario, world: World, service: str) -> Censorship:
    """Return what the censor of a scenario does to a service."""
    return _MAKERS[scenario](world, service)
