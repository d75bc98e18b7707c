"""Computers that the tests make up: adapters as a system would tell of them, and where its packets would go."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from diagnostics.vpn.state.assemble import VpnReading, assemble
from diagnostics.vpn.state.clients import known_names
from diagnostics.vpn.state.reading_facts import Adapter, Reading, Server
from diagnostics.vpn.state.routes import TARGETS, Way

FOUR = tuple(target for target in TARGETS if ":" not in target)
SIX = tuple(target for target in TARGETS if ":" in target)
LOOPBACK = Adapter(name="lo", kind="loopback", names=("lo",), addresses=("127.0.0.1/8",))
WIFI = Adapter(name="wlan0", kind="physical", names=("wlan0",), addresses=("192.168.1.23/24", "fe80::1/64"), routes=("0.0.0.0/0",))
WIFI_SIX = Adapter(name="wlan0", kind="physical", names=("wlan0",), addresses=("192.168.1.23/24", "2001:db8::23/64"), routes=("0.0.0.0/0",))


def tunnel(name: str = "tun0", address: str = "10.8.0.2/24", kind: str = "tun", *, up: bool = True, routes: Sequence[str] = ()) -> Adapter:
    """Return a tunnel."""
    return Adapter(name=name, kind=kind, names=(name,), up=up, addresses=(address,), routes=tuple(routes))


def to(adapter: Adapter, *targets: str) -> list[Way]:
    """Return ways by an adapter; without one of its addresses in a family there is no way."""
    ways = []
    for target in targets:
        version = ipaddress.ip_address(target).version
        own = [each.ip for each in adapter.interfaces if each.version == version and not each.ip.is_link_local]
        ways.append(Way(target=target, outcome="routed", source=str(own[0])) if own else Way(target=target, outcome="none"))
    return ways


def computer(
    *adapters: Adapter,
    ways: Sequence[Way],
    servers: Sequence[tuple[str, Adapter]] = (),
    system: str = "linux",
    running: Sequence[str] = (),
    connected: Sequence[str] = (),
) -> VpnReading:
    """Return what is read of a computer; ``servers``: the address of each name server and the adapter by which it is reached."""
    reading = Reading(
        system=system, adapters=(LOOPBACK, *adapters), servers=tuple(Server(address=a) for a, _ in servers), connected=tuple(connected)
    )
    server_ways = {address: to(adapter, address)[0] for address, adapter in servers}
    return assemble(reading, ways, server_ways, known_names(), running)
