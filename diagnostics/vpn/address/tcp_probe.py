"""Does an SSTP, AnyConnect or SSH server answer at an address?

Stages besides those of ``vpn/tcp_server.py``: ``handshake`` (``reached``: tcp, tls, answer; ``status``: the HTTP status, where there is
one) and ``tls``, the certificate as the system's own client would see it (``roots``: public or system; ``reason``, where that was refused:
early or expired for its dates, else certificate; ``verify_code``).  The greeting itself believes any certificate, since nothing of the
person's is in it.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

from diagnostics.bogons import is_address
from diagnostics.failures import UNKNOWN_AUTHORITY
from diagnostics.model import Observation
from diagnostics.streams import Stream
from diagnostics.vpn.address.spoken import SECURED, SPOKEN
from diagnostics.vpn.life import look_for_life
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Protocol
from diagnostics.vpn.tcp_server import HANDSHAKE_EXTRA, NOBODY_THERE, Opening, TcpServer

_DATES: Final = {9: "early", 10: "expired"}
"""OpenSSL's verify codes of a certificate whose days have not begun, or are over: by a wrong clock good ones look like that."""


async def measure_tcp(probing: Probing) -> None:
    """Test the server of ``probing``; everything found is in its observations."""
    for address in (await probing.find())[:1]:
        await _Server(probing, address).measure()


class _Server(TcpServer):
    """The test of one server."""

    def __init__(self, probing: Probing, address: str) -> None:
        super().__init__(probing, address)
        self.speaks_first = probing.profile.protocol is Protocol.SSH

    async def measure(self) -> None:
        """Take the stages in turn; the first that fails is the last."""
        port = await self.port()
        if port.failure is not None:
            if port.failure not in NOBODY_THERE:
                await self.elsewhere()
                await look_for_life(self._probing, self._address)
            return
        greeting = await self.greet_directly()
        if greeting.failure is None and self._probing.profile.protocol in SECURED:
            await self._certificate()

    async def greet(self, opening: Opening, **detail: object) -> Observation:
        """Greet the server over what ``opening`` opens."""
        stream: Stream | None = None
        try:
            with self._probing.step("handshake", transport="tcp", tries=1, at=self._at, **detail) as step:
                async with self._context.limits.slot(self._address):
                    stream = await opening(step.detail)
                    await self._probing.patiently(self._spoken(stream, step.detail), HANDSHAKE_EXTRA)
        finally:
            if stream is not None:
                stream.close()
        return step.done

    async def _spoken(self, stream: Stream, detail: dict[str, Any]) -> None:
        profile = self._probing.profile
        if profile.protocol in SECURED:
            stream = await self._context.network.start_tls(stream, self._context.network.trust.inspecting, profile.host)
            detail["reached"] = "tls"
        await SPOKEN[profile.protocol](stream, host_of(profile.host), detail)
        detail["reached"] = "answer"

    async def _certificate(self) -> None:
        """See whether the server's certificate is one that this computer believes: public roots first, then its own store."""
        trust = self._context.network.trust
        if await self._verified(trust.public, "public") == UNKNOWN_AUTHORITY:
            await self._verified(trust.system, "system")

    async def _verified(self, context: ssl.SSLContext, roots: str) -> str | None:
        stream: Stream | None = None
        try:
            with self._probing.step("tls", transport="tcp", roots=roots) as step:
                stream = await self.directly(step.detail)
                shaking = self._context.network.start_tls(stream, context, self._probing.profile.host)
                try:
                    await self._probing.patiently(shaking, HANDSHAKE_EXTRA)
                except ssl.SSLCertVerificationError as error:
                    step.detail |= {"reason": _DATES.get(error.verify_code, "certificate"), "verify_code": error.verify_code}
                    raise
        finally:
            if stream is not None:
                stream.close()
        return step.done.failure


def host_of(host: str) -> str:
    """Return a host as HTTP has it."""
    return f"[{host}]" if is_address(host) and ":" in host else host
