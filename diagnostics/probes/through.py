"""What opens through a way: harmless pages, then what the functions of a service need.

Success replies prove nothing: several proxies answer them for closed ports.  What counts are the ``tls`` and ``http`` steps that
follow over the same route: a valid certificate of the target and its whole page.
"""

from __future__ import annotations

import abc
import asyncio
import ssl
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from diagnostics.controls import endpoint_of
from diagnostics.failures import died
from diagnostics.model import Control, Endpoint, Function, Observation, Probe, Rule, Service
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.http import fetch
from diagnostics.probes.mtproto import ask_mtproto
from diagnostics.probes.place import Asking, Greeting, Place, is_onion, next_place
from diagnostics.probes.speech import AT_ONCE
from diagnostics.probes.tls import shake
from diagnostics.probes.way import Opened
from diagnostics.streams import Stream

MAX_HOPS: Final = 5
MOST_REPEATED: Final = 3
"""Places of one target that are tried again after their handshakes were cut: enough to know, and each may take seconds."""


class Through(abc.ABC):
    """The measurements over one way in one run."""

    def __init__(self, context: Context) -> None:
        """Measure with ``context``, that of the way's route."""
        self._context = context
        self._places = asyncio.Semaphore(AT_ONCE)
        self._opened = False
        self._delivers = False
        self._failed: list[Observation] = []
        self._deaths: dict[str | None, int] = defaultdict(int)
        """Handshakes with the places of a target that were cut."""

    @property
    def carries_onions(self) -> bool:
        """Tell whether the way may be asked for names that only exist inside Tor."""
        return False

    @abc.abstractmethod
    async def open_place(self, host: str, port: int, target: str | None, purpose: str) -> Opened:
        """Open a place; the stream, or the step that failed."""

    async def reaches(self, controls: Sequence[Control]) -> bool:
        """Fetch harmless pages and tell whether any came."""
        trusts = Trusts(self._context.network.trust)
        came = await asyncio.gather(*(self.measure(endpoint_of(control), None, trusts, "control") for control in controls))
        return any(came)

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
            stream, _ = await self.open_place(place.host, place.port, target, "neutral_name")
            if stream is not None:
                async with stream:
                    greeting = Greeting(place.port, name, place.host, Asking("", target, "neutral_name"))
                    await shake(self._context, stream, self._context.network.trust.inspecting, greeting)

    async def _visit(
        self, place: Place, probe: Probe, target: str | None, trust: ssl.SSLContext, purpose: str
    ) -> tuple[bool, Place | None]:
        """Return whether one page (or what the probe asks for) came, and where it leads on."""
        if is_onion(place.host) and not self.carries_onions:
            return False, None
        async with self._places:
            stream, failed = await self.open_place(place.host, place.port, target, purpose)
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

    async def open(self, host: str, port: int, purpose: str) -> Stream | None:
        """Return a stream to a place that is no target; None where it was refused, which is recorded."""
        return (await self.open_place(host, port, None, purpose))[0]

    @property
    def context(self) -> Context:
        """Return the context of this route."""
        return self._context

    @property
    def places(self) -> asyncio.Semaphore:
        """Return what keeps the connections over the way few: to be held for each."""
        return self._places
