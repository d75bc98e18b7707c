"""getaddrinfo's stand-in: asks the scenario's resolvers through the simulated network, with glibc's patience."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Final

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from diagnostics.bogons import is_address
from diagnostics.network import Network

PATIENCE: Final = 5.0
"""Seconds until the next try (RES_TIMEOUT of glibc's resolv.h)."""

ATTEMPTS: Final = 2
"""Tries of each server (RES_DFLRETRY of glibc's resolv.h)."""

_NO_DATA: Final = getattr(socket, "EAI_NODATA", socket.EAI_NONAME)  # absent on macOS
_TYPES: Final = {socket.AF_INET: (dns.rdatatype.A,), socket.AF_INET6: (dns.rdatatype.AAAA,)}


async def resolve(network: Network, hosts_file: Mapping[str, str], host: str, family: socket.AddressFamily) -> list[str]:
    """Return the addresses of ``host``.  Raises socket.gaierror with getaddrinfo's codes."""
    if is_address(host):
        return [host]
    if host.lower() in hosts_file:
        found = hosts_file[host.lower()]
        if family in (socket.AF_UNSPEC, socket.AF_INET6 if ":" in found else socket.AF_INET):
            return [found]
        raise _error(_NO_DATA)
    kinds = _TYPES.get(family, (dns.rdatatype.A, dns.rdatatype.AAAA))
    outcomes = await asyncio.gather(*(_ask(network, host, kind) for kind in kinds))
    addresses = [address for outcome in outcomes if not isinstance(outcome, int) for address in outcome]
    if addresses:
        return addresses
    codes = [outcome for outcome in outcomes if isinstance(outcome, int)]
    raise _error(codes[0] if codes else _NO_DATA)


async def _ask(network: Network, host: str, kind: dns.rdatatype.RdataType) -> list[str] | int:
    """Return the addresses of one family, or one of getaddrinfo's codes."""
    try:
        query = dns.message.make_query(host, kind)
    except dns.exception.DNSException:  # an empty or overlong label
        return socket.EAI_NONAME
    for _ in range(ATTEMPTS):
        for server in await network.nameservers():
            reply = await _exchange(network, server, query)
            if reply is None:
                continue
            if reply.rcode() == dns.rcode.NXDOMAIN:
                return socket.EAI_NONAME
            if reply.rcode() == dns.rcode.NOERROR:
                return [record.to_text() for rrset in reply.answer if rrset.rdtype == kind for record in rrset]
    return socket.EAI_AGAIN


async def _exchange(network: Network, server: str, query: dns.message.Message) -> dns.message.Message | None:
    """Return the first reply that fits the question, or None."""
    try:
        async with asyncio.timeout(PATIENCE), await network.datagram(server, 53) as flow:
            await flow.send(query.to_wire())
            while True:
                message = await flow.receive()
                try:
                    reply = dns.message.from_wire(message)
                except (dns.exception.DNSException, ValueError):
                    continue
                if query.is_response(reply):
                    return reply
    except OSError:  # TimeoutError too
        return None


def _error(code: int) -> socket.gaierror:
    texts = {socket.EAI_AGAIN: "Temporary failure in name resolution", socket.EAI_NONAME: "Name or service not known"}
    return socket.gaierror(code, texts.get(code, "No address associated with hostname"))
