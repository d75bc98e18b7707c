"""The proxies of Telegram, Signal and WhatsApp: each carries its own program and nothing else.

Steps of a ``proxy`` observation over such a route (detail ``stage``): ``name``, ``connect`` and ``secure`` as in ``probes/route.py``;
``secret`` (Telegram: the disguise as a secure site), ``neutral`` (the same place greeted with a harmless site's name), ``chat``
(WhatsApp: the opening of its own protocol, or whether the connection is left open).  Behind them the ordinary ``mtproto``, ``tls``
and ``http`` steps say what came through.  None carries the proxy's name, address or a port that somebody typed.

Detail besides: ``kind``, ``tries``, ``bogon``, ``door`` (WhatsApp: chat | media), ``port`` (one of WhatsApp's own, 0 for a typed one),
``received`` (bytes), ``whole`` (the site behind a Telegram proxy answered to the end), ``speaks``, ``reason`` and ``verify_code``,
``noise`` (WhatsApp's protocol was answered), ``held`` (the connection stayed open), ``asked`` (we spoke first).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import resources
from diagnostics.bogons import is_address, is_bogon
from diagnostics.catalog import load_catalog
from diagnostics.failures import DEATHS
from diagnostics.model import Observation, Service, Step
from diagnostics.probes.context import Context
from diagnostics.probes.http import clean
from diagnostics.probes.mtproto import Veil, ask_mtproto
from diagnostics.probes.pacing import patiently
from diagnostics.probes.place import Asking
from diagnostics.probes.proxy_name import find_proxy
from diagnostics.probes.speech import AT_ONCE
from diagnostics.probes.tcp import connect_silently
from diagnostics.probes.way import MOST_ADDRESSES, PROXY_WORK
from diagnostics.routes.link import APPS, Kind, Link
from diagnostics.routes.mtproxy import Noise, client_hello, fake_tls, secret_of
from diagnostics.routes.tunnel import ProxyRefusal, Reader
from diagnostics.streams import Stream, TlsStream

CENTRES: Final = (2, 4)
"""Data centres of Telegram that are asked for, one after the other: one that is being mended accuses no proxy."""

MAX_REASON: Final = 120
_SECURE: Final = 443


class Door:
    """The way to the computer of a proxy: its name, then connections to its ports, two at once at most."""

    def __init__(self, context: Context, link: Link) -> None:
        """Measure over a route of its own, with round trips of its own."""
        self._direct = context
        self.context = context.over(link.id)
        self.link = link
        self._addresses: list[str] = []
        self._places = asyncio.Semaphore(AT_ONCE)
        self.context.trace.note("route", id=link.id, proxy=str(link.kind), why_not="", names_here=False)

    async def look_up(self) -> bool:
        """Look the proxy's name up; False if it leads nowhere."""
        host = self.link.host
        if is_address(host):
            self._addresses = [host]
            return True
        self._addresses = await find_proxy(self._direct, self.context, host, str(self.link.kind))
        return bool(self._addresses)

    @asynccontextmanager
    async def opened(self, port: int, /, **facts: object) -> AsyncIterator[tuple[Stream | None, Observation]]:
        """Connect to a port; the stream, or None, and the step that says why.  It is closed at the end of the block."""
        async with self._places:
            stream, done = await self._connect(port, facts)
            try:
                yield stream, done
            finally:
                if stream is not None:
                    stream.close()

    async def _connect(self, port: int, facts: dict[str, object]) -> tuple[Stream | None, Observation]:
        stream: Stream | None = None
        done: Observation | None = None
        for address in self._addresses[:MOST_ADDRESSES]:
            with self.context.trace.step(Step.PROXY) as step:
                step.detail = {"stage": "connect", "kind": str(self.link.kind), "tries": 0, "bogon": is_bogon(address), **facts}
                stream = await connect_silently(self.context, address, port, step.detail)
            done = step.done
            if stream is not None:
                break
        if done is None:
            message = "no address was looked up"
            raise RuntimeError(message)
        if stream is not None and done.detail["tries"] == 1:
            self.context.patience.saw(done.seconds)
        return stream, done

    async def secured(
        self, stream: Stream, trust: ssl.SSLContext, name: str | None, **facts: object
    ) -> tuple[TlsStream | None, Observation]:
        """Shake hands with the proxy itself; the session, or None if that failed.  Its certificate is not kept: it names the proxy."""
        await self.context.trusting()
        session = TlsStream(stream, trust, server_name=name)
        with self.context.trace.step(Step.PROXY) as step:
            step.detail = {"stage": "secure", "kind": str(self.link.kind), **facts}
            try:
                await patiently(session.handshake(), self.wait)
            except ssl.SSLCertVerificationError as error:
                step.detail["verify_code"] = error.verify_code
                raise
            except ssl.SSLError as error:
                step.detail["reason"] = clean(error.reason or "", MAX_REASON)
                raise
            finally:
                step.detail["received"] = stream.raw_received
        return session if step.done.failure is None else None, step.done

    def wait(self) -> float:
        """Return how long the proxy may take to answer, in seconds."""
        return self.context.patience.wait(extra=PROXY_WORK)


