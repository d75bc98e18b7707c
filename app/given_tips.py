"""The advice of a report in words, for the window, the terminal and the readable page.  Without Qt."""

from __future__ import annotations

import datetime as dt
import platform as system
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, NamedTuple

from app import texts, wording
from app.report_facts import planned, planned_resolvers
from app.route_words import NO_NAMES, Names, label
from app.texts import language, t
from app.tip_sources import source_names
from diagnostics.advice import Known, Said, Tip, TipText, Tried, computer_platform, said, shipped_tips, tips_for
from diagnostics.advice.platforms import ANY, is_here, order_for
from diagnostics.catalog import load_catalog
from diagnostics.model import Report, Resolver, Service, Status, TipChoice

MOST_SOURCE: Final = 300
"""Characters of a source that are shown."""


class GivenSteps(NamedTuple):
    """The steps on one platform; ``here``: they can be followed on this computer."""

    platform: str
    name: str
    steps: tuple[str, ...]
    here: bool


class GivenTip(NamedTuple):
    """One tip in the person's language.

    ``proved``: the sentence that says what it brought in this run, or nothing.  ``untested``: it claims a way round that nobody
    tried on this network.  ``platforms`` has at least one entry, this computer's first.
    """

    id: str
    title: str
    why: str
    risk: str
    because: tuple[str, ...]
    platforms: tuple[GivenSteps, ...]
    proved: str
    untested: bool
    source: str
    dated: str
    verified: bool
    expired: bool

    @property
    def steps(self) -> tuple[str, ...]:
        """Return the steps for this computer, or for the first platform that there are some for."""
        return self.platforms[0].steps


def advice_of(report: Report, names: Names = NO_NAMES, *, fresh: bool = True, computer: str | None = None) -> list[GivenTip]:
    """Return the advice that the report carries, best first, in the language that is spoken now.

    ``names``: what the person calls the proxies; ``fresh`` False: the report was not just made.  Tips of a newer Atajo, and those
    that cannot be worded with what the report shows, are left out.  Raises InputError when our own files are damaged.
    """
    choices = sorted(report.tips, key=lambda choice: choice.rank)
    return worded(report, choices, names=names, fresh=fresh, computer=computer) if choices else []


def chosen(report: Report) -> tuple[TipChoice, ...]:
    """Return the advice that follows from the report's verdicts and ways round.  Raises InputError like :func:`advice_of`."""
    return tips_for(
        report.verdicts,
        report.network,
        workarounds=report.workarounds,
        today=day_of(report),
        resolvers=resolvers_of(report) if report.workarounds else (),
        routes=report.routes,
    )


def worded(
    report: Report,
    choices: Sequence[TipChoice],
    *,
    target: str | None = None,
    names: Names = NO_NAMES,
    fresh: bool = True,
    computer: str | None = None,
) -> list[GivenTip]:
    """Return chosen tips in words.  ``target``: the one that the person looks at; ``computer`` defaults to this one's platform."""
    tips = shipped_tips()
    tried = Tried(report.workarounds, report.verdicts)
    known = _known(report, names)
    here = this_computer() if computer is None else computer
    found = []
    for choice in choices:
        tip = tips.get(choice.id)
        told = _told(tip, choice, tried, known, here, target) if tip is not None else []
        if tip is not None and told:
            found.append(_given(tip, choice, told, report, here, known, fresh=fresh))
    return found


def _told(tip: Tip, choice: TipChoice, tried: Tried, known: Known, here: str, target: str | None) -> list[tuple[str, Said]]:
    """Return the tip on every platform where it can be told, this computer's first; general steps last if it has its own."""
    order = order_for(here)
    if here in tip.platforms:
        order = (*(each for each in order if each != ANY), ANY)
    every = [(each, said(tip, choice, tried, known, language(), each, target)) for each in order]
    return [(each, told) for each, told in every if told is not None]


