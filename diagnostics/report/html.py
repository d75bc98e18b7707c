"""The readable page of a report: one file, no script, nothing loaded from anywhere, everything escaped.

What is said comes from outside as plain texts (:class:`ReportView`), since the engine knows no language; the view is built
by ``app/report_view.py``.  The looks are ``resources/report/*.html.j2``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import resources
from diagnostics.model import Fact
from diagnostics.report.visible import visible

if TYPE_CHECKING:
    import jinja2


class StageView(Fact, frozen=True):
    """One stage of the way: ``state`` is ok, slow, broken or not_reached (the look hangs on it)."""

    name: str
    state: str
    symbol: str
    note: str = ""  # its time, or what its state means


class FunctionView(Fact, frozen=True):
    """One function of a service."""

    name: str
    status: str  # the status's id, for the look
    word: str


class StepsView(Fact, frozen=True):
    """The steps of a piece of advice on another platform."""

    name: str
    steps: tuple[str, ...]


class AdviceView(Fact, frozen=True):
    """One piece of advice, with what it may cost."""

    title: str
    why: str
    steps: tuple[str, ...]
    risk: str
    remarks: tuple[str, ...] = ()  # that nobody tried it on this network, that it is old
    proved: str = ""  # what it brought in this run
    on: str = ""  # the platform of the steps, as a heading
    others: tuple[StepsView, ...] = ()
    source: str = ""
    unverified: str = ""


class CardView(Fact, frozen=True):
    """One target."""

    name: str
    status: str  # the status's id, for the look
    symbol: str
    word: str
    sentence: str
    means: str = ""
    sure: str = ""
    stages: tuple[StageView, ...] = ()
    functions: tuple[FunctionView, ...] = ()
    functions_title: str = ""
    ways: tuple[str, ...] = ()  # how it fares over proxies and profiles
    folded: bool = False  # the functions wait behind their title: there is nothing wrong with them
    advice: tuple[AdviceView, ...] = ()


class SectionView(Fact, frozen=True):
    """A part of the page that is not about services: the person's proxies, the VPN."""

    title: str
    said: tuple[str, ...] = ()
    cards: tuple[CardView, ...] = ()


class RuleView(Fact, frozen=True):
    """One verdict as the technical part shows it."""

    what: str
    status: str
    cause: str
    certainty: str
    rule: str
    evidence: str


class TableView(Fact, frozen=True):
    """A table of plain texts."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class ReportView(Fact, frozen=True):
    """Everything that the page says, in one language and as plain text."""

    language: str
    title: str
    headline: str
    summary: str
    cards: tuple[CardView, ...]
    through: str = ""  # a VPN that what was measured went through
    sections: tuple[SectionView, ...] = ()
    ribbon: str = ""  # said of simulated runs only
    advice_title: str = ""
    advice: tuple[AdviceView, ...] = ()  # what belongs to no card
    advice_first: bool = False  # a fault of the line hides every card
    moment: tuple[str, str, str] = ("", "", "")  # its name, as people write it, and in ISO 8601
    facts: tuple[tuple[str, str], ...] = ()
    technical: str = ""
    tables: tuple[TableView, ...] = ()
    footer: str = ""


def render_html(view: ReportView) -> str:
    """Return the page."""
    return _template("report.html.j2").render(view=_plain(view))


def render_print(view: ReportView) -> str:
    """Return the page in the plain HTML that Qt's text documents draw (``app/pdf.py``)."""
    return _template("print.html.j2").render(view=_plain(view))


@lru_cache(maxsize=2)
def _template(name: str) -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(resources.text("report", name))


def _plain(value: object) -> object:
    """Return the view as dicts and lists whose texts hide nothing."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Fact):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    return value
