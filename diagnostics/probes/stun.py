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
import ipaddress
import secrets
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from diagnostics.model import Step
from diagnostics.streams import Datagrams

PROTOCOL: Final = "stun"
COOKIE: Final = 0x2112A442
BINDING_REQUEST: Final = 0x0001
_ANSWERS: Final = {0x0101: "success", 0x0111: "error"}
_XOR_MAPPED: Final = 0x0020
_MAPPED: Final = frozenset({0x0001, _XOR_MAPPED})
"""MAPPED-ADDRESS and XOR-MAPPED-ADDRESS; numbers and layout of this file: RFC 8489, sections 5 and 14."""

TRIES: Final = 3
"""Questions to a place that answers anybody, before it counts as silent."""

_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_FAMILIES: Final = {1: 4, 2: 6}


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


def mapped_address(wire: bytes, transaction: bytes) -> str | None:
    """Return the address that a response to our request tells, for whoever compares it in memory and keeps none of it."""
    if read_binding(wire, transaction) is None:
        return None
    for kind, value in _mapped(wire[_HEADER.size :]):
        size = {4: 4, 6: 16}.get(_FAMILIES.get(value[1], 0), 0)
        raw, key = value[4 : 4 + size], wire[4:20]  # the cookie and the transaction
        if size and len(raw) == size:
            return str(ipaddress.ip_address(bytes(a ^ b for a, b in zip(raw, key, strict=False)) if kind == _XOR_MAPPED else raw))
    return None


def _mapped_family(attributes: bytes) -> int | None:
    """Return the family of the mapped address among attributes; the address itself is left where it is."""
    return next((_FAMILIES.get(value[1]) for _, value in _mapped(attributes)), None)


def _mapped(attributes: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the mapped addresses among attributes: their kind, and their value of 8 bytes or more."""
    at = 0
    while at + _ATTRIBUTE.size <= len(attributes):
        kind, length = _ATTRIBUTE.unpack_from(attributes, at)
        value = attributes[at + _ATTRIBUTE.size : at + _ATTRIBUTE.size + length]
        if kind in _MAPPED and len(value) == length >= 8:
            yield kind, value
        at += _ATTRIBUTE.size + (length + 3) // 4 * 4


async def ask_binding(flow: Datagrams, wait: Callable[[], float]) -> str | None:
    """Ask over a flow, again where nothing comes within ``wait()`` seconds; None if nothing came at all.

    Returns the address that the answer tells ("" if it tells none), for whoever compares it in memory.  Raises OSError.
    """
    transaction = new_transaction()
    for _ in range(TRIES):
        await flow.send(binding_request(transaction))
        try:
            async with asyncio.timeout(wait()):
                while read_binding(wire := await flow.receive(), transaction) is None:
                    pass
        except TimeoutError:
            continue
        return mapped_address(wire, transaction) or ""
    return None


class StunInquiry:
    """One binding request, and how its answer is known."""

    name: Final = PROTOCOL
    step: Final = Step.UDP

    def __init__(self) -> None:
        """Take a new transaction."""
        self._transaction = new_transaction()
        self.request = binding_request(self._transaction)

    def read(self, wire: bytes) -> dict[str, Any] | None:
        """Return what is kept of the response, or None for any other bytes."""
        binding = read_binding(wire, self._transaction)
        return {"answer": binding.answer, "family": binding.family} if binding else None
