"""S12: language, colours and text size; every choice holds at once."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.texts import t
from ui.backend import Preferences
from ui.layouts import Flow
from ui.screen import Screen
from ui.screens.welcome import LANGUAGES
from ui.theme import Theme
from ui.widgets import Button, Choice, Label

THEMES = ("system", "light", "dark", "contrast")
SIZES = (100, 125, 150, 200)


class SettingsScreen(Screen):
    """Three rows of choices."""

    name = "settings"
    language_chosen = Signal(str)
    theme_chosen = Signal(str)
    size_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._labels = {part: Label(rank="name", name=f"settings.{part}.label") for part in ("language", "theme", "size")}
        self._languages = {code: Choice(theme, f"settings.language.{code}", exclusive=True) for code in LANGUAGES}
        self._themes = {name: Choice(theme, f"settings.theme.{name}", exclusive=True) for name in THEMES}
        self._sizes = {size: Choice(theme, f"settings.size.{size}", exclusive=True) for size in SIZES}
        self._add("language", self._languages.values())
        self._add("theme", self._themes.values())
        self._add("size", self._sizes.values())
        self.body.addStretch(1)
        for code, choice in self._languages.items():
            choice.clicked.connect(lambda _on=False, code=code: self.language_chosen.emit(code))
        for name, choice in self._themes.items():
            choice.clicked.connect(lambda _on=False, name=name: self.theme_chosen.emit(name))
        for size, choice in self._sizes.items():
            choice.clicked.connect(lambda _on=False, size=size: self.size_chosen.emit(size))
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

    def show_preferences(self, preferences: Preferences) -> None:
        """Tick what holds now."""
        self._languages[preferences.spoken].setChecked(True)
        self._themes[preferences.theme].setChecked(True)
        self._sizes[preferences.text_size].setChecked(True)

    def first_focus(self) -> Button | None:
        """Begin with the language."""
        return next((choice for choice in self._languages.values() if choice.isChecked()), self.back)

    def retranslate(self) -> None:
        """Put the words in."""
        self.title.say(t("settings.title"))
        self._labels["language"].say(t("settings.language"))
        self._labels["theme"].say(t("settings.theme"))
        self._labels["size"].say(t("settings.size"))
        for code, choice in self._languages.items():
            choice.say(LANGUAGES[code])
        for name, choice in self._themes.items():
            choice.say(t(f"settings.theme.{name}"))
        for size, choice in self._sizes.items():
            choice.say(f"{size}\u00a0%")
        self.back.say(t("nav.back"))
