"""The window on the real engine, against simulated networks: the product's main sentence, end to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from app.backend import AppBackend
from app.cli import main
from app.settings import SettingsStore
from app.texts import set_language
from diagnostics.model import Cause, Report, Status
from diagnostics.report.bundle import read_bundle
from diagnostics.report.contract import load
from diagnostics.sim.scenario import find_scenario
from tests.ui.conftest import Driver
from ui.flow import Window

PATIENCE = 30_000
"""Milliseconds; a run takes one or two seconds, a busy machine more."""

OpenReal = Callable[[str], Driver[AppBackend]]


@pytest.fixture
def open_real(qapp: QApplication) -> Iterator[OpenReal]:
    """Return a function that opens the window on the simulated network of a scenario."""
    opened: list[Window] = []

    def open_it(scenario: str) -> Driver[AppBackend]:
        store = SettingsStore()
        store.change(language="es", welcomed=True)
        backend = AppBackend(store, find_scenario(scenario))
        window = Window(qapp, backend)
        opened.append(window)
        window.shell.show()
        return Driver(window, backend)

    yield open_it
    for window in opened:
        window.shell.close()
        window.shell.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    set_language("es")


def finish(qtbot: QtBot, driver: Driver[AppBackend]) -> None:
    """Press the button and wait for the outcome."""
    qtbot.waitUntil(lambda: bool(driver.window.shell.findChild(QLabel, "home.title")))
    qtbot.waitUntil(lambda: driver.window.services_shown, timeout=PATIENCE)
    driver.press("home.go")
    qtbot.waitUntil(lambda: driver.screen in ("result", "fail"), timeout=PATIENCE)


def says(driver: Driver[AppBackend], name: str, part: str) -> bool:
    return part in driver.words(name)


def test_the_venezuelan_block_of_2024_is_told_in_one_sentence(qtbot: QtBot, open_real: OpenReal) -> None:
    driver = open_real("ve-2024-08")
    assert "Simulación" in driver.shell.windowTitle()
    finish(qtbot, driver)
    assert driver.words("result.title") == "X está bloqueado en tu red"
    assert driver.words("result.lead").startswith("WhatsApp, Telegram, Signal y el resto de tu Internet funcionan.")
    report = driver.window.report()
    assert report is not None
    verdict = report.of_target("x")
    assert verdict is not None
    assert (verdict.status, verdict.cause) == (Status.BLOCKED, Cause.DNS_TAMPERING)
    assert report.run.simulated == "ve-2024-08"


def test_from_the_block_to_the_advice_and_to_a_saved_report(qtbot: QtBot, open_real: OpenReal, tmp_path: Path) -> None:
    driver = open_real("ve-2024-08")
    finish(qtbot, driver)
    driver.press("result.primary")
    assert driver.screen == "todo"
    assert driver.words("todo.risk.1").startswith("Riesgo: ")
    driver.press("todo.save")
    for kind, ending in (("data", ".json"), ("page", ".html"), ("paper", ".pdf"), ("support", ".zip")):
        driver.press(f"save.kind.{kind}")
        driver.type("save.folder", str(tmp_path / "informes"))
        driver.press("save.go")
        qtbot.waitUntil(partial(says, driver, "save.where", ending), timeout=PATIENCE)
    written = sorted((tmp_path / "informes").iterdir(), key=lambda path: path.suffix)
    assert [path.suffix for path in written] == [".html", ".json", ".pdf", ".zip"]
    assert written[2].read_bytes().startswith(b"%PDF-")
    assert read_bundle(written[3]).report == load(written[1])
    assert "X está bloqueado en tu red" in written[0].read_text(encoding="utf-8")
    report = load(written[1]).of_target("x")
    assert report is not None
    assert report.status is Status.BLOCKED


def test_one_service_is_measured_again_by_itself_and_its_report_is_its_own(qtbot: QtBot, open_real: OpenReal) -> None:
    driver = open_real("ve-2024-08")
    finish(qtbot, driver)
    first = driver.window.report()
    driver.press("result.primary")
    driver.press("todo.recheck.1")
    qtbot.waitUntil(lambda: not driver.window.todo.checking, timeout=PATIENCE)
    assert driver.screen == "todo"
    news = driver.words("todo.news.1") or driver.words("todo.notice")  # above the cards when the tips are others now
    assert news.startswith("X sigue así: ")
    newer = driver.window.todo.rechecks["x"].report
    assert {v.target for v in newer.verdicts if v.function is None and not v.target.startswith("resolver:")} == {"x"}
    assert driver.window.report() is first


def test_measuring_again_can_be_stopped_and_a_whole_run_follows(qtbot: QtBot, open_real: OpenReal) -> None:
    driver = open_real("ve-2024-08")
    finish(qtbot, driver)
    driver.press("result.primary")
    driver.press("todo.recheck.1")
    driver.press("todo.stop.1")
    assert driver.words("todo.notice") == "Detenido. Lo que ya sabíamos sigue igual."
    driver.press("todo.again")
    qtbot.waitUntil(lambda: driver.screen == "result", timeout=PATIENCE)
    assert driver.words("result.title") == "X está bloqueado en tu red"
    assert driver.window.todo.rechecks == {}


def test_a_folder_that_cannot_be_written_is_a_sentence(
    qtbot: QtBot, open_real: OpenReal, tmp_path: Path, only_expected_warnings: list[str]
) -> None:
    driver = open_real("ve-2024-08")
    finish(qtbot, driver)
    driver.press("result.save")
    (tmp_path / "file").write_text("")
    driver.type("save.folder", str(tmp_path / "file" / "below"))
    driver.press("save.go")
    qtbot.waitUntil(lambda: driver.words("save.outcome") == "No se pudo guardar", timeout=PATIENCE)
    only_expected_warnings.append("report not saved: NotADirectoryError")


def test_stop_answers_before_the_engine_has_stopped_and_keeps_what_is_known(qtbot: QtBot, open_real: OpenReal) -> None:
    driver = open_real("ve-2025-01")
    qtbot.waitUntil(lambda: driver.window.services_shown, timeout=PATIENCE)
    driver.press("home.go")
    qtbot.waitUntil(lambda: driver.window.state is not None and driver.window.state.knows_anything, timeout=PATIENCE)
    driver.press("run.stop")
    assert driver.screen == "result", "the press itself shows the result; how fast is in the benchmark"
    assert "Detenido. Guardamos lo que ya sabíamos." in driver.words("result.lead")
    qtbot.waitUntil(lambda: driver.window.state is not None and driver.window.state.whole is not None, timeout=PATIENCE)
    report = driver.window.report()
    assert report is not None
    assert report.run.cancelled
    assert report.observations
    assert "Detenido. Guardamos lo que ya sabíamos." in driver.words("result.lead")


@pytest.mark.parametrize(
    "scenario, title",
    [
        ("offline", "No hay Internet"),
        ("captive-portal", "Este Wi-Fi pide que entres primero"),
        ("wrong-clock", "La fecha de esta computadora está mal"),
    ],
)
def test_a_fault_of_the_line_is_said_and_nobody_is_accused(qtbot: QtBot, open_real: OpenReal, scenario: str, title: str) -> None:
    driver = open_real(scenario)
    finish(qtbot, driver)
    assert driver.screen == "fail"
    assert driver.words("fail.title") == title


def test_an_open_network_works_and_says_so(qtbot: QtBot, open_real: OpenReal) -> None:
    driver = open_real("open")
    finish(qtbot, driver)
    assert driver.words("result.title") == "Todo funciona"


def test_the_window_keeps_moving_while_the_engine_measures(qtbot: QtBot, open_real: OpenReal) -> None:
    driver = open_real("open")
    qtbot.waitUntil(lambda: driver.window.services_shown, timeout=PATIENCE)
    ticks: list[str] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(driver.screen))
    timer.start(5)
    driver.press("home.go")
    qtbot.waitUntil(lambda: driver.screen == "result", timeout=PATIENCE)
    timer.stop()
    assert ticks.count("run") >= 10, "the window had turns of its own while the engine measured; the benchmark has the gaps"


def test_closing_in_the_middle_of_a_run_ends_it(qtbot: QtBot, open_real: OpenReal) -> None:
    driver = open_real("ve-2025-01")
    qtbot.waitUntil(lambda: driver.window.services_shown, timeout=PATIENCE)
    driver.press("home.go")
    qtbot.waitUntil(lambda: driver.window.state is not None and driver.window.state.knows_anything, timeout=PATIENCE)
    driver.shell.close()
    assert not any(thread.name == "atajo-engine" for thread in threading.enumerate())


def shape(report: Report) -> dict[str, object]:
    """Return what a report is made of, without what two runs of the same never share: times, ids and addresses."""
    return {
        "targets": sorted({verdict.target for verdict in report.verdicts}),
        "routes": [(route.id, route.kind, route.status, route.rule) for route in report.routes],
        "network": (report.network.status, report.network.cause, report.network.vpn.state),
        "checks": [(check.check, check.status, check.cause, check.rule) for check in report.network.vpn.checks],
        "tips": [tip.id for tip in report.tips],
        "steps": sorted({(str(o.step), str(o.detail.get("kind") or o.detail.get("stage") or "")) for o in report.observations}),
        "simulated": report.run.simulated,
    }


def test_a_check_of_the_vpn_is_saved_as_the_document_that_the_terminal_writes(
    qtbot: QtBot, open_real: OpenReal, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    driver = open_real("ve-2024-08")
    qtbot.waitUntil(lambda: driver.window.services_shown, timeout=PATIENCE)
    driver.window.vpn.show()
    driver.press("vpn.go")
    qtbot.waitUntil(lambda: not driver.window.vpn.busy, timeout=PATIENCE)
    driver.press("vpn.save")
    driver.press("save.kind.data")
    driver.type("save.folder", str(tmp_path))
    driver.press("save.go")
    qtbot.waitUntil(lambda: bool(list(tmp_path.glob("*.json"))), timeout=PATIENCE)
    ours = load(next(tmp_path.glob("*.json")).read_bytes())
    main(["vpn", "--simulate", "ve-2024-08", "--json", "-", "--quiet"])
    assert shape(ours) == shape(load(capfd.readouterr().out.encode()))
