"""Signal's proxy: TLS to it, and inside a second TLS whose server name tells it where to.

It passes the names of Signal on and cuts every other one, so the certificate that comes back proves the whole way, and a harmless name
that is answered shows that it carries everybody (Signal-TLS-Proxy cf152e8, nginx.conf).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.failures import FAILED_HANDSHAKE
from diagnostics.model import Observation, Step
from diagnostics.probes.app_proxy import Door
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.http import fetch
from diagnostics.probes.place import Asking, Greeting, Place
from diagnostics.probes.tls import shake
from diagnostics.routes.mtproxy import sounds_like
from diagnostics.routes.tunnel import ThroughStream
from diagnostics.streams import READ_SIZE, Stream

CHAT: Final = "chat.signal.org"
NEUTRAL: Final = "neutral_name"
TRIES: Final = 2
_SECURE: Final = 443


class Heard(ThroughStream):
    """A stream that remembers how the other side began."""

    def __init__(self, below: Stream) -> None:
        """Listen to ``below``."""
        super().__init__(below)
        self.first = b""

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what comes."""
        data = await super().read(limit)
        if len(self.first) < 4:
            self.first = (self.first + data)[:4]
        return data


async def measure_signal(door: Door, target: str | None, roots: str | None, suffixes: Sequence[str]) -> None:
    """Reach Signal's chat through the proxy, then try a name that it must refuse."""
    network = door.context.network
    if roots:
        await network.trust.prepare((roots,))
    trusts = Trusts(network.trust, roots, tuple(suffixes))
    failed: Observation | None = None
    for number in range(TRIES):
        failed = await _inside(door, CHAT, Asking("", target, "repeat" if number else "target"), trusts)
        if failed is None or failed.detail.get("stage") == "connect" or "verify_code" in failed.detail:
            break  # a connection was tried three times, and somebody else's certificate stays so
    control = door.context.neutral
    if control is not None and (failed is None or failed.step is Step.TLS):
        await _inside(door, control.host, Asking("", None, NEUTRAL), trusts)


async def _inside(door: Door, name: str, asking: Asking, trusts: Trusts) -> Observation | None:
    """Shake hands with ``name`` through the proxy and ask it for a page; the step before that which failed, or None."""
    link, context = door.link, door.context
    async with door.opened(link.port) as (stream, connected):
        if stream is None:
            return connected
        outer, secured = await door.secured(stream, context.network.trust.public, link.host)
        if outer is None:
            return secured
        heard = Heard(outer)
        shaken = await shake(context, heard, trusts.of(name), Greeting(_SECURE, name, name, asking))
        if shaken.stream is None:
            if shaken.observation.failure == FAILED_HANDSHAKE and (speaks := sounds_like(heard.first)) in ("http", "ssh"):
                context.trace.note("heard", speaks=speaks)
            return shaken.observation
        if asking.purpose != NEUTRAL:
            await fetch(context, shaken.stream, Place("https", name, _SECURE), asking)
        return None
