"""Looking for ways round what turned out to be blocked, while the rest of the run goes on.

What is tried follows from the cause: where only names are lied about, other lookups; where the connection is cut by the name,
other first flights; where addresses are shut, other addresses, protocols and names.  What opens the main place must open the
others that are shut as well, or it opens half a service.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from diagnostics.bogons import is_address, is_bogon
from diagnostics.judge.endpoints import EndpointJudge
from diagnostics.judge.evidence import Evidence, is_six
from diagnostics.judge.obstacles import Obstacle, obstacles
from diagnostics.model import Cause, Endpoint, Probe, Service, Status
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.lookup import Lookups
from diagnostics.probes.place import USUAL_PORTS, Place
from diagnostics.workarounds.attempt import Aim
from diagnostics.workarounds.flights import Flights, Given
from diagnostics.workarounds.identity import parse_way
from diagnostics.workarounds.lookups import Found, ResolverWays
from diagnostics.workarounds.pages import PlainPages

log = logging.getLogger("atajo.ways")

MOST_SECONDS: Final = 12.0
"""Seconds that the search for one target takes at most."""

MOST_PLACES: Final = 3
"""Places of a target that a way must open: the one that carries it, and two others."""

MOST_VERIFIED: Final = 4
"""Flights, the quickest that open the main place, that are tried at the others: with all of them a search would cost megabytes."""

ALIAS: Final = "_alias"
"""How the id of a function ends whose endpoints are other names of the one before: only those are offered as a way in."""

LEFT_OUT: Final = "ways_left_out"
"""Kind of the ``system`` observation for a target that is blocked and beyond those that a run searches for."""

MOST_TARGETS: Final = 6
AT_ONCE: Final = 2
"""Targets for which ways are tried in a run, and at the same time: a shut-down must not become a storm of tries."""

OF_NAMES: Final = frozenset({Cause.DNS_TAMPERING, Cause.DNS_NO_ANSWER})
OF_ADDRESSES: Final = frozenset({Cause.IP_BLOCKED})
OF_CLEAR_TEXT: Final = frozenset({Cause.HTTP_BLOCKED, Cause.BLOCK_PAGE})

SETTABLE: Final = ("doh-name", "doh", "dot")
"""Lookups that a person can set up, in the order in which browsers and apps take them."""

ELSEWHERE: Final = ("address", "ipv6", "h3")


class Search:
    """The search of one run; its targets share what is found out about resolvers."""

    def __init__(self, context: Context, evidence: Evidence, lookups: Lookups) -> None:
        """Judge what is shut by ``evidence``; nothing is sent before ``around``."""
        self._context = context
        self._evidence = evidence
        self._lookups = lookups
        self._resolvers = ResolverWays(context)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._begun: set[str] = set()

    def wanted(self, target: Service) -> bool:
        """Tell whether something of a target is shut that a way could lead round, and that was not searched before."""
        return target.id not in self._begun and bool(obstacles(EndpointJudge(self._evidence), target))

    def room(self, target: Service) -> bool:
        """Tell whether this run may search for one more target; that it may not is noted, so that nobody takes it for a failure."""
        if len(self._begun) < MOST_TARGETS:
            return True
        self._context.trace.note(LEFT_OUT, target=target.id)
        return False

    async def around(self, target: Service, trusts: Trusts) -> None:
        """Try ways round what is shut for a target; returns when they were tried or the time for it is over."""
        shut = obstacles(EndpointJudge(self._evidence), target)[:MOST_PLACES]
        if not shut:
            return
        self._begun.add(target.id)
        async with self._turns:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MOST_SECONDS):
                    await _TargetSearch(self._context, self._evidence, self._lookups, self._resolvers, target, trusts).run(shut)


class _TargetSearch:
    """The search for one target."""

    def __init__(
        self, context: Context, evidence: Evidence, lookups: Lookups, resolvers: ResolverWays, target: Service, trusts: Trusts
    ) -> None:
        self._context, self._evidence, self._lookups = context, evidence, lookups
        self._resolvers, self._target, self._trusts = resolvers, target, trusts
        self._endpoints = EndpointJudge(evidence)

    async def run(self, shut: Sequence[Obstacle]) -> None:
        cause = shut[0].cause
        if cause in OF_NAMES:
            await self._by_names(shut)
        elif shut[0].endpoint.probe is Probe.HTTP or cause in OF_CLEAR_TEXT:
            await self._fly(shut, ("https",))
        elif cause in OF_ADDRESSES:
            await self._elsewhere(shut)
        else:
            await self._fly(shut)

    async def _by_names(self, shut: Sequence[Obstacle]) -> None:
        """Ask other resolvers, and see whether the pages open where they point; where those are cut too, fly there otherwise."""
        # a page in clear text proves no address: whoever lies about names can serve one
        pages = PlainPages(self._context, {each.endpoint.host: self._aim(each.endpoint, secure=True) for each in shut})
        found: list[Found] = []

        def on_found(cell: Found) -> None:
            found.append(cell)
            for host, addresses in cell.addresses.items():
                pages.see(host, self._usable(addresses))

        flying = asyncio.get_running_loop().create_task(self._fly_if_cut(shut, pages, found))
        try:
            await self._resolvers.survey(tuple(each.endpoint.host for each in shut), self._target.id, on_found)
            await pages.done()
            if pages.cut(shut[0].endpoint.host):
                await flying
        finally:
            flying.cancel()
            pages.close()
            await asyncio.gather(flying, return_exceptions=True)

    async def _fly_if_cut(self, shut: Sequence[Obstacle], pages: PlainPages, found: list[Found]) -> None:
        """Begin to fly as soon as a true address turns out to be cut as well; the matrix of resolvers goes on beside it."""
        main = shut[0].endpoint.host
        await pages.visited(main)
        if pages.opened(main) or not pages.cut(main):
            return
        best = min((cell for cell in found if cell.addresses.get(main)), key=_rank, default=None)
        if best is not None:
            await self._fly(shut, lookup=best.way, more=best.addresses)

    async def _elsewhere(self, shut: Sequence[Obstacle]) -> None:
        """Fly to what is known, and, by the lookup that knows more addresses than everybody else, to those that nobody gave."""
        hosts = tuple(each.endpoint.host for each in shut if not is_address(each.endpoint.host))
        found = await self._resolvers.survey(hosts, self._target.id, engines=SETTABLE[:2]) if hosts else ()
        fresh = {cell.way: self._fresh(cell) for cell in found}
        most = max(found, key=lambda cell: (fresh[cell.way], -cell.seconds), default=None)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._fly(shut, ("ipv6", "h3"), closed=True))
            if most is not None and fresh[most.way]:
                group.create_task(self._fly(shut, ELSEWHERE, lookup=most.way, more=most.addresses, closed=True))

    def _fresh(self, cell: Found) -> int:
        """Return how many addresses a lookup gave that were not tried before."""
        known = {address for host in cell.addresses for address in self._endpoints.names(host).believed}
        return len({a for addresses in cell.addresses.values() for a in self._usable(addresses)} - known)

    async def _fly(
        self,
        shut: Sequence[Obstacle],
        only: Sequence[str] = (),
        *,
        lookup: str = "",
        more: Mapping[str, Sequence[str]] | None = None,
        closed: bool = False,
    ) -> None:
        """Try flights to the main place, and those that arrive to the others.

        ``more`` are addresses that nobody gave before; ``closed``: those that were given are shut.
        """
        wanted, names = frozenset(only), self._other_names(shut[0].endpoint)
        for each in shut:
            host = each.endpoint.host
            known = [] if is_address(host) else list(self._endpoints.names(host).believed)
            usable = self._usable(dict.fromkeys((*known, *(more or {}).get(host, ()))))
            if not usable:
                continue
            find = partial(self._resolvers.https_record, target=self._target.id, way=f"{lookup}|ech" if lookup else "ech")
            failed = tuple(a for a in known if a in usable) if closed else ()
            ports = self._other_ports(each.endpoint) if not only else ()
            given = Given(usable, failed=failed, lookup=lookup, names=names, ports=ports, find_configs=find, only=wanted, shut=closed)
            outcomes = await Flights(self._context, self._aim(each.endpoint), given).run()
            if each is shut[0]:
                arrived = sorted((o for o in outcomes if o.passed), key=lambda o: (o.failed, min(o.seconds)))
                best = map(parse_way, (o.way for o in arrived[:MOST_VERIFIED]))
                wanted, names = frozenset(way.flight for way in best if way), ()
                if not wanted:
                    return

    def _other_ports(self, endpoint: Endpoint) -> tuple[int, ...]:
        """Return other ports at which the service shakes hands under the same name."""
        same = [e for f in self._target.functions for e in f.endpoints if e.host == endpoint.host and e.port != endpoint.port]
        return tuple(dict.fromkeys(e.port for e in same if e.probe in (Probe.HTTPS, Probe.TLS)))

    def _other_names(self, shut: Endpoint) -> tuple[str, ...]:
        """Return other names of the very page that is shut, as the service's data has them (function ``<id>_alias``), that open."""
        own = {f"{f.id}{ALIAS}" for f in self._target.functions if shut in f.endpoints}
        named = [e for f in self._target.functions if f.id in own for e in f.endpoints if e.probe is Probe.HTTPS]
        return tuple(dict.fromkeys(e.host for e in named if self._endpoints.judge(self._target.id, e).status is Status.WORKS))

    def _aim(self, endpoint: Endpoint, *, secure: bool = False) -> Aim:
        """Return what must open; ``secure``: under a certificate, also where it was asked for in clear text."""
        clear = endpoint.probe is Probe.HTTP
        port = USUAL_PORTS["https"] if clear and secure else endpoint.port
        place = Place("http" if clear and not secure else "https", endpoint.host, port, endpoint.path)
        return Aim(self._target.id, place, self._trusts, self._find, page=endpoint.probe is not Probe.TLS)

    def _usable(self, addresses: Iterable[str]) -> tuple[str, ...]:
        return tuple(a for a in addresses if not is_bogon(a) and (self._context.ipv6 or not is_six(a)))

    async def _find(self, host: str) -> Sequence[str]:
        """Return where a page that leads elsewhere leads to."""
        if is_address(host):
            return () if is_bogon(host) else (host,)
        known = self._usable(self._endpoints.names(host).believed)
        if known:
            return known
        lookup = self._lookups.of(host, self._target.id, "way")
        given = await lookup.system_addresses()
        return self._usable(given or await lookup.other_addresses(tried=[]))


def _rank(cell: Found) -> tuple[int, float]:
    """Put first the lookups that nobody can forge, of those the ones that browsers and apps can be told to use; then the quick ones."""
    way = parse_way(cell.way)
    return SETTABLE.index(way.engine) if way is not None and way.engine in SETTABLE else len(SETTABLE), cell.seconds
