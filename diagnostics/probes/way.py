"""The way through a proxy, or through a chain of two: to it, into it, and on to a target, each stage a step of its own.

Steps are ``proxy`` observations; detail ``stage``: ``connect`` (TCP to the proxy, or a QUIC handshake with it), ``secure`` (TLS to it),
``onward`` (the first of two was asked for the second), ``open`` (a target was asked for).  Detail besides: ``kind``, ``hop`` (1, or 2
for the second of a chain), ``tries``, ``purpose`` (target | repeat | control | neutral_name, and those of ``probes/speech.py``),
``late`` (the kind says nothing before the target does), what a refusal said (``reply``, ``status``, ...), ``speaks`` (another protocol
than expected), ``received`` bytes, ``verify_code`` (OpenSSL's, of a certificate that is not believed; its words could name the proxy).
A QUIC handshake is both at once: it is called ``secure`` where it was the certificate that failed, for then the server was reached.
"""

from __future__ import annotations

import copy
import socket
import ssl
from collections.abc import Coroutine
from typing import Any, Final

import msgspec

from diagnostics.bogons import is_address, is_bogon
from diagnostics.failures import BOGON, CERTIFICATE_FAILURES, EOF, FAILED_HANDSHAKE, ProtocolError, failure_of
from diagnostics.model import Observation, Step
from diagnostics.probes.context import Context
from diagnostics.probes.pacing import patiently
from diagnostics.probes.tcp import connect_silently
from diagnostics.routes.dial import CARRIED, KEYED, NAMES_HERE, Ground, ask, inside_tls, tls_name
from diagnostics.routes.hysteria2 import begin_hysteria2
from diagnostics.routes.link import NO_SECRET, Kind, Link
from diagnostics.routes.quic import CertificateRefused
from diagnostics.routes.speech import heard
from diagnostics.routes.tunnel import ProxyRefusal
from diagnostics.streams import Stream, TlsStream

PROXY_WORK: Final = 3.0
"""Seconds that a proxy may take on top of two round trips: it looks a name up and connects by itself."""

MOST_ADDRESSES: Final = 2
GUESS: Final = "guess"
"""Purpose of steps that only ask what is spoken."""

_FOUR: Final = socket.AF_INET
_OF_TLS: Final = CERTIFICATE_FAILURES | {FAILED_HANDSHAKE}

Opened = tuple[Stream | None, Observation | None]
"""A stream, or the step that failed."""


