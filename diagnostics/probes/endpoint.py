"""Following one endpoint as far as its probe says: names, connection, encryption, page.

Every address is connected to and recorded; the first that answers is followed further.  A failure is not the end but a
question: ``followups`` asks at once what tells a block from a fault.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import msgspec

from diagnostics.bogons import is_address
from diagnostics.doubt import LEAST
from diagnostics.failures import EOF, TIMEOUT, died
from diagnostics.model import Endpoint, Observation, Probe, Step
from diagnostics.probes.context import Context, either
from diagnostics.probes.followups import FollowUps
from diagnostics.probes.http import Reply, fetch
from diagnostics.probes.inquiry import ask
from diagnostics.probes.lookup import Lookups
from diagnostics.probes.mtproto import ask_mtproto
from diagnostics.probes.place import Asking, Greeting, Place, next_place
from diagnostics.probes.quic import QuicInquiry
from diagnostics.probes.speed import Sample, fetch_anew
from diagnostics.probes.stun import StunInquiry
from diagnostics.probes.tcp import connect
from diagnostics.probes.tls import Shake, shake
from diagnostics.streams import Stream
from diagnostics.trust import Trust

MAX_HOPS: Final = 8
"""Redirects followed; browsers allow 20, honest sites need three."""

INQUIRIES: Final[dict[Probe, type[StunInquiry] | type[QuicInquiry]]] = {Probe.STUN: StunInquiry, Probe.QUIC: QuicInquiry}
"""What is asked over UDP."""

AGAIN: Final = 2
"""Times that a page which was cut is asked for again: three cuts of three, and the other name through twice, is no chance."""

HOLD: Final = 0.5
"""Seconds, plus two round trips, that a chat connection must stay open: a filter that cuts after connecting does so at once."""


class Served(msgspec.Struct, frozen=True):
    """An endpoint that gave what its probe asks for; ``reply`` where that is a page."""

    reply: Reply | None = None


class Arrival(msgspec.Struct, frozen=True):
    """A connection that is open and waits to be followed; set ``left`` to have it closed."""

    address: str
    stream: Stream
    left: asyncio.Event


class Trusts(msgspec.Struct, frozen=True):
    """Whom a target's certificates may come from: a service's own roots count for its own names only."""

    store: Trust
    own_roots: str | None = None
    suffixes: tuple[str, ...] = ()

    def of(self, host: str) -> ssl.SSLContext:
        """Return the context for one host name."""
        return self.store.with_extra(self.own_for(host))

    def hidden(self, host: str) -> ssl.SSLContext:
        """Return the context for one host's certificate where another name is said."""
        return self.store.nameless(self.own_for(host))

    def own_for(self, host: str) -> str | None:
        """Return the service's own roots (PEM) where they may vouch for a host."""
        belongs = any(host == suffix or host.endswith(f".{suffix}") for suffix in self.suffixes)
        return self.own_roots if belongs else None


