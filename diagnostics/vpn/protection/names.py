"""Who asks for this computer's names: names are looked up as programs do, and their own name servers tell who asked.

Detail of ``vpn`` steps:

* stage ``dns_seen``: ``service`` (id in ``resources/protection.toml``), ``via`` (``getaddrinfo``, or ``udp``: the configured server),
  ``seen``: what ``places.py`` says of each resolver that was seen, at most 4, each with ``public``, who runs it if it is one that
  people choose;
* stage ``dns_facts``: ``minimises`` and ``validates`` (true | false | null: not known) of the resolver that is used.

Whether somebody on the way answers questions that were for nobody is a ``dns`` observation of its own (``probes/dns.py``).
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import Any, Final

import dns.message
import dns.rcode

from diagnostics.bogons import is_bogon
from diagnostics.failures import BOGON, NO_ANSWER
from diagnostics.model import Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import ASK_AGAIN, GETADDRINFO_WAIT, Question, addresses_of, ask_nobody, read_reply
from diagnostics.probes.pacing import patiently
from diagnostics.vpn.protection.data import Echo, Outlooks, Query
from diagnostics.vpn.protection.places import Places, texts_of

MOST_SEEN: Final = 4
NAMESERVERS: Final = 2
TRIES: Final = 3
MOST_DATAGRAMS: Final = 32
"""Datagrams that one question looks at: noise must not keep it busy for ever."""

_LABELLED: Final = re.compile(r"(?:Resolver IP:\s*)?([0-9A-Fa-f:.]{3,45})")
_MINIMISED: Final = "HOORAY"


def resolvers_in(texts: Sequence[str]) -> list[str]:
    """Return the addresses in TXT answers that are one, alone or behind "Resolver IP:"; a client's own subnet is another line."""
    found = []
    for text in texts:
        whole = _LABELLED.fullmatch(text.strip())
        try:
            found.append(str(ipaddress.ip_address(whole[1] if whole else "")))
        except ValueError:
            continue
    return list(dict.fromkeys(found))[:MOST_SEEN]


class NamesSeen:
    """The questions of one run about its own resolver."""

    def __init__(self, context: Context, outlooks: Outlooks, places: Places) -> None:
        """Ask over the network of ``context``."""
        self._context = context
        self._outlooks = outlooks
        self._places = places

    async def measure(self) -> None:
        """Ask every echo once, names that getaddrinfo can ask both ways; then what the resolver does, and who else answers."""
        context = self._context
        async with asyncio.TaskGroup() as group:
            for echo in self._outlooks.echo:
                if echo.query is not Query.TXT:
                    group.create_task(self._seen(echo, None))
                elif context.nameservers:
                    group.create_task(self._seen(echo, context.nameservers[0]))
            for echo in [e for e in self._outlooks.echo if e.query is not Query.TXT][:1]:
                for address in context.nameservers[:NAMESERVERS]:
                    group.create_task(self._seen(echo, address))
            if context.nameservers:
                group.create_task(self._facts(context.nameservers[0]))
            if context.neutral is not None:
                group.create_task(ask_nobody(context, Question(context.neutral.host)))

    async def _seen(self, echo: Echo, nameserver: str | None) -> None:
        """Ask for one name, through getaddrinfo or at a configured server, and record whom its name server saw."""
        with self._context.trace.step(Step.VPN) as step:
            via = "getaddrinfo" if nameserver is None else "udp"
            step.detail = {"stage": "dns_seen", "service": echo.id, "via": via, "seen": []}
            found = await (self._by_system(echo) if nameserver is None else self._by_server(echo, nameserver))
            public = [address for address in found if not is_bogon(address)][:MOST_SEEN]
            if not public:
                step.failure = BOGON if found else NO_ANSWER
            step.detail["seen"] = [await self._described(address) for address in public]

    async def _described(self, address: str) -> dict[str, Any]:
        facts = await self._places.facts(address)
        return facts | {"public": self._outlooks.public_operator(facts["networks"])}

    async def _by_system(self, echo: Echo) -> list[str]:
        context, family = self._context, socket.AF_INET6 if echo.query is Query.AAAA else socket.AF_INET
        async with context.limits.lookups:
            return await patiently(context.network.resolve(echo.name, family), lambda: context.patience.wait(extra=GETADDRINFO_WAIT))

    async def _by_server(self, echo: Echo, nameserver: str) -> list[str]:
        reply = await self.ask(nameserver, echo.name, echo.query)
        return resolvers_in(texts_of(reply)) if echo.query is Query.TXT else addresses_of(reply, echo.query)

    async def _facts(self, nameserver: str) -> None:
        """Find out what the resolver does; what it does not answer is not known."""
        names = self._outlooks.facts
        with self._context.trace.step(Step.VPN) as step:
            step.detail = {"stage": "dns_facts", "minimises": None, "validates": None}
            texts, broken, signed = await asyncio.gather(
                self._maybe(nameserver, names.minimising, "TXT"),
                self._maybe(nameserver, names.broken, "A"),
                self._maybe(nameserver, names.signed, "A"),
            )
            if texts is not None and (said := texts_of(texts)):
                step.detail["minimises"] = any(text.startswith(_MINIMISED) for text in said)
            if broken is not None and signed is not None and signed.rcode() == dns.rcode.NOERROR:
                codes = {dns.rcode.SERVFAIL: True, dns.rcode.NOERROR: False}
                step.detail["validates"] = codes.get(broken.rcode())

    async def _maybe(self, nameserver: str, name: str, query: str) -> dns.message.Message | None:
        try:
            return await self.ask(nameserver, name, query)
        except OSError:
            return None

    async def ask(self, nameserver: str, name: str, query: str) -> dns.message.Message:
        """Return a configured server's answer over UDP.  Raises OSError, TimeoutError after three tries."""
        context, message = self._context, dns.message.make_query(name, query, use_edns=0)
        wire = message.to_wire()
        async with context.limits.datagrams_of(own=True), await context.network.datagram(nameserver, 53) as flow:
            for again in ASK_AGAIN[:TRIES]:
                await flow.send(wire)
                try:
                    async with asyncio.timeout(max(again, context.patience.wait(extra=GETADDRINFO_WAIT))):
                        for _ in range(MOST_DATAGRAMS):
                            if (reply := read_reply(message, await flow.receive())) is not None:
                                return reply
                except TimeoutError:
                    continue
        raise TimeoutError
