"""What ``vpn`` and ``vpn PROFILE`` tell at their end: how things are, what the person can do, and the exit status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli_check import Order, Stop
from app.texts import set_language, speaking
from diagnostics.advice import shipped_tips, tips_for
from diagnostics.events import Event
from diagnostics.model import Cause, Certainty, NetworkVerdict, Report, RouteVerdict, RunFacts, Status, VpnCheck, VpnVerdict
from tests.app.cli_tools import Command, Outcome, command_of

BRIDGE = "Bridge 192.0.2.8:9001 0123456789ABCDEF0123456789ABCDEF01234567\n"
RUN = RunFacts(id="r", started="2026-11-27T00:00:00Z")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    set_language("es")
    return command_of(capsys)


def state(
    *checks: VpnCheck, of: str = "full", cause: Cause | None = None, rule: str = "network.some", routes: tuple[RouteVerdict, ...] = ()
) -> Report:
    """Return a report of a line with a VPN of which so much was found, and the tips that follow from it."""
    network = NetworkVerdict(
        status=Status.DOWN if cause else Status.WORKS,
        cause=cause,
        certainty=Certainty.CERTAIN,
        rule=rule,
        vpn=VpnVerdict(state=of, checks=checks),
    )
    return Report(run=RUN, network=network, routes=routes, tips=tips_for((), network, routes=routes))


def found(name: str, status: Status, rule: str, cause: Cause | None = None) -> VpnCheck:
    return VpnCheck(check=name, status=status, cause=cause, certainty=Certainty.LIKELY, rule=rule)


def run(command: Command, report: Report, *words: str) -> Outcome:
    async def measure(order: Order, tell: Callable[[Event], None], stop: Stop) -> Report:
        del order, tell, stop
        return report

    return command(*words, measure=measure)


LEAK = found("names", Status.PARTIAL, "vpn.names_routed_outside", Cause.VPN_DNS_OUTSIDE)


def test_vpn_ends_with_what_to_do(command: Command) -> None:
    done = run(command, state(LEAK), "vpn")
    with speaking("es"):
        tip = shipped_tips()["vpn-own-names"].in_language("es")
    title = f"Qué hacer: {tip.title[:1].lower()}{tip.title[1:]}"
    assert title in done.out
    assert all(step[:40] in done.out.replace("\n     ", " ") for step in tip.steps)
    assert done.status == 1


def test_a_profile_ends_with_what_to_do(command: Command, tmp_path: Path) -> None:
    (tmp_path / "line.txt").write_text(BRIDGE)
    route = RouteVerdict(
        id="tor-1a2b",
        kind="tor",
        status=Status.BLOCKED,
        cause=Cause.VPN_HANDSHAKE_BLOCKED,
        certainty=Certainty.CERTAIN,
        rule="vpn.answers_elsewhere",
    )
    done = run(command, state(of="none", routes=(route,)), "vpn", str(tmp_path / "line.txt"))
    assert "Qué hacer: cambia la forma de conectar de la VPN" in done.out


def test_nothing_to_do_says_nothing_of_it(command: Command) -> None:
    done = run(command, state(found("route", Status.WORKS, "vpn.route")), "vpn")
    assert "Qué hacer" not in done.out
    assert done.status == 0


@pytest.mark.parametrize(
    "rule, title",
    [
        ("vpn.block_is_left", "Parece que el bloqueo de una VPN corta tu Internet"),
        ("vpn.dead_tunnel_is_left", "Parece que una VPN que ya no está corta tu Internet"),
    ],
)
@pytest.mark.parametrize("words", [("vpn",), ("check", "x", "--light")])
def test_what_a_vpn_left_behind_is_said_instead_of_a_dead_line(rule: str, title: str, words: tuple[str, ...], command: Command) -> None:
    left = found("left_over", Status.DOWN, rule, Cause.VPN_KILL_SWITCH_ACTIVE)
    done = run(command, state(left, of="stale", cause=Cause.NO_INTERNET, rule="network.nothing_answers"), *words)
    assert done.out.startswith(f"{title}\n")
    assert "Qué hacer: abre la VPN y conéctala" in done.out
    for blame in ("módem", "cable", "proveedor"):
        assert blame not in done.out
    assert done.status == 3


def test_a_dead_line_beside_an_innocent_vpn_is_a_dead_line(command: Command) -> None:
    held = found("kill_switch", Status.WORKS, "vpn.refused_here", Cause.VPN_KILL_SWITCH_ACTIVE)
    done = run(command, state(held, of="stale", cause=Cause.NO_INTERNET, rule="network.nothing_answers"), "check", "x", "--light")
    assert done.out.startswith("No hay Internet\n")
    assert "módem" in done.out
