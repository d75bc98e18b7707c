"""Connected, but does anything come back?  The system's own counters of the tunnel's interface while real questions are asked.

A server ignores rubbish even when all is well, so the questions are ones that are answered everywhere: lookups, and connections to public
resolvers by address.  Detail of a ``vpn`` step with stage ``traffic``: ``round`` (0, 1), ``asked`` and ``answered`` (questions),
``sent`` and ``received`` (packets of the interface meanwhile, whoever's they were; null where there is no counter), ``gone`` (the
interface went away) and ``reset`` (a counter went backwards: the interface began anew).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

import dns.message
import psutil

from diagnostics.daemon import daemon_call
from diagnostics.model import Resolver, Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import Question, new_query, read_reply

QUESTIONS: Final = 5
CONNECTIONS: Final = 2
ROUNDS: Final = 2
WAIT: Final = 2.0
"""Seconds on top of the patience: tunnels may wake up first (WireGuard shakes hands anew after three minutes of quiet)."""

SECURE_PORT: Final = 443
MOST_DATAGRAMS: Final = 16


class Counters(NamedTuple):
    """Packets of an interface since it exists."""

    sent: int
    received: int


def read_counters(interface: str) -> Counters | None:
    """Return the counters of an interface, None if there is none of that name.  Blocks for a moment."""
    found = psutil.net_io_counters(pernic=True, nowrap=False).get(interface)
    return Counters(found.packets_sent, found.packets_recv) if found else None


async def measure_traffic(context: Context, interface: str, read: Callable[[str], Counters | None] = read_counters) -> bool:
    """Ask, twice if nothing is answered, and count meanwhile; tell whether anything came back."""
    for number in range(ROUNDS):
        with context.trace.step(Step.VPN) as step:
            step.detail = {"stage": "traffic", "round": number, "asked": 0, "answered": 0, "sent": None, "received": None}
            step.detail |= {"gone": False, "reset": False}
            before = await daemon_call(read, interface)
            heard = await asyncio.gather(*(_within(context, each) for each in _questions(context)))
            after = await daemon_call(read, interface)
            step.detail |= {"asked": len(heard), "answered": sum(heard)} | _between(before, after)
        if step.done.detail["answered"] or step.done.detail["received"]:
            return True
    return False


def _between(before: Counters | None, after: Counters | None) -> dict[str, Any]:
    """Return what the counters say of the time between two looks."""
    if before is None or after is None:
        return {"gone": True}
    if after.sent < before.sent or after.received < before.received:
        return {"reset": True}
    return {"sent": after.sent - before.sent, "received": after.received - before.received}


def _questions(context: Context) -> list[Coroutine[Any, Any, bool]]:
    """Return the questions of a round: the configured server, public resolvers, and connections, so that no one rule swallows all."""
    others: dict[str, Resolver] = {}
    for resolver in context.resolvers:
        others.setdefault(resolver.operator, resolver)
    known = list(others.values())
    secure = [r.addresses[0] for r in known if r.doh_url and r.addresses][:CONNECTIONS]
    plain = [*context.nameservers[:1], *(r.addresses[0] for r in known if r.plain and r.addresses)]
    name = context.neutral.host if context.neutral else "example.org"
    lookups = [_lookup(context, address, name) for address in plain[: QUESTIONS - len(secure)]]
    return [*lookups, *(_connection(context, address) for address in secure)]


async def _within(context: Context, question: Coroutine[Any, Any, bool]) -> bool:
    """Tell whether a question was answered in time; a refusal is an answer, an error on this computer is none."""
    with contextlib.suppress(OSError):
        async with asyncio.timeout(context.patience.wait(extra=WAIT)):
            return await question
    return False


async def _lookup(context: Context, address: str, name: str) -> bool:
    query: dns.message.Message = new_query(Question(name))
    async with await context.network.datagram(address, 53) as flow:
        await flow.send(query.to_wire())
        for _ in range(MOST_DATAGRAMS):
            if read_reply(query, await flow.receive()) is not None:
                return True
    return False


async def _connection(context: Context, address: str) -> bool:
    async with await context.network.connect(address, SECURE_PORT):
        return True
