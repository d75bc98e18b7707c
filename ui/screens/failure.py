"""The failure screens: a fault of this computer or line, or of Atajo itself, is said first and alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from PySide6.QtCore import Signal

from app.texts import seconds, t
from app.wording import failure, fault_sentence, fault_title, tests_made
from diagnostics.model import Cause, Report, Step
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Label, Mark

_HELPED: Final = (Cause.WRONG_CLOCK, Cause.STALE_PROXY)
"""Faults whose main button shows the steps that mend them."""


class FailureScreen(Screen):
    """What we saw, what it means, one button."""

    name = "fail"
    again_asked = Signal()
    todo_asked = Signal()
    details_asked = Signal()
    page_asked = Signal(str)
    save_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._report: Report | None = None
        self._unexpected = True
        self.mark = Mark(theme, "plug", "bad", 36)
        self.head.insertWidget(0, self.mark)
        self.counted = Label(rank="muted", name="fail.counted")
        self.body.addWidget(self.counted)
        self.body.addStretch(1)
        self.primary = Button(theme, "fail.primary", rank="primary")
        self.again = Button(theme, "fail.again")
        self.details = Button(theme, "fail.details")
        self.save = Button(theme, "fail.save")
        self.primary.clicked.connect(self._press)
        self.again.clicked.connect(self.again_asked)
        self.details.clicked.connect(self.details_asked)
        self.save.clicked.connect(self.save_asked)
        self.foot.fill([self.primary, self.again, self.details, self.save], far=1)

    def show_report(self, report: Report) -> None:
        """Show the fault that masks a report's services."""
        self._report, self._unexpected = report, False
        self.retranslate()

    def show_unexpected(self, report: Report | None) -> None:
        """Say that something went wrong in Atajo; ``report`` is what was known by then."""
        self._report, self._unexpected = report, True
        self.retranslate()

    @property
    def fault(self) -> Cause | None:
        """Return the fault that is shown; None for one of Atajo itself."""
        return failure(self._report) if self._report is not None and not self._unexpected else None

    def retranslate(self) -> None:
        """Put the words in."""
        fault, report = self.fault, self._report
        keeps = report is not None and bool(report.observations)
        if fault is None or report is None:
            self.title.say(t("fail.unexpected.title"))
            self.lead.say(t("fail.unexpected.body") if keeps else t("fail.unexpected.empty"))
            self.counted.say("")
        else:
            self.title.say(fault_title(report))
            self.lead.say(fault_sentence(report))
            self.counted.say(f"{t('result.summary', n=tests_made(report), seconds=seconds(report.run.seconds))} {t('result.told_nobody')}")
        if self.primary is not None:
            self.primary.say(self._primary_words())
        self.again.say(t("result.again"))
        self.again.setVisible(fault is not None and self._primary_words() != t("result.again"))
        self.details.say(t("result.details"))
        self.details.setVisible(fault is not None and fault is not Cause.LOCAL_INTERCEPTION)
        self.save.say(t("result.save"))
        self.save.setVisible(keeps and fault is not None)
        self.mark.show_state("plug" if fault else "alert", "bad" if fault else "warn")
        self.set_reading_order()

    def _primary_words(self) -> str:
        fault = self.fault
        if fault is None:
            keeps = self._report is not None and bool(self._report.observations)
            return t("result.save") if keeps else t("result.again")
        if fault is Cause.CAPTIVE_PORTAL and self.portal():
            return t("fail.captive_portal.button")
        if fault in _HELPED:
            return t(f"fail.{fault}.button")
        if self._report is not None and self._report.network.cut_by() is not None:
            return t("result.todo")
        return t("result.details") if fault is Cause.LOCAL_INTERCEPTION else t("result.again")

    def _press(self) -> None:
        fault = self.fault
        if fault is None:
            keeps = self._report is not None and bool(self._report.observations)
            (self.save_asked if keeps else self.again_asked).emit()
        elif fault is Cause.CAPTIVE_PORTAL and self.portal():
            self.page_asked.emit(self.portal())
        elif fault in _HELPED or (self._report is not None and self._report.network.cut_by() is not None):
            self.todo_asked.emit()
        else:
            (self.details_asked if fault is Cause.LOCAL_INTERCEPTION else self.again_asked).emit()

    def portal(self) -> str:
        """Return the sign-in page, or nothing: none was seen, or the network is simulated and it does not exist."""
        if self._report is None or self._report.run.simulated:
            return ""
        return next((page for page in _pages(self._report) if page.startswith(("http://", "https://"))), "")

    def spoken(self) -> str:
        """Read the fault."""
        return f"{self.title.accessibleName()}. {self.lead.accessibleName()}"


def _pages(report: Report) -> Iterator[str]:
    """Yield where the portal sends people: the redirect first, else the page that was answered by somebody else."""
    evidence = set(report.network.evidence)
    for key in ("location", "url"):
        for observation in report.observations:
            page = observation.detail.get(key)
            if observation.id in evidence and observation.step is Step.HTTP and isinstance(page, str) and len(page) < 2000:
                yield page