def _given(
    tip: Tip, choice: TipChoice, told: Sequence[tuple[str, Said]], report: Report, here: str, known: Known, *, fresh: bool
) -> GivenTip:
    first = told[0][1]
    text: TipText = first.text
    proved = _proved(first, known, fresh=fresh)
    return GivenTip(
        id=tip.id,
        title=text.title,
        why=text.why,
        risk=text.risk,
        because=choice.because,
        platforms=tuple(
            GivenSteps(platform=each, name=t(f"platform.{each}"), steps=one.text.steps, here=_is_here(each, here, tip))
            for each, one in told
        ),
        proved=proved,
        untested=tip.way_round and not proved,
        source=source_names(tip.source)[:MOST_SOURCE],
        dated=texts.day(tip.date),
        verified=tip.checked,
        expired=tip.expired(day_of(report)),
    )


def _is_here(platform: str, here: str, tip: Tip) -> bool:
    """Tell whether steps are for this computer; general ones only where it has none of its own."""
    return is_here(platform, here) and not (platform == ANY and here in tip.platforms)


def _proved(one: Said, known: Known, *, fresh: bool) -> str:
    """Return the sentence that says what a way brought in this run."""
    if one.way is None:
        return ""
    outcome = one.way.outcome
    how, service = one.how, known.names.get(outcome.target or "", "")
    if not how or not service:
        return ""
    if outcome.status is Status.WORKS and outcome.seconds > 0:
        return t("tips.proved" if fresh else "tips.proved.then", how=how, service=service, seconds=texts.seconds(outcome.seconds))
    if outcome.status is Status.PARTIAL and 0 < outcome.passed < outcome.tries:
        rate = {"passed": outcome.passed, "tries": outcome.tries}
        return t("tips.proved.sometimes" if fresh else "tips.proved.sometimes_then", how=how, service=service, **rate)
    return t("tips.proved.plain", how=how, service=service)


def source_line(source: str, dated: str) -> str:
    """Return where a tip is known from, and since when; only the latter of one that names nobody."""
    said = [t("tips.source", source=source)] if source else []
    return " ".join([*said, t("tips.dated", date=dated)])


def tip_remarks(tip: GivenTip) -> list[str]:
    """Return what is said below a tip's risk: that nobody tried it here, and that it is old."""
    found = [t("tips.unmeasured")] if tip.untested else []
    return [*found, t("tips.expired")] if tip.expired else found


# --- what is known ----------------------------------------------------------------------------------


def this_computer() -> str:
    """Return the platform of the computer that this runs on."""
    return computer_platform(sys.platform, system.release(), system.version())


def day_of(report: Report) -> dt.date | None:
    """Return the day of a run, or None where a stranger's report has none that can be read."""
    try:
        return dt.datetime.fromisoformat(report.run.started).date()
    except ValueError:
        return None


def resolvers_of(report: Report) -> tuple[Resolver, ...]:
    """Return the resolvers that a tip may name: those that we know at the address at which the report says they were asked.

    A report may be a stranger's: nobody is sent to an address because a report says that it is a known resolver's.
    """
    asked = planned_resolvers(report)
    return tuple(r for r in _catalog()[0] if r.addresses[:1] == asked.get(r.id, r.addresses)[:1])


def _known(report: Report, names: Names) -> Known:
    ways = bool(report.workarounds)
    targets = dict.fromkeys([*(v.target for v in report.verdicts), *(w.target for w in report.workarounds if w.target)])
    return Known(
        resolvers=resolvers_of(report) if ways else (),
        names={target: wording.name_of(target, report) for target in targets},
        hosts=_hosts(report, targets) if ways else {},
        labels={route.id: label(route.id, report, names) for route in report.routes},
    )


def _hosts(report: Report, targets: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the domains of each target: ours where we know the service, else those of the plan."""
    services = {**planned(report), **_catalog()[1]}
    return {target: services[target].suffixes for target in targets if target in services}


@cache
def _catalog() -> tuple[tuple[Resolver, ...], dict[str, Service]]:
    """Return the resolvers and services that ship; read once, some milliseconds."""
    catalog = load_catalog()
    return catalog.resolvers, catalog.services
