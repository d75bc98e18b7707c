"""Addresses at which ways are tried, and whether a failure there is worth anything.

A filter may cut everything between two computers for a while after it saw a forbidden name (residual blocking; measured for 15 to
420 s in several countries: Bock et al., "Your Censor is My Censor", 2021).  So after a try that died a harmless name is said at the
same address: only where that one passes was it the try that failed.  An address where it dies too is spoiled, and is looked at again
a few times.
"""

from __future__ import annotations

import asyncio
from typing import Final

from diagnostics.model import WAYS, Control, Observation
from diagnostics.probes.context import Context
from diagnostics.probes.http import fetch
from diagnostics.probes.place import Asking, Greeting, Place
from diagnostics.probes.tcp import connect
from diagnostics.probes.tls import shake
from diagnostics.workarounds.identity import UNTESTED

RESTS: Final = (0.5, 1.5)
"""Seconds before each further look at a spoiled address; the usual punishments outlast all of them, and their tries stay untold."""


class Spot:
    """One address; ``load`` counts what goes on there now."""

    def __init__(self, address: str) -> None:
        """Know nothing against it."""
        self.address = address
        self.load = 0
        self.doubts = 0  # looks that are asked for and not answered
        self.spoiled = False
        self.spoiled_at = float("-inf")  # when that was last seen, by the loop's time
        self.recovering = False
        self.given_up = False
        self.turn = asyncio.Lock()
        self.clean_from: dict[str, float] = {}  # by scheme: when the last look began that went well

    @property
    def usable(self) -> bool:
        """Tell whether a failure here would be worth something."""
        return not (self.spoiled or self.doubts or self.given_up)


class Spots:
    """All addresses of one search, and the looks at them."""

    def __init__(self, context: Context, target: str, host: str) -> None:
        """Look on behalf of a ``target`` whose ``host`` is being examined."""
        self._context = context.stamped(WAYS)
        self._target, self._host = target, host
        self._known: dict[str, Spot] = {}
        self.residue = False
        """Whether an address was seen spoiled, so that one thing at a time must be tried at each."""

    def of(self, address: str) -> Spot:
        """Return the spot at an address."""
        return self._known.setdefault(address, Spot(address))

    @property
    def spoiled(self) -> list[Spot]:
        """Return those that wait for another look."""
        return [spot for spot in self._known.values() if spot.spoiled and not spot.given_up]

    async def clean(self, spot: Spot, place: Place) -> bool:
        """Tell whether a harmless name passes at a spot now, or since now; without such a name nobody knows.

        Nobody else's try begins there before that is known.
        """
        if self._context.neutral is None:
            return False
        asked = asyncio.get_running_loop().time()
        spot.doubts += 1
        try:
            async with spot.turn:
                if spot.clean_from.get(place.scheme, asked - 1) >= asked:
                    return True
                return await self._look(spot, place)
        finally:
            spot.doubts -= 1

    async def recover(self, spot: Spot, place: Place) -> None:
        """Look again, after ever longer rests, until the harmless name passes; give the spot up if it does not."""
        spot.recovering = True
        try:
            for rest in RESTS:
                await asyncio.sleep(rest)
                if await self.clean(spot, place):
                    return
            spot.given_up = True
        finally:
            spot.recovering = False

    async def _look(self, spot: Spot, place: Place) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        neutral = self._context.neutral
        passed = neutral is not None and await self._passes(spot, neutral, place)
        if passed:
            spot.clean_from[place.scheme] = began
        else:
            spot.spoiled_at = loop.time()
            self.residue = True
        spot.spoiled = not passed
        return passed

    async def _passes(self, spot: Spot, neutral: Control, place: Place) -> bool:
        asking, trust = Asking(spot.address, self._target, UNTESTED), self._context.network.trust.inspecting
        async with self._context.limits.slot(spot.address):
            _, stream = await connect(self._context, spot.address, place.port, target=self._target, host=self._host, purpose=UNTESTED)
            if stream is None:
                return False
            async with stream:
                if place.scheme == "http":
                    page, _ = await fetch(self._context, stream, Place("http", neutral.host, place.port), asking)
                    return page.detail.get("status") is not None
                greeting = Greeting(place.port, neutral.host, self._host, asking)
                return _went_on((await shake(self._context, stream, trust, greeting)).observation)


def _went_on(shaken: Observation) -> bool:
    """Tell whether a handshake was answered by the server.

    An alert counts here, other than where a filter is accused: a server that has no such host gives it, and what it decides
    is only whether a way that did not work is worth another try.
    """
    word = str(shaken.detail.get("reason", ""))
    told = shaken.detail.get("received", 0) and ("ALERT" in word or word.endswith("UNRECOGNIZED_NAME"))
    return shaken.failure is None or "verify_code" in shaken.detail or bool(told)
