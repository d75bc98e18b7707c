"""What the window's tests share: one application, a backend that plays recorded reports, and helpers that press ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QWidget

from app import samples
from app.sample_vpn import FULL
from app.settings import Settings
from app.shots import SampleBackend
from app.texts import set_language
from diagnostics.model import Report
from ui.backend import Backend
from ui.flow import Window

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


B = TypeVar("B", bound=Backend)


class Driver(Generic[B]):
    """A window and hands to use it: everything by id, nothing by visible text."""

    def __init__(self, window: Window, backend: B) -> None:
        self.window = window
        self.backend = backend

    @property
    def shell(self) -> QWidget:
        return self.window.shell

    @property
    def screen(self) -> str:
        return self.window.shell.current

    def button(self, name: str) -> QPushButton:
        found = self.window.shell.findChild(QPushButton, name)
        assert found is not None, name
        return found

    def press(self, name: str) -> None:
        button = self.button(name)
        assert button.isVisible(), f"{name} is not to be seen"
        assert button.isEnabled(), f"{name} cannot be pressed"
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def type(self, name: str, text: str) -> None:
        field = self.window.shell.findChild(QLineEdit, name)
        assert field is not None, name
        field.setText(text)

    def words(self, name: str) -> str:
        found = self.window.shell.screen_shown.findChild(QLabel, name)
        assert found is not None, name
        return found.accessibleName() if found.isVisibleTo(self.window.shell) else ""

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(QApplication.focusWidget() or self.window.shell, key, modifier)


class SampleDriver(Driver[SampleBackend]):
    """Hands for a window on a backend that plays reports."""

    def show(self, report: Report) -> None:
        """Run with the outcome ``report``."""
        self.backend.sample = report
        self.window.start([service.id for service in self.backend.services()], [])
        self.backend.play()


Open = Callable[..., SampleDriver]


@pytest.fixture
def open_window(qapp: QApplication) -> Iterator[Open]:
    """Return a function that opens a window on a backend which plays reports; windows are closed afterwards."""
    windows: list[Window] = []

    def open_it(report: Report, *, settings: Settings | None = None, simulated: str | None = None) -> SampleDriver:
        backend = SampleBackend(qapp, settings or Settings(language="es", welcomed=True), report, simulated)
        window = Window(qapp, backend)
        windows.append(window)
        window.shell.show()
        window.shell.activateWindow()
        QTest.qWaitForWindowActive(window.shell)
        qapp.sendPostedEvents()
        window.opened()
        return SampleDriver(window, backend)

    yield open_it
    for window in windows:
        window.shell.close()
        window.shell.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    set_language("es")


@pytest.fixture
def spoken_aloud(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is announced to screen readers, by listening at the one place that announces."""
    heard: list[str] = []
    screens = ("run", "result", "home", "save", "detail", "todo", "settings")
    for module in ("ui.shell", "ui.flow", "ui.todo_flow", *(f"ui.screens.{each}" for each in screens)):
        monkeypatch.setattr(f"{module}.announce", lambda _widget, text: heard.append(text))
    return heard


@pytest.fixture
def vpn_driver(open_window: Open) -> SampleDriver:
    """Open the screen of a VPN that takes everything."""
    opened = open_window(samples.all_works())
    opened.backend.tunnels.state = FULL
    opened.press("rail.proxies")
    opened.press("proxies.vpn.open")
    return opened
