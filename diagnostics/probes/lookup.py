"""All that a run learns about one name's addresses, from every resolver at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection
from typing import Any, Final

from diagnostics.bogons import is_bogon
from diagnostics.probes.context import Context
from diagnostics.probes.dns import NOBODYS_ADDRESSES, Answer, Question, Source, ask_nobody, ask_system, ask_udp
from diagnostics.probes.pool import ResolverPool
from diagnostics.probes.resolvers import BrokenSessionError, Session

PLAIN_CONTROLS: Final = 2
"""Public resolvers asked over UDP for every name: two operators, so that one that filters is no witness."""

NAMESERVERS: Final = 2
ENCRYPTED_ALWAYS: Final = 1
ENCRYPTED_IN_DOUBT: Final = 3
ENCRYPTED_IN_DOUBT_OF_MANY: Final = 2
"""Encrypted resolvers asked for every name, and further ones for a name whose system answer is in doubt, also where there are very
many of those: three operators outvote one."""

MAX_ADDRESSES4: Final = 4
MAX_ADDRESSES6: Final = 1


class Lookups:
    """The names of one run; each is looked up once, however many endpoints need it."""

    def __init__(self, context: Context, pool: ResolverPool) -> None:
        """Ask through ``pool`` for what must not be forged."""
        self._context = context
        self._pool = pool
        self._known: dict[str, Lookup] = {}

    def of(self, name: str, target: str | None, purpose: str) -> Lookup:
        """Return the lookup of ``name``, begun now if it is new."""
        if name not in self._known:
            self._known[name] = Lookup(self._context, self._pool, Question(name, target=target, purpose=purpose))
        return self._known[name]

    async def compared(self) -> None:
        """Return when every question to an encrypted resolver was answered: only then may the pool close."""
        while pending := [task for lookup in self._known.values() for task in lookup.comparing if not task.done()]:
            await asyncio.wait(pending)


class Lookup:
    """One name: answers as they come in, and the addresses worth trying."""

    def __init__(self, context: Context, pool: ResolverPool, question: Question) -> None:
        """Begin asking everybody."""
        self._context = context
        self._pool = pool
        self._question = question
        self._answers: list[Answer] = []
        self._waiters: list[asyncio.Event] = []
        self._system_due = {"A": 0, "AAAA": 0}
        self._control_due = 0
        self._asked: set[str] = set()
        self._doubted = False
        self.comparing: list[asyncio.Task[Any]] = []
        self._compared = False
        if context.many and context.nameservers and question.purpose != "control":
            self._spawn_own(question, context.nameservers[0])
        else:
            self.compare()

    def compare(self) -> None:
        """Ask everybody, if that was not done yet: where many names are asked, it is done for those alone that need it."""
        if self._compared:
            return
        asked_one = bool(self._system_due["A"] or self._answers)
        self._compared, question, context = True, self._question, self._context
        for query in ("A", "AAAA") if context.ipv6 else ("A",):
            own = Question(question.name, query, question.target, question.purpose)
            self._spawn_system(own, asked=context.nameservers[:1] if asked_one and query == "A" else [])
        self._control_due += 1
        self.comparing.append(context.spawn(self._ask_plainly()))
        self._control_due += 1
        self.comparing.append(context.spawn(self._encrypted(ENCRYPTED_ALWAYS)))

    def _spawn_system(self, question: Question, *, asked: Collection[str]) -> None:
        """Ask getaddrinfo and the system's servers, but for those already ``asked``."""
        self._system_due[question.query] += 1
        self._context.spawn(ask_system(self._context, question, self._take))
        for address in self._context.nameservers[:NAMESERVERS]:
            if address not in asked:
                self._spawn_own(question, address)

    def _spawn_own(self, question: Question, address: str) -> None:
        self._system_due[question.query] += 1
        self._context.spawn(ask_udp(self._context, question, Source("system", address), self._take))

    async def system_addresses(self) -> list[str]:
        """Return what the system's resolver gives, without bogons, as soon as anything usable is known; may be empty.

        IPv6 addresses alone are not enough while IPv4 ones are still due: IPv6 may be dead here.
        """

        def enough() -> bool:
            return any(":" not in a for a in self._usable(system=True)) or (
                self._system_due["A"] <= 0 and (bool(self._usable(system=True)) or self._system_due["AAAA"] <= 0)
            )

        await self._until(enough)
        return self._usable(system=True)

    async def other_addresses(self, tried: Collection[str] = ()) -> list[str]:
        """Return further addresses beyond those ``tried``: those that nobody can forge first, late ones of the system last.

        Asking for them means doubt: more encrypted resolvers are asked, and all are waited for unless one that cannot be
        forged has answered.
        """
        self.compare()
        if not self._doubted:
            self._doubted = True
            self._control_due += 1
            further = ENCRYPTED_IN_DOUBT_OF_MANY if self._context.many else ENCRYPTED_IN_DOUBT
            self.comparing.append(self._context.spawn(self._encrypted(further)))
            if self._context.patience.alive:
                self._context.spawn(ask_nobody(self._context, self._question, NOBODYS_ADDRESSES[:1], tries=1))
        await self._until(lambda: bool(self._usable(system=False, authenticated=True)) or self._control_due <= 0)
        found = self._usable(system=False, authenticated=True) + self._usable(system=False) + self._usable(system=True)
        return _limited([a for a in dict.fromkeys(found) if a not in tried])

    def _usable(self, *, system: bool, authenticated: bool = False) -> list[str]:
        chosen = [a for a in self._answers if (a.resolver == "system") is system and (a.authenticated or not authenticated)]
        return _limited([each for a in chosen for each in a.addresses if not is_bogon(each)])

    def _take(self, answer: Answer) -> None:
        self._answers.append(answer)
        if answer.resolver == "system":
            self._system_due[answer.question.query] -= 1
        self._tell()

    def _tell(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    async def _until(self, condition: Callable[[], bool]) -> None:
        waiter = asyncio.Event()
        self._waiters.append(waiter)
        try:
            while not condition():
                waiter.clear()
                await waiter.wait()
        finally:
            self._waiters.remove(waiter)

    async def _ask_plainly(self) -> None:
        """Ask public resolvers over UDP: whoever injects answers shows here."""
        try:
            sources = [Source(r.id, r.addresses[0], r.filters) for r in await self._pool.plain(PLAIN_CONTROLS)]
            await asyncio.gather(*(ask_udp(self._context, self._question, source, self._take) for source in sources))
        finally:
            self._control_due -= 1
            self._tell()

    async def _encrypted(self, count: int) -> None:
        """Ask up to ``count`` encrypted resolvers that were not asked yet; another one where a session ends too soon."""
        queries = ("A", "AAAA") if self._context.ipv6 and count > ENCRYPTED_ALWAYS else ("A",)
        due = count
        try:
            while due:
                async with self._pool.sessions(due, without=self._asked) as sessions:
                    self._asked |= {s.resolver.id for s in sessions}
                    answered = await asyncio.gather(*(self._ask(session, queries) for session in sessions))
                    due = len(answered) - sum(answered)
        finally:
            self._control_due -= 1
            self._tell()

    async def _ask(self, session: Session, queries: tuple[str, ...]) -> bool:
        """Ask one resolver; False if its session had ended before the question was sent."""
        own = self._question
        try:
            for query in queries:
                await session.ask(Question(own.name, query, own.target, own.purpose), self._take)
        except BrokenSessionError:
            return False
        return True


def _limited(addresses: list[str]) -> list[str]:
    """Return the addresses without repetition, at most 4 of IPv4 and one of IPv6, alternating, IPv4 first."""
    distinct = list(dict.fromkeys(addresses))
    four = [a for a in distinct if ":" not in a][:MAX_ADDRESSES4]
    six = [a for a in distinct if ":" in a][:MAX_ADDRESSES6]
    pairs = itertools.zip_longest(four, six)
    return [address for pair in pairs for address in pair if address]
