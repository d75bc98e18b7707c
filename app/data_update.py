"""Newer data, on request only: from a file, or from its makers over the first way that works; told as one outcome.

Nothing here begins by itself.  An update that fails changes nothing: the outcome says why, and what was in use stays in use.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.data_store import Active, DataStore, read_file
from diagnostics.errors import InputError
from diagnostics.updates.manifest import Refusal, RefusedError

if TYPE_CHECKING:
    import asyncio

    from diagnostics.network import Network
    from diagnostics.routes.link import Link
    from diagnostics.updates.fetch import Fetched, Road

Tell = Callable[["Road", str], None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an update ended.  ``taken`` is what will be in use from the next start on, or None with the reason in ``refusal``.

    ``offered`` and ``expires`` are the days of the bundle that was refused, where its signature was good.
    """

    taken: Active | None = None
    refusal: Refusal | None = None
    offered: dt.date | None = None
    expires: dt.date | None = None
    road: str = ""
    proxy: str = ""
    stopped: bool = False

    @property
    def good(self) -> bool:
        """Tell whether the newest data that could be had is in use, or will be."""
        return self.taken is not None or self.refusal is Refusal.SAME


def update_from_file(store: DataStore, path: Path, now: dt.datetime) -> Outcome:
    """Take the bundle in a file."""
    try:
        bundle = read_file(path, store.pinned, store.check(now))
        return Outcome(taken=store.install(bundle, now))
    except RefusedError as refused:
        return _refused(refused)
    except (OSError, ValueError):  # ValueError: a name with a zero byte in it
        return Outcome(refusal=Refusal.UNREADABLE)


async def update_over(
    store: DataStore, network: Network, links: Sequence[Link], now: dt.datetime, tell: Tell = lambda _road, _proxy: None
) -> Outcome:
    """Fetch the newest bundle and take it."""
    from diagnostics.catalog import load_catalog
    from diagnostics.daemon import daemon_call
    from diagnostics.updates.fetch import Fetcher

    try:
        check = store.check(now)
        fetched: Fetched = await Fetcher(network, load_catalog(), store.pinned, check, links).fetch(tell)
        taken = await daemon_call(store.install, fetched.bundle, now)
    except RefusedError as refused:
        return _refused(refused)
    return Outcome(taken=taken, road=str(fetched.road), proxy=fetched.proxy)


class Update:
    """One update over the network, run in whatever thread calls :meth:`run`; :meth:`stop` may be called from any other."""

    def __init__(self, store: DataStore, links: Callable[[], Sequence[Link]], tell: Tell = lambda _road, _proxy: None) -> None:
        """Prepare; ``links`` reads the person's proxies when they are needed, and ``tell`` hears which way is tried."""
        self._store = store
        self._links = links
        self._tell = tell
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Outcome] | None = None
        self._stopped = threading.Event()

    def run(self) -> Outcome:
        """Do it, and return how it ended.  Raises InputError when our own data is damaged."""
        import asyncio

        if self._stopped.is_set():
            return Outcome(stopped=True)
        try:
            return asyncio.run(self._update())
        except asyncio.CancelledError:
            if not self._stopped.is_set():
                raise
            return Outcome(stopped=True)

    def stop(self) -> None:
        """End it soon; nothing changes then, unless the new data was in place already."""
        with self._lock:
            self._stopped.set()
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _update(self) -> Outcome:
        import asyncio

        from diagnostics.daemon import daemon_call
        from diagnostics.network import RealNetwork
        from diagnostics.trust import Trust

        with self._lock:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            if self._stopped.is_set():
                return Outcome(stopped=True)
        try:
            links = await daemon_call(self._links)
            return await update_over(self._store, RealNetwork(Trust()), links, dt.datetime.now(dt.UTC), self._tell)
        finally:
            with self._lock:
                self._loop = self._task = None


def kept_links() -> list[Link]:
    """Return the person's proxies in the order of their list; one whose secret cannot be read is left out."""
    from app.proxy_store import ProxyStore

    store, links = ProxyStore(), []
    for kept in store.all():
        try:
            links.append(store.link(kept.id))
        except InputError:
            continue
    return links


def _refused(refused: RefusedError) -> Outcome:
    from diagnostics.updates.manifest import day_of

    manifest = refused.manifest
    if manifest is None:
        return Outcome(refusal=refused.why)
    return Outcome(refusal=refused.why, offered=day_of(manifest.version), expires=manifest.expires.astimezone(dt.UTC).date())