async def measure_app_proxy(context: Context, link: Link, targets: Sequence[Service]) -> None:
    """Measure a proxy that carries one program; the service's own steps name it as their target only if it is in the plan."""
    from diagnostics.probes.app_proxy_signal import measure_signal
    from diagnostics.probes.app_proxy_whatsapp import measure_whatsapp

    app = APPS[link.kind]
    door = Door(context, link)
    if not await door.look_up():
        return
    planned = next((service for service in targets if service.id == app), None)
    target = planned.id if planned else None
    if link.kind is Kind.MTPROTO:
        await measure_telegram(door, target)
    elif link.kind is Kind.SIGNAL:
        service = planned or load_catalog().services[app]
        await measure_signal(door, target, resources.text("services", service.roots) if service.roots else None, service.suffixes)
    else:
        await measure_whatsapp(door, target)


# --- Telegram ------------------------------------------------------------------------------------------


async def measure_telegram(door: Door, target: str | None) -> None:
    """Ask Telegram a question through the proxy, at one data centre, then at another."""
    secret = secret_of(door.link)
    cut = False
    for number, centre in enumerate(CENTRES):
        async with door.opened(door.link.port) as (stream, _):
            if stream is None:
                return
            through: Stream | None = stream
            if secret.fake_tls:
                through, failure = await _disguised(door, stream)
                cut = cut or (through is None and failure in DEATHS)
            if through is None:
                continue
            noise = Noise(through, secret, centre)
            asking = Asking("", target, "repeat" if number else "target")
            veil = Veil(opening=b"", longer=PROXY_WORK, heard=noise.heard)
            if (await ask_mtproto(door.context, noise, None, _SECURE, asking, veil)).failure is None:
                return
    if cut:
        await _greet_neutrally(door)


async def _disguised(door: Door, stream: Stream) -> tuple[Stream | None, str | None]:
    """Pose as a visitor of the site that the secret names; the stream inside, or the failure."""
    through: Stream | None = None
    with door.context.trace.step(Step.PROXY) as step:
        step.detail = {"stage": "secret", "kind": str(door.link.kind)}
        try:
            through = await patiently(fake_tls(secret_of(door.link), stream, door.context.network.clock()), door.wait)
        except ProxyRefusal as refusal:
            step.detail |= refusal.facts
            raise
        finally:
            step.detail["received"] = stream.raw_received
    return through, step.done.failure


async def _greet_neutrally(door: Door) -> None:
    """Greet the same place with a harmless site's name: a proxy of this kind shows its own site to such a visitor."""
    control = door.context.neutral
    if control is None:
        return
    async with door.opened(door.link.port) as (stream, _):
        if stream is None:
            return
        with door.context.trace.step(Step.PROXY) as step:
            step.detail = {"stage": "neutral", "kind": str(door.link.kind)}
            try:
                await stream.write(bytes(client_hello(control.host)))
                await patiently(Reader(stream).exactly(5), door.wait)
            finally:
                step.detail["received"] = stream.raw_received
