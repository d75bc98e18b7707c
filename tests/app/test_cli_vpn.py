"""``vpn PROFILE`` before anything is sent: who will see it, what it may cut, and when nothing but a greeting is allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli_check import Order, Stop
from app.texts import set_language, t
from diagnostics.events import Event
from diagnostics.model import NetworkVerdict, Report, RunFacts
from diagnostics.vpn import in_use
from diagnostics.vpn.profile import Consent, read_profile
from diagnostics.vpn.state.facts import NOTHING, Interface, VpnFacts
from tests.app.cli_tools import Command, Screen, command_of

CONF = (
    "[Interface]\nPrivateKey = gI6EdUSYvn8ugXOt8QQD6Yc+JyiZxIhp3GInSWRfWGE=\nAddress = 10.66.0.7/32\n"
    "[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nEndpoint = 192.0.2.7:51820\nAllowedIPs = 0.0.0.0/0\n"
)
BRIDGE = "Bridge 192.0.2.8:9001 0123456789ABCDEF0123456789ABCDEF01234567\n"
UP = Interface(label="tun0", kind="tun")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    set_language("es")
    return command_of(capsys)


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that gives this computer adapters and addresses."""

    def be(*interfaces: Interface, addresses: frozenset[str] = frozenset()) -> None:
        async def facts() -> VpnFacts:
            return VpnFacts(system="linux", interfaces=interfaces) if interfaces else NOTHING

        monkeypatch.setattr(in_use, "read_vpn_facts", facts)
        monkeypatch.setattr(in_use, "_addresses", lambda: set(addresses))

    be()
    return be


def asked(command: Command, folder: Path, text: str, *words: str, options: tuple[str, ...] = ()) -> tuple[Consent, str]:
    """Return what the person allowed by a command line, and what they read first."""
    given: list[Consent] = []

    async def measure(order: Order, tell: Callable[[Event], None], stop: Stop) -> Report:
        del tell, stop
        given.append(order.plan.vpn.consent)
        return Report(run=RunFacts(id="r", started="2026-11-27T00:00:00Z"), network=NetworkVerdict())

    profile = folder / "mine.conf"
    profile.write_text(text)
    outcome = command(*(words or ("vpn", str(profile))), *options, measure=measure)
    return given[0], outcome.err


def test_without_any_tunnel_named_services_are_tested_after_saying_who_sees_it_and_what_it_cuts(
    command: Command, computer: Callable[..., None], tmp_path: Path
) -> None:
    for words in (("vpn", "MINE", "x"), ("vpn", "MINE", "--url", "https://example.org/"), ("check", "x", "--vpn", "MINE")):
        consent, said = asked(command, tmp_path, CONF, *(str(tmp_path / "mine.conf") if word == "MINE" else word for word in words))
        assert not consent.only_greet
        assert t("vpn_profile.seen") in said
        assert t("vpn.cuts_elsewhere") in said


def test_where_nobody_can_be_asked_a_profile_alone_is_only_greeted_and_it_is_said_how_to_go_on(
    command: Command, computer: Callable[..., None], tmp_path: Path
) -> None:
    consent, said = asked(command, tmp_path, CONF)
    assert consent.only_greet
    assert t("vpn.only_greets") in said
    assert "--not-in-use" in said
    assert t("vpn.cuts_elsewhere") not in said
    consent, said = asked(command, tmp_path, CONF, options=("--not-in-use",))
    assert not consent.only_greet
    assert t("vpn.only_greets") not in said


