"""The readable summary of a report: the headline, one paragraph a target, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from app import wording
from app.report_facts import function_verdicts, whole_verdicts
from app.route_words import NO_NAMES, Names, comparison, label, proxies_of, remarks, route_line, route_sentence, state_word, usable
from app.terminal import SYMBOLS, Terminal
from app.texts import language, t
from diagnostics.model import Report, Status, Verdict

if TYPE_CHECKING:
    from diagnostics.advice import TipText

MOST_TARGETS: Final = 40
"""Targets that are told one by one; of more, only those that do not work."""

_FINE: Final = (Status.WORKS, Status.SLOW)


def write_summary(
    report: Report, out: Terminal, catalog: wording.Catalog | None = None, *, own: bool = True, names: Names = NO_NAMES
) -> None:
    """Write what a person needs to know of a report.

    ``own`` False: it was opened from a file and may be a stranger's; ``names``: what the person calls the proxies.
    """
    if report.run.simulated:
        out.line(t("workshop.ribbon"), style="bold")
    out.line(wording.headline(report, catalog), style="bold")
    out.line(wording.summary(report, catalog, own=own))
    out.line()
    verdicts = whole_verdicts(report)
    told = verdicts if len(verdicts) <= MOST_TARGETS else _worst_first(verdicts)[:MOST_TARGETS]
    if len(verdicts) > MOST_TARGETS:
        for status, count in Counter(v.status for v in verdicts).most_common():
            out.line(t("cli.count", status=wording.status_word(status), count=count))
        out.line()
    for verdict in told:
        _write_target(verdict, report, out, catalog)
        _write_routes_of(verdict, report, out, catalog, names)
    if len(told) < len(verdicts):
        out.line(t("cli.more_targets", n=len(verdicts) - len(told)))
    if proxies_of(report):
        out.line()
        out.line(t("cli.proxies"), style="bold")
        write_proxies(report, out, names)
    for number, tip in enumerate(advice_of(report)):
        out.line()
        _write_advice(tip, out, whole=number == 0)


def _worst_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts that are not ``works``, the worst first."""
    rank = {status: place for place, status in enumerate(wording.BAD)}
    return sorted((v for v in verdicts if v.status is not Status.WORKS), key=lambda v: rank.get(v.status, len(rank)))


def _write_target(verdict: Verdict, report: Report, out: Terminal, catalog: wording.Catalog | None) -> None:
    name, word = wording.name_of(verdict.target, report, catalog), wording.status_word(verdict.status)
    style = SYMBOLS.get(verdict.status, ("", "", ""))[2]
    out.line(f"{out.symbol(verdict.status)} {name}: {word}", style=style)
    sentence = wording.card_sentence(verdict, report, catalog)
    if sentence:
        out.line(sentence, indent=2)
    failing = failing_functions(report, verdict)
    if failing:
        out.line(t("cli.failing", names=failing), indent=2)


def _write_routes_of(verdict: Verdict, report: Report, out: Terminal, catalog: wording.Catalog | None, names: Names) -> None:
    """Write how a service fares over each proxy, and the sentence that holds the ways against each other."""
    compared = comparison(report, verdict.target, names)
    if compared:
        out.line(compared, indent=2, style="bold")
    for over in usable(report, verdict.target):
        out.line(f"{out.symbol(over.status)} {route_line(over, report, names, catalog)}", indent=2, hanging=4)


def write_proxies(report: Report, out: Terminal, names: Names) -> None:
    """Write how each proxy itself is."""
    for route in proxies_of(report):
        word = wording.after_colon(state_word(route))
        out.line(f"{out.symbol(route.status)} {label(route.id, report, names)}: {word}", style=SYMBOLS.get(route.status, ("", "", ""))[2])
        for sentence in (route_sentence(route, report), *remarks(route, report)):
            out.line(sentence, indent=2)


def failing_functions(report: Report, verdict: Verdict) -> str:
    """Return the functions of a target that do not work, as one phrase; nothing if its sentence says it already."""
    if verdict.status in (Status.WORKS, Status.UNKNOWN, Status.NOT_TESTED, Status.PARTIAL) or wording.masked(report):
        return ""
    functions = function_verdicts(report, verdict.target, verdict.route)
    bad = [f for f in functions if f.status not in (*_FINE, Status.NOT_TESTED, Status.UNKNOWN)]
    return wording.some_names([wording.function_name(f.function or "") for f in bad]) if len(bad) < len(functions) else ""


def advice_of(report: Report) -> list[GivenTip]:
    """Return the advice that the report carries, best first, in the language that is spoken now.

    Tips of a newer Atajo that are not known here are left out.  Raises InputError when our own file is damaged.
    """
    from diagnostics.advice import load_tips

    known = load_tips() if report.tips else {}
    choices = [choice for choice in sorted(report.tips, key=lambda choice: choice.rank) if choice.id in known]
    return [
        GivenTip(text=known[choice.id].in_language(language()), untested=known[choice.id].way_round, because=choice.because)
        for choice in choices
    ]


class GivenTip(NamedTuple):
    """One tip in the person's language.  ``untested``: it claims a way round that nobody tried on this network."""

    text: TipText
    untested: bool
    because: tuple[str, ...]


def _write_advice(tip: GivenTip, out: Terminal, *, whole: bool) -> None:
    """Write a tip; those behind the first one go without their reason, which the summary has named."""
    out.line(t("cli.next", step=wording.after_colon(tip.text.title)), style="bold")
    if whole:
        out.line(tip.text.why, indent=2)
    for number, step in enumerate(tip.text.steps, start=1):
        out.line(f"{number}. {step}", indent=2, hanging=5)
    out.line(wording.risk_line(tip.text.risk), indent=2)
    if tip.untested:
        out.line(t("tips.unmeasured"), indent=2)
