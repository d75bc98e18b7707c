"""The line below a VPN: chosen among routes as the systems print them, which were written by hand after their documentation.

Linux's are as its kernel prints them; macOS' follow netstat(1) and scutil(8) as published in bug reports, Windows' the layouts of
ipmib.h and ifmib.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.vpn.outside import interfaces, windows
from diagnostics.vpn.outside.interfaces import Default, Physical, Rank, device_towards, find_physical
from diagnostics.vpn.outside.linux import Linux, parse_ipv6_route, parse_leases, parse_resolvectl, parse_route, parse_settings
from diagnostics.vpn.outside.macos import MacOS, parse_netstat, parse_scutil_dns
from diagnostics.vpn.outside.reading import servers
from diagnostics.vpn.outside.windows import Adapter, parse_adapters, parse_addresses, parse_forwards, rank_of


@dataclass
class Fake:
    """A system that says what a test wants."""

    routes: Sequence[Default]
    ranks: dict[str, Rank] = field(default_factory=dict)

    def defaults(self) -> Sequence[Default]:
        return self.routes

    def rank(self, device: str) -> Rank:
        return self.ranks.get(device, Rank.LINE)

    def index(self, device: str) -> int:
        return 7 if device != "ghost0" else 0

    def nameservers(self, physical: Physical) -> list[str]:
        del physical
        return []


TUNNELS = {"tun0": Rank.TUNNEL, "ppp0": Rank.DIAL_UP}


def chosen(*routes: Default) -> Physical | None:
    return find_physical(Fake(routes, TUNNELS))


# --- the choice -------------------------------------------------------------------------------------


def test_a_tunnel_is_never_the_line_however_cheap() -> None:
    found = chosen(Default(device="tun0", metric=1), Default(device="wlan0", gateway="192.0.2.1", metric=600))
    assert found is not None
    assert (found.name, found.gateway, found.four, found.six) == ("wlan0", "192.0.2.1", True, False)


def test_of_two_lines_the_cheaper_is_chosen() -> None:
    found = chosen(Default(device="wlan0", metric=600), Default(device="eth0", metric=100))
    assert found is not None
    assert found.name == "eth0"


def test_a_dial_up_is_the_line_only_where_there_is_no_other() -> None:
    over, alone = chosen(Default(device="ppp0"), Default(device="eth0", metric=50)), chosen(Default(device="ppp0"))
    assert over is not None
    assert alone is not None
    assert (over.name, alone.name) == ("eth0", "ppp0")


def test_ipv6_counts_only_where_the_line_itself_has_a_route() -> None:
    found = chosen(Default(device="eth0"), Default(device="tun0", six=True))
    both = chosen(Default(device="eth0"), Default(device="eth0", gateway="fe80::1", six=True))
    assert found is not None
    assert both is not None
    assert (found.six, both.six) == (False, True)


def test_without_a_line_there_is_none() -> None:
    assert chosen() is None
    assert chosen(Default(device="tun0")) is None
    assert chosen(Default(device="ghost0")) is None


def test_the_interface_tells_nothing_of_where_the_person_lives() -> None:
    assert repr(Physical(name="eth0", index=2, gateway="192.168.1.1")) == "<physical interface>" == str(Physical(name="a", index=1))


def test_an_address_belongs_to_the_line_if_it_lies_in_its_network() -> None:
    line = Physical(name="eth0", index=2, networks=("192.168.1.0/24",))
    assert [line.holds(each) for each in ("192.168.1.1", "192.168.2.1", "fe80::1", "no address")] == [True, False, False, False]


def test_a_source_address_that_nobody_owns_is_unknown_and_none_is_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    own: dict[str, str | None] = {"1.1.1.1": "10.8.0.2", "8.8.8.8": "10.9.9.9", "9.9.9.9": None}
    monkeypatch.setattr(interfaces, "source_towards", own.__getitem__)
    assert [device_towards(place, {"10.8.0.2": "tun0"}) for place in own] == ["tun0", interfaces.UNKNOWN, ""]


# --- Linux ------------------------------------------------------------------------------------------

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


def native(address: str) -> str:
    return f"{struct.unpack('=I', socket.inet_aton(address))[0]:08X}"


def test_linux_tells_its_default_routes_from_all_others() -> None:
    text = HEAD + "".join(
        f"{device}\t{native(target)}\t{native(gateway)}\t{flags}\t0\t0\t{metric}\t{native(mask)}\t0\t0\t0\n"
        for device, target, gateway, flags, metric, mask in (
            ("tun0", "0.0.0.0", "10.8.0.1", "0003", 0, "128.0.0.0"),
            ("eth0", "0.0.0.0", "192.168.1.1", "0003", 100, "0.0.0.0"),
            ("eth0", "192.168.1.0", "0.0.0.0", "0001", 100, "255.255.255.0"),
            ("*", "0.0.0.0", "0.0.0.0", "0200", 0, "0.0.0.0"),
        )
    )
    assert parse_route(text) == [Default(device="eth0", gateway="192.168.1.1", metric=100)]


def test_linux_tells_its_ipv6_default_routes() -> None:
    zero, router = "0" * 32, "fe80" + "0" * 27 + "1"
    text = (
        f"{zero} 00 {zero} 00 {router} 00000400 00000001 00000000 00000003     eth0\n"
        f"{zero} 01 {zero} 00 {zero} 00000400 00000001 00000000 00000001     tun0\n"
        f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
    )
    assert parse_ipv6_route(text) == [Default(device="eth0", gateway="fe80::1", metric=1024, six=True)]


@given(st.text())
def test_whatever_a_system_prints_is_read_without_a_fault(text: str) -> None:
    lines = f"x\n{text}\n" + "\t".join(text.split() * 11)
    for parse in (parse_route, parse_ipv6_route, parse_netstat, parse_resolvectl):
        assert isinstance(parse(lines), list)
    assert isinstance(parse_scutil_dns(f"resolver #1\n{text}", "en0"), list)
    assert isinstance(parse_leases(f"lease {{{text}}}", "eth0"), list)


@pytest.mark.parametrize(
    "files, rank",
    [
        ({"type": "1\n"}, Rank.LINE),
        ({"type": "1\n", "tun_flags": "0x1002\n"}, Rank.TUNNEL),
        ({"type": "65534\n", "uevent": "DEVTYPE=wireguard\nINTERFACE=x\n"}, Rank.TUNNEL),
        ({"type": "65534\n", "uevent": "DEVTYPE=wwan\nINTERFACE=x\n"}, Rank.LINE),
        ({"type": "65534\n"}, Rank.TUNNEL),
        ({"type": "512\n"}, Rank.DIAL_UP),
        ({"type": "1\n", "uevent": "DEVTYPE=wlan\n"}, Rank.LINE),
        ({}, Rank.LINE),
    ],
)
def test_linux_says_what_a_device_is(tmp_path: Path, files: dict[str, str], rank: Rank) -> None:
    folder = tmp_path / "sys/class/net/x"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    assert Linux(tmp_path).rank("x") is rank


LEASES = """lease {
  interface "eth0";
  option domain-name-servers 192.168.1.9;
}
lease {
  interface "eth0";
  option domain-name-servers 192.168.1.1, 192.168.1.2;
}
lease {
  interface "wlan0";
  option domain-name-servers 10.0.0.1;
}
"""


def test_linux_reads_what_the_network_told_its_interface() -> None:
    assert parse_resolvectl("Link 2 (eth0): 192.168.1.1 2001:db8:1::1#dns.example\n") == ["192.168.1.1", "2001:db8:1::1"]
    assert parse_settings("# a file of systemd\nADDRESS=192.168.1.5\nDNS=192.168.1.1 192.168.1.2\n", "DNS") == [
        "192.168.1.1",
        "192.168.1.2",
    ]
    assert parse_leases(LEASES, "eth0") == ["192.168.1.1", "192.168.1.2"]
    assert parse_leases(LEASES, "eth1") == []


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_tools")
def test_a_configured_server_counts_only_if_it_lives_in_the_lines_own_network(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").write_text("nameserver 127.0.0.53\nnameserver 10.8.0.1\nnameserver 192.168.1.1\n")
    line = Physical(name="eth0", index=2, networks=("192.168.1.0/24",))
    assert Linux(tmp_path).nameservers(line) == ["192.168.1.1"]
    assert Linux(tmp_path).nameservers(Physical(name="eth0", index=2)) == []


@pytest.mark.usefixtures("no_tools")
def test_the_surest_source_comes_first(tmp_path: Path) -> None:
    for path, text in (
        ("run/systemd/netif/leases/2", "DNS=192.168.1.1\n"),
        ("run/systemd/resolve/netif/2", "SERVERS=192.168.1.3\n"),
        ("var/lib/dhcp/dhclient.leases", LEASES),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert Linux(tmp_path).nameservers(Physical(name="eth0", index=2)) == ["192.168.1.3"]
    assert Linux(tmp_path).nameservers(Physical(name="wlan0", index=9)) == ["10.0.0.1"]


def test_servers_of_this_computer_itself_and_what_is_no_address_are_left_out() -> None:
    words = ["127.0.0.53", "::1", "fe80::1", "0.0.0.0", "dns.example", "192.168.1.1,", "192.168.1.1", "1.1.1.1", "2.2.2.2", "3.3.3.3"]
    assert servers(words) == ["192.168.1.1", "1.1.1.1", "2.2.2.2"]


# --- macOS ------------------------------------------------------------------------------------------

NETSTAT = """Routing tables

