"""One try of a way: connection, handshake, page, at one address, with everything recorded for the judge.

A try passed when the certificate is valid for the name and the whole page, or its first 64 KiB, arrived: filters that let a
handshake through and freeze the page later fool whoever asks for less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from diagnostics.failures import DEATHS, died
from diagnostics.judge.pages import judge_page
from diagnostics.model import WAYS, Observation, Status
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.http import fetch
from diagnostics.probes.place import Asking, Greeting, Place, next_place
from diagnostics.probes.tcp import connect
from diagnostics.probes.tls import Shake, shake
from diagnostics.streams import Stream
from diagnostics.workarounds.first_flight import Layout
from diagnostics.workarounds.shaped import ShapedStream

MOST_HOPS: Final = 4
"""Redirects that a try follows; honest sites need three."""

PURPOSE: Final = "way"

Handshake = Callable[[Context, Stream, Place, Asking], Awaitable[Shake]]
"""Shakes hands in another manner than Python's own TLS, and records it."""

Finder = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of another name, for a page that leads elsewhere."""


class Aim(msgspec.Struct, frozen=True):
    """What must open: a page of a target, or, where it has none (``page`` False), a valid handshake."""

    target: str
    place: Place
    trusts: Trusts
    find: Finder
    page: bool = True

    @property
    def goal(self) -> str:
        """Return what observations call it: the page's URL, or the place where a handshake is enough."""
        return self.place.url if self.page else self.place.authority


class Try(msgspec.Struct, frozen=True):
    """How a try ended.  ``cut``: a handshake or page died on the way; ``connected``: the address answered at all."""

    passed: bool
    seconds: float
    cut: bool = False
    connected: bool = False
    evidence: tuple[Observation, ...] = ()


class Recipe(msgspec.Struct, frozen=True):
    """How a try goes about it: the way's id, the number of the try, how the first flight is laid out, who shakes hands."""

    way: str
    number: int
    layout: Layout = Layout()
    gap: float = 0.0
    handshake: Handshake | None = None


async def attempt(context: Context, aim: Aim, address: str, recipe: Recipe) -> Try:
    """Try to open what ``aim`` names at ``address``; a redirect is followed in the same manner.

    The caller bounds how many tries go to an address at once; the run's own bounds are kept here.
    """
    stamped = context.stamped(WAYS, way=recipe.way, attempt=recipe.number, goal=aim.goal, at=address)
    began = asyncio.get_running_loop().time()
    place: Place | None = aim.place
    seen: list[Observation] = []
    where = address
    while place is not None:
        visit = _Visit(stamped, aim, place, where, recipe)
        served = await visit.make()
        seen += visit.seen
        if not served:
            return Try(False, _since(began), visit.cut, visit.connected, tuple(seen))
        onward = visit.onward if place.hop < MOST_HOPS else None
        if onward is not None and onward.host != place.host:
            found = await aim.find(onward.host)
            if not found:
                return Try(False, _since(began), False, True, tuple(seen))
            where = found[0]
        place = onward
    return Try(True, _since(began), False, True, tuple(seen))


def _since(began: float) -> float:
    return asyncio.get_running_loop().time() - began


class _Visit:
    """One URL of a try."""

    def __init__(self, context: Context, aim: Aim, place: Place, address: str, recipe: Recipe) -> None:
        self._context, self._aim, self._place, self._recipe = context, aim, place, recipe
        self._asking = Asking(address, aim.target, PURPOSE)
        self.onward: Place | None = None
        self.seen: list[Observation] = []
        self.cut = False
        self.connected = False

    async def make(self) -> bool:
        """Return whether the page was had; ``onward`` is where it leads then."""
        address, place = self._asking.address, self._place
        async with self._context.limits.slot(address):
            observation, stream = await connect(
                self._context, address, place.port, target=self._aim.target, host=place.host, purpose=PURPOSE
            )
            self.seen.append(observation)
            if stream is None:
                return False
            self.connected = True
            async with stream:
                return await self._served(ShapedStream(stream, self._recipe.layout, self._recipe.gap))

    async def _served(self, stream: Stream) -> bool:
        if self._place.scheme == "https":
            shaken = await self._shake(stream)
            self.seen.append(shaken.observation)
            self.cut = died(shaken.observation)
            if shaken.stream is None:
                return False
            stream = shaken.stream
        if not self._aim.page:
            return True
        observation, reply = await fetch(self._context, stream, self._place, self._asking)
        self.seen.append(observation)
        self.cut = observation.failure in DEATHS
        if reply is None or observation.failure:
            return False
        self.onward = next_place(self._place, reply.status, reply.headers.get("location"))
        return judge_page(observation).status is Status.WORKS

    async def _shake(self, stream: Stream) -> Shake:
        await self._context.trusting()
        place = self._place
        if self._recipe.handshake is not None:
            return await self._recipe.handshake(self._context, stream, place, self._asking)
        greeting = Greeting(place.port, place.host, place.host, self._asking)
        return await shake(self._context, stream, self._aim.trusts.of(place.host), greeting)
