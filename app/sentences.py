"""Sentences: what one verdict says in the person's language, by the rule that decided it.

One cause covers several facts: a name directory may deny a name, or give a false address.  So the sentence is looked up by
the rule first and by how sure the rule was: ``cause.<cause>.<rule>.likely``, ``cause.<cause>.<rule>``,
``cause.<cause>.likely``, ``cause.<cause>`` (a rule ``dns.denied`` is called ``denied`` here).  ``app.wording`` tells the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from app.report_facts import (
    answer_seconds,
    evidence_of,
    function_verdicts,
    host_of,
    planned,
    pool_count,
    proven_by,
    short,
    shown_name,
    speeds_of,
    time_ran_out,
)
from app.texts import has_text, join_names, language, number, seconds, t
from diagnostics.model import DIRECT, Cause, Certainty, NetworkVerdict, Report, RouteVerdict, Rule, Service, Status, Step, Verdict, VpnCheck

FAILURE_SCREENS: Final = (Cause.NO_INTERNET, Cause.CAPTIVE_PORTAL, Cause.WRONG_CLOCK, Cause.LOCAL_INTERCEPTION, Cause.STALE_PROXY)
"""Faults of this computer or line that are told on a screen of their own, instead of verdicts about services."""

BAD: Final = (Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN, Status.PARTIAL, Status.SLOW)
"""The statuses that need a next step, worst first; the headline speaks of the first that occurs."""

MOST_NAMES: Final = 3
"""Names that one sentence lists; the others are counted."""

FINE: Final = (Status.WORKS, Status.SLOW, Status.PARTIAL)
"""The statuses of a line that services may be spoken of."""

_INTERCEPTION: Final = (Cause.LOCAL_INTERCEPTION, Cause.TLS_INTERCEPTION)
_NOT_YET_VALID: Final = 9
"""OpenSSL's verify code for a certificate whose first day lies ahead; 10 is one that expired."""

Judged = Verdict | NetworkVerdict | RouteVerdict | VpnCheck


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
    return shown_name(names.get(language()) or names.get("en") or next(iter(names.values()), "") or target)


def function_name(function: str) -> str:
    """Return what a function is called: "the pictures"; an unknown one keeps its id."""
    return t(f"function.{function}") if has_text(f"function.{function}") else short(function)


def status_word(status: Status) -> str:
    """Return the word of a status; one from a newer report is shown as it is."""
    return t(f"status.{status}") if has_text(f"status.{status}") else short(str(status))


def failure(report: Report) -> Cause | None:
    """Return the fault of this computer or line that is said first and alone, or None when the services can be spoken of.

    A dead proxy in the settings is said first although the line is fine: nothing opens in the person's own programs.
    """
    network = report.network
    if network.cause in FAILURE_SCREENS and (network.cause is Cause.STALE_PROXY or network.status not in FINE):
        return network.cause
    return None


def masked(report: Report) -> bool:
    """Tell whether the fault explains whatever fails, so that nothing can be said of any service."""
    return failure(report) is not None and report.network.status not in FINE


# --- one verdict ----------------------------------------------------------------------------------


def card_sentence(verdict: Verdict, report: Report, catalog: Catalog | None = None) -> str:
    """Return one plain sentence: why, in words a neighbour understands, hedged where the verdict is only likely."""
    name = name_of(verdict.target, report, catalog)
    if masked(report) and verdict.status in (Status.UNKNOWN, Status.DOWN, Status.NOT_TESTED):
        return t("verdict.masked", service=name)
    parts = _parts(verdict, report) if verdict.status is Status.PARTIAL else ""
    if parts:
        return parts  # which parts work matters more to a person than why the others do not
    if verdict.status not in (Status.WORKS, Status.NOT_TESTED):
        sentence = cause_sentence(verdict, name, report)
        by_rule = f"verdict.{verdict.rule}"  # what a proxy does without being at fault has no cause, but a sentence
        if sentence or has_text(by_rule):
            return sentence or t(by_rule, service=name)
    if verdict.status is Status.WORKS:
        took = answer_seconds(report, verdict.target, verdict.route)
        return t("verdict.works", seconds=seconds(took)) if took is not None else t("verdict.works.plain")
    if verdict.status is Status.NOT_TESTED and report.run.cancelled:
        return t("verdict.stopped")
    if verdict.status is Status.NOT_TESTED and has_text(f"vpn.rule.{verdict.rule.removeprefix('vpn.')}"):
        return t(f"vpn.rule.{verdict.rule.removeprefix('vpn.')}")  # the way was one that carries no pages
    if verdict.status is Status.NOT_TESTED and time_ran_out(report):
        return t("verdict.time_out")
    if verdict.route != DIRECT and has_text(f"verdict.over.{verdict.status}"):
        return t(f"verdict.over.{verdict.status}")
    return t(f"verdict.{verdict.status}") if has_text(f"verdict.{verdict.status}") else t("verdict.unknown")


