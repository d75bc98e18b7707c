"""S1: what the tests are, what they reveal, and the language; seen once."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.texts import t
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Choice, Label, Mark, Row

LANGUAGES = {"es": "Español", "en": "English"}
"""The languages by their own names, which nobody translates."""


class WelcomeScreen(Screen):
    """The first screen of the first start: consent and start in one press."""

    name = "welcome"
    language_chosen = Signal(str)
    go_asked = Signal()
    choose_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._facts: dict[str, Label] = {}
        card = QFrame()
        card.setObjectName("card")
        box = QVBoxLayout(card)
        box.setContentsMargins(16, 12, 16, 12)
        box.setSpacing(12)
        for fact, drawing in (("cost", "check"), ("seen", "alert"), ("kept", "home")):
            self._facts[fact] = Label(name=f"welcome.{fact}")
            box.addWidget(_fact(theme, drawing, "warn" if fact == "seen" else "accent", self._facts[fact]))
        self.body.addSpacing(8)
        self.body.addWidget(card)
        self.body.addStretch(1)
        self.body.addWidget(self._build_languages())
        self._choose = Button(theme, "welcome.choose")
        self.primary = Button(theme, "welcome.go", rank="primary")
        self.foot.fill([self._choose, self.primary], far=1)
        self._choose.clicked.connect(self.choose_asked)
        self.primary.clicked.connect(self.go_asked)

    def _build_languages(self) -> QWidget:
        self._language = Label(rank="muted", name="welcome.language", short=True)
        self._choices = {code: Choice(self.theme, f"welcome.language.{code}", exclusive=True) for code in LANGUAGES}
        for code, choice in self._choices.items():
            choice.say(LANGUAGES[code])
            choice.clicked.connect(lambda _on=False, code=code: self.language_chosen.emit(code))
        return Row([self._language, *self._choices.values()])

    def show_language(self, code: str) -> None:
        """Tick the language that is spoken."""
        self._choices[code].setChecked(True)

    def retranslate(self) -> None:
        """Put the words in."""
        self.title.say(t("welcome.title"))
        self.lead.say(t("welcome.lead"))
        for fact, label in self._facts.items():
            label.say(t(f"welcome.{fact}"))
        self._language.say(t("settings.language"))
        self._choose.say(t("welcome.choose"))
        if self.primary is not None:
            self.primary.say(t("welcome.go"))

    def spoken(self) -> str:
        """Read the whole screen: it is seen once, and what it says matters."""
        return " ".join(label.accessibleName() for label in (self.title, self.lead, *self._facts.values()))


def _fact(theme: Theme, drawing: str, role: str, label: Label) -> QWidget:
    """Return one line: a mark and a sentence."""
    line = QWidget()
    box = QHBoxLayout(line)
    box.setContentsMargins(0, 4, 0, 4)
    box.setSpacing(16)
    box.addWidget(Mark(theme, drawing, role), 0, Qt.AlignmentFlag.AlignTop)
    box.addWidget(label, 1)
    return line
