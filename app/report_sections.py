"""The parts of the readable page beside the services: the person's proxies and profiles, stage by stage, and the VPN of the computer."""

from __future__ import annotations

from typing import Final

from app import wording
from app.route_words import comparison, label, proxies_of, remarks, route_line, route_sentence, state_word, usable
from app.terminal import SYMBOLS
from app.texts import t
from app.vpn_steps import Outcome, ProfileStage, opens_sentence, profile_stages, profile_word
from app.vpn_words import (
    beside,
    beside_sentence,
    check_sentence,
    check_title,
    check_word,
    checks_in_order,
    seen_sentence,
    vpn_sentence,
    with_and_without,
)
from diagnostics.model import Report, RouteVerdict, Verdict
from diagnostics.report.html import CardView, SectionView, StageView

MOST: Final = 40
"""Cards of one part of the page; a stranger's report may hold any number."""

_LOOKS: Final[dict[Outcome, tuple[str, str]]] = {
    Outcome.PASSED: ("ok", "✓"),
    Outcome.PARTLY: ("slow", "◑"),
    Outcome.FAILED: ("broken", "✗"),
    Outcome.NOT_REACHED: ("not_reached", "\N{EN DASH}"),
    Outcome.NOT_TRIED: ("not_tried", "○"),
}


def sections(report: Report) -> tuple[SectionView, ...]:
    """Return the parts that this report has something to say in."""
    return tuple(section for section in (_ways(report), _vpn(report), _beside(report)) if section is not None)


def ways_of(verdict: Verdict, report: Report) -> tuple[str, ...]:
    """Return how a service fares over each proxy that leads somewhere, and how its ways compare; nothing where there is one way."""
    over = [each for each in usable(report, verdict.target) if each.route != verdict.route]
    compared = comparison(report, verdict.target)
    return (*([compared] if compared and over else []), *(route_line(each, report) for each in over[:MOST]))


def _ways(report: Report) -> SectionView | None:
    routes = proxies_of(report)[:MOST]
    return SectionView(title=t("cli.proxies"), cards=tuple(_route(route, report) for route in routes)) if routes else None


def _route(route: RouteVerdict, report: Report) -> CardView:
    from diagnostics.judge.vpn_evidence import PROFILES  # the judge is not needed before there is something to say

    profile = route.kind in PROFILES
    steps = profile_stages(report, route.id, route.kind) if profile else []
    said = [route_sentence(route, report), opens_sentence(report, route.id) if profile else "", *remarks(route, report)]
    return CardView(
        name=label(route.id, report),
        status=str(route.status) if route.status in SYMBOLS else "unknown",
        symbol=SYMBOLS.get(route.status, ("?",))[0],
        word=profile_word(route) if profile else state_word(route),
        sentence=" ".join(part for part in said if part),
        stages=tuple(_stage(step) for step in steps),
    )


def _stage(step: ProfileStage) -> StageView:
    look, symbol = _LOOKS.get(step.outcome, ("not_tried", "?"))
    return StageView(name=step.title, state=look, symbol=symbol, note=t(f"vpn_stage.outcome.{step.outcome}"))


def _vpn(report: Report) -> SectionView | None:
    vpn = report.network.vpn
    checks = checks_in_order(vpn)
    if not checks and vpn.state in ("none", "unknown"):
        return None
    cards = tuple(
        CardView(
            name=check_title(check),
            status=str(check.status) if check.status in SYMBOLS else "unknown",
            symbol=SYMBOLS.get(check.status, ("?",))[0],
            word=check_word(check),
            sentence=" ".join(part for part in (check_sentence(check), seen_sentence(report) if check.check == "exit" else "") if part),
        )
        for check in checks[:MOST]
    )
    return SectionView(title=t("vpn.title"), said=(vpn_sentence(vpn),), cards=cards)


def _beside(report: Report) -> SectionView | None:
    found, said = beside(report)[:MOST], beside_sentence(report)
    ways = [f"{wording.name_of(target, report)}: {with_and_without(through, past)}" for target, through, past in found]
    return SectionView(title=t("vpn.outside.fold"), said=(*([said] if said else []), *ways)) if found or said else None
