"""One proxy, tested to the end: to it, into it, and through it to the services.

Steps of a ``proxy`` observation (detail ``stage``): ``key`` (the page that holds the account was fetched), ``name`` (the proxy's name
was looked up), and those of ``diagnostics/probes/way.py``.  They carry the route's id and never the proxy's name or address: both
belong to the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.bogons import is_address
from diagnostics.model import Control
from diagnostics.probes.context import Context
from diagnostics.probes.key_page import read_key_page
from diagnostics.probes.proxy_name import find_proxy
from diagnostics.probes.speech import Speech
from diagnostics.probes.through import Through
from diagnostics.probes.way import Opened, Way
from diagnostics.routes.dial import KEYED, NAMES_HERE, why_not
from diagnostics.routes.link import Kind, Link

CARRIES_ONIONS: Final = frozenset({Kind.SOCKS4A, Kind.SOCKS5H})
"""Kinds by which Tor is asked, with names: no other proxy may learn of one that only exists inside Tor."""


class RouteProbe(Through):
    """The measurements of one proxy in one run."""

    def __init__(self, context: Context, link: Link) -> None:
        """Measure ``link`` as part of the run of ``context``; times and waits are learnt for this route alone."""
        over = context.over(link.id)
        super().__init__(over)
        self._direct = context
        self._way = Way(over, link)
        self._context.trace.note(
            "route", id=link.id, proxy=str(link.kind), why_not=why_not(link), names_here=link.kind in NAMES_HERE, insecure=link.insecure
        )

    @property
    def carries_onions(self) -> bool:
        """Tell whether this proxy is spoken to as Tor is, with names."""
        return self._way.kind in CARRIES_ONIONS

    async def begin(self) -> bool:
        """Look the proxy's name up and find out what it speaks; False if it cannot be used at all."""
        link = self._way.link
        if why_not(link):
            return False
        if link.kind is Kind.OUTLINE:
            account = await read_key_page(self._context, link)
            if account is None:
                return False
            self._way = Way(self._context, account)
        if not await self._look_up():
            return False
        if self._way.kind is Kind.AUTO:
            return await self._guess()
        return True

    async def _look_up(self) -> bool:
        link = self._way.nearest
        if is_address(link.host):
            self._way.addresses = [link.host]
            return True
        self._way.addresses = await find_proxy(self._direct, self._context, link.host, str(link.kind))
        return bool(self._way.addresses)

    async def _guess(self) -> bool:
        """Find out what a bare address speaks."""
        found = await self._speech.kind() if self._speech else None
        if found is not None:
            self._way.kind = found
        return found is not None

    @property
    def _speech(self) -> Speech | None:
        neutral = self._context.neutral
        return Speech(self._way, neutral.host) if neutral else None

    async def reaches_controls(self, controls: Sequence[Control]) -> bool:
        """Fetch harmless pages; False if the proxy leads to none of them, so that no service need be tried.

        What a proxy says counts as leading somewhere, too, but not where it says nothing: a wrong key is answered with silence.
        """
        came = await self.reaches(controls)
        if not self._opened and self._speech:
            await self._speech.otherwise(self._failed)
        return came or (self._opened and self._way.kind not in KEYED)

    async def open_place(self, host: str, port: int, target: str | None, purpose: str) -> Opened:
        """Open a place through the way as it is known by now."""
        return await self._way.open(host, port, target, purpose)

    # --- for what else is asked of a proxy that leads somewhere (probes/route_checks.py) ---

    @property
    def way(self) -> Way:
        """Return the way to and through the proxy, with the kind that was found out."""
        return self._way
