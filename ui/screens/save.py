"""Saving a report: for whom, where, and what was left out of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog

from app.texts import t
from diagnostics.model import Report
from ui.a11y import announce
from ui.backend import Backend, Saved, SaveKind
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Choice, Field, Label, Row


class SaveScreen(Screen):
    """One question a line; the outcome is said on the same page."""

    name = "save"
    copy_asked = Signal()

    def __init__(self, theme: Theme, backend: Backend) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._backend = backend
        self._report = Report()
        self._saved: Saved | None = None
        self._note: Callable[[], str] = str
        self._failed = self._busy = False
        self._for = Label(rank="name", name="save.for")
        self._kinds = {kind: Choice(theme, f"save.kind.{kind}", exclusive=True) for kind in (SaveKind.PAGE, SaveKind.DATA)}
        self._kinds[SaveKind.PAGE].setChecked(True)
        self._build_folder()
        self.kept_out = Label(rank="muted", name="save.kept_out")
        self.outcome = Label(rank="name", name="save.outcome")
        self.where = Label(name="save.where")
        self.open = Button(theme, "save.open")
        self.open.clicked.connect(self._open_folder)
        self.body.addWidget(self._for)
        self.body.addWidget(Row(list(self._kinds.values())))
        self.body.addSpacing(8)
        self.body.addWidget(self._folder_label)
        self.body.addWidget(Row([self.folder, self.browse]))
        self.body.addWidget(self.kept_out)
        self.body.addStretch(1)
        for widget in (self.outcome, self.where, Row([self.open])):  # up where it is seen at every text size
            self.head.addWidget(widget)
        self.back = Button(theme, "save.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self.copy = Button(theme, "save.copy")
        self.copy.clicked.connect(self.copy_asked)
        self.primary = Button(theme, "save.go", rank="primary")
        self.primary.clicked.connect(self._save)
        self.foot.fill([self.back, self.copy, self.primary], far=1)

    def _build_folder(self) -> None:
        self._folder_label = Label(rank="name", name="save.folder.label")
        self.folder = Field("save.folder")
        self._folder_label.setBuddy(self.folder)
        self.browse = Button(self.theme, "save.browse")
        self.browse.clicked.connect(self._browse)

    def show_report(self, report: Report, note: Callable[[], str] = str) -> None:
        """Offer to save another report; ``note`` says which part of the result it holds, where that is not plain."""
        self._note = note
        self._report, self._saved, self._failed = report, None, False
        if not self.folder.text():
            self.folder.setText(self._backend.save_folder())
        self.retranslate()

    @property
    def report(self) -> Report:
        """Return the report that is offered."""
        return self._report

    def retranslate(self) -> None:
        """Put the words in."""
        self.title.say(t("report.title"))
        self.lead.say(self._note())
        self._for.say(t("save.for"))
        self._kinds[SaveKind.PAGE].say(t("save.kind.page"))
        self._kinds[SaveKind.DATA].say(t("save.kind.data"))
        self._folder_label.say(t("save.folder"))
        self.folder.setAccessibleName(t("save.folder"))
        self.browse.say(t("fail.no_space.button") if self._failed else t("save.browse"))
        self.kept_out.say(t("save.kept_out"))
        self.open.say(t("save.open"))
        self.back.say(t("nav.back"))
        self.copy.say(t("report.copy"))
        if self.primary is not None:
            self.primary.say(t("report.save"))
        self._show_outcome()

    def _show_outcome(self) -> None:
        self.open.setVisible(self._saved is not None)
        if self._saved is not None:
            self.outcome.set_state("ok")
            self.outcome.say(t("report.saved", folder=self._saved.folder))
            self.where.say(f"{self._saved.file}. {t('report.removed', n=self._saved.removed)}")
        elif self._failed:
            self.outcome.set_state("bad")
            self.outcome.say(t("fail.no_space.title"))
            self.where.say(t("fail.no_space.body", folder=self.folder.text()))
        else:
            self.outcome.say("")
            self.where.say("")

    def say_copied(self) -> None:
        """Say that the summary went to the clipboard."""
        self.outcome.set_state("ok")
        self.outcome.say(t("result.copied"))

    def _save(self) -> None:
        kind = next(kind for kind, choice in self._kinds.items() if choice.isChecked())
        if self._busy:
            return
        self._busy = True  # the button stays enabled: it would lose the focus
        self._backend.save(self._report, self.folder.text().strip(), kind, self._written)

    def _written(self, saved: Saved | None) -> None:
        self._saved, self._failed, self._busy = saved, saved is None, False
        self.retranslate()
        self.set_reading_order()
        (self.open if saved else self.browse).setFocus()
        self.scroll_up()
        announce(self, f"{self.outcome.accessibleName()}. {self.where.accessibleName()}")

    def _open_folder(self) -> None:
        if self._saved is not None:
            self._backend.show(self._saved.folder)

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, t("save.browse"), self.folder.text())
        if chosen:
            self.folder.setText(chosen)
