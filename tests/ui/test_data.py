"""How old the data is, and newer data on request: in the settings, by button, by file and by drop."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from app import samples
from app.backend import AppBackend
from app.data_shelf import DataShelf
from app.data_store import DataStore
from app.data_update import Outcome
from app.data_words import day
from app.engine_thread import EngineThread
from app.settings import SettingsStore
from app.texts import set_language
from diagnostics.updates.manifest import Refusal, day_of
from diagnostics.updates.pinned import Source
from tests.ui.conftest import Open, SampleDriver
from tests.updates.making import OLD_BUILD, RECENT, bundle_of, pinned, renamed


@pytest.fixture
def settings(open_window: Open) -> SampleDriver:
    """Return the window with its settings open."""
    driver = open_window(samples.all_works())
    driver.press("rail.settings")
    return driver


def test_the_date_and_who_is_contacted_are_said_before_anything_is_pressed(settings: SampleDriver) -> None:
    assert settings.words("settings.data.as_of") == "Información del 20 nov 2026"
    assert "datos.example" in settings.words("settings.data.contacts")
    assert (settings.words("settings.data.notice"), settings.words("settings.data.outcome")) == ("", "")
    assert settings.backend.data.fetched == 0


def test_a_press_searches_says_how_and_how_it_ended(settings: SampleDriver, spoken_aloud: list[str]) -> None:
    settings.press("settings.data.update")
    assert settings.backend.data.fetched == 1
    assert settings.words("settings.data.outcome") == "Buscando con guías de nombres cifradas…"
    assert settings.button("settings.data.update").accessibleName() == "Detener"
    assert not settings.button("settings.data.file").isEnabled()
    settings.backend.data.end()
    said = settings.words("settings.data.outcome")
    assert said.startswith("Ya tienes la información del 25 nov 2026.")
    assert said.endswith("con una guía de nombres cifrada.")
    assert settings.button("settings.data.update").accessibleName() == "Actualizar información"
    assert spoken_aloud[-1] == said


def test_a_second_press_stops(settings: SampleDriver) -> None:
    settings.press("settings.data.update")
    settings.press("settings.data.update")
    assert (settings.backend.data.fetched, settings.backend.data.stopped) == (1, 1)
    assert settings.words("settings.data.outcome") == "Detuviste la búsqueda. Sigue en uso la información del 20 nov 2026."


def test_a_refusal_says_what_stays_in_use(settings: SampleDriver) -> None:
    settings.press("settings.data.update")
    settings.backend.data.end(Outcome(refusal=Refusal.EXPIRED, expires=dt.date(2026, 1, 2)))
    assert settings.words("settings.data.outcome").startswith("Esta información venció el 2 ene 2026.")
    assert settings.words("settings.data.outcome").endswith("Sigue en uso la información del 20 nov 2026.")


def test_old_data_gets_a_quiet_notice(settings: SampleDriver) -> None:
    settings.backend.data.old = True
    settings.press("settings.language.en")
    assert settings.words("settings.data.as_of") == "Information as of 1 Mar 2026"
    assert settings.words("settings.data.notice") == "It is old by now: some services may have moved."


def test_old_data_is_said_at_home_too_and_young_data_is_not(open_window: Open) -> None:
    driver = open_window(samples.all_works())
    assert driver.words("home.data_age") == ""
    driver.backend.data.old = True
    driver.window.choose_language("es")
    assert driver.words("home.data_age") == "Información del 1 mar 2026. Ya es vieja: algunos servicios pueden haber cambiado de lugar."


def test_a_build_without_a_key_says_so_and_its_button_cannot_be_pressed(open_window: Open) -> None:
    driver = open_window(samples.all_works())
    driver.backend.data.can_fetch = driver.backend.data.can_take = False
    driver.press("rail.settings")
    assert not driver.button("settings.data.update").isEnabled()
    assert not driver.button("settings.data.file").isEnabled()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/any.atajo")])
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    driver.window.screens.settings.dropEvent(drop)
    assert driver.backend.data.files == []
    assert "no conoce la firma de nadie" in driver.words("settings.data.contacts")


def test_a_file_is_chosen_or_dropped(settings: SampleDriver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen, dropped = tmp_path / "a.atajo", tmp_path / "b.atajo"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(chosen), ""))
    settings.press("settings.data.file")
    settings.backend.data.end(Outcome(refusal=Refusal.DAMAGED))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(dropped))])
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    settings.window.screens.settings.dropEvent(drop)
    assert settings.backend.data.files == [chosen, dropped]
    assert settings.words("settings.data.outcome") == "Leyendo el archivo…"


class Ends:
    """Hears how an update ended."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.good: bool | None = None

    def __call__(self, sentences: Sequence[str], good: bool) -> None:
        self.said, self.good = list(sentences), good


@pytest.fixture
def engine(qapp: QApplication) -> EngineThread:
    """Return a thread for the work."""
    set_language("es")
    return EngineThread(qapp)


def test_the_real_shelf_takes_a_file_away_from_the_window(engine: EngineThread, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "a.atajo"
    path.write_bytes(bundle_of(renamed(), version=RECENT))
    shelf, ends = DataShelf(engine, DataStore(tmp_path, pinned(version=OLD_BUILD))), Ends()
    shelf.take(path, ends)
    qtbot.waitUntil(lambda: ends.good is not None)
    engine.close()
    assert ends.said == [f"Ya tienes la información del {day(day_of(RECENT))}. Se usa desde la próxima vez que abras Atajo."]
    assert ends.good


def test_the_real_shelf_searches_in_vain_and_says_so(engine: EngineThread, qtbot: QtBot, tmp_path: Path) -> None:
    nobody = Source(host="127.0.0.1", port=9, path="/newest.atajo")
    shelf, ends, roads = DataShelf(engine, DataStore(tmp_path, pinned(nobody))), Ends(), list[str]()
    assert shelf.facts().can_fetch
    shelf.fetch(roads.append, ends)
    qtbot.waitUntil(lambda: ends.good is not None)
    engine.close()
    assert ends.said == ["No se pudo llegar a donde se publica la información.", "Sigue en uso la información del 26 nov 2026."]
    assert roads == ["Buscando por tu conexión…", "Buscando con guías de nombres cifradas…"]


def test_on_a_simulated_network_nothing_is_searched(engine: EngineThread, tmp_path: Path) -> None:
    shelf, ends = DataShelf(engine, DataStore(tmp_path, pinned()), simulated=True), Ends()
    facts = shelf.facts()
    shelf.fetch(lambda _sentence: None, ends)
    engine.close()
    assert (facts.can_fetch, facts.can_take, ends.good) == (False, True, None)
    assert facts.contacts == ("En el taller no se busca por Internet. Puedes abrir un archivo.",)


@pytest.mark.parametrize("simulated", [False, True])
def test_a_copy_that_knows_no_key_takes_nothing_and_promises_nothing(engine: EngineThread, tmp_path: Path, simulated: bool) -> None:
    keyless = msgspec.structs.replace(pinned(), keys=())
    facts = DataShelf(engine, DataStore(tmp_path, keyless), simulated=simulated).facts()
    engine.close()
    assert (facts.can_fetch, facts.can_take) == (False, False)
    assert "no conoce la firma de nadie" in " ".join(facts.contacts)


def test_what_ships_with_this_build_is_told(qapp: QApplication) -> None:
    backend = AppBackend(SettingsStore())
    assert [service.id for service in backend.services()][:1] == ["x"]
    assert backend.data.facts().as_of.startswith("Información del ")
    backend.close()
    assert qapp is not None
