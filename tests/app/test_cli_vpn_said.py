"""What ``vpn`` and ``vpn PROFILE`` tell at their end: how things are, what the person can do, and the exit status."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from app import cli
from app.cli_check import Order, Stop
from app.texts import set_language, speaking, t
from diagnostics.advice import shipped_tips, tips_for
from diagnostics.events import Event
from diagnostics.model import (
    DIRECT,
    OUTSIDE,
    Cause,
    Certainty,
    NetworkVerdict,
    Report,
    RouteVerdict,
    RunFacts,
    Status,
    Verdict,
    VpnCheck,
    VpnVerdict,
)
from diagnostics.plan import Plan
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


def run(command: Command, report: Report, *words: str, plans: list[Plan] | None = None) -> Outcome:
    async def measure(order: Order, tell: Callable[[Event], None], stop: Stop) -> Report:
        del tell, stop
        if plans is not None:
            plans.append(order.plan)
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
    for blame in ("módem", "cable", "proveedor", "No funciona"):
        assert blame not in done.out
    assert ("Restos de otra VPN: Parecen cortar tu Internet" in done.out) is (words == ("vpn",))
    assert done.status == 3


def test_a_dead_line_beside_an_innocent_vpn_is_a_dead_line(command: Command) -> None:
    held = found("kill_switch", Status.WORKS, "vpn.refused_here", Cause.VPN_KILL_SWITCH_ACTIVE)
    done = run(command, state(held, of="stale", cause=Cause.NO_INTERNET, rule="network.nothing_answers"), "check", "x", "--light")
    assert done.out.startswith("No hay Internet\n")
    assert "módem" in done.out


# --- before anything is sent ------------------------------------------------------------------------


def test_without_a_vpn_nothing_is_sent_and_it_is_said_what_can_be_done(command: Command) -> None:
    plans: list[Plan] = []
    done = run(command, state(of="none"), "vpn", plans=plans)
    assert [(plan.vpn.look, plan.targets) for plan in plans] == [(True, ())]
    assert done.out.startswith("No hay ninguna VPN activa")
    assert "no mandamos nada" in done.out
    assert " vpn ARCHIVO" in done.out
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize(
    "words, said", [(("--outside",), "No hay VPN con la cual comparar."), (("--kill-switch",), "Esta prueba necesita una VPN encendida.")]
)
def test_what_needs_a_vpn_is_not_done_without_one_and_is_no_success(words: tuple[str, ...], said: str, command: Command) -> None:
    plans: list[Plan] = []
    done = run(command, state(of="none"), "vpn", *words, plans=plans)
    assert [plan.vpn.look for plan in plans] == [True]
    assert said in done.out
    assert done.status == 1


def test_whoever_wants_the_line_to_be_known_is_told_who_sees_that(command: Command) -> None:
    plans: list[Plan] = []
    done = run(command, state(of="none"), "vpn", "--learn", plans=plans)
    assert [(plan.vpn.look, plan.vpn.protection) for plan in plans] == [(True, False), (False, True)]
    assert t("vpn.learn.seen") in " ".join(done.err.split())


@pytest.mark.parametrize("of", ["full", "split", "browser_only", "stale", "unknown"])
def test_with_a_vpn_it_is_said_first_what_is_asked_and_who_sees_it(of: str, command: Command) -> None:
    plans: list[Plan] = []
    done = run(command, state(of=of), "vpn", plans=plans)
    assert [plan.vpn.look for plan in plans] == [True, False]
    assert done.err.startswith(t("vpn.asks.body")[:60])
    done = run(command, state(of=of), "vpn", "--outside", "--kill-switch")
    assert "tu proveedor de Internet puede ver" in " ".join(done.err.split())
    assert t("vpn.kill.why.body") in " ".join(done.err.split())
    assert run(command, state(of=of), "vpn", "--quiet").err == ""


# --- the exit status --------------------------------------------------------------------------------


def compared(through: Status, past: Status, *routes: RouteVerdict) -> Report:
    """Return a report of X with the VPN and without it."""
    verdicts = tuple(Verdict(target="x", status=status, route=route) for status, route in ((through, DIRECT), (past, OUTSIDE)))
    network = NetworkVerdict(status=Status.WORKS, certainty=Certainty.CERTAIN, vpn=VpnVerdict(state="full"))
    return Report(run=RUN, network=network, verdicts=verdicts, routes=routes)


HELD = RouteVerdict(id=OUTSIDE, kind=OUTSIDE, status=Status.DOWN, cause=Cause.VPN_KILL_SWITCH_ACTIVE, rule="vpn.kill_switch_holds")


@pytest.mark.parametrize(
    "report, expected",
    [
        (compared(Status.WORKS, Status.WORKS), 0),
        (compared(Status.WORKS, Status.BLOCKED), 0),  # that is what the VPN is for
        (compared(Status.WORKS, Status.NOT_TESTED, HELD), 0),
        (compared(Status.WORKS, Status.UNKNOWN), 1),
        (compared(Status.WORKS, Status.NOT_TESTED), 1),
        (compared(Status.UNKNOWN, Status.UNKNOWN), 1),
        (compared(Status.BLOCKED, Status.WORKS), 1),
        (state(of="full"), 1),
    ],
)
def test_a_comparison_that_brought_nothing_is_no_success(report: Report, expected: int, command: Command) -> None:
    assert run(command, report, "vpn", "--outside").status == expected


def test_a_state_that_is_not_known_is_no_success(command: Command) -> None:
    assert run(command, state(of="unknown"), "vpn").status == 1


# --- what cannot be done ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["vless", "ss", "trojan", "vmess", "socks5", "hysteria2", "ssconf", "VLESS"])
@pytest.mark.parametrize("words", [("vpn", "LINK"), ("check", "x", "--vpn", "LINK")])
def test_a_proxys_link_is_sent_to_proxy_and_never_repeated(scheme: str, words: tuple[str, ...], command: Command) -> None:
    link = f"{scheme}://s3cr3t-s3cr3t@192.0.2.9:443"
    done = command(*(link if word == "LINK" else word for word in words))
    assert done.status == 2
    assert f"{cli.program()} proxy ENLACE" in " ".join(done.err.split())
    assert "s3cr3t" not in done.out + done.err


def test_a_proxys_link_from_a_pipe_is_known_as_well(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"trojan://s3cr3t@192.0.2.9:443\n")))
    done = command("vpn", "-")
    assert (done.status, "proxy ENLACE" in " ".join(done.err.split()), "s3cr3t" in done.err) == (2, True, False)


def test_a_page_is_no_proxy(command: Command) -> None:
    done = command("vpn", "https://192.0.2.9/mine.conf")
    assert (done.status, "proxy" in done.err) == (2, False)


@pytest.mark.parametrize("words", [("x", "whatsapp"), ("X", "--outside", "wa"), ("x",)])
def test_services_can_be_named_without_a_profile(words: tuple[str, ...], command: Command) -> None:
    plans: list[Plan] = []
    done = run(command, state(of="full"), "vpn", *words, plans=plans)
    assert done.status != 2, done.err
    assert [service.id for service in plans[-1].targets] == ["x", "whatsapp"][: len(words) - ("--outside" in words)]


def test_a_file_that_is_called_as_a_service_is_a_profile(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text(BRIDGE)
    plans: list[Plan] = []
    run(command, state(of="none"), "vpn", "x", plans=plans)
    assert [str(profile.protocol) for profile in plans[0].vpn.profiles] == ["tor"]


def test_a_folder_is_no_profile(command: Command, tmp_path: Path) -> None:
    done = command("vpn", str(tmp_path))
    assert (done.status, done.said[0]) == (2, "Eso es una carpeta. Elige el archivo de la VPN que está adentro.")


@pytest.mark.parametrize("words", [("--login",), ("--login-file", "mine.txt"), ("x", "--login")])
def test_a_login_needs_a_profile(words: tuple[str, ...], command: Command) -> None:
    done = command("vpn", *words)
    assert (done.status, done.said[0]) == (2, "--login y --login-file son para probar un perfil: escribe cuál.")


@pytest.mark.parametrize("words", [("--login",), ("--login-file", "mine.txt"), ("--login-file", "mine.txt", "--not-in-use")])
def test_a_login_for_what_asks_none_is_said_and_not_passed_over(words: tuple[str, ...], command: Command, tmp_path: Path) -> None:
    (tmp_path / "line.txt").write_text(BRIDGE)
    done = command("vpn", str(tmp_path / "line.txt"), *words)
    assert (done.status, done.said[0]) == (2, t("error.login_not_openvpn"))
