"""The survey of public resolvers, and the sessions that it leaves open for the names of the run."""

from __future__ import annotations

import asyncio
from typing import Final

from diagnostics.model import Observation, Resolver
from diagnostics.probes.context import Context
from diagnostics.probes.dns import Answer, Question, Source, ask_udp
from diagnostics.probes.resolvers import Session, engines_of, opened

MOST_OPEN: Final = 8
"""Sessions kept for the run: enough operators to compare, few enough to be polite."""

AUTHENTICATED: Final = ("dot", "doh")


def _ignore(_answer: Answer) -> None:
    """Drop an answer that is only recorded."""


class ResolverPool:
    """Which public resolvers answer here; asked once each over every transport, then used for names."""

    def __init__(self, context: Context, name: str) -> None:
        """Survey with ``name``, a harmless one."""
        self._context = context
        self._question = Question(name, purpose="survey")
        self._ready: list[Session] = []
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._surveying = 0

    def start(self) -> None:
        """Begin the survey in the background; sessions stay open until ``close``."""
        for resolver in self._context.resolvers:
            for engine in engines_of(resolver):
                self._surveying += 1
                self._context.spawn(self._survey(resolver, engine))

    def close(self) -> None:
        """Let the held sessions go."""
        self._over.set()
        self._changed.set()

    @property
    def surveyed(self) -> bool:
        """Tell whether every resolver has answered or failed."""
        return self._surveying == 0

    async def sessions(self, count: int) -> list[Session]:
        """Return up to ``count`` sessions of different operators, least busy first; wait while the survey may bring more."""
        while True:
            chosen = self._choose(count)
            if len(chosen) >= count or self.surveyed or self._over.is_set():
                return chosen
            self._changed.clear()
            await self._changed.wait()

    def _choose(self, count: int) -> list[Session]:
        usable = sorted((s for s in self._ready if not s.broken or s.load), key=lambda s: (s.resolver.filters, s.load))
        chosen: dict[str, Session] = {}
        for session in usable:
            chosen.setdefault(session.resolver.operator, session)
        return list(chosen.values())[:count]

    async def _survey(self, resolver: Resolver, engine: str) -> None:
        try:
            await self._first_question(resolver, engine)
        finally:
            self._one_less()

    def _one_less(self) -> None:
        self._surveying -= 1
        self._changed.set()

    async def _first_question(self, resolver: Resolver, engine: str) -> None:
        address = resolver.addresses[0]
        if engine == "udp":
            await ask_udp(self._context, self._question, Source(resolver.id, address, resolver.filters), _ignore)
        elif engine == "tcp":
            async with opened(self._context, resolver, engine, address) as session:
                if session:
                    await session.ask(self._question, _ignore)
        else:
            await self._hold(resolver, engine, address)

    async def _hold(self, resolver: Resolver, engine: str, address: str) -> None:
        async with opened(self._context, resolver, engine, address) as session:
            if session is None:
                return
            first: Observation = await session.ask(self._question, _ignore)
            if first.failure or session.broken or len(self._ready) >= MOST_OPEN:
                return
            self._ready.append(session)
            self._one_less()
            try:
                await self._over.wait()
            finally:
                self._ready.remove(session)
                self._surveying += 1  # taken back: the caller's own end counts it off
