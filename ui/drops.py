"""Screens that take files and texts which are dropped on them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from ui.screen import Screen
from ui.theme import Theme


class DropScreen(Screen):
    """A screen that says what was dropped on it: the file (Path), or the text."""

    dropped = Signal(object)

    def __init__(self, theme: Theme) -> None:
        """Take drops anywhere on the screen; fields on it must not take them for themselves."""
        super().__init__(theme)
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and texts."""
        if event.mimeData().hasUrls() or event.mimeData().hasText():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell what was dropped."""
        source = _read(event.mimeData())
        if source:
            event.acceptProposedAction()
            self.dropped.emit(source)


def _read(data: QMimeData) -> Path | str:
    """Return the file that was dropped, or the text: a page's address from a browser is one too."""
    files = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
    return Path(files[0]) if files else data.text()
