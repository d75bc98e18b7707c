"""Reaching for the ways out of ``exits.py``: the name by the system's own lookup, the connection, the certificate, the page.

Steps are recorded for the route ``ways`` with ``way`` ("exit:" and the id), ``attempt`` and ``probe`` (tcp | tls | https: the last step
that a try is meant to come to; it passed if that one has no failure).  Each endpoint is tried twice, and each try is an attempt of its
own: of seven authorities that are tried twice, five that answer make ten passes of fourteen.  The person's own bridges are not tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from typing import Final

from diagnostics.bogons import is_address, is_bogon
from diagnostics.model import WAYS, Endpoint, Observation, Probe
from diagnostics.probes.context import Context
from diagnostics.probes.dns import Answer, Question, ask_system
from diagnostics.probes.http import fetch
from diagnostics.probes.place import Asking, Greeting, Place
from diagnostics.probes.tcp import TRIES, connect
from diagnostics.probes.tls import shake
from diagnostics.trust import Trust
from diagnostics.workarounds.exits import WayOut
from diagnostics.workarounds.identity import Way

IN_ALL: Final = 7.8
"""Seconds for all ways out, also where everything is swallowed; what was not reached by then is not tested."""

TIMES: Final = 2
AT_ONCE: Final = 12
"""Tries under way: two for each address at most, and so many in all that thirty silent ones end in time."""

PER_ADDRESS: Final = 2
MOST_ADDRESSES: Final = 2
"""Addresses of one name that are connected to, one after the other."""


async def measure_exits(context: Context, exits: Sequence[WayOut], store: Trust) -> None:
    """Reach for every endpoint of every way out, twice, in any order; certificates are judged by the public roots of ``store``.

    It takes at most 8 s, and steps that were cut off then have the failure ``interrupted``.
    """
    within = context.within(context.limits.narrower(PER_ADDRESS))
    places = asyncio.Semaphore(AT_ONCE)
    chance = random.Random()  # noqa: S311 - an order, not a secret
    endpoints = [(way_out, number, each) for way_out in exits for number, each in enumerate(way_out.endpoints, 1)]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(IN_ALL), asyncio.TaskGroup() as group:
            for turn in range(TIMES):
                for way_out, number, endpoint in chance.sample(endpoints, len(endpoints)):
                    attempt = turn * len(way_out.endpoints) + number
                    stamped = within.stamped(WAYS, way=str(Way(exit=way_out.id)), attempt=attempt, probe=str(endpoint.probe))
                    group.create_task(_reach(stamped, endpoint, store, places))


async def _reach(context: Context, endpoint: Endpoint, store: Trust, places: asyncio.Semaphore) -> None:
    """Follow one endpoint as far as its probe says."""
    async with places:
        for address in await _addresses(context, endpoint.host):
            async with context.limits.slot(address):
                connected = await _follow(context, endpoint, address, store)
            if connected.failure is None:
                return


async def _addresses(context: Context, host: str) -> list[str]:
    """Return where a name leads by the system's own lookup, without addresses that no public name may have."""
    if is_address(host):
        return [host]
    answers: list[Answer] = []
    await ask_system(context, Question(host), answers.append)
    return [address for answer in answers for address in answer.addresses if not is_bogon(address)][:MOST_ADDRESSES]


async def _follow(context: Context, endpoint: Endpoint, address: str, store: Trust) -> Observation:
    """Connect and go on from there; return the connection's step, since another address may help where that failed."""
    port = endpoint.port
    most = 1 if context.dead.lost(address, port) >= TRIES else TRIES
    connected, stream = await connect(context, address, port, target=None, host=endpoint.host, most=most)
    if stream is None:
        return connected
    async with stream:
        if endpoint.probe is Probe.TCP:
            return connected
        await context.trusting()
        asking = Asking(address, None, "target")
        secured = await shake(context, stream, store.public, Greeting(port, endpoint.host, endpoint.host, asking))
        if secured.stream is not None and endpoint.probe is Probe.HTTPS:
            await fetch(context, secured.stream, Place("https", endpoint.host, port, endpoint.path), asking)
    return connected
