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

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from app.report_facts import (
    Stage,
    StageState,
    answer_seconds,
    evidence_of,
    function_verdicts,
    host_of,
    planned,
    short,
    stages,
    whole_verdicts,
)
from app.texts import has_text, join_names, language, seconds, t
from diagnostics.model import Cause, Certainty, NetworkVerdict, Report, Rule, Service, Status, Step, Verdict

__all__ = [
    "BAD",
    "FAILURE_SCREENS",
    "Stage",
    "StageState",
    "answer_seconds",
    "card_sentence",
    "copy_text",
    "failure",
    "fault_sentence",
    "function_name",
    "function_verdicts",
    "headline",
    "means",
    "name_of",
    "planned",
    "saw",
    "stages",
    "status_word",
    "summary",
    "sure",
    "whole_verdicts",
    "worst",
]

FAILURE_SCREENS: Final = (Cause.NO_INTERNET, Cause.CAPTIVE_PORTAL, Cause.WRONG_CLOCK, Cause.LOCAL_INTERCEPTION, Cause.STALE_PROXY)
"""Faults of this computer or line that are told on a screen of their own, instead of verdicts about services."""

BAD: Final = (Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN, Status.PARTIAL, Status.SLOW)
"""The statuses that need a next step, worst first; the headline speaks of the first that occurs."""

MAX_COPY: Final = 600
"""Longest summary for the clipboard, in characters: it is meant for a chat message."""

_ORDER: Final = (*BAD, Status.UNKNOWN, Status.NOT_TESTED, Status.WORKS)
_FINE: Final = (Status.WORKS, Status.SLOW, Status.PARTIAL)
_INTERCEPTION: Final = (Cause.LOCAL_INTERCEPTION, Cause.TLS_INTERCEPTION)


class Catalog(Protocol):
    """Where the names of services are found when a report does not carry them."""

    @property
    def services(self) -> Mapping[str, Service]:
        """Return the services by id."""
        ...


# --- who is meant ---------------------------------------------------------------------------------


def name_of(target: str, report: Report, catalog: Catalog | None = None) -> str:
    """Return the name of a target as a person knows it."""
    service = planned(report).get(target) or (catalog.services.get(target) if catalog else None)
    names = service.name if service else {}
    return short(names.get(language()) or names.get("en") or next(iter(names.values()), "") or target)


def function_name(function: str) -> str:
    """Return what a function is called: "the pictures"; an unknown one keeps its id."""
    return t(f"function.{function}") if has_text(f"function.{function}") else short(function)


def status_word(status: Status) -> str:
    """Return the word of a status; one from a newer report is shown as it is."""
    return t(f"status.{status}") if has_text(f"status.{status}") else short(str(status))


# --- the headline and the summary -----------------------------------------------------------------


def failure(report: Report) -> Cause | None:
    """Return the fault of this computer or line that masks the services, or None when they can be spoken of."""
    network = report.network
    if network.cause in FAILURE_SCREENS and network.status not in _FINE:
        return network.cause
    return None


def worst(report: Report) -> Verdict | None:
    """Return the verdict that the headline is about: the worst one, the first of its kind in the plan's order."""
    if failure(report):
        return None
    rank = {status: place for place, status in enumerate(_ORDER)}
    return min(whole_verdicts(report), key=lambda verdict: rank.get(verdict.status, len(BAD)), default=None)


def headline(report: Report, catalog: Catalog | None = None) -> str:
    """Return the one sentence: "X is blocked on your network"."""
    fault = failure(report)
    if fault:
        return t(f"fail.{fault}.title")
    lead = worst(report)
    if lead is None or lead.status is Status.NOT_TESTED:
        return t("result.title.stopped") if report.run.cancelled else t("result.title.not_tested")
    verdicts = whole_verdicts(report)
    if lead.status is Status.WORKS:
        return t("result.title.works")
    alike = [verdict for verdict in verdicts if verdict.status == lead.status]
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
        return t("result.title.also", service=name, status=_uncapitalised(status_word(lead.status)))
    return t(text_id, service=name)


