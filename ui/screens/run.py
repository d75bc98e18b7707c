"""S3: the run.  The line first, then the services; each ticks off when it is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QProgressBar

from app.texts import t
from app.wording import after_colon, card_sentence, failure, name_of, status_word
from diagnostics.model import RESOLVER_TARGET, Report, Status, Step, Verdict
from ui.a11y import announce
from ui.looks import UNDER_WAY, WAITING, look
from ui.run_state import RunState
from ui.screen import Screen
from ui.target_list import MANY, TargetList, TargetRow
from ui.theme import Theme
from ui.widgets import Button, Card, drop

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
        self._sofar = Report()
        self._many = False
        self._found: dict[str, Verdict] = {}  # of very many targets those that do not simply work
        self._list = TargetList(theme, "run.list", self._row)
        self._list.hide()
        self._list.setParent(self)
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
            drop(card)
        self._cards.clear()
        while self.body.count():
            self.body.takeAt(0)
        self._list.rows.show([])  # before what its rows speak of
        self._found.clear()
        self._add_card("")
        self._lay_out(state.targets)
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
        if (len(state.targets) > MANY) != self._many:
            self._lay_out(state.targets)
        report = self._sofar = state.report()
        self._bar.setMaximum(state.total)
        self._bar.setValue(state.done)
        self.title.say(t("run.title", done=state.done, total=state.total))
        self._show_line(report)
        if self._many:
            self._show_found(report)
        for target in () if self._many else state.targets:
            if target not in self._cards:
                self._add_card(target)
            self._show_target(target, report)
        self._say_lead()
        self._announce_progress(report)

    def _lay_out(self, targets: Sequence[str]) -> None:
        """Show a card for each target, or, of very many, a list of those that do not simply work."""
        self._many = len(targets) > MANY
        while self.body.count() > 1:
            self.body.takeAt(1)
        if self._many:
            for target in [each for each in self._cards if each]:
                drop(self._cards.pop(target))
            self.body.addWidget(self._list)
        else:
            for target in targets:
                if target not in self._cards:
                    self._add_card(target)
            self.body.addStretch(1)
        self._list.setVisible(self._many)

    def _show_found(self, report: Report) -> None:
        """Add what was found and is not fine to the list, and renew it where a verdict became another."""
        new: list[str] = []
        changed = False
        for verdict in report.verdicts:
            if verdict.function is not None or verdict.target.startswith(RESOLVER_TARGET):
                continue
            before = self._found.get(verdict.target)
            if before is None and verdict.status not in (*_UNDECIDED, Status.WORKS):
                new.append(verdict.target)
            changed = changed or (before is not None and before is not verdict)
            if before is not None or new[-1:] == [verdict.target]:
                self._found[verdict.target] = verdict
        self._list.rows.add(new)
        self._list.setAccessibleName(t("run.found", n=len(self._found)))
        if changed:
            self._list.rows.renew()

    def _row(self, target: str) -> TargetRow:
        verdict = self._found[target]
        drawing, role = look(verdict.status)
        name = self._names.get(target) or name_of(target, self._sofar)
        word = t("run.so_far", status=after_colon(status_word(verdict.status)))
        return TargetRow(drawing, role, name, word, card_sentence(verdict, self._sofar))

    def _say_lead(self) -> None:
        if self._slow:
            self.lead.say(t("run.slow"))
        elif self._many:
            self.lead.say(t("run.found", n=len(self._found)) if self._found else t("run.found.none"))
        else:
            self.lead.say(t("run.lead"))

    def retranslate(self) -> None:
        """Put the words in."""
        self.stop.say(t("run.stop"))
        self._bar.setAccessibleName(t("run.progress"))
        self._list.rows.renew()
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
                word = t("run.so_far", status=after_colon(word))
            said = t("run.seeking") if target in state.seeking else card_sentence(verdict, report)
            self._cards[target].say(name, word, said, drawing=drawing, role=role)
        elif target in state.steps:
            text_id = _STEP_TEXTS.get(state.steps[target], "run.waiting")
            self._cards[target].say(name, _step_words(text_id, name), "", drawing=UNDER_WAY[0], role=UNDER_WAY[1])
        else:
            self._cards[target].say(name, _step_words("run.waiting", name), "", drawing=WAITING[0], role=WAITING[1])

    def _announce_progress(self, report: Report) -> None:
        """Say every fifth step, of many every tenth part, and the first bad news, not each step."""
        state = self._state
        if state is None:
            return
        if state.done >= self._announced + max(5, state.total // 10):
            self._announced = state.done
            announce(self, self.title.accessibleName())
        bad = (Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN)
        first = next((v for v in report.verdicts if v.function is None and v.status in bad and v.target in state.final), None)
        if first is not None and not self._told_bad:
            self._told_bad = True
            announce(self, self._row(first.target).spoken if self._many else self._cards[first.target].accessibleName())

    def _say_slow(self) -> None:
        self._slow = True
        self._say_lead()


def _step_words(text_id: str, name: str) -> str:
    """Return the sentence of a step without the service's name, which the card says already."""
    words = t(text_id, service=name).removeprefix(f"{name}: ")
    return words[:1].upper() + words[1:]
