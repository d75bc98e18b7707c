"""What the window asks about the person's own proxies; the real thing is ``app/proxy_shelf.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec


class ProxyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy that is kept.  ``label`` is how it is called, ``kind`` what it speaks, ``route`` how reports call it; no secret."""

    id: str
    label: str
    name: str
    kind: str
    route: str


class ProxiesRead(msgspec.Struct, frozen=True, kw_only=True):
    """What a pasted text or picture held.

    ``near`` counts those at addresses of this computer or network, which are kept only when the person says so: then the same text is
    read again.  ``unread`` counts the pieces that were not understood; ``notes`` are sentences about them.
    """

    added: tuple[ProxyRow, ...] = ()
    near: int = 0
    unread: int = 0
    notes: tuple[str, ...] = ()


class FoundRow(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy of this computer: what it is called, a sentence about it, and the link by which it is kept ("" for a mere remark)."""

    label: str
    sentence: str
    link: str = ""


class Proxies(Protocol):
    """The person's proxies.  Everything is called from the window's thread and returns at once."""

    def all(self) -> Sequence[ProxyRow]:
        """Return what is kept, in the order in which it was added."""
        ...

    def read(self, source: Path | str, done: Callable[[ProxiesRead], None], *, near: bool = False) -> None:
        """Keep every proxy in a text, or in a picture with a code, and call ``done`` later; ``near``: those nearby, too."""
        ...

    def rename(self, ident: str, name: str, done: Callable[[str], None]) -> None:
        """Call a proxy ``name`` and call ``done`` with the sentence of an error, or nothing."""
        ...

    def remove(self, ident: str, done: Callable[[str], None]) -> None:
        """Forget a proxy and its secrets, and call ``done`` with the sentence of an error, or nothing."""
        ...

    def find(self, done: Callable[[Sequence[FoundRow]], None]) -> None:
        """Look for proxies on this computer, in its settings and behind its ports, and call ``done`` later."""
        ...
