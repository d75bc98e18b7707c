"""OpenVPN profiles in the terminal: who logs in when, what is asked on it, and the exit status of what carries no pages."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import msgspec
import pytest

from app.cli_check import Order
from app.cli_vpn import vpn_plan
from diagnostics.errors import InputError
from diagnostics.model import Certainty, Report, RouteVerdict, Status, Verdict
from diagnostics.vpn.openvpn.profile import OpenVpnProfile
from tests.app.cli_tools import Command, Screen, command_of, engine, finished
from tests.vpn.openvpn.server import profile_text

ROUTE = "openvpn-1234"


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(capsys)


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "trabajo.ovpn"
    path.write_text(profile_text(1194, "auth-user-pass", "up /bin/touch"))
    return path


def report_of(status: Status, *others: Status) -> Report:
    """Return a report of a profile with a status, and of services that were tested beside it."""
    base = finished(*others)
    route = RouteVerdict(id=ROUTE, kind="openvpn", label=ROUTE, status=status, certainty=Certainty.LIKELY, rule="vpn.server_proven")
    over = Verdict(target="x", route=ROUTE, status=Status.NOT_TESTED, rule="vpn.carries_no_pages")
    return msgspec.structs.replace(base, routes=(route,), verdicts=(*base.verdicts, over))


def asked_of(orders: list[Order]) -> tuple[bool, str, str]:
    """Return whether to log in, and with what."""
    plan = orders[0].plan.vpn
    (found,) = plan.profiles
    assert isinstance(found, OpenVpnProfile)
    return plan.consent.login, found.user.reveal(), found.password.reveal()


def test_without_the_option_nobody_logs_in(command: Command, profile: Path) -> None:
    orders: list[Order] = []
    outcome = command("vpn", str(profile), measure=engine(report_of(Status.WORKS), orders))
    assert (outcome.status, asked_of(orders)) == (0, (False, "", ""))
    assert "no las páginas" in outcome.out + outcome.err
    assert "No las ejecutamos" in outcome.out + outcome.err


def test_name_and_password_come_from_a_file_of_two_lines(command: Command, profile: Path, tmp_path: Path) -> None:
    orders: list[Order] = []
    login = tmp_path / "login.txt"
    login.write_bytes("\ufeffana\r\n una clave \r\n".encode())
    command("vpn", str(profile), "--login-file", str(login), measure=engine(report_of(Status.WORKS), orders))
    assert asked_of(orders) == (True, "ana", " una clave ")


def test_they_are_asked_for_where_somebody_looks_on(command: Command, profile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Order] = []
    screen = Screen("ana\n")
    monkeypatch.setattr("sys.stdin", screen)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "una-clave")
    outcome = command("vpn", str(profile), "--login", measure=engine(report_of(Status.WORKS), orders))
    assert asked_of(orders) == (True, "ana", "una-clave")
    assert "una-clave" not in outcome.out + outcome.err


def test_where_nobody_can_be_asked_that_is_a_usage_error(command: Command, profile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    outcome = command("vpn", str(profile), "--login", measure=engine(report_of(Status.WORKS)))
    assert (outcome.status, "--login-file" in outcome.err) == (2, True)


@pytest.mark.parametrize("text", ["", "ana\n", "\nclave\n", "a" * 200 + "\nclave\n"])
def test_a_file_that_holds_no_login_is_a_usage_error(text: str, command: Command, profile: Path, tmp_path: Path) -> None:
    login = tmp_path / "login.txt"
    login.write_text(text)
    outcome = command("vpn", str(profile), "--login-file", str(login), measure=engine(report_of(Status.WORKS)))
    assert (outcome.status, "Usuario y clave" in outcome.err) == (2, True)
    assert "aaaa" not in outcome.err
    assert command("vpn", str(profile), "--login-file", str(tmp_path / "none"), measure=engine(report_of(Status.WORKS))).status == 2


def test_one_login_is_never_given_to_several_profiles(profile: Path, tmp_path: Path) -> None:
    login = tmp_path / "login.txt"
    login.write_text("ana\nuna-clave\n")
    options = argparse.Namespace(vpn=[str(profile), str(profile)], login_file=str(login))
    with pytest.raises(InputError, match=r"error\.login_one_profile"):
        vpn_plan(options)
    alone = vpn_plan(argparse.Namespace(vpn=[str(profile)], login_file=str(login)))
    assert alone.consent.login
    assert len(vpn_plan(argparse.Namespace(vpn=[str(profile), str(profile)])).profiles) == 2


def test_a_login_file_that_the_profile_names_is_not_opened(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine bank.example\nsecreto\n")
    path = tmp_path / "casa.ovpn"
    path.write_text(profile_text(1194, "auth-user-pass .netrc"))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert command("vpn", str(path), "--login", measure=engine(report_of(Status.WORKS))).status == 2
    orders: list[Order] = []
    outcome = command("vpn", str(path), measure=engine(report_of(Status.WORKS), orders))
    assert asked_of(orders) == (False, "", "")
    assert "«.netrc»" in outcome.out + outcome.err


def test_a_profile_of_another_kind_has_no_login(command: Command, tmp_path: Path) -> None:
    bridge = tmp_path / "bridge.txt"
    bridge.write_text(f"Bridge 192.0.2.1:443 {'A' * 40}\n")
    outcome = command("vpn", str(bridge), "--login", measure=engine(report_of(Status.WORKS)))
    assert (outcome.status, "OpenVPN" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    "words, report, status",
    [
        (("vpn",), report_of(Status.WORKS), 0),
        (("vpn",), report_of(Status.PARTIAL), 1),
        (("vpn",), report_of(Status.UNKNOWN), 1),
        (("check", "x", "--vpn"), report_of(Status.WORKS, Status.WORKS), 0),
        (("check", "x", "--vpn"), report_of(Status.WORKS, Status.BLOCKED), 1),
        (("check", "x", "--vpn"), report_of(Status.DOWN, Status.WORKS), 1),
    ],
)
def test_what_carries_no_pages_counts_by_itself(
    words: tuple[str, ...], report: Report, status: int, command: Command, profile: Path
) -> None:
    outcome = command(*words, str(profile), measure=engine(report))
    assert outcome.status == status
    assert "no las páginas" in outcome.out + outcome.err
