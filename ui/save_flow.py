"""Saving the report of what is on the screen, and its summary for the clipboard: a report holds one run, never two."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from app.texts import t, when
from app.wording import name_of
from diagnostics.model import Report

if TYPE_CHECKING:
    from ui.flow import Window


class SaveFlow:
    """The way to a saved report."""

    def __init__(self, window: Window) -> None:
        """Offer nothing yet."""
        self._window = window
        self.about_vpn = False
        """Whether what is offered is the report of a run about VPNs."""

    def save(self) -> None:
        """Offer to save the report of what is on the screen, if there is one."""
        window = self._window
        if window.shell.current == "save":
            return
        self.about_vpn = window.vpn.on_screen
        if self.about_vpn:
            run = window.vpn.run_on_screen()
            if run is not None:
                self._offer(run.report, lambda: t(f"save.vpn.{run.what}"))
            return
        target = window.target
        alone = window.shell.current in ("todo", "detail", "qr") and target in window.todo.rechecks
        report = window.todo.report_of(target) if alone else window.report()
        if report is not None and not window.under_way:
            self._offer(report, self._note(target, report if alone else None))

    def _offer(self, report: Report, note: Callable[[], str]) -> None:
        if report.observations:
            self._window.screens.save.show_report(report, note)
            self._window.show("save")

    def _note(self, target: str, alone: Report | None) -> Callable[[], str]:
        """Return what is to be said of a report when some targets were measured again; ``alone``: it is that of one of them."""
        moment = self._window.todo.moments().get(target)
        if alone is not None and moment is not None:
            return lambda: t("save.alone", service=name_of(target, alone), when=when(moment))
        return lambda: t("save.whole") if self._window.todo.rechecks else ""

    def copy(self) -> None:
        """Put the summary of what is offered into the clipboard."""
        window = self._window
        if self.about_vpn:
            from app.vpn_summary_words import vpn_copy_text  # not before it is wanted: the first picture needs none of it

            QGuiApplication.clipboard().setText(vpn_copy_text(window.screens.save.report))
        elif not window.copy_result():
            return
        window.screens.save.say_copied()
