"""WireGuard profiles against wireguard-go: what each fault and each filter looks like, and what opens through a tunnel that stands.

The unmodified command line runs on the client; the server is a computer of its own on the laboratory's Internet, and the provider in
between filters with nftables.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.real_servers.lab import Lab
from tests.real_servers.netns import Namespace, command, missing_tools

pytestmark = pytest.mark.root

SERVER = "104.210.7.2"
PORT = 51820
INSIDE, CLIENT_INSIDE = "10.77.0.1", "10.77.0.2"
TOOLS = {"wireguard-go": "wireguard-go", "wg": "wireguard-tools", "nft": "nftables"}
INITIATION = "udp length 156 @th,64,32 0x01000000 drop"
DATA = "meta l4proto udp @th,64,32 0x04000000 drop"
LARGE = "meta l4proto udp meta length > 1350 drop"
TO_SERVER = f"ip daddr {SERVER} drop"
PROHIBITED = f"ip daddr {SERVER} reject with icmp type admin-prohibited"


def new_key() -> tuple[str, str]:
    """Return a private and a public key as profiles have them."""
    private = X25519PrivateKey.generate()
    return base64.b64encode(private.private_bytes_raw()).decode(), base64.b64encode(private.public_key().public_bytes_raw()).decode()


@dataclass(frozen=True)
class Made:
    """A profile that works, to be spoilt by the tests."""

    private: str
    server: str
    psk: str
    port: int = PORT

    def text(self) -> str:
        """Return the .conf file."""
        return (
            f"[Interface]\nPrivateKey = {self.private}\nAddress = {CLIENT_INSIDE}/32\nDNS = {INSIDE}\nPostUp = touch /tmp/atajo-was-here\n"
            f"[Peer]\nPublicKey = {self.server}\nPresharedKey = {self.psk}\nEndpoint = {SERVER}:{self.port}\nAllowedIPs = 0.0.0.0/0\n"
        )


@pytest.fixture(scope="module")
def made(lab: Lab) -> Iterator[Made]:
    """Run a WireGuard server that passes everything on, with a name server inside, and return a profile for it."""
    absent = missing_tools(TOOLS)
    assert not absent, absent
    own, server, psk = new_key(), new_key(), base64.b64encode(bytes(range(32))).decode()
    with lab.rented("tunnel", SERVER) as space, contextlib.ExitStack() as stack:
        device = f"wg{space.name[-9:].replace('-', '')}"
        daemon = lab.start(space, "wireguard", "env", "WG_PROCESS_FOREGROUND=1", "wireguard-go", device)
        stack.callback(daemon.stop)
        _wait_for_device(space, device)
        config = lab.folder / "server.conf"
        config.write_text(
            f"[Interface]\nPrivateKey = {server[0]}\nListenPort = {PORT}\n"
            f"[Peer]\nPublicKey = {own[1]}\nPresharedKey = {psk}\nAllowedIPs = {CLIENT_INSIDE}/32\n"
        )
        command(*space.wrap("wg", "setconf", device, str(config)))
        space.ip("addr", "add", f"{INSIDE}/24", "dev", device)
        space.ip("link", "set", device, "up")
        space.sysctl("net.ipv4.ip_forward", "1")
        lab.filter(space, "-A POSTROUTING -o up0 -j MASQUERADE", table="nat")
        resolver = min(lab.world.plain_resolvers)
        lab.filter(space, f"-A PREROUTING -d {INSIDE} -p udp --dport 53 -j DNAT --to-destination {resolver}", table="nat")
        yield Made(own[0], server[1], psk)


def _wait_for_device(space: Namespace, device: str) -> None:
    for _ in range(200):
        with contextlib.suppress(RuntimeError):
            space.ip("link", "show", device)
            return
    raise AssertionError(device)


@contextlib.contextmanager
def censored(lab: Lab, rule: str) -> Iterator[None]:
    """Let the provider drop or reject what passes."""
    table = f"table ip atajo {{ chain c {{ type filter hook forward priority -5; {rule}; }}; }}\n"
    lab.at_provider("nft", table)
    try:
        yield
    finally:
        lab.at_provider("nft", "delete table ip atajo")


def report_on(lab: Lab, made: Made, *more: str, **environment: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return the report of ``vpn PROFILE``, what it says of the profile, and what a person reads."""
    profile = Path(lab.folder) / "mine.conf"
    profile.write_text(made.text())
    done = lab.atajo("vpn", str(profile), *more, "--json", "-", timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stdout)
    return report, next(route for route in report["routes"] if route["kind"] == "wireguard"), done.stderr


def verdict(route: dict[str, Any]) -> tuple[str, str | None, str]:
    return route["status"], route["cause"], route["rule"]


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
