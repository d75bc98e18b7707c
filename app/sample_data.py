"""A stand-in for the data in use, for pictures and tests of the window: no file, no network."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from app.data_store import Active, Origin
from app.data_update import Outcome
from app.data_words import as_of, contacted, notices, told
from app.texts import t
from diagnostics.updates.manifest import Refusal
from ui.data_backend import DataFacts, Ended, Told

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
HOST = "datos.example"


def _data(day: dt.date, origin: Origin) -> Active:
    return Active(version=int(f"{day:%Y%m%d}00"), day=day, origin=origin, expires=NOW + dt.timedelta(days=90))


class SampleData:
    """A :class:`ui.data_backend.Data` that ends when it is told to (:meth:`end`)."""

    def __init__(self) -> None:
        """Know young data, and a place to ask for newer."""
        self.old = False
        self.can_fetch = self.can_take = True
        self.fetched = 0
        self.stopped = 0
        self.files: list[Path] = []
        self._ended: Ended | None = None

    @property
    def active(self) -> Active:
        """Return the data in use."""
        return _data(dt.date(2026, 3, 1) if self.old else dt.date(2026, 11, 20), Origin.SHIPPED)

    def facts(self) -> DataFacts:
        """Return what is said of it."""
        contacts = (contacted([HOST]), t("data.ways")) if self.can_fetch else (t(f"data.refused.{Refusal.NO_KEY.value}"),)
        return DataFacts(
            as_of=as_of(self.active),
            notices=tuple(notices(self.active, NOW)),
            contacts=contacts,
            can_fetch=self.can_fetch,
            can_take=self.can_take,
        )

    def fetch(self, told: Told, ended: Ended) -> None:
        """Begin, and tell of one way."""
        self.fetched += 1
        self._ended = ended
        told(t("data.trying.encrypted_names"))

    def take(self, file: Path, ended: Ended) -> None:
        """Remember the file."""
        self.files.append(file)
        self._ended = ended

    def stop(self) -> None:
        """Count, and end."""
        self.stopped += 1
        self.end(Outcome(stopped=True))

    def end(self, outcome: Outcome | None = None) -> None:
        """End what is under way, by default well."""
        ended, self._ended = self._ended, None
        end = outcome or Outcome(taken=_data(dt.date(2026, 11, 25), Origin.UPDATED), road="encrypted_names")
        if ended is not None:
            ended(told(end, self.active, NOW.date()), end.good)
