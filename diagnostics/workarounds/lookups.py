"""Other ways to a name's addresses: every public resolver over every transport that it offers.

A cell is one resolver asked in one way (``identity.ENGINES``), and is tried twice.  What comes back is only an answer: that it is true
is proven by a page with a valid certificate at the address, and by whoever asked for it.

Each step is recorded for the route ``ways`` with ``way`` and ``attempt``.  ``dns`` observations are those of ``probes/dns.py``; their
``engine`` is the transport (udp, tcp, dot, doh).  The system's lookup of a resolver's own name has the purpose ``resolver``.  Steps that
were cut off when the time was over have the failure ``interrupted`` and count for nothing.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import statistics
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from diagnostics.bogons import is_address, is_bogon
from diagnostics.failures import NO_ANSWER
from diagnostics.model import WAYS, Observation, Resolver, Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import Answer, Listener, Question, Source, ask_system, ask_udp
from diagnostics.probes.pool import MOST_OPENINGS
from diagnostics.probes.resolvers import PORTS, BrokenSessionError, Door, Session, engines_of, opened
from diagnostics.probes.tcp import TRIES
from diagnostics.workarounds.cut_question import CutQuestions
from diagnostics.workarounds.identity import ENCRYPTED, ENGINES, Way

T = TypeVar("T")

IN_ALL: Final = 7.0
"""Seconds for the whole matrix, also where everything is swallowed; cells that were not reached by then are not tested."""

ECH_IN_ALL: Final = 3.0
"""Seconds for one name's keys: whoever waits for them has other ways to try meanwhile."""

ATTEMPTS: Final = 2

AT_ONCE: Final = 8
"""Cells of one target that are under way (reference: so many a target); one that takes long makes room for the next."""

MAKES_ROOM: Final = 0.25
OVERDUE: Final = 0.15
"""Seconds after which a cell makes room, and those where its resolver has not answered that way before: of seventy that are
swallowed, each tried twice, the last one begins after 2.6 s."""

PER_ADDRESS: Final = 2
"""Connections to one resolver at once: more looks like an attack and gives false results (bol-van/zapret#1000)."""

UDP_TRIES: Final = 2
"""Questions of one attempt: with the second attempt four, of which chance does not take all."""

STAGGER: Final = 0.25
"""Seconds after which the next resolver is asked as well (Outline's dialer, x/smart)."""

TRANSPORTS: Final = {"udp": "udp", "udp-second": "udp", "tcp": "tcp", "tcp-cut": "tcp", "dot": "dot", "doh": "doh", "doh-name": "doh"}
"""What each engine is to a resolver, in the order of identity.ENGINES but for that; the resolver itself sees no other difference."""

_ORDER: Final = ("doh", "dot", "udp", "udp-second", "doh-name", "tcp", "tcp-cut")
"""Engines by promise, those first that nobody can forge and that browsers offer; the one that only listens on must not begin last."""


class Found(msgspec.Struct, frozen=True):
    """What one cell answered: ``addresses`` by host (public ones, IPv4 first), ``seconds`` until they were known (the median)."""

    way: str
    addresses: dict[str, tuple[str, ...]]
    seconds: float


class Cell(msgspec.Struct, frozen=True):
    """One resolver asked in one way."""

    engine: str
    resolver: Resolver

    @property
    def way(self) -> str:
        """Return the id."""
        return str(Way(engine=self.engine, resolver=self.resolver.id))

    @property
    def transport(self) -> str:
        """Return what the question travels over."""
        return TRANSPORTS[self.engine]

    @property
    def name(self) -> str:
        """Return the name under which the resolver's HTTPS is known, ``""`` if it has none."""
        host = urlsplit(self.resolver.doh_url).hostname or ""
        return "" if is_address(host) else host


def cells_of(resolvers: Sequence[Resolver]) -> list[Cell]:
    """Return every cell that the resolvers offer."""
    cells = [Cell(engine, r) for r in resolvers for engine, transport in TRANSPORTS.items() if transport in engines_of(r)]
    return [cell for cell in cells if cell.engine != "doh-name" or cell.name]


def _ignore(_found: Found) -> None:
    """Drop what will be returned later."""


