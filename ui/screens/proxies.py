"""S7: the person's own proxies: what each is, how it fares, and a field that understands whatever one was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QWidget

from app.route_words import state_word, summary_of
from app.texts import t
from app.vpn_words import vpn_sentence, vpn_state_word
from app.wording import after_colon
from diagnostics.model import Report, RouteVerdict, Status, VpnVerdict
from ui.a11y import announce
from ui.drops import DropScreen
from ui.looks import UNDER_WAY, WAITING, look
from ui.proxy_backend import FoundRow, Proxies, ProxiesRead, ProxyRow
from ui.theme import Theme
from ui.widgets import Button, Card, Label, Row, column, drop

UNDO_SECONDS: Final = 10
"""How long a removal can be taken back."""

_VPN_LOOKS: Final = {
    "none": ("circle", "muted"),
    "full": ("check", "ok"),
    "split": ("alert", "warn"),
    "mesh": ("check", "muted"),
    "browser_only": ("alert", "warn"),
    "stale": ("plug", "bad"),
}
"""Drawing and role of each state of a VPN."""

LINES: Final = 3
"""Lines that the paste field shows."""


class ProxiesScreen(DropScreen):
    """The list, the paste field, and what was found on this computer."""

    name = "proxies"
    test_asked = Signal(list)
    detail_asked = Signal(str)
    changed = Signal()
    vpn_asked = Signal()
    profile_asked = Signal()

    def __init__(self, theme: Theme, proxies: Proxies) -> None:
        """Build the screen; the rows come with :meth:`show_rows`."""
        super().__init__(theme)
        self._proxies = proxies
        self._rows: dict[str, ProxyRow] = {}
        self._known: dict[str, tuple[RouteVerdict, Report]] = {}
        self._busy: set[str] = set()
        self._found: Sequence[FoundRow] = ()
        self._pasted: Path | str = ""
        self._removing: ProxyRow | None = None
        self.dropped.connect(self._read)
        self._build_vpn()
        self._empty = Label(rank="muted", name="proxies.empty")
        self._cards, self._found_cards = column([]), column([])
        self._all = Button(theme, "proxies.all", rank="flat")
        self._all.clicked.connect(lambda: self.test_asked.emit([row for row in self._rows if row != self._gone]))
        self._risk = Label(rank="muted", name="proxies.risk")
        self._heading = Label(rank="name", name="proxies.heading")
        self.body.addSpacing(8)
        for part in (self._heading, self._risk, self._empty, self._cards, Row([self._all]), self._build_undo()):
            self.body.addWidget(part)
        self._build_paste()
        theme.changed.connect(self._field.fit)
        self._build_found()
        self.body.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.forget_removed)
        self.primary = Button(theme, "proxies.add", rank="primary")
        self.primary.clicked.connect(self._add)
        self._open = Button(theme, "proxies.open")
        self._open.clicked.connect(self._choose_file)
        self.foot.fill([self._open, self.primary], far=1)

    def _build_vpn(self) -> None:
        """Build the card of this computer's VPN: the other half of this place."""
        self._vpn = VpnVerdict()
        self._see, self._profile = Button(self.theme, "proxies.vpn.open"), Button(self.theme, "proxies.test.profile", rank="flat")
        self._see.clicked.connect(self.vpn_asked)
        self._profile.clicked.connect(self.profile_asked)
        self._vpn_card = Card(self.theme, drawing="question", role="muted", action=self._see, more=self._profile)
        self.body.addWidget(self._vpn_card)

    def show_vpn(self, vpn: VpnVerdict) -> None:
        """Say in a line whether a VPN is on, and through what tests go."""
        self._vpn = vpn
        drawing, role = _VPN_LOOKS.get(vpn.state, ("question", "muted"))
        self._vpn_card.say(t("proxies.vpn.card"), vpn_state_word(vpn), vpn_sentence(vpn), drawing=drawing, role=role)

    def _build_undo(self) -> QWidget:
        self._removed = Label(rank="muted", name="proxies.removed")
        self._undo = Button(self.theme, "proxies.undo", rank="flat")
        self._undo.clicked.connect(self._take_back)
        self._undo_row = Row([self._removed, self._undo])
        self._undo_row.hide()
        return self._undo_row

    def _build_paste(self) -> None:
        self._label = Label(rank="name", name="proxies.paste")
        self._field = _PasteField()
        self._label.setBuddy(self._field)
        self.note = Label(rank="muted", name="proxies.note")
        self._ask = Label(state="warn", name="proxies.near")
        self._yes, self._no = Button(self.theme, "proxies.near.yes"), Button(self.theme, "proxies.near.no", rank="flat")
        self._yes.clicked.connect(lambda: self._read(self._pasted, near=True))
        self._no.clicked.connect(lambda: self._ask_about(0))
        self._answers = Row([self._yes, self._no])
        self._kept = Label(rank="muted", name="proxies.secret")
        self.body.addSpacing(8)
        for part in (self._label, self._field, self.note, self._ask, self._answers, self._kept):
            self.body.addWidget(part)
        self._answers.hide()

    def _build_found(self) -> None:
        self._found_title = Label(rank="name", name="proxies.found")
        self._find = Button(self.theme, "proxies.find", rank="flat")
        self._find.clicked.connect(self.look_around)
        self._found_note = Label(rank="muted", name="proxies.found.note")
        self.body.addSpacing(8)
        for part in (self._found_title, Row([self._find]), self._found_note, self._found_cards):
            self.body.addWidget(part)

    # --- words and rows ---

    def retranslate(self) -> None:
        """Put the words in."""
        self.title.say(t("proxies.title"))
        self.lead.say(t("proxies.lead"))
        self._see.say(t("proxies.vpn.open"))
        self._profile.say(t("proxies.test.profile"))
        self.show_vpn(self._vpn)
        self._heading.say(t("proxies.heading"))
        self._risk.say(t("proxies.risk"))
        self._all.say(t("proxies.test.all"))
        self._undo.say(t("proxies.undo"))
        self._label.say(t("proxies.paste"))
        self._field.setAccessibleName(t("proxies.paste"))
        self._field.fit()
        self._kept.say(t("proxies.secret"))
        self._yes.say(t("proxies.near.yes"))
        self._no.say(t("proxies.near.no"))
        self._found_title.say(t("proxies.found.title"))
        self._find.say(t("proxies.find"))
        self._open.say(t("proxies.open"))
        self.note.say("")
        if self.primary is not None:
            self.primary.say(t("proxies.add"))
        self.show_rows()
        self._show_found()

    def first_focus(self) -> QWidget | None:
        """Begin with the first proxy, or with the field: whoever has none has something to paste."""
        first = next(iter(self._rows), None)
        return self.findChild(Button, f"proxies.test.{first}") if first and first != self._gone else self._field

    def show_known(self, known: Mapping[str, tuple[RouteVerdict, Report]], busy: set[str]) -> None:
        """Show what the latest tests found out, by a proxy's id, and which are being tested."""
        self._known, self._busy = dict(known), set(busy)
        self.show_rows()

    def show_rows(self) -> None:
        """Show the proxies that are kept."""
        focused = self.focusWidget().objectName() if self.focusWidget() is not None else ""
        self._rows = {row.id: row for row in self._proxies.all()}
        _clear(self._cards)
        shown = [row for row in self._rows.values() if row.id != self._gone]
        for row in shown:
            _put(self._cards, self._card(row))
        self._empty.say("" if shown else t("proxies.empty"))
        self._all.setVisible(len(shown) > 1)
        self._all.setEnabled(not self._busy)
        self.set_reading_order()
        again = self.findChild(Button, focused) if focused else None
        if again is not None:
            again.setFocus()

    def _card(self, row: ProxyRow) -> Card:
        known = self._known.get(row.id)
        test, remove = self._row_button("test", row), self._row_button("remove", row)
        test.clicked.connect(lambda _on=False: self.test_asked.emit([row.id]))
        test.setEnabled(not self._busy)
        remove.clicked.connect(lambda _on=False: self._remove(row))
        details = self._row_button("details", row) if known else None
        if details is not None:
            details.clicked.connect(lambda _on=False: self.detail_asked.emit(row.id))
        drawing, role, word, sentence = self._state(row, known)
        card = Card(self.theme, drawing=drawing, role=role, action=test, more=details, last=remove)
        card.say(row.label, word, sentence, drawing=drawing, role=role)
        return card

    def _state(self, row: ProxyRow, known: tuple[RouteVerdict, Report] | None) -> tuple[str, str, str, str]:
        if row.id in self._busy:
            return *UNDER_WAY, t("proxies.state", kind=row.kind, state=t("proxies.state.busy")), ""
        if known is None:
            return *WAITING, t("proxies.untested", kind=row.kind), ""
        route, report = known
        return *look(route.status), t("proxies.state", kind=row.kind, state=after_colon(state_word(route))), summary_of(route, report)

    def _row_button(self, what: str, row: ProxyRow) -> Button:
        button = Button(self.theme, f"proxies.{what}.{row.id}", rank="" if what == "test" else "flat")
        text = t(f"proxies.{what}")
        button.say(text, t("result.action", action=text, service=row.label))
        return button

    # --- adding ---

    def paste(self, text: str) -> None:
        """Put a text into the field and add what it holds."""
        self._field.setPlainText(text)
        self._add()

    def _add(self) -> None:
        self._read(self._field.toPlainText())

    def _choose_file(self) -> None:
        kinds = f"{t('proxies.kinds')} (*.png *.jpg *.jpeg *.gif *.webp *.bmp *.txt *.conf);;{t('home.list.any')} (*)"
        name, _kind = QFileDialog.getOpenFileName(self, t("proxies.open"), "", kinds)
        if name:
            self._read(Path(name))

    def _read(self, source: Path | str, *, near: bool = False) -> None:
        self._pasted = source
        self._ask_about(0)
        if self.primary is not None:
            self.primary.setEnabled(False)
        self._proxies.read(source, self._take, near=near)

    def _take(self, read: ProxiesRead) -> None:
        """Show what was added; what was not understood stays in the field."""
        if self.primary is not None:
            self.primary.setEnabled(True)
        added = [t("proxies.added", n=len(read.added))] if read.added else []
        self.note.say(" ".join([*added, *read.notes]))
        if not read.unread and self._pasted == self._field.toPlainText():
            self._field.clear()  # what was not understood stays, to be mended
        self._ask_about(read.near)
        self.show_rows()
        announce(self, " ".join(part for part in (self.note.accessibleName(), self._ask.accessibleName()) if part))
        if read.added:
            self.changed.emit()

    def _ask_about(self, near: int) -> None:
        """Ask before proxies at private addresses are kept: a stranger's link must not make this computer talk to its own network."""
        self._ask.say(t("proxies.near", n=near) if near else "")
        self._answers.setVisible(bool(near))
        if near:
            self._yes.setFocus()
        self.set_reading_order()

    # --- removing ---

    @property
    def _gone(self) -> str:
        return self._removing.id if self._removing is not None else ""

    def _remove(self, row: ProxyRow) -> None:
        """Take a row away, and forget it for good after a while."""
        self.forget_removed()
        self._removing = row
        self._removed.say(t("proxies.removed", name=row.label))
        self._undo_row.show()
        self._timer.start(UNDO_SECONDS * 1000)
        self.show_rows()
        self._undo.setFocus()
        announce(self, t("proxies.removed", name=row.label))
        self.changed.emit()

    def _take_back(self) -> None:
        self._timer.stop()
        self._removing = None
        self._undo_row.hide()
        self.show_rows()
        self.changed.emit()

    def forget_removed(self) -> None:
        """Forget what was removed, now: its time is over, another one follows, or the window closes."""
        self._timer.stop()
        row, self._removing = self._removing, None
        self._undo_row.hide()
        if row is not None:
            self._rows.pop(row.id, None)
            self._proxies.remove(row.id, self._said)

    def _said(self, problem: str) -> None:
        if problem:
            self.note.say(problem)
        self.show_rows()
        self.changed.emit()

    def kept_ids(self) -> list[str]:
        """Return the proxies that count: not the one that is being removed."""
        return [row.id for row in self._proxies.all() if row.id != self._gone]

    # --- on this computer ---

    def look_around(self) -> None:
        """Look for proxies on this computer."""
        self._find.setEnabled(False)
        self._found_note.say(t("proxies.finding"))
        self._proxies.find(self._take_found)

    def _take_found(self, found: Sequence[FoundRow]) -> None:
        self._found = found
        self._find.setEnabled(True)
        self._found_note.say("" if found else t("proxy.found.none"))
        self._show_found()
        announce(self, "; ".join(row.label for row in found) or t("proxy.found.none"))

    def _show_found(self) -> None:
        _clear(self._found_cards)
        for place, row in enumerate(self._found):
            keep = None
            if row.link:
                keep = Button(self.theme, f"proxies.keep.{place}")
                keep.say(t("proxies.found.keep"), t("result.action", action=t("proxies.found.keep"), service=row.label))
                keep.clicked.connect(lambda _on=False, link=row.link: self._read(link, near=True))
            drawing, role = look(Status.WORKS if row.link else Status.SLOW)
            card = Card(self.theme, drawing=drawing, role=role, action=keep)
            card.say(row.label, "", row.sentence, drawing=drawing, role=role)
            _put(self._found_cards, card)
        self.set_reading_order()


class _PasteField(QPlainTextEdit):
    """A field of a few lines; Tab leaves it."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("proxies.field")
        self.setTabChangesFocus(True)
        self.setAcceptDrops(False)  # the screen takes what is dropped, also on the field

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keep Enter for a new line."""
        super().keyPressEvent(event)
        event.accept()

    def fit(self) -> None:
        """Show a few lines of the present font."""
        self.setFixedHeight(self.fontMetrics().lineSpacing() * LINES + 2 * (self.frameWidth() + round(self.document().documentMargin())))


def _clear(holder: QWidget) -> None:
    box = holder.layout()
    while box is not None and box.count():
        widget = box.takeAt(0).widget()
        if isinstance(widget, Card):
            drop(widget)


def _put(holder: QWidget, card: Card) -> None:
    box = holder.layout()
    if box is not None:
        box.addWidget(card)
        card.show()
