"""The survey of public resolvers, and the sessions that it leaves open for the names of the run."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

from diagnostics.model import Resolver
from diagnostics.probes.context import Context, either
from diagnostics.probes.dns import Answer, Question, Source, ask_udp
from diagnostics.probes.resolvers import Session, engines_of, opened

MOST_OPEN: Final = 12
"""Sessions kept for the run, one an operator and transport: enough operators to compare, few enough to be polite."""

MOST_LOAD: Final = 3
"""Questions that may wait for one session, for each that it takes at once, while the survey may still bring others."""

MOST_OPENINGS: Final = 3
"""How often a session that a server ends is opened again: many allow only so many questions on one connection."""


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
        self._surveying_plain = 0
        self._plain: list[Resolver] = []
        self._turn = 0

    def start(self) -> None:
        """Begin the survey in the background; sessions stay open until ``close``."""
        for resolver in self._context.resolvers:
            for engine in engines_of(resolver):
                self._surveying += 1
                self._surveying_plain += engine == "udp"
                self._context.spawn(self._survey(resolver, engine))

    def close(self) -> None:
        """Let the held sessions go."""
        self._over.set()
        self._changed.set()

    @property
    def surveyed(self) -> bool:
        """Tell whether every resolver has answered or failed."""
        return self._surveying == 0

    @asynccontextmanager
    async def sessions(self, count: int, without: Collection[str] = ()) -> AsyncIterator[list[Session]]:
        """Lend up to ``count`` sessions of different operators, least busy first; wait while the survey may bring more.

        ``without`` names resolvers that were asked before.
        """
        while True:
            chosen = self._choose(count, without)
            if len(chosen) >= count or self.surveyed or self._over.is_set():
                break
            self._changed.clear()
            await self._changed.wait()
        for session in chosen:
            session.load += 1
        try:
            yield chosen
        finally:
            for session in chosen:
                session.load -= 1
            self._changed.set()

    def _choose(self, count: int, without: Collection[str]) -> list[Session]:
        most = MOST_LOAD if not self.surveyed else math.inf
        usable = [s for s in self._ready if not s.broken and s.load / s.width < most and s.resolver.id not in without]
        usable.sort(key=lambda s: (s.resolver.filters, s.load / s.width))
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
            await self._ask_plainly(resolver, address)
        elif engine == "tcp":
            async with opened(self._context, resolver, engine, address) as session:
                if session:
                    await session.ask(self._question, _ignore)
        else:
            await self._hold(resolver, engine, address)

    async def _ask_plainly(self, resolver: Resolver, address: str) -> None:

        def on_answer(answer: Answer) -> None:
            self._surveying_plain -= 1
            if answer.failure is None and not resolver.filters:
                self._plain.append(resolver)
            self._changed.set()

        await ask_udp(self._context, self._question, Source(resolver.id, address, resolver.filters), on_answer)

    async def plain(self, count: int) -> list[Resolver]:
        """Return up to ``count`` resolvers that answer over UDP and filter nothing, in turn; wait while more may come.

        Those that are silent here are asked once, by the survey, and not again for every name.
        """
        while len(self._plain) < count and self._surveying_plain and not self._over.is_set():
            self._changed.clear()
            await self._changed.wait()
        if not self._plain:
            return []
        self._turn += count
        chosen = [self._plain[(self._turn + n) % len(self._plain)] for n in range(count)]
        return list(dict.fromkeys(chosen))

    async def _hold(self, resolver: Resolver, engine: str, address: str) -> None:
        """Ask once, then keep the session for names, and open it again while the server ends it."""
        for opening in range(MOST_OPENINGS):
            async with opened(self._context, resolver, engine, address) as session:
                if session is None:
                    return
                if opening == 0 and (await session.ask(self._question, _ignore)).failure:
                    return
                if not self._wanted(session):
                    return
                await self._lend(session)
            if self._over.is_set():
                return

    def _wanted(self, session: Session) -> bool:
        """Tell whether to keep a session; it takes the place of one that is the same but filters."""
        own = session.resolver
        same = [s for s in self._ready if s.resolver.operator == own.operator and s.engine == session.engine]
        for each in same:
            if each.resolver.filters and not own.filters:
                each.ended.set()
                return True
        return not same and len(self._ready) < MOST_OPEN

    async def _lend(self, session: Session) -> None:
        """Let names use the session until it ends or the run does."""
        self._ready.append(session)
        self._one_less()
        try:
            await either(session.ended, self._over)
        finally:
            self._ready.remove(session)
            self._surveying += 1  # taken back: whoever began it counts it off at its end
            self._changed.set()