class ResolverWays:
    """The matrix of resolvers and transports of one run."""

    def __init__(self, context: Context) -> None:
        """Ask the resolvers that ``context`` knows, on its line and with its patience."""
        self._context = context.within(context.limits.narrower(PER_ADDRESS))
        self._chance = random.Random()  # noqa: S311 - an order, not a secret

    async def survey(
        self, hosts: Sequence[str], target: str, on_found: Callable[[Found], None] = _ignore, *, engines: Collection[str] = ENGINES
    ) -> tuple[Found, ...]:
        """Ask every cell of some ``engines`` twice for all ``hosts`` of a target, and return those that answered, quickest first.

        ``on_found`` is told once of each, as soon as its first answers are there.  It takes at most ``IN_ALL`` seconds.
        """
        known = self._answering()
        places, attempts = asyncio.Semaphore(AT_ONCE), dict[str, list[_Attempt]]()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IN_ALL), asyncio.TaskGroup() as group:
                for cell in (c for c in self._by_promise(known) if c.engine in engines):
                    made = attempts.setdefault(cell.way, [])
                    sure = _key(cell) in known and cell.engine != "udp-second"  # which only listens after its first answer
                    turn = partial(_place, places, MAKES_ROOM if sure else OVERDUE)
                    group.create_task(self._measure(cell, _Wanted(tuple(hosts), target, on_found), made, turn))
        found = [_joined(way, made) for way, made in attempts.items()]
        return tuple(sorted((each for each in found if each), key=lambda each: each.seconds))

    async def https_record(self, host: str, target: str | None = None, way: str = "ech") -> bytes | None:
        """Return a name's ECHConfigList (RFC 9849) as the first encrypted resolver that works has it, or None.

        Recorded as a step of ``way``.  It takes at most 3 s.
        """
        cells = [c for c in self._by_promise(self._answering()) if c.engine in ENCRYPTED and c.engine != "doh-name"]
        context, question = self._context.stamped(WAYS, way=way, attempt=1), Question(host, "HTTPS", target)
        told: Observation | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ECH_IN_ALL):
                told = await first_told([partial(_told, context, cell, question) for cell in cells])
        keys = told.detail["ech"] if told else None
        return base64.b64decode(keys) if keys else None

    # --- the order -------------------------------------------------------------------------------------

    def _answering(self) -> frozenset[tuple[str, str]]:
        """Return which resolvers have answered anything in this run, and over what."""
        observations = self._context.trace.observations
        answered = (o.detail for o in observations if o.step is Step.DNS and o.failure is None)
        return frozenset((str(detail.get("resolver")), str(detail.get("engine"))) for detail in answered)

    def _by_promise(self, known: frozenset[tuple[str, str]]) -> list[Cell]:
        """Return the cells, those first that answered before; among equals by chance, since a fixed order would be a fingerprint."""
        cells = cells_of(self._context.resolvers)
        self._chance.shuffle(cells)
        return sorted(cells, key=lambda cell: (_key(cell) not in known, _ORDER.index(cell.engine)))

    # --- one cell --------------------------------------------------------------------------------------

    async def _measure(
        self, cell: Cell, wanted: _Wanted, made: list[_Attempt], turn: Callable[[], AbstractAsyncContextManager[None]]
    ) -> None:
        for number in range(1, ATTEMPTS + 1):
            async with turn():
                attempt = _Attempt(cell.way, wanted, first=not any(each.seconds is not None for each in made))
                made.append(attempt)
                context = self._context.stamped(WAYS, way=cell.way, attempt=number)
                await self._ask(context, cell, self._questions(wanted), attempt.take)
                attempt.finish()

    def _questions(self, wanted: _Wanted) -> list[Question]:
        """Return what is asked; IPv6 addresses last, and only where this computer could use them."""
        queries = ("A", "AAAA") if self._context.ipv6 else ("A",)
        return [Question(host, query, wanted.target) for query in queries for host in wanted.hosts]

    async def _ask(self, context: Context, cell: Cell, questions: list[Question], take: Listener) -> None:
        address, resolver = cell.resolver.addresses[0], cell.resolver
        if cell.transport == "udp":
            source = Source(resolver.id, address, resolver.filters, tries=UDP_TRIES, last=cell.engine == "udp-second")
            await asyncio.gather(*(ask_udp(context, question, source, take) for question in questions))
            return
        target = questions[0].target if questions else None
        door = Door(target, dress=CutQuestions if cell.engine == "tcp-cut" else None)
        if cell.engine == "doh-name":
            found = await self._named(context, cell, target)
            if found is None:
                return
            address, door = found, Door(target, name=cell.name)
        if context.dead.lost(address, PORTS[cell.transport]) >= TRIES:  # a whole connection's: now one at a time is enough
            door = msgspec.structs.replace(door, most=1)
        await _over_sessions(context, cell, address, door, questions, take)

    @staticmethod
    async def _named(context: Context, cell: Cell, target: str | None) -> str | None:
        """Return where the system's own resolver says that a resolver lives."""
        answers: list[Answer] = []
        await ask_system(context, Question(cell.name, target=target, purpose="resolver"), answers.append)
        return next((address for answer in answers for address in answer.addresses if not is_bogon(address)), None)


