"""One proxy, tested to the end: to it, into it, and through it to the services.

Steps of a ``proxy`` observation (detail ``stage``): ``key`` (the page that holds the account was fetched), ``name`` (the proxy's name
was looked up), and those of ``diagnostics/probes/way.py``.  They carry the route's id and never the proxy's name or address: both
belong to the person.
Success replies prove nothing: several proxies answer them for closed ports.  What counts are the ``tls`` and ``http`` steps that
follow over the same route: a valid certificate of the target and its whole page.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from diagnostics.bogons import is_address
from diagnostics.controls import endpoint_of
from diagnostics.failures import died
from diagnostics.model import Control, Endpoint, Function, Observation, Probe, Rule, Service
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.http import fetch
from diagnostics.probes.key_page import read_key_page
from diagnostics.probes.mtproto import ask_mtproto
from diagnostics.probes.place import Asking, Greeting, Place, is_onion, next_place
from diagnostics.probes.proxy_name import find_proxy
from diagnostics.probes.speech import AT_ONCE, Speech
from diagnostics.probes.tls import shake
from diagnostics.probes.way import Way
from diagnostics.routes.dial import KEYED, NAMES_HERE, why_not
from diagnostics.routes.link import Kind, Link
from diagnostics.streams import Stream

MAX_HOPS: Final = 5
CARRIES_ONIONS: Final = frozenset({Kind.SOCKS4A, Kind.SOCKS5H})
"""Kinds by which Tor is asked, with names: no other proxy may learn of one that only exists inside Tor."""

MOST_REPEATED: Final = 3
"""Places of one target that are tried again after their handshakes were cut: enough to know, and each may take seconds."""


class RouteProbe:
    """The measurements of one proxy in one run."""

    def __init__(self, context: Context, link: Link) -> None:
        """Measure ``link`` as part of the run of ``context``; times and waits are learnt for this route alone."""
        self._direct = context
        self._context = context.over(link.id)
        self._way = Way(self._context, link)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._opened = False
        self._delivers = False
        self._failed: list[Observation] = []
        self._deaths: dict[str | None, int] = defaultdict(int)
        """Handshakes with the places of a target that were cut."""
        self._context.trace.note(
            "route", id=link.id, proxy=str(link.kind), why_not=why_not(link), names_here=link.kind in NAMES_HERE, insecure=link.insecure
        )

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
        trusts = Trusts(self._context.network.trust)
        came = await asyncio.gather(*(self.measure(endpoint_of(control), None, trusts, "control") for control in controls))
        if not self._opened and self._speech:
            await self._speech.otherwise(self._failed)
        return any(came) or (self._opened and self._way.kind not in KEYED)

    async def measure_service(self, service: Service, trusts: Trusts) -> None:
        """Fetch what the functions of a service need: of pages that replace each other, until one comes in whole."""
        await asyncio.gather(*(self._measure_function(service, function, trusts) for function in service.functions))

    async def _measure_function(self, service: Service, function: Function, trusts: Trusts) -> None:
        if function.rule is not Rule.ANY_OF:
            await asyncio.gather(*(self.measure(endpoint, service.id, trusts) for endpoint in function.endpoints))
            return
        for endpoint in function.endpoints:
            if await self.measure(endpoint, service.id, trusts):
                return

    async def measure(self, endpoint: Endpoint, target: str | None, trusts: Trusts, purpose: str = "target") -> bool:
        """Fetch an endpoint through the proxy, redirects included; tell whether it gave what it should."""
        secure = endpoint.probe in (Probe.HTTPS, Probe.TLS)
        place: Place | None = Place("https" if secure else "http", endpoint.host, endpoint.port, endpoint.path)
        seen: set[str] = set()
        good = False
        while place and place.url not in seen and place.hop <= MAX_HOPS:
            seen.add(place.url)
            here, before = place, self._deaths[target]
            good, place = await self._visit(here, endpoint.probe, target, trusts.of(here.host), purpose)
            if self._deaths[target] > before and self._delivers and self._deaths[target] <= MOST_REPEATED:
                good, place = await self._again(here, endpoint.probe, target, trusts.of(here.host), purpose)
        return good

    async def _again(
        self, place: Place, probe: Probe, target: str | None, trust: ssl.SSLContext, purpose: str
    ) -> tuple[bool, Place | None]:
        """Try a place again whose handshake was cut, and if need be once more under a harmless name; through a proxy that delivers."""
        before = self._deaths[target]
        outcome = await self._visit(place, probe, target, trust, "repeat" if purpose == "target" else purpose)
        neutral = self._context.neutral
        if self._deaths[target] > before and neutral is not None:
            await self._look(place, target, neutral.host)
        self._deaths[target] = before
        return outcome

    async def _look(self, place: Place, target: str | None, name: str) -> None:
        """Shake hands with a place under a harmless name, to see what is presented; nothing is sent over it."""
        async with self._places:
            stream, _ = await self._way.open(place.host, place.port, target, "neutral_name")
            if stream is not None:
                async with stream:
                    greeting = Greeting(place.port, name, place.host, Asking("", target, "neutral_name"))
                    await shake(self._context, stream, self._context.network.trust.inspecting, greeting)

    async def _visit(
        self, place: Place, probe: Probe, target: str | None, trust: ssl.SSLContext, purpose: str
    ) -> tuple[bool, Place | None]:
        """Return whether one page (or what the probe asks for) came, and where it leads on."""
        if is_onion(place.host) and self._way.kind not in CARRIES_ONIONS:
            return False, None
        async with self._places:
            stream, failed = await self._way.open(place.host, place.port, target, purpose)
            if stream is None:
                self._failed += [failed] if failed else []
                return False, None
            self._opened = True
            async with stream:
                asking = Asking("", target, purpose)
                through: Stream = stream
                if probe is Probe.MTPROTO:
                    return (await ask_mtproto(self._context, stream, place.host, place.port, asking)).failure is None, None
                if place.scheme == "https":
                    await self._context.trusting()
                    shaken = await shake(self._context, stream, trust, Greeting(place.port, place.host, place.host, asking))
                    self._deaths[target] += died(shaken.observation)
                    if shaken.stream is None or probe is Probe.TLS:
                        return shaken.stream is not None, None
                    through = shaken.stream
                observation, reply = await fetch(self._context, through, place, asking)
                self._delivers |= observation.failure is None
                onward = next_place(place, reply.status, reply.headers.get("location")) if reply else None
                return observation.failure is None, onward

    # --- for what else is asked of a proxy that leads somewhere (probes/route_checks.py) ---

    @property
    def way(self) -> Way:
        """Return the way to and through the proxy, with the kind that was found out."""
        return self._way

    @property
    def context(self) -> Context:
        """Return the context of this route."""
        return self._context

    @property
    def places(self) -> asyncio.Semaphore:
        """Return what keeps the connections to the proxy few: to be held for each."""
        return self._places