class EndpointProbe:
    """Measures one endpoint of one target (or of the controls, with target None)."""

    def __init__(
        self, context: Context, lookups: Lookups, followups: FollowUps, *, target: str | None, trusts: Trusts, purpose: str = "target"
    ) -> None:
        """Measure on behalf of ``target``; ``purpose`` is written into every observation."""
        self._context = context
        self._lookups = lookups
        self._followups = followups
        self._target = target
        self._trusts = trusts
        self._purpose = purpose
        self._cut: set[str] = set()  # hosts whose handshake was cut at some address
        self._unanswered: set[str] = set()  # hosts whose handshake was never answered at some address

    async def measure(self, endpoint: Endpoint) -> None:
        """Follow one endpoint to its end, or to what stops it; returns when its follow-up questions are answered too."""
        if endpoint.probe is Probe.DNS:
            await self._lookups.of(endpoint.host, self._target, self._purpose).system_addresses()
            return
        if endpoint.probe in INQUIRIES:
            await self._ask_over_udp(endpoint)
            return
        place: Place | None = Place("http" if endpoint.probe is Probe.HTTP else "https", endpoint.host, endpoint.port, endpoint.path)
        seen: set[str] = set()
        async with asyncio.TaskGroup() as questions:
            while place and place.url not in seen and place.hop <= MAX_HOPS:
                seen.add(place.url)
                served = await self._visit(place, endpoint.probe, questions)
                reply = served.reply if served else None
                place = next_place(place, reply.status, reply.headers.get("location")) if reply else None

    async def _ask_over_udp(self, endpoint: Endpoint) -> None:
        """Ask the system's addresses at once, then, only if none of them answered, what other resolvers know."""

        async def answers(address: str) -> bool:
            asking, inquiry = Asking(address, self._target, self._purpose), INQUIRIES[endpoint.probe]()
            return (await ask(self._context, endpoint.host, endpoint.port, asking, inquiry)).failure is None

        if is_address(endpoint.host):
            await answers(endpoint.host)
            return
        lookup = self._lookups.of(endpoint.host, self._target, self._purpose)
        given = await lookup.system_addresses()
        if not any(await asyncio.gather(*map(answers, given))):
            await asyncio.gather(*map(answers, await lookup.other_addresses(tried=given)))

    async def _visit(self, place: Place, probe: Probe, questions: asyncio.TaskGroup) -> Served | None:
        """Try the system's addresses, then, only if none of them served, what other resolvers know."""
        if is_address(place.host):
            return await self._try(place, [place.host], probe, questions)
        lookup = self._lookups.of(place.host, self._target, self._purpose)
        if place.scheme == "http" or probe not in (Probe.HTTPS, Probe.TLS):
            lookup.compare()  # no certificate will vouch for the address
        given = await lookup.system_addresses()
        served = await self._try(place, given, probe, questions)
        if served is None and place.host in self._unanswered and self._context.losses.enough_tries > LEAST:
            served = await self._try(place, given, probe, questions)  # on a line that loses packets a handshake may have been lost whole
        if served is None:
            served = await self._try(place, await lookup.other_addresses(tried=given), probe, questions)
        return served

    async def _try(self, place: Place, addresses: list[str], probe: Probe, questions: asyncio.TaskGroup) -> Served | None:
        """Connect to all addresses at once; follow those that answer, one after another, until one serves."""
        arrivals: asyncio.Queue[Arrival | None] = asyncio.Queue()
        enough = asyncio.Event()
        for address in addresses:
            self._context.spawn(self._connect(place, address, arrivals, enough, questions))
        try:
            for number, _ in enumerate(addresses, start=1):
                arrival = await arrivals.get()
                if arrival is None:
                    continue
                served = await self._follow(place, arrival, probe, questions)
                return served or await self._follow_all(place, arrivals, len(addresses) - number, probe, questions)
            return None
        finally:
            enough.set()

    async def _follow_all(
        self, place: Place, arrivals: asyncio.Queue[Arrival | None], due: int, probe: Probe, questions: asyncio.TaskGroup
    ) -> Served | None:
        """Follow the remaining connections at the same time; return the first that serves."""

        async def follow_next() -> Served | None:
            arrival = await arrivals.get()
            if arrival is None:
                return None
            if place.host in self._cut:
                return await self._follow_after_neutral(place, arrival, probe, questions)
            return await self._follow(place, arrival, probe, questions)

        outcomes = await asyncio.gather(*(follow_next() for _ in range(due)))
        return next((served for served in outcomes if served), None)

    async def _follow_after_neutral(self, place: Place, arrival: Arrival, probe: Probe, questions: asyncio.TaskGroup) -> Served | None:
        """Say the harmless name first, then connect anew: the connection at hand would hold the place that this needs."""
        arrival.left.set()
        address = arrival.address
        await self._followups.neutral_before(place.host, address, place.port)
        async with self._context.limits.slot(address):
            _, stream = await self._connect_until_sure(place, address, asyncio.Event())
            if stream is None:
                return None
            async with stream:
                return await self._follow(place, Arrival(address, stream, asyncio.Event()), probe, questions)

    async def _connect(
        self, place: Place, address: str, arrivals: asyncio.Queue[Arrival | None], enough: asyncio.Event, questions: asyncio.TaskGroup
    ) -> None:
        """Connect, and keep the connection until it was followed or is not needed any more."""
        async with self._context.limits.slot(address):
            six_is_dead = ":" in address and self._context.six.dead and not is_address(place.host)
            if six_is_dead or (address, place.port) in self._context.dead:
                arrivals.put_nowait(None)
                return
            observation, stream = await self._connect_until_sure(place, address, enough)
            if stream is None:
                if not enough.is_set():
                    questions.create_task(self._followups.connection_failed(place.host, observation))
                arrivals.put_nowait(None)
                return
            async with stream:
                arrival = Arrival(address, stream, asyncio.Event())
                arrivals.put_nowait(arrival)
                await either(arrival.left, enough)

    async def _connect_until_sure(self, place: Place, address: str, enough: asyncio.Event) -> tuple[Observation, Stream | None]:
        """Connect; a silent place is tried again for as long as chance may explain its silence on this line, unless another served."""
        dead, losses, purpose = self._context.dead, self._context.losses, self._purpose
        while True:
            slow = asyncio.ensure_future(self._followups.plain_if_slow(place.host, address, place.port, self._target))
            try:
                observation, stream = await connect(
                    self._context, address, place.port, target=self._target, host=place.host, purpose=purpose
                )
            finally:
                slow.cancel()
            lost = dead.lost(address, place.port)
            if stream is not None or enough.is_set() or not 0 < lost < losses.enough_tries:
                return observation, stream
            purpose = "repeat"

    async def _follow(self, place: Place, arrival: Arrival, probe: Probe, questions: asyncio.TaskGroup) -> Served | None:
        try:
            return await self._ask_for_it(place, arrival, probe, questions)
        finally:
            arrival.left.set()

    async def _ask_for_it(self, place: Place, arrival: Arrival, probe: Probe, questions: asyncio.TaskGroup) -> Served | None:
        if probe is Probe.TCP:
            return Served()
        if probe is Probe.TCP_HOLD:
            return await self._hold(place, arrival)
        if probe is Probe.MTPROTO:
            return await self._greet(place, arrival, questions)
        stream: Stream | None = arrival.stream
        if place.scheme == "https":
            stream = await self._secure(place, arrival, questions)
            if stream is None:
                return None
            if probe is Probe.TLS:
                return Served()
        asking = Asking(arrival.address, self._target, self._purpose)
        observation, reply = await fetch(self._context, stream or arrival.stream, place, asking)
        sample = self._sample(place, observation)
        self._followups.speeds.saw(sample)
        if observation.failure and not sample.frozen:  # one that froze is compared at the end of the run
            questions.create_task(self._cut_short(sample, observation))
        elif place.scheme == "http" and self._purpose == "target":
            questions.create_task(self._followups.page_came_in_clear(place, arrival.address))
        return Served(reply) if reply and not observation.failure else None

    def _sample(self, place: Place, page: Observation) -> Sample:
        return Sample(
            place=place,
            address=str(page.address),
            target=self._target,
            trust=self._trusts.of(place.host),
            hidden=self._trusts.hidden(place.host),
            body_bytes=int(page.detail.get("body_bytes") or 0),
            body_seconds=float(page.detail.get("body_seconds") or 0.0),
            received=int(page.detail.get("received") or 0),
            failure=page.failure,
        )

    async def _cut_short(self, sample: Sample, failed: Observation) -> None:
        """After a request that was cut: the same again, and under another name where a filter could see the name.

        One cut may be chance, so both are asked for twice; a page that comes in whole ends it.
        """
        asking = [Asking(sample.address, self._target, purpose) for purpose in ("repeat", "other_name")]
        for _ in range(AGAIN):
            again = await fetch_anew(self._context, sample, asking[0])
            if again is None or again.failure is None:
                break
            if sample.place.scheme == "https":
                await fetch_anew(self._context, sample, asking[1])
        await self._followups.page_failed(sample.place, failed)

    async def _secure(self, place: Place, arrival: Arrival, questions: asyncio.TaskGroup) -> Stream | None:
        """Shake hands; while the answer is slow to come, ask the same address with a harmless name at the same time."""
        slow = questions.create_task(self._followups.neutral_if_slow(place.host, arrival.address, place.port))
        shaken = await self._shake(place, arrival.address, arrival.stream, self._purpose)
        slow.cancel()
        if shaken.stream is None:
            if died(shaken.observation):
                self._cut.add(place.host)
            if shaken.observation.failure == TIMEOUT:
                self._unanswered.add(place.host)
            questions.create_task(self._followups.handshake_failed(shaken.observation, self._trusts.of(place.host)))
        return shaken.stream

    async def _shake(self, place: Place, address: str, stream: Stream, purpose: str) -> Shake:
        await self._context.trusting()
        greeting = Greeting(place.port, place.host, place.host, Asking(address, self._target, purpose))
        return await shake(self._context, stream, self._trusts.of(place.host), greeting)

    async def _greet(self, place: Place, arrival: Arrival, questions: asyncio.TaskGroup) -> Served | None:
        """Ask in Telegram's protocol; again over a new connection if no answer comes: one cut may be chance."""
        asking = Asking(arrival.address, self._target, self._purpose)
        observation = await ask_mtproto(self._context, arrival.stream, place.host, place.port, asking)
        if observation.failure is None:
            return Served()
        questions.create_task(self._greet_again(place, arrival.address))
        return None

    async def _greet_again(self, place: Place, address: str) -> None:
        asking = Asking(address, self._target, "repeat")
        async with self._context.limits.slot(address):
            _, stream = await connect(self._context, address, place.port, target=self._target, host=place.host, purpose="repeat")
            if stream:
                async with stream:
                    await ask_mtproto(self._context, stream, place.host, place.port, asking)

    async def _hold(self, place: Place, arrival: Arrival) -> Served | None:
        """See whether the connection is left open; what the server says meanwhile does not matter."""
        with self._context.trace.step(Step.TCP, target=self._target, host=place.host, address=arrival.address) as step:
            step.detail = {"port": place.port, "tries": 1, "purpose": "hold"}
            wait = min(HOLD + 2 * (self._context.patience.round_trip or 0.0), 4.0)
            try:
                async with asyncio.timeout(wait):
                    if not await arrival.stream.read():
                        step.failure = EOF
            except TimeoutError:
                step.failure = None  # nothing happened: that is what a chat server does before it is spoken to
        return None if step.done.failure else Served()
