"""S12: language, colours and text size, where every choice holds at once; what is looked for; the data that Atajo knows, and newer data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.texts import t
from ui.a11y import announce
from ui.backend import Preferences
from ui.data_backend import Data
from ui.drops import DropScreen
from ui.layouts import Flow
from ui.screens.welcome import LANGUAGES
from ui.theme import Theme
from ui.widgets import Button, Choice, Label, Row

THEMES = ("system", "light", "dark", "contrast")
SIZES = (100, 125, 150, 200)
SEARCHES = ("ways", "ways_out")
DATA_LINES: Final = ("as_of", "notice", "what", "contacts", "outcome")


class SettingsScreen(DropScreen):
    """Rows of choices, and what is said of the data; a file that is dropped here is taken for newer data."""

    name = "settings"
    language_chosen = Signal(str)
    theme_chosen = Signal(str)
    size_chosen = Signal(int)
    search_chosen = Signal(str, bool)

    def __init__(self, theme: Theme, data: Data) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._data = data
        self._searching = False
        self._labels = {part: Label(rank="name", name=f"settings.{part}.label") for part in ("language", "theme", "size", "search")}
        self._languages = {code: Choice(theme, f"settings.language.{code}", exclusive=True) for code in LANGUAGES}
        self._themes = {name: Choice(theme, f"settings.theme.{name}", exclusive=True) for name in THEMES}
        self._sizes = {size: Choice(theme, f"settings.size.{size}", exclusive=True) for size in SIZES}
        self._add("language", self._languages.values())
        self._add("theme", self._themes.values())
        self._add("size", self._sizes.values())
        self._searches = {name: Choice(theme, f"settings.search.{name}") for name in SEARCHES}
        self._add("search", self._searches.values())
        self._reveals = Label(rank="muted", name="settings.search.reveals")
        self.body.addWidget(self._reveals)
        self._add_data()
        self.body.addStretch(1)
        for code, choice in self._languages.items():
            choice.clicked.connect(lambda _on=False, code=code: self.language_chosen.emit(code))
        for name, choice in self._themes.items():
            choice.clicked.connect(lambda _on=False, name=name: self.theme_chosen.emit(name))
        for size, choice in self._sizes.items():
            choice.clicked.connect(lambda _on=False, size=size: self.size_chosen.emit(size))
        for name, choice in self._searches.items():
            choice.clicked.connect(lambda on=False, name=name: self.search_chosen.emit(name, on))
        self.back = Button(theme, "settings.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self.foot.fill([self.back])

    def _add(self, part: str, choices: Iterable[Choice]) -> None:
        self.body.addWidget(self._labels[part])
        holder = QWidget()
        flow = Flow(holder)
        for choice in choices:
            flow.addWidget(choice)
        self.body.addWidget(holder)
        self.body.addSpacing(12)

    def _add_data(self) -> None:
        self._labels["data"] = Label(rank="name", name="settings.data.label")
        self._lines = {
            part: Label(rank="muted" if part in ("what", "contacts") else "", name=f"settings.data.{part}") for part in DATA_LINES
        }
        self._update = Button(self.theme, "settings.data.update")
        self._file = Button(self.theme, "settings.data.file")
        self._update.clicked.connect(self._fetch_or_stop)
        self._file.clicked.connect(self._choose_file)
        self.dropped.connect(self._take)
        self.body.addWidget(self._labels["data"])
        for part in DATA_LINES[:-1]:
            self.body.addWidget(self._lines[part])
        self.body.addWidget(Row([self._update, self._file]))
        self.body.addWidget(self._lines["outcome"])

    def _say(self, part: str, sentences: Sequence[str]) -> None:
        self._lines[part].say(" ".join(sentences))
        self._lines[part].setVisible(any(sentences))
        if part == "outcome" and any(sentences):
            QTimer.singleShot(0, self._show_outcome)  # once it has its place

    def _show_outcome(self) -> None:
        self._scroll.ensureWidgetVisible(self._lines["outcome"])

    def _show_data(self) -> None:
        """Say how old the data is and who is contacted for newer data."""
        facts = self._data.facts()
        self._say("as_of", [facts.as_of])
        self._say("notice", facts.notices)
        self._say("what", [t("data.what")])
        self._say("contacts", facts.contacts)
        self._update.say(t("data.stop" if self._searching else "data.update"))
        self._update.setEnabled(facts.can_fetch)
        self._file.setEnabled(facts.can_take and not self._searching)

    def _fetch_or_stop(self) -> None:
        if self._searching:
            self._data.stop()
            return
        self._begin(t("data.trying.direct"))
        self._data.fetch(lambda sentence: self._say("outcome", [sentence]), self._ended)

    def _choose_file(self) -> None:
        name, _kind = QFileDialog.getOpenFileName(self, t("data.from_file"), "", f"{t('data.kind')} (*.atajo);;{t('home.list.any')} (*)")
        if name:
            self._take(Path(name))

    def _take(self, source: Path | str) -> None:
        """Take newer data from a file; a text that was dropped is none."""
        if self._searching or isinstance(source, str) or not self._data.facts().can_take:
            return
        self._begin(t("data.reading"))
        self._data.take(source, self._ended)

    def _begin(self, sentence: str) -> None:
        self._searching = True
        self._show_data()
        self._say("outcome", [sentence])
        announce(self, sentence)

    def _ended(self, sentences: Sequence[str], _good: bool) -> None:
        self._searching = False
        self._show_data()
        self._say("outcome", sentences)
        announce(self, " ".join(sentences))

    def enter(self) -> None:
        """Get ready to be seen, with what is true of the data now."""
        self._show_data()
        super().enter()

    def show_preferences(self, preferences: Preferences) -> None:
        """Tick what holds now."""
        self._languages[preferences.spoken].setChecked(True)
        self._themes[preferences.theme].setChecked(True)
        self._sizes[preferences.text_size].setChecked(True)
        for name, ticked in (("ways", preferences.ways), ("ways_out", preferences.ways_out)):
            self._searches[name].setChecked(ticked)

    def first_focus(self) -> Button | None:
        """Begin with the language."""
        return next((choice for choice in self._languages.values() if choice.isChecked()), self.back)

    def retranslate(self) -> None:
        """Put the words in."""
        self.title.say(t("settings.title"))
        self._labels["language"].say(t("settings.language"))
        self._labels["theme"].say(t("settings.theme"))
        self._labels["size"].say(t("settings.size"))
        self._labels["search"].say(t("settings.search"))
        for name, choice in self._searches.items():
            choice.say(t(f"settings.search.{name}"))
        self._reveals.say(t("settings.search.reveals"))
        self._labels["data"].say(t("data.heading"))
        self._file.say(t("data.from_file"))
        self._show_data()
        for code, choice in self._languages.items():
            choice.say(LANGUAGES[code])
        for name, choice in self._themes.items():
            choice.say(t(f"settings.theme.{name}"))
        for size, choice in self._sizes.items():
            choice.say(f"{size}\u00a0%")
        self.back.say(t("nav.back"))
