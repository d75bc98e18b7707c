"""S4: the result.  One sentence, a card for every target, the next step as a button."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

from app.route_words import NO_NAMES, Names, comparison, label, proxies_of, state_word, summary_of, usable
from app.texts import t, when
from app.vpn_words import measured_through
from app.wording import BAD, by_severity, card_sentence, copy_text, failure, headline, name_of, status_word, summary, whole_verdicts, worst
from diagnostics.model import Report, RouteVerdict, Status, Verdict
from ui.a11y import announce
from ui.layouts import Flow
from ui.looks import look
from ui.screen import Screen
from ui.target_list import MANY, TargetList, TargetRow
from ui.theme import Theme
from ui.ways import ways
from ui.widgets import Button, Card, Choice, Label, Notice, Row, drop

NOTE_SECONDS: Final = 4
"""How long "Summary copied" stays."""

GROUPS: Final[dict[str, tuple[Status, ...]]] = {
    "all": tuple(Status),
    "bad": BAD,
    "unknown": (Status.UNKNOWN, Status.NOT_TESTED),
    "works": (Status.WORKS,),
}
"""What a long list can be narrowed to."""


_NEVER: Final[Mapping[str, dt.datetime]] = {}


class ResultScreen(Screen):
    """What was found out, and what to do now: a card for each target, or one long list that can be narrowed."""

    name = "result"
    detail_asked = Signal(str)
    todo_asked = Signal(str)
    again_asked = Signal()
    save_asked = Signal()
    other_asked = Signal()
    route_asked = Signal(str)
    compare_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._report = Report()
        self._names: Names = NO_NAMES
        self._again: Mapping[str, dt.datetime] = {}
        self._cards: list[Card] = []
        self._verdicts: dict[str, Verdict] = {}
        self._list = TargetList(theme, "result.list", self._row)
        self._list.asked.connect(self.detail_asked)
        self._groups = {group: Choice(theme, f"result.only.{group}", exclusive=True) for group in GROUPS}
        self._narrow = QWidget()
        flow = Flow(self._narrow)
        for choice in self._groups.values():
            flow.addWidget(choice)
            choice.clicked.connect(self._fill_list)
        self._groups["all"].setChecked(True)
        self._through = Label(rank="muted", name="result.vpn")
        self._compare = Button(theme, "result.vpn.compare", rank="flat")
        self._compare.clicked.connect(self.compare_asked)
        self._offer = Row([self._compare])
        for part in (self._narrow, self._list):
            part.hide()
            part.setParent(self)
        self.note = Label(rank="muted", name="result.note")
        self.head.addWidget(self.note)
        self.news = Notice(theme, "result.news")
        self.head.addWidget(self.news)
        self.head.addWidget(self._through)
        self.head.addWidget(self._offer)  # beside what it is about, above the cards
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

    def show_report(self, report: Report, names: Names = NO_NAMES, again: Mapping[str, dt.datetime] = _NEVER) -> None:
        """Show another report; ``names`` are what the person calls the proxies, ``again`` says when targets were measured once more."""
        self._report, self._names, self._again = report, names, again
        self.retranslate()

    def say_news(self, sentence: str) -> None:
        """Say what changed since the run, in green and with a mark."""
        self.news.say(sentence)

    def _sentence(self, verdict: Verdict, compared: str = "") -> str:
        """Return the sentence of a target, how its ways compare, and when it was measured if that was after the run."""
        moment = self._again.get(verdict.target)
        again = t("result.rechecked", when=when(moment)) if moment is not None else ""
        return " ".join(part for part in (card_sentence(verdict, self._report), compared, again) if part)

    def retranslate(self) -> None:
        """Write the sentences and the cards anew."""
        report = self._report
        self.title.say(headline(report))
        self.lead.say(summary(report))
        self.note.say("")
        self.news.say("")
        self._through.say(measured_through(report))
        self._compare.say(t("result.vpn.compare"))
        self._offer.setVisible(bool(measured_through(report)))
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
            drop(card)
        while self.body.count():
            self.body.takeAt(0)
        self._list.rows.show([])  # a hidden list may still be read: its rows must not outlive their verdicts
        verdicts = whole_verdicts(self._report)
        many = len(verdicts) > MANY
        self._cards = [] if many else [self._card(verdict) for verdict in verdicts]
        if verdicts and not failure(self._report):
            self._cards += [self._proxy_card(route) for route in proxies_of(self._report)]
        self._verdicts = {verdict.target: verdict for verdict in by_severity(self._report)} if many else {}
        for part in (*self._cards, *((self._narrow, self._list) if many else ())):
            self.body.addWidget(part)
        self._narrow.setVisible(many)
        self._list.setVisible(many)
        if many:
            self._fill_groups()
            self._fill_list()
        else:
            self.body.addStretch(1)

    def _of_group(self, group: str) -> list[str]:
        return [target for target, verdict in self._verdicts.items() if verdict.status in GROUPS[group]]

    def _fill_groups(self) -> None:
        """Say how many targets each choice would show; one that would show none cannot be chosen."""
        for group, choice in self._groups.items():
            count = len(self._of_group(group))
            choice.say(t(f"result.only.{group}", n=count))
            choice.setEnabled(count > 0)
        if not any(choice.isChecked() and choice.isEnabled() for choice in self._groups.values()):
            self._groups["all"].setChecked(True)

    def _fill_list(self) -> None:
        chosen = next((group for group, choice in self._groups.items() if choice.isChecked()), "all")
        self._list.setAccessibleName(self._groups[chosen].accessibleName())
        self._list.setToolTip("")
        self._list.rows.show(self._of_group(chosen))
        self._list.scrollToTop()

    def _row(self, target: str) -> TargetRow:
        verdict = self._verdicts[target]
        drawing, role = look(verdict.status)
        name = name_of(target, self._report)
        return TargetRow(drawing, role, name, status_word(verdict.status), self._sentence(verdict))

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
        over = usable(self._report, verdict.target)
        compared = comparison(self._report, verdict.target, self._names)
        below = ways(self.theme, self._report, verdict, self._names) if over else None
        card = Card(self.theme, drawing=drawing, role=role, action=button, more=more, below=below)
        card.say(name, status_word(verdict.status), self._sentence(verdict, compared), drawing=drawing, role=role)
        return card

    def _proxy_card(self, route: RouteVerdict) -> Card:
        """Return the card of a proxy: how it is, and what opens over it."""
        drawing, role = look(route.status)
        name = t("compare.card", name=label(route.id, self._report, self._names))
        button = Button(self.theme, f"result.proxy.{route.id}", rank="flat")
        button.say(t("result.details"), t("result.action", action=t("result.details"), service=name))
        button.clicked.connect(lambda _on=False: self.route_asked.emit(route.id))
        card = Card(self.theme, drawing=drawing, role=role, action=button)
        card.say(name, state_word(route), summary_of(route, self._report), drawing=drawing, role=role)
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
        if self._list.isVisible() and self._list.focus_on(target):
            return
        button = self.findChild(Button, f"result.action.{target}", Qt.FindChildOption.FindChildrenRecursively)
        if button is not None:
            button.setFocus(Qt.FocusReason.OtherFocusReason)
