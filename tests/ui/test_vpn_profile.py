"""Testing a profile in the window: what is asked first, what is kept, and what is shown."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit

from app import samples
from app.sample_proxies import LINKS, compared
from app.sample_vpn import FULL, OPENVPN, WIREGUARD, profile_report
from diagnostics.events import RunDone, StepDone
from diagnostics.routes.grammar import parse_link
from tests.ui.conftest import Open, SampleDriver
from ui.vpn_backend import VpnWanted
from ui.widgets import Mark

KEY = "PrivateKey = gI6EdUSYvn8ugXOt8QQD6Yc+JyiZxIhp3GInSWRfWGE="
TARGETS = ("x", "whatsapp", "telegram", "signal")


@pytest.fixture
def driver(open_window: Open) -> SampleDriver:
    opened = open_window(samples.all_works())
    opened.press("rail.proxies")
    opened.press("proxies.test.profile")
    return opened


def field(driver: SampleDriver) -> QPlainTextEdit:
    found = driver.shell.findChild(QPlainTextEdit, "vpn_profile.field")
    assert found is not None
    return found


def paste(driver: SampleDriver, text: str = KEY) -> None:
    field(driver).setPlainText(text)
    driver.press("vpn_profile.read")


def stages(driver: SampleDriver) -> list[str]:
    names = [label.accessibleName() for label in driver.window.shell.screen_shown.findChildren(QLabel) if label.isVisibleTo(driver.shell)]
    return [name for name in names if name[:1].isdigit()]


def test_before_anything_is_tested_it_is_said_who_sees_it_and_that_nothing_is_kept(driver: SampleDriver) -> None:
    assert driver.words("vpn_profile.seen") == "Tu proveedor de Internet puede ver que hablas con ese servidor."
    assert "lo olvida al cerrar" in driver.words("vpn_profile.kept")
    assert not driver.button("vpn_profile.go").isEnabled()
    assert driver.shell.focusWidget().objectName() == "vpn_profile.open"


def test_a_pasted_profile_is_understood_and_its_keys_do_not_stay_on_the_screen(driver: SampleDriver) -> None:
    paste(driver)
    assert driver.backend.tunnels.sources == [KEY]
    assert field(driver).toPlainText() == ""
    assert driver.words("vpn_profile.notes") == "El perfil trae órdenes para ejecutar programas. No las ejecutamos."
    assert driver.shell.focusWidget().objectName() == "vpn_profile.go"


def test_what_is_no_profile_is_said_in_a_sentence_and_stays_to_be_mended(driver: SampleDriver) -> None:
    driver.backend.tunnels.row = None
    paste(driver, "hola")
    assert driver.words("vpn_profile.note") == "Esta prueba no se pudo terminar."
    assert field(driver).toPlainText() == "hola"
    assert not driver.button("vpn_profile.go").isEnabled()


def test_a_file_can_be_dragged_onto_the_screen(driver: SampleDriver, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "casa.conf"))])
    modifiers, button = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, button, modifiers)
    driver.window.screens.vpn_profile.dropEvent(event)
    assert driver.backend.tunnels.sources == [tmp_path / "casa.conf"]


def test_the_usual_services_are_tried_through_it(driver: SampleDriver) -> None:
    paste(driver)
    driver.press("vpn_profile.go")
    assert driver.backend.vpn_wanted == [VpnWanted(profile=WIREGUARD.id, targets=TARGETS)]
    assert driver.button("vpn_profile.go").accessibleName() == "Detener"
    driver.backend.play([RunDone(report=profile_report(WIREGUARD, works=True))])
    assert stages(driver)[2].startswith("3. Saludo, bien: El servidor devuelve el saludo en 0,1")
    assert len(stages(driver)) == 7
    said = driver.window.screens.vpn_profile.spoken_outcome()
    assert said.startswith("WireGuard · casa. Contesta.")
    assert "Por este perfil se abre: X y WhatsApp." in said


def test_the_stages_fill_while_the_test_is_under_way(driver: SampleDriver) -> None:
    paste(driver)
    driver.press("vpn_profile.go")
    first = next(o for o in profile_report(WIREGUARD, works=True).observations if o.detail.get("stage") == "handshake")
    driver.backend.play([StepDone(observation=first)])
    assert stages(driver)[2].startswith("3. Saludo, bien")
    assert stages(driver)[4] == "5. Mensajes, sin probar: No se probó."


def test_a_profile_that_this_computer_uses_now_is_only_greeted(driver: SampleDriver) -> None:
    driver.backend.tunnels.row = msgspec.structs.replace(WIREGUARD, in_use=True)
    paste(driver)
    assert "en uso ahora" in driver.words("vpn_profile.in_use.why")
    assert not driver.button("vpn_profile.in_use").isEnabled()
    driver.press("vpn_profile.go")
    assert driver.backend.vpn_wanted[0].in_use


def test_while_some_vpn_is_on_the_answer_that_harms_nobody_is_ticked(driver: SampleDriver) -> None:
    driver.window.vpn.vpn = FULL
    driver.window.vpn.refresh()
    paste(driver)
    assert driver.button("vpn_profile.in_use").isChecked()
    driver.press("vpn_profile.in_use")
    driver.press("vpn_profile.go")
    assert (driver.backend.vpn_wanted[0].in_use, driver.backend.vpn_wanted[0].not_in_use) == (False, True)


def test_a_profile_that_may_be_the_tunnel_that_is_on_is_asked_about(driver: SampleDriver) -> None:
    driver.backend.tunnels.row = msgspec.structs.replace(WIREGUARD, may_be_in_use=True)
    paste(driver)
    assert driver.button("vpn_profile.in_use").isChecked()
    assert "Puede que esta VPN ya esté encendida" in driver.words("vpn_profile.in_use.why")
    driver.press("vpn_profile.in_use")
    driver.press("vpn_profile.go")
    assert (driver.backend.vpn_wanted[0].in_use, driver.backend.vpn_wanted[0].not_in_use) == (False, True)


def test_without_any_doubt_nothing_is_ticked_and_nobody_was_asked(driver: SampleDriver) -> None:
    paste(driver)
    assert not driver.button("vpn_profile.in_use").isChecked()
    driver.press("vpn_profile.go")
    assert (driver.backend.vpn_wanted[0].in_use, driver.backend.vpn_wanted[0].not_in_use) == (False, False)


def test_a_vpn_that_went_on_during_the_test_is_asked_about_once_it_is_over(driver: SampleDriver) -> None:
    paste(driver)
    driver.press("vpn_profile.go")
    driver.backend.tunnels.state = FULL
    driver.backend.play([RunDone(report=profile_report(WIREGUARD, works=True))])
    assert driver.button("vpn_profile.in_use").isChecked()
    driver.press("vpn_profile.in_use")
    driver.window.vpn.refresh()
    assert not driver.button("vpn_profile.in_use").isChecked()
    driver.press("vpn_profile.go")
    assert [(each.in_use, each.not_in_use) for each in driver.backend.vpn_wanted] == [(False, False), (False, True)]


def lend_part(driver: SampleDriver) -> bool:
    return driver.button("vpn_profile.lend").isVisibleTo(driver.shell)


def test_proxies_that_worked_are_offered_for_a_silent_server_and_used_only_when_ticked(open_window: Open) -> None:
    driver = open_window(compared())
    for link in LINKS:
        driver.backend.shelf.add(link)
    driver.window.proxies.learn(compared())
    driver.press("rail.proxies")
    driver.press("proxies.test.profile")
    paste(driver)
    assert lend_part(driver)
    assert "verá con qué servidor hablas" in driver.words("vpn_profile.lend.why")
    driver.press("vpn_profile.go")
    assert driver.backend.vpn_wanted[0].proxies == ()
    driver.backend.play([RunDone(report=profile_report(WIREGUARD, works=False))])
    driver.press("vpn_profile.lend")
    driver.press("vpn_profile.go")
    assert driver.backend.vpn_wanted[1].proxies == (parse_link(LINKS[0]).id,)


def test_without_a_proxy_that_worked_none_is_offered(driver: SampleDriver) -> None:
    for link in LINKS:  # kept, and never tested
        driver.backend.shelf.add(link)
    driver.window.vpn.refresh()
    paste(driver)
    assert not lend_part(driver)


def test_logging_in_is_asked_for_and_nothing_of_it_stays(driver: SampleDriver) -> None:
    driver.backend.tunnels.row = OPENVPN
    paste(driver)
    user = driver.shell.findChild(QLineEdit, "vpn_profile.user")
    assert user is not None
    assert not user.isVisible()
    assert "puede cortar una conexión tuya" in driver.words("vpn_profile.login.why")
    driver.press("vpn_profile.login")
    driver.type("vpn_profile.user", "ana")
    driver.type("vpn_profile.password", "una-clave")
    driver.press("vpn_profile.go")
    wanted = driver.backend.vpn_wanted[0]
    assert (wanted.login, wanted.user, wanted.password) == (True, "ana", "una-clave")
    assert "ana" not in repr(wanted)
    assert "clave" not in repr(wanted)
    for name in ("vpn_profile.user", "vpn_profile.password"):
        found = driver.shell.findChild(QLineEdit, name)
        assert found is not None
        assert found.text() == ""


def test_a_login_without_a_name_is_said_before_anything_is_sent(driver: SampleDriver) -> None:
    driver.backend.tunnels.row = OPENVPN
    paste(driver)
    driver.press("vpn_profile.login")
    driver.type("vpn_profile.user", "ana")
    driver.press("vpn_profile.go")
    assert driver.backend.vpn_wanted == []
    assert driver.words("vpn_profile.note") == "Escribe el usuario y la clave, o quita la marca."
    driver.type("vpn_profile.password", "una-clave")
    driver.press("vpn_profile.go")
    assert len(driver.backend.vpn_wanted) == 1


def test_without_the_tick_nobody_logs_in(driver: SampleDriver) -> None:
    driver.backend.tunnels.row = OPENVPN
    paste(driver)
    driver.press("vpn_profile.go")
    assert driver.backend.vpn_wanted == [VpnWanted(profile=OPENVPN.id, targets=TARGETS)]


def test_escape_stops_a_test_and_then_leads_back(driver: SampleDriver) -> None:
    paste(driver)
    driver.press("vpn_profile.go")
    driver.key(Qt.Key.Key_Escape)
    assert driver.backend.cancelled == 1
    assert driver.screen == "vpn_profile"
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "proxies"


def test_another_profile_takes_its_place(driver: SampleDriver) -> None:
    paste(driver)
    driver.press("vpn_profile.go")
    driver.backend.play([RunDone(report=profile_report(WIREGUARD, works=False))])
    assert "No llegó respuesta" in driver.window.screens.vpn_profile.spoken_outcome()
    driver.press("vpn_profile.another")
    assert stages(driver) == []
    assert field(driver).isVisible()
    assert not driver.button("vpn_profile.go").isEnabled()


def test_a_profile_is_explained_before_one_is_asked_for_and_not_afterwards(driver: SampleDriver) -> None:
    assert driver.words("vpn_profile.lead").startswith("Un perfil es el archivo o el enlace que te dio tu VPN.")
    assert driver.window.shell.screen_shown.primary is driver.button("vpn_profile.open")
    paste(driver)
    assert driver.words("vpn_profile.lead") == ""
    assert driver.window.shell.screen_shown.primary is driver.button("vpn_profile.go")


def test_what_was_said_of_a_profile_follows_the_language(driver: SampleDriver) -> None:
    driver.backend.tunnels.row = None
    paste(driver, "hola")
    driver.window.choose_language("en")
    assert driver.words("vpn_profile.note") == "This test could not be finished."
    driver.backend.tunnels.row = WIREGUARD
    paste(driver)
    assert driver.words("vpn_profile.notes") == "The profile carries commands that run programs. We do not run them."
    driver.window.choose_language("es")
    assert driver.words("vpn_profile.notes") == "El perfil trae órdenes para ejecutar programas. No las ejecutamos."


def test_a_silence_that_nothing_explains_is_a_question_mark_and_no_cross(driver: SampleDriver) -> None:
    paste(driver)
    driver.press("vpn_profile.go")
    driver.backend.play([RunDone(report=profile_report(WIREGUARD, works=False))])
    assert stages(driver)[2].startswith("3. Saludo, no se sabe: No vimos respuesta al saludo.")
    screen = driver.window.screens.vpn_profile
    drawings = [mark.drawing for mark in screen.findChildren(Mark) if mark.isVisibleTo(driver.shell)]
    assert "question" in drawings
    assert "cross" not in drawings
    driver.press("vpn_profile.go")
    driver.backend.play([RunDone(report=profile_report(WIREGUARD, works=False, cut=True))])
    drawings = [mark.drawing for mark in screen.findChildren(Mark) if mark.isVisibleTo(driver.shell)]
    assert drawings.count("cross") == 2  # the profile, and the stage at which it is cut
