"""Does UDP pass?  One STUN binding request (RFC 8489) to one address, asked again as a question to a resolver would be.

Calls travel over UDP, and what a call needs first is an answer like this one.  The answer tells this computer's public
address: it is looked at only to see that it is there, and never kept.

Detail of a ``udp`` observation::

    port, protocol    "stun"
    purpose           target | control
    tries             requests that we sent, all with one transaction id
    received          bytes of datagrams that came back, whatever they were
    answer            "success" | "error": what kind of response it was
    family            4 | 6: that of the address in it, if it has one
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from typing import Any, Final

import msgspec

from diagnostics.model import Observation, Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import ASK_AGAIN
from diagnostics.probes.pacing import LOOK_AGAIN, MOST_STEP, TICK
from diagnostics.probes.place import Asking
from diagnostics.streams import Datagrams

PROTOCOL: Final = "stun"
COOKIE: Final = 0x2112A442
BINDING_REQUEST: Final = 0x0001
_ANSWERS: Final = {0x0101: "success", 0x0111: "error"}
_MAPPED: Final = frozenset({0x0001, 0x0020})
"""MAPPED-ADDRESS and XOR-MAPPED-ADDRESS; numbers and layout of this file: RFC 8489, sections 5 and 14."""

_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_FAMILIES: Final = {1: 4, 2: 6}
MAX_DATAGRAMS: Final = 16
"""Datagrams that are looked at: noise must neither end the waiting nor keep us busy."""


class Binding(msgspec.Struct, frozen=True):
    """A response to our request: its kind, and the family of the address that it told (None: it told none)."""

    answer: str
    family: int | None = None


def new_transaction() -> bytes:
    """Return a random transaction id: only somebody who saw the request can answer it."""
    return secrets.token_bytes(12)


def binding_request(transaction: bytes) -> bytes:
    """Return a binding request without attributes."""
    return _HEADER.pack(BINDING_REQUEST, 0, COOKIE, transaction)


def read_binding(wire: bytes, transaction: bytes) -> Binding | None:
    """Return the response to our request in ``wire``, or None for bytes that are none or answer somebody else."""
    if len(wire) < _HEADER.size:
        return None
    kind, length, cookie, answered = _HEADER.unpack_from(wire)
    whole = length % 4 == 0 and length == len(wire) - _HEADER.size
    if kind not in _ANSWERS or cookie != COOKIE or answered != transaction or not whole:
        return None
    return Binding(_ANSWERS[kind], _mapped_family(wire[_HEADER.size :]))


def _mapped_family(attributes: bytes) -> int | None:
    """Return the family of the mapped address among attributes; the address itself is left where it is."""
    at = 0
    while at + _ATTRIBUTE.size <= len(attributes):
        kind, length = _ATTRIBUTE.unpack_from(attributes, at)
        value = attributes[at + _ATTRIBUTE.size : at + _ATTRIBUTE.size + length]
        if kind in _MAPPED and len(value) == length >= 8:
            return _FAMILIES.get(value[1])
        at += _ATTRIBUTE.size + (length + 3) // 4 * 4
    return None


async def ask_stun(context: Context, host: str, port: int, asking: Asking) -> Observation:
    """Ask at once, after 0.5, 1 and 2 s, and record what came; the first response ends it."""
    async with context.limits.datagrams_of(own=False):
        with context.trace.step(Step.UDP, target=asking.target, host=host, address=asking.address) as step:
            step.detail = {"port": port, "protocol": PROTOCOL, "purpose": asking.purpose, "tries": 0, "received": 0}
            async with await context.network.datagram(asking.address, port) as flow:
                binding = await _exchange(context, flow, step.detail)
            step.detail |= {"answer": binding.answer, "family": binding.family}
    return step.done


async def _exchange(context: Context, flow: Datagrams, detail: dict[str, Any]) -> Binding:
    """Return the response; raises OSError (an ICMP error), TimeoutError."""
    loop, transaction, seen = asyncio.get_running_loop(), new_transaction(), 0
    began = loop.time()
    for number in range(1, len(ASK_AGAIN) + 2):
        detail["tries"] = number
        await flow.send(binding_request(transaction))
        while (left := began + _due(context, number) - loop.time()) > 0 and seen < MAX_DATAGRAMS:
            try:  # patience changes while others answer, so look again often
                async with asyncio.timeout(max(min(left, LOOK_AGAIN), TICK)):
                    wire = await flow.receive()
            except TimeoutError:
                continue
            seen += 1
            detail["received"] += len(wire)
            if (binding := read_binding(wire, transaction)) is not None:
                return binding
    raise TimeoutError


def _due(context: Context, number: int) -> float:
    """Return when the ``number``th request has been waited for long enough, in seconds after the first."""
    patience = context.patience
    if number <= len(ASK_AGAIN):
        return min(max(ASK_AGAIN[number - 1], number * patience.stagger(0.0)), MOST_STEP)
    return min(max(ASK_AGAIN[-1], len(ASK_AGAIN) * patience.stagger(0.0)) + patience.wait(), MOST_STEP)
