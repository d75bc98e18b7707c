"""The one window: ribbon, rail, and the screen that is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QKeySequence, QPaintEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.texts import t
from ui.a11y import announce
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Label

SIZE: Final = (760, 620)
LEAST_SIZE: Final = (560, 480)
RAIL_WORDS: Final = 700
"""Least width, logical pixels at a text size of 100 %, at which the rail shows words beside its icons."""


_PLACES: Final = {"settings": "settings", **dict.fromkeys(("proxies", "proxy", "vpn", "vpn_profile", "vpn_watch"), "proxies")}
"""The rail's entry of each screen; all others belong to home."""


_BETWEEN: Final = ("todo", "qr", "save")
"""Screens that belong wherever the person came from."""


class Shell(QMainWindow):
    """The window's frame.  It knows the screens only by name; ``ui/flow.py`` decides which one is shown when."""

    painted = Signal()
    """The first picture is on the screen: what was put off can begin."""

    closing = Signal()
    escape_pressed = Signal()
    again_pressed = Signal()
    save_pressed = Signal()
    rail_pressed = Signal(str)

    def __init__(self, theme: Theme) -> None:
        """Build the frame."""
        super().__init__()
        self.setObjectName("shell")
        self.setMinimumSize(*LEAST_SIZE)
        self.resize(*SIZE)
        self._theme = theme
        self._screens: dict[str, Screen] = {}
        self._simulated = False
        self._painted_once = False
        self._stack = QStackedWidget()
        self._ribbon, self._ribbon_text = self._build_ribbon()
        self._rail = self._build_rail()
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self._rail)
        middle.addWidget(self._stack, 1)
        frame = QWidget()
        frame.setObjectName("frame")
        box = QVBoxLayout(frame)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self._ribbon)
        box.addLayout(middle, 1)
        self.setCentralWidget(frame)
        self._bind_keys()
        theme.changed.connect(self._fit_rail)

    # --- building ---

    def _build_ribbon(self) -> tuple[QFrame, Label]:
        ribbon = QFrame()
        ribbon.setObjectName("ribbon")
        box = QHBoxLayout(ribbon)
        box.setContentsMargins(24, 6, 24, 6)
        text = Label(" ", name="shell.ribbon")
        box.addWidget(text, 1)
        ribbon.hide()
        return ribbon, text

    def _build_rail(self) -> QFrame:
        rail = QFrame()
        rail.setObjectName("rail")
        box = QVBoxLayout(rail)
        box.setContentsMargins(6, 16, 6, 12)
        box.setSpacing(4)
        self._entries = {name: Button(self._theme, f"rail.{name}", rank="rail", icon=name) for name in ("home", "proxies", "settings")}
        for name, entry in self._entries.items():
            entry.setCheckable(True)
            entry.clicked.connect(lambda _on=False, name=name: self._press_rail(name))
            box.addWidget(entry)
        box.addStretch(1)
        return rail

    def _bind_keys(self) -> None:
        bindings: list[tuple[str, Callable[[], None]]] = [
            ("Esc", self.escape_pressed.emit),
            ("Ctrl+R", self.again_pressed.emit),
            ("F5", self.again_pressed.emit),
            ("Ctrl+S", self.save_pressed.emit),
        ]
        bindings += [(f"Ctrl+{n}", partial(self._press_rail, name)) for n, name in enumerate(self._entries, start=1)]
        for keys, action in bindings:
            QShortcut(QKeySequence(keys), self).activated.connect(action)

    def add(self, screen: Screen) -> None:
        """Add a screen."""
        self._screens[screen.name] = screen
        self._stack.addWidget(screen)

    # --- showing ---

    @property
    def current(self) -> str:
        """Return the name of the screen that is shown."""
        widget = self._stack.currentWidget()
        return widget.name if isinstance(widget, Screen) else ""

    @property
    def screen_shown(self) -> Screen:
        """Return the screen that is shown."""
        return self._screens[self.current]

    def show_screen(self, name: str) -> None:
        """Show a screen, put the focus where it belongs and let a screen reader say what it is."""
        screen = self._screens[name]
        self._rail.setVisible(name != "welcome")
        if name not in _BETWEEN:
            for entry, button in self._entries.items():
                button.setChecked(entry == _PLACES.get(name, "home"))
        self._stack.setCurrentWidget(screen)
        screen.enter()
        announce(screen, screen.spoken())

    def set_simulated(self, *, simulated: bool) -> None:
        """Put the ribbon up, or take it down."""
        self._simulated = simulated
        self._ribbon.setVisible(simulated)
        self.retranslate()

    def retranslate(self) -> None:
        """Put the words of the frame in."""
        ribbon = t("workshop.ribbon")
        self._ribbon_text.say(ribbon)
        self.setWindowTitle(f"{ribbon} · Atajo" if self._simulated else "Atajo")
        self._fit_rail()

    def _press_rail(self, name: str) -> None:
        for entry, button in self._entries.items():
            button.setChecked(entry == name)
        self.rail_pressed.emit(name)

    def _fit_rail(self) -> None:
        """Show words in the rail only while there is room for them."""
        words = self.width() >= RAIL_WORDS * self._theme.unit
        for name, button in self._entries.items():
            text = t(f"nav.{name}")
            button.say(text if words else "", text)
            button.setToolTip("" if words else text)

    # --- Qt's own ---

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press the screen's main button with Enter, unless the focus took it."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.screen_shown.press_primary()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the rail."""
        super().resizeEvent(event)
        self._fit_rail()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell once that the window was painted: a timer of zero fires when the picture is on its way to the screen."""
        super().paintEvent(event)
        if not self._painted_once:
            self._painted_once = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Disappear at once; what is under way ends behind."""
        self.hide()
        self.closing.emit()
        super().closeEvent(event)
