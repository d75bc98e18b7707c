"""What is said of proxies: what each is called, how it is, and how a service fares over it and directly.

Reports call a proxy by its kind and four digits.  The name that the person gave it stays on this computer: whoever shows a report
here hands the names in (``names``, by the proxy's id), and an export has none.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Final, NamedTuple

from app.report_facts import answer_seconds, evidence_of, short, stages_of_way, verdicts_over_routes
from app.sentences import BAD, Catalog, after_colon, card_sentence, cause_sentence, kind_word, name_of, some_names, status_word
from app.texts import has_text, seconds, t
from app.vpn_words import profile_sentence
from diagnostics.model import DIRECT, OUTSIDE, Report, RouteVerdict, Status, Verdict
from diagnostics.routes.link import APPS

Names = Mapping[str, str]
NO_NAMES: Final[Names] = {}
_OPENS: Final = (Status.WORKS, Status.SLOW, Status.PARTIAL)


def proxies_of(report: Report) -> list[RouteVerdict]:
    """Return the proxies and profiles of a report, in the order in which they were given."""
    return [route for route in report.routes if route.id not in (DIRECT, OUTSIDE)]


def label(route: str, report: Report, names: Names = NO_NAMES) -> str:
    """Return what a proxy is called: «oficina», or its kind and the end of its id."""
    if route == DIRECT:
        return t("route.direct")
    if route == OUTSIDE:
        return t("vpn.outside.label")
    if names.get(route):
        return t("proxy.named", name=short(names[route]))
    kind = next((each.kind for each in report.routes if each.id == route), "") or route.rpartition("-")[0]
    return unnamed(kind, route)


def unnamed(kind: str, route: str) -> str:
    """Return what a proxy without a name is called."""
    return t("proxy.label", kind=kind_title(kind), code=short(route.rpartition("-")[2]))


def kind_title(kind: str) -> str:
    """Return what a kind of proxy is called at the beginning of a line."""
    word = kind_word(kind)
    return word[:1].upper() + word[1:]


def route_sentence(route: RouteVerdict, report: Report) -> str:
    """Return one plain sentence about a proxy itself; one that belongs to an app is named after it, and a VPN profile has its own."""
    from diagnostics.judge.vpn_evidence import PROFILES  # the judge is not needed before there is something to say

    if route.kind in PROFILES:
        return profile_sentence(route)
    app = kind_word(route.kind)
    by_rule = f"proxy.{route.rule.partition('.')[2]}"
    if route.status is Status.WORKS and route.cause is None and not has_text(by_rule):
        return t("proxy.works")
    if route.rule == "route.far_below_direct":
        figures = _figures(route, report)
        if figures is None:
            return f"{status_word(route.status)}."
        return t("proxy.far_below_direct", through=seconds(figures[0]), directly=seconds(figures[1]))
    sentence = cause_sentence(route, app if route.kind in APPS else t("proxy.the_service"), report)
    by_status = f"proxy.is.{route.status}"
    return sentence or t(next(each for each in (by_rule, by_status, "proxy.is.unknown") if has_text(each)), service=app)


def _figures(route: RouteVerdict, report: Report) -> tuple[float, float] | None:
    """Return how long the pages that a verdict names took over the proxy and directly, in seconds, the middle ones; None without both."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for o in evidence_of(report, route.evidence):
        head, body = o.detail.get("head_seconds"), o.detail.get("body_seconds")
        if isinstance(head, int | float) and isinstance(body, int | float):
            took[o.route != DIRECT].append(head + body)
    return (statistics.median(took[True]), statistics.median(took[False])) if took[True] and took[False] else None


class Remarks(NamedTuple):
    """What else is worth knowing of a proxy that leads somewhere."""

    leaving: tuple[bool, str]  # whether it is a warning, and the sentence
    calls: str


def remarks_of(report: Report, route: str) -> Remarks:
    """Return where a proxy comes out, and whether it carries calls; nothing for what was not found out."""
    over, own = stages_of_way(report, route), stages_of_way(report, DIRECT).get("exit", {})
    leaving, country = (False, ""), over.get("exit", {}).get("country")
    if over.get("exit", {}).get("same_address") is True:
        leaving = (True, t("proxy.same_address"))
    elif isinstance(country, str) and isinstance(own.get("country"), str):
        same = country == own["country"]
        leaving = (same, t("proxy.same_country" if same else "proxy.country", country=short(country)))
    calls = "" if "udp" not in over else t("proxy.calls.yes" if over["udp"].get("answered") is True else "proxy.calls.no")
    return Remarks(leaving, calls)


