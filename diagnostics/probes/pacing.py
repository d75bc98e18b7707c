"""How long to wait and how much to do at once, from what this run has measured.

A fixed time-out is wrong on every line but one: 5 s makes a dead path slow to name, 1 s calls a satellite line dead.
So patience follows the round trips seen in the run, and connections are counted by address and in all.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from diagnostics.doubt import LEAST, MOST, enough_tries, lost_share

UNKNOWN_WAIT: Final = 2.5
"""Seconds to wait after the last try while nothing at all has answered: covers a satellite line's first round trip."""

AWAKE_WAIT: Final = 1.0
"""Seconds that a question about a failure waits for the line's first sign of life: a filter nearby answers before anybody else."""

LEAST_WAIT: Final = 0.3
"""Seconds; below this the scheduling noise of a busy computer looks like silence."""

ROUND_TRIPS: Final = 4
"""Waits are this many of the slower round trips seen: the chance that an honest answer is later is below 0.1 %."""

MOST_WAIT: Final = 7.4
"""Seconds; with the staggered tries no step takes more than 8 s."""

MOST_STEP: Final = 8.0
"""Seconds that no single step exceeds, however slow the line."""

LOOKUPS: Final = 128
OWN_DATAGRAMS: Final = 128
OTHER_DATAGRAMS: Final = 48
"""Questions that may be under way at once: to getaddrinfo, to the system's servers, to public resolvers over UDP.

Each holds a thread or a socket for as long as nobody answers, and a thousand answers at once overflow the socket's memory.
The first two cover a default run in one go: a name must not wait behind another that is swallowed."""

PER_ADDRESS: Final = 3
IN_ALL: Final = 96
IN_ALL_OF_MANY: Final = 224
"""Connections open at once: to one address (politeness), in all (home routers' tables, bufferbloat), and in all where a long list
is measured, most of whose connections are short.  Windows' select takes 512 sockets, macOS 256 files unless asked for more."""


MARGIN: Final = 1.5
"""By how much the line's losses are overrated while measuring: the judge reckons with all that was asked by the end."""

LOOK_AGAIN: Final = 0.1
"""Seconds between two looks at what patience has become."""

TICK: Final = 0.01
"""Seconds; shorter waits only keep the loop busy: its timers are no finer than a millisecond."""

SIX_FAILURES: Final = 4
"""IPv6 connections that must have failed, without one that succeeded, before no more are tried."""

T = TypeVar("T")


class Patience:
    """The round trips of this run and the waits that follow from them."""

    def __init__(self, lateness: Callable[[], float] | None = None) -> None:
        """Know nothing yet; ``lateness`` says by how many seconds waits grow because this computer is late itself."""
        self._round_trips: deque[float] = deque(maxlen=64)
        self._awake = asyncio.Event()
        self._lateness = lateness or (lambda: 0.0)

    def saw(self, seconds: float) -> None:
        """Learn one round trip to the Internet."""
        self._round_trips.append(seconds)
        self._awake.set()

    async def awake(self) -> bool:
        """Return whether anything has answered in this run, waiting a moment for it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AWAKE_WAIT):
                await self._awake.wait()
        return self.alive

    @property
    def alive(self) -> bool:
        """Tell whether anything has answered in this run."""
        return bool(self._round_trips)

    @property
    def round_trip(self) -> float | None:
        """Return the slower round trips' size (upper quartile) in seconds, or None before the first.

        A higher percentile would follow a few answers that a busy computer was late to look at.
        """
        if not self._round_trips:
            return None
        ordered = sorted(self._round_trips)
        return ordered[min(len(ordered) - 1, len(ordered) * 3 // 4)]

    def wait(self, round_trips: float = ROUND_TRIPS, extra: float = 0.0) -> float:
        """Return how long an answer may take, in seconds; ``extra`` for work the other side has to do."""
        trip, extra = self.round_trip, extra + self._lateness()
        if trip is None:
            return min(UNKNOWN_WAIT + extra, MOST_WAIT)
        return min(max(LEAST_WAIT, round_trips * trip) + extra, MOST_WAIT)

    def stagger(self, step: float) -> float:
        """Return when to try again, in seconds: ``step`` on a quick line, later where answers take longer than that."""
        return max(step, 1.5 * (self.round_trip or 0.0))


class Losses:
    """What the line loses, from first tries at places that answered in the end."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._asked = 0
        self._lost = 0

    def saw(self, tries: int) -> None:
        """Learn how many tries an answer took."""
        self._asked += 1
        self._lost += tries > 1

    @property
    def enough_tries(self) -> int:
        """Return how many tries must be lost before silence is believed, as far as this run knows, and rather one too many."""
        return enough_tries(MARGIN * lost_share(self._asked, self._lost)) or MOST if self._asked else LEAST


