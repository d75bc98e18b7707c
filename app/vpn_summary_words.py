"""What came of a run about VPNs, in short: its worst finding, whether it needs a next step, and a summary for the clipboard."""

from __future__ import annotations

from typing import Final

from app.report_facts import tests_made
from app.route_words import label, proxies_of, route_sentence
from app.sentences import failure, name_of
from app.texts import seconds, t
from app.vpn_steps import opens_sentence, profile_route, profile_word
from app.vpn_words import beside, beside_sentence, check_sentence, check_title, check_word, checks_in_order, vpn_sentence, with_and_without
from app.wording import MAX_COPY, fault_sentence, headline
from diagnostics.model import OUTSIDE, Report, Status, VpnCheck, VpnVerdict

_HINDERED: Final = (Status.PARTIAL, Status.DOWN)
"""Statuses of a check that need a next step (``diagnostics/advice/choice.py``)."""


def worst_check(vpn: VpnVerdict) -> VpnCheck | None:
    """Return the check that needs a next step most, or None where everything that was seen is as it should be."""
    return next((check for check in checks_in_order(vpn) if check.status in _HINDERED), None)


def vpn_finding(report: Report) -> str:
    """Return the sentence about the worst that a look at the VPN found, a fault of the line first; nothing where all is well."""
    check = report.network.cut_by() or worst_check(report.network.vpn)
    if failure(report) and report.network.cut_by() is None:
        return fault_sentence(report)
    return check_sentence(check) if check is not None else ""


def profile_needs_help(report: Report, ident: str) -> bool:
    """Tell whether the test of a profile leaves something to do: a fault of the line, or a profile that does not simply work."""
    route = profile_route(report, ident)
    return failure(report) is not None or (route is not None and route.status not in (Status.WORKS, Status.NOT_TESTED))


def profile_finding(report: Report, ident: str) -> str:
    """Return why a profile does not work, a fault of the line first."""
    route = profile_route(report, ident)
    if failure(report):
        return fault_sentence(report)
    return route_sentence(route, report) if route is not None and route.status is not Status.WORKS else ""


def vpn_copy_text(report: Report) -> str:
    """Return the summary of a run about VPNs for the clipboard: at most 600 characters, findings only, no address and no file's name."""
    profiles = [route for route in proxies_of(report) if route.id != OUTSIDE]
    lines = [t("workshop.ribbon")] if report.run.simulated else []
    lines += [headline(report), fault_sentence(report)] if failure(report) else []
    for route in profiles:
        lines.append(f"{label(route.id, report)}: {profile_word(route)}")
        lines += [sentence for sentence in (route_sentence(route, report), opens_sentence(report, route.id)) if sentence]
    if not profiles:
        lines.append(vpn_sentence(report.network.vpn))
        lines += [f"{check_title(check)}: {check_word(check)}" for check in checks_in_order(report.network.vpn)]
        lines += [sentence for sentence in (beside_sentence(report),) if sentence]
        lines += [f"{name_of(target, report)}. {with_and_without(*ways)}" for target, *ways in beside(report)]
    lines += ["", f"{t('result.summary', n=tests_made(report), seconds=seconds(report.run.seconds))} {t('result.told_nobody')}"]
    text = "\n".join(lines)
    return text if len(text) <= MAX_COPY else f"{text[: MAX_COPY - 1]}…"
