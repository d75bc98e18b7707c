"""One proxy from close: its name, what is to be said of it, and the eleven steps of the way through it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from app.route_steps import RouteStep, step_title, steps_of
from app.route_words import state_word, summary_of
from app.texts import t
from app.wording import after_colon
from diagnostics.model import Report, RouteVerdict
from ui.looks import look
from ui.proxy_backend import ProxyRow
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Field, Label, Mark, Row


class ProxyScreen(Screen):
    """Everything that is known of one proxy."""

    name = "proxy"
    test_asked = Signal(list)
    rename_asked = Signal(str, str)

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._row: ProxyRow | None = None
        self._known: tuple[RouteVerdict, Report] | None = None
        self._steps_label = Label(rank="name", name="proxy.steps")
        self._steps: QWidget | None = None
        self._place = self.body.count()
        self.body.addWidget(self._steps_label)
        self._label = Label(rank="name", name="proxy.rename.label")
        self._field = Field("proxy.field")
        self._field.setMaxLength(80)
        self._label.setBuddy(self._field)
        self._rename = Button(theme, "proxy.rename")
        self._field.returnPressed.connect(self._ask_rename)
        self._rename.clicked.connect(self._ask_rename)
        self.note = Label(rank="muted", name="proxy.note")
        self.body.addSpacing(12)
        for part in (self._label, Row([self._field, self._rename]), self.note):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.back = Button(theme, "proxy.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self.primary = Button(theme, "proxy.test", rank="primary")
        self.primary.clicked.connect(lambda: self.test_asked.emit([self.shown]))
        self.foot.fill([self.back, self.primary], far=1)

    @property
    def shown(self) -> str:
        """Return the id of the proxy that is shown."""
        return self._row.id if self._row is not None else ""

    def show_proxy(self, row: ProxyRow, known: tuple[RouteVerdict, Report] | None, *, busy: bool) -> None:
        """Show another proxy, or what is new of it."""
        if self.shown != row.id:
            self.note.say("")
        self._row, self._known = row, known
        self._field.setText(row.name)
        if self.primary is not None:
            self.primary.setEnabled(not busy)
        self.retranslate()

    def retranslate(self) -> None:
        """Write everything anew."""
        row, known = self._row, self._known
        state = after_colon(state_word(known[0])) if known else after_colon(t("proxies.untested", kind=row.kind if row else ""))
        self.title.say(t("proxy_screen.title", name=row.label, state=state) if row else "")
        self.lead.say(summary_of(*known) if known else "")
        self._steps_label.say(t("proxy_screen.steps") if known else "")
        self._label.say(t("proxy_screen.rename"))
        self._field.setAccessibleName(t("proxy_screen.rename"))
        self._rename.say(t("proxy_screen.rename.go"))
        self.back.say(t("nav.back"))
        if self.primary is not None:
            self.primary.say(t("proxies.test"))
        self._show_steps(steps_of(known[1], known[0]) if known else [])
        self.set_reading_order()

    def first_focus(self) -> QWidget | None:
        """Put the focus on the way back: testing again is not what people come here for."""
        return self.back

    def _show_steps(self, steps: list[RouteStep]) -> None:
        if self._steps is not None:
            self.body.removeWidget(self._steps)
            self._steps.hide()
            self._steps.deleteLater()
            self._steps = None
        if not steps:
            return
        frame = QFrame()
        frame.setObjectName("card")
        box = QGridLayout(frame)
        box.setContentsMargins(16, 12, 16, 12)
        box.setHorizontalSpacing(12)
        box.setColumnStretch(2, 1)
        for line, step in enumerate(steps):
            drawing, role = look(step.status)
            title, sentence = Label(step_title(step.id), rank="name", short=True), Label(step.sentence, rank="muted")
            title.setAccessibleName(f"{line + 1}. {step_title(step.id)}: {step.sentence}")
            box.addWidget(Mark(self.theme, drawing, role, 22), 2 * line, 0, 2, 1)
            box.addWidget(title, 2 * line, 1, 1, 2)
            box.addWidget(sentence, 2 * line + 1, 1, 1, 2)
        self._steps = frame
        self.body.insertWidget(self._place + 1, frame)
        frame.show()

    def _ask_rename(self) -> None:
        if self._row is not None:
            self.rename_asked.emit(self._row.id, self._field.text())

    def say_renamed(self, problem: str) -> None:
        """Say how renaming went."""
        self.note.say(problem or t("proxy_screen.renamed"))