@pytest.mark.parametrize(
    "answer, sent", [("s", True), ("Sí", True), ("yes", True), ("n", False), ("", False), ("quizás", False), (None, False)]
)
@pytest.mark.parametrize("words", [(), ("x",)])
def test_on_a_terminal_the_person_is_asked_and_anything_but_yes_cuts_nobody(
    answer: str | None,
    sent: bool,
    words: tuple[str, ...],
    command: Command,
    computer: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = at_the_keyboard(monkeypatch, answer)
    for up in ((), (UP,)):
        computer(*up)
        monkeypatch.setattr("sys.stdin", Screen("" if answer is None else f"{answer}\n"))
        consent, _ = asked(command, tmp_path, CONF, "vpn", str(tmp_path / "mine.conf"), *words)
        assert consent.only_greet is not sent
        assert t("vpn.ask_in_use") in read.getvalue().replace("\n", " ")


def test_nobody_is_asked_what_is_known_or_was_said(
    command: Command, computer: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = at_the_keyboard(monkeypatch, "s")
    assert asked(command, tmp_path, CONF, options=("--greet-only",))[0].only_greet
    assert not asked(command, tmp_path, CONF, options=("--not-in-use",))[0].only_greet
    assert not asked(command, tmp_path, BRIDGE)[0].only_greet
    computer(UP, addresses=frozenset({"10.66.0.7"}))
    assert asked(command, tmp_path, CONF)[0].in_use
    assert t("cli.yes_no") not in read.getvalue()


def at_the_keyboard(monkeypatch: pytest.MonkeyPatch, answer: str | None) -> Screen:
    """Let a person sit at the terminal, who answers once; return what they read."""
    read = Screen()
    monkeypatch.setattr("sys.stderr", read)
    monkeypatch.setattr("sys.stdin", Screen("" if answer is None else f"{answer}\n"))
    return read


def test_a_profile_whose_address_is_this_computers_is_only_greeted(command: Command, computer: Callable[..., None], tmp_path: Path) -> None:
    computer(UP, addresses=frozenset({"10.66.0.7"}))
    for options in ((), ("--not-in-use",)):
        consent, said = asked(command, tmp_path, CONF, options=options)
        assert (consent.in_use, consent.only_greet) == (True, True)
        assert t("vpn.cuts_elsewhere") not in said


@pytest.mark.parametrize(
    "up, doubt",
    [
        (UP, True),
        (Interface(label="wg0", kind="wireguard"), True),
        (Interface(label="tailscale0", kind="mesh"), False),
        (Interface(label="ppp0", kind="ppp"), False),
        (Interface(label="eth0", kind="physical"), False),
        (Interface(label="tun0", kind="tun", up=False), False),
        (Interface(label="utun0", kind="tun", addressed=False), False),
    ],
    ids=["a tunnel", "WireGuard", "a mesh", "a dial-up", "the line", "a tunnel that is down", "a tunnel without an address"],
)
def test_while_another_tunnel_is_up_that_may_be_the_same_the_person_has_to_say_that_it_is_not(
    up: Interface, doubt: bool, command: Command, computer: Callable[..., None], tmp_path: Path
) -> None:
    computer(up)
    consent, said = asked(command, tmp_path, CONF, "vpn", str(tmp_path / "mine.conf"), "x")
    assert (consent.in_use, consent.doubt, consent.only_greet) == (False, doubt, doubt)
    assert (t("vpn.cuts_elsewhere") in said) is not doubt
    assert asked(command, tmp_path, CONF)[0].only_greet
    assert not asked(command, tmp_path, CONF, options=("--not-in-use",))[0].only_greet


def test_greet_only_is_greet_only(command: Command, computer: Callable[..., None], tmp_path: Path) -> None:
    consent, said = asked(command, tmp_path, CONF, options=("--greet-only",))
    assert consent.only_greet
    assert t("vpn_profile.seen") in said
    assert t("vpn.cuts_elsewhere") not in said


def test_a_bridge_cuts_nobody(command: Command, computer: Callable[..., None], tmp_path: Path) -> None:
    computer(UP)
    consent, said = asked(command, tmp_path, BRIDGE)
    assert not consent.doubt
    assert t("vpn_profile.seen") in said
    assert t("vpn.cuts_elsewhere") not in said


def test_who_wants_to_read_nothing_reads_nothing(command: Command, computer: Callable[..., None], tmp_path: Path) -> None:
    assert asked(command, tmp_path, CONF, options=("--quiet",))[1] == ""


def test_a_profile_read_from_a_file_hides_its_place_and_keys() -> None:
    profile = read_profile(CONF)
    assert "192.0.2.7" not in repr(profile)
    assert "gI6EdU" not in repr(profile)


@pytest.mark.parametrize(
    "words, expected",
    [
        (("vpn", "ikev2://192.0.2.7"), ()),  # no page goes through it: services are asked for only where they are named
        (("vpn", "ikev2://192.0.2.7", "x"), ("x",)),
        (("vpn", "MINE"), ()),  # where it is only greeted, no page goes either
        (("vpn", "MINE", "--not-in-use"), ("x", "whatsapp", "telegram", "signal")),
        (("vpn", "MINE", "x"), ("x",)),
        (("check", "--light", "--vpn", "ikev2://192.0.2.7"), ("x", "whatsapp", "telegram", "signal")),
        (("vpn",), ()),
        (("vpn", "--outside"), ("x", "whatsapp", "telegram", "signal")),
    ],
)
def test_services_are_tested_where_pages_can_go(
    command: Command, computer: Callable[..., None], tmp_path: Path, words: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    computer()
    (tmp_path / "mine.conf").write_text(CONF)
    given: list[tuple[str, ...]] = []

    async def measure(order: Order, tell: Callable[[Event], None], stop: Stop) -> Report:
        del tell, stop
        given.append(tuple(service.id for service in order.plan.targets))
        return Report(run=RunFacts(id="r", started="2026-11-27T00:00:00Z"), network=NetworkVerdict())

    command(*(str(tmp_path / "mine.conf") if word == "MINE" else word for word in words), measure=measure)
    looks = [()] if words[1:] in ((), ("--outside",)) else []  # first it is seen whether a VPN is on
    assert given == [*looks, expected]
