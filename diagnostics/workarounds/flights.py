"""What is tried once the true addresses are known and the page does not open there as it is.

Each flight is tried until it passed twice or failed twice; after one of each a third try decides the rate.  All go on at the same
time within the bounds of politeness.  A try that died is worth something only where a harmless name passes at the same address right
afterwards (``spots.py``); one that is worth nothing leaves a ``system`` observation of the kind ``way_void`` beside its own, with
``why``:

    spoiled      the harmless name died there too, or was not to be had
    unreachable  no connection was made, so that nothing was tried
    renewed      the site's published key was old, and the server named another
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final

import msgspec

from diagnostics.bogons import is_address
from diagnostics.model import WAYS
from diagnostics.probes.context import Context
from diagnostics.probes.place import USUAL_PORTS, Place
from diagnostics.probes.tls import KERNEL_REPEATS
from diagnostics.routes.quic import has_quic
from diagnostics.workarounds.attempt import Aim, Handshake, Recipe, Try, attempt
from diagnostics.workarounds.browser import BrowserTls, EchTls, FindConfigs, has_utls
from diagnostics.workarounds.first_flight import MARKS, Layout, parse_layout
from diagnostics.workarounds.http3 import attempt_http3
from diagnostics.workarounds.identity import LAYOUTS, UNTESTED, VOID
from diagnostics.workarounds.spots import Spot, Spots

AT_ONCE: Final = 2
"""Connections to one address: more look like an attack, and give false results (bol-van/zapret#1000)."""

IN_FLIGHT: Final = 8
MOST_SECONDS: Final = 8.0
"""Seconds after which what is left stays untested."""

ENOUGH: Final = 2
"""Tries with the same outcome that settle a flight; with one of each a third is made."""

MOST_VOID: Final = 3
"""Tries of one flight that are worth nothing, before it is left untested."""

MOST_ADDRESSES: Final = 8
JITTER: Final = 0.03
"""Seconds, at most, by which tries begin apart: what leaves at once is easily recognised, and punished together."""

GAP: Final = 0.02
"""Seconds between the pieces of a flight: a relay on the way joins what comes closer together."""

GAP_OF_CHUNKS: Final = 0.004
"""Seconds between pieces where there are thirty of them."""


class Given(msgspec.Struct, frozen=True):
    """What a search for flights may use.

    ``addresses`` are true ones of both families, ``failed`` those of them at which the page does not open as it is, ``lookup`` how
    they were found ("doh:quad9", "" for the system's own), ``names`` and ``ports`` other ones of the same service; ``only`` narrows
    the search to some flights, without it all are tried.  ``shut``: the addresses themselves are shut, so that a harmless name there
    tells nothing of a try.
    """

    addresses: tuple[str, ...]
    failed: tuple[str, ...] = ()
    lookup: str = ""
    names: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    find_configs: FindConfigs | None = None
    only: frozenset[str] = frozenset()
    shut: bool = False

    def wants(self, flight: str) -> bool:
        """Tell whether a flight is to be tried."""
        return not self.only or flight in self.only


class Outcome(msgspec.Struct, frozen=True):
    """What came of one way; with neither ``passed`` nor ``failed`` it stays untested.  ``seconds`` of the tries that passed."""

    way: str
    passed: int = 0
    failed: int = 0
    void: int = 0
    seconds: tuple[float, ...] = ()


class _Flight:
    """One way under examination.  ``over``: its connection is made in the usual way, so that one that is not made says nothing of it."""

    def __init__(self, way: str, kind: str, aim: Aim, addresses: list[str], *, over: bool = False) -> None:
        self.way, self.kind, self.aim, self.addresses, self.over = way, kind, aim, addresses, over
        self.layout, self.gap = Layout(), 0.0
        self.handshake: Handshake | None = None
        self.busy = False
        self.number = self.passed = self.failed = self.void = 0
        self.seconds: list[float] = []
        self.used: Counter[str] = Counter()

    @property
    def settled(self) -> bool:
        """Tell whether there is nothing more to try."""
        enough = max(self.passed, self.failed) >= ENOUGH or self.passed + self.failed > ENOUGH
        return enough or self.void >= MOST_VOID

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.way, self.passed, self.failed, self.void, tuple(self.seconds))


