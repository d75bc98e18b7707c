"""Fetches the newest bundle over the first way that works.

The order: the direct line with the system's lookup of names; the direct line with addresses from encrypted lookups; then the person's
proxies, as they stand in their list.  Over each way every source is asked until one gives something newer.  Only the pinned places
(``pinned.py``) are contacted, only with a valid certificate, and no redirect is followed.  The request says what any browser's would
and nothing about who asks or what is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from diagnostics.bogons import is_address, is_bogon
from diagnostics.catalog import Catalog
from diagnostics.failures import NXDOMAIN, ProtocolError
from diagnostics.model import Resolver
from diagnostics.network import Network
from diagnostics.probes.context import Context
from diagnostics.probes.dns import Answer, Question
from diagnostics.probes.http import GOOD, HttpConnection
from diagnostics.probes.place import USUAL_PORTS
from diagnostics.probes.resolvers import BrokenSessionError, engines_of, opened
from diagnostics.probes.route import RouteProbe
from diagnostics.probes.tcp import connect_silently
from diagnostics.routes.link import APPS, Link
from diagnostics.streams import Stream
from diagnostics.trace import Trace
from diagnostics.updates.bundle import Bundle, BundleReader, Check
from diagnostics.updates.manifest import Refusal, RefusedError
from diagnostics.updates.pinned import Pinned, Source

OPENING: Final = 20.0
"""Seconds until a way is open, names and handshakes included; a proxy may need several of them."""

WHOLE: Final = 90.0
"""Seconds for a bundle: 200 KB over a line of 20 kbit/s."""

SILENCE: Final = 20.0
"""Seconds without a single byte after which a way counts as dead."""

MOST_ADDRESSES: Final = 3
MOST_OPERATORS: Final = 6
"""Encrypted resolvers of different operators that are asked for the name of a source: some are blocked where this matters."""

LOST: Final = (OSError, EOFError)
"""What a way may raise: the next one is tried."""

SPOILT: Final = (Refusal.DAMAGED, Refusal.NOT_OURS)
"""What a way may have done to a bundle: the next one is tried."""


class Road(enum.StrEnum):
    """By which way a bundle came."""

    DIRECT = "direct"
    ENCRYPTED_NAMES = "encrypted_names"
    PROXY = "proxy"


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle, and by which way it came; ``proxy`` is the route's id if it was one."""

    bundle: Bundle
    road: Road
    proxy: str = ""


Tell = Callable[[Road, str], None]
"""Hears which way is tried next, with the id of the proxy if it is one."""


