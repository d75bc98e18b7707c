"""What to do: cards, the kinds of device, carrying the steps off."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app import sample_advice, samples
from app.pictures import _gray
from app.settings import Settings, ThemeChoice
from app.shots import settle
from diagnostics.routes.picture import codes_in
from tests.ui.accessible import nameless, spoken_name, tab_order
from tests.ui.conftest import Open, SampleDriver
from ui.backend import Advice, AdviceSteps
from ui.qr import LEAST_MODULE, QrCode
from ui.screens.todo import TodoScreen
from ui.tip_card import TipCard
from ui.widgets import Button


def tips_of(driver: SampleDriver, *tips: Advice) -> SampleDriver:
    """Show the advice for X: the given tips, by default three of which the first was proved."""
    driver.backend.advice = (lambda _language: tips) if tips else sample_advice.measured
    driver.show(samples.ways_round())
    driver.press("result.action.x")
    return driver


def cards(driver: SampleDriver) -> list[TipCard]:
    screen = driver.window.shell.screen_shown
    assert isinstance(screen, TodoScreen)
    found = [card for card in screen.findChildren(TipCard) if card.isVisible()]
    return sorted(found, key=lambda card: card.number)


def steps_of(driver: SampleDriver, number: int) -> str:
    return cards(driver)[number - 1].accessibleName()


def tip(ident: str, **changes: object) -> Advice:
    plain = Advice(id=ident, say=f"Consejo {ident}", why="Porque sí sirve.", steps=("Haz esto.",), caution="No es para siempre.")
    return msgspec.structs.replace(plain, **changes)


def test_a_proved_tip_has_a_mark_and_says_what_was_measured(open_window: Open) -> None:
    driver = tips_of(open_window(samples.ways_round()))
    assert driver.words("todo.proved.1") == "Probado ahora: con el DNS cifrado de Quad9, X abre en 0,4\u00a0s."
    assert cards(driver)[0].accessibleName().startswith("Pon la guía de nombres cifrada de Quad9. Probado ahora: ")
    assert not [label for label in cards(driver)[0].findChildren(QLabel) if label.objectName() == "todo.untested.1"]


def test_of_more_than_two_tips_the_first_is_open_and_the_keyboard_opens_the_others(open_window: Open) -> None:
    driver = tips_of(open_window(samples.ways_round()))
    assert [card.is_open for card in cards(driver)] == [True, False, False]
    driver.button("todo.fold.2").setFocus()
    driver.key(Qt.Key.Key_Space)
    assert [card.is_open for card in cards(driver)] == [True, True, False]
    assert driver.button("todo.copy.2").isVisible()
    driver.key(Qt.Key.Key_Space)
    assert not driver.button("todo.copy.2").isVisible()


def test_two_tips_are_both_open_and_cannot_be_folded(open_window: Open) -> None:
    driver = tips_of(open_window(samples.ways_round()), tip("uno"), tip("dos"))
    assert [card.is_open for card in cards(driver)] == [True, True]
    assert not [button for button in driver.shell.findChildren(Button) if button.objectName().startswith("todo.fold")]


def test_this_computer_comes_first_and_the_kind_of_device_is_remembered_between_cards(open_window: Open) -> None:
    phone = AdviceSteps(platform="android", name="Android", steps=("Toca aquí.",))
    here = AdviceSteps(platform="linux", name="Linux", steps=("Escribe aquí.",), here=True)
    both = (phone, here)
    driver = tips_of(open_window(samples.ways_round()), tip("uno", platforms=both), tip("dos", platforms=both))
    assert spoken_name(driver.button("todo.on.1.linux")) == "Linux (esta computadora): Consejo uno"
    assert driver.button("todo.on.1.linux").isChecked()
    assert "Escribe aquí." in steps_of(driver, 1)
    driver.press("todo.on.1.android")
    for number in (1, 2):
        assert driver.button(f"todo.on.{number}.android").isChecked()
        assert "Toca aquí." in steps_of(driver, number)
        assert "Escribe aquí." not in steps_of(driver, number)
    driver.key(Qt.Key.Key_Escape)
    driver.press("result.action.x")
    assert driver.button("todo.on.1.android").isChecked()


def test_the_arrow_keys_choose_the_kind_of_device(open_window: Open) -> None:
    driver = tips_of(open_window(samples.ways_round()))
    driver.button("todo.on.1.windows11").setFocus()
    driver.key(Qt.Key.Key_Right)
    assert driver.button("todo.on.1.android").isChecked()
    assert "DNS privado" in steps_of(driver, 1)


def test_a_single_kind_of_device_is_named_and_steps_for_any_need_none(open_window: Open) -> None:
    only = (AdviceSteps(platform="ios", name="iPhone", steps=("Abre «Ajustes».",)),)
    driver = tips_of(open_window(samples.ways_round()), tip("uno", platforms=only), tip("dos"))
    assert driver.words("todo.device.1") == "En iPhone:"
    assert "Haz esto." in steps_of(driver, 2)


def test_where_a_tip_comes_from_and_its_age_are_said_below_it(open_window: Open) -> None:
    old = tip("uno", source="manual de Tor", dated="3 mar 2025", expired=True)
    driver = tips_of(open_window(samples.ways_round()), old, tip("dos", source="Quad9", verified=True))
    origin = driver.words("todo.origin.1")
    assert origin.startswith("Fuente: manual de Tor. Fecha: 3 mar 2025. Nadie repitió")
    assert origin.endswith("Este consejo es viejo y algo puede haber cambiado.")
    assert driver.words("todo.origin.2") == "Fuente: Quad9."


def test_copying_puts_plain_text_for_the_chosen_device_into_the_clipboard(open_window: Open, spoken_aloud: list[str]) -> None:
    driver = tips_of(open_window(samples.ways_round()))
    driver.press("todo.on.1.android")
    driver.press("todo.copy.1")
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "Pon la guía de nombres cifrada de Quad9"
    assert lines[1].startswith("Probado ahora: ")
    assert lines[3:5] == ["En Android:", "1. Abre «Ajustes» y entra en «Red e Internet»."]
    assert lines[-1].startswith("Riesgo: ")
    assert "Fuente" not in QGuiApplication.clipboard().text()
    assert driver.button("todo.copy.1").text() == "Copiado"
    assert "Copiado" in spoken_aloud


def picture_of(widget: QWidget) -> QImage:
    return widget.grab().toImage()


@pytest.mark.parametrize("theme", list(ThemeChoice))
@pytest.mark.parametrize("size", [(560, 480), (760, 620)], ids=["small", "usual"])
def test_the_code_decodes_to_what_would_be_copied_in_every_theme(
    open_window: Open, qapp: QApplication, theme: ThemeChoice, size: tuple[int, int]
) -> None:
    driver = tips_of(open_window(samples.ways_round(), settings=Settings(language="es", welcomed=True, theme=theme)))
    driver.shell.resize(*size)
    driver.press("todo.on.1.android")
    driver.press("todo.copy.1")
    driver.press("todo.code.1")
    assert driver.screen == "qr"
    settle(qapp)
    code = driver.shell.findChild(QrCode, "qr.code")
    assert isinstance(code, QrCode)
    assert codes_in(_gray(picture_of(driver.shell), "")) == (QGuiApplication.clipboard().text(),)
    assert code.accessibleName() == "Código QR con los pasos de: Pon la guía de nombres cifrada de Quad9"


def test_the_code_has_the_steps_for_a_phone_and_names_it(open_window: Open) -> None:
    driver = tips_of(open_window(samples.ways_round()))
    assert driver.button("todo.on.1.windows11").isChecked()
    driver.press("todo.code.1")
    assert driver.words("qr.device") == "Pasos para: Android"
    assert driver.window.screens.qr.shown == ("encrypted-dns", "android")
    driver.window.choose_language("en")
    assert driver.words("qr.device") == "Steps for: Android"


def test_the_phone_that_was_chosen_goes_before_the_usual_one_and_without_phones_the_computer_is_named(open_window: Open) -> None:
    every = [AdviceSteps(platform=each, name=each, steps=("Toca.",), here=each == "linux") for each in ("linux", "android", "iphone")]
    driver = tips_of(open_window(samples.ways_round()), tip("uno", platforms=tuple(every)), tip("dos", platforms=(every[0],)))
    for pressed, code, named in (("1.iphone", 1, "iphone"), ("1.linux", 1, "android"), ("1.linux", 2, "linux")):
        driver.press(f"todo.on.{pressed}")
        driver.press(f"todo.code.{code}")
        assert driver.words("qr.device") == f"Pasos para: {named}"
        driver.key(Qt.Key.Key_Escape)


def test_steps_that_name_no_system_are_for_another_device_and_never_called_this_computer(open_window: Open) -> None:
    own = AdviceSteps(platform="linux", name="Linux", steps=("Escribe.",), here=True)
    other = AdviceSteps(platform="any", name="Otro equipo", steps=("Busca.",), here=True)
    driver = tips_of(open_window(samples.ways_round()), tip("uno", platforms=(own, other)))
    assert driver.button("todo.on.1.any").text() == "Otro equipo"
    assert driver.button("todo.on.1.linux").text() == "Linux (esta computadora)"


@pytest.mark.parametrize("scale", [100, 150, 200])
@pytest.mark.parametrize("size", [(560, 480), (760, 620)], ids=["small", "usual"])
def test_the_whole_code_is_in_sight_at_once_under_the_ribbon(
    open_window: Open, qapp: QApplication, size: tuple[int, int], scale: int
) -> None:
    settings = Settings(language="es", welcomed=True, text_size=scale)
    driver = tips_of(open_window(samples.ways_round(), settings=settings, simulated="ve-2024-08"))
    driver.backend.advice = lambda _language: (tip("largo", why="Porque sí sirve y se ve. " * 30),)
    driver.window.show_todo("x")
    driver.shell.resize(*size)
    driver.window.press("todo.code.1")
    settle(qapp)
    code = driver.shell.findChild(QrCode, "qr.code")
    assert isinstance(code, QrCode)
    seen = code.visibleRegion().boundingRect()
    side = code.modules * LEAST_MODULE
    assert seen.height() == code.height() >= side, (code.size(), seen)
    assert seen.width() == code.width() >= side
    assert codes_in(_gray(picture_of(driver.shell), ""))


def test_the_code_is_black_on_white_with_a_quiet_zone_of_four_modules(open_window: Open, qapp: QApplication) -> None:
    driver = tips_of(open_window(samples.ways_round(), settings=Settings(language="es", welcomed=True, theme=ThemeChoice.DARK)))
    driver.press("todo.code.1")
    settle(qapp)
    code = driver.shell.findChild(QrCode, "qr.code")
    assert isinstance(code, QrCode)
    picture = picture_of(code)
    module = min(picture.width(), picture.height()) // code.modules
    left, top = (picture.width() - module * code.modules) // 2, (picture.height() - module * code.modules) // 2
    around = {picture.pixelColor(left + x, top + y).name() for x in range(4 * module) for y in range(0, module * code.modules, module)}
    assert around == {"#ffffff"}
    assert picture.pixelColor(left + 4 * module, top + 4 * module).name() == "#000000"


def test_escape_closes_the_code_and_leads_back_to_the_tips(open_window: Open) -> None:
    driver = tips_of(open_window(samples.ways_round()))
    driver.press("todo.code.1")
    assert driver.shell.focusWidget().objectName() == "qr.back"
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "todo"
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "result"


def test_the_longest_and_the_oddest_text_still_gives_a_code(qtbot: QtBot) -> None:
    for text in ("ñ" * 900, "\U0001f600" * 900):
        code = QrCode("code")
        qtbot.addWidget(code)
        code.show_text(text, "código")
        code.resize(code.sizeHint() * 2)
        read = codes_in(_gray(picture_of(code), ""))
        assert len(read) == 1
        assert text.startswith(read[0])
        assert len(read[0]) > 700


def test_the_tips_and_their_code_speak_the_language_that_is_chosen_meanwhile(open_window: Open) -> None:
    driver = tips_of(open_window(samples.ways_round()))
    driver.press("todo.fold.3")
    driver.press("todo.code.1")
    driver.window.choose_language("en")
    assert driver.words("qr.title") == "For your phone"
    code = driver.shell.findChild(QrCode, "qr.code")
    assert isinstance(code, QrCode)
    assert code.accessibleName() == "QR code with the steps of: Set Quad9's encrypted name directory"
    driver.key(Qt.Key.Key_Escape)
    assert driver.words("todo.proved.1").startswith("Tested now: ")
    assert driver.words("todo.question.1") == "Did it work?"


def test_everything_on_the_tips_can_be_reached_by_tab_and_has_a_name_of_its_own(open_window: Open) -> None:
    driver = tips_of(open_window(samples.ways_round()))
    driver.button("todo.fold.1").setFocus()
    visited = tab_order()
    wanted = [
        "todo.fold.1",
        "todo.on.1.windows11",
        "todo.copy.1",
        "todo.code.1",
        "todo.yes.1",
        "todo.no.1",
        "todo.recheck.1",
        "todo.fold.2",
    ]
    assert visited[: len(wanted)] == wanted
    assert nameless(driver.shell) == []


def test_without_advice_the_screen_says_so(open_window: Open) -> None:
    driver = open_window(samples.ways_round())
    driver.backend.advice = lambda _language: ()
    driver.show(samples.ways_round())
    driver.press("result.action.x")
    assert driver.words("todo.none").startswith("No encontramos un camino")


def test_a_tip_about_the_line_offers_no_test_of_a_single_service(open_window: Open) -> None:
    from diagnostics.model import Cause

    driver = open_window(samples.faulty(Cause.WRONG_CLOCK))
    driver.show(samples.faulty(Cause.WRONG_CLOCK))
    driver.window.show_todo("")
    assert driver.words("todo.question.1") == "¿Funcionó?"
    assert not [button for button in driver.shell.findChildren(Button) if button.objectName() == "todo.recheck.1"]
    assert driver.button("todo.again").text() == "Probar de nuevo"


def test_a_hundred_tips_with_endless_words_are_folded_and_shown_as_plain_text(open_window: Open) -> None:
    many = [tip(f"t{n}", say=f"<b>{n}</b> {'palabra' * 30}") for n in range(100)]
    driver = tips_of(open_window(samples.ways_round()), *many)
    assert [card.is_open for card in cards(driver)].count(True) == 1
    assert spoken_name(driver.button("todo.fold.100")).startswith("<b>99</b>")
