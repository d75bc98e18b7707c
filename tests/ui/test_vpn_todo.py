"""After a test of the VPN or of a profile: what to do, saving its report, doing it once more, and never the services' in their place."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from app import samples
from app.sample_vpn import FULL, NONE, WIREGUARD, checked, examined, profile_report, with_vpn
from app.texts import t
from diagnostics.events import NetworkJudged, RunDone
from diagnostics.model import Cause, NetworkVerdict, Report, Status, VpnVerdict
from tests.ui.conftest import Open, SampleDriver
from ui.screens.todo import TodoScreen
from ui.tip_card import TipCard


@pytest.fixture
def profile(open_window: Open) -> SampleDriver:
    opened = open_window(samples.all_works())
    opened.press("rail.proxies")
    opened.press("proxies.test.profile")
    opened.window.screens.vpn_profile.read("[Interface]")
    opened.press("vpn_profile.go")
    return opened


def play(vpn_driver: SampleDriver, report: Report) -> None:
    vpn_driver.backend.play([RunDone(report=report)])


def tips(vpn_driver: SampleDriver) -> list[str]:
    screen = vpn_driver.window.shell.screen_shown
    assert isinstance(screen, TodoScreen)
    return [card.advice.id for card in sorted(screen.findChildren(TipCard), key=lambda card: card.number) if card.isVisible()]


def offered(vpn_driver: SampleDriver) -> Report:
    assert vpn_driver.screen == "save"
    return vpn_driver.window.screens.save.report


def test_what_a_check_found_stands_first_and_leads_to_what_helps_with_it(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    play(vpn_driver, checked())
    assert vpn_driver.words("vpn.finding") == t("cause.vpn_ipv6_outside.likely")
    assert vpn_driver.window.shell.screen_shown.primary is vpn_driver.button("vpn.advice")
    vpn_driver.press("vpn.advice")
    assert vpn_driver.screen == "todo"
    assert vpn_driver.words("todo.title") == "Qué hacer con tu VPN"
    assert vpn_driver.words("todo.lead") == t("cause.vpn_ipv6_outside.likely")
    assert tips(vpn_driver) == ["vpn-protect-ipv6"]
    vpn_driver.press("todo.back")
    assert vpn_driver.screen == "vpn"


def test_what_the_exam_found_is_advised_upon_beside_what_the_check_found(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    play(vpn_driver, checked())
    vpn_driver.press("vpn.kill.fold")
    vpn_driver.press("vpn.kill.go")
    leak = msgspec.structs.replace(examined().network.vpn.checks[-1], cause=Cause.VPN_LEAK_PATH_OPEN)
    play(vpn_driver, with_vpn(examined(), msgspec.structs.replace(FULL, checks=(leak,))))
    vpn_driver.press("vpn.advice")
    assert sorted(tips(vpn_driver)) == ["vpn-kill-switch-on", "vpn-protect-ipv6"]


def test_a_vpn_that_is_as_it_should_be_needs_no_advice(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    fine = msgspec.structs.replace(FULL, checks=FULL.checks[:1])
    play(vpn_driver, checked(fine))
    assert vpn_driver.words("vpn.finding") == ""
    assert not vpn_driver.button("vpn.advice").isVisible()
    assert vpn_driver.window.shell.screen_shown.primary is vpn_driver.button("vpn.go")


def test_the_settings_alone_bring_advice_and_no_report(vpn_driver: SampleDriver) -> None:
    assert not vpn_driver.button("vpn.save").isVisible()
    assert vpn_driver.window.shell.screen_shown.primary is vpn_driver.button("vpn.go")  # a check would tell more
    vpn_driver.press("vpn.advice")
    assert tips(vpn_driver) == ["vpn-protect-ipv6"]
    assert not vpn_driver.button("todo.save").isVisible()
    vpn_driver.press("todo.yes.1")
    assert vpn_driver.shell.focusWidget().objectName() == "todo.again"


def test_the_report_of_a_check_is_saved_whatever_else_was_tested(vpn_driver: SampleDriver) -> None:
    vpn_driver.show(samples.x_blocked())
    vpn_driver.window.vpn.show()
    vpn_driver.press("vpn.go")
    report = checked()
    play(vpn_driver, report)
    vpn_driver.press("vpn.save")
    assert offered(vpn_driver) == report
    assert vpn_driver.words("save.lead") == "Este informe es de la revisión de tu VPN."
    vpn_driver.press("save.copy")
    copied = QGuiApplication.clipboard().text()
    assert f"{t('vpn.check.ipv6')}: Solo en parte" in copied
    assert "bloqueado" not in copied.lower()
    assert len(copied) <= 600
    vpn_driver.press("save.back")
    assert vpn_driver.screen == "vpn"
    vpn_driver.press("vpn.advice")
    vpn_driver.press("todo.save")
    assert offered(vpn_driver) == report


def test_ctrl_s_on_the_vpns_screen_never_saves_the_services(vpn_driver: SampleDriver) -> None:
    vpn_driver.show(samples.x_blocked())
    vpn_driver.window.vpn.show()
    vpn_driver.key(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert vpn_driver.screen == "vpn"
    vpn_driver.window.go_back()
    vpn_driver.key(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert offered(vpn_driver) == samples.x_blocked()
    assert vpn_driver.words("save.lead") == ""


def test_a_stopped_check_leaves_no_half_report(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    vpn_driver.backend.play([NetworkJudged(network=NetworkVerdict(status=Status.WORKS, vpn=FULL))])
    vpn_driver.press("vpn.go")
    assert not vpn_driver.button("vpn.save").isVisible()


def test_f5_does_again_what_the_screen_is_about(vpn_driver: SampleDriver) -> None:
    vpn_driver.show(samples.x_blocked())
    vpn_driver.window.vpn.show()
    runs = vpn_driver.backend.runs
    vpn_driver.key(Qt.Key.Key_F5)
    assert (vpn_driver.backend.runs, len(vpn_driver.backend.vpn_wanted)) == (runs + 1, 1)
    play(vpn_driver, checked())
    vpn_driver.press("vpn.advice")
    vpn_driver.press("todo.again")
    assert vpn_driver.screen == "vpn"
    assert vpn_driver.window.vpn.busy
    assert len(vpn_driver.backend.vpn_wanted) == 2
    vpn_driver.key(Qt.Key.Key_Escape)
    vpn_driver.key(Qt.Key.Key_Escape)
    assert vpn_driver.screen == "result"  # what lay between is not walked through backwards


def test_advice_about_the_vpn_follows_the_language_and_what_was_said_of_it_stays(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    play(vpn_driver, checked())
    vpn_driver.press("vpn.advice")
    vpn_driver.press("todo.no.1")
    vpn_driver.window.choose_language("en")
    assert vpn_driver.words("todo.title") == "What to do about your VPN"
    assert vpn_driver.words("todo.told.1") == "It did not work for you"
    vpn_driver.press("todo.back")
    vpn_driver.window.show_home()
    vpn_driver.window.vpn.show()
    vpn_driver.press("vpn.advice")
    assert vpn_driver.words("todo.told.1") == "It did not work for you"


def test_the_services_advice_is_theirs_again_afterwards(vpn_driver: SampleDriver) -> None:
    vpn_driver.show(samples.x_blocked())
    vpn_driver.window.vpn.show()
    vpn_driver.press("vpn.advice")
    vpn_driver.window.go_back()
    vpn_driver.window.go_back()
    vpn_driver.press("result.action.x")
    assert vpn_driver.words("todo.title") == "Cómo entrar a X desde esta red"
    vpn_driver.press("todo.save")
    assert offered(vpn_driver) == samples.x_blocked()


def test_a_profile_that_is_cut_leads_to_what_helps_and_to_its_own_report(profile: SampleDriver) -> None:
    report = profile_report(WIREGUARD, works=False, cut=True)
    play(profile, report)
    profile.press("vpn_profile.advice")
    assert profile.words("todo.title") == "Qué hacer con este perfil"
    assert profile.words("todo.lead") == "Tu red corta el saludo de esta VPN. Por otra vía el servidor sí contesta."
    assert len(tips(profile)) == 1
    profile.press("todo.save")
    assert offered(profile) == report
    assert profile.words("save.lead").startswith("Este informe es de la prueba del perfil.")
    profile.press("save.copy")
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("WireGuard (1a2b): No conecta desde aquí")
    assert "casa" not in copied  # what the file is called stays here
    profile.press("save.back")
    profile.press("todo.again")
    assert profile.screen == "vpn_profile"
    assert [each.profile for each in profile.backend.vpn_wanted] == [WIREGUARD.id] * 2


def test_a_silent_server_has_no_advice_and_that_is_said(profile: SampleDriver) -> None:
    play(profile, profile_report(WIREGUARD, works=False))
    profile.press("vpn_profile.advice")
    assert profile.words("todo.none") == "No tenemos un consejo para esto. Guarda el informe y pide ayuda."


def test_a_profile_that_works_can_be_saved_and_needs_nothing(profile: SampleDriver) -> None:
    assert not profile.button("vpn_profile.save").isVisible()
    play(profile, profile_report(WIREGUARD, works=True))
    assert not profile.button("vpn_profile.advice").isVisible()
    profile.press("vpn_profile.save")
    assert offered(profile) == profile_report(WIREGUARD, works=True)


def test_f5_tests_the_profile_again(profile: SampleDriver) -> None:
    play(profile, profile_report(WIREGUARD, works=True))
    profile.key(Qt.Key.Key_F5)
    assert len(profile.backend.vpn_wanted) == 2


def test_a_check_of_the_vpn_does_not_cost_the_profiles_result(profile: SampleDriver) -> None:
    report = profile_report(WIREGUARD, works=True)
    play(profile, report)
    profile.window.vpn.show()
    profile.press("vpn.go")
    play(profile, checked())
    profile.window.vpn.show_profile()
    assert profile.window.screens.vpn_profile.spoken_outcome().startswith("WireGuard · casa. Contesta.")
    profile.press("vpn_profile.save")
    assert offered(profile) == report


def test_of_a_profile_that_was_put_away_nothing_is_saved(profile: SampleDriver) -> None:
    play(profile, profile_report(WIREGUARD, works=True))
    profile.press("vpn_profile.another")
    profile.key(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert profile.screen == "vpn_profile"


def test_a_screen_reader_hears_what_is_wrong_first(vpn_driver: SampleDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr("ui.vpn_flow.announce", lambda _widget, text: heard.append(text))
    vpn_driver.press("vpn.go")
    play(vpn_driver, checked())
    assert heard[-1] == f"{t('cause.vpn_ipv6_outside.likely')} Hay una VPN activa: lo que pruebes pasa por ella."


# --- what is not known any more --------------------------------------------------------------------


def test_a_vpn_that_cannot_be_seen_any_more_is_unknown_and_nothing_of_it_stays(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.go")
    play(vpn_driver, checked())
    vpn_driver.backend.tunnels.state = VpnVerdict()
    vpn_driver.window.vpn.look()
    assert vpn_driver.words("vpn.lead") == "No pudimos saber si hay una VPN activa."
    assert vpn_driver.words("vpn.state") == ""
    assert vpn_driver.words("vpn.checks") == ""
    assert vpn_driver.words("vpn.finding") == ""
    assert not vpn_driver.button("vpn.save").isVisible()
    assert not vpn_driver.button("vpn.advice").isVisible()


def test_the_exam_of_another_vpn_is_not_told_of_this_one(vpn_driver: SampleDriver) -> None:
    vpn_driver.press("vpn.kill.fold")
    vpn_driver.press("vpn.kill.go")
    play(vpn_driver, examined(Status.WORKS))
    assert vpn_driver.words("vpn.kill.said") != ""
    vpn_driver.window.vpn.learn(with_vpn(samples.all_works(), NONE))
    assert vpn_driver.words("vpn.kill.said") == ""


def test_a_run_that_ended_before_it_looked_does_not_make_the_vpn_unknown(vpn_driver: SampleDriver) -> None:
    vpn_driver.window.vpn.learn(with_vpn(Report(), VpnVerdict()))
    assert vpn_driver.words("vpn.lead") == "Hay una VPN activa: lo que pruebes pasa por ella."
