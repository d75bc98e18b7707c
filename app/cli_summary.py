"""The readable summary of a report: the headline, one paragraph a target, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from app import cli, wording
from app.cli_ways import write_counts
from app.given_tips import GivenTip, advice_of, tip_remarks
from app.report_facts import function_verdicts, whole_verdicts
from app.route_words import NO_NAMES, Names, comparison, label, proxies_of, remarks, route_line, route_sentence, state_word, usable
from app.terminal import SYMBOLS, Terminal
from app.texts import join_names, t
from app.vpn_words import (
    beside,
    beside_sentence,
    check_sentence,
    check_title,
    check_word,
    checks_in_order,
    measured_through,
    seen_sentence,
    vpn_sentence,
    with_and_without,
)
from diagnostics.advice.platforms import ANY
from diagnostics.model import Report, Status, Verdict, VpnCheck

MOST_TARGETS: Final = 40
"""Targets that are told one by one; of more, only those that do not work."""

MOST_WITH_STEPS: Final = 3
"""Tips that are written with their steps; of the others only the titles: a terminal has no cards to fold."""

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
    _write_through(report, out, own=own)
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
    write_beside(report, out, catalog)
    shown = checks_in_order(report.network.vpn)
    if own and report.network.cut_by() is not None:
        shown = []  # the title says it
    elif own and verdicts:  # a run about services
        shown = [check for check in shown if check.status in wording.BAD]
    write_checks(report, shown, out)
    if proxies_of(report):
        out.line()
        out.line(t("cli.proxies"), style="bold")
        write_proxies(report, out, names)
    write_tips(report, out, names, fresh=own)


def _write_through(report: Report, out: Terminal, *, own: bool) -> None:
    """Write through which VPN a report was measured and, to whoever measured it, how to compare with the line."""
    through = measured_through(report)
    if not through:
        return
    out.line(through)
    if own and not beside(report):
        out.line(t("cli.vpn.compare", command=f"{cli.program()} vpn --outside"))


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
    write_counts(report, verdict.target, out)


def _write_routes_of(verdict: Verdict, report: Report, out: Terminal, catalog: wording.Catalog | None, names: Names) -> None:
    """Write how a service fares over each proxy, and the sentence that holds the ways against each other."""
    compared = comparison(report, verdict.target, names)
    if compared:
        out.line(compared, indent=2, style="bold")
    for over in usable(report, verdict.target):
        out.line(f"{out.symbol(over.status)} {route_line(over, report, names, catalog)}", indent=2, hanging=4)


def write_beside(report: Report, out: Terminal, catalog: wording.Catalog | None) -> None:
    """Write how each service fares with the VPN and without it, where both were tested."""
    found, said = beside(report), beside_sentence(report)
    if found or said:
        out.line()
        out.line(t("vpn.outside.fold"), style="bold")
        out.line(said, indent=2)
    for target, through, past in found:
        name = wording.name_of(target, report, catalog)
        out.line(f"{name}: {with_and_without(through, past)}", indent=2, hanging=4)


def write_checks(report: Report, checks: Sequence[VpnCheck], out: Terminal) -> None:
    """Write checks of the VPN of this computer below their heading; nothing where there are none."""
    if not checks:
        return
    out.line()
    out.line(t("vpn.title"), style="bold")
    out.line(vpn_sentence(report.network.vpn), indent=2)
    write_check_lines(report, checks, out)


def write_check_lines(report: Report, checks: Sequence[VpnCheck], out: Terminal) -> None:
    """Write what was looked at of a VPN, how each is, and for the exit where others see this computer."""
    for each in checks:
        out.line(f"{out.symbol(each.status)} {check_title(each)}: {check_word(each)}", style=SYMBOLS.get(each.status, ("", "", ""))[2])
        out.line(check_sentence(each), indent=2)
        if each.check == "exit" and (seen := seen_sentence(report)):
            out.line(seen, indent=2)


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


def write_tips(report: Report, out: Terminal, names: Names = NO_NAMES, *, fresh: bool = True) -> None:
    """Write what the person can do, the best first; ``fresh`` False: the report was not just made."""
    advice = advice_of(report, names, fresh=fresh)
    for place, tip in enumerate(advice[:MOST_WITH_STEPS]):
        out.line()
        _write_advice(tip, out, place)
    if others := [wording.after_colon(tip.title) for tip in advice[MOST_WITH_STEPS:]]:
        out.line()
        out.line(t("cli.more_tips", titles="; ".join(others)))


def _write_advice(tip: GivenTip, out: Terminal, place: int) -> None:
    """Write a tip: the first whole, the next ones without their reason, which the summary has named."""
    out.line(t("cli.next", step=wording.after_colon(tip.title)), style="bold")
    if tip.proved:
        out.line(tip.proved, indent=2)
    if place == 0:
        out.line(tip.why, indent=2)
    first, *others = tip.platforms
    if first.platform != ANY:
        out.line(t("tips.on", device=first.name), indent=2)
    for number, step in enumerate(tip.steps, start=1):
        out.line(f"{number}. {step}", indent=2, hanging=5)
    named = [each.name for each in others if each.platform != ANY]
    if named and place == 0:
        out.line(t("tips.also_on", platforms=join_names(named)), indent=2)
    out.line(wording.risk_line(tip.risk), indent=2)
    for remark in tip_remarks(tip):
        out.line(remark, indent=2)
