"""Very many pages at once: pasted or opened as a list, run, and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit

from app import samples
from diagnostics.events import RunStarted, TargetJudged
from diagnostics.model import Report, Status, Verdict
from tests.ui.conftest import Open, SampleDriver
from ui.backend import SitesRead
from ui.screens.home import MAX_PAGES
from ui.target_list import MANY, TargetList

LONG = [f"https://s{number}.example/" for number in range(MANY + 10)]


def of_many() -> Report:
    """Return a report of more targets than there is room for cards: two blocked, one unknown, the others fine."""
    verdicts = [Verdict(target=url, status=Status.WORKS, rule="http.page") for url in LONG]
    for number, status in ((7, Status.BLOCKED), (20, Status.BLOCKED), (30, Status.UNKNOWN)):
        verdicts[number] = Verdict(target=LONG[number], status=status)
    return msgspec.structs.replace(samples.all_works(), verdicts=tuple(verdicts))


def listed(driver: SampleDriver, name: str) -> TargetList:
    found = driver.window.shell.findChild(TargetList, name)
    assert found is not None
    assert found.isVisible()
    return found


def paste(driver: SampleDriver, text: str) -> None:
    field = driver.window.shell.findChild(QLineEdit, "home.field")
    assert field is not None
    QGuiApplication.clipboard().setText(text)
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)


# --- bringing a list ---------------------------------------------------------------------------------


def test_a_pasted_list_is_one_tile_and_says_what_it_holds_what_was_wrong_and_what_it_costs(open_window: Open) -> None:
    driver = open_window(samples.all_works())
    paste(driver, "\n".join([*LONG, "no es nada", LONG[0]]))
    assert driver.button("home.list").accessibleName() == f"Lista: {len(LONG)} páginas"
    note = driver.words("home.list.note")
    assert f"En la lista hay {len(LONG)} páginas. Una estaba repetida. Línea {len(LONG) + 1}: «no es nada»" in note
    assert "MB" in note
    driver.press("home.go")
    assert driver.backend.wanted[1] == tuple(LONG)


def test_a_list_that_is_not_ticked_is_not_tested(open_window: Open) -> None:
    driver = open_window(samples.all_works())
    paste(driver, "\n".join(LONG))
    driver.press("home.list")
    assert "MB" not in driver.words("home.list.note")
    driver.press("home.go")
    assert driver.backend.wanted[1] == ()


def test_few_pasted_lines_get_a_tile_each_and_one_more_than_there_are_tiles_becomes_a_list(open_window: Open) -> None:
    driver = open_window(samples.all_works())
    paste(driver, "\n".join(LONG[:MAX_PAGES]))
    assert driver.button(f"home.page.{MAX_PAGES}").isChecked()
    assert not driver.button("home.list").isVisible()
    driver.type("home.field", LONG[MAX_PAGES])
    driver.press("home.add")
    assert driver.button("home.list").accessibleName() == "Lista: una página"
    driver.press("home.go")
    assert driver.backend.wanted[1] == tuple(LONG[: MAX_PAGES + 1])


def test_one_pasted_line_stays_in_the_field(open_window: Open) -> None:
    driver = open_window(samples.all_works())
    paste(driver, "ejemplo.com")
    field = driver.window.shell.findChild(QLineEdit, "home.field")
    assert field is not None
    assert field.text() == "ejemplo.com"


def test_a_file_is_opened_as_a_list_and_one_that_cannot_be_read_is_said(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = open_window(samples.all_works())
    file = tmp_path / "lista.csv"
    file.write_text("url,category\n" + "".join(f"{url},NEWS\n" for url in LONG))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    driver.press("home.list.open")
    assert driver.button("home.list").accessibleName() == f"Lista: {len(LONG)} páginas"

    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile(str(tmp_path / "nada.txt"))])
    action, button, key = Qt.DropAction.CopyAction, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    driver.window.screens.home.dropEvent(QDropEvent(QPointF(5, 5), action, dropped, button, key))
    assert "nada.txt" in driver.words("home.list.note")
    assert driver.button("home.list").accessibleName() == f"Lista: {len(LONG)} páginas"


def test_the_test_waits_for_a_list_that_is_still_being_read_and_does_not_begin_for_one_that_holds_nothing(
    open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = open_window(samples.all_works())
    waiting: list[Callable[[SitesRead], None]] = []
    monkeypatch.setattr(driver.backend, "read_sites", lambda _source, done: waiting.append(done))
    paste(driver, "\n".join(LONG))
    driver.press("home.go")
    assert driver.backend.runs == 0
    waiting.pop()(SitesRead(notes=("Nada.",)))
    assert driver.backend.runs == 0
    paste(driver, "\n".join(LONG))
    driver.press("home.go")
    waiting.pop()(SitesRead(urls=tuple(LONG)))
    assert driver.backend.runs == 1
    assert driver.backend.wanted[1] == tuple(LONG)


# --- reading the outcome -----------------------------------------------------------------------------


def test_the_worst_of_many_come_first_and_the_list_can_be_narrowed(open_window: Open) -> None:
    driver = open_window(of_many())
    driver.show(of_many())
    shown = listed(driver, "result.list")
    assert list(shown.rows.targets[:3]) == [LONG[7], LONG[20], LONG[30]]
    assert driver.button("result.only.bad").accessibleName() == "Con problemas (2)"
    driver.press("result.only.bad")
    assert list(shown.rows.targets) == [LONG[7], LONG[20]]
    driver.press("result.only.works")
    assert len(shown.rows.targets) == len(LONG) - 3


def test_a_row_says_name_status_and_reason_to_a_screen_reader_and_leads_to_its_detail_and_back(open_window: Open) -> None:
    driver = open_window(of_many())
    driver.show(of_many())
    shown = listed(driver, "result.list")
    spoken = shown.rows.data(shown.rows.index(0), Qt.ItemDataRole.AccessibleTextRole)
    assert str(spoken).startswith(f"{LONG[7]}. Bloqueado.")
    shown.setFocus()
    QTest.keyClick(shown, Qt.Key.Key_Down)
    QTest.keyClick(shown, Qt.Key.Key_Return)
    assert driver.screen == "detail"
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "result"
    assert QApplication.focusWidget() is shown
    assert shown.rows.targets[shown.currentIndex().row()] == LONG[20]


def test_few_targets_after_many_are_cards_again(open_window: Open) -> None:
    driver = open_window(of_many())
    driver.show(of_many())
    driver.show(samples.x_blocked())
    found = driver.window.shell.findChild(TargetList, "result.list")
    assert found is not None
    assert not found.isVisible()
    assert found.rows.rowCount() == 0, "a screen reader may look at what is hidden"
    assert not driver.button("result.only.all").isVisible()
    assert driver.button("result.action.x").isVisible()


def test_a_run_of_many_lists_what_does_not_simply_work_and_counts_it(open_window: Open) -> None:
    driver = open_window(of_many())
    driver.window.start([], LONG)
    first = TargetJudged(verdicts=(Verdict(target=LONG[7], status=Status.BLOCKED),))
    driver.backend.play([RunStarted(targets=tuple(LONG)), TargetJudged(verdicts=(Verdict(target=LONG[1], status=Status.WORKS),))])
    shown = listed(driver, "run.list")
    assert list(shown.rows.targets) == []
    assert driver.words("run.lead").startswith("Hasta ahora, nada raro")
    driver.backend.play([first])
    assert list(shown.rows.targets) == [LONG[7]]
    assert shown.rows.row(shown.rows.index(0)).word == "Por ahora: bloqueado"
    assert driver.words("run.lead") == "Hasta ahora, una página o servicio tiene algún problema."


def test_the_list_of_a_run_speaks_the_language_that_is_chosen_meanwhile(open_window: Open) -> None:
    driver = open_window(of_many())
    driver.window.start([], LONG)
    driver.backend.play([RunStarted(targets=tuple(LONG)), TargetJudged(verdicts=(Verdict(target=LONG[7], status=Status.BLOCKED),))])
    shown = listed(driver, "run.list")
    assert shown.rows.row(shown.rows.index(0)).word == "Por ahora: bloqueado"
    driver.window.choose_language("en")
    assert shown.rows.row(shown.rows.index(0)).word == "So far: blocked"


def test_a_verdict_that_becomes_another_one_is_renewed_in_the_list(open_window: Open) -> None:
    driver = open_window(of_many())
    driver.window.start([], LONG)
    driver.backend.play([RunStarted(targets=tuple(LONG))])
    driver.backend.play([TargetJudged(verdicts=(Verdict(target=LONG[3], status=Status.LIKELY_BLOCKED),))])
    shown = listed(driver, "run.list")
    assert shown.rows.row(shown.rows.index(0)).word == "Por ahora: parece bloqueado"
    driver.backend.play([TargetJudged(verdicts=(Verdict(target=LONG[3], status=Status.WORKS),))])
    assert shown.rows.row(shown.rows.index(0)).word == "Por ahora: funciona"
