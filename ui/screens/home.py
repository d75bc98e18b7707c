"""S2: what to test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from app.texts import join_names, language, t
from diagnostics.model import Service
from ui.a11y import announce
from ui.backend import Backend
from ui.layouts import Flow
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Choice, Field, Label, Row

_BETWEEN: Final = re.compile(r"[\s,;]+")
MAX_PAGES: Final = 20
"""Most pages that can be added by hand: what one person can want to know at once."""


class HomeScreen(Screen):
    """Tiles to tick, a field for a page of one's own, one button."""

    name = "home"
    start_asked = Signal(list, list)
    chosen = Signal(tuple)

    def __init__(self, theme: Theme, backend: Backend) -> None:
        """Build the screen; the tiles come with :meth:`show_services`."""
        super().__init__(theme)
        self._backend = backend
        self._tiles: dict[str, Choice] = {}
        self._services: dict[str, Service] = {}
        self._pages: dict[str, Choice] = {}
        holder = QWidget()
        self._flow = Flow(holder)
        self.body.addWidget(holder)
        self.sensitive = Label(state="warn", name="home.sensitive")
        self.body.addWidget(self.sensitive)
        self._build_field()
        self.body.addStretch(1)
        self.problem = Label(state="warn", name="home.problem")
        self.body.addWidget(self.problem)
        self.primary = Button(theme, "home.go", rank="primary")
        self.primary.clicked.connect(self._start)
        self.foot.fill([self.primary], far=1)

    def _build_field(self) -> None:
        self._field_label = Label(rank="name", name="home.add.label")
        self._field = PageField("home.field")
        self._field_label.setBuddy(self._field)
        self._add = Button(self.theme, "home.add", icon="plus")
        self._field.returnPressed.connect(self._add_page)
        self._add.clicked.connect(self._add_page)
        self.field_problem = Label(state="warn", name="home.add.problem")
        self.body.addSpacing(12)
        self.body.addWidget(self._field_label)
        self.body.addWidget(Row([self._field, self._add]))
        self.body.addWidget(self.field_problem)

    def show_services(self, services: Sequence[Service], ticked: Sequence[str]) -> None:
        """Show a tile for every service."""
        for service in services:
            tile = Choice(self.theme, f"home.tile.{service.id}")
            tile.setChecked(service.id in ticked)
            tile.toggled.connect(self._changed)
            self._services[service.id], self._tiles[service.id] = service, tile
            self._flow.addWidget(tile)
            tile.show()
        self.retranslate()
        self.set_reading_order()

    def chosen_targets(self) -> list[str]:
        """Return the ids of the ticked services, in the order shown."""
        return [target for target, tile in self._tiles.items() if tile.isChecked()]

    def retranslate(self) -> None:
        """Put the words in."""
        self.title.say(t("home.title"))
        for target, tile in self._tiles.items():
            names = self._services[target].name
            tile.say(names.get(language()) or names.get("en") or target)
        self._show_risk()
        self._field_label.say(t("home.add.label"))
        self._field.setPlaceholderText(t("home.add.hint"))
        self._field.setAccessibleName(t("home.add.label"))
        self._field.setToolTip(t("home.add.hint"))
        self._add.say(t("home.add"))
        if self.primary is not None:
            self.primary.say(t("home.go"))
        self._show_problem()
        self.field_problem.say("")

    def _show_risk(self) -> None:
        """Say what testing the chosen services may tell whoever watches the line."""
        risky = [s for target, s in self._services.items() if s.sensitive and self._tiles[target].isChecked()]
        names = [s.name.get(language()) or s.name.get("en") or s.id for s in risky]
        self.sensitive.say(t("services.sensitive", names=join_names(names)) if names else "")

    def _changed(self) -> None:
        self._show_risk()
        self._show_problem()
        self.chosen.emit(tuple(self.chosen_targets()))

    def _wanted_pages(self) -> list[str]:
        return [url for url, tile in self._pages.items() if tile.isChecked()]

    def _show_problem(self) -> None:
        nothing = bool(self._tiles) and not self.chosen_targets() and not self._wanted_pages()
        self.problem.say(t("home.nothing") if nothing else "")
        if self.primary is not None:
            self.primary.setEnabled(not nothing)

    def _add_page(self) -> bool:
        """Add what was typed, or pasted many at once, as tiles; what is wrong stays in the field, with what is wrong about it."""
        text = self._field.text().strip()
        parts = _BETWEEN.split(text)
        typed = parts if all("." in part for part in parts) else [text]  # words are no list
        problems = {each: problem for each in typed if (problem := self._add_one(each))}
        self._show_problem()
        self.set_reading_order()
        self._field.setText(" ".join(problems))
        self.field_problem.say(next(iter(problems.values()), ""))
        if problems:
            announce(self._field, self.field_problem.accessibleName())
            self._field.setFocus()
        return not problems

    def _add_one(self, typed: str) -> str:
        """Add one page as a tile; return what is wrong with it, or nothing."""
        check = self._backend.check_url(typed)
        if check.problem or (len(self._pages) >= MAX_PAGES and check.url not in self._pages):
            return check.problem or t("home.add.many", n=MAX_PAGES)
        if check.url not in self._pages:
            tile = Choice(self.theme, f"home.page.{len(self._pages) + 1}")
            tile.say(check.url if len(check.url) <= 40 else f"{check.url[:39]}…", check.url)
            tile.setToolTip(check.url)
            tile.toggled.connect(self._show_problem)
            self._pages[check.url] = tile
            self._flow.addWidget(tile)
            tile.show()
        self._pages[check.url].setChecked(True)
        return ""

    def _start(self) -> None:
        if self._field.text().strip() and not self._add_page():
            return  # a page was typed and not yet added: what it says is meant, too
        self.start_asked.emit(self.chosen_targets(), self._wanted_pages())


class PageField(Field):
    """The field for a page: Enter adds the page and does not start the test."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keep Enter here."""
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
