"""Signs of life at the address of a server that said nothing.

They prove that something lives there, and nothing about the server itself; their absence proves nothing at all.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Final

from diagnostics.failures import TIMEOUT
from diagnostics.vpn.probing import Probing

SECURE_PORT: Final = 443
HIGH_PORT: Final = 33434
"""Where nobody listens, as traceroute supposes: a computer that lives says so."""

LIFE_WAIT: Final = 1.5
"""Seconds that a sign of life may take on top of this line's patience."""


async def look_for_life(probing: Probing, address: str) -> None:
    """Look for signs that something lives at the server's address: an error that only it can send, or an answer to a connection."""
    signs: list[str] = []

    async def high_port() -> None:
        async with await probing.context.network.datagram(address, HIGH_PORT) as flow:
            await flow.send(b"")
            try:
                await flow.receive()
            except ConnectionError:
                signs.append("udp")

    async def connection() -> None:
        with contextlib.suppress(ConnectionError):  # a refusal is a sign of life, too
            (await probing.context.network.connect(address, SECURE_PORT)).close()
        signs.append("tcp")

    with probing.step("alive", signs=signs) as step:
        wait = probing.context.patience.wait(extra=LIFE_WAIT)
        await asyncio.gather(_within(high_port(), wait), _within(connection(), wait))
        step.detail["signs"] = sorted(signs)
        if not signs:
            step.failure = TIMEOUT


async def _within(work: Coroutine[Any, Any, None], seconds: float) -> None:
    with contextlib.suppress(OSError):  # TimeoutError is one, too
        async with asyncio.timeout(seconds):
            await work