def _parts(verdict: Verdict, report: Report) -> str:
    """Return which functions work and which do not, or nothing when that was not found out."""
    service = planned(report).get(verdict.target)
    shown_only = {function.id for function in service.functions if function.rule is Rule.INFO} if service else set()
    functions = [each for each in function_verdicts(report, verdict.target, verdict.route) if each.function not in shown_only]
    good = [function_name(v.function or "") for v in functions if v.status in (Status.WORKS, Status.SLOW)]
    bad = [function_name(v.function or "") for v in functions if v.status in (Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN)]
    if good and bad:
        sentence = t("verdict.partial.both", good=some_names(good), bad=some_names(bad))
        return sentence[:1].upper() + sentence[1:]
    count = pool_count(verdict, report)
    return t("verdict.partial.most", n=count[0], m=count[1]) if count else ""


def text_of_cause(prefix: str, judged: Judged, variant: str = "") -> str:
    """Return the id of the text that fits a cause, its rule and its certainty best, or nothing when there is none.

    ``prefix`` is cause or means; ``variant`` tells apart what one rule may have seen.
    """
    if judged.cause is None:
        return ""
    cause, rule = f"{prefix}.{judged.cause}", judged.rule.partition(".")[2]
    kinds = [f"{cause}.{rule}.{variant}", f"{cause}.{rule}", f"{cause}.{variant}", cause] if variant else [f"{cause}.{rule}", cause]
    hedged = judged.certainty is not Certainty.CERTAIN
    ids = [each for kind in kinds for each in ((f"{kind}.likely", kind) if hedged else (kind,))]
    return next((each for each in ids if has_text(each)), "")


def cause_sentence(judged: Judged, service: str, report: Report) -> str:
    """Return the sentence of a cause, or nothing when there is none or a value it needs was not measured."""
    text_id = text_of_cause("cause", judged, _variant(judged, report))
    if not text_id:
        return ""
    target = judged.target if isinstance(judged, Verdict) else None
    values = {"service": service, "host": shown_name(host_of(report, judged.evidence, target)), "name": ""}
    if judged.cause in _INTERCEPTION:
        values["name"] = culprit(report, judged.evidence)
    if judged.cause is Cause.RESOLVER_BLOCKED:
        values["name"] = short(str(next((o.detail.get("resolver", "") for o in evidence_of(report, judged.evidence)), "")))
    if judged.cause is Cause.THROTTLED:
        speeds = speeds_of(report, judged.evidence)
        if speeds is None and "freezes" not in text_id:
            return ""
        values |= {"rate": kilobytes(speeds[0]), "control": kilobytes(speeds[1])} if speeds else {}
    if judged.cause is Cause.PROXY_WRONG_PROTOCOL:
        values |= {"kind": kind_word(route_kind(judged, report)), "speaks": heard(report, judged.evidence)}
    return t(text_id, **values)


def kilobytes(rate: float) -> str:
    """Return bytes a second as a person reads them: «16 kB/s»."""
    return f"{number(max(1, round(rate / 1000)))} kB/s"