def summary(report: Report, catalog: Catalog | None = None) -> str:
    """Return what does work, how much was measured, and that nobody was told."""
    parts = [t("run.stopped")] if report.run.cancelled else []
    fault = failure(report)
    if fault:
        parts.append(fault_sentence(report))
    else:
        parts += _others(report, catalog)
    tests = sum(1 for observation in report.observations if observation.step is not Step.SYSTEM)
    parts.append(t("result.summary", n=tests, seconds=seconds(report.run.seconds)))
    parts.append(t("result.told_nobody"))
    return " ".join(parts)


def _others(report: Report, catalog: Catalog | None) -> list[str]:
    """Return the sentences about everything the headline does not name."""
    lead = worst(report)
    verdicts = whole_verdicts(report)
    working = [name_of(v.target, report, catalog) for v in verdicts if v.status is Status.WORKS]
    alike = [v for v in verdicts if lead and v.status == lead.status]
    rest = [v for v in verdicts if v.status is not Status.WORKS and v not in alike]
    doubt = [v for v in verdicts if v.status in (Status.UNKNOWN, Status.NOT_TESTED)]
    parts = []
    if lead and lead.status is not Status.WORKS:
        internet = report.network.status in _FINE and not doubt and not rest
        parts += _what_works(working, internet=internet)
    if len(alike) > 1 and lead and lead.status in BAD:
        rest = [*alike, *rest]  # the headline only counts them
    for status in dict.fromkeys(v.status for v in rest):
        names = join_names([name_of(v.target, report, catalog) for v in rest if v.status == status])
        parts.append(t("result.also", names=names, status=_uncapitalised(status_word(status))))
    if report.network.cause is not None and has_text(f"cause.{report.network.cause}") and not failure(report):
        parts.append(_cause_sentence(report.network.cause, "", report, report.network.evidence))
    return parts


def _what_works(working: list[str], *, internet: bool) -> list[str]:
    if working and internet:
        names = [*working, t("result.rest")]
        return [t("result.works", n=len(names), names=join_names(names))]
    if internet:
        return [t("result.rest.alone")]
    return [t("result.works", n=len(working), names=join_names(working))] if working else []


def fault_sentence(report: Report) -> str:
    """Return the body of the failure screen: what we saw and what to do; call it only when :func:`failure` says so."""
    fault = failure(report)
    network = report.network
    if fault is Cause.LOCAL_INTERCEPTION:
        return t("fail.local_interception.body", name=_culprit(report, network.evidence))
    if fault is Cause.STALE_PROXY:
        return t("fail.stale_proxy.body", proxy=short(network.system_proxy or "?"))
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


# --- one verdict ----------------------------------------------------------------------------------


def card_sentence(verdict: Verdict, report: Report, catalog: Catalog | None = None) -> str:
    """Return one plain sentence: why, in words a neighbour understands.  The status word carries the certainty."""
    name = name_of(verdict.target, report, catalog)
    if failure(report) and verdict.status in (Status.UNKNOWN, Status.DOWN, Status.NOT_TESTED):
        return t("verdict.masked", service=name)
    parts = _parts(verdict, report) if verdict.status is Status.PARTIAL else ""
    if parts:
        return parts  # which parts work matters more to a person than why the others do not
    if verdict.cause is not None and verdict.status not in (Status.WORKS, Status.NOT_TESTED):
        sentence = _cause_sentence(verdict.cause, name, report, verdict.evidence, verdict)
        if sentence:
            return sentence
    if verdict.status is Status.WORKS:
        took = answer_seconds(report, verdict.target)
        return t("verdict.works", seconds=seconds(took)) if took is not None else t("verdict.works.plain")
    if verdict.status is Status.NOT_TESTED and report.run.cancelled:
        return t("verdict.stopped")
    return t(f"verdict.{verdict.status}") if has_text(f"verdict.{verdict.status}") else t("verdict.unknown")


def _parts(verdict: Verdict, report: Report) -> str:
    """Return which functions work and which do not, or nothing when that was not found out."""
    service = planned(report).get(verdict.target)
    shown_only = {function.id for function in service.functions if function.rule is Rule.INFO} if service else set()
    functions = [each for each in function_verdicts(report, verdict.target) if each.function not in shown_only]
    good = [function_name(v.function or "") for v in functions if v.status in (Status.WORKS, Status.SLOW)]
    bad = [function_name(v.function or "") for v in functions if v.status in (Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN)]
    if good and bad:
        return t("verdict.partial.both", good=join_names(good), bad=join_names(bad))
    return ""


