"""Proxies that are kept in memory: for pictures of the screens and for the window's tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from app.proxy_shelf import is_near, row_of
from app.proxy_store import Kept
from app.texts import t
from diagnostics.routes.link import Link
from diagnostics.routes.paste import read_links
from ui.proxy_backend import FoundRow, ProxiesRead, ProxyRow


class SampleProxies:
    """A :class:`ui.proxy_backend.Proxies` without files."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.kept: dict[str, Kept] = {}
        self.links: dict[str, Link] = {}
        self.found: list[FoundRow] = []
        self.removed: list[str] = []

    def add(self, text: str, *, near: bool = False) -> ProxiesRead:
        """Keep every proxy in a text."""
        pasted = read_links(text)
        added: list[ProxyRow] = []
        for link in pasted.links:
            if link.id not in self.kept and (near or not is_near(link)):
                self.kept[link.id] = Kept(id=link.id, name=link.name, kind=link.kind, route=link.id)
                self.links[link.id] = link
                added.append(row_of(self.kept[link.id]))
        notes = tuple(t("proxies.unread", n=piece.number, reason=t(piece.text, **piece.values)) for piece in pasted.unread)
        nearby = 0 if near else sum(is_near(link) for link in pasted.links)
        return ProxiesRead(added=tuple(added), near=nearby, notes=notes)

    def all(self) -> Sequence[ProxyRow]:
        """Return what is kept."""
        return [row_of(kept) for kept in self.kept.values()]

    def read(self, source: Path | str, done: Callable[[ProxiesRead], None], *, near: bool = False) -> None:
        """Keep what a text or a text file holds, at once."""
        done(self.add(source.read_text(encoding="utf-8") if isinstance(source, Path) else source, near=near))

    def rename(self, ident: str, name: str, done: Callable[[str], None]) -> None:
        """Call a proxy something else, at once."""
        self.kept[ident] = msgspec.structs.replace(self.kept[ident], name=name)
        done("")

    def remove(self, ident: str, done: Callable[[str], None]) -> None:
        """Forget a proxy, at once."""
        self.kept.pop(ident, None)
        self.removed.append(ident)
        done("")

    def find(self, done: Callable[[Sequence[FoundRow]], None]) -> None:
        """Find what was laid out."""
        done(self.found)
