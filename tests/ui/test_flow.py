"""The way through the window, driven by the ids of its buttons."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit

from app import samples
from app.settings import Settings
from diagnostics.events import NetworkJudged, RunStarted, TargetJudged
from diagnostics.model import Cause, Report
from tests.ui.conftest import Open, SampleDriver
from ui.widgets import Card


def test_the_first_start_says_what_the_tests_reveal_and_one_press_consents_and_starts(open_window: Open) -> None:
    driver = open_window(samples.x_blocked(), settings=Settings(language="es"))
    assert driver.screen == "welcome"
    assert "Tu proveedor de Internet puede ver" in driver.words("welcome.seen")
    driver.press("welcome.go")
    assert driver.screen == "run"
    assert driver.backend.wanted == (("x", "whatsapp", "telegram", "signal"), ())
    assert driver.backend.preferences.welcomed


def test_the_welcome_is_not_seen_twice(open_window: Open) -> None:
    driver = open_window(samples.all_works(), settings=Settings(language="es"))
    driver.press("welcome.choose")
    assert driver.screen == "home"
    again = open_window(samples.all_works(), settings=driver.backend.preferences)
    assert again.screen == "home"


def test_only_the_ticked_services_and_the_added_page_are_tested(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("home.tile.telegram")
    driver.press("home.tile.signal")
    field(driver).setText("ejemplo.com")
    driver.press("home.add")
    driver.press("home.go")
    assert driver.backend.wanted == (("x", "whatsapp"), ("https://ejemplo.com/",))


def test_a_page_that_is_none_is_refused_with_a_sentence_and_nothing_starts(open_window: Open, spoken_aloud: list[str]) -> None:
    driver = open_window(samples.x_blocked())
    field(driver).setText("esto no es una página")
    driver.press("home.go")
    assert driver.screen == "home"
    assert driver.words("home.add.problem") == "«esto no es una página» no es la dirección de una página."
    assert driver.words("home.add.problem") in spoken_aloud


def test_several_pasted_pages_are_added_at_once_and_only_what_is_wrong_stays_in_the_field(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    field(driver).setText("ejemplo.com\nhttps://otra.example/uno, mal..formado")
    driver.press("home.add")
    assert field(driver).text() == "mal..formado"
    assert "mal..formado" in driver.words("home.add.problem")
    field(driver).clear()
    driver.press("home.go")
    assert driver.backend.wanted[1] == ("https://ejemplo.com/", "https://otra.example/uno")


def test_enter_in_the_page_field_adds_the_page_and_does_not_start_the_test(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    field(driver).setText("ejemplo.com")
    field(driver).setFocus()
    driver.key(Qt.Key.Key_Return)
    assert driver.screen == "home"
    assert driver.button("home.page.1").isChecked()


def test_without_anything_ticked_the_button_rests_and_says_why(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    for service in samples.SERVICES:
        driver.press(f"home.tile.{service.id}")
    assert not driver.button("home.go").isEnabled()
    assert driver.words("home.problem") == "Elige al menos un servicio o una página."


def test_a_verdict_is_shown_while_others_are_still_under_way(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("home.go")
    events = list(samples.events_of(driver.backend.sample))
    first = next(number for number, event in enumerate(events) if isinstance(event, TargetJudged))
    driver.backend.play(events[: first + 1])
    assert driver.screen == "run"
    shown = [label.text() for label in driver.shell.findChildren(QLabel)]
    assert "Por ahora: bloqueado" in shown
    assert "En espera" in shown
    assert driver.words("run.title") == "Probando… 2 de 5"


def test_the_result_says_what_is_blocked_and_names_what_works(open_window: Open, spoken_aloud: list[str]) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("home.go")
    driver.backend.play()
    assert driver.screen == "result"
    assert driver.words("result.title") == "X está bloqueado en tu red"
    assert driver.words("result.lead").startswith("WhatsApp, Telegram, Signal y el resto de tu Internet funcionan. Hicimos")
    assert driver.words("result.lead").endswith("No le enviamos los resultados a nadie.")
    assert any(text.startswith("X está bloqueado en tu red") for text in spoken_aloud)


def test_from_the_result_to_the_detail_to_what_to_do_and_back(open_window: Open) -> None:
    driver = open_window(samples.mixed())
    driver.press("home.go")
    driver.backend.play()
    driver.press("result.details.x")
    assert driver.screen == "detail"
    assert "«x.com»" in driver.words("detail.saw")
    driver.press("detail.todo")
    assert driver.screen == "todo"
    assert driver.words("todo.risk.1").startswith("Riesgo: ")
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "detail"
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "result"
    assert driver.shell.focusWidget().objectName() == "result.action.x"


def test_technical_data_is_folded_until_asked_for_and_can_be_copied(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.show(samples.x_blocked())
    driver.press("result.details.x")
    assert not driver.button("detail.copy").isVisible()
    driver.press("detail.technical")
    driver.press("detail.copy")
    assert "dns_bogon_error" in QGuiApplication.clipboard().text()


def test_saving_says_where_and_how_much_was_left_out(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.show(samples.x_blocked())
    driver.key(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert driver.screen == "save"
    driver.press("save.kind.data")
    driver.press("save.go")
    assert driver.words("save.outcome").startswith("Guardado en ")
    assert "Quitamos 14 datos." in driver.words("save.where")
    driver.press("save.open")
    assert driver.backend.shown == [driver.backend.save_folder()]


def test_a_folder_that_cannot_be_written_is_said_and_another_one_offered(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.show(samples.x_blocked())
    driver.backend.writes = False
    driver.press("result.save")
    driver.press("save.go")
    assert driver.words("save.outcome") == "No se pudo guardar"
    assert driver.button("save.browse").accessibleName() == "Elegir otra carpeta…"
    assert driver.screen == "save"


def test_stop_shows_at_once_what_was_known(open_window: Open, spoken_aloud: list[str]) -> None:
    driver = open_window(samples.mixed())
    driver.press("home.go")
    events = list(samples.events_of(driver.backend.sample))
    driver.backend.play(events[: len(events) // 2])
    driver.press("run.stop")
    assert driver.screen == "result"
    assert driver.backend.cancelled == 1
    assert driver.words("result.lead").startswith("Detenido. Guardamos lo que ya sabíamos.")
    assert "Detenido. Guardamos lo que ya sabíamos." in spoken_aloud


def test_escape_stops_a_run_too(open_window: Open) -> None:
    driver = open_window(samples.mixed())
    driver.press("home.go")
    driver.key(Qt.Key.Key_Escape)
    assert (driver.screen, driver.backend.cancelled) == ("result", 1)
    assert driver.words("result.title") == "Prueba detenida"


def test_the_engines_own_account_of_a_stopped_run_replaces_the_windows(open_window: Open) -> None:
    driver = open_window(samples.stopped())
    driver.press("home.go")
    driver.press("run.stop")
    driver.backend.play()
    assert driver.screen == "result"
    assert "WhatsApp funciona." in driver.words("result.lead")


def test_late_news_of_an_earlier_run_is_not_shown(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("home.go")
    driver.press("run.stop")
    driver.press("result.again")
    assert driver.screen == "run"
    driver.backend.arrived.emit(1, tuple(samples.events_of(samples.x_blocked())))
    assert driver.screen == "run"
    assert driver.words("run.title") == "Probando… 0 de 5"


@pytest.mark.parametrize(
    "cause, title",
    [
        (Cause.NO_INTERNET, "No hay Internet"),
        (Cause.CAPTIVE_PORTAL, "Este Wi-Fi pide que entres primero"),
        (Cause.WRONG_CLOCK, "La fecha de esta computadora está mal"),
        (Cause.LOCAL_INTERCEPTION, "Un programa revisa tus conexiones"),
        (Cause.STALE_PROXY, "Quedó puesto un proxy que no responde"),
    ],
)
def test_a_fault_of_the_line_is_said_first_and_accuses_nobody(open_window: Open, cause: Cause, title: str) -> None:
    driver = open_window(samples.faulty(cause))
    driver.press("home.go")
    driver.backend.play()
    assert driver.screen == "fail"
    assert driver.words("fail.title") == title
    shown = " ".join(label.text() for label in driver.window.shell.screen_shown.findChildren(QLabel))
    assert "loquead" not in shown


def test_behind_a_fault_of_the_line_every_service_says_that_nothing_can_be_said_yet(open_window: Open) -> None:
    driver = open_window(samples.faulty(Cause.NO_INTERNET))
    driver.show(samples.faulty(Cause.NO_INTERNET))
    driver.press("fail.details")
    shown = [label.text() for label in driver.window.shell.screen_shown.findChildren(QLabel)]
    assert "Todavía no podemos decir nada sobre WhatsApp." in shown


def test_the_sign_in_page_is_opened_but_never_one_of_a_simulation(open_window: Open) -> None:
    driver = open_window(samples.faulty(Cause.CAPTIVE_PORTAL))
    driver.show(samples.faulty(Cause.CAPTIVE_PORTAL))
    driver.press("fail.primary")
    assert driver.backend.shown == ["http://login.example/enter"]
    import msgspec

    report = samples.faulty(Cause.CAPTIVE_PORTAL)
    simulated = msgspec.structs.replace(report, run=msgspec.structs.replace(report.run, simulated="captive-portal"))
    driver.show(simulated)
    assert driver.button("fail.primary").accessibleName() == "Probar de nuevo"


def test_an_error_of_our_own_is_calm_and_keeps_what_was_known(open_window: Open) -> None:
    driver = open_window(samples.mixed())
    driver.press("home.go")
    events = list(samples.events_of(driver.backend.sample))
    driver.backend.play(events[: len(events) // 2])
    driver.backend.failed.emit(1, "")
    assert driver.screen == "fail"
    assert driver.words("fail.title") == "Algo salió mal en Atajo"
    driver.press("fail.primary")
    assert driver.screen == "save"


def test_input_that_the_engine_refuses_is_one_sentence_on_the_home_screen(open_window: Open) -> None:
    driver = open_window(samples.mixed())
    driver.press("home.go")
    driver.backend.failed.emit(1, "No conocemos el servicio «q».")
    assert driver.screen == "home"
    assert driver.words("home.problem") == "No conocemos el servicio «q»."


def test_the_ribbon_of_a_simulation_is_on_every_screen_and_in_the_title(open_window: Open) -> None:
    driver = open_window(samples.x_blocked(simulated="ve-2024-08"), simulated="ve-2024-08")
    for step in ("", "home.go", "run.stop", "rail.settings", "rail.home"):
        if step:
            driver.press(step)
        ribbon = driver.shell.findChild(QLabel, "shell.ribbon")
        assert ribbon is not None
        assert ribbon.isVisible()
        assert "Simulación: esta no es tu red" in driver.shell.windowTitle()


def test_on_a_real_network_there_is_no_ribbon(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    ribbon = driver.shell.findChild(QLabel, "shell.ribbon")
    assert ribbon is not None
    assert not ribbon.isVisible()


def test_another_language_is_spoken_at_once_on_the_screen_that_is_open(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.show(samples.x_blocked())
    driver.press("rail.settings")
    driver.press("settings.language.en")
    assert driver.words("settings.title") == "Settings"
    driver.key(Qt.Key.Key_Escape)
    assert driver.words("result.title") == "X is blocked on your network"
    assert driver.backend.preferences.language == "en"


def test_the_summary_can_be_copied_from_the_result(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.show(samples.x_blocked())
    driver.key(Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("X está bloqueado en tu red")
    assert "203.0.113.7" not in copied
    assert len(copied) <= 600
    assert driver.words("result.note") == "Resumen copiado"


def test_f5_tests_again_and_is_deaf_during_a_run(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.key(Qt.Key.Key_F5)
    driver.key(Qt.Key.Key_F5)
    assert (driver.screen, driver.backend.runs) == ("run", 1)
    driver.backend.play()
    driver.key(Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert driver.backend.runs == 2


def test_during_a_run_home_leads_back_to_the_run(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("home.go")
    driver.press("rail.settings")
    driver.press("rail.home")
    assert driver.screen == "run"


def test_a_result_that_arrives_behind_the_settings_waits_there(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("home.go")
    driver.press("rail.settings")
    driver.backend.play()
    assert driver.screen == "settings"
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "result"


def test_enter_presses_the_main_button_and_the_enter_that_started_a_run_does_not_stop_it(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.button("home.tile.x").setFocus()
    driver.window.shell.setFocus()
    driver.key(Qt.Key.Key_Return)
    assert driver.screen == "run"
    driver.key(Qt.Key.Key_Return)
    assert driver.screen == "run"


def test_closing_the_window_ends_the_run_behind_it(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("home.go")
    driver.shell.close()
    assert driver.backend.closed


def test_hostile_names_in_a_report_are_shown_as_plain_text(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("home.go")
    driver.backend.play([RunStarted(targets=("<b>x</b>\n<img src=x>",)), NetworkJudged(network=Report().network)])
    labels = [label for label in driver.window.shell.screen_shown.findChildren(QLabel) if "<b>" in label.text()]
    assert labels
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)


def field(driver: SampleDriver) -> QLineEdit:
    found = driver.shell.findChild(QLineEdit, "home.field")
    assert isinstance(found, QLineEdit)
    return found


def test_the_cards_of_the_run_before_are_not_seen_behind_those_of_the_next(open_window: Open, qapp: QApplication) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("home.go")
    before = [card for card in driver.shell.findChildren(Card) if card.isVisible()]
    driver.backend.play()
    driver.press("result.again")
    qapp.sendPostedEvents()  # deletes nothing: deferred deletion waits for the event loop to come round
    assert before
    assert not [card for card in before if card.isVisible()]


def test_a_tip_that_claims_a_way_round_says_that_nobody_tried_it_here(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.show(samples.x_blocked())
    driver.press("result.action.x")
    assert driver.words("todo.untested.1") == "Este consejo no se probó en tu red."