def remarks(route: RouteVerdict, report: Report) -> list[str]:
    """Return the sentences of what else is worth knowing of a proxy that leads somewhere."""
    found = remarks_of(report, route.id)
    return [sentence for sentence in (found.leaving[1], found.calls) if sentence] if route.status in _OPENS else []


def route_line(verdict: Verdict, report: Report, names: Names = NO_NAMES, catalog: Catalog | None = None) -> str:
    """Return how a service fares over one proxy: «Por «oficina»: …»."""
    sentence = card_sentence(verdict, report, catalog)
    return t("compare.over", route=label(verdict.route, report, names), sentence=after_colon(sentence, name_of(verdict.target, report)))


def usable(report: Report, target: str) -> list[Verdict]:
    """Return how a service fares over the proxies that lead somewhere; what is wrong with the others is said of them once."""
    from diagnostics.judge.vpn_evidence import PAGELESS  # the judge is not needed before there is something to say

    leading = {route.id for route in report.routes if route.status in _OPENS and route.id != OUTSIDE and route.kind not in PAGELESS}
    return [verdict for verdict in verdicts_over_routes(report, target) if verdict.route in leading]


def opens_and_shut(report: Report, route: str, catalog: Catalog | None = None) -> tuple[list[str], list[str]]:
    """Return the names of the services that open over a proxy, and of those that do not."""
    own = [v for v in report.verdicts if v.route == route and v.function is None]
    opens = [name_of(v.target, report, catalog) for v in own if v.status in _OPENS]
    return opens, [name_of(v.target, report, catalog) for v in own if v.status in BAD and v.status not in _OPENS]


def summary_of(route: RouteVerdict, report: Report) -> str:
    """Return a proxy's sentence and, where it leads somewhere, what opens over it."""
    opens, shut = opens_and_shut(report, route.id) if route.status in _OPENS else ([], [])
    plain = route.status is Status.WORKS and route.cause is None
    parts = [] if plain and opens else [route_sentence(route, report)]
    parts += [t("proxies.opens", names=some_names(opens))] if opens else []
    parts += [t("proxies.shut", names=some_names(shut))] if shut else []
    return " ".join([*parts, *remarks(route, report)])


def state_word(route: RouteVerdict) -> str:
    """Return the word for how a proxy is: «Disponible», «No disponible desde aquí», or that of its status."""
    if route.status in _OPENS:
        return t("proxies.state.ok") if route.status is Status.WORKS else status_word(route.status)
    return t("proxies.state.bad") if route.status in BAD else status_word(route.status)


def comparison(report: Report, target: str, names: Names = NO_NAMES) -> str:
    """Return the sentence that holds a service's ways against each other, or nothing where there is only one."""
    direct = report.of_target(target)
    over = usable(report, target)
    if not over:
        return ""
    open_ways = sorted((v for v in over if v.status in _OPENS), key=lambda v: answer_seconds(report, target, v.route) or 1e9)
    ways = some_names([label(v.route, report, names) for v in open_ways or over])
    took = answer_seconds(report, target, open_ways[0].route) if open_ways else None
    if direct is None or direct.status in (Status.UNKNOWN, Status.NOT_TESTED):
        return _alone(ways, took, opens=bool(open_ways))
    if direct.status in _OPENS:
        return _beside_open(report, over, open_ways, names)
    if not open_ways:
        return t("compare.neither", routes=ways) if all(v.status in BAD for v in over) else ""
    if len(open_ways) > 1 or took is None:
        return t("compare.only_over", routes=ways)
    return t("compare.only_over.timed", routes=ways, seconds=seconds(took))


def _alone(ways: str, took: float | None, *, opens: bool) -> str:
    if not opens:
        return t("compare.not_over", routes=ways)
    return t("compare.opens_over.timed", routes=ways, seconds=seconds(took)) if took is not None else t("compare.opens_over", routes=ways)


def _beside_open(report: Report, over: list[Verdict], open_ways: list[Verdict], names: Names) -> str:
    whole = [v for v in over if v.status is Status.WORKS]
    direct = report.of_target(over[0].target)
    if direct and direct.status is Status.PARTIAL and whole:
        return t("compare.whole_only_over", routes=some_names([label(v.route, report, names) for v in whole]))
    # of proxies that lead elsewhere: one that is off says nothing of the service
    shut = [v for v in over if v.status in BAD and v.status not in _OPENS]
    if shut:
        return t("compare.direct_only", routes=some_names([label(v.route, report, names) for v in shut]))
    return t("compare.both", routes=some_names([label(v.route, report, names) for v in open_ways])) if open_ways else ""