async def first_told(works: Sequence[Callable[[], Coroutine[Any, Any, T | None]]]) -> T | None:
    """Return the first result that is not None; the next work begins when one ends without, or after ``STAGGER`` seconds."""
    waiting, pending = list(works), set[asyncio.Task[T | None]]()
    try:
        while waiting or pending:
            if waiting:
                pending.add(asyncio.create_task(waiting.pop(0)()))
            timeout = STAGGER if waiting else None
            done, pending = await asyncio.wait(pending, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            results = [result for task in done if (result := task.result()) is not None]
            if results:
                return results[0]
        return None
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


async def _told(context: Context, cell: Cell, question: Question) -> Observation | None:
    """Ask one resolver for a name's keys; that it has none is an answer too, unless who says so refuses names by policy."""
    answers: list[Observation] = []
    with contextlib.suppress(BrokenSessionError):
        async with opened(context, cell.resolver, cell.transport, cell.resolver.addresses[0], Door(question.target)) as session:
            if session:
                answers.append(await session.ask(question, lambda _answer: None))
    definite = (a for a in answers if a.failure is None or (a.failure == NO_ANSWER and not cell.resolver.filters))
    return next(definite, None)


async def _over_sessions(context: Context, cell: Cell, address: str, door: Door, questions: list[Question], take: Listener) -> None:
    """Ask everything over one session; over another one what remains where the server ends it after some answers."""
    for _ in range(MOST_OPENINGS if door.most == TRIES else 1):
        async with opened(context, cell.resolver, cell.transport, address, door) as session:
            if session is None:
                return
            asked = await asyncio.gather(*(_asked(session, question, take) for question in questions))
        left = [question for question, done in zip(questions, asked, strict=True) if not done]
        if not left or len(left) == len(questions):
            return
        questions = left


async def _asked(session: Session, question: Question, take: Listener) -> bool:
    """Ask; False if the session had ended before."""
    try:
        await session.ask(question, take)
    except BrokenSessionError:
        return False
    return True


@asynccontextmanager
async def _place(places: asyncio.Semaphore, longest: float) -> AsyncIterator[None]:
    """Hold one of the places until the end of the block, or for ``longest`` seconds."""
    await places.acquire()
    held = [places]

    def make_room() -> None:
        while held:
            held.pop().release()

    timer = asyncio.get_running_loop().call_later(longest, make_room)
    try:
        yield
    finally:
        timer.cancel()
        make_room()


def _key(cell: Cell) -> tuple[str, str]:
    return cell.resolver.id, cell.transport


class _Wanted(msgspec.Struct, frozen=True):
    """What is asked for, on whose behalf, and who is told of it."""

    hosts: tuple[str, ...]
    target: str
    on_found: Callable[[Found], None]


class _Attempt:
    """The answers of one attempt, as they come in."""

    def __init__(self, way: str, wanted: _Wanted, *, first: bool) -> None:
        self._way = way
        self._wanted = wanted
        self._first = first  # nobody was told of this way yet
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._due = set(wanted.hosts)  # whose IPv4 addresses are not known yet
        self._known: dict[str, list[str]] = {}
        self.seconds: float | None = None

    def take(self, answer: Answer) -> None:
        """Take in one answer; when every host's IPv4 addresses were asked for, whoever waits is told."""
        if answer.failure is None and (public := [a for a in answer.addresses if not is_bogon(a)]):
            self._known.setdefault(answer.question.name, []).extend(public)
        if answer.question.query == "A":
            self._due.discard(answer.question.name)
            if not self._due:
                self.finish()

    def finish(self) -> None:
        """Note that the addresses are known, if there are any."""
        if self._known and self.seconds is None:
            self.seconds = self._loop.time() - self._began
            if self._first:
                self._wanted.on_found(Found(self._way, self.addresses, round(self.seconds, 4)))

    @property
    def addresses(self) -> dict[str, tuple[str, ...]]:
        """Return what was answered, IPv4 first, each address once."""
        return {host: tuple(sorted(dict.fromkeys(found), key=lambda a: ":" in a)) for host, found in self._known.items()}


def _joined(way: str, made: list[_Attempt]) -> Found | None:
    """Return what all attempts of a cell found together, or None."""
    good = [attempt for attempt in made if attempt.seconds is not None]
    if not good:
        return None
    addresses: dict[str, tuple[str, ...]] = {}
    for attempt in good:
        for host, found in attempt.addresses.items():
            addresses[host] = tuple(dict.fromkeys((*addresses.get(host, ()), *found)))
    return Found(way, addresses, round(statistics.median(attempt.seconds for attempt in good if attempt.seconds is not None), 4))
