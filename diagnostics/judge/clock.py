"""This computer's clock against the Date headers of servers."""

from __future__ import annotations

import datetime as dt
import statistics
from typing import Final

from diagnostics.judge.evidence import Evidence, base_domain
from diagnostics.model import Observation

ENOUGH_OWNERS: Final = 2
SLACK: Final = 300.0
"""Seconds: a certificate counts as valid by the servers' time only this far within its dates."""


def dated(evidence: Evidence) -> list[Observation]:
    """Return the controls' pages that came with a date."""
    return [
        o
        for control in evidence.controls
        for o in evidence.http.get(control.host, ())
        if evidence.purpose(o) == "control" and isinstance(o.detail.get("date"), int | float)
    ]


def skew(evidence: Evidence) -> float | None:
    """Return this computer's clock minus the controls' Date headers in seconds: their median, which one liar cannot move far."""
    note = evidence.system.get("clock")
    now = note.detail.get("now") if note else None
    if note is None or not isinstance(now, int | float):
        return None
    skews = [now + (o.t + o.seconds - note.t) - float(o.detail["date"]) for o in dated(evidence)]
    return round(statistics.median(skews), 1) if skews else None


def sure_skew(evidence: Evidence) -> float | None:
    """Return the skew if servers of two owners are behind it."""
    owners = {base_domain(str(o.host)) for o in dated(evidence)}
    return skew(evidence) if len(owners) >= ENOUGH_OWNERS else None


def only_our_clock_refuses(evidence: Evidence, certificate: dict[str, object]) -> bool:
    """Tell whether a certificate that was refused for its dates is valid by the time of the servers, and not by this computer's."""
    note, off = evidence.system.get("clock"), sure_skew(evidence)
    now = note.detail.get("now") if note else None
    first, last = _moment(certificate.get("not_before")), _moment(certificate.get("not_after"))
    if off is None or first is None or last is None or not isinstance(now, int | float):
        return False
    return first + SLACK <= now - off <= last - SLACK and not first <= now <= last


def _moment(text: object) -> float | None:
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
