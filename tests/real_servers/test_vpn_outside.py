"""Beside real tunnels, without a single capability: the kill-switch test, the watch, and the comparison without the VPN."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from diagnostics.judge import judge
from diagnostics.model import Observation, Report, VpnCheck
from tests.real_servers.lab import CHECKOUT, Lab, Scenario
from tests.real_servers.netns import IDEAL, Namespace, command, join, set_up
from tests.real_servers.setting import RESOLVER

pytestmark = pytest.mark.root

UNPRIVILEGED = ("setpriv", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
"""Takes every capability away, so that a program may do no more on a network than anybody may."""

PROGRAM = (*UNPRIVILEGED, sys.executable, "-m", "tests.real_servers.vpn_outside_run")
ROUTER, ROUTER6 = "10.77.0.1", "fd77::1"
HALVES = ("0.0.0.0/1", "128.0.0.0/1")
HALVES6 = ("::/1", "8000::/1")


class Line:
    """A computer behind a router, with a TUN device as its VPN: nobody answers in it, and nobody has to."""

    def __init__(self, stack: ExitStack) -> None:
        self.client, self.router = (self._space(stack, role) for role in ("client", "router"))
        join(self.client, "up0", self.router, "down0", IDEAL)
        set_up(self.router, "down0", f"{ROUTER}/24")
        set_up(self.client, "up0", "10.77.0.2/24", gateway=ROUTER)
        self.router.ip("-6", "addr", "add", f"{ROUTER6}/64", "dev", "down0", "nodad")
        self.client.ip("-6", "addr", "add", "fd77::2/64", "dev", "up0", "nodad")
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.router.sysctl(key, "1")
        for key in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
            self.router.sysctl(key, "0")
        self.client.write_etc(resolv_conf="nameserver 9.9.9.9\n", hosts="127.0.0.1 localhost\n")

    @staticmethod
    def _space(stack: ExitStack, role: str) -> Namespace:
        space = Namespace("outside", role)
        stack.callback(space.remove)
        return space

    def open(self) -> None:
        """Bring everything back to a line without a VPN."""
        for space in (self.client, self.router):
            command(*space.wrap("nft", "flush", "ruleset"))
        for device in ("vpn0", "vpn1"):
            if device in self.client.ip("-br", "link"):
                self.client.ip("link", "del", device)
        self.client.ip("-6", "route", "flush", "default")

    def tunnel(self, device: str = "vpn0", host: int = 2, *, six: bool = False) -> None:
        """Bring a tunnel up that takes all of IPv4, and of IPv6 if asked for."""
        self.client.ip("tuntap", "add", "dev", device, "mode", "tun")
        set_up(self.client, device, f"10.8.0.{host}/32")
        if six:
            self.client.ip("-6", "addr", "add", f"fd08::{host}/128", "dev", device, "nodad")
        for half in (*HALVES, *(HALVES6 if six else ())):
            self.client.ip("-6" if ":" in half else "-4", "route", "replace", half, "dev", device)

    def six(self) -> None:
        """Let the router announce IPv6."""
        self.client.ip("-6", "route", "add", "default", "via", ROUTER6, "dev", "up0")

    def filter(self, space: Namespace, rule: str) -> None:
        """Filter what a computer sends."""
        text = f"table inet shut {{\n chain out {{\n type filter hook output priority 0\n {rule}\n }}\n}}\n"
        command(*space.wrap("nft", "-f", "-"), text=text)

    def run(self, *words: str) -> Any:
        """Do one thing on the client, and return what it printed last."""
        done = subprocess.run(
            self.client.wrap(*PROGRAM, *words), cwd=CHECKOUT, env=environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def environment(**more: str) -> dict[str, str]:
    """Return what a program on the client inherits."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **more}


@pytest.fixture(scope="module")
def wires() -> Iterator[Line]:
    """Build the two computers once."""
    with ExitStack() as stack:
        yield Line(stack)


@pytest.fixture
def line(wires: Line) -> Line:
    """Return them without a VPN, and with nothing filtered."""
    wires.open()
    return wires


def check_of(observations: list[dict[str, Any]], name: str) -> VpnCheck:
    """Judge observations as a report would."""
    known = msgspec.convert(observations, tuple[Observation, ...])
    (found,) = (each for each in judge(known).network.vpn.checks if each.check == name)
    return found


def said(check: VpnCheck) -> tuple[str, str | None, str]:
    return str(check.status), check.cause and str(check.cause), str(check.certainty)


# --- which interface ----------------------------------------------------------------------------------


def test_the_line_is_found_below_a_tunnel_that_took_the_default_route(line: Line) -> None:
    line.tunnel()
    assert line.run("physical") == {"physical": "up0", "gateway": ROUTER, "devices": ["vpn0"] * 4}


def test_the_line_is_found_below_a_tunnel_that_policy_rules_lead_into(line: Line) -> None:
    line.client.ip("tuntap", "add", "dev", "vpn0", "mode", "tun")
    set_up(line.client, "vpn0", "10.8.0.2/32")
    line.client.ip("route", "add", "default", "dev", "vpn0", "table", "51820")
    line.client.ip("rule", "add", "not", "fwmark", "51820", "table", "51820")
    try:
        assert line.run("physical") == {"physical": "up0", "gateway": ROUTER, "devices": ["vpn0"] * 4}
    finally:
        line.client.ip("rule", "del", "table", "51820")


