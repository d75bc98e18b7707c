"""What a censor does to one service, as lines for the provider's resolver and rules for its router.

The rules are those of real filters, written for iptables: they see every packet that crosses the provider's router and
know nothing of the program under test.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable

from tests.real_servers.box import Looks
from tests.real_servers.servers import BOX_PORT, NOTICE_PORT
from tests.real_servers.setting import CLIENT_DEVICE, Setting
from tests.real_servers.world import World


class Scenario(enum.StrEnum):
    """The conditions that the laboratory can set up."""

    OPEN = "open"
    FORGED_DNS = "forged-dns"
    NXDOMAIN = "nxdomain"
    SNI_RESET = "sni-reset"
    SNI_RESET_443 = "sni-reset-443"
    SNI_SILENCE = "sni-silence"
    ADDRESS_SILENT = "address-silent"
    ADDRESS_REFUSED = "address-refused"
    BLOCK_PAGE = "block-page"
    OFFLINE_SILENT = "offline-silent"
    OFFLINE_LINK_DOWN = "offline-link-down"


def _forged(world: World, service: str) -> Setting:
    zones = world.suffixes_of(service)
    lines = [line for zone in zones for line in (f'local-zone: "{zone}." redirect', f'local-data: "{zone}. 60 A 127.0.0.1"')]
    return Setting(dns=tuple(lines))


def _nxdomain(world: World, service: str) -> Setting:
    return Setting(dns=tuple(f'local-zone: "{zone}." always_nxdomain' for zone in world.suffixes_of(service)))


def hello(name: str, port: str = "") -> str:
    """Return an iptables match for the server name of a ClientHello: its type, its length and the name (RFC 6066 section 3).

    A bare substring would hit more: "t.co" lies in "support.com".  Packets of the other direction are not looked at,
    since the certificate carries the same names.  Without a ``port`` every one is looked at, as by filters that follow no protocol.
    """
    to = f" --dport {port}" if port else ""
    return f'-i {CLIENT_DEVICE} -p tcp{to} -m string --algo bm --hex-string "|00{len(name):04x}|{name}"'


def _by_name(world: World, service: str, verdict: str, port: str = "") -> Setting:
    return Setting(rules=tuple(f"-A FORWARD {hello(name, port)} -j {verdict}" for name in world.names_of(service)))


def towards(addresses: Iterable[str], rule: str) -> tuple[str, ...]:
    """Return a rule for what the client sends to each address."""
    return tuple(f"-A FORWARD -i {CLIENT_DEVICE} -d {address} {rule}" for address in addresses)


def _by_address(world: World, service: str, rule: str) -> Setting:
    return Setting(rules=towards(world.addresses_of(service), rule))


def _block_page(world: World, service: str) -> Setting:
    addresses = world.addresses_of(service)
    to_notice = f"-p tcp --dport 80 -j REDIRECT --to-ports {NOTICE_PORT}"
    no_tls = "-p tcp --dport 443 -j REJECT --reject-with tcp-reset"
    return Setting(
        nat=tuple(f"-A PREROUTING -i {CLIENT_DEVICE} -d {address} {to_notice}" for address in addresses),
        rules=tuple(f"-A FORWARD -i {CLIENT_DEVICE} -d {address} {no_tls}" for address in addresses),
    )


def boxed(world: World, service: str, looks: Looks) -> Setting:
    """Return a filter that cuts a service by name and reads first flights so well: packets in the kernel, all else in a box."""
    if looks is Looks.PACKET:
        return _by_name(world, service, RESET)
    to_box = f"-A PREROUTING -i {CLIENT_DEVICE} -p tcp --dport 443 -j REDIRECT --to-ports {BOX_PORT}"
    return Setting(nat=(to_box,), box=(looks, *world.names_of(service)))


RESET = "REJECT --reject-with tcp-reset"
_MAKERS: dict[Scenario, Callable[[World, str], Setting]] = {
    Scenario.OPEN: lambda _world, _service: Setting(),
    Scenario.FORGED_DNS: _forged,
    Scenario.NXDOMAIN: _nxdomain,
    Scenario.SNI_RESET: lambda world, service: _by_name(world, service, RESET),
    Scenario.SNI_RESET_443: lambda world, service: _by_name(world, service, RESET, "443"),
    Scenario.SNI_SILENCE: lambda world, service: _by_name(world, service, "DROP"),
    Scenario.ADDRESS_SILENT: lambda world, service: _by_address(world, service, "-j DROP"),
    Scenario.ADDRESS_REFUSED: lambda world, service: _by_address(world, service, f"-p tcp -j {RESET}"),
    Scenario.BLOCK_PAGE: _block_page,
    Scenario.OFFLINE_SILENT: lambda _world, _service: Setting(rules=("-A INPUT -j DROP", "-A FORWARD -j DROP")),
    Scenario.OFFLINE_LINK_DOWN: lambda _world, _service: Setting(link_up=False),
}


def censorship(scenario: Scenario, world: World, service: str) -> Setting:
    """Return what the censor of a scenario does to a service."""
    return _MAKERS[scenario](world, service)
