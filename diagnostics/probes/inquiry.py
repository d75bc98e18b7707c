"""Asking one address one question over UDP, again as a question to a resolver would be."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from diagnostics.model import Observation, Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import ASK_AGAIN
from diagnostics.probes.pacing import LOOK_AGAIN, MOST_STEP, TICK
from diagnostics.probes.place import Asking
from diagnostics.streams import Datagrams

MAX_DATAGRAMS: Final = 16
"""Datagrams that are looked at: noise must neither end the waiting nor keep us busy."""


class Inquiry(Protocol):
    """What is asked, and how its answer is known."""

    @property
    def name(self) -> str:
        """Return the protocol's name."""

    @property
    def step(self) -> Step:
        """Return the kind of observation."""

    request: bytes

    def read(self, wire: bytes) -> dict[str, Any] | None:
        """Return what is kept of an answer, or None for bytes that are none."""


async def ask(context: Context, host: str, port: int, asking: Asking, inquiry: Inquiry) -> Observation:
    """Ask at once, after 0.5, 1 and 2 s, and record what came; the first answer ends it."""
    async with context.limits.datagrams_of(own=False):
        with context.trace.step(inquiry.step, target=asking.target, host=host, address=asking.address) as step:
            step.detail = {"port": port, "protocol": inquiry.name, "purpose": asking.purpose, "tries": 0, "received": 0}
            async with await context.network.datagram(asking.address, port) as flow:
                step.detail |= await _exchange(context, flow, inquiry, step.detail)
    return step.done


async def _exchange(context: Context, flow: Datagrams, inquiry: Inquiry, detail: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of the answer; raises OSError (an ICMP error), TimeoutError."""
    loop, seen = asyncio.get_running_loop(), 0
    began = loop.time()
    for number in range(1, len(ASK_AGAIN) + 2):
        detail["tries"] = number
        await flow.send(inquiry.request)
        while (left := began + _due(context, number) - loop.time()) > 0 and seen < MAX_DATAGRAMS:
            try:  # patience changes while others answer, so look again often
                async with asyncio.timeout(max(min(left, LOOK_AGAIN), TICK)):
                    wire = await flow.receive()
            except TimeoutError:
                continue
            seen += 1
            detail["received"] += len(wire)
            if (answer := inquiry.read(wire)) is not None:
                return answer
    raise TimeoutError


def _due(context: Context, number: int) -> float:
    """Return when the ``number``th request has been waited for long enough, in seconds after the first."""
    patience = context.patience
    if number <= len(ASK_AGAIN):
        return min(max(ASK_AGAIN[number - 1], number * patience.stagger(0.0)), MOST_STEP)
    return min(max(ASK_AGAIN[-1], len(ASK_AGAIN) * patience.stagger(0.0)) + patience.wait(), MOST_STEP)
