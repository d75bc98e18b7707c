"""Places behind a tunnel: their names are asked inside it, and the connection goes through it.

Detail of the ``vpn`` observation with stage ``open``: ``port``, ``purpose``, ``late`` (never: a tunnel speaks at once), ``lookup`` (the
failure of asking for the name inside, where that failed), ``received`` bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import dns.message

from diagnostics.bogons import is_address, is_bogon
from diagnostics.failures import BOGON, NXDOMAIN, TIMEOUT, ProtocolError
from diagnostics.model import Observation, Step
from diagnostics.probes.dns import Question, addresses_of, new_query, read_reply
from diagnostics.probes.pacing import patiently
from diagnostics.probes.through import Through
from diagnostics.probes.way import Opened
from diagnostics.streams import Stream
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.tunnel import Tunnel

TUNNEL_WORK: Final = 3.0
"""Seconds that a connection through a tunnel may take on top of this line's patience: the way beyond the server is not known."""

ASK_AGAIN: Final = (1.0, 2.0, 3.0)
"""Seconds that each of the questions for a name inside the tunnel may take."""

NAME_WORK: Final = 3.0
"""Seconds more for a place that has a name: two lost questions, or three name servers that are dead."""

DNS_PORT: Final = 53


class TunnelProbe(Through):
    """What opens through a profile's tunnel."""

    def __init__(self, probing: Probing, tunnel: Tunnel) -> None:
        """Measure through ``tunnel``, whose names are asked at its own name servers; without any, at public ones through it."""
        super().__init__(probing.context)
        self._protocol = str(probing.profile.protocol)
        self._tunnel = tunnel
        public = [r.addresses[0] for r in self._context.resolvers if r.addresses and r.plain and not r.filters]
        self._servers = tunnel.resolvers or tuple(public[:2])
        self._known: dict[str, asyncio.Task[list[str]]] = {}

    async def open_place(self, host: str, port: int, target: str | None, purpose: str) -> Opened:
        """Open a place through the tunnel; the stream, or the step that failed."""
        stream: Stream | None = None
        with self._context.trace.step(Step.VPN, target=target, host=host) as step:
            step.detail = {"stage": "open", "protocol": self._protocol, "purpose": purpose, "port": port, "late": False}
            work = TUNNEL_WORK + (0.0 if is_address(host) else NAME_WORK)
            opening = self._connected(host, port, step.detail)
            stream = await patiently(opening, lambda: self._context.patience.wait(extra=work))
        failed: Observation | None = None if stream is not None else step.done
        return stream, failed

    async def _connected(self, host: str, port: int, detail: dict[str, object]) -> Stream:
        """Return a connection to a place, whose name is looked up first.  Raises OSError."""
        address = host if is_address(host) else await self._found(host, detail)
        return await self._tunnel.connect(address, port)

    async def _found(self, host: str, detail: dict[str, object]) -> str:
        """Return the address of a name as the tunnel's name server tells it.  Raises OSError."""
        if host not in self._known:
            self._known[host] = self._context.spawn(self._look_up(host))
        detail["lookup"] = TIMEOUT  # stays where patience ends before there is an answer
        found = await asyncio.shield(self._known[host])
        del detail["lookup"]
        if not found:
            detail["lookup"] = NXDOMAIN
            raise ProtocolError(NXDOMAIN, "no address inside the tunnel")
        if all(is_bogon(address) for address in found):
            detail["lookup"] = BOGON
            raise ProtocolError(BOGON, "a name that leads nowhere inside the tunnel")
        return found[0]

    async def _look_up(self, host: str) -> list[str]:
        """Ask for a name's addresses; the next server as soon as one has none, or has not answered its first question."""
        waiting, asked = list(self._servers), set[asyncio.Task[list[str]]]()
        try:
            while waiting or asked:
                if waiting:
                    asked.add(asyncio.get_running_loop().create_task(self._addresses(waiting.pop(0), host)))
                done, asked = await asyncio.wait(asked, timeout=ASK_AGAIN[0] if waiting else None, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    if each.result():
                        return each.result()
        finally:
            for each in asked:
                each.cancel()
        return []

    async def _addresses(self, server: str, host: str) -> list[str]:
        """Ask one server, again if nothing comes; IPv4 first, IPv6 where the tunnel carries nothing else."""
        four, six = self._tunnel.families
        for kind in [*(["A"] if four else []), *(["AAAA"] if six else [])]:
            found = await self._asked(server, new_query(Question(host, query=kind)), kind)
            if found:
                return found
        return []

    async def _asked(self, server: str, query: dns.message.Message, kind: str) -> list[str]:
        for seconds in ASK_AGAIN:
            with contextlib.suppress(OSError):  # a question that is lost, or refused, is asked again
                async with asyncio.timeout(seconds):
                    reply = read_reply(query, await self._tunnel.ask(server, DNS_PORT, query.to_wire()))
                    if reply is not None:
                        return addresses_of(reply, kind)
        return []
