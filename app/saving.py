"""Saving a report from the window: what it will look like, what is left out of it, and where it is written."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app import texts
from app.cli_save import kinds
from app.paths import write_whole
from app.shared_report import Shared
from app.texts import join_names, t
from diagnostics.errors import InputError
from diagnostics.model import Fact, Report
from diagnostics.report.case_code import case_code
from diagnostics.report.choices import RedactionChoices, Sites, Times
from ui.backend import Preview, SaveChoices, Saved, SaveKind

_ENDINGS: Final = {SaveKind.PAGE: "html", SaveKind.PAPER: "pdf", SaveKind.SUPPORT: "zip", SaveKind.DATA: "json"}
_SEALED: Final = "age"
_RENDERINGS: Final = {SaveKind.PAGE: "html", SaveKind.PAPER: "pdf", SaveKind.SUPPORT: "bundle", SaveKind.DATA: "json"}

MOST_SHOWN: Final = 4
"""Placeholders of one kind that a line names."""

USUAL: Final = SaveChoices()


def save_report(
    report: Report, folder: Path, kind: SaveKind, spoken: str, ways: Sequence[Fact] = (), choices: SaveChoices = USUAL
) -> Saved:
    """Write a redacted report into ``folder`` and say where, or say why it must not or cannot be written as it was chosen.

    Raises OSError when it cannot be written.
    """
    shared = Shared(report, choices=_chosen(choices), ways=ways)
    try:
        content = shared.rendering(_RENDERINGS[kind], spoken)
        ending = _ENDINGS[kind]
        if kind is SaveKind.SUPPORT and choices.key.strip():
            from diagnostics.report.sealed import seal_to

            content, ending = seal_to(content, choices.key), _SEALED
    except InputError as error:
        with texts.speaking(spoken):
            return Saved(folder=str(folder), problem=t(error.text, **error.values))
    name = _free_name(folder, f"atajo-{dt.datetime.now().astimezone():%Y-%m-%d-%H}h", ending)
    write_whole(folder / name, content)
    return Saved(folder=str(folder), file=name, removed=sum(shared.removed.values()))


def preview_of(report: Report, choices: SaveChoices, spoken: str, ways: Sequence[Fact] = ()) -> Preview:
    """Return what a saved report will look like, and what is left out of it, kind by kind, never the things themselves."""
    shared = Shared(report, choices=_chosen(choices), ways=ways)
    with texts.speaking(spoken):
        shown: dict[str, list[str]] = defaultdict(list)
        for removal in shared.removals:
            shown[removal.kind] += [removal.shown] if removal.shown else []
        lines = [_line(kind, count, shown[kind]) for kind, count in shared.removed.items()]
        code = case_code(report) if report.run.id else ""
        return Preview(page=shared.preview(spoken), code=code, removed=sum(shared.removed.values()), lines=tuple(lines))


def _line(kind: str, count: int, shown: Sequence[str]) -> str:
    """Return what was removed of one kind, and what stands there instead."""
    what = kinds({kind: count})
    named = [*shown[:MOST_SHOWN], *(["…"] if len(shown) > MOST_SHOWN else [])]
    return t("report.removed.line", what=what, instead=join_names(named)) if named else what


def _chosen(choices: SaveChoices) -> RedactionChoices:
    return RedactionChoices(
        sites=Sites.HIDDEN if choices.hide_sites else Sites.HOST, time=Times.EXACT if choices.exact_time else Times.HOUR
    )


def _free_name(folder: Path, stem: str, ending: str) -> str:
    """Return a name that no file has yet; it tells the hour and no more, as the report does."""
    names = (f"{stem}{f'-{number}' if number > 1 else ''}.{ending}" for number in itertools.count(1))
    return next(name for name in names if not (folder / name).exists())
