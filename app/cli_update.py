"""``update``: newer data, from its makers or from a file; or what is in use (``--status``)."""

from __future__ import annotations

import argparse
import datetime as dt
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from app import cli
from app.data_store import Active, DataStore, Origin
from app.data_update import Outcome, Update, kept_links, update_from_file
from app.data_words import as_of, day, notices, told
from app.terminal import Terminal
from app.texts import t
from diagnostics.updates.manifest import Refusal

if TYPE_CHECKING:
    import types
    from collections.abc import Sequence

    from diagnostics.routes.link import Link
    from diagnostics.updates.fetch import Road


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of ``update``."""
    group.add_argument("--file", metavar="FILE", help=t("cli.help.update_file"))
    group.add_argument("--proxy", metavar="LINK", action="append", default=[], help=t("cli.help.update_proxy"))
    group.add_argument("--status", action="store_true", help=t("cli.help.update_status"))


def use_newest(err: Terminal | None, *, shipped_only: bool = False) -> None:
    """Lay newer data over what ships, if some was taken before; say on ``err`` if it cannot be used."""
    active = DataStore(shipped_only=shipped_only).activate()
    if active.damaged and err is not None:
        err.line(t("data.damaged", date=day(active.day)))


def update(options: argparse.Namespace, out: Terminal, err: Terminal) -> int:
    """Do it and return the exit status: 0 done or nothing newer, 1 nothing was taken, 2 the file cannot be opened."""
    if options.status and (options.file is not None or options.proxy):
        raise cli.UsageError("cli.error.not_understood", what="--file" if options.file is not None else "--proxy")
    store, now = DataStore(), dt.datetime.now(dt.UTC)
    before = store.activate()
    if options.status:
        _status(before, out, now)
        return cli.OK
    links: list[Link] = []
    if options.file is not None:
        outcome = update_from_file(store, Path(options.file), now)
    else:
        from app.cli_proxy import links_of

        links = [link for given in options.proxy for link in links_of(given)]
        outcome = _fetched(store, links, err)
    names = {link.id: link.name for link in links}
    for sentence in told(outcome, before, now.astimezone().date(), names):
        (out if outcome.good else err).line(sentence)
    if outcome.stopped:
        return cli.CANCELLED
    if outcome.refusal is Refusal.UNREADABLE:
        return cli.USAGE
    return cli.OK if outcome.good else cli.NOT_ALL_WORK


def _status(active: Active, out: Terminal, now: dt.datetime) -> None:
    """Write what is in use."""
    out.line(as_of(active))
    out.line(t("cli.update.version", version=active.version))
    if active.origin is Origin.UPDATED and active.expires is not None:
        out.line(t("cli.update.updated", date=day(active.expires.date())))
    else:
        out.line(t("cli.update.shipped"))
    for sentence in notices(active, now):
        out.line(sentence)


def _fetched(store: DataStore, links: Sequence[Link], err: Terminal) -> Outcome:
    """Fetch over the network; Ctrl-C ends it, and nothing changes."""

    def tell(road: Road, proxy: str) -> None:
        err.line(t(f"data.trying.{road}", name=proxy))

    work = Update(store, lambda: [*links, *kept_links()], tell)

    def stop(_number: int, _frame: types.FrameType | None) -> None:
        work.stop()

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        return work.run()
    finally:
        for number, handler in before:
            signal.signal(number, handler)
