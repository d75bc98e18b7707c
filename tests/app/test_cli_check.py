"""``check`` with an engine that pretends: exit statuses, what goes where, files, Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from app import cli, cli_check
from app.cli_check import Order, Stop, seconds_of
from app.cli_save import kinds
from app.texts import has_text, set_language
from diagnostics.errors import InputError
from diagnostics.events import Event
from diagnostics.model import Cause, Certainty, NetworkVerdict, Report, Status
from diagnostics.report.contract import load
from tests.app.cli_tools import Command, command_of, engine, finished
from tests.report import documents

OFFLINE = NetworkVerdict(status=Status.DOWN, cause=Cause.NO_INTERNET, certainty=Certainty.CERTAIN, rule="network.offline")
BLOCKED = finished(Status.BLOCKED, Status.WORKS, cause=Cause.DNS_TAMPERING)


@pytest.fixture(autouse=True)
def every_text_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(capsys)


@pytest.mark.parametrize(
    "report, status",
    [
        (finished(Status.WORKS, Status.WORKS), cli.OK),
        (finished(Status.WORKS, Status.BLOCKED), cli.NOT_ALL_WORK),
        (finished(Status.WORKS, Status.SLOW), cli.NOT_ALL_WORK),
        (finished(Status.WORKS, Status.PARTIAL), cli.NOT_ALL_WORK),
        (finished(Status.UNKNOWN), cli.NOT_ALL_WORK),
        (finished(Status.NOT_TESTED), cli.NOT_ALL_WORK),
        (finished(Status("haunted")), cli.NOT_ALL_WORK),
        (finished(), cli.NOT_ALL_WORK),
        (finished(Status.UNKNOWN, network=OFFLINE), cli.NO_INTERNET),
        (finished(Status.WORKS, cancelled=True), cli.CANCELLED),
        (finished(Status.UNKNOWN, network=OFFLINE, cancelled=True), cli.CANCELLED),
    ],
)
def test_the_exit_status_says_how_it_went(report: Report, status: int, command: Command) -> None:
    assert command("check", measure=engine(report)).status == status


def test_the_summary_says_what_is_blocked_and_what_works(command: Command) -> None:
    done = command("check", measure=engine(BLOCKED))
    assert done.out.splitlines()[0] == "X está bloqueado en tu red"
    assert "✗ X" in done.out
    assert "✓ WhatsApp" in done.out
    assert "Funciona" in done.out


def test_progress_is_told_line_by_line_where_nobody_watches(command: Command) -> None:
    done = command("check", "x", "whatsapp", measure=engine(BLOCKED))
    assert done.said[0].startswith("Probando: X")
    assert "  ✗ X" in done.err
    assert "\x1b" not in done.err + done.out


def test_the_targets_and_pages_asked_for_are_what_is_measured(command: Command) -> None:
    orders: list[Order] = []
    arguments = ["check", "x", "--quiet", "whatsapp", "--url", "example.org/a", "--timeout", "12.5", "--simulate", "open"]
    command(*arguments, measure=engine(BLOCKED, orders))
    (order,) = orders
    assert [service.id for service in order.plan.targets] == ["x", "whatsapp", "https://example.org/a"]
    assert order.plan.timeout == 12.5
    assert order.scenario is not None
    assert order.scenario.id == "open"


def test_quiet_says_nothing_at_all(command: Command) -> None:
    done = command("check", "--quiet", measure=engine(BLOCKED))
    assert (done.out, done.err, done.status) == ("", "", cli.NOT_ALL_WORK)


def test_a_report_on_standard_output_is_nothing_but_a_report(command: Command) -> None:
    done = command("check", "--json", "-", measure=engine(BLOCKED))
    assert load(done.out.encode()) == BLOCKED
    assert "X está bloqueado en tu red" in done.err


def test_quiet_and_a_report_on_standard_output_leave_standard_error_empty(command: Command) -> None:
    done = command("check", "--json", "-", "--quiet", measure=engine(BLOCKED))
    assert json.loads(done.out)["format"] == "atajo-report"
    assert done.err == ""


def test_the_report_is_written_to_a_file_without_the_person_in_it(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "informe.json"
    done = command("check", "--json", str(file), measure=engine(documents.report()))
    assert f"Informe guardado en {file}" in done.out
    assert "Quitamos del archivo: " in done.out
    assert "de tu red" in done.out
    assert documents.ROUTER not in file.read_text()
    assert [each.name for each in tmp_path.iterdir() if "informe" in each.name] == ["informe.json"]


def test_the_full_report_keeps_everything_and_is_asked_for_twice(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "informe.json"
    orders: list[Order] = []
    refused = command("check", "--json", str(file), "--full", measure=engine(documents.report(), orders))
    assert (refused.status, refused.out, file.exists(), orders) == (cli.USAGE, "", False, [])
    assert "--with-my-addresses" in refused.err
    done = command("check", "--json", str(file), "--full", "--with-my-addresses", measure=engine(documents.report()))
    assert load(file) == documents.report()
    assert "Quitamos" not in done.out


def test_the_report_is_written_as_a_page_without_the_person_in_it(command: Command, tmp_path: Path) -> None:
    page, data = tmp_path / "informe.html", tmp_path / "informe.json"
    done = command("check", "--html", str(page), "--json", str(data), measure=engine(documents.report()))
    assert "<h1>" in page.read_text()
    assert documents.ROUTER not in page.read_text() + data.read_text()
    assert f"Informe guardado en {page}" in done.out
    assert f"Informe guardado en {data}" in done.out


def test_a_page_on_standard_output_is_nothing_but_a_page(command: Command) -> None:
    done = command("check", "--html", "-", measure=engine(BLOCKED))
    assert done.out.startswith("<!")
    assert "X está bloqueado en tu red" in done.err


def test_a_folder_that_does_not_exist_is_named_as_such(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "informe.json"
    assert command("check", "--json", str(file)).err == f"No se puede guardar {file}: la carpeta no existe.\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_gets_the_report(command: Command, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert command("check", "--json", str(pipe), "--quiet", measure=engine(BLOCKED)).status == cli.NOT_ALL_WORK
        assert load(os.read(reader, 1 << 16)) == BLOCKED
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_what_was_removed_is_told_by_kind() -> None:
    set_language("es")
    assert kinds({"address": 1, "user": 2}) == "1 dirección de tu red y 2 nombres de usuario"
    assert kinds({"aura": 3}) == "3 datos personales"


def test_every_kind_of_personal_data_has_its_words() -> None:
    for kind in ("address", "resolver", "mac", "host_name", "user", "home", "network_name", "url", "secret"):
        assert has_text(f"cli.removed.{kind}")


@pytest.mark.parametrize("typed, seconds", [("1,5", 1.5), ("1.5", 1.5), ("30", 30.0)])
def test_a_time_is_written_with_a_comma_or_a_point(typed: str, seconds: float) -> None:
    assert seconds_of(typed) == seconds


@pytest.mark.parametrize("typed", ["1,5,2", "1,234.5", ","])
def test_a_time_with_thousands_is_no_time(typed: str) -> None:
    with pytest.raises(InputError):
        seconds_of(typed)


def test_a_file_that_cannot_be_written_is_noticed_before_anything_is_measured(command: Command, tmp_path: Path) -> None:
    orders: list[Order] = []
    for name in (str(tmp_path), str(tmp_path / "nowhere" / "a.json"), str(tmp_path / ("n" * 300))):
        done = command("check", "--json", name, measure=engine(BLOCKED, orders))
        assert done.status == cli.USAGE
        assert len(done.said) == 1
    assert orders == []


def test_a_pipe_or_device_is_written_to_and_never_replaced(command: Command, tmp_path: Path) -> None:
    if not Path("/dev/null").is_char_device():
        pytest.skip("no /dev/null here")
    assert command("check", "--json", "/dev/null", measure=engine(BLOCKED)).status == cli.NOT_ALL_WORK
    assert Path("/dev/null").is_char_device()
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    link.symlink_to(real)
    command("check", "--json", str(link), measure=engine(BLOCKED))
    assert link.is_symlink()
    assert load(real) == BLOCKED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_ctrl_c_ends_the_run_and_the_partial_report_is_written(number: int, command: Command, tmp_path: Path) -> None:
    class Hanging:
        """A run that only ends when it is cancelled."""

        def __init__(self) -> None:
            self.cancelled = asyncio.Event()

        def cancel(self) -> None:
            self.cancelled.set()

    async def measure(_order: Order, _tell: Callable[[Event], None], stop: Stop) -> Report:
        run = Hanging()
        stop.attach(run)
        signal.raise_signal(number)
        await run.cancelled.wait()
        return finished(Status.NOT_TESTED, cancelled=True)

    file, before = tmp_path / "partial.json", signal.getsignal(signal.SIGINT)
    done = command("check", "--json", str(file), measure=measure)
    assert done.status == cli.CANCELLED
    assert load(file).run.cancelled
    assert signal.getsignal(signal.SIGINT) is before


def test_pressing_twice_quickly_still_writes_the_partial_report(command: Command, tmp_path: Path) -> None:
    async def measure(_order: Order, _tell: Callable[[Event], None], _stop: Stop) -> Report:
        for _ in range(5):
            signal.raise_signal(signal.SIGINT)
        return finished(Status.NOT_TESTED, cancelled=True)

    file = tmp_path / "partial.json"
    done = command("check", "--json", str(file), measure=measure)
    assert done.status == cli.CANCELLED
    assert load(file).run.cancelled
    assert "Informe guardado" in done.out


def test_the_report_is_saved_before_the_summary_is_written(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(cli_check, "write_summary", impatient)
    file = tmp_path / "informe.json"
    assert command("check", "--json", str(file), measure=engine(BLOCKED)).status == cli.CANCELLED
    assert load(file) == BLOCKED


def test_a_report_that_cannot_be_saved_does_not_cost_the_summary(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    folder.mkdir()

    async def measure(_order: Order, _tell: Callable[[Event], None], _stop: Stop) -> Report:
        folder.rmdir()
        folder.touch()
        return BLOCKED

    done = command("check", "--json", str(folder / "informe.json"), measure=measure)
    assert done.status == cli.USAGE
    assert "X está bloqueado en tu red" in done.out
    assert "No se puede guardar" in done.err


@pytest.mark.parametrize(
    "moments, ends", [([0, 0.1, 0.2, 1.9], False), ([0, 2.5], False), ([0, 0.1, 2.0], True), ([0, 0.1, 0.2, 0.3, 2.1], True)]
)
def test_the_third_press_ends_the_program_once_the_first_was_long_ago(moments: list[float], ends: bool) -> None:
    now = [0.0]
    with Stop(clock=lambda: now[0]) as stop:
        for now[0] in moments[:-1]:
            signal.raise_signal(signal.SIGINT)
        now[0] = moments[-1]
        with pytest.raises(KeyboardInterrupt) if ends else contextlib.nullcontext():
            signal.raise_signal(signal.SIGINT)
        assert stop.asked


def test_a_stop_before_the_run_began_cancels_it_at_once() -> None:
    class Run:
        cancelled = False

        def cancel(self) -> None:
            self.cancelled = True

    async def attach() -> bool:
        run = Run()
        with Stop() as stop:
            signal.raise_signal(signal.SIGINT)
            stop.attach(run)
        return run.cancelled

    assert asyncio.run(attach())


def test_a_proxy_that_is_off_makes_no_service_look_bad_while_it_is_tested(command: Command) -> None:
    done = command("proxy", "socks5h://127.0.0.1:9", "x", "--simulate", "open")
    assert done.status == cli.NOT_ALL_WORK
    assert "El proxy está apagado" in done.out
    assert "X: " not in done.err + done.out


def test_a_list_that_leads_into_ones_own_network_is_asked_about_first(command: Command, tmp_path: Path) -> None:
    listed = tmp_path / "proxies.txt"
    listed.write_text("socks5h://104.200.0.7:1080\nhttp://192.168.1.1:3128\n", encoding="utf-8")
    done = command("check", "x", "--proxy", f"@{listed}")
    assert (done.status, done.out) == (cli.USAGE, "")
    assert "de esta computadora o de tu red" in done.err
