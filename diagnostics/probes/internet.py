"""Does this computer reach the Internet at all?  Controls of several operators, IPv6, and the clock's raw material."""

from __future__ import annotations

import asyncio
from typing import Final

from diagnostics.controls import chosen, chosen_for, endpoint_of
from diagnostics.model import Observation, Probe, Service
from diagnostics.probes.context import Context
from diagnostics.probes.dns import Question, ask_nobody
from diagnostics.probes.endpoint import EndpointProbe
from diagnostics.probes.tcp import connect

SIX: Final = 2
"""Public resolvers that are connected to over IPv6, of different operators."""


async def measure_internet(context: Context, probe: EndpointProbe, targets: tuple[Service, ...] = ()) -> None:
    """Measure the controls that the ``targets`` are compared with, and IPv6; ``probe`` is the one that asks on nobody's behalf."""
    async with asyncio.TaskGroup() as group:
        over_udp = [control for probe in (Probe.STUN, Probe.QUIC) for control in chosen_for(probe, context.controls, targets)]
        for control in [*chosen(context.controls), *over_udp]:
            group.create_task(probe.measure(endpoint_of(control)))
        if context.neutral:
            group.create_task(ask_nobody(context, Question(context.neutral.host)))
        if context.ipv6:
            addresses = [r.addresses6[0] for r in context.resolvers if r.addresses6][:SIX]
            for address in addresses:
                group.create_task(_connect6(context, address))


async def _connect6(context: Context, address: str) -> Observation:
    async with context.limits.slot(address):
        observation, stream = await connect(context, address, 443, target=None, host=None, purpose="ipv6")
        if stream:
            stream.close()
        return observation