def _cause_sentence(cause: Cause, service: str, report: Report, evidence: Iterable[str], verdict: Verdict | None = None) -> str:
    """Return the sentence of a cause, or nothing when there is none or a value it needs was not measured."""
    text_id = f"cause.{cause}"
    if verdict is not None and verdict.certainty is not Certainty.CERTAIN and has_text(f"{text_id}.likely"):
        text_id += ".likely"  # leaves out what was not measured
    if not has_text(text_id) or cause is Cause.THROTTLED:
        return ""
    values = {"service": service, "host": host_of(report, evidence, verdict.target if verdict else None), "name": ""}
    if cause in _INTERCEPTION:
        values["name"] = _culprit(report, evidence)
    if cause is Cause.RESOLVER_BLOCKED:
        values["name"] = short(str(next((o.detail.get("resolver", "") for o in evidence_of(report, evidence)), "")))
    return t(text_id, **values)


def _culprit(report: Report, evidence: Iterable[str]) -> str:
    """Return who signed the certificate that an interceptor showed."""
    for observation in evidence_of(report, evidence):
        certificate = observation.detail.get("certificate")
        issuer = certificate.get("issuer") if isinstance(certificate, Mapping) else None
        if isinstance(issuer, Mapping):
            issuer = issuer.get("organizationName") or issuer.get("commonName") or issuer.get("O") or issuer.get("CN")
        if isinstance(issuer, str) and issuer:
            return short(_plain_issuer(issuer))
    return t("verdict.somebody")


def _plain_issuer(issuer: str) -> str:
    """Return the organisation, else the common name, of an issuer written as an RFC 4514 string."""
    parts = dict(part.strip().partition("=")[::2] for part in issuer.split(",") if "=" in part)
    return parts.get("O") or parts.get("CN") or issuer


# --- the detail of one verdict --------------------------------------------------------------------


def saw(verdict: Verdict, report: Report, catalog: Catalog | None = None) -> str:
    """Return the line "What we saw": the fact behind the cause, where the card may only name the parts."""
    fact = ""
    if verdict.status is Status.PARTIAL and verdict.cause is not None and not failure(report):
        fact = _cause_sentence(verdict.cause, name_of(verdict.target, report, catalog), report, verdict.evidence, verdict)
    return t("detail.saw", fact=fact or card_sentence(verdict, report, catalog))


def means(verdict: Verdict, report: Report, catalog: Catalog | None = None) -> str:
    """Return the line "What it means"; it accuses nobody and claims no more than the status does."""
    by_cause = f"means.{verdict.cause}"
    claims = verdict.status in BAD
    if failure(report) and not claims:
        meaning = t("means.masked")
    elif claims and verdict.cause is not None and has_text(by_cause):
        meaning = t(by_cause, service=name_of(verdict.target, report, catalog))
    else:
        by_status = f"means.{verdict.status}"
        meaning = t(by_status if has_text(by_status) else "means.unknown")
    return t("detail.means", meaning=meaning)


def sure(verdict: Verdict) -> str:
    """Return how sure we are, and why."""
    text_id = f"detail.sure.{verdict.certainty}"
    if verdict.status in (Status.WORKS, Status.SLOW, Status.PARTIAL, Status.DOWN) and has_text(f"{text_id}.{verdict.status}"):
        text_id = f"{text_id}.{verdict.status}"  # "two independent signs" is about blocks only
    return t(text_id if has_text(text_id) else "detail.sure.none")


def copy_text(report: Report, catalog: Catalog | None = None) -> str:
    """Return the summary for the clipboard: at most 600 characters, statuses and causes only, no address of the person."""
    lines = [t("workshop.ribbon")] if report.run.simulated else []
    lines += [headline(report, catalog), ""]
    if not failure(report):
        for verdict in whole_verdicts(report):
            lines.append(f"{name_of(verdict.target, report, catalog)}: {status_word(verdict.status)}")
    lines += ["", summary(report, catalog)]
    text = "\n".join(lines)
    return text if len(text) <= MAX_COPY else f"{text[: MAX_COPY - 1]}…"


def _uncapitalised(word: str) -> str:
    return word[:1].lower() + word[1:]
