"""This computer's network as it is beside a VPN that is up: every socket is tied to the line's own interface."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

import dns.rcode

from diagnostics.daemon import daemon_call
from diagnostics.network import Beside, RealNetwork
from diagnostics.probes.dns import Question, addresses_of, new_query, read_reply
from diagnostics.routes.system_proxy import NOTHING, SystemProxies
from diagnostics.trust import Trust
from diagnostics.vpn.outside.binding import bind, may_bind
from diagnostics.vpn.outside.interfaces import PLACES, UNKNOWN, Physical, Rank, System, devices_now, physical_interface, this_system

DNS_PORT: Final = 53
TRIES: Final = (1.0, 2.0)
"""Seconds that each question of ``resolve`` waits; whoever asks has patience of their own, which ends it earlier."""

MOST_ASKED: Final = 2
HARMLESS: Final = "example.com"
"""Asked of the router, to see whether it serves names at all (IANA's, RFC 2606)."""

_BY_RCODE: Final = {dns.rcode.NXDOMAIN: socket.EAI_NONAME, dns.rcode.REFUSED: socket.EAI_FAIL}


class SilenceError(socket.gaierror):
    """No name server said anything: the same to whoever asks for a name as a temporary failure."""


class BoundNetwork(RealNetwork):
    """The line without its VPN.

    ``resolve`` does not ask the system, whose resolver goes through the VPN, but the name servers that this interface's own network
    told it: what the provider's says is what is measured.
    """

    def __init__(self, trust: Trust, physical: Physical, *, system: System | None = None, port: int = DNS_PORT) -> None:
        """Leave by ``physical``; name servers are asked at ``port``."""
        super().__init__(trust)
        self._physical = physical
        self._system = system or this_system()
        self._port = port
        self._told: list[str] | None = None

    def socket_for(self, address: str, kind: socket.SocketKind) -> socket.socket:
        """Return a socket tied to the interface.  Raises BindingError."""
        sock = super().socket_for(address, kind)
        try:
            bind(sock, self._physical)
        except OSError:
            sock.close()
            raise
        return sock

    async def nameservers(self) -> list[str]:
        """Return the interface's own name servers; its router if nobody says and it serves names; empty if nobody is known."""
        if self._told is None:
            told, gateway = await daemon_call(self._system.nameservers, self._physical), self._physical.gateway
            if not told and gateway and await self._serves_names(gateway):
                told = [gateway]
            self._told = told
        return self._told

    async def _serves_names(self, address: str) -> bool:
        """Ask a harmless name; any proper reply will do."""
        try:
            await self._ask([address], Question(HARMLESS))
        except socket.gaierror as error:
            return not isinstance(error, SilenceError)
        except OSError:
            return False
        return True

    async def resolve(self, host: str, family: socket.AddressFamily) -> list[str]:
        """Ask the interface's own name servers over UDP, in the clear as the system would.  Raises socket.gaierror, OSError."""
        servers = await self.nameservers()
        question = Question(host, "AAAA" if family == socket.AF_INET6 else "A")
        return await self._ask(servers[:MOST_ASKED], question)

    async def _ask(self, servers: list[str], question: Question) -> list[str]:
        refusal: OSError = SilenceError(socket.EAI_AGAIN, "no name server answered")
        for wait in TRIES:
            for server in servers:
                try:
                    async with asyncio.timeout(wait):
                        return await self._asked_once(server, question)
                except TimeoutError:
                    continue
                except socket.gaierror:
                    raise
                except OSError as error:  # refused here or there: the next one may be better
                    refusal = error
        raise refusal

    async def _asked_once(self, server: str, question: Question) -> list[str]:
        query = new_query(question)
        async with await self.datagram(server, self._port) as flow:
            await flow.send(query.to_wire())
            while (reply := read_reply(query, await flow.receive())) is None:
                pass  # not our reply: noise must not end the waiting
        if reply.rcode() != dns.rcode.NOERROR:
            raise socket.gaierror(_BY_RCODE.get(reply.rcode(), socket.EAI_AGAIN), "the name server says no")
        if not (found := addresses_of(reply, question.query)):
            raise socket.gaierror(getattr(socket, "EAI_NODATA", socket.EAI_NONAME), "no address of this kind")
        return found

    async def routes_ipv6(self) -> bool:
        """Tell whether the interface has a default route for IPv6."""
        return self._physical.six

    async def system_proxies(self) -> SystemProxies:
        """Return none: what is measured is the line."""
        return NOTHING

    async def beside_vpn(self) -> Beside:
        """Return nothing: this is beside the VPN already."""
        return Beside(None, "no_vpn")


async def beside(trust: Trust, system: System | None = None) -> Beside:
    """Return the line without the VPN that is up, or why there is none: no VPN, no interface, or no way to tie sockets to it."""
    known: System = system if system is not None else await daemon_call(this_system)
    physical = await physical_interface(known)
    if physical is None:
        return Beside(None, "no_interface")
    devices = await daemon_call(devices_now, PLACES)
    inside = [d for d in devices if d not in ("", UNKNOWN, physical.name) and known.rank(d) is not Rank.LINE]
    if not inside:
        return Beside(None, "no_vpn")
    if not await daemon_call(may_bind, physical):
        return Beside(None, "cannot_bind")
    return Beside(BoundNetwork(trust, physical, system=known), whole=len(inside) == len(devices))
