"""The test of a WireGuard profile: does the server answer, do the keys fit, does anything pass, and in which sizes?

Detail besides that of ``diagnostics/vpn/probing.py``: ``handshake``: ``tries``, ``answer`` (response | cookie),
``asked_for_patience`` where a cookie came first; ``data``: ``heard`` (what
was answered: dns, ping, tcp), ``rounds``; ``dns``: ``tries``; ``mtu``: ``passed`` and ``lost``, sizes in bytes of packets inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Coroutine
from typing import Any, Final

from diagnostics.bogons import is_bogon
from diagnostics.failures import TIMEOUT
from diagnostics.probes.dns import Question, new_query, read_reply
from diagnostics.streams import Datagrams
from diagnostics.trace import StepRecord
from diagnostics.vpn.by_proxy import Elsewhere
from diagnostics.vpn.in_use import leave_its_own_tunnel
from diagnostics.vpn.life import look_for_life
from diagnostics.vpn.probing import LADDER, Probing
from diagnostics.vpn.tunnel import Tunnel
from diagnostics.vpn.wireguard.noise import Greeting, Identity, WrongPresharedKeyError, junk_packets
from diagnostics.vpn.wireguard.profile import WireGuardProfile
from diagnostics.vpn.wireguard.session import Session
from diagnostics.vpn.wireguard.tunnel import WireGuardTunnel

WRONG_PSK: Final = "unknown_failure: wrong pre-shared key"
DNS_PORT: Final = 53
SECURE_PORT: Final = 443

ROUNDS: Final = 3
ROUND_WAIT: Final = 1.5
"""How often something is asked for inside, and the seconds that each time may take on top of this line's patience."""

SIZES: Final = (576, 1000, 1200, 1280, 1350, 1400)
"""Bytes of packets inside that are tried besides the profile's own limit; every way carries 1280 (IPv6)."""


async def measure_wireguard(probing: Probing) -> Tunnel | None:
    """Test a WireGuard profile; the tunnel, where packets pass, is the caller's to close."""
    profile = probing.profile
    if not isinstance(profile, WireGuardProfile):
        raise TypeError(profile.protocol)
    greeted = False
    for address in await probing.find():
        if not await leave_its_own_tunnel(probing, address):
            return None
        flow, session = await _greet(probing, profile, address)
        if flow is not None and session is not None:
            return await _use(probing, profile, flow, session)
        greeted = flow is not None
        if greeted:
            break
    if not greeted:
        await asyncio.gather(*(look_for_life(probing, address) for address in probing.addresses[:1]))
    return None


async def _greet(probing: Probing, profile: WireGuardProfile, address: str) -> tuple[Datagrams | None, Session | None]:
    """Return an open flow and the session's keys; a flow without keys (closed by then) means that the server answered all the same."""
    network = probing.context.network
    flow: Datagrams | None = None
    session: Session | None = None
    wire: tuple[Greeting, bytes] | None = None
    try:
        with probing.step("handshake", transport="udp", tries=0, at=probing.at(address)) as step:
            flow = await network.datagram(address, profile.port)
            wire = await _answer(probing, profile, flow, step)
            if wire is None:
                step.failure = TIMEOUT
        if wire is not None:
            with probing.step("keys") as step:
                try:
                    session = Session(wire[0].keys(wire[1]), asyncio.get_running_loop().time(), profile.junk)
                except WrongPresharedKeyError:
                    step.failure = WRONG_PSK
    finally:
        if flow is not None and session is None:
            flow.close()
    return flow if wire is not None else None, session


async def greet_elsewhere(probing: Probing, elsewhere: Elsewhere) -> None:
    """Greet a server that stayed silent from elsewhere; nothing but the greeting is sent there."""
    profile = probing.profile
    if not isinstance(profile, WireGuardProfile):
        raise TypeError(profile.protocol)
    with probing.step("handshake", transport="udp", by=elsewhere.proxy, tries=0) as step:
        if await _answer(probing, profile, elsewhere.flow(), step) is None:
            step.failure = TIMEOUT


async def _answer(probing: Probing, profile: WireGuardProfile, flow: Datagrams, step: StepRecord) -> tuple[Greeting, bytes] | None:
    """Greet a few times, each with a state of its own, and return the greeting that was answered with its answer."""
    identity, loop = Identity.of(profile), asyncio.get_running_loop()
    sent: list[Greeting] = []
    cookie = b""
    for number, seconds in enumerate(LADDER, start=1):
        for packet in junk_packets(profile.junk):
            await flow.send(packet)
        greeting = Greeting(identity, probing.context.network.clock(), profile.junk, cookie)
        sent.append(greeting)
        step.detail["tries"] = number
        await flow.send(greeting.wire)
        until = loop.time() + max(seconds, probing.context.patience.wait())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while True:
                    wire = await flow.receive()
                    answered = next((each for each in sent if each.fits(wire)), None)
                    if answered is not None:
                        step.detail["answer"] = "response"
                        return answered, wire
                    found = next((c for each in sent if (c := each.cookie(wire)) is not None), None)
                    if found is not None and not cookie:
                        step.detail["answer"], cookie = "cookie", found
                        step.detail["asked_for_patience"] = True
                        break  # it is busy: greet again at once, with what it asked for
    return None


