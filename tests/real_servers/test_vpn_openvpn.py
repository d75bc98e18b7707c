"""OpenVPN profiles against OpenVPN's own servers, with filters between: each fault and each filter gives its own verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real_servers.lab import Lab
from tests.real_servers.netns import Line, missing_tools
from tests.real_servers.openvpn_lab import (
    CLIENT,
    CLOSED,
    MODES,
    PASSWORD,
    SERVER,
    TOOLS,
    USER,
    WITHOUT_RIGHTS,
    Mine,
    OpenVpnLab,
    openvpn_lab,
    prepared,
)
from tests.vpn.openvpn.papers import CLIENT_AUTH, Issuer, new_static_key

pytestmark = pytest.mark.root

Said = list[str | None]
PROVEN: Said = ["works", None, "likely", "vpn.server_proven"]
LET_IN: Said = ["works", None, "certain", "vpn.logged_in"]
SILENT: Said = ["unknown", None, "none", "vpn.silent"]
LOST: Said = ["unknown", None, "none", "vpn.control_unheard"]
CUT: Said = ["unknown", None, "none", "vpn.greeting_cut"]
PROHIBITED: Said = ["likely_blocked", "vpn_handshake_blocked", "likely", "vpn.prohibited"]
WAY_ENDS: Said = ["unknown", None, "none", "vpn.way_ends"]
OTHER_WAY: Said = ["partial", "vpn_handshake_blocked", "likely", "vpn.one_transport_cut"]
OTHER_STALLS: Said = ["partial", "vpn_data_blocked", "likely", "vpn.one_transport_stalls"]
OTHER: Said = ["down", "vpn_untrusted_server", "certain", "vpn.other_server"]
CLOSED_PORT: Said = ["down", "vpn_server_unreachable", "likely", "vpn.port_closed"]
THEN_SILENT: Said = ["unknown", None, "none", "vpn.proven_then_silent"]
OPCODE = "meta l4proto udp @th,64,8 0x38 drop"
BARE = "meta l4proto udp udp length 22 @th,64,8 0x38 drop"
CONTROL = "meta l4proto udp @th,64,8 0x20 drop"
RESET = "meta l4proto tcp tcp flags & (psh|ack) == psh|ack reject with tcp reset"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenVpnLab]:
    """Run all servers."""
    assert missing_tools(TOOLS) == []
    with openvpn_lab(tmp_path_factory.mktemp("openvpn")) as lab:
        yield lab


def two_ways(servers: OpenVpnLab, port: int = MODES["plain"][0]) -> Mine:
    """Return a profile that has the same server over UDP and over TCP."""
    return servers.profile("plain", remotes=(f"remote {SERVER} {port} udp", f"remote {SERVER} {MODES['tcp-plain'][0]} tcp"))


def said_of(found: dict[str, Any]) -> dict[str, Said]:
    return {name: each["said"] for name, each in found.items()}


def all_modes(servers: OpenVpnLab) -> dict[str, Mine]:
    return {mode: servers.profile(mode) for mode in MODES} | {"two ways": two_ways(servers)}


def test_every_configuration_lets_the_right_password_in(servers: OpenVpnLab) -> None:
    wanted = [*MODES, "cookie", "large"]
    found = servers.ask(**{mode: (servers.profile(mode), USER, PASSWORD) for mode in wanted})
    assert said_of(found) == dict.fromkeys(wanted, LET_IN)
    pushed = [{key: each["details"][-1][key] for key in ("routes", "dns", "everything", "ipv6")} for each in found.values()]
    assert pushed == [{"routes": 1, "dns": 1, "everything": True, "ipv6": False}] * len(wanted)
    text = json.dumps(found)
    assert not [secret for secret in (USER, PASSWORD, SERVER, "172.20.0.0", "10.90.0.1", "server-1") if secret in text]


def test_we_leave_as_soon_as_we_were_let_in(servers: OpenVpnLab) -> None:
    servers.ask(mine=(servers.profile("crypt"), USER, PASSWORD))
    log = servers.log("crypt")
    assert "CC-EEN exit message received by peer" in log or "SIGTERM[soft,remote-exit]" in log, log[-1500:]


def test_without_consent_nobody_logs_in(servers: OpenVpnLab) -> None:
    before = servers.log("auth-sha512")
    found = servers.ask(mine=servers.profile("auth-sha512"))["mine"]
    assert found["said"] == PROVEN
    assert [stage for stage, _ in found["stages"]] == ["handshake", "tls"]
    assert "TLS: Username/Password" not in servers.log("auth-sha512").removeprefix(before)


def test_each_fault_of_a_profile_or_a_server_has_its_own_verdict(servers: OpenVpnLab) -> None:
    stranger = Issuer("Another Authority")
    own, key = stranger.issue("client-1", CLIENT_AUTH), f"<tls-crypt>\n{new_static_key()}</tls-crypt>"
    make = servers.profile
    found = servers.ask(
        wrong_password=(make("plain"), USER, "no"),
        wrong_authority=(make("plain", ca=stranger.root), USER, PASSWORD),
        expired=(make("expired"), USER, PASSWORD),
        of_a_client=(make("client-kind"), USER, PASSWORD),
        another_name=(make("plain", lines=("verify-x509-name other name",)), USER, PASSWORD),
        its_name=(make("plain", lines=('verify-x509-name "C=VE, CN=server-1"',)), USER, PASSWORD),
        refused=(make("any-certificate", own=own, asks=False), USER, PASSWORD),
        refused_over_tcp=(make("tcp-plain", own=own), USER, PASSWORD),
        only_a_certificate=(make("any-certificate", asks=False), "", ""),
        key=make("crypt", wrap=key),
        key_over_tcp=make("tcp-crypt", wrap=key),
        no_key_over_tcp=make("tcp-crypt", wrap=""),
        closed=make("plain", port=CLOSED),
        closed_over_tcp=make("tcp-plain", port=CLOSED),
        first_closed=two_ways(servers, CLOSED),
    )
    assert said_of(found) == {
        "wrong_password": ["down", "vpn_auth_failed", "certain", "vpn.login_refused"],
        "wrong_authority": OTHER,
        "expired": ["unknown", None, "none", "vpn.dates_unchecked"],
        "of_a_client": OTHER,
        "another_name": OTHER,
        "its_name": LET_IN,
        "refused": THEN_SILENT,
        "refused_over_tcp": THEN_SILENT,
        "only_a_certificate": LET_IN,
        "key": SILENT,
        "key_over_tcp": ["down", "vpn_wrong_key", "likely", "vpn.closes_at_key"],
        "no_key_over_tcp": CUT,
        "closed": CLOSED_PORT,
        "closed_over_tcp": CLOSED_PORT,
        "first_closed": PROVEN,
    }
    for name in ("wrong_authority", "expired", "of_a_client", "another_name"):
        assert "login" not in [stage for stage, _ in found[name]["stages"]], name


FILTERS: dict[str, tuple[str, dict[str, Said]]] = {
    "the opcode is dropped": (
        OPCODE,
        dict.fromkeys(("plain", "auth-sha1", "auth-sha512", "crypt"), SILENT)
        | dict.fromkeys(("crypt-v2", "tcp-plain", "tcp-crypt"), PROVEN)
        | {"two ways": OTHER_WAY},
    ),
    "the bare reset is dropped": (BARE, dict.fromkeys(MODES, PROVEN) | {"plain": SILENT, "two ways": OTHER_WAY}),
    "control packets are dropped": (
        CONTROL,
        dict.fromkeys(("plain", "auth-sha1", "auth-sha512", "crypt"), LOST)
        | dict.fromkeys(("tcp-plain", "tcp-crypt"), PROVEN)
        | {"crypt-v2": THEN_SILENT, "two ways": OTHER_STALLS},
    ),
    "what is said over TCP is reset": (RESET, dict.fromkeys((*MODES, "two ways"), PROVEN) | {"tcp-plain": CUT, "tcp-crypt": CUT}),
    "the network says that it is prohibited": (
        f"ip saddr {CLIENT} reject with icmp type admin-prohibited",
        dict.fromkeys((*MODES, "two ways"), PROHIBITED) | {"tcp-plain": WAY_ENDS, "tcp-crypt": WAY_ENDS},
    ),
    "everything is dropped": (f"ip saddr {CLIENT} drop", dict.fromkeys((*MODES, "two ways"), SILENT)),
}


@pytest.mark.parametrize("censor", FILTERS)
def test_each_filter_looks_as_it_should(servers: OpenVpnLab, censor: str) -> None:
    rule, expected = FILTERS[censor]
    with servers.filtered(rule):
        assert said_of(servers.ask(**all_modes(servers))) == expected


def test_large_packets_that_are_lost_are_told_from_a_filter(servers: OpenVpnLab) -> None:
    with servers.narrowed("meta l4proto udp meta length > 900 drop"):
        found = servers.ask(small=servers.profile("plain"), large=servers.profile("large"))
    assert said_of(found) == {
        "small": ["unknown", None, "none", "vpn.tls_stalls"],
        "large": ["down", "vpn_mtu", "likely", "vpn.large_control_lost"],
    }


def test_a_slow_line_accuses_nobody(tmp_path: Path) -> None:
    with openvpn_lab(tmp_path, Line(rtt=0.9, loss=0.05), "ovpnbad") as lab:
        found = lab.ask(**{mode: (lab.profile(mode), USER, PASSWORD) for mode in MODES})
    assert said_of(found) == dict.fromkeys(MODES, LET_IN)


def test_a_lossy_line_accuses_nobody(tmp_path: Path) -> None:
    """At 15 % loss a session may well fall silent twice; then it is unknown, and most are let in all the same."""
    with openvpn_lab(tmp_path, Line(rtt=0.1, loss=0.15), "ovpnbad") as lab:
        found = said_of(lab.ask(**{mode: (lab.profile(mode), USER, PASSWORD) for mode in MODES}))
    others = {mode: said for mode, said in found.items() if said != LET_IN}
    assert [said[:2] for said in others.values()] == [["unknown", None]] * len(others), others
    assert len(others) < len(MODES) / 2, others


def test_something_else_at_the_port_is_no_vpn(servers: OpenVpnLab, tmp_path: Path) -> None:
    from tests.real_servers.processes import Daemon

    program = (
        "import socket\nlistening = socket.create_server(('0.0.0.0', 1300))\nprint('ready', flush=True)\n"
        "while True:\n    came, _ = listening.accept()\n    came.sendall(b'SSH-2.0-OpenSSH_9.2\\r\\n')\n"
    )
    daemon = Daemon(servers.far, tmp_path / "other.log", sys.executable, "-c", program)
    try:
        daemon.wait_for_line("ready")
        found = servers.ask(mine=servers.profile("tcp-plain", port=1300))
    finally:
        daemon.stop()
    assert said_of(found) == {"mine": ["down", "vpn_server_unreachable", "likely", "vpn.other_service"]}


def test_the_terminal_tests_a_profile_and_asks_nobody_for_a_password_it_has(servers: OpenVpnLab, tmp_path: Path) -> None:
    profile, login, report = tmp_path / "mine.ovpn", tmp_path / "login.txt", tmp_path / "report.json"
    profile.write_text(servers.profile("plain", lines=("up /bin/touch",)).text())
    login.write_text(f"{USER}\n{PASSWORD}\n")
    done = _atajo(servers, tmp_path, "vpn", str(profile), "--login-file", str(login), "--lang", "en", "--json", str(report))
    assert "Traceback" not in done.stderr, done.stderr
    text = report.read_text()
    route = next(each for each in json.loads(text)["routes"] if each["kind"] == "openvpn")
    # the laboratory has no Internet, so nothing but what was proved can be said
    assert (route["status"], route["rule"], done.returncode) == ("works", "vpn.logged_in", 3)
    assert not [secret for secret in (USER, PASSWORD, SERVER, "server-1") if secret in text + done.stdout + done.stderr]
    done = _atajo(servers, tmp_path, "vpn", str(profile), "--login", "--lang", "en")
    assert (done.returncode, "--login-file" in done.stderr) == (2, True)


def _atajo(servers: OpenVpnLab, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = ("env", f"HOME={home}", f"ATAJO_DATA={home / 'data'}")
    run = servers.near.wrap(*WITHOUT_RIGHTS, *own, sys.executable, "-m", "app", *words)
    return subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False)


def test_on_a_line_with_internet_the_profile_is_tested_beside_the_services(lab: Lab, tmp_path: Path) -> None:
    address, profile, login = "104.210.9.2", tmp_path / "mine.ovpn", tmp_path / "login.txt"
    login.write_text(f"{USER}\n{PASSWORD}\n")
    with lab.rented("openvpn", address) as space:
        server = prepared(lab.client, space, tmp_path)
        profile.write_text(server.profile("crypt", remotes=(f"remote {address} {MODES['crypt'][0]} udp",)).text())
        server.start("crypt")
        try:
            server.wait_for("crypt")
            alone = lab.atajo("vpn", str(profile), "x", "--login-file", str(login), "--lang", "en")
            beside = lab.atajo("check", "x", "--light", "--vpn", str(profile), "--lang", "en", "--json", str(tmp_path / "r.json"))
        finally:
            server.daemons["crypt"].stop()
        stopped = lab.atajo("vpn", str(profile), "x", "--lang", "en")
    assert (alone.status, beside.status, stopped.status) == (0, 0, 1), (alone, beside, stopped)
    assert "It connects: the server proved who it is and let you in." in alone.stdout + alone.stderr
    assert "we open none through it" in beside.stdout + beside.stderr
    report = json.loads((tmp_path / "r.json").read_text())
    over = [(v["status"], v["rule"]) for v in report["verdicts"] if v["route"].startswith("openvpn-")]
    assert over == [("not_tested", "vpn.carries_no_pages")]
    shown = " ".join(done.stdout + done.stderr for done in (alone, beside, stopped)) + json.dumps(report)
    assert not [secret for secret in (USER, PASSWORD, address, "server-1") if secret in shown]


def test_a_server_that_was_stopped_is_not_called_blocked(servers: OpenVpnLab) -> None:
    servers.daemons["auth-sha1"].stop()
    servers.daemons["tcp-crypt"].stop()
    found = servers.ask(udp=servers.profile("auth-sha1"), tcp=servers.profile("tcp-crypt"))
    assert said_of(found) == {"udp": CLOSED_PORT, "tcp": CLOSED_PORT}
