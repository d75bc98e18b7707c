"""The person's proxies in the window: adding, asking, removing, testing, and services by each way."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QPlainTextEdit

from app.sample_proxies import FOUND, LINKS, compared
from app.samples import all_works, events_of
from tests.ui.conftest import Open, SampleDriver
from ui.screens.proxies import UNDO_SECONDS
from ui.widgets import Card

SECRETS = ("una-clave", "otra-clave", "ana")


@pytest.fixture
def driver(open_window: Open) -> SampleDriver:
    opened = open_window(all_works())
    opened.press("rail.proxies")
    return opened


def paste(driver: SampleDriver, text: str) -> None:
    field = driver.shell.findChild(QPlainTextEdit, "proxies.field")
    assert field is not None
    field.setPlainText(text)
    driver.press("proxies.add")


def cards(driver: SampleDriver) -> list[str]:
    shown = driver.window.shell.screen_shown.findChildren(Card)
    names = [card.accessibleName() for card in shown if card.isVisibleTo(driver.shell)]
    return [name for name in names if not name.startswith("VPN.")]  # the card of this computer's VPN is tested in test_vpn.py


def shown_texts(driver: SampleDriver) -> str:
    labels = driver.shell.findChildren(QLabel)
    return " ".join([label.text() + label.accessibleName() + label.toolTip() for label in labels] + [driver.shell.windowTitle()])


def test_whatever_one_was_given_is_understood_several_at_once(driver: SampleDriver) -> None:
    assert driver.words("proxies.empty")
    paste(driver, "\n".join(LINKS))
    assert driver.words("proxies.note") == "Agregamos 3."
    assert cards(driver) == [
        "«oficina». SOCKS5 · Sin probar.",
        f"Web ({driver.backend.shelf.all()[1].route[-4:]}). Web · Sin probar.",
        "«primo». Trojan · Sin probar.",
    ]
    assert not any(secret in shown_texts(driver) for secret in SECRETS)


def test_what_was_not_understood_is_named_and_stays_in_the_field(driver: SampleDriver) -> None:
    paste(driver, "gopher://nada.example:70")
    assert driver.words("proxies.note") == "En el lugar 1: No conocemos enlaces que empiezan con «gopher://»."
    field = driver.shell.findChild(QPlainTextEdit, "proxies.field")
    assert field is not None
    assert field.toPlainText() == "gopher://nada.example:70"


def test_a_proxy_in_ones_own_network_is_asked_about_first(driver: SampleDriver) -> None:
    paste(driver, "socks5://192.168.1.5:1080")
    assert driver.backend.shelf.kept == {}
    assert "en esta computadora o en tu red" in driver.words("proxies.near")
    driver.press("proxies.near.no")
    assert driver.words("proxies.near") == ""
    assert driver.backend.shelf.kept == {}
    paste(driver, "socks5://192.168.1.5:1080")
    driver.press("proxies.near.yes")
    assert len(driver.backend.shelf.kept) == 1


def test_a_removal_can_be_taken_back_until_its_time_is_over(driver: SampleDriver) -> None:
    paste(driver, "\n".join(LINKS))
    first = driver.backend.shelf.all()[0].id
    driver.press(f"proxies.remove.{first}")
    assert driver.words("proxies.removed") == "Quitamos «oficina»."
    assert len(cards(driver)) == 2
    driver.press("proxies.undo")
    assert len(cards(driver)) == 3
    driver.press(f"proxies.remove.{first}")
    timer = driver.window.screens.proxies._timer
    assert timer.interval() == UNDO_SECONDS * 1000
    timer.timeout.emit()
    assert driver.backend.shelf.removed == [first]


def test_closing_the_window_carries_the_removal_out(driver: SampleDriver) -> None:
    paste(driver, "\n".join(LINKS))
    first = driver.backend.shelf.all()[0].id
    driver.press(f"proxies.remove.{first}")
    driver.window.shell.close()
    assert driver.backend.shelf.removed == [first]


def test_one_proxy_is_tested_beside_the_result_and_its_row_says_how_it_fares(driver: SampleDriver) -> None:
    paste(driver, "\n".join(LINKS))
    rows = driver.backend.shelf.all()
    driver.backend.sample = compared()
    driver.press(f"proxies.test.{rows[0].id}")
    assert driver.backend.over == (rows[0].id,)
    assert "Probando…" in cards(driver)[0]
    assert not driver.button(f"proxies.test.{rows[1].id}").isEnabled()
    driver.backend.play()
    assert driver.window.state is None  # the result on the screen, if there is one, is another
    assert cards(driver)[0].startswith("«oficina». SOCKS5 · disponible. Por él se abre: X y WhatsApp. No lleva llamadas")
    assert cards(driver)[1].endswith("El proxy no acepta el usuario o la clave.")
    assert "Funciona, pero lento" in cards(driver)[2].replace("funciona", "Funciona")


def test_the_eleven_steps_of_a_proxy_and_its_name(driver: SampleDriver) -> None:
    paste(driver, "\n".join(LINKS))
    driver.backend.sample = compared()
    driver.press("proxies.all")
    driver.backend.play()
    row = driver.backend.shelf.all()[0]
    driver.press(f"proxies.details.{row.id}")
    assert driver.screen == "proxy"
    steps = [label.accessibleName() for label in driver.shell.findChildren(QLabel) if label.accessibleName()[:2].strip(". ").isdigit()]
    assert len(steps) == 11
    assert steps[3] == "4. Salir a Internet: Por él se llega a las páginas de prueba."
    driver.type("proxy.field", "la oficina de Caracas")
    driver.press("proxy.rename")
    assert driver.words("proxy.title") == "«la oficina de Caracas»: disponible"


def test_a_proxy_that_refuses_the_login_breaks_off_at_that_step(driver: SampleDriver) -> None:
    paste(driver, "\n".join(LINKS))
    driver.backend.sample = compared()
    driver.press("proxies.all")
    driver.backend.play()
    driver.press(f"proxies.details.{driver.backend.shelf.all()[1].id}")
    steps = [label.accessibleName() for label in driver.shell.findChildren(QLabel) if label.accessibleName()[:2].strip(". ").isdigit()]
    assert steps[2] == "3. Entrar: El proxy no acepta el usuario o la clave."
    assert all(step.endswith("No se llegó hasta aquí.") for step in steps[3:])


def test_what_is_found_on_this_computer_can_be_kept(driver: SampleDriver) -> None:
    driver.press("proxies.find")
    assert (
        driver.words("proxies.found.note") == "No encontramos ningún proxy en esta computadora. Abre primero su programa y busca otra vez."
    )
    driver.backend.shelf.found = [FOUND]
    driver.press("proxies.find")
    driver.press("proxies.keep.0")
    assert driver.backend.shelf.all()[0].label == "«Tor Browser»"


def test_home_offers_to_test_through_the_proxies_and_remembers_the_choice(driver: SampleDriver) -> None:
    driver.press("rail.home")
    assert not driver.button("home.routes").isVisible()
    driver.press("rail.proxies")
    paste(driver, "\n".join(LINKS))
    driver.press("rail.home")
    assert driver.button("home.routes").accessibleName() == "También por mis servidores proxy (3)"
    driver.press("home.go")
    assert len(driver.backend.over) == 3
    driver.backend.play()
    driver.press("rail.home")
    driver.window.show_home()
    driver.press("home.routes")
    driver.press("home.go")
    assert list(driver.backend.over) == []
    assert driver.backend.preferences.through_proxies is False


def test_the_result_holds_the_ways_against_each_other(driver: SampleDriver) -> None:
    paste(driver, "\n".join(LINKS))
    driver.show(compared())
    x = next(name for name in cards(driver) if name.startswith("X."))
    assert x.endswith("Directo no abre; por «oficina» y «primo» sí.")
    whatsapp = next(name for name in cards(driver) if name.startswith("WhatsApp."))
    assert whatsapp.endswith("Directo abre; por «primo» no.")
    assert any(name.startswith("Tu proxy «oficina». Disponible.") for name in cards(driver))
    driver.window.show_detail("x")
    ways = [label.text() for label in driver.window.screens.detail.findChildren(QLabel) if label.text().startswith("Por ")]
    assert any(text.startswith("Por «oficina»: responde en") for text in ways)


def test_what_a_run_found_out_is_shown_when_the_list_is_first_opened(open_window: Open) -> None:
    opened = open_window(compared())
    opened.backend.shelf.add("\n".join(LINKS))
    opened.show(compared())
    opened.press("rail.proxies")
    assert cards(opened)[0].startswith("«oficina». SOCKS5 · disponible.")


def test_a_run_of_the_services_takes_the_place_of_a_test_of_a_proxy(driver: SampleDriver) -> None:
    paste(driver, "\n".join(LINKS))
    driver.backend.sample = compared()
    driver.press("proxies.all")
    late = driver.backend.runs
    driver.window.start(["x"], [])
    driver.window._arrived(late, tuple(events_of(compared())))
    driver.window.show("proxies")
    assert all("Sin probar" in card for card in cards(driver))
