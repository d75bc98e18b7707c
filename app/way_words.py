"""What is said of the ways round that were tried: what each is called, how it went, and what that says of the filter.

Pure functions of a report, which may be a stranger's: an id that this version does not know is shown as it is.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import Final

from app.report_facts import short, shown_name
from app.route_words import NO_NAMES, Names
from app.route_words import label as route_label
from app.texts import has_text, language, seconds, t
from diagnostics.model import Fact, Observation, Report, Status, Step, Workaround
from diagnostics.workarounds.identity import ENGINES, Way, parse_way

MOST_ROWS: Final = 300
"""Most ways that are shown of one target: a full search tries about a hundred, and a report may come from a stranger."""

_ORDER: Final = {Status.WORKS: 0, Status.SLOW: 0, Status.PARTIAL: 1, Status.BLOCKED: 2, Status.UNKNOWN: 3, Status.NOT_TESTED: 4}


class WayGroup(enum.StrEnum):
    """Under which heading a way is shown."""

    NAMES = "names"  # another name directory, or another way to ask it
    FLIGHT = "flight"  # another beginning of the connection, also together with another name directory
    OTHER = "other"  # another address, name, port, proxy or way out


class WayRow(Fact, frozen=True):
    """One way that was tried.  ``engine`` and ``resolver`` are its place in the grid of names, as ids; empty for the other groups.

    ``label`` is what it is called, ``outcome`` how it went in words, ``cell`` the same where there is little room.
    """

    id: str
    group: WayGroup
    label: str
    status: Status
    outcome: str
    cell: str
    seconds: float = 0.0
    engine: str = ""
    resolver: str = ""

    @property
    def spoken(self) -> str:
        """Return the row as one sentence."""
        return f"{self.label}: {self.outcome[:1].lower()}{self.outcome[1:]}"


def way_rows(report: Report, target: str, names: Names = NO_NAMES) -> tuple[WayRow, ...]:
    """Return what was tried for a target, and the ways out for all, by group; in each what works first, and the fastest of that.

    At most ``MOST_ROWS``.
    """
    tried: dict[str, Workaround] = {}
    for each in report.workarounds:
        if each.target in (target, None):
            tried.setdefault(each.id, each)
    rows = [_row(each, report, names) for each in list(tried.values())[:MOST_ROWS]]
    groups = list(WayGroup)
    return tuple(sorted(rows, key=lambda row: (groups.index(row.group), _ORDER.get(row.status, 3), row.seconds or 1e9)))


def _row(tried: Workaround, report: Report, names: Names) -> WayRow:
    way = parse_way(tried.id)
    group = _group(way)
    inside = way if way is not None and group is WayGroup.NAMES else Way()
    return WayRow(
        id=tried.id,
        group=group,
        label=way_label(tried.id, report, names),
        status=tried.status,
        outcome=_outcome(tried),
        cell=_outcome(tried, brief=True),
        seconds=tried.seconds if tried.seconds > 0 else 0.0,
        engine=inside.engine,
        resolver=inside.resolver,
    )


def _group(way: Way | None) -> WayGroup:
    if way is None or way.route or way.exit:
        return WayGroup.OTHER
    if not way.flight:
        return WayGroup.NAMES
    return WayGroup.FLIGHT if way.kind in ("cut", "browser", "ech") else WayGroup.OTHER


def _outcome(tried: Workaround, *, brief: bool = False) -> str:
    """Return how a way went; "works" only for what passed every time, and a time only for what passed at all."""
    took = seconds(tried.seconds) if tried.seconds > 0 else ""
    if tried.status in (Status.WORKS, Status.SLOW):
        if brief and took:
            return took
        return t("way.works_in", seconds=took) if took else t("way.works")
    if tried.status is Status.PARTIAL:
        if brief or not took:
            return t("way.part", passed=tried.passed, tries=tried.tries)
        return t("way.part_in", passed=tried.passed, tries=tried.tries, seconds=took)
    by_status = f"way.{tried.status}"
    return t(by_status) if has_text(by_status) else short(str(tried.status))


# --- what a way is called -------------------------------------------------------------------------


def way_label(ident: str, report: Report, names: Names = NO_NAMES) -> str:
    """Return what a way is called; ``names`` are what the person calls the proxies.  An unknown id stays as it is."""
    way = parse_way(ident)
    if way is None:
        return short(ident)
    if way.route:
        return t("way.route", name=route_label(way.route, report, names))
    if way.exit:
        return t("way.exit", name=_exit_name(way.exit))
    parts = [_lookup_label(way, report)] if way.engine else []
    parts += [_flight_label(way)] if way.flight else []
    return " + ".join(parts)


def engine_label(engine: str) -> str:
    """Return what a way of asking a name directory is called, in the field's terms; an unknown one stays as it is."""
    text = f"detail.technical.way.{engine}"
    return t(text) if engine in ENGINES and has_text(text) else short(engine)