class Fetcher:
    """One search for a newer bundle.  Make it inside a running loop."""

    def __init__(self, network: Network, catalog: Catalog, pinned: Pinned, check: Check, links: Sequence[Link] = ()) -> None:
        """Go over ``network``, and over the proxies ``links``; ``check`` tells whether a bundle is wanted."""
        self._pinned = pinned
        self._check = check
        self._links = [link for link in links if link.kind not in APPS]
        self._context = Context(network, Trace(), catalog.resolvers, catalog.controls).unheard()
        self._spoilt: RefusedError | None = None  # what came was no bundle, which may be the way's fault

    async def fetch(self, tell: Tell = lambda _road, _proxy: None) -> Fetched:
        """Return a newer bundle.  Raises RefusedError: what was offered is not taken, nothing was reached, or nobody may be asked.

        A refusal counts only where no source has anything better; SAME goes before the others, since it is no fault.
        """
        if not self._pinned.keys:
            raise RefusedError(Refusal.NO_KEY)
        if not self._pinned.sources:
            raise RefusedError(Refusal.NO_SOURCE)
        context = self._context
        async with context.settled():
            await context.network.trust.prepare()
            for road, link in [(Road.DIRECT, None), (Road.ENCRYPTED_NAMES, None), *((Road.PROXY, link) for link in self._links)]:
                proxy = link.id if link else ""
                tell(road, proxy)
                bundle = await self._over(road, link)
                if bundle is not None:
                    return Fetched(bundle=bundle, road=road, proxy=proxy)
        raise self._spoilt or RefusedError(Refusal.NOT_REACHED)

    async def _over(self, road: Road, link: Link | None) -> Bundle | None:
        """Return the first newer bundle of the sources over one way; None where the way leads to none of them."""
        refusals: list[RefusedError] = []
        for source in self._pinned.sources:
            try:
                async with asyncio.timeout(OPENING) as limit, self._open(road, link, source) as stream:
                    limit.reschedule(asyncio.get_running_loop().time() + WHOLE)
                    return await self._read(stream, source)
            except RefusedError as refusal:
                refusals.append(refusal)
            except LOST:
                continue
        known = [refusal for refusal in refusals if refusal.why not in SPOILT]
        self._spoilt = next(iter(refusals), self._spoilt)
        if known:
            raise next((refusal for refusal in known if refusal.why is Refusal.SAME), known[0])
        return None

    async def _read(self, stream: Stream, source: Source) -> Bundle:
        """Ask for the bundle and read it.  Raises RefusedError, and what is in ``LOST``."""
        reader = BundleReader(self._pinned.keys, self._check)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(SILENCE) as silence:

            def take(data: bytes) -> None:
                silence.reschedule(loop.time() + SILENCE)
                reader.feed(data)

            reply = await HttpConnection(stream).request("GET", _authority(source), source.path, take=take)
        if reply.status != GOOD:
            raise ProtocolError("http_request_failed", f"status {reply.status}")
        if not reply.complete:
            message = "cut in the middle"
            raise EOFError(message)
        return reader.finish()

    @asynccontextmanager
    async def _open(self, road: Road, link: Link | None, source: Source) -> AsyncIterator[Stream]:
        """Lend a stream to a source, inside TLS with its certificate believed.  Raises what is in ``LOST``."""
        below = await self._through(link, source) if link else await self._connected(road, source)
        async with below:
            trust = self._context.network.trust.public
            yield await self._context.network.start_tls(below, trust, source.host)

    async def _through(self, link: Link, source: Source) -> Stream:
        probe = RouteProbe(self._context, link)
        stream = None
        if await probe.begin():
            stream, _ = await probe.way.open(source.host, source.port, None, "update")
        if stream is None:
            message = "the proxy does not lead there"
            raise EOFError(message)
        return stream

    async def _connected(self, road: Road, source: Source) -> Stream:
        error: OSError = ProtocolError(NXDOMAIN, "the name leads nowhere")
        for address in (await self._addresses(road, source.host))[:MOST_ADDRESSES]:
            try:
                return await connect_silently(self._context, address, source.port, {})
            except OSError as failed:
                error = failed
        raise error

    async def _addresses(self, road: Road, host: str) -> list[str]:
        """Return addresses of a source; a name that leads into a private network is a lie and leads nowhere.  Raises OSError."""
        if is_address(host):
            return [host] if road is Road.DIRECT else []
        if road is Road.DIRECT:
            found = await self._context.network.resolve(host, socket.AF_UNSPEC)
        else:
            found = await self._asked_in_secret(host)
        return sorted((address for address in found if not is_bogon(address)), key=lambda each: ":" in each)  # IPv6 may lead nowhere

    async def _asked_in_secret(self, host: str) -> list[str]:
        """Return what the first encrypted resolver to answer says."""
        asked = [asyncio.ensure_future(self._ask(resolver, host)) for resolver in _encrypted(self._context.resolvers)]
        try:
            for answer in asyncio.as_completed(asked):
                if found := [address for address in await answer if not is_bogon(address)]:
                    return found
        finally:
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return []

    async def _ask(self, resolver: Resolver, host: str) -> list[str]:
        answers: list[Answer] = []
        engine = "doh" if "doh" in engines_of(resolver) else "dot"
        async with opened(self._context, resolver, engine, resolver.addresses[0]) as session:
            if session is not None:
                with contextlib.suppress(BrokenSessionError):
                    await session.ask(Question(host, purpose="update"), answers.append)
        return list(itertools.chain.from_iterable(answer.addresses for answer in answers if answer.failure is None))


def _encrypted(resolvers: Sequence[Resolver]) -> list[Resolver]:
    """Return resolvers of different operators that can be asked over TLS, those that filter nothing first."""
    chosen: dict[str, Resolver] = {}
    for resolver in sorted(resolvers, key=lambda each: each.filters):
        if resolver.addresses and {"doh", "dot"} & set(engines_of(resolver)):
            chosen.setdefault(resolver.operator, resolver)
    return list(chosen.values())[:MOST_OPERATORS]


def _authority(source: Source) -> str:
    host = f"[{source.host}]" if ":" in source.host else source.host
    return host if source.port == USUAL_PORTS["https"] else f"{host}:{source.port}"
