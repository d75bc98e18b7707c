"""What else there is to know of a proxy that leads somewhere: does it change pages, where does it come out, does it carry calls?

Steps of a ``proxy`` observation besides those of ``probes/route.py`` (detail ``stage``)::

    exit    ``country`` (two letters, as the visited page tells), and over a proxy ``same_address``: it comes out where the direct
            line does.  Over the route ``direct`` it is the same page without a proxy.  No address is kept.
    udp     what calls need, over SOCKS5: ``answered``; ``reply`` of the proxy where it refused

Harmless pages in clear text are ordinary ``http`` observations over the route; the judge holds them against those of the direct line.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from typing import Final, NamedTuple

from diagnostics.controls import chosen_clear, chosen_exit, chosen_stun, endpoint_of
from diagnostics.model import Control, Step
from diagnostics.network import Network
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.http import SERVER_WORK, HttpConnection
from diagnostics.probes.pacing import patiently
from diagnostics.probes.proxy_name import ANY_FAMILY
from diagnostics.probes.route import RouteProbe
from diagnostics.probes.stun import ask_binding
from diagnostics.probes.through import Through
from diagnostics.probes.way import PROXY_WORK
from diagnostics.routes.link import Kind
from diagnostics.routes.socks_udp import begin_association
from diagnostics.routes.tunnel import ProxyRefusal
from diagnostics.streams import Stream, TlsStream

CARRIES_UDP: Final = frozenset({Kind.SOCKS5, Kind.SOCKS5H})
_COUNTRY: Final = re.compile(rb"^loc=([A-Z]{2})\r?$", re.MULTILINE)
_ADDRESS: Final = re.compile(rb"^ip=([0-9A-Fa-f:.]{3,45})\r?$", re.MULTILINE)
NOWHERE: Final = frozenset({b"XX", b"T1"})
"""What the page says for "unknown" and for Tor, which is no country."""

UDP_WAIT: Final = 1.0
"""Seconds that one question over UDP is waited for, on top of the patience of the route."""

_OK: Final = 200


class Place(NamedTuple):
    """Where a visitor comes out: the country, and the address, which is compared in memory and never kept."""

    country: str | None
    address: bytes


class RouteChecks:
    """The further measurements of all proxies of a run; the direct line's own exit is looked up once."""

    def __init__(self, context: Context) -> None:
        """Measure as part of the run of ``context``, the direct one."""
        self._context = context
        self._exit = chosen_exit(context.controls)
        self._direct: asyncio.Task[Place | None] | None = None

    async def measure(self, probe: Through) -> None:
        """Find out what else there is to know of a proxy, or a tunnel, through which something opened."""
        trusts = Trusts(self._context.network.trust)
        clear = [probe.measure(endpoint_of(control), None, trusts, "control") for control in chosen_clear(self._context.controls)]
        udp = [self._udp(probe)] if isinstance(probe, RouteProbe) else []
        await asyncio.gather(*clear, self._exit_of(probe), *udp)

    # --- where it comes out ---

    async def _exit_of(self, probe: Through) -> None:
        control = self._exit
        if control is None:
            return
        if self._direct is None:
            self._direct = self._context.spawn(self._look(self._context, _directly(self._context, control), control, None))
        async with probe.places:
            opening = _through(probe, control)
            await self._look(probe.context, opening, control, self._direct)

    async def _look(
        self, context: Context, opening: Awaitable[Stream | None], control: Control, other: asyncio.Task[Place | None] | None
    ) -> Place | None:
        """Read the page that tells the country over one way, and record what may be kept of it."""
        stream = await opening
        if stream is None:
            return None
        place: Place | None = None
        async with stream:
            with context.trace.step(Step.PROXY) as step:
                step.detail = {"stage": "exit"}
                await context.trusting()
                place = await patiently(
                    _read_place(context.network, stream, control), lambda: context.patience.wait(extra=PROXY_WORK + SERVER_WORK)
                )
                step.detail |= {"country": place.country}
                if other is not None:
                    direct = await other
                    step.detail |= {
                        "same_address": direct.address == place.address if direct and direct.address and place.address else None
                    }
        return place

    # --- calls ---

    async def _udp(self, probe: RouteProbe) -> None:
        control = chosen_stun(self._context.controls)
        if probe.way.kind not in CARRIES_UDP or probe.way.link.first is not None or control is None:
            return
        async with probe.places:
            stream, _ = await probe.way.reach()
            if not isinstance(stream, Stream):
                return
            async with stream:
                with probe.context.trace.step(Step.PROXY) as step:
                    step.detail = {"stage": "udp", "answered": False}
                    try:
                        step.detail["answered"] = await self._carried(probe, stream, control)
                    except ProxyRefusal as refusal:
                        step.detail |= refusal.facts
                        raise

    async def _carried(self, probe: RouteProbe, stream: Stream, control: Control) -> bool:
        """Tell whether a question over UDP was answered through the proxy; the connection must stay open meanwhile."""
        patience = probe.context.patience
        async with asyncio.timeout(patience.wait(extra=PROXY_WORK)):
            association = await begin_association(probe.way.link, stream, self._context.network, probe.way.addresses[0])
        async with association:
            flow = association.toward(control.host, control.port)
            return await ask_binding(flow, lambda: patience.wait(extra=UDP_WAIT)) is not None


async def _through(probe: Through, control: Control) -> Stream | None:
    """Return a stream to a control through the proxy; None where it refused, which is recorded."""
    return await probe.open(control.host, control.port, "exit")


async def _directly(context: Context, control: Control) -> Stream | None:
    """Connect to a control as programs do; None if that fails, which the run finds out elsewhere."""
    try:
        async with asyncio.timeout(context.patience.wait(extra=PROXY_WORK)):
            addresses = await context.network.resolve(control.host, ANY_FAMILY)
            return await context.network.connect(addresses[0], control.port)
    except (OSError, IndexError):
        return None


async def _read_place(network: Network, stream: Stream, control: Control) -> Place:
    """Fetch the page over TLS and return the country and the address that it tells.  Raises OSError, ssl.SSLError."""
    secured: TlsStream = await network.start_tls(stream, network.trust.public, control.host)
    reply = await HttpConnection(secured).request("GET", control.host, control.path)
    body = reply.body if reply.status == _OK and reply.complete else b""
    country, address = _COUNTRY.search(body), _ADDRESS.search(body)
    known = country is not None and country[1] not in NOWHERE
    return Place(country[1].decode("ascii") if country and known else None, address[1] if address else b"")
