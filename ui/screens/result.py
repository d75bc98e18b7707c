"""S4: the result.  One sentence, a card for every target, the next step as a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence

from app.texts import t
from app.wording import BAD, card_sentence, copy_text, headline, name_of, status_word, summary, whole_verdicts, worst
from diagnostics.model import Report, Status, Verdict
from ui.a11y import announce
from ui.looks import look
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Card, Label

NOTE_SECONDS: Final = 4
"""How long "Summary copied" stays."""


class ResultScreen(Screen):
    """What was found out, and what to do now."""

    name = "result"
    detail_asked = Signal(str)
    todo_asked = Signal(str)
    again_asked = Signal()
    save_asked = Signal()
    other_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._report = Report()
        self._cards: list[Card] = []
        self.note = Label(rank="muted", name="result.note")
        self.head.addWidget(self.note)
        self.primary = Button(theme, "result.primary", rank="primary")
        self.again = Button(theme, "result.again")
        self.save = Button(theme, "result.save")
        self.primary.clicked.connect(self._next_step)
        self.again.clicked.connect(self.again_asked)
        self.save.clicked.connect(self.save_asked)
        self.foot.fill([self.primary, self.again, self.save], far=1)
        self._note_timer = QTimer(self)
        self._note_timer.setSingleShot(True)
        self._note_timer.timeout.connect(lambda: self.note.say(""))

    def show_report(self, report: Report) -> None:
        """Show another report."""
        self._report = report
        self.retranslate()

    def retranslate(self) -> None:
        """Write the sentences and the cards anew."""
        report = self._report
        self.title.say(headline(report))
        self.lead.say(summary(report))
        self.note.say("")
        lead = worst(report)
        if self.primary is not None:
            name = name_of(lead.target, report) if lead else ""
            self.primary.say(self._primary_words(lead, name))
        self.again.say(t("result.again"))
        self.save.say(t("result.save"))
        self.save.setEnabled(bool(report.observations))
        self._rebuild_cards()
        self.set_reading_order()

    @staticmethod
    def _primary_words(lead: Verdict | None, name: str) -> str:
        if lead is not None and lead.status in (Status.BLOCKED, Status.LIKELY_BLOCKED):
            return t("result.primary.blocked", service=name)
        if lead is not None and lead.status in BAD:
            return t("result.primary.bad", service=name)
        return t("result.primary.works")

    def _next_step(self) -> None:
        lead = worst(self._report)
        if lead is not None and lead.status in BAD:
            self.todo_asked.emit(lead.target)
        else:
            self.other_asked.emit()

    def _rebuild_cards(self) -> None:
        for card in self._cards:
            self.body.removeWidget(card)
            card.hide()
            card.deleteLater()
        while self.body.count():
            self.body.takeAt(0)
        self._cards = [self._card(verdict) for verdict in whole_verdicts(self._report)]
        for card in self._cards:
            self.body.addWidget(card)
        self.body.addStretch(1)

    def _card(self, verdict: Verdict) -> Card:
        drawing, role = look(verdict.status)
        name = name_of(verdict.target, self._report)
        needs_help = verdict.status in BAD
        asked: Callable[[str], None] = self.todo_asked.emit if needs_help else self.detail_asked.emit
        text = t("result.todo") if needs_help else t("result.details")
        button = Button(self.theme, f"result.action.{verdict.target}", rank="" if needs_help else "flat")
        button.say(text, t("result.action", action=text, service=name))
        button.clicked.connect(lambda _on=False, target=verdict.target: asked(target))
        more = None
        if needs_help:
            more = Button(self.theme, f"result.details.{verdict.target}", rank="flat")
            more.say(t("result.details"), t("result.action", action=t("result.details"), service=name))
            more.clicked.connect(lambda _on=False, target=verdict.target: self.detail_asked.emit(target))
        card = Card(self.theme, drawing=drawing, role=role, action=button, more=more)
        card.say(name, status_word(verdict.status), card_sentence(verdict, self._report), drawing=drawing, role=role)
        return card

    def copy(self) -> None:
        """Put the summary into the clipboard."""
        QGuiApplication.clipboard().setText(copy_text(self._report))
        self.note.say(t("result.copied"))
        announce(self, t("result.copied"))
        self._note_timer.start(NOTE_SECONDS * 1000)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the summary with Ctrl+C."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def spoken(self) -> str:
        """Read the headline and the summary: the result must not have to be looked for."""
        return f"{self.title.accessibleName()}. {self.lead.accessibleName()}"

    def focus_on(self, target: str) -> None:
        """Put the focus back where the person left for a detail."""
        button = self.findChild(Button, f"result.action.{target}", Qt.FindChildOption.FindChildrenRecursively)
        if button is not None:
            button.setFocus(Qt.FocusReason.OtherFocusReason)
