"""The person's proxies as the window sees them (``ui/proxy_backend.py``): kept, read from texts, found on this computer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from app.proxy_store import Kept, ProxyStore
from app.route_words import kind_title, unnamed
from app.texts import language, t
from diagnostics.bogons import is_address, is_bogon
from diagnostics.errors import InputError
from diagnostics.routes.grammar import format_link
from diagnostics.routes.link import Link
from ui.proxy_backend import FoundRow, ProxiesRead, ProxyRow

if TYPE_CHECKING:
    from diagnostics.network import Network
    from diagnostics.routes.local import Found
    from diagnostics.routes.paste import Pasted
    from diagnostics.routes.system_proxy import Setting

log = logging.getLogger("atajo.shelf")

MOST_NOTES: Final = 4
"""Sentences about lines that were not understood; more only say how many."""

PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp"})
NEARBY_NAMES: Final = (".local", ".localdomain", ".lan", ".home", ".internal")


class Works(Protocol):
    """Does a job away from the window."""

    def work(self, job: Callable[[], object], done: Callable[[object, BaseException | None], None]) -> None:
        """Run ``job`` and call ``done(result, error)`` in the window's thread."""


class ProxyShelf:
    """The real :class:`ui.proxy_backend.Proxies`."""

    def __init__(self, worker: Works, store: ProxyStore | None = None) -> None:
        """Keep proxies in ``store``; jobs that may take a while go to ``worker``."""
        self._worker = worker
        self._store = store or ProxyStore()

    def all(self) -> Sequence[ProxyRow]:
        """Return what is kept."""
        return [row_of(kept) for kept in self._store.all()]

    def links(self, idents: Sequence[str]) -> list[Link]:
        """Return kept proxies with their secrets; not for the window's thread.  Raises InputError."""
        return [self._store.link(ident) for ident in idents]

    def read(self, source: Path | str, done: Callable[[ProxiesRead], None], *, near: bool = False) -> None:
        """Keep what a text or a picture holds."""

        def finished(result: object, error: BaseException | None) -> None:
            if isinstance(result, ProxiesRead):
                done(result)
            else:
                done(ProxiesRead(notes=(_sentence(error),)))

        self._worker.work(lambda: self._read(source, near=near), finished)

    def rename(self, ident: str, name: str, done: Callable[[str], None]) -> None:
        """Call a proxy something else."""
        self._worker.work(lambda: self._store.rename(ident, name), partial(_told, done))

    def remove(self, ident: str, done: Callable[[str], None]) -> None:
        """Forget a proxy."""
        self._worker.work(lambda: self._store.remove(ident), partial(_told, done))

    def find(self, done: Callable[[Sequence[FoundRow]], None]) -> None:
        """Look around on this computer."""
        self._worker.work(find_on_this_computer, lambda result, _error: done(result if isinstance(result, list) else []))

    def _read(self, source: Path | str, *, near: bool) -> ProxiesRead:
        pasted = _pasted(source)
        nearby = [link for link in pasted.links if is_near(link)]
        wanted = [link for link in pasted.links if near or link not in nearby]
        before = {kept.id for kept in self._store.all()}
        kept = [self._store.add(link) for link in wanted]
        notes = [t("proxies.unread", n=piece.number, reason=t(piece.text, **piece.values)) for piece in pasted.unread[:MOST_NOTES]]
        if len(pasted.unread) > MOST_NOTES:
            notes.append(t("proxies.unread.more", n=len(pasted.unread) - MOST_NOTES))
        if any(link.insecure for link in wanted):
            notes.append(t("proxies.insecure"))
        if pasted.cut:
            notes.append(t("proxies.cut"))
        again = sum(each.id in before for each in kept) + pasted.duplicates
        if again:
            notes.append(t("proxies.again", n=again))
        if not pasted.links and not notes:
            notes.append(t("link.empty"))
        added = {each.id: row_of(each) for each in kept if each.id not in before}
        return ProxiesRead(added=tuple(added.values()), near=0 if near else len(nearby), unread=len(pasted.unread), notes=tuple(notes))


