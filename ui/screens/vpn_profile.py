"""Testing a VPN profile: from a file, by dragging or pasting; what may be done is asked here, and then shown stage by stage.

The window keeps nothing of a profile: what was pasted is cleared as soon as it was understood, user and password when they were used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QGridLayout, QLineEdit, QPlainTextEdit

from app.texts import t
from app.vpn_steps import Outcome, ProfileStage, kind_title, lendable, opens_sentence, profile_route, profile_stages, profile_word
from app.vpn_summary_words import profile_needs_help
from app.vpn_words import profile_sentence
from app.wording import failure, fault_sentence
from diagnostics.model import Report
from ui.a11y import announce
from ui.drops import DropScreen
from ui.looks import WAITING, look
from ui.theme import Theme
from ui.vpn_backend import ProfileRead, ProfileRow, Vpn, VpnWanted
from ui.widgets import Button, Card, Choice, Field, Label, Mark, Row, column

_LINES: Final = 3
_LOOKS: Final[dict[Outcome, tuple[str, str]]] = {
    Outcome.PASSED: ("check", "ok"),
    Outcome.PARTLY: ("alert", "warn"),
    Outcome.FAILED: ("cross", "bad"),
    Outcome.UNKNOWN: ("question", "muted"),
    Outcome.NOT_REACHED: WAITING,
    Outcome.NOT_TRIED: WAITING,
}


class VpnProfileScreen(DropScreen):
    """One profile: what it is, what may be done with it, and what came of it."""

    name = "vpn_profile"
    test_asked = Signal(object)
    stop_asked = Signal()
    advice_asked = Signal()
    save_asked = Signal()

    def __init__(self, theme: Theme, vpn: Vpn) -> None:
        """Build the screen; ``vpn`` reads profiles."""
        super().__init__(theme)
        self._vpn = vpn
        self.row: ProfileRow | None = None
        self._report: Report | None = None
        self._busy = self._done = self._doubted = self._whole = False
        self._note_words: Callable[[], str] = str
        self._source: Path | str = ""
        self.vpn_is_on = False
        """Whether a VPN of this computer is on: then one with these keys may be connected."""
        self.lending: Mapping[str, str] = {}
        """Kept proxies that worked when they were last tested, with their kinds: a silent server may be greeted through them, too."""
        self.dropped.connect(self.read)
        self._seen, self._kept = Label(rank="muted", name="vpn_profile.seen"), Label(rank="muted", name="vpn_profile.kept")
        self._build_paste()
        self._card = Card(theme, drawing="circle", role="muted")  # what is held of it: above all that only explains
        self._card.hide()
        self.body.addWidget(self._card)
        self._stages_title = Label(rank="name", name="vpn_profile.stages")
        self.body.addWidget(self._stages_title)
        self._stages: QFrame | None = None
        self._place = self.body.count()
        self._notes = Label(rank="muted", name="vpn_profile.notes")
        for part in (self._seen, self._kept, self._notes):
            self.body.addWidget(part)
        self._build_questions()
        self.body.addWidget(self._another)
        self.body.addStretch(1)
        self._build_foot()
        theme.changed.connect(self._field.fit)

    def _build_foot(self) -> None:
        self.back = Button(self.theme, "vpn_profile.back", rank="flat", icon="back")
        self._save, self._open = Button(self.theme, "vpn_profile.save"), Button(self.theme, "vpn_profile.open")
        self._go, self._advice = Button(self.theme, "vpn_profile.go"), Button(self.theme, "vpn_profile.advice")
        self.back.clicked.connect(self.escaped)
        self._save.clicked.connect(self.save_asked)
        self._open.clicked.connect(self._choose_file)
        self._go.clicked.connect(self._press)
        self._advice.clicked.connect(self.advice_asked)
        self.primary = self._open
        self.foot.fill([self.back, self._save, self._open, self._go, self._advice])

    def _build_paste(self) -> None:
        self._label = Label(rank="name", name="vpn_profile.paste")
        self._field = _PasteField()
        self._label.setBuddy(self._field)
        self._read = Button(self.theme, "vpn_profile.read", rank="flat")
        self._read.clicked.connect(lambda: self.read(self._field.toPlainText()))
        self._paste = column([self._label, self._field, Row([self._read])])
        self._other = Button(self.theme, "vpn_profile.another", rank="flat")
        self._other.clicked.connect(self._forget)
        self._another = Row([self._other])
        self._another.hide()
        self.note = Label(state="warn", name="vpn_profile.note")
        for part in (self._paste, self.note):
            self.body.addWidget(part)

    def _build_questions(self) -> None:
        self._in_use = Choice(self.theme, "vpn_profile.in_use")
        self._in_use_why = Label(rank="muted", name="vpn_profile.in_use.why")
        self._login = Choice(self.theme, "vpn_profile.login")
        self._login.toggled.connect(self._show_fields)
        self._login_why = Label(rank="muted", name="vpn_profile.login.why")
        self._user_label, self._user = Label(rank="name", name="vpn_profile.user.label"), Field("vpn_profile.user")
        self._password_label, self._password = Label(rank="name", name="vpn_profile.password.label"), Field("vpn_profile.password")
        self._password.setEchoMode(QLineEdit.EchoMode.Password)
        self._user_label.setBuddy(self._user)
        self._password_label.setBuddy(self._password)
        self._login_kept = Label(rank="muted", name="vpn_profile.login.kept")
        self._in_use_part = column([Row([self._in_use]), self._in_use_why])
        self._fields = column([self._user_label, self._user, self._password_label, self._password, self._login_kept])
        self._login_part = column([Row([self._login]), self._login_why, self._fields])
        self._lend = Choice(self.theme, "vpn_profile.lend")
        self._lend_why = Label(rank="muted", name="vpn_profile.lend.why")
        self._lend_part = column([Row([self._lend]), self._lend_why])
        self._questions = (self._in_use_part, self._login_part, self._lend_part)
        for part in self._questions:
            part.hide()
            self.body.addWidget(part)
        self._fields.hide()

    # --- words ---

    def retranslate(self) -> None:
        """Write everything anew."""
        self.title.say(t("vpn_profile.title"))
        self.note.say(self._note_words())
        self._seen.say(t("vpn_profile.seen"))
        self._kept.say(t("vpn_profile.kept"))
        self._label.say(t("vpn_profile.paste"))
        self._field.setAccessibleName(t("vpn_profile.paste"))
        self._field.fit()
        self._read.say(t("vpn_profile.read"))
        self._other.say(t("vpn_profile.another"))
        self._in_use.say(t("vpn_profile.in_use"))
        self._lend.say(t("vpn_profile.lend"))
        self._lend_why.say(t("vpn_profile.lend.why"))
        self._login.say(t("vpn_profile.login"))
        self._login_why.say(t("vpn_profile.login.why"))
        self._user_label.say(t("vpn_profile.user"))
        self._user.setAccessibleName(t("vpn_profile.user"))
        self._password_label.say(t("vpn_profile.password"))
        self._password.setAccessibleName(t("vpn_profile.password"))
        self._login_kept.say(t("vpn_profile.login.kept"))
        self._show_state()

    def tell(self, words: Callable[[], str]) -> None:
        """Say something about what was asked for; it follows the language."""
        self._note_words = words
        self.note.say(words())

    def _show_state(self) -> None:
        row = self.row
        self._show_foot()
        self.lead.say(t("vpn_profile.lead") if row is None else "")  # what a profile is; who has one knows
        self._paste.setVisible(row is None)
        self._another.setVisible(row is not None)
        for button in (self._open, self._read, self._other, self._in_use, self._login, self._lend):
            button.setEnabled(not self._busy)
        if row is not None and row.in_use:
            self._in_use.setEnabled(False)
        self._card.setVisible(row is not None)
        self._notes.say(" ".join(note.words() for note in row.notes) if row is not None else "")
        if row is not None:
            which = "sure" if row.in_use else "maybe" if self._doubted else "why"
            self._in_use_why.say(t(f"vpn_profile.in_use.{which}"))
            self._fill_card(row)
        self._lend_part.setVisible(bool(self._lendable()))
        self._show_stages(row)
        self.set_reading_order()

    def _show_foot(self) -> None:
        """Show the buttons that make sense now; the one that is the next step stands out."""
        row, over = self.row, self._whole and not self._busy and self._report is not None
        helps = over and row is not None and self._report is not None and profile_needs_help(self._report, row.id)
        self.back.say(t("nav.back"))
        self._save.say(t("result.save"))
        self._open.say(t("vpn_profile.open"))
        self._go.say(t("vpn.stop" if self._busy else "vpn_profile.again" if self._done else "vpn_profile.go"))
        self._advice.say(t("result.todo"))
        self._save.setVisible(row is not None and over)
        self._open.setVisible(row is None)
        self._go.setVisible(row is not None)
        self._go.setEnabled(row is not None)
        self._advice.setVisible(helps)
        self.primary = self._advice if helps else self._go if row is not None else self._open
        buttons = (self._save, self._open, self._go, self._advice)
        for button in buttons:
            button.set_rank("primary" if button is self.primary else "")
        self.foot.set_far(sum(button.isVisibleTo(self.foot) for button in buttons))

    def _fill_card(self, row: ProfileRow) -> None:
        name = t("vpn_profile.found", kind=kind_title(row.kind), name=row.name) if row.name else kind_title(row.kind)
        route = profile_route(self._report, row.id) if self._report is not None else None
        if self._busy:
            self._card.say(name, t("vpn.busy.profile"), "", drawing="dots", role="accent")
        elif route is None or self._report is None:
            self._card.say(name, t("vpn_profile.ready"), "", drawing="circle", role="muted")
        else:
            drawing, role = look(route.status)
            why = fault_sentence(self._report) if failure(self._report) else profile_sentence(route)
            said = " ".join(part for part in (why, opens_sentence(self._report, row.id)) if part)
            self._card.say(name, profile_word(route), said, drawing=drawing, role=role)

    def _show_stages(self, row: ProfileRow | None) -> None:
        if self._stages is not None:
            self.body.removeWidget(self._stages)
            self._stages.hide()
            self._stages.deleteLater()
            self._stages = None
        self._stages_title.say(t("vpn_profile.stages") if row is not None and self._report is not None else "")
        if row is None or self._report is None:
            return
        frame = QFrame()
        frame.setObjectName("card")
        box = QGridLayout(frame)
        box.setContentsMargins(16, 12, 16, 12)
        box.setHorizontalSpacing(12)
        box.setColumnStretch(1, 1)
        for line, stage in enumerate(profile_stages(self._report, row.id, row.kind)):
            drawing, role = _LOOKS[stage.outcome]
            title, sentence = Label(stage.title, rank="name", short=True), Label(stage.sentence, rank="muted")
            title.setAccessibleName(_spoken(line + 1, stage))
            box.addWidget(Mark(self.theme, drawing, role, 22), 2 * line, 0, 2, 1)
            box.addWidget(title, 2 * line, 1)
            box.addWidget(sentence, 2 * line + 1, 1)
        self._stages = frame
        self.body.insertWidget(self._place, frame)
        frame.show()

    # --- reading a profile ---

    def _choose_file(self) -> None:
        kinds = f"{t('vpn_profile.kinds')} (*.conf *.ovpn *.txt);;{t('home.list.any')} (*)"
        name, _kind = QFileDialog.getOpenFileName(self, t("vpn_profile.open"), "", kinds)
        if name:
            self.read(Path(name))

    def read(self, source: Path | str) -> None:
        """Read a profile; what it is comes a moment later."""
        if self._busy:
            return
        self._source = source
        self._read.setEnabled(False)
        self.tell(lambda: t("vpn_profile.reading"))
        self._vpn.read(source, self._take)

    def _take(self, read: ProfileRead) -> None:
        """Show what was read; a pasted text that was understood is cleared, since it holds keys."""
        self.tell(read.problem.words if read.problem is not None else str)
        self._read.setEnabled(True)
        if read.row is not None:
            self.row, self._report, self._done = read.row, None, False
            if self._source == self._field.toPlainText():
                self._field.clear()
            self._ask(read.row)
        self._source = ""
        self._show_state()
        if read.row is not None:
            self._go.setFocus()
        announce(self, self.note.accessibleName() or self._card.accessibleName())

    def _forget(self) -> None:
        """Let go of the profile and begin again with the field."""
        self.row, self._report, self._done = None, None, False
        for part in self._questions:
            part.hide()
        self._forget_login()
        self.tell(str)
        self._show_state()
        self._field.setFocus()

    def _ask(self, row: ProfileRow) -> None:
        """Ask what this profile makes necessary; in doubt the answer that harms nobody is ticked."""
        self._in_use_part.setVisible(row.one_at_a_time)
        self._doubted = row.one_at_a_time and (row.may_be_in_use or self.vpn_is_on)
        self._in_use.setChecked(row.one_at_a_time and (row.in_use or self._doubted))
        self._login_part.setVisible(row.can_login)
        self._login.setChecked(False)
        self._lend.setChecked(False)  # whoever runs a proxy sees which server is greeted: that is never done unasked
        self._forget_login()
        self._show_fields()

    def show_vpn(self, *, on: bool) -> None:
        """Take in whether a VPN is on; one that went on after the profile was read makes the answer doubtful, and it is asked for again."""
        self.vpn_is_on = on
        if on and self.row is not None and self.row.one_at_a_time and not self._doubted and not self._busy:
            self._doubted = True
            self._in_use.setChecked(True)
            self._show_state()

    def _show_fields(self) -> None:
        wanted = self._login.isChecked() and self.row is not None and self.row.asks_login
        self._fields.setVisible(wanted)
        self.set_reading_order()

    def _lendable(self) -> tuple[str, ...]:
        return lendable(self.lending, self.row.kind) if self.row is not None and self.lending else ()

    def _forget_login(self) -> None:
        self._user.clear()
        self._password.clear()

    # --- testing ---

    def _press(self) -> None:
        if self._busy:
            self.stop_asked.emit()
        elif self.row is not None and self._lacks_login():
            self.tell(lambda: t("vpn_profile.login.empty"))
            announce(self, t("vpn_profile.login.empty"))
            (self._password if self._user.text() else self._user).setFocus()
        elif self.row is not None:
            wanted = VpnWanted(
                profile=self.row.id,
                login=self._login.isChecked() and self.row.can_login,
                user=self._user.text() if self._login.isChecked() else "",
                password=self._password.text() if self._login.isChecked() else "",
                in_use=self.row.in_use or (self.row.one_at_a_time and self._in_use.isChecked()),
                not_in_use=self._doubted and not self._in_use.isChecked(),
                proxies=self._lendable() if self._lend.isChecked() else (),
            )
            self.test_asked.emit(wanted)

    def _lacks_login(self) -> bool:
        """Tell whether the person wants to log in and has not said as whom."""
        asked = self._login.isChecked() and self.row is not None and self.row.asks_login
        return asked and not (self._user.text() and self._password.text())

    def again(self) -> None:
        """Test the profile once more, if there is one."""
        if self.row is not None and not self._busy:
            self._press()

    def show_test(self, report: Report | None, *, busy: bool, whole: bool) -> None:
        """Show what is known of the test of the profile; ``busy`` while it is under way, ``whole`` when it ended by itself."""
        if busy and not self._busy:
            self._forget_login()  # the engine has them now
            self.tell(str)
        self._whole = whole
        self._done = self._done or (report is not None and not busy)
        self._report, self._busy = report, busy
        self._show_state()

    def spoken_outcome(self) -> str:
        """Return what a screen reader says at the end of a test."""
        return self._card.accessibleName()


class _PasteField(QPlainTextEdit):
    """A field of a few lines; Tab leaves it, and a file that is dropped goes to the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("vpn_profile.field")
        self.setTabChangesFocus(True)
        self.setAcceptDrops(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keep Enter for a new line."""
        super().keyPressEvent(event)
        event.accept()

    def fit(self) -> None:
        """Show a few lines of the present font."""
        self.setFixedHeight(self.fontMetrics().lineSpacing() * _LINES + 2 * (self.frameWidth() + round(self.document().documentMargin())))


def _spoken(number: int, stage: ProfileStage) -> str:
    outcome = t(f"vpn_stage.outcome.{stage.outcome}")
    return t("vpn_stage.line", number=number, title=stage.title, outcome=outcome, sentence=stage.sentence)
