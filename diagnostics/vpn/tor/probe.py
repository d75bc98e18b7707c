"""Is a Tor bridge there, is it the one of the line, and has it the same time?

Stages, all over tcp: ``port``; for obfs4 ``transport`` (the person's own program: ``found``); ``handshake`` (``reached``: tcp, obfs4, tls,
versions; ``answer``: versions; ``link_version``); ``hold``, only after greetings that were cut (does a connection last on which nothing
is said?); ``keys`` (``match``: whether the fingerprint is the line's, None where that has none; ``reason`` where it failed: chain,
expired, fingerprint); ``clock`` (``skew_s``: this computer's clock minus the bridge's, seconds).

A bridge is left as soon as it has said who it is.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from diagnostics.daemon import daemon_call
from diagnostics.failures import INVALID_CERTIFICATE
from diagnostics.model import Observation
from diagnostics.routes.link import Link
from diagnostics.routes.socks import socks5
from diagnostics.streams import Stream
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Protocol
from diagnostics.vpn.proxied import kept
from diagnostics.vpn.tcp_server import HANDSHAKE_EXTRA, NOBODY_THERE, Opening, TcpServer
from diagnostics.vpn.tor.bridge import BridgeProfile
from diagnostics.vpn.tor.certs import ChainError, proven_fingerprint
from diagnostics.vpn.tor.link import Greeting, RelayLink, some_name, unverified
from diagnostics.vpn.tor.transport import PluggableTransport, TransportError, find_program

OBFS4_EXTRA: Final = 4.0
"""Seconds beyond the usual patience for obfs4, whose greetings carry up to 8 KB of padding each way."""

NOT_FOUND: Final = "transport_not_found"
NOT_STARTED: Final = "transport_not_started"
"""Failures of the stage ``transport``; df-007 has no words for them."""


async def measure_tor(probing: Probing) -> None:
    """Test the bridge of ``probing``; everything found is in its observations."""
    profile = probing.profile
    if not isinstance(profile, BridgeProfile):
        message = "no bridge"
        raise TypeError(message)
    for address in await probing.find():
        await _Bridge(probing, profile, address).measure()


class _Bridge(TcpServer):
    """The test of one bridge."""

    def __init__(self, probing: Probing, profile: BridgeProfile, address: str) -> None:
        super().__init__(probing, address)
        self._profile = profile

    async def measure(self) -> None:
        """Take the stages in turn; the first that fails is the last."""
        port = await self.port()
        if port.failure is not None:
            if port.failure not in NOBODY_THERE and self._profile.protocol is Protocol.TOR:
                await self.elsewhere()
        elif self._profile.protocol is Protocol.OBFS4:
            await self._disguised()
        else:
            await self.greet_directly()

    async def greet(self, opening: Opening, **detail: object) -> Observation:
        """Greet the bridge over what ``opening`` opens, and hear who it is."""
        stream: Stream | None = None
        link: RelayLink | None = None
        try:
            with self._probing.step("handshake", transport="tcp", tries=1, at=self._at, **detail) as step:
                async with self._context.limits.slot(self._address):
                    stream = await opening(step.detail)
                    link = await self._probing.patiently(self._shaken(stream, step.detail), HANDSHAKE_EXTRA)
            if link is not None:
                await self._hear(link, step.done.detail)
        finally:
            if stream is not None:
                stream.close()
        return step.done

    async def _shaken(self, stream: Stream, detail: dict[str, Any]) -> RelayLink:
        """Shake hands as TLS and as Tor have it."""
        link = RelayLink(await self._context.network.start_tls(stream, unverified(), some_name()))
        detail["reached"] = "tls"
        detail["link_version"] = await link.versions()
        detail["reached"] = detail["answer"] = "versions"
        return link

    async def _hear(self, link: RelayLink, said: dict[str, Any]) -> None:
        """Learn who the bridge is, and what time it has; over a proxy (``by``), the same."""
        greeting: Greeting | None = None
        heard = 0.0
        with self._probing.step("keys", transport="tcp", by=said["by"], match=None) as step:
            greeting = await self._probing.patiently(link.greeting(), HANDSHAKE_EXTRA)
            heard = self._context.network.clock()
            reason = self._weigh(greeting, link.tls_certificate, heard, step.detail)
            if reason:
                step.failure, step.detail["reason"] = INVALID_CERTIFICATE, reason
        if greeting is not None and greeting.clock:
            with self._probing.step("clock", transport="tcp", by=said["by"], skew_s=round(heard - greeting.clock, 1)):
                pass

    def _weigh(self, greeting: Greeting, certificate: bytes, now: float, detail: dict[str, Any]) -> str:
        """Return what is wrong with what the bridge proved of itself, or nothing."""
        try:
            fingerprint = proven_fingerprint(greeting.certificates, certificate, now)
        except ChainError as error:
            return error.reason
        if not self._profile.fingerprint:
            return ""
        detail["match"] = fingerprint == self._profile.fingerprint
        return "" if detail["match"] else "fingerprint"

    async def _disguised(self) -> None:
        """Greet an obfs4 bridge by way of the person's own program."""
        program = None if self._context.network.simulated else await daemon_call(find_program)
        if program is None:
            with self._probing.step("transport", found=False) as step:
                step.failure = NOT_FOUND
            return
        try:
            async with PluggableTransport(program) as transport:
                with self._probing.step("transport", found=True):
                    pass
                link = transport.link({"cert": self._profile.cert.reveal(), "iat-mode": self._profile.iat_mode})
                await self.greetings(partial(self._by_program, link))
        except (TransportError, TimeoutError):
            with self._probing.step("transport", found=True) as step:
                step.failure = NOT_STARTED

    async def _by_program(self, link: Link, detail: dict[str, Any]) -> Stream:
        detail["reached"] = ""
        below = await self._context.network.connect(link.host, link.port)
        stream = await kept(self._probing, socks5(link, below, self._address, self._profile.port), below, OBFS4_EXTRA)
        detail["reached"] = "obfs4"
        return stream
