"""A connection to a profile's server by way of the person's own proxy: the same greeting from elsewhere.

Only kinds that need a connection and nothing else are asked.  Where the proxy lives leaves no trace.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from diagnostics.bogons import is_address
from diagnostics.failures import NXDOMAIN, ProtocolError
from diagnostics.probes.proxy_name import find_proxy
from diagnostics.probes.tcp import connect_silently
from diagnostics.routes.dial import ask, why_not
from diagnostics.routes.link import Link
from diagnostics.streams import Stream
from diagnostics.vpn.lending import CONNECTING
from diagnostics.vpn.probing import Probing

PROXY_EXTRA: Final = 3.0
"""Seconds beyond the usual patience that a proxy may take to connect."""


def connecting_proxy(probing: Probing) -> Link | None:
    """Return the first of the person's proxies that can carry a connection, None without one."""
    return next((each for each in probing.proxies if each.kind in CONNECTING and each.first is None and not why_not(each)), None)


async def connect_through(probing: Probing, proxy: Link, address: str, port: int) -> Stream:
    """Return a connection to a server through a proxy.  Raises OSError, EOFError."""
    for own in await _addresses_of(probing, proxy):
        below = await connect_silently(probing.context, own, proxy.port, {"tries": 0})
        return await kept(probing, ask(proxy, below, address, port), below, PROXY_EXTRA)
    raise ProtocolError(NXDOMAIN, "the proxy's name leads nowhere")


async def kept(probing: Probing, opening: Coroutine[Any, Any, Stream], below: Stream, extra: float) -> Stream:
    """Return the stream that is opened over another one, which is closed if that fails."""
    stream: Stream | None = None
    try:
        stream = await probing.patiently(opening, extra)
    finally:
        if stream is None:
            below.close()
    return stream


async def _addresses_of(probing: Probing, proxy: Link) -> list[str]:
    if is_address(proxy.host):
        return [proxy.host]
    return await find_proxy(probing.direct.unheard(), probing.context.unheard(), proxy.host, str(proxy.kind))
