"""S3: the run.  The line first, then the services; each ticks off when it is known."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QProgressBar

from app.texts import t
from app.wording import card_sentence, failure, name_of, status_word
from diagnostics.model import Report, Status, Step
from ui.a11y import announce
from ui.looks import UNDER_WAY, WAITING, look
from ui.run_state import RunState
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Card

SLOW_AFTER: Final = 8_000
"""Milliseconds after which the screen says that this takes longer than usual."""

_STEP_TEXTS: Final = {Step.DNS: "run.name", Step.TCP: "run.connecting", Step.TLS: "run.secure", Step.HTTP: "run.page"}
_GOOD: Final = (Status.WORKS, Status.SLOW, Status.PARTIAL)
_UNDECIDED: Final = (Status.UNKNOWN, Status.NOT_TESTED)


class RunScreen(Screen):
    """A list that grows true line by line, and a button that stops it at once."""

    name = "run"
    stop_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._state: RunState | None = None
        self._names: dict[str, str] = {}
        self._cards: dict[str, Card] = {}
        self._announced = 0
        self._told_bad = False
        self._slow = False
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self.head.addWidget(self._bar)
        self.stop = Button(theme, "run.stop")
        self.stop.setAutoDefault(False)  # the Enter that started the run must not stop it
        self.stop.clicked.connect(self.stop_asked)
        self.foot.fill([self.stop], far=1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._say_slow)

    def begin(self, state: RunState, names: dict[str, str]) -> None:
        """Show a new run; ``names`` are the names of its targets as far as they are known."""
        self._state, self._names = state, names
        self._announced, self._told_bad, self._slow = 0, False, False
        for card in self._cards.values():
            self.body.removeWidget(card)
            card.hide()  # until it is deleted it would shine through
            card.deleteLater()
        self._cards.clear()
        while self.body.count():
            self.body.takeAt(0)
        self._add_card("")
        for target in state.targets:
            self._add_card(target)
        self.body.addStretch(1)
        self._timer.start(SLOW_AFTER)
        self.refresh()

    def end(self) -> None:
        """Stop the clock."""
        self._timer.stop()

    def first_focus(self) -> Button:
        """Put the focus on Stop: it is the only thing to do here."""
        return self.stop

    def refresh(self) -> None:
        """Show what the state knows now."""
        state = self._state
        if state is None:
            return
        for target in state.targets:
            if target not in self._cards:
                self._add_card(target)
        report = state.report()
        self._bar.setMaximum(state.total)
        self._bar.setValue(state.done)
        self.title.say(t("run.title", done=state.done, total=state.total))
        self.lead.say(t("run.slow") if self._slow else t("run.lead"))
        self._show_line(report)
        for target in state.targets:
            self._show_target(target, report)
        self._announce_progress(report)

    def retranslate(self) -> None:
        """Put the words in."""
        self.stop.say(t("run.stop"))
        self._bar.setAccessibleName(t("run.progress"))
        self.refresh()

    def _add_card(self, target: str) -> None:
        card = Card(self.theme, drawing=WAITING[0], role=WAITING[1])
        self._cards[target] = card
        self.body.insertWidget(len(self._cards) - 1, card)

    def _show_line(self, report: Report) -> None:
        """Show the first line: does the Internet itself work?"""
        state = self._state
        if state is None:
            return
        drawing, role = UNDER_WAY
        word, sentence = t("run.internet.testing"), ""
        if state.network_known:
            drawing, role = look(report.network.status)
            word, sentence = status_word(report.network.status), ""
            fault = failure(report)
            if report.network.status in _GOOD:
                word = t("run.internet")
            elif fault:
                sentence = t(f"cause.{fault}") if fault.value != "local_interception" else t("fail.local_interception.title")
        self._cards[""].say(t("run.line"), word, sentence, drawing=drawing, role=role)

    def _show_target(self, target: str, report: Report) -> None:
        state = self._state
        if state is None:
            return
        verdict = report.of_target(target)
        name = self._names.get(target) or name_of(target, report)
        final = target in state.final
        if verdict is not None and (verdict.status in _GOOD or final or verdict.status not in _UNDECIDED):
            drawing, role = look(verdict.status)
            word = status_word(verdict.status)
            if not final and verdict.status is not Status.WORKS:
                word = t("run.so_far", status=word[:1].lower() + word[1:])
            self._cards[target].say(name, word, card_sentence(verdict, report), drawing=drawing, role=role)
        elif target in state.steps:
            text_id = _STEP_TEXTS.get(state.steps[target], "run.waiting")
            self._cards[target].say(name, _step_words(text_id, name), "", drawing=UNDER_WAY[0], role=UNDER_WAY[1])
        else:
            self._cards[target].say(name, _step_words("run.waiting", name), "", drawing=WAITING[0], role=WAITING[1])

    def _announce_progress(self, report: Report) -> None:
        """Say every fifth step and the first bad news, not each step."""
        state = self._state
        if state is None:
            return
        if state.done >= self._announced + 5:
            self._announced = state.done
            announce(self, self.title.accessibleName())
        bad = (Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN)
        first = next((v for v in report.verdicts if v.function is None and v.status in bad and v.target in state.final), None)
        if first is not None and not self._told_bad:
            self._told_bad = True
            announce(self, self._cards[first.target].accessibleName())

    def _say_slow(self) -> None:
        self._slow = True
        self.lead.say(t("run.slow"))


def _step_words(text_id: str, name: str) -> str:
    """Return the sentence of a step without the service's name, which the card says already."""
    words = t(text_id, service=name).removeprefix(f"{name}: ")
    return words[:1].upper() + words[1:]
