"""Linux: what /sys, /proc and systemd-resolved say, understood."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.vpn.state.linux import (
    is_tap,
    kind_of,
    parse_per_link,
    parse_resolv_conf,
    parse_routes,
    parse_routes6,
    resolved_servers,
    serves_machines,
)

ETHERNET = {"type": "1\n", "uevent": "INTERFACE=eth0\nIFINDEX=2\n"}

# Kernel 6.18, a namespace with a line and a tunnel by two half routes.
ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
tun0\t00000080\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t0000000A\t00000000\t0200\t0\t0\t0\t000000FF\t0\t0\t0
"""
ROUTES6 = """20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
"""  # noqa: E501


@pytest.mark.parametrize(
    "name, folder, bridged, kind",
    [
        ("lo", {"type": "772"}, False, "loopback"),
        ("tun0", {"type": "65534", "tun_flags": "0x1001\n"}, False, "tun"),
        ("anything", {"type": "1", "tun_flags": "0x1002\n"}, False, "tun"),
        ("vnet3", {"type": "1", "tun_flags": "0x5002\n"}, True, "virtual"),
        ("wg0", {"type": "65534", "uevent": "DEVTYPE=wireguard\nINTERFACE=wg0\n"}, False, "wireguard"),
        ("tun1", {"type": "65534", "uevent": "DEVTYPE=ovpn\n"}, False, "tun"),
        ("br0", {"type": "1", "uevent": "DEVTYPE=bridge\n"}, False, "virtual"),
        ("wlan0", {"type": "1", "uevent": "DEVTYPE=wlan\n", "device": ""}, False, "physical"),
        ("wwan0", {"type": "65534", "uevent": "DEVTYPE=wwan\n", "device": ""}, False, "physical"),
        ("ppp0", {"type": "512", "uevent": "DEVTYPE=ppp\n"}, False, "ppp"),
        ("ipsec0", {"type": "65534"}, False, "ipsec"),
        ("vti1", {"type": "768"}, False, "ipsec"),
        ("eth0", ETHERNET, False, "physical"),
        ("eth0", {}, False, "physical"),
    ],
)
def test_an_adapter_is_known_by_its_folder(name: str, folder: dict[str, str], bridged: bool, kind: str) -> None:
    assert kind_of(name, folder, bridged=bridged) == kind


def test_a_tap_is_told_from_a_tun() -> None:
    assert (is_tap({"tun_flags": "0x1002"}), is_tap({"tun_flags": "0x1001"}), is_tap({"tun_flags": "x"}), is_tap({})) == (
        *(True, False, False),
        False,
    )


@pytest.mark.parametrize(
    "addresses, routes, serves",
    [
        (["192.168.100.1/24"], ["192.168.100.0/24", "fe80::/64"], True),
        (["10.8.0.7/24"], ["10.8.0.0/24"], False),
        (["192.168.100.1/24"], ["192.168.100.0/24", "10.0.0.0/8"], False),
        ([], [], False),
    ],
)
def test_a_virtual_machines_tap_is_told_from_a_tunnel(addresses: list[str], routes: list[str], serves: bool) -> None:
    assert serves_machines(addresses, routes) is serves


@pytest.mark.skipif(sys.byteorder != "little", reason="the recording is of a little-endian computer")
def test_the_routing_table_is_read_and_what_is_rejected_left_out() -> None:
    assert parse_routes(ROUTES) == {"eth0": ["0.0.0.0/0", "192.168.1.0/24"], "tun0": ["0.0.0.0/1", "128.0.0.0/1"]}


def test_the_table_of_ipv6_is_read_too() -> None:
    assert parse_routes6(ROUTES6) == {"eth0": ["2001:db8::/64", "::/0"]}


def test_resolv_conf_gives_its_addresses_and_nothing_else() -> None:
    text = "# nameserver 1.2.3.4\nsearch lan\nnameserver 192.168.1.1 # router\nnameserver fe80::1%eth0\nnameserver router\nnameserver\n"
    assert parse_resolv_conf(text) == ["192.168.1.1", "fe80::1%eth0"]


# As printed by systemd 249 and later; the link names and states as in trailofbits/algo issue 1422 and systemd/systemd issue 17529.
DNS = "Global:\nLink 2 (wlan0): 192.168.1.1 fe80::1%wlan0\nLink 3 (wg0): 172.16.0.1\nLink 4 (docker0):\n"


def test_a_link_that_takes_every_name_leaves_the_others_their_own() -> None:
    servers = resolved_servers(DNS, "Global:\nLink 2 (wlan0): lan\nLink 3 (wg0): ~.\n", "Link 2 (wlan0): yes\nLink 3 (wg0): yes\n")
    assert [(each.address, each.on, each.used) for each in servers] == [
        ("192.168.1.1", "wlan0", False),
        ("fe80::1", "wlan0", False),
        ("172.16.0.1", "wg0", True),
    ]


def test_without_such_a_link_all_that_are_a_default_route_are_asked() -> None:
    servers = resolved_servers(DNS, "Global:\nLink 2 (wlan0): lan\n", "Global:\nLink 2 (wlan0): yes\nLink 3 (wg0): no\n")
    assert [(each.on, each.used) for each in servers] == [("wlan0", True), ("wlan0", True), ("wg0", False)]


def test_servers_with_port_and_name_are_understood() -> None:
    servers = resolved_servers("Global: 9.9.9.9#dns.quad9.net [2620:fe::fe]:853#dns.quad9.net 1.1.1.1:53\n", "", "")
    assert [each.address for each in servers] == ["9.9.9.9", "2620:fe::fe", "1.1.1.1"]


@given(st.text(max_size=400))
def test_no_text_brings_the_parsers_to_fall(text: str) -> None:
    for parse in (parse_routes, parse_routes6, parse_per_link, parse_resolv_conf):
        parse(text)
    resolved_servers(text, text, text)
    kind_of("x", {"tun_flags": text}, bridged=False)
    kind_of("x", {"type": text, "uevent": text}, bridged=False)
