"""Wording: what a person is told about a report, in the person's language.

The window, the terminal and the readable page say the same sentences because all of them ask here.  Every function is
pure: it reads a :class:`~diagnostics.model.Report` (whole, partial or a stranger's) and the texts of ``app.texts``, and
imports neither Qt nor the engine.  Text comes back plain: whoever draws it escapes it.

The rules it keeps (they are the product):
    * a verdict word comes only from the status, never from the cause or from a failed step;
    * a fault of this computer or line is said first, and then nothing is claimed about any service;
    * "the rest of your Internet works" is said only when the line was judged to work and no tested service is in doubt;
    * services are named as the report's own plan names them, so that an old report still reads right.
"""

from __future__ import annotations

from typing import Final

from app.report_facts import (
    Stage,
    StageState,
    answer_seconds,
    function_verdicts,
    observations_of,
    planned,
    short,
    slow_answer,
    stages,
    tests_made,
    time_ran_out,
    unreachable_resolvers,
    whole_verdicts,
)
from app.sentences import (
    BAD,
    FAILURE_SCREENS,
    FINE,
    Catalog,
    after_colon,
    card_sentence,
    cause_sentence,
    culprit,
    failure,
    function_name,
    masked,
    means,
    name_of,
    risk_line,
    saw,
    some_names,
    status_word,
    sure,
)
from app.texts import has_text, seconds, t
from diagnostics.model import Cause, Certainty, NetworkVerdict, Report, Status, Verdict

__all__ = [
    "BAD",
    "FAILURE_SCREENS",
    "Catalog",
    "Stage",
    "StageState",
    "after_colon",
    "answer_seconds",
    "by_severity",
    "card_sentence",
    "copy_text",
    "failure",
    "fault_sentence",
    "fault_title",
    "function_name",
    "function_verdicts",
    "headline",
    "masked",
    "means",
    "name_of",
    "observations_of",
    "planned",
    "risk_line",
    "saw",
    "some_names",
    "stages",
    "status_word",
    "summary",
    "sure",
    "tests_made",
    "whole_verdicts",
    "worst",
]

MAX_COPY: Final = 600
"""Longest summary for the clipboard, in characters: it is meant for a chat message."""

_ORDER: Final = (*BAD, Status.UNKNOWN, Status.NOT_TESTED, Status.WORKS)


# --- the headline and the summary -----------------------------------------------------------------


def worst(report: Report) -> Verdict | None:
    """Return the verdict that the headline is about: the worst one, the first of its kind in the plan's order."""
    return None if failure(report) else next(iter(by_severity(report)), None)


def by_severity(report: Report) -> list[Verdict]:
    """Return one verdict a target, the worst first, equal ones in the plan's order."""
    rank = {status: place for place, status in enumerate(_ORDER)}
    return sorted(whole_verdicts(report), key=lambda verdict: rank.get(verdict.status, len(BAD)))


def headline(report: Report, catalog: Catalog | None = None) -> str:
    """Return the one sentence: "X is blocked on your network"."""
    from app.vpn_report import all_over, shut_title, untested_title  # what it reads is not needed before there is a report

    fault = failure(report)
    if fault:
        return fault_title(report)
    lead = worst(report)
    if lead is not None and lead.status in (Status.UNKNOWN, Status.NOT_TESTED) and time_ran_out(report):
        return t("result.title.time_out")
    if lead is None or lead.status is Status.NOT_TESTED:
        nothing = t("result.title.stopped") if report.run.cancelled else t("result.title.not_tested")
        return nothing if report.run.cancelled else untested_title(report) or nothing
    verdicts = whole_verdicts(report)
    if lead.status is Status.WORKS:
        return all_over(report, verdicts) or t("result.title.works")
    alike = [verdict for verdict in verdicts if verdict.status == lead.status]
    if over := shut_title(report, lead, len(alike), catalog):
        return over
    if lead.status in (Status.SLOW, Status.UNKNOWN) and len(alike) == len(verdicts):
        return t(f"result.title.{lead.status}")
    many = "result.title.many" if lead.status is Status.BLOCKED else f"result.title.many.{lead.status}"
    if len(alike) > 1 and has_text(many):
        return t(many, n=len(alike))
    return _one(lead, report, catalog)


def _one(lead: Verdict, report: Report, catalog: Catalog | None) -> str:
    """Return the headline about one service."""
    service = planned(report).get(lead.target)
    text_id = f"result.title.{lead.status}"
    if service is not None and service.gender == "f" and has_text(f"{text_id}_f"):
        text_id += "_f"
    name = name_of(lead.target, report, catalog)
    if lead.status in (Status.SLOW, Status.UNKNOWN) or not has_text(text_id):  # those titles speak of everything
        return t("result.title.also", service=name, status=after_colon(status_word(lead.status)))
    return t(text_id, service=name)