class SixWatch:
    """Whether IPv6 leads anywhere: a line where it does not must not wait for it at every host."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._made = False
        self._failed = 0

    def saw(self, address: str, *, made: bool) -> None:
        """Learn the outcome of one connection."""
        if ":" in address:
            self._made |= made
            self._failed += not made

    @property
    def dead(self) -> bool:
        """Tell whether several connections failed and none was made."""
        return not self._made and self._failed >= SIX_FAILURES


async def patiently(work: Coroutine[Any, Any, T], wait: Callable[[], float]) -> T:
    """Return what ``work`` returns if it ends within ``wait()`` seconds; asked again and again, since patience is learnt.

    Raises TimeoutError, after ``work`` was cancelled, and whatever ``work`` raises.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    task = loop.create_task(work)
    try:
        while (left := began + wait() - loop.time()) > 0:
            done, _ = await asyncio.wait([task], timeout=max(min(left, LOOK_AGAIN), TICK))
            if done:
                return task.result()
        raise TimeoutError
    finally:
        task.cancel()


class DeadPlaces:
    """Addresses and ports where several tries were lost: what is known of them need not be found out for every name."""

    def __init__(self, losses: Losses) -> None:
        """Know nothing yet; ``losses`` says how many tries must be lost."""
        self._losses = losses
        self._lost: dict[tuple[str, int], int] = {}

    def saw(self, address: str, port: int, *, lost: int) -> None:
        """Learn how many tries of one connection were lost; 0 if it was answered."""
        self._lost[address, port] = self.lost(address, port) + lost if lost else 0

    def lost(self, address: str, port: int) -> int:
        """Return how many tries at a place were lost since it last answered."""
        return self._lost.get((address, port), 0)

    def __contains__(self, place: tuple[str, int]) -> bool:
        """Tell whether so many tries were lost at a place that chance is out of the question."""
        return self._lost.get(place, 0) >= self._losses.enough_tries


class Limits:
    """Bounds the open connections by address and in all."""

    def __init__(self, per_address: int = PER_ADDRESS, in_all: int = IN_ALL, outer: Limits | None = None) -> None:
        """Allow so many, and no more than ``outer`` allows altogether."""
        self._outer = outer
        self._per_address = per_address
        self._all = asyncio.Semaphore(in_all)
        self._addresses: dict[str, asyncio.Semaphore] = {}
        self.lookups: asyncio.Semaphore = outer.lookups if outer else asyncio.Semaphore(LOOKUPS)
        self._own_datagrams = outer.datagrams_of(own=True) if outer else asyncio.Semaphore(OWN_DATAGRAMS)
        self._other_datagrams = outer.datagrams_of(own=False) if outer else asyncio.Semaphore(OTHER_DATAGRAMS)

    def narrower(self, per_address: int) -> Limits:
        """Return bounds for a part of the run: fewer connections to one address, and each counts here too."""
        return Limits(per_address, outer=self)

    def datagrams_of(self, *, own: bool) -> asyncio.Semaphore:
        """Return the bound of questions over UDP: to this computer's ``own`` resolvers, which come first, or to others."""
        return self._own_datagrams if own else self._other_datagrams

    def _of(self, address: str) -> asyncio.Semaphore:
        return self._addresses.setdefault(address, asyncio.Semaphore(self._per_address))

    @asynccontextmanager
    async def slot(self, address: str) -> AsyncIterator[None]:
        """Hold one connection's place; wait for it if need be."""
        async with self._of(address), self._all, self._outer.slot(address) if self._outer else contextlib.nullcontext():
            yield

    def enter_if_free(self, address: str) -> bool:
        """Take one more place without waiting; False if there is none.  ``leave`` gives it back."""
        if self._of(address).locked() or self._all.locked() or (self._outer and not self._outer.enter_if_free(address)):
            return False
        for bound in (self._of(address), self._all):
            self._take_now(bound)
        return True

    @staticmethod
    def _take_now(bound: asyncio.Semaphore) -> None:
        """Take a place that is free: ``acquire`` then returns without giving way to other tasks."""
        taking = bound.acquire()
        with contextlib.suppress(StopIteration):
            taking.send(None)

    def leave(self, address: str, places: int) -> None:
        """Give back places that ``enter_if_free`` took."""
        for _ in range(places):
            self._of(address).release()
            self._all.release()
        if self._outer:
            self._outer.leave(address, places)
