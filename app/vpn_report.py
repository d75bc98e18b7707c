"""Titles of reports that speak of VPNs: of a look at the VPN, of a profile's test, and of what was measured through one.

Pure, like ``app.vpn_words``, whose sentences stand below these titles.
"""

from __future__ import annotations

from typing import Final

from app.report_facts import planned
from app.route_words import label, proxies_of, state_word
from app.sentences import BAD, FINE, Catalog, after_colon, name_of, some_names
from app.texts import t
from app.vpn_steps import profile_word
from app.vpn_words import checks_in_order, state_id, vpn_sentence
from diagnostics.model import DIRECT, Cause, Certainty, Report, RouteVerdict, Status, Verdict, VpnCheck

THROUGH: Final = ("full", "split")
"""States in which what did not open may have been stopped by the VPN, or behind it, instead of by the line."""

_LEAKS: Final = frozenset({Cause.VPN_DNS_OUTSIDE, Cause.VPN_IPV6_OUTSIDE, Cause.VPN_UDP_OUTSIDE})
_SHUT: Final = tuple(status for status in BAD if status not in FINE)


def untested_title(report: Report) -> str:
    """Return the title of a report that speaks of no service: it tells of the proxies, the profile or the VPN; else nothing."""
    routes = proxies_of(report)
    if len(routes) == 1:
        return t("result.title.also", service=label(routes[0].id, report), status=after_colon(_word(routes[0])))
    if routes:
        return t("result.title.only_routes")
    return _vpn_title(report) if report.network.vpn.checks or not planned(report) else ""


def _word(route: RouteVerdict) -> str:
    from diagnostics.judge.vpn_evidence import PROFILES  # the judge is not needed before there is something to say

    return profile_word(route) if route.kind in PROFILES else state_word(route)


def _vpn_title(report: Report) -> str:
    vpn, told = report.network.vpn, checks_in_order(report.network.vpn)
    bad = [check for check in told if check.status in BAD]
    if bad:
        return t(f"result.title.vpn.{_kind(bad)}{'' if _sure(bad) else '.likely'}")
    if state_id(vpn) in ("none", "unknown", "stale", "mesh"):
        return "" if state_id(vpn) == "unknown" and not told else vpn_sentence(vpn)
    return t("result.title.vpn.unclear" if any(check.status is Status.UNKNOWN for check in told) else "result.title.vpn.fine")


def _kind(bad: list[VpnCheck]) -> str:
    return "outside" if any(check.cause in _LEAKS for check in bad) else "bad"


def _sure(bad: list[VpnCheck]) -> bool:
    """Tell whether one of the checks that the title is about is certain."""
    about = [check for check in bad if check.cause in _LEAKS] or bad
    return any(check.certainty is Certainty.CERTAIN for check in about)


def shut_title(report: Report, lead: Verdict, alike: int, catalog: Catalog | None = None) -> str:
    """Return the title about services that do not open through a VPN or over a proxy, ``alike`` in number; nothing for the line itself.

    Nobody knows there whose filter it is: the network in which the VPN comes out may have one of its own.
    """
    if lead.status not in _SHUT:
        return ""
    through = report.network.vpn.state in THROUGH
    if lead.route == DIRECT and not through:
        return ""
    way = t("result.way.vpn") if lead.route == DIRECT else label(lead.route, report)
    if alike > 1:
        return t("result.title.many.shut_over", n=alike, route=way)
    return t("result.title.shut_over", service=name_of(lead.target, report, catalog), route=way)


def all_over(report: Report, verdicts: list[Verdict]) -> str:
    """Return the title of a report in which everything opens, but only over proxies or profiles; nothing where it opens directly."""
    routes = {verdict.route for verdict in verdicts}
    if not routes or DIRECT in routes:
        return ""
    return t("result.title.works.over", routes=some_names([label(route.id, report) for route in proxies_of(report) if route.id in routes]))


def doubt_through(report: Report) -> str:
    """Return what a block that was met through a VPN does not tell, or nothing where no VPN was in between."""
    if report.network.vpn.state not in THROUGH:
        return ""
    whole = [v for v in report.verdicts if v.function is None and v.route == DIRECT and v.target in planned(report)]
    return t("result.through.doubt") if any(v.status in _SHUT for v in whole) else ""
