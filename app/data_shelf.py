"""The data in use as the window sees it (``ui/data_backend.py``)."""

from __future__ import annotations

import datetime as dt
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

from app.data_store import DataStore
from app.data_words import as_of, contacted, notices, told
from app.proxy_shelf import Works
from app.proxy_store import ProxyStore
from app.route_words import unnamed
from app.texts import t
from diagnostics.errors import InputError
from diagnostics.updates.manifest import Refusal
from ui.data_backend import DataFacts, Ended, Told

if TYPE_CHECKING:
    from app.data_update import Outcome, Update

log = logging.getLogger("atajo.data")


class DataShelf(QObject):
    """The real :class:`ui.data_backend.Data`."""

    _trying = Signal(str, str)

    def __init__(self, worker: Works, store: DataStore, *, simulated: bool = False) -> None:
        """Keep newer data in ``store``; what takes a while goes to ``worker``.  A ``simulated`` network fetches nothing."""
        super().__init__()
        self._worker = worker
        self._store = store
        self._simulated = simulated
        self._update: Update | None = None
        self._told: Told = lambda _sentence: None
        self._trying.connect(self._say_road, Qt.ConnectionType.QueuedConnection)

    def facts(self) -> DataFacts:
        """Return what is said of the data in use."""
        active, pinned = self._store.activate(), self._store.pinned
        can_fetch = bool(pinned.keys and pinned.sources) and not self._simulated
        if not pinned.keys:
            contacts = [t(f"data.refused.{Refusal.NO_KEY.value}")]
        elif self._simulated:
            contacts = [t("data.simulated")]
        else:
            contacts = [contacted([source.host for source in pinned.sources])]
            if can_fetch and self._names():
                contacts.append(t("data.ways"))
        return DataFacts(
            as_of=as_of(active),
            notices=tuple(notices(active, dt.datetime.now(dt.UTC))),
            contacts=tuple(contacts),
            can_fetch=can_fetch,
            can_take=bool(pinned.keys),
        )

    def fetch(self, told: Told, ended: Ended) -> None:
        """Look for newer data; a search that is under way goes on instead."""
        if self._update is not None or self._simulated:
            return
        from app.data_update import Update, kept_links

        self._told = told
        self._update = Update(self._store, kept_links, lambda road, proxy: self._trying.emit(str(road), proxy))
        self._worker.work(self._update.run, partial(self._finished, ended))

    def take(self, file: Path, ended: Ended) -> None:
        """Take newer data from a file."""
        self._worker.work(partial(_taken, self._store, file), partial(self._finished, ended))

    def stop(self) -> None:
        """End the search."""
        if self._update is not None:
            self._update.stop()

    def _finished(self, ended: Ended, result: object, error: BaseException | None) -> None:
        from app.data_update import Outcome

        self._update = None
        if isinstance(error, InputError):
            ended([t(error.text, **error.values)], False)
            return
        if error is not None:
            log.warning("an update ended with %s", type(error).__name__)
        outcome = result if isinstance(result, Outcome) else Outcome(refusal=Refusal.NOT_REACHED)
        today = dt.datetime.now().astimezone().date()
        ended(told(outcome, self._store.activate(), today, self._names()), outcome.good)

    def _say_road(self, road: str, proxy: str) -> None:
        self._told(t(f"data.trying.{road}", name=self._names().get(proxy, proxy)))

    @staticmethod
    def _names() -> dict[str, str]:
        """Return how each kept proxy is called, by its id in reports."""
        return {kept.route: kept.name or unnamed(kept.kind, kept.route) for kept in ProxyStore().all()}


def _taken(store: DataStore, file: Path) -> Outcome:
    from app.data_update import update_from_file

    return update_from_file(store, file, dt.datetime.now(dt.UTC))