def resolver_label(resolver: str, report: Report) -> str:
    """Return what a name directory is called: by its operator as the report's plan has it, else by its id.

    Of several of one operator, what is in an id beyond what they have in common tells them apart: "Quad9" and "Quad9, unfiltered".
    """
    operators = _operators(report)
    if resolver not in operators:
        return _titled(resolver)
    same = [each.split("-") for each, operator in operators.items() if operator == operators[resolver]]
    common = 0
    while len(same) > 1 and all(parts[common : common + 1] == same[0][common : common + 1] != [] for parts in same):
        common += 1
    which = "-".join(resolver.split("-")[common:]) if len(same) > 1 else ""
    if not which:
        return operators[resolver]
    text = f"way.resolver.{which}"
    return t("way.resolver", operator=operators[resolver], which=t(text) if has_text(text) else short(which))


def _lookup_label(way: Way, report: Report) -> str:
    return f"{resolver_label(way.resolver, report)}, {engine_label(way.engine)}"


def _flight_label(way: Way) -> str:
    head, _, argument = way.flight.partition(":")
    if way.kind in ("name", "port"):
        return t(f"detail.technical.way.{way.kind}", value=shown_name(argument))
    whole = "detail.technical.way." + "-".join(way.flight.replace(",", "-").split(":"))
    if has_text(whole):
        return t(whole)
    part = f"detail.technical.way.{head}"
    return t(part, value=short(way.flight)) if has_text(part) else short(way.flight)


_last: list[tuple[tuple[Observation, ...], dict[str, str]]] = []
"""The operators of the last report that was asked about: a table asks for one row after the other."""


def _operators(report: Report) -> dict[str, str]:
    """Return the operators of the resolvers that the report's plan names, by the resolvers' ids."""
    if not _last or _last[0][0] is not report.observations:
        _last[:] = [(report.observations, dict(_read_operators(report)))]
    return _last[0][1]


def _read_operators(report: Report) -> Iterator[tuple[str, str]]:
    for observation in report.observations:
        if observation.step is Step.SYSTEM and observation.detail.get("kind") == "plan":
            listed = observation.detail.get("resolvers")
            for entry in listed if isinstance(listed, list | tuple) else ():
                if isinstance(entry, dict) and isinstance(entry.get("id"), str) and isinstance(entry.get("operator"), str):
                    yield entry["id"], short(entry["operator"])


def _titled(ident: str) -> str:
    """Return an id as a name: "dns-sb" becomes "Dns Sb"."""
    return short(" ".join(word[:1].upper() + word[1:] for word in ident.replace("_", "-").split("-") if word) or ident)


def _exit_name(ident: str) -> str:
    """Return what a way out is called in the language that is spoken; one that this version does not know by its id."""
    from diagnostics.workarounds.exits import exit_of, known_exits  # only for reports that have any

    known = exit_of(ident, known_exits())
    return known.name.get(language(), known.name["es"]) if known else _titled(ident)


def passed_sentence(report: Report, target: str) -> str:
    """Return in a sentence how many ways were tried for a target and how many always passed, or nothing where none was."""
    tried = [each for each in report.workarounds if each.target == target and each.status is not Status.NOT_TESTED]
    passed = sum(each.status is Status.WORKS for each in tried)
    return t("way.passed", tried=len(tried), passed=passed) if tried else ""


# --- what it says of the filter -------------------------------------------------------------------


def filter_sentence(report: Report, target: str) -> str:
    """Return what the outcomes say of whatever is in the way, or nothing when nothing was tried for the target."""
    tried = [each for each in report.workarounds if each.target == target and each.status is not Status.NOT_TESTED][:MOST_ROWS]
    if not tried:
        return t("ways.left_out") if _left_out(report, target) else ""
    return t(f"filter.{_filter_kind(tried)}")


def _left_out(report: Report, target: str) -> bool:
    """Tell whether ways were tried for other targets of the run and not for this one (``workarounds/search.py``)."""
    notes = (o for o in report.observations if o.step is Step.SYSTEM and o.target == target)
    return any(o.detail.get("kind") == "ways_left_out" for o in notes)


def _filter_kind(tried: Sequence[Workaround]) -> str:
    """Ask the judge; it comes with the first report that needs it, not with the window."""
    from diagnostics.judge.filters import filter_kind

    return filter_kind(tried)
