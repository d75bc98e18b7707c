"""A silent WireGuard server is greeted from elsewhere: real relays of datagrams beyond a censor, and proxies that carry none.

coturn answers for the places that answer anybody; the proxies are sing-box, Dante and microsocks on a rented computer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.real_servers.lab import Lab
from tests.real_servers.netns import missing_tools
from tests.real_servers.openvpn_lab import MODES, prepared
from tests.real_servers.proxies import HOST, Proxies
from tests.real_servers.test_accounts import program
from tests.real_servers.wireguard import INITIATION, SERVER, Made, censored, clock_off, new_key, report_on, verdict, wireguard_server

pytestmark = pytest.mark.root

SEER, STUN_PORT = "104.211.3.2", 3478
NOBODY = "104.210.7.99"
"""An address beside the server's that no computer has: one that is switched off."""

BLOCKED = ("blocked", "vpn_handshake_blocked", "vpn.answers_elsewhere")
DOWN = ("down", "vpn_server_unreachable", "vpn.silent_everywhere")
UNKNOWN = ("unknown", None, "vpn.silent")


@pytest.fixture(scope="module")
def made(lab: Lab) -> Iterator[Made]:
    """Run a WireGuard server, and coturn for every place that answers anybody over UDP."""
    absent = missing_tools({"turnserver": "coturn"})
    assert not absent, absent
    to_seer = f"PREROUTING -p udp --dport {STUN_PORT} -j DNAT --to-destination {SEER}"
    words = ("-n", "--no-auth", "--no-tls", "--no-dtls", "--no-cli", "-L", SEER, "-p", str(STUN_PORT), "-l", "stdout")
    with ExitStack() as stack:
        space = stack.enter_context(lab.rented("seer", SEER))
        daemon = lab.start(space, "coturn", "turnserver", *words, "--pidfile", str(lab.folder / "coturn.pid"))
        stack.callback(daemon.stop)
        daemon.wait_for(("udp", STUN_PORT))
        lab.filter(lab.internet, f"-A {to_seer}", table="nat")
        stack.callback(lab.filter, lab.internet, f"-D {to_seer}", table="nat")
        yield stack.enter_context(wireguard_server(lab))


@pytest.fixture(scope="module")
def proxies(lab: Lab) -> Iterator[Proxies]:
    """Rent the proxies' computer for all tests of this file."""
    with Proxies(lab) as rented:
        yield rented


def told(lab: Lab, made: Made, link: str) -> tuple[tuple[str, str | None, str], str, list[tuple[str, str | None]]]:
    """Return what is said of the profile with a proxy beside it, how sure it is, and what went out through the proxy."""
    report, route, _ = report_on(lab, made, "x", "--proxy", link)
    assert HOST not in str(report)
    elsewhere = [o for o in report["observations"] if o["step"] == "vpn" and o["detail"].get("by", "direct") != "direct"]
    return verdict(route), route["certainty"], [(str(o["detail"]["stage"]), o["failure"]) for o in elsewhere]


@pytest.mark.parametrize("scheme, relay", [("socks5h", "sing-box"), ("socks5", "dante")])
def test_a_greeting_that_is_dropped_here_and_answered_elsewhere_is_blocked(
    scheme: str, relay: str, lab: Lab, made: Made, proxies: Proxies
) -> None:
    with censored(lab, INITIATION):
        assert told(lab, made, proxies.link(scheme, relay)) == (BLOCKED, "certain", [("relay", None), ("handshake", None)])


def test_a_server_that_is_off_is_silent_from_elsewhere_too(lab: Lab, made: Made, proxies: Proxies) -> None:
    off = replace(made, host=NOBODY)
    steps = [("relay", None), ("handshake", "generic_timeout_error")]
    assert told(lab, off, proxies.link("socks5h", "sing-box")) == (DOWN, "likely", steps)


def test_a_proxy_that_carries_no_datagrams_says_nothing(lab: Lab, made: Made, proxies: Proxies) -> None:
    with censored(lab, INITIATION):
        found = told(lab, made, proxies.link("socks5h", "microsocks"))
    assert found == (UNKNOWN, "none", [("relay", "socks_command_not_supported")])


