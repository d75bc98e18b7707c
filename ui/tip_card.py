"""The card of one tip: what was measured of it, its steps on each kind of device, ways to carry them off, and whether it worked."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.texts import t
from app.wording import risk_line
from ui.backend import Advice, AdviceSteps
from ui.layouts import Flow
from ui.theme import Theme
from ui.widgets import Button, Choice, Label, Notice, Row


class Told(enum.StrEnum):
    """What the person, or another measurement, said of a tip."""

    NOTHING = "nothing"
    WORKED = "worked"
    FAILED = "failed"  # the person said so
    UNCHANGED = "unchanged"  # measured again, the target is as shut as before; an app of its own may still open it


class TipState(msgspec.Struct, frozen=True, kw_only=True):
    """How a tip stands.

    ``news``: the sentence of the latest measurement after it.  ``busy``: that measurement is under way; ``waiting``: another tip's is.
    """

    told: Told = Told.NOTHING
    news: str = ""
    busy: bool = False
    waiting: bool = False


NEW = TipState()


class Head(NamedTuple):
    """What stands above the tips: the ``service`` that they are to open, or nothing; ``why`` it does not, in a sentence.

    ``title`` and ``none``, what is said where there is no tip, replace the usual words for what is no service.  ``saves``: there is a
    report that can be saved.
    """

    service: str = ""
    why: str = ""
    title: str = ""
    none: str = ""
    saves: bool = True


_OTHER: Final = "any"
"""Steps that name no system: beside those of the systems they are for some other device."""

_LOOKS = {
    Told.WORKED: ("check", "ok"),
    Told.FAILED: ("cross", "muted"),
    Told.UNCHANGED: ("dash", "muted"),
    Told.NOTHING: ("question", "muted"),
}


class TipCard(QFrame):
    """One tip; every button carries its number in its id, and the tip's title in what a screen reader says."""

    opened = Signal(str)
    platform_chosen = Signal(str)
    copy_asked = Signal()
    code_asked = Signal()
    worked = Signal()
    failed = Signal()
    again_asked = Signal()
    stop_asked = Signal()

    def __init__(self, theme: Theme, number: int, advice: Advice, state: TipState, service: str, *, foldable: bool) -> None:
        """Build the card; ``service`` is what the tip is to open, nothing when it is about the line."""
        super().__init__()
        self.setObjectName("card")
        self.advice, self.number, self._theme, self._service = advice, number, theme, service
        self.platform = ""
        self._state = state
        self._platforms = sorted(advice.platforms, key=lambda each: not each.here)  # this computer first, the others as they were given
        self._choices: dict[str, Choice] = {}
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.setSpacing(6)
        self._build_head(box, foldable=foldable)
        self.inside = QWidget()
        self._box = QVBoxLayout(self.inside)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(6)
        box.addWidget(self.inside)
        self._build_inside()
        self.choose(self._platforms[0].platform if self._platforms else "")

    # --- building ---

    def _build_head(self, box: QVBoxLayout, *, foldable: bool) -> None:
        self.fold: Button | None = None
        if foldable:
            self.fold = Button(self._theme, f"todo.fold.{self.number}", rank="fold", icon="right")
            self.fold.setCheckable(True)
            self.fold.say(self.advice.say)
            self.fold.toggled.connect(self._fold_turned)
            self.fold.clicked.connect(lambda on: self.opened.emit(self.advice.id if on else ""))
            box.addWidget(self.fold)
        else:
            box.addWidget(Label(self.advice.say, rank="name", name=f"todo.tip.{self.number}"))
        for name, text, look in (
            ("proved", self.advice.proved, ("check", "ok")),
            ("told", self._told(), _LOOKS[self._state.told]),
            ("news", self._state.news, _LOOKS[self._state.told]),
        ):
            notice = Notice(self._theme, f"todo.{name}.{self.number}")
            box.addWidget(notice)
            if text:
                notice.say(text, drawing=look[0], role=look[1])

    def _told(self) -> str:
        """Return what was said of the tip; what was measured after it says more."""
        told = self._state.told
        return t(f"tips.told.{told}") if told is not Told.NOTHING and not self._state.news else ""

    def _build_inside(self) -> None:
        advice, number = self.advice, self.number
        self._add(Label(advice.why))
        self._build_chooser()
        self._steps, self._steps_box = QWidget(), QVBoxLayout()
        self._steps.setLayout(self._steps_box)
        self._steps_box.setContentsMargins(0, 0, 0, 0)
        self._add(self._steps)
        self._risk = Label(risk_line(advice.caution), state="warn", name=f"todo.risk.{number}")
        self._add(self._risk)
        if advice.general and not advice.proved:
            self._add(Label(t("tips.unmeasured"), rank="muted", name=f"todo.untested.{number}"))
        if origin := origin_line(advice):
            self._add(Label(origin, rank="muted", name=f"todo.origin.{number}"))
        self.copy = self._button("copy", t("tips.copy"))
        self.copy.clicked.connect(self.copy_asked)
        code = self._button("code", t("tips.code"))
        code.clicked.connect(self.code_asked)
        self._add(Row([self.copy, code]))
        self._build_question()

    def _build_chooser(self) -> None:
        """Offer the kinds of device; a single one is only named."""
        if len(self._platforms) == 1:
            self._add(Label(t("tips.on", device=self._platforms[0].name), rank="name", name=f"todo.device.{self.number}"))
        if len(self._platforms) < 2:
            return
        holder = QWidget()
        flow = Flow(holder)
        for each in self._platforms:
            name = t("tips.here", device=each.name) if each.here and each.platform != _OTHER else each.name
            choice = Choice(self._theme, f"todo.on.{self.number}.{each.platform}", exclusive=True)
            choice.say(name, f"{name}: {self.advice.say}")
            choice.toggled.connect(lambda on, each=each: self._turn_to(each) if on else None)
            choice.clicked.connect(lambda _on=False, each=each: self.platform_chosen.emit(each.platform))
            flow.addWidget(choice)
            self._choices[each.platform] = choice
        self._add(holder)

    def _build_question(self) -> None:
        state, service = self._state, self._service
        if state.busy:
            notice = Notice(self._theme, f"todo.busy.{self.number}", drawing="dots", role="muted")
            self._add(notice)
            notice.say(t("tips.busy", service=service))
            stop = self._button("stop", t("run.stop"))
            stop.clicked.connect(self.stop_asked)
            self._add(Row([stop]))
            return
        self._add(Label(t("tips.worked"), rank="name", name=f"todo.question.{self.number}"))
        row = []
        if state.told is not Told.WORKED:
            yes = self._button("yes", t("tips.yes"))
            yes.clicked.connect(self.worked)
            row.append(yes)
        if state.told is not Told.FAILED:
            no = self._button("no", t("tips.no"))
            no.clicked.connect(self.failed)
            row.append(no)
        if service:
            again = self._button("recheck", t("tips.recheck"))
            again.clicked.connect(self.again_asked)
            again.setEnabled(not state.waiting)
            row.append(again)
        self._add(Row(row))

    def _add(self, widget: QWidget) -> None:
        self._box.addWidget(widget)

    def _button(self, name: str, text: str) -> Button:
        button = Button(self._theme, f"todo.{name}.{self.number}")
        button.say(text, t("result.action", action=text, service=self.advice.say))
        return button

    # --- what it shows ---

    def choose(self, platform: str) -> None:
        """Show the steps for a kind of device, if the tip has them."""
        each = next((each for each in self._platforms if each.platform == platform), None)
        if each is None:
            if not self._platforms:
                self._show_steps(self.advice.steps)
        elif each.platform in self._choices and not self._choices[each.platform].isChecked():
            self._choices[each.platform].setChecked(True)  # turns to it
        else:
            self._turn_to(each)

    def _turn_to(self, each: AdviceSteps) -> None:
        self.platform = each.platform
        self._show_steps(each.steps or self.advice.steps)

    def _show_steps(self, steps: Sequence[str]) -> None:
        while self._steps_box.count():
            widget = self._steps_box.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for place, step in enumerate(steps, start=1):
            line = _step(place, step)
            self._steps_box.addWidget(line)
            line.show()
        self.setAccessibleName(self._sentence(steps))

    def _sentence(self, steps: Sequence[str]) -> str:
        """Return the card as a screen reader reads it: the beginning first, and what is only a claim last."""
        advice = self.advice
        untested = (t("tips.unmeasured"),) if advice.general and not advice.proved else ()
        told = self._told()
        parts = (
            f"{advice.say}.",
            advice.proved,
            f"{told}." if told else "",
            self._state.news,
            advice.why,
            *steps,
            risk_line(advice.caution),
            *untested,
        )
        return " ".join(part for part in parts if part)

    @property
    def is_open(self) -> bool:
        """Tell whether more than the title is shown."""
        return self.fold is None or self.fold.isChecked()

    def set_open(self, *, on: bool) -> None:
        """Show all of the tip, or its title alone; one that cannot be folded stays open."""
        if self.fold is not None:
            self.fold.setChecked(on)
            self._fold_turned(on)

    def _fold_turned(self, on: bool) -> None:
        if self.fold is not None:
            self.fold.set_icon("down" if on else "right")
        self.inside.setVisible(on)

    def say_copied(self) -> None:
        """Say on the button that the text lies in the clipboard."""
        self.copy.say(t("tips.copied"), t("result.action", action=t("tips.copied"), service=self.advice.say))

    def focus(self) -> None:
        """Put the focus on the first thing that can be done here."""
        first = self.findChild(Button, f"todo.stop.{self.number}") or self.fold or self.copy
        if first is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)


def origin_line(advice: Advice) -> str:
    """Return where a tip comes from and how old it is; nothing for one that does not say."""
    parts = [t("tips.source", source=advice.source)] if advice.source else []
    parts += [t("tips.dated", date=advice.dated)] if advice.dated else []
    parts += [t("tips.unverified")] if parts and not advice.verified else []
    parts += [t("tips.expired")] if advice.expired else []
    return " ".join(parts)


def _step(place: int, step: str) -> QWidget:
    """Return one step with its number before it."""
    line = QWidget()
    box = QHBoxLayout(line)
    box.setContentsMargins(0, 0, 0, 0)
    number = Label(f"{place}.", rank="name", short=True)
    box.addWidget(number, 0, Qt.AlignmentFlag.AlignTop)
    box.addWidget(Label(step), 1)
    return line
