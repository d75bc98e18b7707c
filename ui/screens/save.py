"""Saving a report: what it looks like, what is left out of it, for whom it is, and where it goes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog

from app.texts import t
from diagnostics.model import Report
from ui.a11y import announce
from ui.backend import Backend, Preview, SaveChoices, Saved, SaveKind
from ui.fold import Fold
from ui.preview import PagePreview
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Choice, Field, Label, Row, column

_WORDS = {SaveKind.PAPER: "person", SaveKind.PAGE: "web", SaveKind.SUPPORT: "support", SaveKind.DATA: "program"}
"""Who each kind is for, the most usual first, by the ids of the texts that say so."""


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
        self._preview: Preview | None = None
        self._asked = 0
        self._note: Callable[[], str] = str
        self._failed = self._busy = False
        self._build_choices()
        self._build_folder()
        self._build_preview()
        self.outcome = Label(rank="name", name="save.outcome")
        self.where = Label(name="save.where")
        self.open = Button(theme, "save.open")
        self.open.clicked.connect(self._open_folder)
        self.body.addWidget(self._code)
        for part in (self._for, Row(list(self._kinds.values())), self._for_support, self._folder_label, Row([self.folder, self.browse])):
            self.body.addWidget(part)
        self.body.addSpacing(8)
        for part in (self.kept_out, Row([self._hide, self._exact]), self._removed, self._seen):
            self.body.addWidget(part)
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

    def _build_choices(self) -> None:
        self._for = Label(rank="name", name="save.for")
        self._kinds = {kind: Choice(self.theme, f"save.kind.{kind}", exclusive=True) for kind in _WORDS}
        self._kinds[SaveKind.PAPER].setChecked(True)
        self._code = Label(rank="muted", name="save.code")
        for choice in self._kinds.values():
            choice.toggled.connect(self._show_key)
        self._key_why = Label(rank="muted", name="save.key.why")
        self.key = Field("save.key")
        self._key_why.setBuddy(self.key)
        self._for_support = column([self._key_why, self.key])
        self._for_support.hide()
        self._hide = Choice(self.theme, "save.hide_sites")
        self._exact = Choice(self.theme, "save.exact_time")
        for choice in (self._hide, self._exact):
            choice.toggled.connect(self._draw_again)

    def _build_folder(self) -> None:
        self._folder_label = Label(rank="name", name="save.folder.label")
        self.folder = Field("save.folder")
        self._folder_label.setBuddy(self.folder)
        self.browse = Button(self.theme, "save.browse")
        self.browse.clicked.connect(self._browse)

    def _build_preview(self) -> None:
        self.kept_out = Label(rank="muted", name="save.kept_out")
        self._lines = Label(name="save.removed.lines")
        self._removed = Fold(self.theme, "save.removed", [self._lines])
        self._preview_why = Label(rank="muted", name="save.preview.why")
        self.page = PagePreview("save.preview.page")
        self._seen = Fold(self.theme, "save.preview", [self._preview_why, self.page])
        for fold in (self._removed, self._seen):
            fold.unfolded.connect(self.set_reading_order)

    def show_report(self, report: Report, note: Callable[[], str] = str) -> None:
        """Offer to save another report; ``note`` says which part of the result it holds, where that is not plain."""
        self._note = note
        self._report, self._saved, self._preview, self._failed = report, None, None, False
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
        self._for.say(t("report.for"))
        for kind, choice in self._kinds.items():
            choice.say(t(f"report.for.{_WORDS[kind]}"))
        self._key_why.say(t("save.key.why.body"))
        self.key.setAccessibleName(t("save.key"))
        self.key.setPlaceholderText(t("save.key"))
        self._folder_label.say(t("save.folder"))
        self.folder.setAccessibleName(t("save.folder"))
        self.browse.say(t("fail.no_space.button") if self._failed else t("save.browse"))
        self.kept_out.say(t("save.kept_out"))
        self._hide.say(t("save.hide_sites"))
        self._exact.say(t("save.exact_time"))
        self._preview_why.say(t("report.preview.body"))
        self._seen.button.say(t("save.preview"))
        self.page.setAccessibleName(t("report.preview.body"))
        self.open.say(t("save.open"))
        self.back.say(t("nav.back"))
        self.copy.say(t("report.copy"))
        if self.primary is not None:
            self.primary.say(t("report.save"))
        self._show_outcome()
        self._draw_again()

    # --- what it will look like ---

    def _choices(self) -> SaveChoices:
        key = self.key.text().strip() if self._kinds[SaveKind.SUPPORT].isChecked() else ""
        return SaveChoices(hide_sites=self._hide.isChecked(), exact_time=self._exact.isChecked(), key=key)

    def _draw_again(self) -> None:
        """Ask for what the report will look like as it is chosen now; the answer to an older question is not shown."""
        self._show_preview()
        if not self._report.observations:
            return
        self._asked += 1
        asked = self._asked
        self._backend.preview(self._report, self._choices(), lambda found: self._drawn(found, asked))

    def _drawn(self, found: Preview | None, asked: int) -> None:
        if asked == self._asked:
            self._preview = found
            self._show_preview()

    def _show_preview(self) -> None:
        found = self._preview
        self._removed.button.say(t("report.removed", n=found.removed) if found is not None else t("save.preview.waiting"))
        self._code.say(t("report.code", code=found.code) if found is not None and found.code else "")
        self._lines.say("\n".join(found.lines) if found is not None else "")
        self.page.show_page(found.page if found is not None else "")

    def _show_key(self) -> None:
        self._for_support.setVisible(self._kinds[SaveKind.SUPPORT].isChecked())
        self.set_reading_order()

    # --- writing it ---

    def _show_outcome(self) -> None:
        problem = self._saved.problem if self._saved is not None else ""
        self.open.setVisible(self._saved is not None and not problem)
        if problem:
            self.outcome.set_state("bad")
            self.outcome.say(t("save.not_written"))
            self.where.say(problem)
        elif self._saved is not None:
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
        self._backend.save(self._report, self.folder.text().strip(), kind, self._choices(), self._written)

    def _written(self, saved: Saved | None) -> None:
        self._saved, self._failed, self._busy = saved, saved is None, False
        self.browse.say(t("fail.no_space.button") if self._failed else t("save.browse"))
        self._show_outcome()
        self.set_reading_order()
        (self.browse if saved is None else self.open if not saved.problem else self.key).setFocus()
        self.scroll_up()
        announce(self, f"{self.outcome.accessibleName()}. {self.where.accessibleName()}")

    def _open_folder(self) -> None:
        if self._saved is not None:
            self._backend.show(self._saved.folder)

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, t("save.browse"), self.folder.text())
        if chosen:
            self.folder.setText(chosen)
