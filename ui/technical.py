"""The observations of one target as a table of plain text: the only place where the field's own terms appear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from app.texts import t
from app.wording import observations_of
from diagnostics.model import Observation, Report, Verdict

MAX_DETAIL: Final = 400
"""Longest detail of one observation that is shown, characters."""

_HIDDEN: Final = frozenset({"headers", "body_sha256"})


def technical_text(report: Report, target: str) -> str:
    """Return verdicts with their rules, then every observation of the target, one to a line and its detail below."""
    own = observations_of(report, target)
    return "\n".join([*_verdict_lines(report, target), "", *_lines(own)])


def _verdict_lines(report: Report, target: str) -> Iterable[str]:
    yield _verdict_line(t("detail.technical.line"), report.network.rule, report.network.evidence)
    for verdict in report.verdicts:
        if verdict.target == target:
            what = verdict.function or target
            yield f"{what}: {_what(verdict)}"
            yield _verdict_line(f"    {t('detail.technical.rule')}", verdict.rule, verdict.evidence)


def _what(verdict: Verdict) -> str:
    return " · ".join(str(part) for part in (verdict.status, verdict.cause, verdict.certainty) if part)


def _verdict_line(label: str, rule: str, evidence: Iterable[str]) -> str:
    return f"{label}: {rule or '-'}   {' '.join(evidence)}".rstrip()


def _lines(observations: Iterable[Observation]) -> Iterable[str]:
    for seen in observations:
        where = " ".join(part for part in (seen.host, seen.address) if part)
        outcome = seen.failure or "ok"
        yield f"{seen.id:>5}  {seen.t:7.3f}s  {seen.step!s:<5} {outcome:<28} {seen.seconds:7.3f}s  {where}"
        detail = {key: value for key, value in seen.detail.items() if key not in _HIDDEN and value not in (None, "", [], {})}
        if detail:
            text = msgspec.json.encode(detail, enc_hook=str).decode()
            yield f"       {text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + '…'}"