def row_of(kept: Kept) -> ProxyRow:
    """Return a kept proxy as a row."""
    label = t("proxy.named", name=kept.name) if kept.name else unnamed(kept.kind, kept.route)
    return ProxyRow(id=kept.id, label=label, name=kept.name, kind=kind_title(kept.kind), route=kept.route)


def is_near(link: Link) -> bool:
    """Tell whether a proxy lives on this computer or in its own network, as far as its link tells."""
    host = link.host.lower()
    if is_address(host):
        return is_bogon(host)
    return "." not in host or host.endswith(NEARBY_NAMES)


def _pasted(source: Path | str) -> Pasted:
    """Return what a text, a text file, or the codes in a picture hold.  Raises InputError."""
    from diagnostics.routes.paste import read_links

    if isinstance(source, str):
        return read_links(source)
    if source.suffix.lower() in PICTURES:
        from app.pictures import read_picture

        return read_picture(source)
    from app.site_notes import content_of

    return read_links(content_of(str(source)).decode("utf-8", "replace"))


def _told(done: Callable[[str], None], _result: object, error: BaseException | None) -> None:
    done(_sentence(error) if error is not None else "")


def _sentence(error: BaseException | None) -> str:
    """Return what is said of an error; a defect of ours is logged by its kind alone, since its message may repeat a secret."""
    if isinstance(error, InputError):
        return t(error.text, **error.values)
    log.warning("proxies: %s", type(error).__name__)
    return t("proxies.failed")


def find_on_this_computer() -> list[FoundRow]:
    """Return the proxies that this computer's settings name, and those that programs on it offer and that answer now."""
    return asyncio.run(_look_around())


async def _look_around() -> list[FoundRow]:
    from diagnostics.network import RealNetwork
    from diagnostics.routes.local import find_local
    from diagnostics.trust import Trust

    network = RealNetwork(Trust())
    settings, programs = await network.system_proxies(), await find_local(network)
    rows = [row for setting in settings.settings for row in await _setting_rows(network, setting)]
    if settings.contradictory:
        rows.append(FoundRow(label=t("proxies.found.mixed.title"), sentence=t("proxies.found.mixed")))
    return [*rows, *(_program_row(found) for found in programs)]


async def _setting_rows(network: Network, setting: Setting) -> list[FoundRow]:
    """Return what one source of settings says; a script is asked which way it sends the usual services."""
    label = t(f"proxy.source.{setting.source}")
    link = setting.link_for("https")
    if link is not None:
        place = _place(link)
        return [FoundRow(label=label, sentence=t("proxies.found.setting", place=place), link=format_link(link))]
    if setting.pac:
        return [FoundRow(label=label, sentence=await _script_sentence(network, setting.pac.reveal()))]
    return [FoundRow(label=label, sentence=t("proxies.found.script"))] if setting.detect else []


async def _script_sentence(network: Network, address: str) -> str:
    from app.pac import ScriptWorkers
    from diagnostics.catalog import load_catalog
    from diagnostics.plan import DEFAULT_TARGETS
    from diagnostics.routes.pac import ask_script

    services = [service for service in load_catalog().services.values() if service.id in DEFAULT_TARGETS]
    pages = {f"https://{service.functions[0].endpoints[0].host}/": service for service in services}
    found = await ask_script(network, address, list(pages), ScriptWorkers())
    if found.failure:
        return t(found.failure)
    ways = []
    for page, service in pages.items():
        first = next(iter(found.ways.get(page) or ()), None)
        name = service.name.get(language()) or service.id
        ways.append(t("proxies.found.way", name=name, way=t("route.direct") if first is None else _place(first)))
    return t("proxies.found.ways", ways=" ".join(ways))


def _place(link: Link) -> str:
    return t("proxies.found.at", kind=kind_title(link.kind), host=link.host, port=link.port)


def _program_row(found: Found) -> FoundRow:
    name = found.name or t("proxies.found.unknown")
    sentence = t("proxies.found.login" if found.login else "proxies.found.sure" if found.sure else "proxies.found.maybe")
    place = t("proxies.found.place", kind=kind_title(found.link.kind), port=found.link.port)
    label = name if found.named else t("proxy.found.by_port", name=name)
    return FoundRow(label=label, sentence=f"{place} {sentence}", link=format_link(found.link))
