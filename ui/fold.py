"""A part of a screen behind its heading: folded until somebody wants it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QMargins, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from ui.theme import Theme
from ui.widgets import Button

_INSIDE = QMargins(16, 4, 16, 12)


class Fold(QFrame):
    """A card whose heading is a button; what is below it can be reached with Tab only while it is seen."""

    unfolded = Signal()
    """It was unfolded or folded: what can be reached with Tab is another."""

    def __init__(self, theme: Theme, name: str, parts: Sequence[QWidget]) -> None:
        """Make a folded part; ``name`` is the id of its heading."""
        super().__init__()
        self.setObjectName("card")
        self.button = Button(theme, name, rank="fold", icon="right")
        self.button.setCheckable(True)
        self.button.toggled.connect(self._turn)
        self._inside = QWidget()
        box = QVBoxLayout(self._inside)
        box.setContentsMargins(_INSIDE)
        box.setSpacing(8)
        for part in parts:
            box.addWidget(part)
        self._inside.hide()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 6, 4, 6)
        outer.setSpacing(0)
        outer.addWidget(self.button)
        outer.addWidget(self._inside)

    def open(self) -> None:
        """Unfold it."""
        self.button.setChecked(True)

    def _turn(self, on: bool) -> None:
        self.button.set_icon("down" if on else "right")
        self._inside.setVisible(on)
        self.unfolded.emit()
