"""This computer's VPN in the window: its picture, its checks, the exam, the comparison, and where it is said on other screens."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QAccessible, QPainter
from PySide6.QtWidgets import QLabel, QWidget

from app import samples
from app.advice import advice_for
from app.sample_vpn import FULL, LEFT_BLOCK, NONE, STATES, checked, compared, examined, with_vpn
from app.settings import Settings
from app.texts import t
from app.vpn_words import Place
from diagnostics.events import RunDone, StepDone
from diagnostics.model import Cause, Observation, Report, Status, Step, VpnVerdict
from tests.ui.conftest import Open, SampleDriver
from ui.tunnel_picture import TunnelPicture
from ui.vpn_backend import VpnWanted
from ui.widgets import Card


@pytest.fixture
def driver(open_window: Open) -> SampleDriver:
    opened = open_window(samples.all_works())
    opened.backend.tunnels.state = FULL
    opened.press("rail.proxies")
    opened.press("proxies.vpn.open")
    return opened


def cards(driver: SampleDriver) -> list[str]:
    shown = driver.window.shell.screen_shown.findChildren(Card)
    return [card.accessibleName() for card in shown if card.isVisibleTo(driver.shell)]


def play(driver: SampleDriver, report: Report) -> None:
    driver.backend.play([RunDone(report=report)])


def picture(driver: SampleDriver) -> str:
    found = driver.shell.findChild(QWidget, "vpn.picture")
    assert found is not None
    return found.accessibleName()


def test_the_proxies_screen_says_in_a_line_which_vpn_is_on_and_leads_there(open_window: Open) -> None:
    opened = open_window(samples.all_works())
    opened.backend.tunnels.state = FULL
    opened.press("rail.proxies")
    assert cards(opened)[0] == "VPN. Activa (Proton VPN). Hay una VPN activa: lo que pruebes pasa por ella."
    opened.press("proxies.vpn.open")
    assert opened.screen == "vpn"
    opened.key(Qt.Key.Key_Escape)
    assert opened.screen == "proxies"


def test_without_a_vpn_the_screen_says_what_can_be_done_here(open_window: Open) -> None:
    opened = open_window(samples.all_works())
    opened.press("rail.proxies")
    opened.press("proxies.vpn.open")
    assert opened.words("vpn.lead") == "No hay ninguna VPN activa en esta computadora."
    assert opened.words("vpn.todo").startswith("Puedes probar un perfil")
    assert cards(opened) == []


def test_without_a_vpn_the_next_step_is_to_test_a_profile(open_window: Open) -> None:
    opened = open_window(samples.all_works())
    opened.press("rail.proxies")
    opened.press("proxies.vpn.open")
    assert opened.window.shell.screen_shown.primary is opened.button("vpn.try")
    assert [opened.button(each).property("rank") for each in ("vpn.try", "vpn.go")] == ["primary", ""]
    opened.key(Qt.Key.Key_Return)
    assert opened.screen == "vpn_profile"
    opened.window.go_back()
    opened.press("vpn.go")  # looking is still possible
    assert opened.window.vpn.busy
    assert opened.window.shell.screen_shown.primary is opened.button("vpn.go")
    assert not opened.button("vpn.try").isVisible()


def test_while_it_is_checked_anew_nothing_of_the_last_check_is_shown_as_if_it_were_of_now(driver: SampleDriver) -> None:
    driver.press("vpn.go")
    play(driver, checked())
    assert len(cards(driver)) == 5
    driver.press("vpn.go")
    assert cards(driver) == []
    assert driver.words("vpn.checks") == ""
    assert driver.words("vpn.finding") == ""
    assert "llamadas" not in picture(driver)
    driver.key(Qt.Key.Key_Escape)
    assert len(cards(driver)) == 5  # stopped: what was known before is what is known


@pytest.mark.parametrize("size", [(560, 620), (900, 620)], ids=["upright", "lying"])
@pytest.mark.parametrize(
    "state, arrives", [("mesh", {Place.OUTSIDE}), ("split", {Place.INSIDE, Place.OUTSIDE}), ("stale", set()), ("none", {Place.OUTSIDE})]
)
def test_the_picture_leads_to_the_internet_only_what_gets_there(
    state: str, arrives: set[Place], size: tuple[int, int], open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[Place] = set()
    arrow = TunnelPicture._arrow

    def watched(self: TunnelPicture, painter: QPainter, place: Place, start: QPointF, end: QPointF, *, arrives: bool) -> None:
        seen.update({place} if arrives else ())
        arrow(self, painter, place, start, end, arrives=arrives)

    monkeypatch.setattr(TunnelPicture, "_arrow", watched)
    opened = open_window(samples.all_works())
    opened.shell.resize(*size)
    opened.backend.tunnels.state = STATES[state]
    opened.window.vpn.show()
    opened.window.vpn.look()
    seen.clear()
    opened.window.screens.vpn.picture.grab()
    assert seen == arrives


def test_a_private_network_leaves_the_pages_to_go_straight(driver: SampleDriver) -> None:
    driver.window.vpn.learn(with_vpn(samples.all_works(), STATES["mesh"]))
    assert picture(driver) == "Por dentro de Tailscale: Tu red privada. Directo, a la vista de tu proveedor: Las páginas y Todo lo demás."


def test_a_block_that_is_left_is_said_before_anything_else(driver: SampleDriver) -> None:
    driver.press("vpn.go")
    play(driver, with_vpn(samples.faulty(Cause.NO_INTERNET), LEFT_BLOCK))
    assert driver.words("vpn.lead") == "Parece que el bloqueo de una VPN corta tu Internet."
    assert driver.words("vpn.finding") == t("cause.vpn_kill_switch_active.block_is_left")
    driver.press("vpn.advice")
    assert driver.window.screens.todo.open_tip() == "vpn-block-left"


def test_services_that_a_left_block_cuts_off_do_not_send_the_person_to_the_cable(open_window: Open) -> None:
    opened = open_window(samples.all_works())
    opened.show(with_vpn(samples.faulty(Cause.NO_INTERNET), LEFT_BLOCK))
    assert opened.screen == "fail"
    assert opened.words("fail.title") == "Parece que el bloqueo de una VPN corta tu Internet"
    assert opened.words("fail.lead").startswith(t("cause.vpn_kill_switch_active.block_is_left"))
    opened.press("fail.primary")
    assert opened.screen == "todo"
    report = opened.window.report()
    assert report is not None
    assert next(tip.id for tip in advice_for(report, None, "es")) == "vpn-block-left"
    opened.show(samples.faulty(Cause.NO_INTERNET))
    assert opened.window.screens.fail.title.accessibleName() == "No hay Internet"


def test_the_picture_is_heard_as_a_sentence(driver: SampleDriver) -> None:
    assert picture(driver).startswith("Por dentro de Proton VPN: Las páginas")
    QAccessible.setActive(True)
    shown = driver.window.screens.vpn.picture
    assert QAccessible.queryAccessibleInterface(shown).text(QAccessible.Text.Name) == picture(driver)


def test_before_the_first_check_it_is_said_who_sees_it_and_then_a_check_is_asked_for(driver: SampleDriver) -> None:
    assert "también tu proveedor de Internet" in driver.words("vpn.asks")
    driver.press("vpn.go")
    assert driver.backend.vpn_wanted == [VpnWanted()]
    assert driver.words("vpn.asks") == "Revisando tu VPN…"
    assert driver.button("vpn.go").accessibleName() == "Detener"
    play(driver, checked())
    assert driver.words("vpn.asks") == ""
    assert cards(driver)[0].startswith("Tu dirección «IPv6». Solo en parte.")
    assert driver.window.state is None  # the result on the screen, if there is one, is another


def test_a_check_stops_at_once_with_escape_and_what_arrives_late_is_dropped(driver: SampleDriver) -> None:
    driver.press("vpn.go")
    late = driver.backend.runs
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "vpn"
    assert driver.backend.cancelled == 1
    assert driver.words("vpn.note") == "Detenido. Guardamos lo que ya sabíamos."
    driver.window._arrived(late, (RunDone(report=checked(VpnVerdict(state="split"))),))
    assert driver.window.vpn.vpn == FULL


def test_a_check_that_fails_says_so_and_can_be_asked_for_again(driver: SampleDriver) -> None:
    driver.press("vpn.go")
    driver.backend.failed.emit(driver.backend.runs, "")
    assert driver.words("vpn.note") == "Esta prueba no se pudo terminar."
    assert driver.button("vpn.go").accessibleName() == "Revisar mi VPN"


def test_the_exam_is_explained_before_it_can_be_done(driver: SampleDriver) -> None:
    assert not driver.button("vpn.kill.go").isVisible()
    driver.press("vpn.kill.fold")
    assert "manda a propósito" in driver.words("vpn.kill.why")
    driver.press("vpn.kill.go")
    assert driver.backend.vpn_wanted == [VpnWanted(kill_switch=True)]
    play(driver, examined())
    assert driver.words("vpn.kill.said") != ""
    driver.press("vpn.kill.go")
    play(driver, examined(Status.WORKS))
    assert driver.words("vpn.kill.said") == "Nada pudo salir por fuera de la VPN."


def test_the_comparison_names_who_will_see_it_and_shows_both_ways_side_by_side(driver: SampleDriver) -> None:
    driver.press("vpn.outside.fold")
    assert "tu proveedor de Internet puede ver" in driver.words("vpn.outside.seen")
    assert "X, WhatsApp, Telegram y Signal" in driver.words("vpn.outside.seen")
    driver.press("vpn.outside.go")
    assert driver.backend.vpn_wanted == [VpnWanted(outside=True, targets=("x", "whatsapp", "telegram", "signal"))]
    play(driver, compared())
    assert driver.words("vpn.outside.said") == "X abre con la VPN y sin ella no."
    assert "X. Con la VPN: Funciona. Sin la VPN: Bloqueado." in cards(driver)
    assert "Signal. Con la VPN: Funciona. Sin la VPN: No pudimos saberlo." in cards(driver)


def test_a_comparison_that_brought_nothing_says_so(driver: SampleDriver) -> None:
    driver.press("vpn.outside.fold")
    driver.press("vpn.outside.go")
    play(driver, checked())
    assert driver.words("vpn.outside.said") == "No se pudo probar por fuera de la VPN."


def test_a_run_of_the_services_takes_the_place_of_a_check(driver: SampleDriver) -> None:
    driver.press("vpn.go")
    driver.window.start(["x"], [])
    assert not driver.window.vpn.busy
    assert driver.screen == "run"


def test_while_services_are_tested_a_check_waits(driver: SampleDriver) -> None:
    driver.window.start(["x"], [])
    driver.window.vpn.show()
    driver.press("vpn.go")
    assert driver.backend.vpn_wanted == []
    assert driver.words("vpn.note") == "Hay una prueba en marcha. Espera a que termine o detenla."


def test_what_a_run_saw_in_passing_does_not_replace_a_check_of_the_same_vpn(driver: SampleDriver) -> None:
    driver.press("vpn.go")
    play(driver, checked())
    passing = msgspec.structs.replace(FULL, checks=())
    driver.window.vpn.learn(with_vpn(samples.all_works(), passing))
    assert len(cards(driver)) == 5
    driver.window.vpn.learn(with_vpn(samples.all_works(), NONE))
    assert cards(driver) == []


def test_the_result_says_through_what_it_was_measured_and_offers_the_comparison(open_window: Open) -> None:
    opened = open_window(samples.all_works())
    opened.show(with_vpn(samples.all_works(), FULL))
    assert opened.words("result.vpn") == "Medido a través de tu VPN (Proton VPN)."
    opened.press("result.vpn.compare")
    assert opened.screen == "vpn"
    assert opened.button("vpn.outside.go").isVisible()
    assert opened.backend.vpn_wanted == []  # an offer: nothing was started
    assert opened.shell.focusWidget().objectName() == "vpn.outside.fold"


def test_a_result_without_a_vpn_says_nothing_of_one(open_window: Open) -> None:
    opened = open_window(samples.all_works())
    opened.show(samples.all_works())
    assert opened.words("result.vpn") == ""
    assert not opened.button("result.vpn.compare").isVisible()


@pytest.mark.parametrize("state", STATES)
def test_home_never_asks_to_switch_it_off(state: str, open_window: Open) -> None:
    opened = open_window(samples.all_works())
    opened.window.vpn.learn(with_vpn(samples.all_works(), STATES[state]))
    said = opened.words("home.vpn")
    assert bool(said) == (state in ("full", "split", "browser_only"))
    assert "apag" not in said


def test_everything_on_the_screen_can_be_done_with_the_keyboard_alone(driver: SampleDriver) -> None:
    assert driver.shell.focusWidget().objectName() == "vpn.go"
    driver.key(Qt.Key.Key_Return)
    assert driver.window.vpn.busy
    play(driver, checked())
    fold = driver.button("vpn.kill.fold")
    fold.setFocus()
    driver.key(Qt.Key.Key_Space)
    driver.key(Qt.Key.Key_Tab)
    assert driver.shell.focusWidget().objectName() == "vpn.kill.go"
    driver.key(Qt.Key.Key_Space)
    assert driver.backend.vpn_wanted[-1].kill_switch


def test_it_speaks_the_other_language_at_once(driver: SampleDriver) -> None:
    driver.press("vpn.go")
    play(driver, checked())
    driver.window.choose_language("en")
    assert driver.words("vpn.lead") == "A VPN is on: what you test goes through it."
    assert cards(driver)[0].startswith("Your “IPv6” address. Only in part.")
    driver.window.start(["x"], [])
    driver.window.vpn.show()
    driver.press("vpn.go")
    assert driver.words("vpn.note") == "A test is under way. Wait until it ends or stop it."
    driver.window.choose_language("es")
    assert driver.words("vpn.note") == "Hay una prueba en marcha. Espera a que termine o detenla."
    driver.window.choose_language("en")
    assert all("{" not in label.text() for label in driver.shell.findChildren(QLabel))


def test_in_a_simulation_nothing_is_said_of_this_computers_own_vpn(open_window: Open) -> None:
    opened = open_window(samples.all_works(), settings=Settings(language="es", welcomed=True))
    opened.backend.tunnels.state = None
    opened.press("rail.proxies")
    assert "VPN. Ninguna activa" in cards(opened)[0]  # what was known before stays


def test_steps_of_a_check_do_not_reach_the_result_screen(driver: SampleDriver) -> None:
    driver.press("vpn.go")
    driver.backend.play([StepDone(observation=Observation(id="o1", step=Step.VPN, detail={"stage": "exit"}))])
    assert driver.window.state is None
    assert driver.window.vpn.busy
