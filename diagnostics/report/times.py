"""The time of day in a report, to the hour: all that is written of it moves by the same whole seconds.

A report holds the time more than once: when the run began, this computer's clock, the ``Date`` of every server, a certificate made a
moment ago by somebody on the way.  Were each of them rounded, their differences would be gone, and with them the verdicts about a
wrong clock; moved together they still say the same.  Only what lies near one of the run's own moments moves: a certificate's years,
a program's date stay as they are.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

HOUR: Final = 3600
DAY: Final = 24 * HOUR
NEAR_DAYS: Final = 2
"""Days around a moment of the run in which what is written is taken for one of its moments: all time zones, and a page's "yesterday"."""

_EPOCH: Final = 1_000_000_000.0
"""Seconds: 2001; no run is older, and no smaller number is taken for a moment."""

_ISO: Final = re.compile(r"\b(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(?!\d)(Z|[+-]\d\d:?\d\d)?")
_MAIL: Final = re.compile(r"\b(?:[A-Za-z]{3,9}, )?\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d(?: (?:GMT|UTC|[+-]\d{4}))?")
_C: Final = re.compile(r"\b(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d)(?: [A-Z]{3,4})? (\d{4})\b")
_NUMBER: Final = re.compile(r"(?<![\w.])(\d{10})(\d{3}|\d{6}|\d{9})?(?![\w])")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class TimeShift:
    """Moves the moments of one document so that its run begins on the hour."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read when the run was."""
        anchors = list(_anchors(document))
        start = anchors[0] if anchors else 0.0
        self._by = int(start // HOUR * HOUR) - int(start // 1)
        self._days = {int(anchor // DAY) + near for anchor in anchors for near in range(-NEAR_DAYS, NEAR_DAYS + 1)}

        self.begin = dt.datetime.fromtimestamp(start // HOUR * HOUR, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if anchors else ""
        """When the run began, on the hour: what the list of removals shows."""

    @property
    def moves(self) -> bool:
        """Tell whether anything is to be moved."""
        return self._by != 0

    def number(self, value: float) -> float:
        """Return a number of seconds or milliseconds since 1970 moved, any other number as it is."""
        if value < _EPOCH:
            return value
        for unit in (1, 1_000, 1_000_000, 1_000_000_000):
            if self._is_near(value / unit):
                return value + self._by * unit
        return value

    def text(self, text: str) -> str:
        """Return a text with the moments in it moved."""
        if not any(character.isdigit() for character in text):
            return text
        text = _ISO.sub(self._iso, text)
        text = _MAIL.sub(self._mail, text)
        text = _C.sub(self._c, text)
        return _NUMBER.sub(self._digits, text)

    @staticmethod
    def start(started: str) -> str:
        """Return when the run began without the fraction of a second that whole seconds leave."""
        return re.sub(r"(:\d\d)[.,]\d+", r"\1", started)

    def _is_near(self, moment: float) -> bool:
        return moment > _EPOCH and moment // DAY in self._days

    def _moved(self, moment: dt.datetime) -> dt.datetime | None:
        aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return moment + dt.timedelta(seconds=self._by) if self._is_near(aware.timestamp()) else None

    def _iso(self, found: re.Match[str]) -> str:
        try:
            moment = dt.datetime.fromisoformat(f"{found[1]}T{found[3].replace(',', '.')}{found[4] or ''}")
            moved = self._moved(moment if found[3].count(":") > 1 else moment.replace(second=int(-self._by % 60)))
        except (ValueError, OverflowError):
            return found[0]
        if moved is None:
            return found[0]
        fraction = re.search(r"[.,]\d+$", found[3])
        clock = moved.strftime("%H:%M:%S" if found[3].count(":") > 1 else "%H:%M") + (fraction[0] if fraction else "")
        return f"{moved:%Y-%m-%d}{found[2]}{clock}{found[4] or ''}"

    def _mail(self, found: re.Match[str]) -> str:
        try:
            moment = email.utils.parsedate_to_datetime(found[0].replace("-", " ") if "-" in found[0][:14] else found[0])
            moved = self._moved(moment)
        except (ValueError, OverflowError):
            return found[0]
        return found[0] if moved is None else _written(moved, as_gmt=found[0].endswith("GMT"))

    def _c(self, found: re.Match[str]) -> str:
        try:
            clock = dt.time.fromisoformat(found[3])
            moment = dt.datetime.combine(dt.date(int(found[4]), _MONTHS.index(found[1]) + 1, int(found[2])), clock)
            moved = self._moved(moment)
        except (ValueError, OverflowError):
            return found[0]
        return found[0] if moved is None else f"{_MONTHS[moved.month - 1]} {moved.day:2d} {moved:%H:%M:%S} {moved.year}"

    def _digits(self, found: re.Match[str]) -> str:
        return f"{int(found[1]) + self._by}{found[2] or ''}" if self._is_near(int(found[1])) else found[0]


def _written(moment: dt.datetime, *, as_gmt: bool) -> str:
    return email.utils.format_datetime(moment.replace(tzinfo=dt.UTC) if as_gmt else moment, usegmt=as_gmt)


def _anchors(document: Mapping[str, Any]) -> Iterator[float]:
    """Yield the run's own moments: its start, this computer's clock, the servers' dates."""
    started = document["run"]["started"]
    try:
        moment = dt.datetime.fromisoformat(started)
        yield (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        pass  # a report of tests, or a stranger's
    for observation in document["observations"]:
        detail = observation["detail"]
        for key in ("now", "date"):
            value = detail.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool) and _EPOCH < value < _EPOCH * 10:
                yield float(value)
