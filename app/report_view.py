"""A report as a readable page: builds the plain texts of ``diagnostics.report.html.ReportView`` in one language.

``html_page(report, language)`` is all that callers need.  The engine's report package may not import the app, so the words
are put together here, from the same functions that the window and the terminal use.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Final

import msgspec

from app import texts, wording
from app.given_tips import GivenTip, advice_of, source_line, tip_remarks
from app.report_facts import Stage, StageState, function_verdicts, stages, whole_verdicts
from app.report_sections import sections, ways_of
from app.terminal import SYMBOLS
from app.texts import t
from app.vpn_words import measured_through
from diagnostics.advice.platforms import ANY
from diagnostics.model import NetworkVerdict, Observation, Report, RouteVerdict, Status, Verdict, VpnCheck
from diagnostics.report.case_code import case_code
from diagnostics.report.html import AdviceView, CardView, FunctionView, ReportView, StageView, StepsView, TableView, render_html

MOST_CARDS: Final = 200
MOST_ROWS: Final = 2_000
"""Observations in the page; the data file has them all."""

MOST_ON_PAPER: Final = 120
"""Rows of the table of verdicts on paper; the page and the data have them all."""

MOST_DETAIL: Final = 600
"""Characters of one observation's details."""

MOST_TIPS: Final = 12
NOTHING: Final = "\N{EN DASH}"
_STAGE_SYMBOLS: Final = {
    StageState.OK: "✓",
    StageState.SLOW: "◔",
    StageState.BROKEN: "✗",
    StageState.NOT_REACHED: NOTHING,
    StageState.NOT_TRIED: "○",
}
_QUIET_DETAILS: Final = frozenset({"targets", "controls", "resolvers"})
"""Details that are data of Atajo itself and would fill pages: the plan."""


def html_page(report: Report, language: str) -> str:
    """Return the report as one self-contained HTML page in ``language`` ("es" or "en").

    Nothing is taken out: hand in what ``diagnostics.report.redaction.redacted`` returns.  Raises ValueError for a language
    that Atajo does not speak.
    """
    with texts.speaking(language):
        return render_html(view_of(report))


def paper_view(report: Report) -> ReportView:
    """Return what the page on paper says: without the table of observations, which would fill hundreds of sheets."""
    view = view_of(report)
    tables = tuple(msgspec.structs.replace(table, rows=table.rows[:MOST_ON_PAPER]) for table in view.tables[:1])
    return msgspec.structs.replace(view, tables=tables)


def view_of(report: Report) -> ReportView:
    """Return what the page says, in the language that is spoken now."""
    shown = whole_verdicts(report)[:MOST_CARDS]
    tips, general = _placed(report, [verdict.target for verdict in shown])
    return ReportView(
        language=texts.language(),
        title=t("html.title", headline=wording.headline(report)),
        ribbon=t("workshop.ribbon") if report.run.simulated else "",
        headline=wording.headline(report),
        summary=wording.summary(report, own=None),  # the footer says it
        through=measured_through(report),
        sections=sections(report),
        cards=tuple(_card(verdict, report, tips.get(verdict.target, [])) for verdict in shown),
        advice_title=t("html.next"),
        advice=tuple(_advice(tip) for tip in general),
        advice_first=wording.failure(report) is not None,
        moment=(t("html.fact.started"), *_moment(report.run.started)),
        facts=_facts(report),
        technical=t("detail.technical"),
        tables=(_rules(report), _observations(report)),
        footer=t("html.footer"),
    )


def _placed(report: Report, targets: list[str]) -> tuple[dict[str, list[GivenTip]], list[GivenTip]]:
    """Return the tips by the first target that each helps, and those that help none of them: they are about the line."""
    by_target: dict[str, list[GivenTip]] = {}
    general: list[GivenTip] = []
    for tip in advice_of(report, fresh=False)[:MOST_TIPS]:
        target = next((each for each in targets if f"target:{each}" in tip.because), None)
        general.append(tip) if target is None else by_target.setdefault(target, []).append(tip)
    return by_target, general


def _card(verdict: Verdict, report: Report, tips: list[GivenTip]) -> CardView:
    symbol = SYMBOLS.get(verdict.status, ("?", "", ""))[0]
    functions = function_verdicts(report, verdict.target, verdict.route)
    tested = verdict.status is not Status.NOT_TESTED and not wording.masked(report)
    return CardView(
        name=wording.name_of(verdict.target, report),
        status=_known(verdict.status),
        symbol=symbol,
        word=wording.status_word(verdict.status),
        sentence=wording.card_sentence(verdict, report),
        means=wording.means(verdict, report) if tested else "",
        sure=wording.sure(verdict, report) if tested else "",
        stages=tuple(_stage(stage) for stage in stages(report, verdict.target, verdict.route)) if tested else (),
        functions=tuple(_function(f) for f in functions) if len(functions) > 1 and tested else (),
        functions_title=t("detail.functions"),
        ways=ways_of(verdict, report) if tested else (),
        folded=verdict.status is Status.WORKS,
        advice=tuple(_advice(tip) for tip in tips),
    )