def _variant(judged: Judged, report: Report) -> str:
    """Tell apart two facts that one rule covers: a first day that lies ahead, and an address that could be compared."""
    seen = evidence_of(report, judged.evidence)
    if judged.cause is Cause.PROXY_WRONG_PROTOCOL:
        return "speaks" if heard(report, judged.evidence) else ""
    if judged.rule == "tls.certificate_date" and any(o.detail.get("verify_code") == _NOT_YET_VALID for o in seen):
        return "early"
    others = [o for o in seen if o.step is Step.DNS and o.detail.get("resolver", "system") != "system"]
    return "compared" if any(o.detail.get("answers") for o in others) else ""


def kind_word(kind: str) -> str:
    """Return what a kind of proxy or of VPN is called; an unknown one keeps its id."""
    return next((t(each) for each in (f"proxy.kind.{kind}", f"vpn.protocol.{kind}") if has_text(each)), short(kind))


def route_kind(judged: Judged, report: Report) -> str:
    """Return the kind of the proxy that a verdict is about."""
    route = judged.id if isinstance(judged, RouteVerdict) else getattr(judged, "route", "")
    return next((each.kind for each in report.routes if each.id == route), "")


def heard(report: Report, evidence: Iterable[str]) -> str:
    """Return the protocol that was heard where a proxy of another kind was looked for, or nothing."""
    found = (f"proxy.speaks.{o.detail.get('speaks')}" for o in evidence_of(report, evidence))
    return next((t(text_id) for text_id in found if has_text(text_id)), "")


def culprit(report: Report, evidence: Iterable[str]) -> str:
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
    name, fact = name_of(verdict.target, report, catalog), ""
    if verdict.status is Status.PARTIAL and verdict.cause is not None and not masked(report):
        fact = cause_sentence(verdict, name, report)
    return t("detail.saw", fact=after_colon(fact or card_sentence(verdict, report, catalog), name))


def means(verdict: Verdict, report: Report, catalog: Catalog | None = None) -> str:
    """Return the line "What it means"; it accuses nobody and claims no more than the status does."""
    name = name_of(verdict.target, report, catalog)
    claims = verdict.status in BAD
    by_cause = text_of_cause("means", verdict, "partial" if verdict.status is Status.PARTIAL else "") if claims else ""
    if masked(report) and not claims:
        meaning = t("means.masked")
    elif by_cause:
        meaning = t(by_cause, service=name)
    else:
        by_status = f"means.{verdict.status}"
        meaning = t(by_status if has_text(by_status) else "means.unknown")
    return t("detail.means", meaning=after_colon(meaning, name))


def sure(verdict: Verdict, report: Report) -> str:
    """Return how sure we are, and why."""
    text_id = f"detail.sure.{verdict.certainty}"
    if verdict.status in (Status.WORKS, Status.SLOW, Status.PARTIAL, Status.DOWN) and has_text(f"{text_id}.{verdict.status}"):
        text_id = f"{text_id}.{verdict.status}"  # "two independent signs" is about blocks only
    if verdict.status is Status.WORKS and verdict.certainty is Certainty.CERTAIN:
        pages, connections = proven_by(report, verdict)
        text_id += (".mixed" if pages else ".connected") if connections else ""
    return t(text_id if has_text(text_id) else "detail.sure.none")


# --- composing ------------------------------------------------------------------------------------


def risk_line(risk: str) -> str:
    """Return the risk of a tip as its own line."""
    return t("tips.risk", risk=after_colon(risk))


def some_names(names: Sequence[str], *rest: str) -> str:
    """Return names as one phrase, the first few of many and how many more: «X, WhatsApp, Signal y 197 más»; ``rest`` ends it."""
    more = [t("list.more", n=len(names) - MOST_NAMES)] if len(names) > MOST_NAMES else []
    return join_names([*names[:MOST_NAMES], *more, *rest])


def after_colon(sentence: str, name: str = "") -> str:
    """Return a sentence as it goes on behind a colon: with a small letter, unless it begins with ``name`` or with capitals."""
    first = sentence.split(" ", 1)[0]
    kept = (name and sentence.startswith(name)) or (len(first) > 1 and first[1:2].isupper()) or "-" in first
    return sentence if kept else sentence[:1].lower() + sentence[1:]