class Way:
    """How a target is reached through ``link``; ``addresses`` are those of the nearest proxy, ``kind`` is what the last one speaks."""

    def __init__(self, context: Context, link: Link) -> None:
        """Go through ``link``, and before it through the first of its chain."""
        self._context = context
        self.link = link
        self.kind = link.kind
        self.addresses: list[str] = []
        self.last: Observation | None = None
        """The latest step that asked for a target."""
        self._purpose = ""
        self._hello = ""

    def like(self, kind: Kind, purpose: str, hello: str = "") -> Way:
        """Return the same way as if the last proxy spoke ``kind``; ``hello`` is the name that a handshake with it says.

        A guess carries no login where the person said what the proxy speaks: in another protocol it could go out in the clear.
        """
        other = copy.copy(self)
        if purpose == GUESS and self.link.kind is not Kind.AUTO:
            other.link = msgspec.structs.replace(self.link, user=NO_SECRET, secret=NO_SECRET)
        other.kind, other.last, other._purpose, other._hello = kind, None, purpose, hello
        return other

    async def greet(self) -> None:
        """Get to the last proxy, and ask it for nothing."""
        ground, _ = await self.reach()
        if ground is not None:
            ground.close()

    @property
    def nearest(self) -> Link:
        """Return the proxy that this computer connects to."""
        return self.link.first or self._last

    @property
    def _last(self) -> Link:
        return msgspec.structs.replace(self.link, kind=self.kind)

    async def open(self, host: str, port: int, target: str | None, purpose: str) -> Opened:
        """Get to the last proxy and ask it for a target; the stream, or the step that failed."""
        ground, failed = await self.reach()
        if ground is None:
            return None, failed
        detail = {"stage": "open", "hop": self._hops, "purpose": purpose, "port": port}
        opened, self.last = await self._asked(self._last, ground, (host, port), target, detail)
        return opened, None if opened is not None else self.last

    @property
    def _hops(self) -> int:
        return 2 if self.link.first else 1

    async def reach(self) -> tuple[Ground | None, Observation | None]:
        """Return what the last proxy is spoken to over, or the step that failed; the caller closes it."""
        ground, failed = await self._connected(self.nearest)
        first = self.link.first
        if ground is None or first is None:
            return ground, failed
        onward, asked = await self._asked(first, ground, (self.link.host, self.link.port), None, {"stage": "onward", "hop": 1})
        if onward is None:
            return None, asked
        return await self._secured(self._last, onward)

    async def _connected(self, link: Link) -> tuple[Ground | None, Observation | None]:
        """Connect to the nearest proxy, and shake hands with it where it is spoken to inside TLS."""
        ground: Ground | None = None
        done: Observation | None = None
        for address in self.addresses[:MOST_ADDRESSES]:
            with self._context.trace.step(Step.PROXY) as step:
                step.detail = {"stage": "connect", "kind": str(link.kind), "hop": 1, "tries": 0, "bogon": is_bogon(address)}
                if link.kind in CARRIED:
                    ground = await self._carried(link, address, step.detail)
                else:
                    ground = await connect_silently(self._context, address, link.port, step.detail)
            done = step.done
            if ground is not None or done.detail["stage"] != "connect":
                break
        if ground is None or done is None:
            return None, done
        if done.detail["tries"] == 1:
            self._context.patience.saw(done.seconds)
        return await self._secured(link, ground) if isinstance(ground, Stream) else (ground, None)

    async def _carried(self, link: Link, address: str, detail: dict[str, object]) -> Ground:
        """Shake hands with a proxy that is spoken to over datagrams.  Raises OSError."""
        await self._context.trusting()
        network = self._context.network
        session = begin_hysteria2(link, network.trust, await network.datagram(address, link.port), address, tls_name(link))
        shaken = False
        try:
            await self._patiently(session.handshake())
            shaken = True
        except ProtocolError as error:
            if error.failure in _OF_TLS:
                detail["stage"] = "secure"
            if isinstance(error, CertificateRefused):
                detail["verify_code"] = error.verify_code
            raise
        finally:
            detail["received"] = session.raw_received
            detail["tries"] = 1
            if not shaken:
                session.close()
        return session

    async def _secured(self, link: Link, stream: Stream) -> Opened:
        """Shake hands with a proxy that is spoken to inside TLS."""
        if not inside_tls(link):
            return stream, None
        await self._context.trusting()
        session = TlsStream(stream, self._context.network.trust.public, server_name=self._hello or tls_name(link))
        secured: Stream | None = None
        with self._context.trace.step(Step.PROXY) as step:
            step.detail = {"stage": "secure", "kind": str(link.kind), "hop": 1 if link is self.nearest else self._hops}
            step.detail |= {"purpose": self._purpose} if self._purpose else {}
            try:
                await self._patiently(session.handshake())
                secured = session
            except ssl.SSLCertVerificationError as error:
                step.detail |= {"verify_code": error.verify_code} | ({"speaks": "tls"} if self._purpose == GUESS else {})
                raise
            finally:
                step.detail["received"] = stream.raw_received
                if secured is None:
                    stream.close()
        return secured, None if secured is not None else step.done

    async def _asked(
        self, link: Link, ground: Ground, place: tuple[str, int], target: str | None, detail: dict[str, object]
    ) -> tuple[Stream | None, Observation]:
        """Ask a proxy for a place, and return the step, too; of a target its name is kept, of another proxy nothing."""
        opened: Stream | None = None
        facts: dict[str, object] = {}
        failure: str | None = EOF
        with self._context.trace.step(Step.PROXY, target=target, host=place[0] if detail["stage"] == "open" else None) as step:
            step.detail = detail | {"kind": str(link.kind), "late": bool(KEYED & {link.kind, self.nearest.kind})}
            try:
                opened = await self._patiently(self._ask(link, ground, place))
                failure = None
            except ProxyRefusal as refusal:
                facts, failure = refusal.facts, refusal.failure
                raise
            except OSError as error:
                failure = failure_of(error)
                raise
            finally:
                if self._purpose == GUESS and (speaks := heard(link.kind, failure, facts, ground.raw_received)):
                    facts = facts | {"speaks": speaks}
                step.detail |= facts | {"received": ground.raw_received}
                if opened is None:
                    ground.close()
        return opened, step.done

    async def _ask(self, link: Link, ground: Ground, place: tuple[str, int]) -> Stream:
        host, port = place
        if link.kind in NAMES_HERE and not is_address(host):
            found = await self._context.network.resolve(host, _FOUR)
            host = next(iter(found), host)
            if is_bogon(host) and not is_bogon(self.addresses[0]):
                raise ProtocolError(BOGON, "a name that leads nowhere: what is there would be the proxy's own network")
        return await ask(link, ground, host, port)

    async def _patiently(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work gives
        return await patiently(work, lambda: self._context.patience.wait(extra=PROXY_WORK * self._hops))