def test_a_tunnel_alone_is_no_line(line: Line) -> None:
    line.tunnel()
    line.client.ip("route", "del", "default")
    try:
        assert line.run("physical")["physical"] is None
    finally:
        line.client.ip("route", "add", "default", "via", ROUTER, "dev", "up0")


# --- the kill switch ----------------------------------------------------------------------------------


def test_a_router_that_answers_beside_the_tunnel_shows_an_open_path(line: Line) -> None:
    line.tunnel()
    steps = line.run("kill-switch")
    assert said(check_of(steps, "kill_switch")) == ("partial", "vpn_leak_path_open", "certain")
    assert not any(word in json.dumps(steps) for word in (ROUTER, ROUTER6, "up0", "10.77"))


@pytest.mark.parametrize("verb", ["drop", "reject", "reject with icmpx admin-prohibited"])
def test_a_filter_of_this_computer_is_an_active_kill_switch_however_it_refuses(line: Line, verb: str) -> None:
    line.tunnel()
    line.six()
    line.filter(line.client, f'oifname != {{ "vpn0", "lo" }} {verb}')
    assert said(check_of(line.run("kill-switch"), "kill_switch")) == ("works", "vpn_kill_switch_active", "certain")


def test_a_kill_switch_that_forgot_ipv6_is_an_open_path(line: Line) -> None:
    line.tunnel()
    line.six()
    line.filter(line.client, 'meta nfproto ipv4 oifname != { "vpn0", "lo" } drop')
    steps = line.run("kill-switch")
    assert [(o["detail"]["family"], o["detail"]["denied"] > 0, o["detail"]["answers"] > 0) for o in steps] == [
        ("ipv4", True, False),
        ("ipv6", False, True),
    ]
    assert said(check_of(steps, "kill_switch"))[:2] == ("partial", "vpn_leak_path_open")


def test_a_router_that_says_nothing_supports_neither(line: Line) -> None:
    line.tunnel()
    line.filter(line.router, "meta l4proto icmp drop")
    assert said(check_of(line.run("kill-switch"), "kill_switch")) == ("unknown", None, "none")


def test_without_a_vpn_an_open_path_is_nobodys_fault(line: Line) -> None:
    assert said(check_of(line.run("kill-switch"), "kill_switch")) == ("not_tested", None, "none")


# --- the watch ----------------------------------------------------------------------------------------


class Watch:
    """A watch that runs on the client while the test changes things."""

    def __init__(self, line: Line, seconds: float) -> None:
        self.process = subprocess.Popen(
            line.client.wrap(*PROGRAM, "watch", str(seconds)), cwd=CHECKOUT, env=environment(), stdout=subprocess.PIPE, text=True
        )
        self.until("inside", "names")  # the last thing that the first check tells

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def line(self) -> Any:
        """Return the next line that it prints."""
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def until(self, what: str, part: str) -> dict[str, Any]:
        """Return the moment that is waited for."""
        while isinstance(found := self.line(), dict):
            if (found["what"], found["part"]) == (what, part):
                return found
        message = f"{what} {part} was never told: {found}"
        raise AssertionError(message)


def test_a_tunnel_that_disappears_is_seen_at_the_first_check_after(line: Line) -> None:
    line.tunnel()
    with Watch(line, 20) as watch:
        line.client.ip("link", "del", "vpn0")
        gone, left, names = (watch.line() for _ in range(3))
        assert (gone["what"], left["what"], left["part"], names["part"]) == ("gone", "left", "four", "names")
        assert gone["t"] == left["t"] == names["t"]
        line.tunnel("vpn1", 3)
        assert watch.until("back", "four")["t"] > left["t"]


def test_ipv6_alone_leaves_when_the_router_announces_it(line: Line) -> None:
    line.tunnel()
    with Watch(line, 20) as watch:
        line.six()
        assert watch.until("left", "six")["part"] == "six"


def test_a_tunnel_that_is_replaced_by_another_leaves_nothing_outside(line: Line) -> None:
    line.tunnel(six=True)
    line.six()
    with Watch(line, 2) as watch:
        line.tunnel("vpn1", 3, six=True)
        line.client.ip("link", "del", "vpn0")
        steps = watch.line()
    assert isinstance(steps, list), steps
    assert said(check_of(steps, "watch")) == ("unknown", None, "none")


def test_a_watch_is_judged_from_its_step_alone(line: Line) -> None:
    line.tunnel()
    with Watch(line, 1.5) as watch:
        line.client.ip("link", "del", "vpn0")
        while isinstance(steps := watch.line(), dict):
            pass
    assert said(check_of(steps, "watch")) == ("partial", "vpn_leak_path_open", "certain")


# --- the comparison -----------------------------------------------------------------------------------

INSIDE = "10.9.0"
VPN_SERVER = "198.18.99.2"
"""A computer of its own on the laboratory's Internet."""

