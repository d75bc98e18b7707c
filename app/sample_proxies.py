"""Proxies that are kept in memory: for pictures of the screens and for the window's tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from app import samples
from app.proxy_shelf import is_near, row_of
from app.proxy_store import Kept
from app.texts import t
from diagnostics.model import Cause, Certainty, Observation, Report, RouteVerdict, Status, Step, Verdict
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import Link
from diagnostics.routes.paste import read_links
from ui.proxy_backend import FoundRow, ProxiesRead, ProxyRow

LINKS: Final = (
    "socks5h://104.200.0.7:1080#oficina",
    "http://ana:una-clave@proxy.example:3128",
    "trojan://otra-clave@104.200.0.9:443#primo",
)
"""Three proxies: one through which X opens, one that refuses its login, one that is slow."""

FOUND: Final = FoundRow(label="Tor Browser", sentence="SOCKS5, 9150.", link="socks5h://127.0.0.1:9150#Tor%20Browser")


def compared() -> Report:
    """Return the report of the common case, measured over the three proxies as well."""
    base = samples.x_blocked()
    office, refused, slow = (parse_link(link) for link in LINKS)
    steps = _Steps(len(base.observations))
    for link, seconds in ((office, 0.3), (slow, 4.2)):
        steps.way(link, seconds)
    steps.add(refused, Step.PROXY, 0.1, "proxy_authentication_failed", {"stage": "open", "purpose": "control", "status": 407})
    verdicts = [
        Verdict(target=target, route=link.id, status=status, certainty=Certainty.CERTAIN, rule="target.all_functions")
        for link in (office, slow)
        for target, status in (("x", Status.WORKS), ("whatsapp", Status.WORKS if link is office else Status.DOWN))
    ]
    routes = (
        *base.routes,
        _route(office, Status.WORKS, None, "route.works"),
        _route(refused, Status.DOWN, Cause.PROXY_AUTH, "route.login_refused"),
        _route(slow, Status.SLOW, None, "route.far_below_direct"),
    )
    everything = (*base.observations, *steps.made)
    return msgspec.structs.replace(base, routes=routes, verdicts=(*base.verdicts, *verdicts), observations=everything)


def _route(link: Link, status: Status, cause: Cause | None, rule: str) -> RouteVerdict:
    return RouteVerdict(id=link.id, kind=str(link.kind), status=status, cause=cause, certainty=Certainty.CERTAIN, rule=rule)


class _Steps:
    """Makes up what was measured over proxies."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.made: list[Observation] = []

    def add(self, link: Link, step: Step, seconds: float, failure: str | None, detail: dict[str, Any], target: str | None = None) -> None:
        self._number += 1
        host = "x.com" if target else None
        made = Observation(
            id=f"o{self._number}", step=step, target=target, host=host, route=link.id, seconds=seconds, failure=failure, detail=detail
        )
        self.made.append(made)

    def way(self, link: Link, seconds: float) -> None:
        """Make up a way over which X opens."""
        self.add(link, Step.PROXY, seconds / 4, None, {"stage": "connect", "tries": 1})
        self.add(link, Step.PROXY, seconds / 4, None, {"stage": "open", "port": 443}, "x")
        self.add(link, Step.TLS, seconds / 4, None, {"port": 443, "server_name": "x.com"}, "x")
        page = {
            "port": 443,
            "url": "https://x.com/",
            "status": 200,
            "complete": True,
            "head_seconds": seconds / 8,
            "body_seconds": seconds / 8,
        }
        self.add(link, Step.HTTP, seconds / 4, None, page, "x")
        self.add(link, Step.PROXY, 0.2, None, {"stage": "udp", "answered": False})


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
        return ProxiesRead(added=tuple(added), near=nearby, unread=len(notes), notes=notes)

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
