"""``explain`` and ``export``: saved reports, which may be a stranger's."""

from __future__ import annotations

import argparse
from pathlib import Path

from app import cli, wording
from app.cli_files import Target
from app.cli_summary import write_summary
from app.report_facts import whole_verdicts
from app.terminal import Terminal
from app.texts import language, t
from diagnostics.model import NetworkVerdict, Observation, Report, Verdict
from diagnostics.report.contract import dump, load

MOST_EVIDENCE = 12
"""Observations that are listed for one verdict."""


def explain(options: argparse.Namespace, out: Terminal, err: Terminal) -> int:
    """Render a saved report, work its result out again from its observations, and say whether it is the same.

    Raises InputError for a file that is no report.
    """
    from diagnostics.report.replay import replay

    report = load(Path(options.report))
    again = replay(report)
    write_summary(report, out, own=False)
    out.line()
    _write_reasons(report, out)
    if not again.differences:
        out.line(t("cli.explain.same"))
        return cli.OK
    out.line(t("cli.explain.differs", n=len(again.differences)))
    for difference in again.differences[:MOST_EVIDENCE]:
        what = "/".join(part for part in (difference.target or t("cli.explain.line"), difference.function) if part)
        out.raw(f"  {what}: {t('cli.explain.saved')} {brief(difference.saved)}; {t('cli.explain.now')} {brief(difference.now)}")
    return cli.OK


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


def _write_reason(name: str, verdict: Verdict | NetworkVerdict, by_id: dict[str, Observation], out: Terminal) -> None:
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
    """Write a saved report as a page or as a report without the person in it.

    Raises InputError for a file that is no report, or one that cannot be written.
    """
    later = next((f"--{kind}" for kind in ("pdf", "ooni", "bundle") if getattr(options, kind)), None)
    if later:
        err.line(t("cli.not_yet", what=later))
        return cli.USAGE
    if not options.html and not options.json:
        raise cli.UsageError("cli.error.missing", what="--html FILE")
    if options.full and not options.with_my_addresses:
        err.line(t("cli.export.confirm", option="--with-my-addresses"))
        return cli.USAGE
    files = [(Target(name), as_page) for name, as_page in ((options.html, True), (options.json, False)) if name]
    report = load(Path(options.report))
    for file, _ in files:
        file.check()
    removed = 0
    if not options.full:
        from diagnostics.report.redaction import redacted

        clean = redacted(report)
        report, removed = clean.report, sum(clean.removed.values())
    for file, as_page in files:
        file.write(_page(report) if as_page else dump(report), out)
        if not file.is_stdout:
            err.line(t("cli.saved", file=file.name))
    if removed:
        err.line(t("cli.removed", n=removed))
    return cli.OK


def _page(report: Report) -> bytes:
    from app.report_view import html_page

    return html_page(report, language()).encode("utf-8", "replace")
