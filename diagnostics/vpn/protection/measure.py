"""All active checks of one run, in an order that wastes nobody's time.

Stages of the ``vpn`` steps, each described where it is made: ``protection``, ``line`` (here), ``traffic``, ``exit``, ``dns_seen``,
``dns_facts``, ``udp``, ``mtu``, ``speed``.  Over the route ``outside``, where the person allowed it: ``exit`` and ``speed``.

``protection``: that the checks were asked for; ``tunnel``: whether a VPN was up, ``simulated``: nothing could be measured.
``line``: what is remembered of the lines without a VPN, ``lines``: networks, operator, country, resolvers' networks and ``days`` ago;
written down so that a report's verdict can be found again from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
from typing import Final

from diagnostics.model import Fact, Step
from diagnostics.probes.context import Context
from diagnostics.vpn.protection.calls import measure_calls, servers
from diagnostics.vpn.protection.data import Outlooks, known_outlooks
from diagnostics.vpn.protection.exits import Find, measure_exit
from diagnostics.vpn.protection.line import LineMemory, remembered
from diagnostics.vpn.protection.names import NamesSeen
from diagnostics.vpn.protection.places import Lending, Places, PoolAsking
from diagnostics.vpn.protection.sizes import measure_sizes
from diagnostics.vpn.protection.speed import measure_speed
from diagnostics.vpn.protection.traffic import measure_traffic

MOST_PAGES: Final = 2
"""Echo pages that are asked: two operators must agree."""


class Wish(Fact, frozen=True):
    """What is known before the checks: ``tunnel`` is what the system calls the VPN's interface, None while no VPN is up.

    ``memory`` is what earlier runs learnt of the line, ``today`` the day by this computer's clock.  ``key`` is what addresses are marked
    with (``places.py``), the same for all that is to be compared.
    """

    today: dt.date
    tunnel: str | None = None
    memory: LineMemory = LineMemory()
    key: bytes = b""

    def __repr__(self) -> str:
        """Show what may be shown: with the key a report could be searched for an address."""
        return f"Wish(today={self.today}, tunnel={self.tunnel is not None})"


async def measure_protection(context: Context, pool: Lending, wish: Wish, *, outlooks: Outlooks | None = None) -> None:
    """Measure what a VPN that is up protects; without one, only what the line looks like, for later.

    A simulated network has no tunnel and nothing is measured there.
    """
    simulated = context.network.simulated is not None
    with context.trace.step(Step.VPN) as step:
        step.detail = {"stage": "protection", "tunnel": wish.tunnel is not None, "simulated": simulated}
    if simulated:
        return
    known = outlooks or known_outlooks()
    places = Places(PoolAsking(pool), known.networks, wish.key)
    try:
        await _Checks(context, known, places).measure(wish)
    finally:
        await places.close()


async def measure_beside(context: Context, pool: Lending, key: bytes, *, outlooks: Outlooks | None = None) -> None:
    """Measure where the line comes out beside the tunnel and how quick it is there: what the rest is held against.

    Only where the person allowed it; ``context`` is that of the line beside the tunnel, and addresses are marked with ``key``.
    """
    known, asking = outlooks or known_outlooks(), PoolAsking(pool)
    places = Places(asking, known.networks, key)

    async def find(name: str, family: socket.AddressFamily) -> list[str]:
        """Ask the line's own resolver, if it is known; beside a VPN it often is not."""
        with contextlib.suppress(OSError):
            return await context.network.resolve(name, family)
        return await asking.addresses(name)

    try:
        await _Checks(context, known, places).exits(six=False, find=find)
        await measure_speed(context, known.download, find)
    finally:
        await places.close()


class _Checks:
    """The checks of one run."""

    def __init__(self, context: Context, outlooks: Outlooks, places: Places) -> None:
        self._context = context
        self._outlooks = outlooks
        self._places = places

    async def measure(self, wish: Wish) -> None:
        """Measure; where nothing comes back through the tunnel nothing else is asked through it."""
        alive = wish.tunnel is None or await measure_traffic(self._context, wish.tunnel)
        if wish.tunnel is not None:
            self._recall(wish)
        async with asyncio.TaskGroup() as group:
            if alive:
                group.create_task(self.exits(six=self._context.ipv6))
                group.create_task(NamesSeen(self._context, self._outlooks, self._places).measure())
            if alive and wish.tunnel is not None:
                for control in servers(self._context.controls):
                    group.create_task(measure_calls(self._context, control, self._places))
                group.create_task(measure_sizes(self._context))
        if alive and wish.tunnel is not None:
            await measure_speed(self._context, self._outlooks.download)

    def _recall(self, wish: Wish) -> None:
        lines = remembered(wish.memory, wish.today).lines
        if not lines:
            return
        with self._context.trace.step(Step.VPN) as step:
            step.detail = {
                "stage": "line",
                "lines": [
                    {
                        "networks": list(line.networks),
                        "operator": line.operator,
                        "country": line.country or None,
                        "resolvers": list(line.resolvers),
                        "days": (wish.today - dt.date.fromisoformat(line.seen)).days,
                    }
                    for line in lines
                ],
            }

    async def exits(self, *, six: bool, find: Find | None = None) -> None:
        """Ask the echo pages over IPv4, and over IPv6 too if ``six``; ``find`` finds their names."""
        families = (4, 6) if six else (4,)
        pages = self._outlooks.exit[:MOST_PAGES]
        await asyncio.gather(*(measure_exit(self._context, page, family, self._places, find) for page in pages for family in families))
