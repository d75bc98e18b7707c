"""VPN states built of real adapters and routes, each named rightly by an ordinary user, and not one packet sent for it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diagnostics.vpn.state.facts import VpnFacts
from tests.real_servers.netns import Namespace, command
from tests.real_servers.processes import Daemon

pytestmark = pytest.mark.root

ROOT = Path(__file__).resolve().parents[2]
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
COUNTERS = """
table inet counted {
  counter sent { }
  counter theirs { }
  chain out {
    type filter hook output priority 0;
    meta skuid 65534 counter name theirs
    meta l4proto != { igmp, ipv6-icmp } counter name sent
  }
}
"""


class Computer:
    """A computer in a namespace of its own: a line called ``eth0`` that leads nowhere, and tunnels that a program keeps open."""

    def __init__(self, folder: Path) -> None:
        self.space = Namespace("vpn", "computer")
        self._folder = folder
        self._daemons: list[Daemon] = []

    def build(self) -> None:
        """Make the line and count what is sent."""
        self.silence_ipv6(True)
        command(*self.space.wrap("nft", "-f", "-"), text=COUNTERS)
        self.wire("eth0")
        self.address("eth0", "192.168.1.23/24")
        self.space.ip("route", "add", "default", "via", "192.168.1.1", "dev", "eth0")
        self.space.write_etc(resolv_conf="nameserver 192.168.1.1\n")

    def silence_ipv6(self, quiet: bool) -> None:
        """Switch IPv6 off, so that the system itself says nothing, or on."""
        for key in ("all", "default"):
            self.space.sysctl(f"net.ipv6.conf.{key}.disable_ipv6", str(int(quiet)))

    def wire(self, device: str) -> None:
        """Make a device of the Ethernet kind whose other end is nobody's."""
        end = f"veth-{device[:8]}"
        self.space.ip("link", "add", device, "type", "veth", "peer", "name", end)
        self.space.ip("link", "set", end, "up")

    def start(self, *words: str, line: str) -> None:
        """Start a program and wait until it has printed ``line``."""
        daemon = Daemon(self.space, self._folder / f"{len(self._daemons)}.log", *words)
        self._daemons.append(daemon)
        daemon.wait_for_line(line)

    def tunnel(self, device: str, address: str, *routes: str) -> None:
        """Make a tunnel that a program keeps open, with routes into it."""
        self.start(sys.executable, "-m", "tests.real_servers.vpn_holder", device, line="open")
        self.address(device, address, *routes)

    def address(self, device: str, address: str, *routes: str) -> None:
        """Give a device its address and routes."""
        self.space.ip("addr", "add", address, "dev", device)
        self.space.ip("link", "set", device, "up")
        for route in routes:
            self.space.ip("route", "add", route, "dev", device)

    def asks(self, server: str) -> None:
        """Set the name server."""
        self.space.write_etc(resolv_conf=f"nameserver {server}\n")

    def end_programs(self) -> None:
        """End what keeps the tunnels open."""
        for daemon in self._daemons:
            daemon.stop()
        self._daemons.clear()

    def remove(self) -> None:
        """End everything."""
        self.end_programs()
        self.space.remove()

    def read(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return facts and verdict as an ordinary user without rights gets them; no packet may leave for them."""
        before = self._counted()
        printed = command(
            *self.space.wrap(
                "env", f"PYTHONPATH={ROOT}", "PYTHONDONTWRITEBYTECODE=1", *NOBODY, sys.executable, "-m", "tests.real_servers.vpn_reader"
            )
        )
        assert self._counted() == before, "reading the state sent something"
        may, facts, verdict = (json.loads(line) for line in printed.splitlines())
        assert may == {"user": 65534, "capabilities": 0}
        return facts, verdict

    def _counted(self) -> dict[str, int]:
        """Return packets by adapter (both ways, where IPv6 is off and the system itself is quiet), and those by programs."""
        told = json.loads(command(*self.space.wrap("nft", "-j", "list", "counters")))["nftables"]
        found = {entry["counter"]["name"]: entry["counter"]["packets"] for entry in told if "counter" in entry}
        if command(*self.space.wrap("cat", "/proc/sys/net/ipv6/conf/all/disable_ipv6")).strip() == "1":
            for link in json.loads(self.space.ip("-s", "-j", "link")):
                found[link["ifname"]] = link["stats64"]["rx"]["packets"] + link["stats64"]["tx"]["packets"]
        return found


@pytest.fixture
def computer(tmp_path: Path) -> Iterator[Computer]:
    """Build a computer with a line and nothing else."""
    built = Computer(tmp_path)
    try:
        built.build()
        yield built
    finally:
        built.remove()


def causes(verdict: dict[str, Any]) -> list[str]:
    """Return what is held against the VPN."""
    return [check["cause"] for check in verdict["checks"] if check["cause"]]


def test_no_vpn_is_none(computer: Computer) -> None:
    facts, verdict = computer.read()
    assert (verdict["state"], verdict["checks"]) == ("none", [])
    assert {(test["family"], test["outcome"], test["via"]) for test in facts["routes"]} == {(4, "routed", "eth0"), (6, "none", "")}


def test_a_computer_without_any_way_is_unknown_and_not_none(computer: Computer) -> None:
    computer.space.ip("route", "del", "default")
    assert computer.read()[1]["state"] == "unknown"


def test_two_half_routes_are_a_full_tunnel(computer: Computer) -> None:
    computer.tunnel("tun0", "10.8.0.2/24", "0.0.0.0/1", "128.0.0.0/1")
    computer.asks("10.8.0.1")
    facts, verdict = computer.read()
    assert (verdict["state"], causes(verdict), verdict["clients"]) == ("full", [], ["tun"])
    assert facts["interfaces"][0]["claims_all"] or facts["interfaces"][1]["claims_all"]


def test_one_half_alone_is_a_part(computer: Computer) -> None:
    computer.tunnel("tun0", "10.8.0.2/24", "0.0.0.0/1")
    _, verdict = computer.read()
    assert (verdict["state"], causes(verdict)) == ("split", ["vpn_split"])


def test_policy_routing_by_marks_is_full_though_the_main_table_names_the_line(computer: Computer) -> None:
    """As WireGuard's own tool sets it up: what is not marked goes by another table, its own prefixes of the main one excepted."""
    computer.tunnel("wg0", "10.2.0.2/32")
    computer.space.ip("route", "add", "default", "dev", "wg0", "table", "51820")
    computer.space.ip("rule", "add", "not", "fwmark", "51820", "table", "51820")
    computer.space.ip("rule", "add", "table", "main", "suppress_prefixlength", "0")
    computer.asks("10.2.0.1")
    facts, verdict = computer.read()
    assert (verdict["state"], causes(verdict), verdict["clients"]) == ("full", [], ["wireguard"])
    assert not next(each for each in facts["interfaces"] if each["label"] == "wg0")["claims_all"]


def test_wireguard_in_a_program_is_seen_like_one_in_the_kernel(computer: Computer) -> None:
    device = f"wg{os.getpid() % 1000}"  # the path of its control socket is the machine's, not the namespace's
    computer.start("env", "WG_PROCESS_FOREGROUND=1", "LOG_LEVEL=verbose", "wireguard-go", device, line="UAPI listener started")
    computer.address(device, "10.2.0.2/32", "0.0.0.0/1", "128.0.0.0/1")
    computer.asks("10.2.0.1")
    facts, verdict = computer.read()
    assert (verdict["state"], verdict["clients"], causes(verdict)) == ("full", ["wireguard"], [])
    assert next(each for each in facts["interfaces"] if each["label"] == device)["kind"] == "tun"


def test_ipv6_on_the_line_is_outside_of_the_tunnel(computer: Computer) -> None:
    computer.silence_ipv6(False)
    computer.tunnel("tun0", "10.8.0.2/24", "0.0.0.0/1", "128.0.0.0/1")
    computer.space.ip("addr", "add", "2001:db8::23/64", "dev", "eth0", "nodad")
    computer.space.ip("-6", "route", "add", "default", "via", "2001:db8::1", "dev", "eth0")
    computer.asks("10.8.0.1")
    _, verdict = computer.read()
    assert (verdict["state"], causes(verdict)) == ("full", ["vpn_ipv6_outside"])


def test_the_routers_name_server_is_asked_outside_of_the_tunnel(computer: Computer) -> None:
    computer.tunnel("tun0", "10.8.0.2/24", "0.0.0.0/1", "128.0.0.0/1")
    _, verdict = computer.read()
    assert (verdict["state"], causes(verdict)) == ("full", ["vpn_dns_outside"])


@pytest.mark.parametrize("server", ["1.1.1.1", "200.44.32.12"])
def test_a_name_server_with_a_way_of_its_own_is_a_leak_of_names_and_no_part_of_the_traffic(computer: Computer, server: str) -> None:
    computer.tunnel("tun0", "10.8.0.2/24", "0.0.0.0/1", "128.0.0.0/1")
    computer.space.ip("route", "add", f"{server}/32", "via", "192.168.1.1", "dev", "eth0")
    computer.asks(server)
    _, verdict = computer.read()
    assert (verdict["state"], causes(verdict)) == ("full", ["vpn_dns_outside"])


def test_a_mesh_is_no_fault(computer: Computer) -> None:
    computer.tunnel("tailscale0", "100.101.1.2/32", "100.64.0.0/10")
    _, verdict = computer.read()
    assert (verdict["state"], verdict["clients"], causes(verdict)) == ("mesh", ["tailscale"], [])


def test_two_tunnels_for_everything_are_a_conflict(computer: Computer) -> None:
    computer.tunnel("tun0", "10.8.0.2/24", "0.0.0.0/1", "128.0.0.0/1")
    computer.tunnel("tun1", "10.9.0.2/24")
    computer.space.ip("route", "add", "default", "dev", "tun1", "metric", "50")
    computer.asks("10.8.0.1")
    _, verdict = computer.read()
    assert (verdict["state"], causes(verdict)) == ("full", ["vpn_conflict"])


def test_a_tunnel_into_the_own_network_is_an_overlap(computer: Computer) -> None:
    computer.tunnel("tun0", "10.8.0.2/24", "192.168.0.0/16")
    _, verdict = computer.read()
    assert (verdict["state"], causes(verdict)) == ("split", ["vpn_subnet_overlap"])


def test_a_dial_up_link_by_name_only_is_the_line_itself(computer: Computer) -> None:
    """A device of that name with a public address: what a DSL modem makes."""
    computer.space.ip("link", "set", "eth0", "down")
    computer.wire("ppp0")
    computer.address("ppp0", "190.200.1.2/32", "default")
    assert computer.read()[1]["state"] == "none"


def test_bridges_and_what_hangs_on_them_are_no_vpn(computer: Computer) -> None:
    computer.space.ip("link", "add", "virbr0", "type", "bridge", "mcast_snooping", "0")
    computer.space.ip("link", "set", "virbr0", "multicast", "off")  # or the system itself reports its groups
    computer.start(sys.executable, "-m", "tests.real_servers.vpn_holder", "tun7", line="open")
    computer.space.ip("tuntap", "add", "dev", "vnet0", "mode", "tap")
    computer.space.ip("link", "set", "vnet0", "master", "virbr0")
    computer.address("virbr0", "192.168.122.1/24")
    facts, verdict = computer.read()
    assert (verdict["state"], causes(verdict)) == ("none", [])
    assert next(each for each in facts["interfaces"] if each["label"] == "adapter 2")["kind"] == "virtual"


def test_a_tunnel_whose_program_is_gone_is_stale(computer: Computer) -> None:
    computer.space.ip("tuntap", "add", "dev", "tun0", "mode", "tun")
    computer.address("tun0", "10.8.0.2/24", "0.0.0.0/1", "128.0.0.0/1")
    _, verdict = computer.read()
    assert (verdict["state"], [check["rule"] for check in verdict["checks"]]) == ("stale", ["vpn.dead_tunnel_is_left"])


def test_the_block_of_a_program_that_is_gone_is_stale(computer: Computer) -> None:
    computer.wire("pvpnksintrf0")
    computer.address("pvpnksintrf0", "100.85.0.1/24")
    computer.space.ip("route", "replace", "default", "dev", "pvpnksintrf0")
    _, verdict = computer.read()
    assert (verdict["state"], [check["rule"] for check in verdict["checks"]]) == ("stale", ["vpn.block_is_left"])


def test_no_address_of_the_computer_is_in_the_facts(computer: Computer) -> None:
    computer.tunnel("tun0", "10.8.0.2/24", "0.0.0.0/1", "128.0.0.0/1")
    facts, _ = computer.read()
    text = json.dumps(facts)
    assert set(facts) == set(VpnFacts.__struct_fields__)
    assert not [address for address in ("192.168.1", "10.8.0", "1.1.1.1", "8.8.8.8") if address in text]
