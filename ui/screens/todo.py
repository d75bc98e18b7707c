"""What to do: the advice for one target, or for the line, best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from app.texts import t
from ui.a11y import announce
from ui.backend import Advice
from ui.screen import Screen
from ui.theme import Theme
from ui.tip_card import NEW, Head, TipCard, TipState
from ui.widgets import Button, Label, Notice

FEW: Final = 2
"""So many tips are all open; of more, all but one are folded to their titles."""

_NONE_TOLD: Final[Mapping[str, TipState]] = {}


class TodoScreen(Screen):
    """One or more tips, each with its steps, its risk and the question whether it worked."""

    name = "todo"
    again_asked = Signal()
    save_asked = Signal()
    copy_asked = Signal(str, str)
    code_asked = Signal(str, str)
    worked = Signal(str)
    failed = Signal(str)
    recheck_asked = Signal(str)
    stop_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._service = ""
        self._cards: list[TipCard] = []
        self._none: Label | None = None
        self._platform = ""  # what was chosen last: it holds for every card
        self.notice = Notice(theme, "todo.notice")
        self.head.addWidget(self.notice)
        self.back = Button(theme, "todo.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self.save = Button(theme, "todo.save")
        self.save.clicked.connect(self.save_asked)
        self.primary = Button(theme, "todo.again", rank="primary")
        self.primary.clicked.connect(self.again_asked)
        self.foot.fill([self.back, self.save, self.primary], far=1)

    def show_tips(self, head: Head, tips: Sequence[Advice], told: Mapping[str, TipState] = _NONE_TOLD, open_tip: str = "") -> None:
        """Show the advice under its ``head``.

        ``told`` says how tips stand, by their ids; ``open_tip`` is the one that is open of several, the first one if none is named.
        """
        service = self._service = head.service
        self.title.say(head.title or (t("tips.title", service=service) if service else t("tips.title.line")))
        self.lead.say(head.why)
        self.save.setVisible(head.saves)
        self.notice.say("")
        self._forget()
        foldable = len(tips) > FEW
        opened = open_tip if any(advice.id == open_tip for advice in tips) else tips[0].id if tips else ""
        for number, advice in enumerate(tips, start=1):
            card = TipCard(self.theme, number, advice, told.get(advice.id, NEW), service, foldable=foldable)
            self._connect(card)
            card.choose(self._platform)
            self._cards.append(card)
            self.body.addWidget(card)
            card.set_open(on=advice.id == opened)
            card.show()  # now and not with the next event: only what is visible can have the focus
        if not tips:
            self._none = Label(head.none or t("tips.none"), name="todo.none")
            self.body.addWidget(self._none)
            self._none.show()
        self.body.addStretch(1)
        self.retranslate()
        self.set_reading_order()

    def _forget(self) -> None:
        """Let go of the cards; until they are deleted they would shine through, and be found by their ids."""
        for each in (*self._cards, *((self._none,) if self._none is not None else ())):
            self.body.removeWidget(each)
            each.hide()
            for inner in (each, *each.findChildren(QWidget)):
                inner.setObjectName("")
            each.deleteLater()
        while self.body.count():
            self.body.takeAt(0)
        self._cards, self._none = [], None

    def _connect(self, card: TipCard) -> None:
        ident = card.advice.id
        card.opened.connect(self._opened)
        card.platform_chosen.connect(self._platform_chosen)
        card.copy_asked.connect(lambda: self.copy_asked.emit(ident, card.platform))
        card.code_asked.connect(lambda: self.code_asked.emit(ident, card.platform))
        card.worked.connect(lambda: self.worked.emit(ident))
        card.failed.connect(lambda: self.failed.emit(ident))
        card.again_asked.connect(lambda: self.recheck_asked.emit(ident))
        card.stop_asked.connect(self.stop_asked)

    def _opened(self, _ident: str) -> None:
        """Follow a card that was opened or closed by hand; the others stay as they are."""
        self.set_reading_order()

    def _platform_chosen(self, platform: str) -> None:
        self._platform = platform
        for card in self._cards:
            card.choose(platform)

    def retranslate(self) -> None:
        """Put the words of the buttons in; the window asks for the tips anew."""
        self.back.say(t("nav.back"))
        self.save.say(t("result.save"))
        if self.primary is not None:
            self.primary.say(t("tips.again_all") if self._service else t("result.again"))

    def card(self, ident: str) -> TipCard | None:
        """Return the card of a tip."""
        return next((card for card in self._cards if card.advice.id == ident), None)

    def open_tip(self) -> str:
        """Return the id of the first tip that is open."""
        return next((card.advice.id for card in self._cards if card.is_open), "")

    def say_copied(self, ident: str) -> None:
        """Say that a tip lies in the clipboard."""
        card = self.card(ident)
        if card is not None:
            card.say_copied()
            announce(self, t("tips.copied"))

    def say(self, sentence: str, *, drawing: str = "check", role: str = "ok") -> None:
        """Say what came of a tip, above them all."""
        self.notice.say(sentence, drawing=drawing, role=role)
        announce(self, sentence)

    def lead_to(self, ident: str) -> None:
        """Put the focus on a tip and scroll to it, once it has its place."""
        card = self.card(ident)
        if card is not None:
            card.focus()
            QTimer.singleShot(0, self, lambda: self._scroll_to(ident))

    def lead_to_save(self) -> None:
        """Put the focus on saving the report, where there is one."""
        if self.save.isVisibleTo(self):
            self.save.setFocus()
        elif self.primary is not None:
            self.primary.setFocus()

    def _scroll_to(self, ident: str) -> None:
        card = self.card(ident)
        if card is not None:
            self._scroll.ensureWidgetVisible(card, 0, 0)

    def spoken(self) -> str:
        """Read the first tip, too."""
        first = self._cards[0].accessibleName() if self._cards else self._none.accessibleName() if self._none is not None else ""
        return f"{self.title.accessibleName()}. {first}"
