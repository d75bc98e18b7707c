"""What every probe of a run shares."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final

from diagnostics.model import Control, Resolver
from diagnostics.network import Network
from diagnostics.probes.lateness import Lateness
from diagnostics.probes.pacing import IN_ALL, IN_ALL_OF_MANY, DeadPlaces, Limits, Losses, Patience, SixWatch
from diagnostics.trace import Trace

log = logging.getLogger("atajo.probes")

FARTHER: Final = 1.5
"""Seconds by which waits are longer behind a proxy: the way to it can be timed, the way beyond it cannot."""


class Context:
    """One run's network, memory, patience and bounds.

    ``background`` holds steps whose outcome nobody waits for at once, such as listening for a second DNS answer; the
    run ends only after them.
    """

    def __init__(
        self, network: Network, trace: Trace, resolvers: tuple[Resolver, ...], controls: tuple[Control, ...], *, many: bool = False
    ) -> None:
        """Start with nothing measured; ``many`` as in ``Plan.many``."""
        self.many = many
        self.network = network
        self.trace = trace
        self.resolvers = resolvers
        self.controls = controls
        self.lateness = Lateness()
        self.patience = Patience(lambda: self.lateness.allowance)
        self.limits = Limits(in_all=IN_ALL_OF_MANY if many else IN_ALL)
        self.six = SixWatch()
        self.losses = Losses()
        self.dead = DeadPlaces(self.losses)
        self.nameservers: list[str] = []
        self.ipv6 = False
        self._trusting: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._over = False

    def over(self, route: str) -> Context:
        """Return a context for another route: the same run, with round trips and losses of its own."""
        other = copy.copy(self)
        other.trace = self.trace.over(route)
        other.patience = Patience(lambda: self.lateness.allowance + FARTHER)
        other.six, other.losses = SixWatch(), Losses()
        other.dead = DeadPlaces(other.losses)
        return other

    def beside(self, network: Network, route: str) -> Context:
        """Return a context for the same places over another network: nothing learnt here is believed there."""
        other = Context(network, self.trace.over(route), self.resolvers, self.controls, many=self.many)
        other.lateness = self.lateness
        return other

    def unheard(self) -> Context:
        """Return a context whose steps leave no trace; whoever uses it records in one step what may be known."""
        other = copy.copy(self)
        other.trace = self.trace.unheard()
        return other

    def stamped(self, route: str, **facts: object) -> Context:
        """Return a context of the same line and patience whose steps count for ``route`` and carry ``facts`` (``Trace.stamped``)."""
        other = copy.copy(self)
        other.trace = self.trace.stamped(route, **facts)
        return other

    def within(self, limits: Limits) -> Context:
        """Return a context for a part of the run that keeps to ``limits``."""
        other = copy.copy(self)
        other.limits = limits
        return other

    @property
    def neutral(self) -> Control | None:
        """Return the harmless name that is swapped in at other addresses."""
        return next((c for c in self.controls if c.kind == "neutral"), None)

    def begin_trusting(self, own_roots: tuple[str, ...] = ()) -> None:
        """Load the certificate stores in a thread, beside the first lookups."""
        self._trusting = self.spawn(self.network.trust.prepare(own_roots))

    async def trusting(self) -> None:
        """Return once the certificate stores are loaded."""
        if self._trusting:
            await asyncio.wait([self._trusting])

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` beside everything else, until ``settled``; it is cancelled before it begins once the run is over."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)
        if self._over:
            task.cancel()
        return task

    def end(self) -> None:
        """Cancel the background steps, and those that others begin while they end: a cancelled run asks nothing new."""
        self._over = True
        for task in self._background:
            task.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Forget a step that ended well: of thousands of targets nothing must stay behind but observations."""
        if not task.cancelled() and task.exception() is None:
            self._background.discard(task)

    @contextlib.asynccontextmanager
    async def settled(self) -> AsyncIterator[None]:
        """On leaving the block, wait for the background steps; cancel them if the block was cancelled or failed."""
        ended = False
        try:
            yield
            while pending := [task for task in self._background if not task.done()]:
                await asyncio.wait(pending)
            ended = True
        finally:
            if not ended:
                self.end()
            while tasks := list(self._background):  # what ends may have begun something else meanwhile
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
                self._background.difference_update(tasks)
                for outcome in outcomes:
                    if isinstance(outcome, Exception):
                        log.error("a background step failed", exc_info=outcome)


async def either(first: asyncio.Event, second: asyncio.Event) -> None:
    """Return when one of two events is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in (first, second)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
