"""``check`` with an engine that pretends: exit statuses, what goes where, files, Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from app import cli
from app.cli_check import Order, Stop
from diagnostics.model import Cause, Certainty, Event, NetworkVerdict, Report, Status
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
    assert "datos personales" in done.out
    assert documents.ROUTER not in file.read_text()
    assert [each.name for each in tmp_path.iterdir() if "informe" in each.name] == ["informe.json"]


def test_the_full_report_keeps_everything(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "informe.json"
    done = command("check", "--json", str(file), "--full", measure=engine(documents.report()))
    assert load(file) == documents.report()
    assert "datos personales" not in done.out


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

    file = tmp_path / "partial.json"
    done = command("check", "--json", str(file), measure=measure)
    assert done.status == cli.CANCELLED
    assert load(file).run.cancelled
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_ctrl_c_ends_the_program(command: Command) -> None:
    async def measure(_order: Order, _tell: Callable[[Event], None], _stop: Stop) -> Report:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()
        raise AssertionError

    assert command("check", measure=measure).status == cli.CANCELLED


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


# --- explain and export ---------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    from diagnostics.report.contract import dump

    path = tmp_path / "saved.json"
    path.write_bytes(dump(documents.report()))
    return path


def test_explain_works_the_result_out_again_and_names_rules_and_observations(command: Command, saved: Path) -> None:
    done = command("explain", str(saved))
    assert (done.status, done.err) == (cli.OK, "")
    assert "es el mismo" in done.out
    assert f"[{documents.report().verdicts[0].rule}]" in done.out


def test_explain_notices_a_verdict_that_was_changed_by_hand(command: Command, saved: Path) -> None:
    document = json.loads(saved.read_text())
    document["verdicts"][0] |= {"status": "works", "cause": None, "rule": "made.up"}
    saved.write_text(json.dumps(document))
    done = command("explain", str(saved))
    assert done.status == cli.OK
    assert "es el mismo" not in done.out
    assert "made.up" in done.out


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 10_000, b'{"format": "atajo-report", "version": 9}', b"\xff\xfe", b"null"])
@pytest.mark.parametrize("name", ["explain", "export"])
def test_a_bad_report_is_one_sentence(name: str, content: bytes, command: Command, saved: Path, tmp_path: Path) -> None:
    saved.write_bytes(content)
    arguments = ["--html", str(tmp_path / "page.html")] if name == "export" else []
    done = command(name, str(saved), *arguments)
    assert (done.status, done.out, len(done.said)) == (cli.USAGE, "", 1)
    assert not (tmp_path / "page.html").exists()


def test_escape_sequences_of_a_stranger_do_not_reach_the_terminal(command: Command, saved: Path) -> None:
    text = saved.read_text().replace("x.com", r"\u001b]0;owned\u0007\u202e")
    saved.write_text(text)
    done = command("explain", str(saved))
    assert done.status in (cli.OK, cli.USAGE)
    assert not [c for c in done.out + done.err if c in "\x1b\x07\u202e"]


def test_export_writes_a_page_without_the_person_in_it(command: Command, saved: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = command("export", str(saved), "--html", str(page))
    assert done.status == cli.OK
    assert "datos personales" in done.err
    assert "<h1>" in page.read_text()
    assert documents.ROUTER not in page.read_text()


def test_the_full_export_asks_a_second_time(command: Command, saved: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = command("export", str(saved), "--html", str(page), "--full")
    assert (done.status, page.exists()) == (cli.USAGE, False)
    assert "--with-my-addresses" in done.err
    assert command("export", str(saved), "--html", str(page), "--full", "--with-my-addresses").status == cli.OK
    assert documents.ROUTER in page.read_text()


def test_export_writes_a_report_to_standard_output(command: Command, saved: Path) -> None:
    done = command("export", str(saved), "--json", "-")
    assert documents.ROUTER not in done.out
    assert load(done.out.encode()).run == documents.report().run
