"""Saving that only pretends: for pictures of the screens and for the window's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.texts import t
from diagnostics.model import Report
from ui.backend import Preview, SaveChoices, Saved, SaveKind

REMOVED: Final = 14


class SampleSaving:
    """The part of a :class:`ui.backend.Backend` that saves reports."""

    writes: bool = True
    """Whether there is room for what is saved."""

    refuses: str = ""
    """The sentence with which a report is not written."""

    chosen: SaveChoices = SaveChoices()
    """What was chosen when something was last drawn or saved."""

    def save_folder(self) -> str:
        """Return a folder."""
        return str(Path.home())

    def preview(self, report: Report, choices: SaveChoices, done: Callable[[Preview | None], None]) -> None:
        """Draw a report as the program would, and say that things were left out."""
        from app.renderings import paper_source
        from diagnostics.report.case_code import case_code

        self.chosen = choices
        what = [t("cli.removed.address", n=REMOVED - 1), t("cli.removed.user", n=1)]
        lines = [t("report.removed.line", what=each, instead=shown) for each, shown in zip(what, ("10.0.0.1", "[user]"), strict=True)]
        done(Preview(page=paper_source(report), code=case_code(report), removed=REMOVED, lines=tuple(lines)))

    def save(self, _report: Report, folder: str, kind: SaveKind, choices: SaveChoices, done: Callable[[Saved | None], None]) -> None:
        """Pretend to write."""
        self.chosen = choices
        if self.refuses:
            done(Saved(folder=folder, problem=self.refuses))
            return
        done(Saved(folder=folder, file=f"atajo.{kind}", removed=REMOVED) if self.writes else None)
