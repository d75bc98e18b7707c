"""How one service fares by each way, side by side: a mark and a word for each, in a row that flows."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.route_words import Names, label, usable
from app.texts import seconds, t
from app.wording import answer_seconds, status_word
from diagnostics.model import DIRECT, Report, Status, Verdict
from ui.layouts import Flow
from ui.looks import look
from ui.theme import Theme
from ui.widgets import Label, Mark


def ways(theme: Theme, report: Report, direct: Verdict, names: Names) -> QWidget:
    """Return the ways of a service: directly first, then over each proxy that leads somewhere."""
    holder = QWidget()
    flow = Flow(holder)
    own = [direct] if direct.route == DIRECT else []
    for verdict in [*own, *usable(report, direct.target)]:
        flow.addWidget(_way(theme, report, verdict, names))
    return holder


def _way(theme: Theme, report: Report, verdict: Verdict, names: Names) -> QWidget:
    drawing, role = look(verdict.status)
    name = t("compare.direct") if verdict.route == DIRECT else label(verdict.route, report, names)
    took = answer_seconds(report, verdict.target, verdict.route) if verdict.status in (Status.WORKS, Status.SLOW) else None
    words = Label(f"{name}\u00a0· {seconds(took)}" if took is not None else name, short=True)
    words.setAccessibleName(f"{name}: {status_word(verdict.status)}")
    way = QWidget()
    box = QHBoxLayout(way)
    box.setContentsMargins(0, 2, 8, 2)
    box.setSpacing(6)
    box.addWidget(Mark(theme, drawing, role, 18, disc=False))
    box.addWidget(words, 1)
    return way
