"""Where this computer comes out, as independent pages see it, over IPv4 and IPv6 apart.

Detail of a ``vpn`` step with stage ``exit``: ``service`` (id in ``resources/protection.toml``), ``family`` (4 | 6), ``told``
(the country that the page itself tells, if it does), and what ``places.py`` says of the address.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from diagnostics.failures import HTTP_FAILED, NO_ANSWER, ProtocolError
from diagnostics.model import Step
from diagnostics.network import Network
from diagnostics.probes.context import Context
from diagnostics.probes.http import GOOD, SERVER_WORK, HttpConnection
from diagnostics.probes.pacing import patiently
from diagnostics.vpn.protection.data import Exit, Format
from diagnostics.vpn.protection.places import Places

CONNECTING: Final = 2.0
"""Seconds that a page may take on top of the patience for an answer: lookup, connection and handshake go first."""

LARGEST_PAGE: Final = 4096
FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}

_COUNTRY: Final = re.compile(rb"^loc=([A-Z]{2})\r?$", re.MULTILINE)
_TRACED: Final = re.compile(rb"^ip=([0-9A-Fa-f:.]{3,45})\r?$", re.MULTILINE)
_PLAIN: Final = re.compile(rb"\A\s*([0-9A-Fa-f:.]{3,45})\s*\Z")
_NO_COUNTRY: Final = frozenset({"XX", "T1"})
"""What the page says for "unknown" and for Tor, which is no country."""


class Visitor(NamedTuple):
    """What a page tells of its visitor."""

    address: str
    country: str | None = None


def read_visitor(body: bytes, kind: Format, family: int) -> Visitor | None:
    """Return what a page tells, or None for anything but an address of the family that it was asked over."""
    found = (_TRACED.search(body) if kind is Format.TRACE else _PLAIN.search(body)) if len(body) <= LARGEST_PAGE else None
    try:
        address = ipaddress.ip_address(found[1].decode("ascii")) if found else None
    except ValueError:
        return None
    if address is None or address.version != family:
        return None
    told = _COUNTRY.search(body) if kind is Format.TRACE else None
    country = told[1].decode("ascii") if told else None
    return Visitor(str(address), None if country in _NO_COUNTRY else country)


Find = Callable[[str, socket.AddressFamily], Awaitable[list[str]]]
"""Finds the addresses of a name, of one family (``socket.AF_INET``); raises OSError."""


async def measure_exit(context: Context, page: Exit, family: int, places: Places, find: Find | None = None) -> None:
    """Ask one page over one family; what it says of the address is a step, the address is not.

    ``find`` finds the page's name, None by the system's own way.
    """
    visitor: Visitor | None = None
    with context.trace.step(Step.VPN) as step:
        step.detail = {"stage": "exit", "service": page.id, "family": family}
        await context.trusting()
        asking = _ask(context.network, page, family, find or context.network.resolve)
        visitor = await patiently(asking, lambda: context.patience.wait(extra=CONNECTING + SERVER_WORK))
        if visitor is None:
            raise ProtocolError(HTTP_FAILED, "no address in the page")
        step.detail |= {"told": visitor.country} | await places.facts(visitor.address)


async def _ask(network: Network, page: Exit, family: int, find: Find) -> Visitor | None:
    host = page.host_of(family)
    addresses = await find(host, FAMILIES[family])
    if not addresses:
        raise ProtocolError(NO_ANSWER, "no address")
    async with await network.connect(addresses[0], page.port) as stream:
        secured = await network.start_tls(stream, network.trust.public, host)
        reply = await HttpConnection(secured, LARGEST_PAGE).request("GET", host, page.path)
    return read_visitor(reply.body, page.format, family) if reply.status == GOOD and reply.complete else None
