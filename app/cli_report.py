"""``explain`` and ``export``: saved reports, which may be a stranger's."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

import msgspec

from app import cli, wording
from app.cli_files import STDOUT
from app.cli_save import Outputs, refused_in_full
from app.cli_summary import write_summary
from app.cli_ways import write_ways
from app.given_tips import chosen
from app.report_facts import whole_verdicts
from app.route_words import label, proxies_of
from app.seals import sealed_content, unsealed
from app.sentences import Judged
from app.terminal import Terminal
from app.texts import t
from app.vpn_words import check_title, checks_in_order
from diagnostics.errors import InputError
from diagnostics.judge import Judgement
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, Report, RouteVerdict, Status, Verdict
from diagnostics.report.archive import MAX_ARCHIVE
from diagnostics.report.bundle import read_bundle
from diagnostics.report.case_code import case_code
from diagnostics.report.contract import MAX_BYTES
from diagnostics.report.replay import Replay, replay
from diagnostics.report.sealed import is_sealed

MOST_EVIDENCE: Final = 12
"""Observations that are listed for one verdict, and differences of one report."""

MOST_WORDS: Final = 5
"""Unknown words that are named."""


def read_report(name: str, key_file: str | None = None) -> Report:
    """Return a saved report; ``-`` is standard input, ``key_file`` opens a sealed one.  Raises InputError for what is no report."""
    if name != STDOUT:
        closed = sealed_content(Path(name))
        return read_bundle(Path(name) if closed is None else unsealed(closed, name, key_file), name).report
    source = getattr(sys.stdin, "buffer", None)  # a windowed program, or one whose input was closed, has none
    try:
        content = source.read(max(MAX_BYTES, MAX_ARCHIVE) + 1) if source is not None else b""
    except OSError as error:  # a folder: `explain - < .`
        raise InputError("error.report_unreadable", file=t("cli.stdin"), reason=error.strerror or type(error).__name__) from error
    if is_sealed(content):
        content = unsealed(content, t("cli.stdin"), key_file)
    return read_bundle(content, t("cli.stdin")).report


def judged_again(report: Report, judgement: Judgement) -> Report:
    """Return the report with the result that follows from its observations; what it says itself may be anything."""
    judged = msgspec.structs.replace(
        report, network=judgement.network, routes=judgement.routes, verdicts=judgement.verdicts, workarounds=judgement.workarounds
    )
    return msgspec.structs.replace(judged, tips=chosen(judged))


def explain(options: argparse.Namespace, out: Terminal, err: Terminal) -> int:
    """Work a saved report's result out again from its observations and show it; first say where the saved one differs.

    Raises InputError for a file that is no report.
    """
    report = read_report(options.report, options.key)
    again = replay(report)
    _write_differences(report, again, out)
    now = judged_again(report, again.judgement)
    if report.run.id:
        out.line(t("report.code", code=case_code(report)))
    write_summary(now, out, own=False)
    write_ways(now, out)
    out.line()
    _write_reasons(now, out)
    if again.ways_differ:
        out.line(t("cli.explain.ways_differ"))
    if again.differences or again.ways_differ:
        return cli.NOT_ALL_WORK
    out.line(t("cli.explain.same"))
    return cli.OK


def unknown_words(report: Report) -> list[str]:
    """Return the statuses, causes and certainties of a report that this version does not know, each once."""
    found: list[str] = []
    said: list[Verdict | NetworkVerdict | RouteVerdict] = [report.network, *report.routes, *report.verdicts]
    for verdict in said:
        found += [verdict.status] if verdict.status not in list(Status) else []
        found += [verdict.cause] if verdict.cause is not None and verdict.cause not in list(Cause) else []
        found += [verdict.certainty] if verdict.certainty not in list(Certainty) else []
    return list(dict.fromkeys(str(word) for word in found))


def _write_differences(report: Report, again: Replay, out: Terminal) -> None:
    """Write what is wrong with the saved result, if anything is."""
    words = unknown_words(report)
    if words:
        more = "…" if len(words) > MOST_WORDS else ""
        out.line(t("cli.explain.unknown", words=", ".join(words[:MOST_WORDS]) + more), style="bold")
    if not again.differences:
        return
    out.line(t("cli.explain.differs", n=len(again.differences)), style="bold")
    for difference in again.differences[:MOST_EVIDENCE]:
        what = "/".join(part for part in (difference.target or t("cli.explain.line"), difference.function) if part)
        out.raw(f"  {what}: {t('cli.explain.saved')} {brief(difference.saved)}; {t('cli.explain.now')} {brief(difference.now)}")
    out.line()


def brief(verdict: Verdict | NetworkVerdict | None) -> str:
    """Return a verdict in our ids, for comparison."""
    if verdict is None:
        return "-"
    return f"{verdict.status} {verdict.cause or '-'} {verdict.certainty} [{verdict.rule}] {','.join(verdict.evidence[:MOST_EVIDENCE])}"


def _write_reasons(report: Report, out: Terminal) -> None:
    """Write the rule and the observations behind every verdict that is not simply well."""
    by_id = {observation.id: observation for observation in report.observations}
    out.line(t("cli.explain.rules"), style="bold")
    _write_reason(t("cli.explain.line"), report.network, by_id, out)
    for verdict in whole_verdicts(report):
        _write_reason(wording.name_of(verdict.target, report), verdict, by_id, out)
    for route in proxies_of(report):
        _write_reason(label(route.id, report), route, by_id, out)
    for check in checks_in_order(report.network.vpn):
        _write_reason(f"{t('vpn.title')}: {check_title(check)}", check, by_id, out)


def _write_reason(name: str, verdict: Judged, by_id: dict[str, Observation], out: Terminal) -> None:
    out.raw(f"  {name}: {verdict.status} {verdict.cause or '-'} {verdict.certainty} [{verdict.rule}]")
    for observation_id in verdict.evidence[:MOST_EVIDENCE]:
        observation = by_id.get(observation_id)
        if observation is not None:
            out.raw(f"    {observation}{_answers(observation)}")


def _answers(observation: Observation) -> str:
    answers = observation.detail.get("answers")
    resolver = observation.detail.get("resolver")
    if not isinstance(answers, list | tuple) or not isinstance(resolver, str):
        return ""
    return f" {resolver} → {', '.join(str(answer) for answer in answers[:4]) or '-'}"


def export(options: argparse.Namespace, out: Terminal, err: Terminal) -> int:
    """Write a saved report as a page or as a report without the person in it, with the result that follows from its data.

    Raises InputError for a file that is no report, or one that cannot be written.
    """
    outputs = Outputs(options)
    if not outputs:
        raise cli.UsageError("cli.error.missing", what="--html FILE")
    if refused_in_full(options, err):
        return cli.USAGE
    report = read_report(options.report, options.key)
    outputs.check()
    again = replay(report)
    _write_differences(report, again, err)
    for sentence in outputs.write(judged_again(report, again.judgement), out):
        err.line(sentence)
    return cli.NOT_ALL_WORK if again.differences else cli.OK