Internet:
Destination        Gateway            Flags           Netif Expire
default            link#15            UCSg            utun4
default            192.168.1.1        UGScIg            en0
127                127.0.0.1          UCS               lo0
"""

SCUTIL = """DNS configuration

resolver #1
  nameserver[0] : 10.8.0.1
  if_index : 15 (utun4)
  flags    : Request A records

DNS configuration (for scoped queries)

resolver #1
  nameserver[0] : 192.168.1.1
  nameserver[1] : fe80::1%en0
  if_index : 4 (en0)
  flags    : Scoped, Request A records
"""


def test_macos_tells_its_line_below_a_tunnel() -> None:
    routes = parse_netstat(NETSTAT)
    assert [(each.device, each.gateway) for each in routes] == [("utun4", ""), ("en0", "192.168.1.1")]
    assert [MacOS().rank(each.device) for each in routes] == [Rank.TUNNEL, Rank.LINE]
    assert (MacOS().rank("ipsec0"), MacOS().rank("ppp0")) == (Rank.TUNNEL, Rank.DIAL_UP)


def test_macos_tells_the_name_servers_of_the_line_alone() -> None:
    assert parse_scutil_dns(SCUTIL, "en0") == ["192.168.1.1"]
    assert parse_scutil_dns(SCUTIL, "utun4") == ["10.8.0.1"]
    assert parse_scutil_dns(SCUTIL, "en1") == []


# --- Windows ----------------------------------------------------------------------------------------

GUID = "{12345678-1234-1234-1234-123456789ABC}"


def forward(target: str, mask: str, router: str, index: int, metric: int) -> bytes:
    row = [socket.inet_aton(target), socket.inet_aton(mask), 0, socket.inet_aton(router), index, 4, 3, 0, 0, metric, 0, 0, 0, 0]
    return struct.pack("<4s4sI4sII8I", *row)


def interface(index: int, kind: int, description: str) -> bytes:
    name = rf"\DEVICE\TCPIP_{GUID}".encode("utf-16-le")
    told = description.encode("latin-1")
    row = struct.pack("<512sII3I8s", name, index, kind, 1500, 0, 6, bytes(8))
    return row + struct.pack("<15II256s", *([0] * 15), len(told), told)


def test_the_tables_of_windows_have_the_sizes_of_their_headers() -> None:
    assert (windows._FORWARD_ROW.size, windows._ADDRESS_ROW.size, windows._IF_ROW.size) == (56, 24, 860)


def test_windows_tells_its_default_routes() -> None:
    rows = [forward("0.0.0.0", "0.0.0.0", "192.168.1.1", 12, 25), forward("0.0.0.0", "128.0.0.0", "10.8.0.1", 30, 5)]
    assert list(parse_forwards(struct.pack("<I", 2) + b"".join(rows))) == [(12, "192.168.1.1", 25)]


def test_windows_tells_its_adapters_by_driver_and_not_by_a_name_in_the_persons_language() -> None:
    table = struct.pack("<I", 2) + interface(12, 6, "Intel(R) Ethernet") + interface(30, 6, "TAP-Windows Adapter V9")
    line, tap = parse_adapters(table)
    assert line == Adapter(index=12, kind=6, description="Intel(R) Ethernet", guid=GUID)
    assert [rank_of(each) for each in (line, tap, None)] == [Rank.LINE, Rank.TUNNEL, Rank.TUNNEL]
    kinds = {53: Rank.TUNNEL, 131: Rank.TUNNEL, 23: Rank.DIAL_UP, 71: Rank.LINE}
    assert {kind: rank_of(Adapter(index=1, kind=kind, description="x", guid="")) for kind in kinds} == kinds


def test_windows_maps_addresses_to_adapters() -> None:
    row = struct.pack("<4sIIIIHH", socket.inet_aton("192.168.1.5"), 12, 0, 0, 0, 0, 0)
    assert list(parse_addresses(struct.pack("<I", 1) + row)) == [("192.168.1.5", 12)]


@given(st.binary(max_size=2000))
def test_tables_that_are_cut_short_or_rubbish_are_read_without_a_fault(table: bytes) -> None:
    for parse in (parse_forwards, parse_addresses, parse_adapters):
        assert len(list(parse(table))) <= len(table) // 24


def test_where_there_are_no_tables_windows_says_nothing() -> None:
    system = windows.Windows()
    assert (system.defaults(), system.index("x"), system.nameservers(Physical(name="x", index=1))) == ([], 0, [])
