"""S2: what to test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFileDialog, QWidget

from app.texts import join_names, language, t
from app.vpn_words import vpn_at_home
from diagnostics.model import Service
from ui.a11y import announce
from ui.backend import Backend, SitesRead
from ui.drops import DropScreen
from ui.layouts import Flow
from ui.theme import Theme
from ui.widgets import Button, Choice, Field, Label, Row

_BETWEEN: Final = re.compile(r"[\s,;]+")
MAX_PAGES: Final = 20
"""Most pages that get a tile of their own; more are one list with one tile."""

KIB_A_PAGE: Final = 80
"""Most that one page costs, in KiB: the first 64 of its body, and names, handshakes and headers."""


class HomeScreen(DropScreen):
    """Tiles to tick, a field for a page of one's own, one button."""

    name = "home"
    start_asked = Signal(list, list)
    chosen = Signal(tuple)
    proxies_chosen = Signal(bool)

    def __init__(self, theme: Theme, backend: Backend) -> None:
        """Build the screen; the tiles come with :meth:`show_services`."""
        super().__init__(theme)
        self._backend = backend
        self._tiles: dict[str, Choice] = {}
        self._services: dict[str, Service] = {}
        self._pages: dict[str, Choice] = {}
        self._listed: dict[str, None] = {}
        self._list = Choice(theme, "home.list")
        self._list.hide()
        self._list.toggled.connect(self._list_changed)
        self._list_notes: tuple[str, ...] = ()
        self._reading = self._start_then = False
        self.dropped.connect(self._read)
        holder = QWidget()
        self._flow = Flow(holder)
        self._list.setParent(holder)
        self.body.addWidget(holder)
        self.sensitive = Label(state="warn", name="home.sensitive")
        self.body.addWidget(self.sensitive)
        self._build_field()
        self._through = Choice(theme, "home.routes")
        self._through.hide()
        self._through.clicked.connect(self.proxies_chosen)  # only what the person does is a choice
        self._proxies = 0
        self.body.addSpacing(8)
        self.body.addWidget(Row([self._through]))
        self.body.addStretch(1)
        self.problem = Label(state="warn", name="home.problem")
        self.vpn = Label(rank="muted", name="home.vpn")
        self._vpn_state = ""
        self.body.addWidget(self.vpn)
        self.data_age = Label(rank="muted", name="home.data_age")
        self.data_age.hide()
        self.body.addWidget(self.data_age)
        self.body.addWidget(self.problem)
        self.primary = Button(theme, "home.go", rank="primary")
        self.primary.clicked.connect(self._start)
        self.foot.fill([self.primary], far=1)

    def _build_field(self) -> None:
        self._field_label = Label(rank="name", name="home.add.label")
        self._field = PageField("home.field")
        self._field_label.setBuddy(self._field)
        self._field.list_pasted.connect(self._read)
        self._add = Button(self.theme, "home.add", icon="plus")
        self._open = Button(self.theme, "home.list.open", rank="flat")
        self._open.clicked.connect(self._choose_file)
        self._field.returnPressed.connect(self._add_page)
        self._add.clicked.connect(self._add_page)
        self.field_problem = Label(state="warn", name="home.add.problem")
        self.body.addSpacing(12)
        self.body.addWidget(self._field_label)
        self.body.addWidget(Row([self._field, self._add]))
        self.body.addWidget(self.field_problem)
        self.body.addWidget(Row([self._open]))
        self.list_note = Label(rank="muted", name="home.list.note")
        self.body.addWidget(self.list_note)

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

    def show_proxies(self, count: int, *, ticked: bool) -> None:
        """Offer to test through the person's proxies as well, where there are any."""
        self._proxies = count
        self._through.setChecked(ticked)
        self._through.say(t("home.routes", n=count))
        self._through.setVisible(count > 0)
        self.set_reading_order()

    def show_vpn(self, state: str) -> None:
        """Say through what the tests will go while a VPN is on; never to switch it off."""
        self._vpn_state = state
        self.vpn.say(vpn_at_home(state))

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
        self._open.say(t("home.list.open"), t("home.list.open.name"))
        self._through.say(t("home.routes", n=self._proxies))
        self._open.setToolTip(t("home.list.open.name"))
        self._list_notes = ()  # they were said in the other language
        self._say_list()
        if self.primary is not None:
            self.primary.say(t("home.go"))
        self._show_problem()
        self._show_age()
        self.vpn.say(vpn_at_home(self._vpn_state))
        self.field_problem.say("")

    def _show_age(self) -> None:
        """Say quietly that the data is old, or that newer one cannot be used; the first picture does not wait for that."""
        facts = self._backend.data.facts() if self._services else None
        notices = facts.notices if facts else ()
        self.data_age.say(" ".join([f"{facts.as_of}.", *notices]) if facts and notices else "")
        self.data_age.setVisible(bool(notices))

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
        listed = self._listed if self._list.isChecked() else {}
        return list(dict.fromkeys([*(url for url, tile in self._pages.items() if tile.isChecked()), *listed]))

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
        if text and len(self._pages) + len(typed) > MAX_PAGES:
            self._field.clear()
            self._read("\n".join(typed))
            return True
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
        if check.problem:
            return check.problem
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

    # --- a list of pages ---

    def _choose_file(self) -> None:
        kinds = f"{t('home.list.kinds')} (*.txt *.csv *.tsv *.md);;{t('home.list.any')} (*)"
        name, _kind = QFileDialog.getOpenFileName(self, t("home.list.open.name"), "", kinds)
        if name:
            self._read(Path(name))

    def _read(self, source: Path | str) -> None:
        """Read a list out of a file or a text; what it holds comes a moment later."""
        self._reading = True
        self._open.setEnabled(False)
        self._backend.read_sites(source, self._take_list)

    def _take_list(self, found: SitesRead) -> None:
        """Add a list's pages: few get a tile each, many become one."""
        self._reading = False
        self._open.setEnabled(True)
        self._list_notes = found.notes
        new = [url for url in found.urls if url not in self._pages and url not in self._listed]
        if self._listed or len(self._pages) + len(new) > MAX_PAGES:
            self._listed.update(dict.fromkeys(new))
            if self._list.isHidden() and self._listed:
                self._flow.addWidget(self._list)
                self._list.show()
            self._list.setChecked(bool(self._listed))
        else:
            for url in found.urls:
                self._add_one(url)
        self._say_list()
        self._show_problem()
        self.set_reading_order()
        announce(self, self.list_note.accessibleName())
        wanted, self._start_then = self._start_then and bool(found.urls), False
        if wanted:
            self._start()

    def _list_changed(self) -> None:
        self._say_list()
        self._show_problem()

    def _say_list(self) -> None:
        """Say what the list holds, what was not understood, and what it may cost."""
        count = len(self._listed)
        self._list.say(t("home.list", n=count))
        cost = t("home.list.cost", mb=max(1, round(count * KIB_A_PAGE / 1024))) if count and self._list.isChecked() else ""
        self.list_note.say(" ".join(part for part in (*self._list_notes, cost) if part))

    def _start(self) -> None:
        if self._field.text().strip() and not self._add_page():
            return  # a page was typed and not yet added: what it says is meant, too
        if self._reading:
            self._start_then = True  # the list is meant, too: begin when it has been read
            return
        self.start_asked.emit(self.chosen_targets(), self._wanted_pages())


class PageField(Field):
    """The field for a page: Enter adds the page and does not start the test; many lines pasted at once are a list."""

    list_pasted = Signal(str)

    def __init__(self, name: str) -> None:
        """Make the field."""
        super().__init__(name)
        self.setAcceptDrops(False)  # the screen takes what is dropped, also on the field

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keep Enter here, and look at what is pasted first: a field of one line would run its lines together."""
        if event.matches(QKeySequence.StandardKey.Paste):
            self._paste()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Show the usual menu; its Paste looks first, too."""
        menu = self.createStandardContextMenu()
        for action in menu.actions():
            if action.objectName() == "edit-paste":
                action.triggered.disconnect()
                action.triggered.connect(self._paste)
        menu.exec(event.globalPos())
        menu.deleteLater()

    def _paste(self) -> None:
        text = QGuiApplication.clipboard().text()
        if len(text.strip().splitlines()) > 1:
            self.list_pasted.emit(text)
        else:
            self.paste()
