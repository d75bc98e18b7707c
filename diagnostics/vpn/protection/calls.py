"""Do calls leave by the same way as pages?  STUN servers tell the address that a datagram came from.

Detail of a ``vpn`` step with stage ``udp``: ``service`` (id of the control), ``tries``, and what ``places.py`` says of the address.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Final

from diagnostics.controls import several_stun
from diagnostics.failures import NO_ANSWER, WRONG_ANSWER, ProtocolError
from diagnostics.model import Control, Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import GETADDRINFO_WAIT
from diagnostics.probes.pacing import patiently
from diagnostics.probes.stun import binding_request, mapped_address, new_transaction, read_binding
from diagnostics.streams import Datagrams
from diagnostics.vpn.protection.places import Places

SERVERS: Final = 2
"""Two operators: one that is wrong, or that answers through a box of its own, proves nothing."""

TRIES: Final = 3
WAIT: Final = 0.5
MOST_DATAGRAMS: Final = 16


def servers(controls: Sequence[Control]) -> list[Control]:
    """Return the places that are asked."""
    return several_stun(tuple(controls), SERVERS)


async def measure_calls(context: Context, control: Control, places: Places) -> None:
    """Ask one server, over IPv4, where a datagram came from."""
    with context.trace.step(Step.VPN) as step:
        step.detail = {"stage": "udp", "service": control.id, "tries": 0}
        resolving = context.network.resolve(control.host, socket.AF_INET)
        found = await patiently(resolving, lambda: context.patience.wait(extra=GETADDRINFO_WAIT))
        if not found:
            raise ProtocolError(NO_ANSWER, "no address")
        address = await _ask(context, found[0], control.port, step.detail)
        step.detail |= await places.facts(address)


async def _ask(context: Context, server: str, port: int, detail: dict[str, Any]) -> str:
    """Return the address that a server saw.  Raises OSError, TimeoutError after three tries."""
    transaction = new_transaction()
    async with await context.network.datagram(server, port) as flow:
        for number in range(1, TRIES + 1):
            detail["tries"] = number
            await flow.send(binding_request(transaction))
            try:
                async with asyncio.timeout(context.patience.wait(extra=WAIT)):
                    return await _heard(flow, transaction)
            except TimeoutError:
                continue
    raise TimeoutError


async def _heard(flow: Datagrams, transaction: bytes) -> str:
    """Return the address in the first response to our request; noise, and whoever guesses, is passed over."""
    for _ in range(MOST_DATAGRAMS):
        wire = await flow.receive()
        if read_binding(wire, transaction) is None:
            continue
        address = mapped_address(wire, transaction)
        if address is None:
            break
        return address
    raise ProtocolError(WRONG_ANSWER, "no address in it")
