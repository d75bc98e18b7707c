"""What to do: the advice for one target, or for the line, best first."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.texts import t
from app.wording import risk_line
from ui.backend import Advice
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Label


class TodoScreen(Screen):
    """One or more tips, each with its steps and its risk."""

    name = "todo"
    again_asked = Signal()
    save_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._service = ""
        self._tips: list[QWidget] = []
        self.back = Button(theme, "todo.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self.save = Button(theme, "todo.save")
        self.save.clicked.connect(self.save_asked)
        self.primary = Button(theme, "todo.again", rank="primary")
        self.primary.clicked.connect(self.again_asked)
        self.foot.fill([self.back, self.save, self.primary], far=1)

    def show_tips(self, service: str, why: str, tips: Sequence[Advice]) -> None:
        """Show the advice; ``service`` is a name or nothing, ``why`` the sentence of the cause."""
        self._service = service
        self.title.say(t("tips.title", service=service) if service else t("tips.title.line"))
        self.lead.say(why)
        for each in self._tips:
            self.body.removeWidget(each)
            each.hide()
            each.deleteLater()
        while self.body.count():
            self.body.takeAt(0)
        self._tips = [_tip(self.theme, number, advice) for number, advice in enumerate(tips, start=1)]
        if not tips:
            self._tips = [Label(t("tips.none"), name="todo.none")]
        for each in self._tips:
            self.body.addWidget(each)
        self.body.addStretch(1)
        self.retranslate()
        self.set_reading_order()

    def retranslate(self) -> None:
        """Put the words of the buttons in; the shell asks for the tips anew."""
        self.back.say(t("nav.back"))
        self.save.say(t("result.save"))
        if self.primary is not None:
            self.primary.say(t("result.again"))

    def spoken(self) -> str:
        """Read the first tip, too."""
        first = self._tips[0].accessibleName() if self._tips else ""
        return f"{self.title.accessibleName()}. {first}"


def _tip(theme: Theme, number: int, advice: Advice) -> QWidget:
    """Return the card of one tip."""
    card = QFrame()
    card.setObjectName("card")
    box = QVBoxLayout(card)
    box.setContentsMargins(16, 12, 16, 12)
    box.setSpacing(6)
    box.addWidget(Label(advice.say, rank="name", name=f"todo.tip.{number}"))
    box.addWidget(Label(advice.why))
    for place, step in enumerate(advice.steps, start=1):
        box.addWidget(_step(place, step))
    risk = risk_line(advice.caution)
    untested = (t("tips.unmeasured"),) if advice.general else ()
    box.addWidget(Label(risk, state="warn", name=f"todo.risk.{number}"))
    for sentence in untested:
        box.addWidget(Label(sentence, rank="muted", name=f"todo.untested.{number}"))
    card.setAccessibleName(" ".join((f"{advice.say}.", advice.why, *advice.steps, risk, *untested)))
    return card


def _step(place: int, step: str) -> QWidget:
    """Return one step with its number before it."""
    line = QWidget()
    box = QHBoxLayout(line)
    box.setContentsMargins(0, 0, 0, 0)
    number = Label(f"{place}.", rank="name", short=True)
    box.addWidget(number, 0, Qt.AlignmentFlag.AlignTop)
    box.addWidget(Label(step), 1)
    return line