def summary(report: Report, catalog: Catalog | None = None, *, own: bool | None = True) -> str:
    """Return what does work, how much was measured, and that nobody was told.

    ``own`` False: somebody else's report, of whose way here nothing is known; None leaves that sentence to the caller.
    """
    from app.vpn_report import doubt_through  # what it reads is not needed before there is a report

    parts = [t("run.stopped")] if report.run.cancelled else []
    fault = failure(report)
    if fault:
        parts.append(fault_sentence(report))
    else:
        parts += [*_others(report, catalog), *filter(None, [doubt_through(report)])]
    parts.append(t("result.summary", n=tests_made(report), seconds=seconds(report.run.seconds)))
    if own is not None:
        parts.append(t("result.told_nobody" if own else "result.tells_nobody"))
    return " ".join(parts)


_NO_UDP: Final = "udp.no_stun_anywhere"
"""The rule by which no server at all answers over UDP; which service it was met at does not matter."""


def _others(report: Report, catalog: Catalog | None) -> list[str]:
    """Return the sentences about everything the headline does not name."""
    lead = worst(report)
    verdicts = whole_verdicts(report)
    working = [name_of(v.target, report, catalog) for v in verdicts if v.status is Status.WORKS]
    alike = [v for v in verdicts if lead and v.status == lead.status]
    rest = [v for v in verdicts if v.status is not Status.WORKS and v not in alike]
    doubt = [v for v in verdicts if v.status in (Status.UNKNOWN, Status.NOT_TESTED)]
    resolvers = unreachable_resolvers(report)
    parts = []
    if lead and lead.status is not Status.WORKS:
        internet = report.network.status in FINE and not doubt and not rest and not resolvers
        parts += _what_works(working, internet=internet)
    if len(alike) > 1 and lead and lead.status in BAD:
        rest = [*alike, *rest]  # the headline only counts them
    for status in dict.fromkeys(v.status for v in rest):
        names = some_names([name_of(v.target, report, catalog) for v in rest if v.status == status])
        parts.append(t("result.also", names=names, status=after_colon(status_word(status))))
    if resolvers:
        parts.append(t("result.resolvers", n=resolvers))
    if any(verdict.rule == _NO_UDP for verdict in report.verdicts):
        parts.append(t("result.no_calls"))
    slow = slow_answer(report)
    if slow:
        parts.append(t("result.slow_line", service=name_of(slow[0], report, catalog), seconds=seconds(slow[1])))
    if report.network.cause is not None and not failure(report):
        parts.append(cause_sentence(report.network, "", report))
    return [part for part in parts if part]


def _what_works(working: list[str], *, internet: bool) -> list[str]:
    """Return the sentence about what works; ``internet``: nothing that was measured speaks against the rest."""
    rest = [t("result.rest")] if internet else []
    if internet and not working:
        return [t("result.rest.alone")]
    return [t("result.works", n=len(working) + len(rest), names=some_names(working, *rest))] if working else []


def fault_title(report: Report) -> str:
    """Return the title of the failure screen; call it only when :func:`failure` says so."""
    cut = report.network.cut_by()
    if cut is not None:  # the block is seen, but what lies below it is not: "it looks as if", however sure the block is
        candidates = (f"fail.{cut.rule}", f"fail.{cut.cause}", "fail.vpn.block_is_left")
        return t(next(each for each in candidates if has_text(each)))
    return t(f"fail.{failure(report)}.title")


def fault_sentence(report: Report) -> str:
    """Return the body of the failure screen: what we saw and what to do; call it only when :func:`failure` says so."""
    fault = failure(report)
    network = report.network
    if network.cut_by() is not None and network.vpn.left_block() is None:
        return t("vpn.fault.no_traffic")
    if left := network.cut_by():
        return f"{cause_sentence(left, '', report)} {t('fail.left_over.body')}"
    if fault is Cause.LOCAL_INTERCEPTION:
        return t("fail.local_interception.body", name=culprit(report, network.evidence))
    if fault is Cause.STALE_PROXY:
        hedged = network.status in FINE and network.certainty is not Certainty.CERTAIN
        body = t("fail.stale_proxy.body.likely" if hedged else "fail.stale_proxy.body", proxy=short(network.system_proxy or "?"))
        return f"{body} {t('fail.stale_proxy.direct')}" if network.status in FINE else body
    if fault is Cause.WRONG_CLOCK:
        known = network.clock_skew_s is not None
        return t("fail.wrong_clock.body", difference=_difference(network)) if known else t("cause.wrong_clock")
    return t(f"fail.{fault}.body")


def _difference(network: NetworkVerdict) -> str:
    """Return how far the clock is off, in the largest unit that fits."""
    off = abs(network.clock_skew_s or 0.0)
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if off >= length:
            return t(f"unit.{unit}", n=round(off / length))
    return seconds(off)


def copy_text(report: Report, catalog: Catalog | None = None) -> str:
    """Return the summary for the clipboard: at most 600 characters, statuses and causes only, no address of the person."""
    lines = [t("workshop.ribbon")] if report.run.simulated else []
    lines += [headline(report, catalog), ""]
    if not masked(report):
        for verdict in whole_verdicts(report):
            lines.append(f"{name_of(verdict.target, report, catalog)}: {status_word(verdict.status)}")
    lines += ["", summary(report, catalog)]
    text = "\n".join(lines)
    return text if len(text) <= MAX_COPY else f"{text[: MAX_COPY - 1]}…"
