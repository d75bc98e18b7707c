"""Pages as they are, at the addresses that other lookups gave: the proof that an answer was true and enough.

Several resolvers give the same addresses; each is visited once, twice over, however many of them name it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from diagnostics.probes.context import Context
from diagnostics.workarounds.attempt import Aim, Recipe, Try, attempt
from diagnostics.workarounds.identity import PLAIN

TRIES: Final = 2
MOST_ADDRESSES: Final = 4
"""Addresses of one name that are visited; big sites give another one to everybody who asks."""

AT_ONCE: Final = 6


class PlainPages:
    """The pages of the places that must open, by name and address."""

    def __init__(self, context: Context, aims: Mapping[str, Aim]) -> None:
        """Aim at the pages of some names."""
        self._context, self._aims = context, aims
        self._tries: dict[tuple[str, str], list[Try]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._visited: dict[str, asyncio.Event] = {host: asyncio.Event() for host in aims}

    def see(self, host: str, addresses: Iterable[str]) -> None:
        """Begin to visit addresses of a name that were not seen before."""
        for address in addresses:
            fresh = (host, address) not in self._tries and host in self._aims
            if fresh and sum(name == host for name, _ in self._tries) < MOST_ADDRESSES:
                self._tries[host, address] = []
                self._tasks.add(asyncio.get_running_loop().create_task(self._visit(host, address)))

    async def done(self) -> None:
        """Return when every visit is over."""
        await asyncio.gather(*self._tasks)

    def close(self) -> None:
        """End the visits that are under way."""
        for task in self._tasks:
            task.cancel()

    async def visited(self, host: str) -> None:
        """Return when some address of a name was visited to the end."""
        await self._visited[host].wait()

    def opened(self, host: str) -> bool:
        """Tell whether a name's page opened somewhere each time."""
        return any(tries and all(each.passed for each in tries) for (name, _), tries in self._tries.items() if name == host)

    def cut(self, host: str) -> bool:
        """Tell whether a visit to a name's page was cut on the way."""
        return any(each.cut for (name, _), tries in self._tries.items() if name == host for each in tries)

    async def _visit(self, host: str, address: str) -> None:
        tries = self._tries[host, address]
        for number in range(1, TRIES + 1):
            async with self._turns:
                tries.append(await attempt(self._context, self._aims[host], address, Recipe(PLAIN, number)))
        if len({each.passed for each in tries}) > 1:
            async with self._turns:
                tries.append(await attempt(self._context, self._aims[host], address, Recipe(PLAIN, TRIES + 1)))
        self._visited[host].set()
