"""The tables of what was tried, with the keyboard, for a screen reader, and for hostile reports."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QApplication, QLabel, QTableWidget, QTableWidgetItem

from app import samples
from app.settings import Settings
from app.shots import settle
from app.texts import t
from diagnostics.model import Report, Status, Workaround
from tests.ui.conftest import Open, SampleDriver


def shown(open_window: Open, report: Report | None = None, settings: Settings | None = None, *, unfolded: bool = True) -> SampleDriver:
    driver = open_window(samples.ways_round(), settings=settings)
    driver.show(report or samples.ways_round())
    driver.window.show_detail("x")
    if unfolded:
        driver.press("detail.tried")
    return driver


def table(driver: SampleDriver, name: str) -> QTableWidget:
    found = driver.shell.findChild(QTableWidget, name)
    assert isinstance(found, QTableWidget)
    return found


def cell(at: QTableWidget, row: int, column: int) -> QTableWidgetItem:
    item = at.item(row, column)
    assert item is not None
    return item


def spoken(at: QTableWidget, row: int, column: int) -> str:
    return str(cell(at, row, column).data(Qt.ItemDataRole.AccessibleTextRole))


def test_every_cell_of_the_grid_says_resolver_transport_and_outcome(open_window: Open) -> None:
    driver = shown(open_window)
    grid = table(driver, "detail.grid.names")
    said = [spoken(grid, row, column) for row in range(grid.rowCount()) for column in range(grid.columnCount())]
    assert "AdGuard, cifrada, como página, por su nombre (DoH): funciona en 1,2\u00a0s" in said
    assert "Google, segunda respuesta (UDP): 1 de 3 veces, en 0,3\u00a0s" in said
    assert "Cloudflare, cifrada, como página (DoH): no se probó" in said
    assert len(said) == 4 * 7
    assert grid.accessibleName() == "Otras guías de nombres"


def test_a_screen_reader_is_told_the_whole_cell(open_window: Open) -> None:
    driver = shown(open_window)
    listed = table(driver, "detail.list.flight")
    QAccessible.setActive(True)
    listed.setCurrentCell(0, 1)
    heard = QAccessible.queryAccessibleInterface(listed)
    names = [heard.child(number).text(QAccessible.Text.Name) for number in range(heard.childCount())]
    assert "Saludo en dos registros, partido dentro del nombre: funciona en 0,4\u00a0s" in names


def test_the_outcome_has_a_mark_and_a_word(open_window: Open) -> None:
    listed = table(shown(open_window), "detail.list.other")
    words = {cell(listed, row, 1).text() for row in range(listed.rowCount())}
    assert words >= {"No pasó", "No se sabe", "No se probó"}
    assert all(not cell(listed, row, 1).icon().isNull() for row in range(listed.rowCount()))
    assert [cell(listed, row, 0).text() for row in range(3)][1] == "warp:7"


def test_a_table_is_one_stop_of_tab_and_the_arrows_lead_through_it(open_window: Open) -> None:
    driver = shown(open_window)
    grid = table(driver, "detail.grid.names")
    grid.setFocus()
    grid.setCurrentCell(0, 0)
    driver.key(Qt.Key.Key_Right)
    driver.key(Qt.Key.Key_Down)
    assert (grid.currentRow(), grid.currentColumn()) == (1, 1)
    driver.key(Qt.Key.Key_Tab)
    assert driver.shell.focusWidget().objectName() == "detail.list.flight"
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "result"


def test_the_tables_stay_folded_until_somebody_asks_and_a_sentence_and_a_count_stand_before_them(open_window: Open) -> None:
    driver = shown(open_window, unfolded=False)
    assert driver.words("detail.filter") == t("filter.unknown")
    assert driver.words("detail.passed").startswith("Caminos probados: ")
    assert not table(driver, "detail.grid.names").isVisible()
    driver.button("detail.tried").setFocus()
    driver.key(Qt.Key.Key_Space)
    assert table(driver, "detail.grid.names").isVisible()
    driver.key(Qt.Key.Key_Tab)
    assert driver.shell.focusWidget().objectName() == "detail.grid.names"
    driver.key(Qt.Key.Key_Escape)
    driver.window.show_detail("x")
    assert not table(driver, "detail.grid.names").isVisible()


def long_names() -> Report:
    """Return the report with resolvers of long names, two of one operator."""
    known = {"quad9": "Digitale Gesellschaft", "adguard": "Cisco OpenDNS Umbrella", "quad9-unfiltered": "Digitale Gesellschaft"}
    plan = {"kind": "plan", "resolvers": [{"id": ident, "operator": operator} for ident, operator in known.items()]}
    made = samples.ways_round()
    seen = tuple(msgspec.structs.replace(o, detail=plan) if o.detail.get("kind") == "plan" else o for o in made.observations)
    more = Workaround(id="doh:quad9-unfiltered", target="x", status=Status.WORKS, seconds=0.4, tries=3, passed=3)
    return msgspec.structs.replace(made, observations=seen, workarounds=(*made.workarounds, more))


@pytest.mark.parametrize("size", [(560, 480), (760, 620)], ids=["small", "usual"])
def test_outcomes_stay_in_sight_however_long_the_names_and_large_the_text(
    open_window: Open, qapp: QApplication, size: tuple[int, int]
) -> None:
    driver = shown(open_window, long_names(), Settings(language="es", welcomed=True, text_size=200))
    driver.shell.resize(*size)
    settle(qapp)
    grid = table(driver, "detail.grid.names")
    assert 0 < grid.verticalHeader().width() <= round(0.4 * grid.width())
    assert grid.viewport().width() >= 0.55 * grid.width()
    assert grid.horizontalScrollBar().maximum() > 0
    assert grid.viewport().height() >= sum(grid.rowHeight(row) for row in range(grid.rowCount()))
    heads = [grid.verticalHeaderItem(row) for row in range(grid.rowCount())]
    assert any("\n" in head.text() for head in heads)
    assert {head.toolTip() for head in heads} >= {"Digitale Gesellschaft", "Digitale Gesellschaft, sin filtro"}


@pytest.mark.parametrize("scale", [100, 200])
def test_a_wide_grid_scrolls_inside_and_a_list_never_sideways(open_window: Open, qapp: QApplication, scale: int) -> None:
    driver = shown(open_window, settings=Settings(language="es", welcomed=True, text_size=scale))
    driver.shell.resize(560, 480)
    settle(qapp)
    grid, listed = table(driver, "detail.grid.names"), table(driver, "detail.list.flight")
    assert grid.horizontalScrollBar().maximum() > 0
    assert grid.width() <= driver.window.shell.screen_shown.width()
    assert listed.horizontalScrollBar().maximum() == 0
    assert listed.verticalScrollBar().maximum() == 0


def test_what_was_not_tried_takes_no_room(open_window: Open) -> None:
    driver = shown(open_window, samples.x_blocked(), unfolded=False)
    assert not driver.button("detail.tried").isVisible()
    assert not table(driver, "detail.grid.names").isVisible()
    only = (Workaround(id="h3", target="x", status=Status.WORKS, seconds=0.2, tries=3, passed=3),)
    driver.show(msgspec.structs.replace(samples.x_blocked(), workarounds=only))
    driver.window.show_detail("x")
    driver.press("detail.tried")
    assert driver.button("detail.tried").accessibleName() == "Qué se probó para darle la vuelta al bloqueo"
    assert not table(driver, "detail.grid.names").isVisible()
    assert table(driver, "detail.list.other").isVisible()


def test_a_strangers_ten_thousand_ways_stay_a_table_that_scrolls(open_window: Open, qapp: QApplication) -> None:
    tried = tuple(Workaround(id=f"<b>{n}</b>\n{'x' * 500}", target="x", status=Status.BLOCKED, tries=2) for n in range(10_000))
    driver = shown(open_window, msgspec.structs.replace(samples.x_blocked(), workarounds=tried))
    listed = table(driver, "detail.list.other")
    assert listed.rowCount() == 300
    settle(qapp)
    assert listed.verticalScrollBar().maximum() > 0
    assert "\n" not in cell(listed, 0, 0).text()
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in driver.window.shell.screen_shown.findChildren(QLabel))


def test_the_tables_speak_the_language_that_is_chosen_and_wear_the_theme(open_window: Open) -> None:
    driver = shown(open_window)
    driver.window.choose_language("en")
    grid = table(driver, "detail.grid.names")
    assert "Google, second answer (UDP): 1 of 3 times, in 0.3\u00a0s" in {spoken(grid, r, c) for r in range(4) for c in range(7)}
    before = cell(grid, 0, 0).icon().cacheKey()
    driver.window.choose_theme("dark")
    assert cell(grid, 0, 0).icon().cacheKey() != before
