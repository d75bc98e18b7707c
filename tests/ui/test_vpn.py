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


def cards(vpn_driver: SampleDriver) -> list[str]:
    shown = vpn_driver.window.shell.screen_shown.findChildren(Card)
    return [card.accessibleName() for card in shown if card.isVisibleTo(vpn_driver.shell)]


def play(vpn_driver: SampleDriver, report: Report) -> None:
    vpn_driver.backend.play([RunDone(report=report)])


def picture(vpn_driver: SampleDriver) -> str:
    found = vpn_driver.shell.findChild(QWidget, "vpn.picture")
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


def test_while_it_is_checked_anew_nothing_of_the_last_check_is_shown_as_if_it_were_of_now(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    play(vpn_driver, checked())
    assert len(cards(vpn_driver)) == 5
    vpn_driver.press("vpn.go")
    assert cards(vpn_driver) == []
    assert vpn_driver.words("vpn.checks") == ""
    assert vpn_driver.words("vpn.finding") == ""
    assert "llamadas" not in picture(vpn_driver)
    vpn_driver.key(Qt.Key.Key_Escape)
    assert len(cards(vpn_driver)) == 5  # stopped: what was known before is what is known


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


def test_a_private_network_leaves_the_pages_to_go_straight(vpn_driver: SampleDriver) -> None:
    vpn_driver.window.vpn.learn(with_vpn(samples.all_works(), STATES["mesh"]))
    assert (
        picture(vpn_driver) == "Por dentro de Tailscale: Tu red privada. Directo, a la vista de tu proveedor: Las páginas y Todo lo demás."
    )


def test_a_block_that_is_left_is_said_before_anything_else(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    play(vpn_driver, with_vpn(samples.faulty(Cause.NO_INTERNET), LEFT_BLOCK))
    assert vpn_driver.words("vpn.lead") == "Parece que el bloqueo de una VPN corta tu Internet."
    assert vpn_driver.words("vpn.finding") == t("cause.vpn_kill_switch_active.block_is_left")
    vpn_driver.press("vpn.advice")
    assert vpn_driver.window.screens.todo.open_tip() == "vpn-block-left"


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


def test_the_picture_is_heard_as_a_sentence(vpn_driver: SampleDriver) -> None:
    assert picture(vpn_driver).startswith("Por dentro de Proton VPN: Las páginas")
    QAccessible.setActive(True)
    shown = vpn_driver.window.screens.vpn.picture
    assert QAccessible.queryAccessibleInterface(shown).text(QAccessible.Text.Name) == picture(vpn_driver)


def test_before_the_first_check_it_is_said_who_sees_it_and_then_a_check_is_asked_for(vpn_driver: SampleDriver) -> None:
    assert "también tu proveedor de Internet" in vpn_driver.words("vpn.asks")
    vpn_driver.press("vpn.go")
    assert vpn_driver.backend.vpn_wanted == [VpnWanted()]
    assert vpn_driver.words("vpn.asks") == "Revisando tu VPN…"
    assert vpn_driver.button("vpn.go").accessibleName() == "Detener"
    play(vpn_driver, checked())
    assert vpn_driver.words("vpn.asks") == ""
    assert cards(vpn_driver)[0].startswith("Tu dirección «IPv6». Solo en parte.")
    assert vpn_driver.window.state is None  # the result on the screen, if there is one, is another


def test_a_check_stops_at_once_with_escape_and_what_arrives_late_is_dropped(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    late = vpn_driver.backend.runs
    vpn_driver.key(Qt.Key.Key_Escape)
    assert vpn_driver.screen == "vpn"
    assert vpn_driver.backend.cancelled == 1
    assert vpn_driver.words("vpn.note") == "Detenido. Guardamos lo que ya sabíamos."
    vpn_driver.window._arrived(late, (RunDone(report=checked(VpnVerdict(state="split"))),))
    assert vpn_driver.window.vpn.vpn == FULL


def test_a_check_that_fails_says_so_and_can_be_asked_for_again(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    vpn_driver.backend.failed.emit(vpn_driver.backend.runs, "")
    assert vpn_driver.words("vpn.note") == "Esta prueba no se pudo terminar."
    assert vpn_driver.button("vpn.go").accessibleName() == "Revisar mi VPN"


def test_the_exam_is_explained_before_it_can_be_done(vpn_driver: SampleDriver) -> None:
    assert not vpn_driver.button("vpn.kill.go").isVisible()
    vpn_driver.press("vpn.kill.fold")
    assert "manda a propósito" in vpn_driver.words("vpn.kill.why")
    vpn_driver.press("vpn.kill.go")
    assert vpn_driver.backend.vpn_wanted == [VpnWanted(kill_switch=True)]
    play(vpn_driver, examined())
    assert vpn_driver.words("vpn.kill.said") != ""
    vpn_driver.press("vpn.kill.go")
    play(vpn_driver, examined(Status.WORKS))
    assert vpn_driver.words("vpn.kill.said") == "Nada pudo salir por fuera de la VPN."


def test_the_comparison_names_who_will_see_it_and_shows_both_ways_side_by_side(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.outside.fold")
    assert "tu proveedor de Internet puede ver" in vpn_driver.words("vpn.outside.seen")
    assert "X, WhatsApp, Telegram y Signal" in vpn_driver.words("vpn.outside.seen")
    vpn_driver.press("vpn.outside.go")
    assert vpn_driver.backend.vpn_wanted == [VpnWanted(outside=True, targets=("x", "whatsapp", "telegram", "signal"))]
    play(vpn_driver, compared())
    assert vpn_driver.words("vpn.outside.said") == "X abre con la VPN y sin ella no."
    assert "X. Con la VPN: Funciona. Sin la VPN: Bloqueado." in cards(vpn_driver)
    assert "Signal. Con la VPN: Funciona. Sin la VPN: No pudimos saberlo." in cards(vpn_driver)


def test_a_comparison_that_brought_nothing_says_so(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.outside.fold")
    vpn_driver.press("vpn.outside.go")
    play(vpn_driver, checked())
    assert vpn_driver.words("vpn.outside.said") == "No se pudo probar por fuera de la VPN."


def test_a_run_of_the_services_takes_the_place_of_a_check(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    vpn_driver.window.start(["x"], [])
    assert not vpn_driver.window.vpn.busy
    assert vpn_driver.screen == "run"


def test_while_services_are_tested_a_check_waits(vpn_driver: SampleDriver) -> None:
    vpn_driver.window.start(["x"], [])
    vpn_driver.window.vpn.show()
    vpn_driver.press("vpn.go")
    assert vpn_driver.backend.vpn_wanted == []
    assert vpn_driver.words("vpn.note") == "Hay una prueba en marcha. Espera a que termine o detenla."


def test_what_a_run_saw_in_passing_does_not_replace_a_check_of_the_same_vpn(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    play(vpn_driver, checked())
    passing = msgspec.structs.replace(FULL, checks=())
    vpn_driver.window.vpn.learn(with_vpn(samples.all_works(), passing))
    assert len(cards(vpn_driver)) == 5
    vpn_driver.window.vpn.learn(with_vpn(samples.all_works(), NONE))
    assert cards(vpn_driver) == []


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


def test_everything_on_the_screen_can_be_done_with_the_keyboard_alone(vpn_driver: SampleDriver) -> None:
    assert vpn_driver.shell.focusWidget().objectName() == "vpn.go"
    vpn_driver.key(Qt.Key.Key_Return)
    assert vpn_driver.window.vpn.busy
    play(vpn_driver, checked())
    fold = vpn_driver.button("vpn.kill.fold")
    fold.setFocus()
    vpn_driver.key(Qt.Key.Key_Space)
    vpn_driver.key(Qt.Key.Key_Tab)
    assert vpn_driver.shell.focusWidget().objectName() == "vpn.kill.go"
    vpn_driver.key(Qt.Key.Key_Space)
    assert vpn_driver.backend.vpn_wanted[-1].kill_switch


def test_it_speaks_the_other_language_at_once(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    play(vpn_driver, checked())
    vpn_driver.window.choose_language("en")
    assert vpn_driver.words("vpn.lead") == "A VPN is on: what you test goes through it."
    assert cards(vpn_driver)[0].startswith("Your “IPv6” address. Only in part.")
    vpn_driver.window.start(["x"], [])
    vpn_driver.window.vpn.show()
    vpn_driver.press("vpn.go")
    assert vpn_driver.words("vpn.note") == "A test is under way. Wait until it ends or stop it."
    vpn_driver.window.choose_language("es")
    assert vpn_driver.words("vpn.note") == "Hay una prueba en marcha. Espera a que termine o detenla."
    vpn_driver.window.choose_language("en")
    assert all("{" not in label.text() for label in vpn_driver.shell.findChildren(QLabel))


def test_in_a_simulation_nothing_is_said_of_this_computers_own_vpn(open_window: Open) -> None:
    opened = open_window(samples.all_works(), settings=Settings(language="es", welcomed=True))
    opened.backend.tunnels.state = None
    opened.press("rail.proxies")
    assert "VPN. Ninguna activa" in cards(opened)[0]  # what was known before stays


def test_steps_of_a_check_do_not_reach_the_result_screen(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    vpn_driver.backend.play([StepDone(observation=Observation(id="o1", step=Step.VPN, detail={"stage": "exit"}))])
    assert vpn_driver.window.state is None
    assert vpn_driver.window.vpn.busy