CONF = """[Interface]
PrivateKey = {private}
{port}
[Peer]
PublicKey = {public}
AllowedIPs = 0.0.0.0/0
{more}
"""


class WireGuard:
    """A tunnel from the client to a computer on the Internet that sends everything on in its own name."""

    def __init__(self, lab: Lab, server: Namespace, folder: Path, stack: ExitStack) -> None:
        self._lab, self._server, self._folder = lab, server, folder
        self._ours, self._theirs = (f"wg{os.getpid() % 100000}{end}" for end in "cs")
        for space, device in ((lab.client, self._ours), (server, self._theirs)):
            program = lab.start(space, device, "env", "WG_PROCESS_FOREGROUND=1", "wireguard-go", device)
            stack.callback(program.stop)
            program._wait_until(partial(self._exists, space, device))
        self._configure()

    @staticmethod
    def _exists(space: Namespace, device: str) -> bool:
        return device in space.ip("-br", "link")

    def _configure(self) -> None:
        keys = [command("wg", "genkey").strip() for _ in range(2)]
        public = [command("wg", "pubkey", text=key).strip() for key in keys]
        ends = (
            (self._lab.client, self._ours, 1, f"Endpoint = {VPN_SERVER}:51820", ""),
            (self._server, self._theirs, 0, "", "ListenPort = 51820"),
        )
        for space, device, peer, more, port in ends:
            conf = self._folder / f"{device}.conf"
            conf.write_text(CONF.format(private=keys[1 - peer], public=public[peer], more=more, port=port))
            command(*space.wrap("wg", "setconf", device, str(conf)))
            set_up(space, device, f"{INSIDE}.{2 - peer}/24")
            space.ip("link", "set", device, "mtu", "1420")
        self._server.sysctl("net.ipv4.ip_forward", "1")
        self._lab.filter(self._server, f"-A POSTROUTING -s {INSIDE}.0/24 -j MASQUERADE", table="nat")

    def take_everything(self) -> None:
        """Lead all of IPv4 into the tunnel, but the way to its own server."""
        self._lab.client.ip("route", "replace", f"{VPN_SERVER}/32", "via", RESOLVER)
        for half in HALVES:
            self._lab.client.ip("route", "replace", half, "dev", self._ours)


@pytest.fixture(scope="module")
def tunnelled(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Bring a WireGuard tunnel up in the laboratory; the client asks a public resolver through it, as VPN clients arrange."""
    lab.censor(Scenario.OPEN)
    with ExitStack() as stack:
        server = stack.enter_context(lab.rented("vpn", VPN_SERVER))
        tunnel = WireGuard(lab, server, tmp_path_factory.mktemp("wg"), stack)
        tunnel.take_everything()
        yield lab
        lab.client.ip("route", "del", f"{VPN_SERVER}/32")
    lab.censor(Scenario.OPEN)


def compared(lab: Lab, scenario: Scenario) -> Report:
    """Let the provider censor X, and measure through the VPN and beside it."""
    lab.censor(scenario)
    lab.client.write_etc(resolv_conf=f"nameserver {min(lab.world.plain_resolvers)}\n")
    done = lab.run(*PROGRAM, "compare", "x", "whatsapp", timeout=90.0)
    assert done.status == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Report)


def about(report: Report, target: str, route: str) -> tuple[str, str | None, str]:
    (found,) = (v for v in report.verdicts if (v.target, v.function, v.route) == (target, None, route))
    return str(found.status), found.cause and str(found.cause), str(found.certainty)


@pytest.mark.parametrize(
    "scenario, cause",
    [(Scenario.SNI_RESET, "name_blocked"), (Scenario.FORGED_DNS, "dns_tampering"), (Scenario.ADDRESS_SILENT, "ip_blocked")],
)
def test_what_the_provider_blocks_opens_through_the_vpn_and_is_named_beside_it(tunnelled: Lab, scenario: Scenario, cause: str) -> None:
    report = compared(tunnelled, scenario)
    assert about(report, "x", "direct")[0] == "works", report.verdicts
    assert about(report, "x", "outside") == ("blocked", cause, "certain"), [str(v) for v in report.verdicts]
    assert about(report, "whatsapp", "outside")[0] == "works", [str(v) for v in report.verdicts]
    assert judge(report.observations).verdicts == report.verdicts


def test_a_kill_switch_is_named_instead_of_a_blocked_service(tunnelled: Lab) -> None:
    tunnelled.filter(tunnelled.client, f"-A OUTPUT -o up0 ! -d {VPN_SERVER} -j DROP")
    try:
        report = compared(tunnelled, Scenario.OPEN)
    finally:
        command(*tunnelled.client.wrap(tunnelled._iptables_restore), text="*filter\nCOMMIT\n")
    (beside,) = (route for route in report.routes if route.id == "outside")
    assert (str(beside.status), beside.cause, beside.rule) == ("down", "vpn_kill_switch_active", "vpn.kill_switch_holds"), beside
    assert about(report, "x", "direct")[0] == "works"
    assert about(report, "x", "outside")[0] == "not_tested"