def _known(status: Status) -> str:
    """Return a status's id for the look; one that a newer Atajo writes looks like unknown."""
    return str(status) if status in SYMBOLS else "unknown"


def _stage(stage: Stage) -> StageView:
    took = texts.seconds(stage.seconds) if stage.seconds is not None else ""
    note = took or t(f"html.stage.{stage.state}")
    return StageView(name=t(f"detail.stage.{stage.id}"), state=str(stage.state), symbol=_STAGE_SYMBOLS[stage.state], note=note)


def _function(verdict: Verdict) -> FunctionView:
    return FunctionView(
        name=wording.function_name(verdict.function or ""), status=_known(verdict.status), word=wording.status_word(verdict.status)
    )


def _advice(tip: GivenTip) -> AdviceView:
    first, *others = tip.platforms
    return AdviceView(
        title=tip.title,
        why=tip.why,
        steps=first.steps,
        risk=wording.risk_line(tip.risk),
        remarks=tuple(tip_remarks(tip)),
        proved=tip.proved,
        on=t("tips.on", device=first.name) if first.platform != ANY else "",
        others=tuple(StepsView(name=each.name, steps=each.steps) for each in others),
        source=source_line(tip.source, tip.dated),
        unverified="" if tip.verified else t("tips.unverified"),
    )


def _moment(started: str) -> tuple[str, str]:
    """Return when a run began as people write it, with its offset, and in ISO 8601; a stranger's text stays as it is."""
    try:
        moment = dt.datetime.fromisoformat(started)
    except ValueError:
        return started or NOTHING, ""
    offset = moment.strftime("%z")
    zone = "UTC" if offset in ("", "+0000") else f"UTC{offset[:3]}:{offset[3:5]}"
    month = t("when.months").split()[moment.month - 1]
    time = f"{moment.hour}:{moment.minute:02}"
    return t("html.moment", day=moment.day, month=month, year=moment.year, time=time, zone=zone), moment.isoformat()


def _facts(report: Report) -> tuple[tuple[str, str], ...]:
    facts = [
        (t("html.fact.seconds"), texts.seconds(report.run.seconds)),
        (t("html.fact.program"), f"Atajo {report.app.version}".strip()),
        (t("html.fact.system"), report.app.platform or NOTHING),
        (t("html.fact.code"), case_code(report) if report.run.id else NOTHING),
        (t("html.fact.id"), report.run.id or NOTHING),
    ]
    if report.run.simulated:
        facts.insert(0, (t("html.fact.simulated"), report.run.simulated))
    return tuple(facts)


def _rules(report: Report) -> TableView:
    head = tuple(t(f"html.column.{name}") for name in ("what", "status", "cause", "certainty", "rule", "evidence"))
    rows = [_rule("network", report.network)]
    rows += [_rule("/".join(p for p in (v.target, v.function, v.route) if p), v) for v in report.verdicts[:MOST_ROWS]]
    rows += [_rule(route.id, route) for route in report.routes[:MOST_ROWS]]
    rows += [_rule(f"vpn/{check.check}", check) for check in report.network.vpn.checks[:MOST_ROWS]]
    return TableView(title=t("inspect.rules"), head=head, rows=tuple(rows))


def _rule(what: str, verdict: Verdict | NetworkVerdict | RouteVerdict | VpnCheck) -> tuple[str, ...]:
    return what, str(verdict.status), str(verdict.cause or NOTHING), str(verdict.certainty), verdict.rule, " ".join(verdict.evidence[:40])


def _observations(report: Report) -> TableView:
    head = tuple(t(f"html.column.{name}") for name in ("id", "step", "target", "place", "start", "duration", "failure", "detail"))
    return TableView(title=t("inspect.observations"), head=head, rows=tuple(_observation(o) for o in report.observations[:MOST_ROWS]))


def _observation(o: Observation) -> tuple[str, ...]:
    place = " ".join(dict.fromkeys(part for part in (o.host, o.address) if part))
    detail = {key: value for key, value in o.detail.items() if key not in _QUIET_DETAILS and value not in (None, "", [], {})}
    written = json.dumps(detail, ensure_ascii=False, default=str, sort_keys=True)
    shown = written if len(written) <= MOST_DETAIL else f"{written[:MOST_DETAIL]}…"
    return o.id, str(o.step), o.target or "", place, f"{o.t:.3f}", f"{o.seconds:.3f}", o.failure or "ok", shown
