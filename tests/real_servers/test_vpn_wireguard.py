"""WireGuard profiles against wireguard-go: what each fault and each filter looks like, and what opens through a tunnel that stands.

The unmodified command line runs on the client; the server is a computer of its own on the laboratory's Internet, and the provider in
between filters with nftables.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.real_servers.lab import Lab
from tests.real_servers.wireguard import (
    CLIENT_INSIDE,
    INITIATION,
    PORT,
    SERVER,
    Made,
    censored,
    new_key,
    report_on,
    verdict,
    wireguard_server,
)

pytestmark = pytest.mark.root

DATA = "meta l4proto udp @th,64,32 0x04000000 drop"
LARGE = "meta l4proto udp meta length > 1350 drop"
TO_SERVER = f"ip daddr {SERVER} drop"
PROHIBITED = f"ip daddr {SERVER} reject with icmp type admin-prohibited"


@pytest.fixture(scope="module")
def made(lab: Lab) -> Iterator[Made]:
    """Run the server for all tests of this file."""
    with wireguard_server(lab) as profile:
        yield profile


def test_a_profile_that_works_carries_names_packets_and_pages(lab: Lab, made: Made) -> None:
    report, route, said = report_on(lab, made, "x")
    assert verdict(route) == ("works", None, "vpn.carries_pages")
    own = [v for v in report["verdicts"] if v["route"] == route["id"] and v["function"] is None]
    assert [(v["target"], v["status"]) for v in own] == [("x", "works")]
    stages = {o["detail"]["stage"] for o in report["observations"] if o["step"] == "vpn"}
    assert {"handshake", "keys", "data", "dns", "mtu", "open"} <= stages
    assert "No las ejecutamos" in said or "do not run them" in said
    text = json.dumps(report)
    assert not [secret for secret in (made.private, made.psk, made.server, SERVER, CLIENT_INSIDE) if secret in text]
    assert not Path("/tmp/atajo-was-here").exists()


# nobody in the laboratory answers STUN, so silence is told of both
FAULTS: dict[str, Any] = {
    "another pre-shared key": (
        {"psk": base64.b64encode(bytes(32)[:-1] + b"x").decode()},
        ("down", "vpn_wrong_key", "vpn.preshared_key_differs"),
    ),
    "a client that the server does not know": ({"private": new_key()[0]}, ("unknown", None, "vpn.udp_silent_too")),
    "another server's key": ({"server": new_key()[1]}, ("unknown", None, "vpn.udp_silent_too")),
    "a closed port": ({"port": PORT + 1}, ("down", "vpn_server_unreachable", "vpn.port_closed")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_profile_accuses_no_network(fault: str, lab: Lab, made: Made) -> None:
    change, expected = FAULTS[fault]
    assert verdict(report_on(lab, replace(made, **change), "x")[1]) == expected


CENSORS = {
    "the greeting is dropped": (INITIATION, ("unknown", None, "vpn.udp_silent_too")),
    "data are dropped": (DATA, ("down", "vpn_data_blocked", "vpn.no_data")),
    "large packets are dropped": (LARGE, ("partial", "vpn_mtu", "vpn.large_packets_lost")),
    "everything to the server is dropped": (TO_SERVER, ("unknown", None, "vpn.udp_silent_too")),
    "the network says that it is prohibited": (PROHIBITED, ("likely_blocked", "vpn_handshake_blocked", "vpn.prohibited")),
}


@pytest.mark.parametrize("censor", CENSORS)
def test_each_filter_looks_as_it_should(censor: str, lab: Lab, made: Made) -> None:
    rule, expected = CENSORS[censor]
    with censored(lab, rule):
        assert verdict(report_on(lab, made, "x")[1]) == expected


def test_a_server_whose_own_end_takes_smaller_packets_is_not_held_to_lose_large_ones(lab: Lab, made: Made) -> None:
    made.space.ip("link", "set", made.device, "mtu", "1380")
    try:
        report, route, _ = report_on(lab, made, "x")
    finally:
        made.space.ip("link", "set", made.device, "mtu", "1420")
    assert verdict(route) == ("works", None, "vpn.carries_pages")
    (sizes,) = [o["detail"] for o in report["observations"] if o["detail"].get("stage") == "mtu"]
    assert (max(sizes["passed"]), sizes["lost"]) == (1420, [])


def test_x_opens_through_the_tunnel_where_the_network_blocks_it(lab: Lab, made: Made) -> None:
    from tests.real_servers.censor import Scenario

    lab.censor(Scenario.SNI_RESET)
    try:
        profile = Path(lab.folder) / "mine.conf"
        profile.write_text(made.text())
        done = lab.atajo("check", "x", "--light", "--vpn", str(profile), "--json", "-", "--quiet", timeout=120)
    finally:
        lab.censor(Scenario.OPEN)
    report = json.loads(done.stdout)
    whole = {v["route"].partition("-")[0]: v["status"] for v in report["verdicts"] if v["target"] == "x" and v["function"] is None}
    assert whole == {"direct": "blocked", "wireguard": "works"}