async def _use(probing: Probing, profile: WireGuardProfile, flow: Datagrams, session: Session) -> Tunnel | None:
    """Send something through, unless the person's own tunnel would be moved here by that; the tunnel if anything came back."""
    if probing.consent.only_greet:
        flow.close()
        return None
    tunnel = WireGuardTunnel(profile, flow, session, probing.context.network.clock)
    kept = False
    try:
        heard = await _carries(probing, tunnel)
        if heard:
            await asyncio.gather(_ask_inside(probing, tunnel), _sizes(probing, profile, tunnel, heard.get("ping", "")))
            kept = True
    finally:
        if not kept:
            tunnel.close()
    return tunnel if kept else None


def _places(probing: Probing, tunnel: WireGuardTunnel) -> list[str]:
    """Return places inside that may answer: the profile's name servers, and two public ones."""
    public = [r.addresses[0] for r in probing.direct.resolvers if r.addresses and r.plain and not r.filters][:2]
    public6 = [r.addresses6[0] for r in probing.direct.resolvers if r.addresses6 and r.plain and not r.filters][:1]
    four, six = tunnel.families
    return [*tunnel.resolvers, *(public if four else []), *(public6 if six else [])]


async def _carries(probing: Probing, tunnel: WireGuardTunnel) -> dict[str, str]:
    """See whether anything comes back through the tunnel, by several means at once: many servers answer only one of them."""
    heard: dict[str, str] = {}
    with probing.step("data", transport="udp", heard=[], rounds=0) as step:
        for number in range(1, ROUNDS + 1):
            step.detail["rounds"] = number
            asked = [work for place in _places(probing, tunnel) for work in _means(probing, tunnel, place, heard)]
            wait = probing.context.patience.wait(extra=ROUND_WAIT)
            await asyncio.gather(*(_within(work, wait) for work in asked))
            if heard:
                break
        step.detail["heard"] = sorted(heard)
        if not heard:
            step.failure = TIMEOUT
    return heard


def _means(probing: Probing, tunnel: WireGuardTunnel, place: str, heard: dict[str, str]) -> list[Coroutine[Any, Any, None]]:
    name = probing.context.neutral.host if probing.context.neutral else "example.com"

    async def ask() -> None:
        query = new_query(Question(name))
        if read_reply(query, await tunnel.ask(place, DNS_PORT, query.to_wire())) is not None:
            heard.setdefault("dns", place)

    async def ping() -> None:
        await tunnel.ping(place, SIZES[0])
        heard.setdefault("ping", place)

    async def connect() -> None:
        try:
            (await tunnel.connect(place, SECURE_PORT)).close()
        except OSError as error:
            if error.errno != errno.ECONNREFUSED:  # a refusal comes from there as well
                raise
        heard.setdefault("tcp", place)

    return [ask(), ping(), *([connect()] if not is_bogon(place) else [])]


async def _within(work: Coroutine[Any, Any, None], seconds: float) -> None:
    with contextlib.suppress(OSError):  # TimeoutError is one, too
        async with asyncio.timeout(seconds):
            await work


async def _ask_inside(probing: Probing, tunnel: WireGuardTunnel) -> None:
    """Ask the profile's own name server for a harmless name."""
    neutral = probing.context.neutral
    if not tunnel.resolvers or neutral is None:
        return
    with probing.step("dns", tries=0) as step:
        query = new_query(Question(neutral.host))
        for number in range(1, ROUNDS + 1):
            step.detail["tries"] = number
            try:
                async with asyncio.timeout(probing.context.patience.wait(extra=ROUND_WAIT)):
                    if read_reply(query, await tunnel.ask(tunnel.resolvers[0], DNS_PORT, query.to_wire())) is not None:
                        return
            except TimeoutError:
                continue
        step.failure = TIMEOUT


async def _sizes(probing: Probing, profile: WireGuardProfile, tunnel: WireGuardTunnel, place: str) -> None:
    """Find out which sizes pass, where somebody answers echo requests."""
    if not place:
        return
    sizes = sorted({*(size for size in SIZES if size < profile.mtu), profile.mtu})
    wait = probing.context.patience.wait(extra=ROUND_WAIT)
    with probing.step("mtu", passed=[], lost=[]) as step:
        came = await asyncio.gather(*(_passes(tunnel, place, size, wait) for size in sizes))
        step.detail["passed"] = [size for size, ok in zip(sizes, came, strict=True) if ok]
        step.detail["lost"] = [size for size, ok in zip(sizes, came, strict=True) if not ok]


async def _passes(tunnel: WireGuardTunnel, place: str, size: int, wait: float) -> bool:
    """Tell whether an echo request of a size is answered; each is repeated before it counts as lost."""
    for _ in range(ROUNDS):
        try:
            async with asyncio.timeout(wait):
                await tunnel.ping(place, size)
        except TimeoutError:
            continue
        return True
    return False
