"""What is said of proxies: what each is called, how it is, and how a service fares over it and directly.

Reports call a proxy by its kind and four digits.  The name that the person gave it stays on this computer: whoever shows a report
here hands the names in (``names``, by the proxy's id), and an export has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.report_facts import answer_seconds, short, verdicts_over_routes
from app.sentences import BAD, Catalog, after_colon, card_sentence, cause_sentence, kind_word, name_of, some_names
from app.texts import has_text, seconds, t
from diagnostics.judge.app_proxies import APPS
from diagnostics.model import DIRECT, Report, RouteVerdict, Status, Verdict

Names = Mapping[str, str]
NO_NAMES: Final[Names] = {}
_OPENS: Final = (Status.WORKS, Status.SLOW, Status.PARTIAL)


def proxies_of(report: Report) -> list[RouteVerdict]:
    """Return the proxies of a report, in the order in which they were given."""
    return [route for route in report.routes if route.id != DIRECT]


def label(route: str, report: Report, names: Names = NO_NAMES) -> str:
    """Return what a proxy is called: «oficina», or its kind and the end of its id."""
    if route == DIRECT:
        return t("route.direct")
    if names.get(route):
        return t("proxy.named", name=short(names[route]))
    kind = next((each.kind for each in report.routes if each.id == route), "") or route.rpartition("-")[0]
    return t("proxy.label", kind=kind_word(kind), code=short(route.rpartition("-")[2]))


def route_sentence(route: RouteVerdict, report: Report) -> str:
    """Return one plain sentence about a proxy itself; one that belongs to an app is named after it."""
    app = kind_word(route.kind)
    sentence = cause_sentence(route, app if route.kind in APPS else t("proxy.the_service"), report)
    by_rule = f"proxy.{route.rule.partition('.')[2]}"
    if route.status is Status.WORKS and route.cause is None and not has_text(by_rule):
        return t("proxy.works")
    return sentence or (
        t(by_rule, service=app)
        if has_text(by_rule)
        else t(f"proxy.is.{route.status}" if has_text(f"proxy.is.{route.status}") else "proxy.is.unknown")
    )


def route_line(verdict: Verdict, report: Report, names: Names = NO_NAMES, catalog: Catalog | None = None) -> str:
    """Return how a service fares over one proxy: «Por «oficina»: …»."""
    sentence = card_sentence(verdict, report, catalog)
    return t("compare.over", route=label(verdict.route, report, names), sentence=after_colon(sentence, name_of(verdict.target, report)))


def comparison(report: Report, target: str, names: Names = NO_NAMES) -> str:
    """Return the sentence that holds a service's ways against each other, or nothing where there is only one."""
    direct = report.of_target(target)
    over = verdicts_over_routes(report, target)
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
    shut = [v for v in over if v.status in BAD and v.status not in _OPENS]
    if shut:
        return t("compare.direct_only", routes=some_names([label(v.route, report, names) for v in shut]))
    return t("compare.both", routes=some_names([label(v.route, report, names) for v in open_ways])) if open_ways else ""