class Flights:
    """The flights of one aim; ``run`` once."""

    def __init__(self, context: Context, aim: Aim, given: Given) -> None:
        """Prepare; nothing is sent before ``run``."""
        self._context, self._aim, self._given = context, aim, given
        self._spots = Spots(context, aim.target, aim.place.host)
        self._random = secrets.SystemRandom()
        self._six = [a for a in given.addresses if ":" in a][:MOST_ADDRESSES]
        self._four = [a for a in given.addresses if ":" not in a][:MOST_ADDRESSES] or self._six
        self._dead: set[tuple[str, int]] = set()  # places that took no connection
        self._ech = EchTls(aim.trusts, given.find_configs) if given.find_configs and has_utls() else None
        self._flights = self._listed()
        self._tasks: set[asyncio.Task[None]] = set()
        self._finding = 0
        self._end = 0.0

    async def run(self) -> tuple[Outcome, ...]:
        """Try everything and return what came of each way; ends within ``MOST_SECONDS``, and at once when cancelled."""
        loop = asyncio.get_running_loop()
        self._end = loop.time() + MOST_SECONDS
        self._begin_finding()
        try:
            while (left := self._end - loop.time()) > 0:
                self._launch(left)
                if not self._tasks or not self._hopeful():
                    break
                done, self._tasks = await asyncio.wait(self._tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # a defect goes on
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return tuple(flight.outcome for flight in self._flights)

    # --- what there is to try ---------------------------------------------------------------------

    def _listed(self) -> list[_Flight]:
        """Return the flights in the order of their promise: different in kind first, where connections are few."""
        aim, given, secure = self._aim, self._given, self._aim.place.scheme == "https"
        cuts = [self._cut(text) for text in LAYOUTS if secure and (not _needs_name(text) or not is_address(aim.place.host))]
        found = cuts[:2]
        if not secure:
            found.append(
                self._flight("https", self._four, place=msgspec.structs.replace(aim.place, scheme="https", port=USUAL_PORTS["https"]))
            )
        others = [a for a in self._four if a not in given.failed]
        if given.failed and others:
            found.append(self._flight("address", others))
        if self._six and self._context.ipv6 and not self._context.six.dead:
            found.append(self._flight("ipv6", self._six))
        if secure and has_quic():
            found.append(self._flight("h3", self._four))
        if secure and has_utls():
            found.append(self._over("browser", BrowserTls(aim.trusts).greet))
        found += [self._flight(f"port:{n}", self._four, place=msgspec.structs.replace(aim.place, port=n)) for n in given.ports]
        return [flight for flight in found + cuts[2:] if given.wants(flight.kind)]

    def _flight(self, kind: str, addresses: list[str], *, place: Place | None = None) -> _Flight:
        aim = msgspec.structs.replace(self._aim, place=place) if place else self._aim
        way = f"{self._given.lookup}|{kind}" if self._given.lookup else kind
        shuffled = list(addresses)
        self._random.shuffle(shuffled)
        return _Flight(way, kind, aim, shuffled)

    def _cut(self, text: str) -> _Flight:
        flight = self._over(text, None)
        flight.layout = parse_layout(text)
        flight.gap = GAP_OF_CHUNKS if flight.layout.kind == "chunk" else GAP
        return flight

    def _over(self, kind: str, handshake: Handshake | None) -> _Flight:
        flight = self._flight(kind, self._four)
        flight.over, flight.handshake = True, handshake
        return flight

    def _begin_finding(self) -> None:
        """Look for what other names and ECH need, beside the first tries."""
        finders = [self._find_name(name) for name in self._given.names]
        if self._ech is not None and self._given.wants("ech") and self._aim.place.scheme == "https":
            finders.append(self._find_key(self._ech))
        self._finding = len(finders)
        self._tasks |= {asyncio.get_running_loop().create_task(self._found(finder)) for finder in finders}

    async def _found(self, finder: Coroutine[None, None, _Flight | None]) -> None:
        try:
            flight = await finder
        finally:
            self._finding -= 1
        if flight is not None:
            self._flights.append(flight)

    async def _find_name(self, name: str) -> _Flight | None:
        addresses = list(await self._aim.find(name))[:MOST_ADDRESSES]
        place = Place("https", name, USUAL_PORTS["https"])
        return self._flight(f"name:{name}", addresses, place=place) if addresses else None

    async def _find_key(self, ech: EchTls) -> _Flight | None:
        return self._over("ech", ech.greet) if await ech.offers(self._aim.place.host) else None

    # --- what is tried when -----------------------------------------------------------------------

    def _launch(self, left: float) -> None:
        """Begin whatever may begin now: first what has passed once, so that it is confirmed; then what was tried least, in their order."""
        loop = asyncio.get_running_loop()
        if left > self._context.patience.wait(extra=KERNEL_REPEATS):  # one that cannot end would tell nothing
            for flight in sorted(self._flights, key=lambda f: (f.passed == 0, f.number)):
                spot = self._place_for(flight) if not flight.busy and not flight.settled else None
                if spot is not None:
                    flight.busy = True
                    spot.load += 1
                    flight.number += 1
                    flight.used[spot.address] += 1
                    self._tasks.add(loop.create_task(self._try(flight, spot, flight.number)))
        for spot in self._spots.spoiled:
            if not spot.recovering and self._wanted(spot):
                spot.recovering = True
                self._tasks.add(loop.create_task(self._recover(spot)))

    def _place_for(self, flight: _Flight) -> Spot | None:
        """Return where a flight may be tried now: where it was tried least, and where least goes on."""
        if sum(f.busy for f in self._flights) >= IN_FLIGHT:
            return None
        most = 1 if self._spots.residue else AT_ONCE
        free = [s for s in self._open_to(flight) if s.usable and s.load < most]
        return min(free, key=lambda s: (flight.used[s.address], s.load), default=None)

    def _open_to(self, flight: _Flight) -> list[Spot]:
        spots = map(self._spots.of, flight.addresses)
        return [s for s in spots if not s.given_up and (s.address, flight.aim.place.port) not in self._dead]

    def _wanted(self, spot: Spot) -> bool:
        return any(not f.settled and spot.address in f.addresses for f in self._flights)

    def _hopeful(self) -> bool:
        """Tell whether anything may still be learnt."""
        return bool(self._finding) or any(f.busy or (not f.settled and self._open_to(f)) for f in self._flights)

    async def _recover(self, spot: Spot) -> None:
        await self._spots.recover(spot, self._aim.place)

    async def _try(self, flight: _Flight, spot: Spot, number: int) -> None:
        try:
            await asyncio.sleep(self._random.uniform(0, JITTER))
            began = asyncio.get_running_loop().time()
            recipe = Recipe(flight.way, number, flight.layout, flight.gap, flight.handshake)
            trying = attempt_http3 if flight.kind == "h3" else attempt
            tried = await trying(self._context, flight.aim, spot.address, recipe)
            why = "" if tried.passed else await self._void(flight, spot, tried, began)
            if tried.passed:
                flight.passed += 1
                flight.seconds.append(tried.seconds)
            elif why:
                flight.void += 1
                self._note(flight, spot, number, why)
            else:
                flight.failed += 1
        finally:
            spot.load -= 1
            flight.busy = False

    def _note(self, flight: _Flight, spot: Spot, number: int, why: str) -> None:
        aim = flight.aim
        stamped = self._context.stamped(WAYS, way=flight.way, attempt=number, goal=aim.goal, at=spot.address)
        stamped.trace.note(VOID, target=aim.target, host=aim.place.host, purpose=UNTESTED, why=why)

    async def _void(self, flight: _Flight, spot: Spot, tried: Try, began: float) -> str:
        """Return why a try that did not pass is worth nothing, "" if it is worth something."""
        if flight.kind == "ech" and self._ech is not None and self._ech.renewed():
            return "renewed"
        if self._given.shut or (not tried.cut and tried.connected):
            return ""
        last = tried.evidence[-1]
        where = self._spots.of(last.address or spot.address)  # a page may have led elsewhere
        clean = await self._spots.clean(where, self._control_place(flight, last.detail))
        if not clean or where.spoiled_at >= began:
            return "spoiled"
        if not tried.connected and flight.over:
            self._dead.add((spot.address, flight.aim.place.port))
            return "unreachable"
        return ""

    def _control_place(self, flight: _Flight, detail: dict[str, Any]) -> Place:
        """Return where the harmless name is said: at the usual port where another one is what is being tried."""
        place = flight.aim.place
        if flight.kind.startswith("port:"):
            return self._aim.place
        scheme = "http" if str(detail.get("url", "")).startswith("http:") else place.scheme
        return Place(scheme, place.host, int(detail.get("port", place.port)))


def _needs_name(layout: str) -> bool:
    """Tell whether a layout cuts inside the name, which a flight to an address does not say."""
    return any(cut in MARKS for cut in parse_layout(layout).cuts)
