"""The same greeting from elsewhere: where a server stays silent over UDP, the first of the person's proxies that carries datagrams.

    async with by_proxy.datagrams(probing, asked) as elsewhere:
        if elsewhere is not None:
            with probing.step("handshake", transport="udp", by=elsewhere.proxy, tries=0) as step:
                ...  # over ``elsewhere.flow()``, as it was done from here

Many proxies promise to carry datagrams and lose every one.  So a place that answers anybody over UDP is asked through the proxy first:
only what carried that question and its answer may speak for the server.  A ``relay`` step tells what came of each proxy that was tried;
detail besides that of ``diagnostics/vpn/probing.py``: ``control`` (the place's id), ``answered``, ``reply`` of a proxy that refused, and
``same_address``: the place sees the proxy where it sees this line, so that the proxy is no other way (None: that is not known).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, NamedTuple

from diagnostics.bogons import is_address
from diagnostics.controls import chosen_stun
from diagnostics.failures import TIMEOUT
from diagnostics.model import Control
from diagnostics.probes.context import Context
from diagnostics.probes.proxy_name import NAME_WAIT, find_proxy
from diagnostics.probes.stun import ask_binding
from diagnostics.probes.tcp import connect_silently
from diagnostics.probes.way import PROXY_WORK
from diagnostics.routes.link import Kind, Link
from diagnostics.routes.socks_udp import Association, begin_association
from diagnostics.routes.tunnel import ProxyRefusal
from diagnostics.streams import Datagrams, Stream
from diagnostics.vpn.lending import CARRYING
from diagnostics.vpn.probing import MOST_ADDRESSES, Probing
from diagnostics.vpn.udp_control import UDP_WAIT

MOST_PROXIES: Final = 4
"""Proxies that are tried: each takes some seconds where it swallows what it promised to carry."""


Line = Sequence[asyncio.Task[str]]


class Elsewhere(NamedTuple):
    """A way to the profile's server for datagrams: by which proxy (its id), and flows over it."""

    proxy: str
    association: Association
    host: str
    port: int

    def flow(self, port: int | None = None) -> Datagrams:
        """Return a flow to the server, at the profile's port or at another one; all of them end with the block."""
        return self.association.toward(self.host, port or self.port)


@asynccontextmanager
async def datagrams(probing: Probing, line: Line) -> AsyncIterator[Elsewhere | None]:
    """Give a way by the first of the person's proxies that demonstrably carries datagrams, or None if none does.

    ``line``: under which addresses places out there see this line ("" for those that did not answer), once that is known.
    """
    async with AsyncExitStack() as stack:
        yield await _first(probing, line, stack)


async def _first(probing: Probing, line: Line, stack: AsyncExitStack) -> Elsewhere | None:
    control = chosen_stun(probing.direct.controls)
    if control is None:
        return None
    for link in _proxies(probing):
        association = await _relaying(probing, link, control, line, stack)
        if association is not None:
            return Elsewhere(link.id, association, _host(probing, link), probing.profile.port)
    return None


def _proxies(probing: Probing) -> list[Link]:
    return [link for link in probing.proxies if link.kind in CARRYING and link.first is None][:MOST_PROXIES]


def _host(probing: Probing, link: Link) -> str:
    """Return what the proxy is asked for: the server's name where the proxy looks names up, since this network may lie about it."""
    host = probing.profile.host
    return host if is_address(host) or link.kind is not Kind.SOCKS5 or not probing.addresses else probing.addresses[0]


async def _relaying(probing: Probing, link: Link, control: Control, line: Line, stack: AsyncExitStack) -> Association | None:
    """Return what a proxy carries datagrams by, if a question and its answer came through; ``stack`` ends it then."""
    carried: Association | None = None
    async with AsyncExitStack() as own:
        with probing.step("relay", by=link.id, transport="udp", control=control.id, answered=False, same_address=None) as step:
            try:
                association = await _associated(probing, link, own)
            except ProxyRefusal as refusal:
                step.detail |= refusal.facts
                raise
            flow = association.toward(await _place(probing, link, control), control.port)
            seen = await ask_binding(flow, lambda: probing.context.patience.wait(extra=UDP_WAIT))
            step.detail["answered"] = seen is not None
            if seen is None:
                step.failure = TIMEOUT
            else:
                step.detail["same_address"] = _same(seen, await asyncio.gather(*line))
                carried = association
        if carried is not None:
            stack.push_async_exit(own.pop_all())
    return carried


async def _associated(probing: Probing, link: Link, own: AsyncExitStack) -> Association:
    """Get to a proxy and have it promise to carry datagrams; ``own`` ends what was opened.  Raises OSError, EOFError."""
    quiet = probing.direct.over(link.id).unheard()  # its steps would tell where the person's own proxy lives
    addresses = [link.host] if is_address(link.host) else await find_proxy(probing.direct, quiet, link.host, str(link.kind))
    address, stream = await _connected(quiet, addresses[:MOST_ADDRESSES], link.port)
    own.callback(stream.close)
    async with asyncio.timeout(quiet.patience.wait(extra=PROXY_WORK)):
        association = await begin_association(link, stream, quiet.network, address)
    return await own.enter_async_context(association)


async def _connected(quiet: Context, addresses: Sequence[str], port: int) -> tuple[str, Stream]:
    """Return the first address of a proxy that takes a connection, and the connection.  Raises OSError."""
    error = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    for address in addresses:
        try:
            return address, await connect_silently(quiet, address, port, {})
        except OSError as refused:
            error = refused
    raise error


async def _place(probing: Probing, link: Link, control: Control) -> str:
    """Return a place as a proxy is asked for it: its name, but for a kind that is given addresses."""
    if link.kind is not Kind.SOCKS5 or is_address(control.host):
        return control.host
    found = await probing.patiently(probing.direct.network.resolve(control.host, socket.AF_INET), NAME_WAIT)
    return str(found[0])


def _same(seen: str, line: Sequence[str]) -> bool | None:
    """Tell whether an address is one of this line's, as far as any of its family is known."""
    own = [address for address in line if address and (":" in address) == (":" in seen)]
    return seen in own if seen and own else None