def test_a_proxy_that_swallows_what_it_promised_to_carry_says_nothing(lab: Lab, made: Made, proxies: Proxies) -> None:
    swallowed = f"FORWARD -s {HOST} -p udp --dport {STUN_PORT} -j DROP", f"FORWARD -s {HOST} -d {SERVER} -p udp -j DROP"
    lab.filter(lab.internet, *(f"-I {rule}" for rule in swallowed))
    try:
        with censored(lab, INITIATION):
            found = told(lab, made, proxies.link("socks5h", "sing-box"))
    finally:
        lab.filter(lab.internet, *(f"-D {rule}" for rule in swallowed))
    assert found == (UNKNOWN, "none", [("relay", "generic_timeout_error")])


@contextmanager
def local_relay(lab: Lab) -> Iterator[str]:
    """Run a proxy on the person's own computer that leaves by the same line."""
    inbound = {"type": "socks", "listen": "127.0.0.1", "listen_port": 1080}
    config = lab.folder / "local.json"
    config.write_text(json.dumps({"log": {"level": "error"}, "inbounds": [inbound], "outbounds": [{"type": "direct"}]}))
    daemon = lab.start(lab.client, "local-sing-box", program("sing-box"), "run", "-c", str(config))
    try:
        daemon.wait_for(("tcp", 1080))
        yield "socks5h://127.0.0.1:1080"
    finally:
        daemon.stop()


def test_a_proxy_that_comes_out_at_this_line_is_no_other_way(lab: Lab, made: Made) -> None:
    with censored(lab, INITIATION), local_relay(lab) as link:
        found = told(lab, made, link)
    assert found == (UNKNOWN, "none", [("relay", None), ("handshake", "generic_timeout_error")])


def test_what_the_network_prohibits_and_another_one_carries_is_blocked_for_certain(lab: Lab, made: Made, proxies: Proxies) -> None:
    with censored(lab, f"ip saddr 192.168.77.2 ip daddr {SERVER} reject with icmp type admin-prohibited"):
        assert told(lab, made, proxies.link("socks5h", "sing-box"))[:2] == (BLOCKED, "certain")


def test_a_clock_behind_explains_a_silence_from_elsewhere_too(lab: Lab, made: Made, proxies: Proxies) -> None:
    assert verdict(report_on(lab, made, "x")[1])[0] == "works"  # from now on the server takes no older greeting
    with clock_off(lab, -3600):
        found = told(lab, made, proxies.link("socks5h", "sing-box"))
    steps = [("relay", None), ("handshake", "generic_timeout_error")]
    assert found == (("unknown", "wrong_clock", "vpn.clock_behind"), "none", steps)


def test_a_key_that_the_server_does_not_know_looks_like_a_server_that_is_off(lab: Lab, made: Made, proxies: Proxies) -> None:
    stranger: dict[str, Any] = {"private": new_key()[0]}
    assert told(lab, replace(made, **stranger), proxies.link("socks5h", "sing-box"))[0] == DOWN


def test_openvpn_and_ike_are_greeted_from_elsewhere_as_well(lab: Lab, made: Made, proxies: Proxies, tmp_path: Path) -> None:
    """``made`` runs the place that answers anybody."""
    address = "104.210.9.2"
    link = proxies.link("socks5h", "sing-box")
    with lab.rented("openvpn", address) as space:
        server = prepared(lab.client, space, tmp_path)
        mine = tmp_path / "mine.ovpn"
        mine.write_text(server.profile("crypt", remotes=(f"remote {address} {MODES['crypt'][0]} udp",)).text())
        server.start("crypt")
        try:
            server.wait_for("crypt")
            with censored(lab, f"ip saddr 192.168.77.2 ip daddr {address} drop"):
                found = _told_by_command(lab, str(mine), link)
                gone = _told_by_command(
                    lab, f"ikev2://{address}:4444", link
                )  # nothing listens there: silence from here, no proof elsewhere
        finally:
            server.daemons["crypt"].stop()
    assert found == BLOCKED, made
    assert gone[0] in ("unknown", "down")
    assert gone[1] != "vpn_handshake_blocked"


def _told_by_command(lab: Lab, profile: str, link: str) -> tuple[str, str | None, str]:
    done = lab.atajo("vpn", profile, "x", "--proxy", link, "--json", "-", timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stdout)
    (route,) = [each for each in report["routes"] if each["kind"] in ("openvpn", "ikev2")]
    return route["status"], route["cause"], route["rule"]
