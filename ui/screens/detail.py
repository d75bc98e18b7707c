"""S6: one target from close: what we saw, what it means, how sure we are, and the technical data folded away."""

from __future__ import annotations

import datetime as dt

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.route_words import NO_NAMES, Names, comparison, route_line, usable
from app.texts import t, when
from app.wording import BAD, function_name, function_verdicts, means, name_of, saw, stages, status_word, sure
from diagnostics.model import Report, Status, Verdict
from ui.a11y import announce
from ui.layouts import Flow
from ui.looks import look
from ui.screen import Screen
from ui.stage_picture import StagePicture
from ui.technical import technical_text
from ui.theme import Theme
from ui.ways_table import WaysTable
from ui.widgets import Button, Label, Mark, Row


class DetailScreen(Screen):
    """Everything that is known of one target."""

    name = "detail"
    todo_asked = Signal(str)
    save_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._report, self._target, self._names = Report(), "", NO_NAMES
        self._again: dt.datetime | None = None
        self.picture = StagePicture(theme)
        self._functions_label = Label(rank="name", name="detail.functions")
        self._functions = QWidget()
        self._flow = Flow(self._functions)
        self._saw, self._means, self._sure = (Label(name=f"detail.{part}") for part in ("saw", "means", "sure"))
        self.body.addWidget(_framed(self.picture))
        self._ways_label = Label(rank="name", name="detail.ways")
        self._ways, self._ways_box = QWidget(), QVBoxLayout()
        self._ways.setLayout(self._ways_box)
        self._ways_box.setContentsMargins(0, 0, 0, 0)
        for widget in (self._ways_label, self._ways):
            self.body.addWidget(widget)
        for widget in (self._saw, self._means, self._sure, self._functions_label, self._functions):
            self.body.addWidget(widget)
        self.tried = WaysTable(theme)
        self.tried.unfolded.connect(self.set_reading_order)
        self.body.addWidget(self.tried)
        self._build_technical()
        self.body.addStretch(1)
        self.back = Button(theme, "detail.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self.save = Button(theme, "detail.save")
        self.save.clicked.connect(self.save_asked)
        self.primary = Button(theme, "detail.todo", rank="primary")
        self.primary.clicked.connect(lambda: self.todo_asked.emit(self._target))
        self.foot.fill([self.back, self.save, self.primary], far=1)

    def _build_technical(self) -> None:
        self.fold = Button(self.theme, "detail.technical", rank="flat", icon="right")
        self.fold.setCheckable(True)
        self.fold.toggled.connect(self._unfold)
        self.copy = Button(self.theme, "detail.copy")
        self.copy.clicked.connect(self._copy)
        self.data = QPlainTextEdit()
        self.data.setObjectName("detail.data")
        self.data.setReadOnly(True)
        self.data.setTabChangesFocus(True)
        self.data.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.data.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.body.addWidget(Row([self.fold, self.copy]))
        self.body.addWidget(self.data)

    def show_target(self, report: Report, target: str, names: Names = NO_NAMES, again: dt.datetime | None = None) -> None:
        """Show another target; ``names`` are what the person calls the proxies, ``again`` says when it was measured once more."""
        self._report, self._target, self._names, self._again = report, target, names, again
        self.fold.setChecked(False)
        self._unfold(on=False)
        self.tried.put_away()
        self.retranslate()

    def retranslate(self) -> None:
        """Write everything anew."""
        report = self._report
        verdict = report.of_target(self._target) or Verdict(target=self._target, status=Status.NOT_TESTED)
        name = name_of(self._target, report)
        self.title.say(f"{name}: {_lower(status_word(verdict.status))}")
        self.lead.say(t("result.rechecked", when=when(self._again)) if self._again is not None else "")
        self.picture.show_stages(stages(report, self._target))
        self._saw.say(saw(verdict, report))
        self._means.say(means(verdict, report))
        self._sure.say(sure(verdict, report))
        self._show_functions(function_verdicts(report, self._target))
        self._show_ways()
        self.tried.show_target(report, self._target, self._names)
        self.fold.say(t("detail.technical"))
        self.copy.say(t("detail.copy"))
        self.data.setPlainText(technical_text(report, self._target))
        self.data.setAccessibleName(t("result.action", action=t("detail.technical"), service=name))
        self.back.say(t("nav.back"))
        self.save.say(t("result.save"))
        self.save.setVisible(self._again is not None)  # a measurement of its own has a report of its own
        if self.primary is not None:
            self.primary.say(t("result.todo"))
            self.primary.setVisible(verdict.status in BAD)
        self.set_reading_order()

    def first_focus(self) -> QWidget | None:
        """Put the focus on the next step, else on the way back."""
        return self.primary if self.primary is not None and not self.primary.isHidden() else self.back

    def _show_functions(self, verdicts: list[Verdict]) -> None:
        while self._flow.count():
            widget = self._flow.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._functions_label.say(t("detail.functions") if verdicts else "")
        self._functions.setVisible(bool(verdicts))
        for verdict in verdicts:
            chip = _chip(self.theme, verdict)
            self._flow.addWidget(chip)
            chip.show()

    def _show_ways(self) -> None:
        """Show the way over each proxy as its own picture, with what is to be said of it."""
        while self._ways_box.count():
            widget = self._ways_box.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        over = usable(self._report, self._target)
        self._ways_label.say(t("compare.title") if over else "")
        self._ways.setVisible(bool(over))
        compared = comparison(self._report, self._target, self._names)
        if compared:
            self._add_way(Label(compared))
        for verdict in over:
            picture = StagePicture(self.theme)
            picture.show_stages(stages(self._report, self._target, verdict.route))
            for part in (Label(route_line(verdict, self._report, self._names)), _framed(picture)):
                self._add_way(part)

    def _add_way(self, widget: QWidget) -> None:
        self._ways_box.addWidget(widget)
        widget.show()

    def _unfold(self, on: bool) -> None:
        self.fold.set_icon("down" if on else "right")
        self.data.setVisible(on)
        self.copy.setVisible(on)
        self.data.setMinimumHeight(self.fontMetrics().height() * 12)
        self.set_reading_order()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.data.toPlainText())
        announce(self, t("detail.copied"))
        self.copy.say(t("detail.copied"))


def _framed(inside: QWidget) -> QFrame:
    frame = QFrame()
    frame.setObjectName("card")
    box = QVBoxLayout(frame)
    box.setContentsMargins(16, 14, 16, 12)
    box.addWidget(inside)
    return frame


def _chip(theme: Theme, verdict: Verdict) -> QWidget:
    """Return a function with its mark and word."""
    drawing, role = look(verdict.status)
    name, word = function_name(verdict.function or ""), status_word(verdict.status)
    words = Label(f"{name[:1].upper()}{name[1:]}: {_lower(word)}", state=role, short=True)
    chip = QFrame()
    chip.setObjectName("card")
    chip.setAccessibleName(f"{name}: {word}")
    box = QHBoxLayout(chip)
    box.setContentsMargins(10, 6, 12, 6)
    box.addWidget(Mark(theme, drawing, role, 22))
    box.addWidget(words, 1)
    return chip


def _lower(word: str) -> str:
    return word[:1].lower() + word[1:]
