"""Every screen, in both languages, at 100 and 200 %, small and usual: named, in order, nothing clipped."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget

from app import samples
from app.settings import TEXT_SIZES, Settings
from app.shots import every_screen, settle
from app.texts import LANGUAGES
from tests.ui.accessible import clipped, focusable, nameless, spoken_name, tab_order
from tests.ui.conftest import Open
from ui.a11y import in_reading_order
from ui.screen import Screen
from ui.widgets import Card

SIZES = [(560, 480), (760, 620)]


@pytest.mark.parametrize("size", SIZES, ids=["small", "usual"])
@pytest.mark.parametrize("language, scale", list(itertools.product(LANGUAGES, (100, 200))))
def test_every_screen_is_named_and_nothing_is_clipped(qapp: QApplication, language: str, scale: int, size: tuple[int, int]) -> None:
    wrong: dict[str, list[str]] = {}
    for name, window in every_screen(qapp, Settings(language=language, text_size=scale, welcomed=True)):
        window.shell.resize(*size)
        settle(qapp)
        found = nameless(window.shell) + clipped(window.shell)
        if found:
            wrong[name] = found
    assert wrong == {}


def test_texts_of_double_length_are_not_clipped_in_the_smallest_window(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_PSEUDO", "200")
    wrong: dict[str, list[str]] = {}
    for name, window in every_screen(qapp, Settings(language="es", welcomed=True)):
        window.shell.resize(*SIZES[0])
        settle(qapp)
        if found := clipped(window.shell):
            wrong[name] = found
    assert wrong == {}


@pytest.mark.parametrize("size", SIZES, ids=["small", "usual"])
def test_a_mirrored_window_is_not_clipped_either(qapp: QApplication, size: tuple[int, int]) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    wrong: dict[str, list[str]] = {}
    try:
        for name, window in every_screen(qapp, Settings(language="es", text_size=150, welcomed=True)):
            window.shell.resize(*size)
            settle(qapp)
            if found := clipped(window.shell):
                wrong[name] = found
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    assert wrong == {}


def _verdict(screen: Screen) -> QWidget:
    """Return what a screen about VPNs says first: a warning, a card, or the sentence below its title."""
    warnings = [screen.findChild(QLabel, name) for name in ("vpn.finding", "vpn_watch.before")]
    cards = [card.name for card in screen.findChildren(Card) if card.isVisible() and screen.name != "vpn"]
    return next((each for each in (*warnings, *cards) if each is not None and each.isVisible()), screen.lead)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_came_out_and_what_to_do_next_are_seen_without_scrolling_in_the_smallest_window(qapp: QApplication, language: str) -> None:
    wrong: dict[str, list[str]] = {}
    for name, window in every_screen(qapp, Settings(language=language, text_size=200, welcomed=True)):
        window.shell.resize(*SIZES[0])
        settle(qapp)
        screen = window.shell.screen_shown
        if screen.name not in ("vpn", "vpn_profile", "vpn_watch"):
            continue
        screen.scroll_up()
        wanted = [_verdict(screen), *([screen.primary] if screen.primary is not None else [])]
        hidden = [each.objectName() or type(each).__name__ for each in wanted if each.visibleRegion().boundingRect() != each.rect()]
        if hidden:
            wrong[name] = hidden
    assert wrong == {}


@pytest.mark.parametrize("scale", [100, 200])
def test_tab_visits_everything_in_the_order_in_which_it_is_read(qapp: QApplication, scale: int) -> None:
    wrong: dict[str, tuple[list[str], list[str]]] = {}
    for name, window in every_screen(qapp, Settings(language="es", text_size=scale, welcomed=True)):
        window.shell.activateWindow()
        QTest.qWaitForWindowActive(window.shell)
        reachable = focusable(window.shell)
        read = [each.objectName() for each in in_reading_order(window.shell.centralWidget()) if each in reachable]
        start = next(each for each in reachable if each.objectName() == read[0])
        start.setFocus()
        visited = tab_order()
        if visited != read or len(read) != len(reachable):
            wrong[name] = (read, visited)
    assert wrong == {}


def test_the_result_puts_the_focus_on_the_next_step(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.show(samples.x_blocked())
    assert driver.shell.focusWidget().objectName() == "result.primary"


def test_a_card_reads_as_one_sentence_and_two_equal_buttons_have_different_names(open_window: Open) -> None:
    driver = open_window(samples.mixed())
    driver.show(samples.mixed())
    card = driver.window.shell.screen_shown.findChildren(Card)[0]
    assert card.accessibleName() == ("X. Bloqueado. La conexión se corta justo al decir el nombre «x.com». Con otro nombre no se corta.")
    assert spoken_name(driver.button("result.action.x")) == "Qué hacer: X"
    assert spoken_name(driver.button("result.action.whatsapp")) == "Qué hacer: WhatsApp"


def test_the_field_is_named_by_its_label(open_window: Open) -> None:
    driver = open_window(samples.mixed())
    field = driver.shell.findChild(QLineEdit, "home.field")
    assert isinstance(field, QLineEdit)
    assert spoken_name(field) == "Otra página"


def test_announcing_without_a_screen_reader_does_nothing_and_with_one_does_not_fail(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    QAccessible.setActive(True)
    driver.show(samples.x_blocked())
    assert driver.screen == "result"


def test_the_text_size_changes_at_once_and_is_remembered(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    before = driver.button("home.go").fontMetrics().height()
    driver.press("rail.settings")
    for size in TEXT_SIZES:
        driver.press(f"settings.size.{size}")
    assert driver.backend.preferences.text_size == 200
    driver.press("settings.back")
    assert driver.button("home.go").fontMetrics().height() >= 1.8 * before
