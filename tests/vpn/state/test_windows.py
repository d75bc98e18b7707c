"""Windows: records of GetAdaptersAddresses and the registry, understood.  Nothing was run on Windows.

Descriptions, types and states are those of OpenVPN/openvpn-build issue 197, yarrick/iodine issue 73, saltstack/salt issue 56275 and
yaox023/Blog issue 7, whose ``ipconfig /all`` and ``Get-NetAdapter`` show what the call returns.
"""

from __future__ import annotations

import pytest

from diagnostics.vpn.state.clients import known_names
from diagnostics.vpn.state.windows import Record, Registry, kind_of, reading, servers_of, smart_names

ETHERNET, PPP, LOOPBACK, WIFI, VIRTUAL, TUNNEL = 6, 23, 24, 71, 53, 131
UP, DOWN = 1, 2
LINE = Record(
    alias="Wi-Fi",
    description="Intel(R) Wi-Fi 6 AX201 160MHz",
    type=WIFI,
    status=UP,
    addresses=("192.168.1.23/24",),
    servers=("192.168.1.1",),
    metric=35,
)
VPN = Record(
    alias="casa de ana",
    description="WireGuard Tunnel",
    type=VIRTUAL,
    status=UP,
    addresses=("10.2.0.2/32",),
    servers=("10.2.0.1",),
    metric=5,
)


@pytest.mark.parametrize(
    "alias, description, kind_of_type, kind",
    [
        ("Wi-Fi", "Intel(R) Wi-Fi 6 AX201 160MHz", WIFI, "physical"),
        ("Conexión de área local", "TAP-Windows Adapter V9", ETHERNET, "tun"),
        ("OpenVPN Wintun", "Wintun Userspace Tunnel", VIRTUAL, "tun"),
        ("casa de ana", "WireGuard Tunnel", VIRTUAL, "tun"),
        ("lo que sea", "Some New Driver", VIRTUAL, "tun"),
        ("vEthernet (WSL)", "Hyper-V Virtual Ethernet Adapter", ETHERNET, "virtual"),
        ("VirtualBox Host-Only Network", "VirtualBox Host-Only Ethernet Adapter", ETHERNET, "virtual"),
        ("Conexión de área local* 2", "Microsoft Wi-Fi Direct Virtual Adapter #2", WIFI, "virtual"),
        ("Teredo", "Microsoft Teredo Tunneling Adapter", TUNNEL, "virtual"),
        ("Loopback", "Software Loopback Interface 1", LOOPBACK, "loopback"),
        ("trabajo", "trabajo", PPP, "ppp"),
    ],
)
def test_an_adapter_is_known_by_its_driver_and_type_in_any_language(alias: str, description: str, kind_of_type: int, kind: str) -> None:
    assert kind_of(Record(alias=alias, description=description, type=kind_of_type, status=UP), known_names()) == kind


def test_the_preferred_adapters_servers_are_asked_for_every_name() -> None:
    found = servers_of((LINE, VPN), {})
    assert [(each.address, each.on, each.used) for each in found] == [("192.168.1.1", "Wi-Fi", False), ("10.2.0.1", "casa de ana", True)]


def test_servers_that_are_none_and_adapters_that_are_down_do_not_count() -> None:
    idle = Record(
        alias="b", description="b", type=ETHERNET, status=UP, servers=("fec0:0:0:ffff::1%1", "fec0:0:0:ffff::2%1", "nonsense"), metric=1
    )
    down = Record(alias="c", description="c", type=ETHERNET, status=DOWN, servers=("10.0.0.1",), metric=1)
    assert [each.address for each in servers_of((idle, down, LINE), {})] == ["192.168.1.1"]


@pytest.mark.parametrize(
    "registry, on, one_way",
    [
        (Registry(), True, False),
        (Registry(smart_off=0), True, False),
        (Registry(smart_off=1), False, False),
        (Registry(rules=((".",),)), True, True),
        (Registry(rules=((".empresa.example",),)), True, False),
    ],
)
def test_the_habit_of_asking_everywhere_is_on_unless_a_policy_says_otherwise(registry: Registry, on: bool, one_way: bool) -> None:
    found = smart_names(registry)
    assert (found.on, found.one_way) == (on, one_way)


def test_a_reading_has_adapters_by_alias_with_their_drivers_words() -> None:
    found = reading((LINE, VPN), Registry(), known_names())
    assert [(each.name, each.kind, each.up) for each in found.adapters] == [("Wi-Fi", "physical", True), ("casa de ana", "tun", True)]
    assert found.adapters[1].names == ("WireGuard Tunnel", "casa de ana")
