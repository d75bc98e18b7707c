"""What a way costs: connection, handshake, first byte and a page of a quarter of a megabyte, over whatever line the context has.

Detail of a ``vpn`` step with stage ``speed``: ``connect``, ``tls``, ``first`` and ``body`` (seconds, each on its own), ``bytes``,
``round`` (0, 1).  The same steps over the route ``outside`` are what they are held against.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final

from diagnostics.failures import EOF, HTTP_FAILED, NO_ANSWER, ProtocolError
from diagnostics.model import Step
from diagnostics.probes.context import Context
from diagnostics.probes.http import GOOD, HttpConnection, Reply
from diagnostics.probes.pacing import MOST_STEP
from diagnostics.vpn.protection.data import Download
from diagnostics.vpn.protection.exits import Find

ROUNDS: Final = 2
LONGEST: Final = 2 * MOST_STEP
"""Seconds for one page: at 16 KB a second, where a telephone line of old would be, it has come."""


async def measure_speed(context: Context, download: Download, find: Find | None = None) -> None:
    """Fetch the page twice, one after the other; ``find`` finds its name, None by the system's own way."""
    for number in range(ROUNDS):
        with context.trace.step(Step.VPN) as step:
            step.detail = {"stage": "speed", "round": number, "bytes": 0}
            await context.trusting()
            async with asyncio.timeout(LONGEST):
                await _fetch(context, download, find or context.network.resolve, step.detail)
        if step.done.failure is not None and not step.done.detail["bytes"]:
            return  # no way leads there: a second try would only take time


async def _fetch(context: Context, download: Download, find: Find, detail: dict[str, Any]) -> None:
    network, loop = context.network, asyncio.get_running_loop()
    addresses = await find(download.host, socket.AF_INET)
    if not addresses:
        raise ProtocolError(NO_ANSWER, "no address")
    began = loop.time()
    async with await network.connect(addresses[0], download.port) as stream:
        connected = loop.time()
        secured = await network.start_tls(stream, network.trust.public, download.host)
        shaken = loop.time()
        detail |= {"connect": round(connected - began, 4), "tls": round(shaken - connected, 4)}
        first: list[float] = []

        def take(piece: bytes) -> None:
            first.append(loop.time()) if not first else None
            detail["bytes"] += len(piece)
            if detail["bytes"] > download.bytes:
                raise ProtocolError(HTTP_FAILED, "more than was asked for")

        reply: Reply = await HttpConnection(secured).request("GET", download.host, download.path, take=take)
        detail |= {"first": round((first or [loop.time()])[0] - shaken, 4), "body": round(loop.time() - (first or [loop.time()])[0], 4)}
    if reply.status != GOOD:
        raise ProtocolError(HTTP_FAILED, f"status {reply.status}")
    if not reply.complete:
        raise ProtocolError(EOF, "cut off")
