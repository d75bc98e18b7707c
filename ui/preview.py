"""A page as it will be saved, drawn in the window: text that can be read and selected, and nothing that leads or loads anywhere."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtWidgets import QTextBrowser

from ui.closed import empty_resource

LEAST_HEIGHT = 320
"""Pixels; the rest is scrolled."""


class PagePreview(QTextBrowser):
    """White paper whatever the theme, as the reader will have it."""

    def __init__(self, name: str) -> None:
        """Make an empty page; ``name`` is its id."""
        super().__init__()
        self.setObjectName(name)
        self.setOpenLinks(False)
        self.setTabChangesFocus(True)
        self.setMinimumHeight(LEAST_HEIGHT)
        self.setStyleSheet("background: #ffffff; color: #000000;")
        self._shown = ""

    def show_page(self, page: str) -> None:
        """Show a page of plain HTML; the same one again stays where it was scrolled to."""
        if page != self._shown:
            self._shown = page
            self.setHtml(page)

    def loadResource(self, kind: int, _name: QUrl | str) -> object:
        """Return something empty, whatever a text asks for."""
        return empty_resource(kind)
