"""An address that somebody saw, as a step may carry it: by marks that mean nothing outside this run, its network and its country.

Keys that a place adds to a step's detail::

    mark        eight hexadecimal digits: the same for the same address within a run, and only there
    near        the same for its /16 (IPv4) or /32 (IPv6): a rough "same network" where the network is not known
    networks    the numbers (AS) of the networks that announce it, at most 4
    operator    what the first of them is called, at most 60 characters
    country     two letters, where the registry says it belongs: not where the computer stands

Marks are keyed hashes; the key is made for a run and is kept nowhere, so that a report cannot be searched for an address.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

import dns.exception
import dns.message
import dns.rcode
from dns.rdtypes.ANY.TXT import TXT

from diagnostics.bogons import is_bogon, network_of
from diagnostics.model import Fact
from diagnostics.probes.dns import addresses_of
from diagnostics.probes.http import clean
from diagnostics.probes.resolvers import BrokenSessionError, Session
from diagnostics.vpn.protection.data import Networks

KEY_BYTES: Final = 16
MARK_DIGITS: Final = 8
MOST_NETWORKS: Final = 4
MOST_TEXTS: Final = 16
LONGEST_OPERATOR: Final = 60
NEAR_BITS: Final = {4: 16, 6: 32}

MOST_ASKED: Final = 3
"""Encrypted resolvers that are asked for a network before it counts as not known."""

_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_MOST_NUMBER: Final = (1 << 32) - 2


class Origin(Fact, frozen=True):
    """The networks that an address belongs to; empty if that is not known."""

    networks: tuple[int, ...] = ()
    operator: str = ""
    country: str = ""


UNKNOWN: Final = Origin()


class Asking(Protocol):
    """Whoever can ask for a TXT record so that nobody on the way can answer in its place."""

    async def texts(self, name: str) -> list[str] | None:
        """Return the texts of a name, or None if nobody could be asked."""
        ...


def origin_name(address: str, networks: Networks) -> str:
    """Return the name that tells the networks of an address's /24 or /48: what is more of it is nobody's business."""
    place = ipaddress.ip_network(network_of(address)).network_address
    name = place.reverse_pointer
    if place.version == 4:
        return name.removesuffix("in-addr.arpa") + networks.origin
    return name.removesuffix("ip6.arpa") + networks.origin6


def read_origin(texts: Sequence[str]) -> Origin:
    """Return what ``"23028 | 216.90.108.0/24 | US | arin | 1998-09-25"`` says; several numbers may stand in the first field."""
    for text in texts[:MOST_TEXTS]:
        fields = [field.strip() for field in text.split("|")]
        numbers = [int(n) for n in fields[0].split()[:MOST_NETWORKS] if _NUMBER.fullmatch(n) and 0 < int(n) <= _MOST_NUMBER]
        if numbers:
            country = fields[2] if len(fields) > 2 and _COUNTRY.fullmatch(fields[2]) else ""
            return Origin(networks=tuple(sorted(set(numbers))), country=country)
    return UNKNOWN


def read_operator(texts: Sequence[str]) -> str:
    """Return the name in ``"23028 | US | arin | 2002-01-04 | TEAMCYMRU, US"``, without the country at its end."""
    for text in texts[:MOST_TEXTS]:
        fields = text.split("|")
        if len(fields) > 4:
            return re.sub(r",\s*[A-Z]{2}$", "", clean(fields[-1], LONGEST_OPERATOR))
    return ""


def texts_of(reply: dns.message.Message) -> list[str]:
    """Return the TXT records of a reply as texts, at most 16."""
    records = [record for rrset in reply.answer for record in rrset if isinstance(record, TXT)]
    return [b"".join(record.strings).decode("utf-8", "replace")[:1000] for record in records[:MOST_TEXTS]]


class Lending(Protocol):
    """What lends sessions: the run's ``ResolverPool``."""

    def sessions(self, count: int) -> AbstractAsyncContextManager[list[Session]]:
        """Lend up to ``count`` sessions with resolvers of different operators, over TLS."""
        ...


class PoolAsking:
    """Asks for texts over the run's sessions with encrypted resolvers; nothing of it is recorded, since the names carry addresses."""

    def __init__(self, pool: Lending) -> None:
        """Borrow sessions from ``pool``."""
        self._pool = pool

    async def texts(self, name: str) -> list[str] | None:
        """Return the texts of a name, or None if nobody could be asked."""
        reply = await self._asked(name, "TXT")
        return None if reply is None else texts_of(reply)

    async def addresses(self, name: str) -> list[str]:
        """Return a name's IPv4 addresses, for who has no resolver of the line; none if nobody could be asked."""
        reply = await self._asked(name, "A")
        return [] if reply is None else addresses_of(reply, "A")

    async def _asked(self, name: str, query: str) -> dns.message.Message | None:
        async with self._pool.sessions(MOST_ASKED) as sessions:
            for session in sessions:
                try:
                    reply = await session.exchange(dns.message.make_query(name, query, use_edns=0))
                except (OSError, EOFError, BrokenSessionError):
                    continue
                if reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                    return reply
        return None


class Places:
    """What the addresses of one run are called, and where they belong; each network is asked for once."""

    def __init__(self, asking: Asking, networks: Networks, key: bytes | None = None) -> None:
        """Ask ``asking`` for the networks of addresses; marks of one ``key`` can be compared, None makes one."""
        self._asking = asking
        self._networks = networks
        self._key = key or secrets.token_bytes(KEY_BYTES)
        self._origins: dict[str, asyncio.Task[Origin]] = {}
        self._operators: dict[int, asyncio.Task[str]] = {}

    def mark(self, address: str) -> str:
        """Return an address's mark."""
        return self._hash(str(ipaddress.ip_address(address)))

    def near(self, address: str) -> str:
        """Return the mark of the /16 or /32 that an address lies in."""
        parsed = ipaddress.ip_address(address)
        return self._hash(str(ipaddress.ip_network((parsed, NEAR_BITS[parsed.version]), strict=False)))

    def _hash(self, text: str) -> str:
        return hmac.digest(self._key, text.encode(), "sha256").hex()[:MARK_DIGITS]

    async def facts(self, address: str) -> dict[str, Any]:
        """Return what a step may carry of an address."""
        origin = await self.origin(address)
        return {
            "mark": self.mark(address),
            "near": self.near(address),
            "networks": list(origin.networks),
            "operator": origin.operator,
            "country": origin.country or None,
        }

    async def origin(self, address: str) -> Origin:
        """Return the networks of an address; those of a private one are not asked for."""
        if is_bogon(address):
            return UNKNOWN
        place = network_of(address)
        if place not in self._origins:
            self._origins[place] = asyncio.get_running_loop().create_task(self._look(address))
        return await asyncio.shield(self._origins[place])

    async def _look(self, address: str) -> Origin:
        found = read_origin(await self._asking.texts(origin_name(address, self._networks)) or [])
        if not found.networks:
            return found
        first = found.networks[0]
        if first not in self._operators:
            self._operators[first] = asyncio.get_running_loop().create_task(self._name(first))
        operator = await asyncio.shield(self._operators[first])
        return Origin(networks=found.networks, operator=operator, country=found.country)

    async def _name(self, number: int) -> str:
        return read_operator(await self._asking.texts(f"AS{number}.{self._networks.names}") or [])

    async def close(self) -> None:
        """End what is still being asked."""
        tasks: list[asyncio.Task[Any]] = [*self._origins.values(), *self._operators.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
