"""The same measurements beside a VPN that is up: what this line shows without it, while the person goes on using it.

Everything is recorded over the route ``OUTSIDE``.  Its first step is a note, ``outside``: ``found`` (there is a line to compare with),
``why`` not, and ``whole`` (everything that was looked at goes through the VPN).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from diagnostics.model import OUTSIDE, Service
from diagnostics.network import Beside
from diagnostics.plan import Plan
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import EndpointProbe, Trusts
from diagnostics.probes.followups import FollowUps
from diagnostics.probes.internet import measure_internet
from diagnostics.probes.lookup import Lookups
from diagnostics.probes.place import is_onion
from diagnostics.probes.pool import ResolverPool
from diagnostics.vpn.protection.measure import measure_beside

TARGETS_AT_ONCE = 40
"""Targets under way: a tenth of an ordinary run's, since the person is using the same line."""

Roots = Callable[[Service], str | None]
"""Gives a service's own root certificates (PEM)."""


def outside_context(context: Context, beside: Beside) -> Context | None:
    """Note whether there is a line to compare with, and return the context to measure it in."""
    context.trace.over(OUTSIDE).note("outside", found=beside.network is not None, why=beside.why, whole=beside.whole)
    return context.beside(beside.network, OUTSIDE) if beside.network is not None else None


async def measure_outside(context: Context, plan: Plan, roots: Roots, key: bytes) -> None:
    """Measure the plan's controls and services in the context of ``outside_context``; ways round and proxies are left out.

    Where it is also asked if the VPN protects, the line is then looked at from outside, and addresses are marked with ``key``.
    """
    async with context.settled():
        context.begin_trusting(tuple(pem for target in plan.targets if (pem := roots(target))))
        context.nameservers = await context.network.nameservers()
        context.ipv6 = await context.network.routes_ipv6()
        context.trace.note("resolver", addresses=context.nameservers)
        context.trace.note("ipv6", route=context.ipv6)
        neutral = context.neutral
        pool = ResolverPool(context, neutral.host if neutral else plan.targets[0].functions[0].endpoints[0].host)
        lookups = Lookups(context, pool)
        followups = FollowUps(context, lookups)
        pool.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_controls(context, lookups, followups, plan))
                targets = iter(plan.targets)
                for _ in range(min(TARGETS_AT_ONCE, len(plan.targets))):
                    group.create_task(_targets(context, lookups, followups, targets, roots))
            await lookups.compared()
            await followups.speeds.measure()
            if plan.vpn.protection:
                await measure_beside(context, pool, key)
        finally:
            pool.close()


async def _controls(context: Context, lookups: Lookups, followups: FollowUps, plan: Plan) -> None:
    probe = EndpointProbe(context, lookups, followups, target=None, trusts=Trusts(context.network.trust), purpose="control")
    await measure_internet(context, probe, plan.targets)


async def _targets(context: Context, lookups: Lookups, followups: FollowUps, targets: Iterator[Service], roots: Roots) -> None:
    """Measure targets until there are no more; several of these share one iterator."""
    for target in targets:
        trusts = Trusts(context.network.trust, roots(target), target.suffixes)
        probe = EndpointProbe(context, lookups, followups, target=target.id, trusts=trusts)
        endpoints = {e.key: e for function in target.functions for e in function.endpoints if not is_onion(e.host)}
        async with asyncio.TaskGroup() as group:
            for endpoint in endpoints.values():
                group.create_task(probe.measure(endpoint))
