"""Asking one resolver for one name.

Detail of a ``dns`` observation::

    engine         getaddrinfo | udp | tcp | dot | doh
    resolver       "system" for this computer's own, else the id in resources/resolvers.toml
    query          A | AAAA | HTTPS
    answers        addresses of the first reply, at most 16; where the last one is waited for, of the last that differs from it
    rcode          of the same reply, or None
    ech            for HTTPS: the keys with which the name's page hides which one is wanted (RFC 9848), in Base64, or None
    replies        every reply to the query: {after (seconds), rcode, answers}; two that differ prove injection
    tries          how often we asked
    authenticated  the answer came over TLS with the resolver's valid certificate
    filters        the resolver refuses some names by policy: its "no" counts for nothing
    purpose        target | control | survey | nobody (asked where no resolver lives: an answer proves that somebody steps in)

``address`` is the resolver's.  The failure is OONI's string for the first reply; ``dns_bogon_error`` when every address
in it is one that no public name may have; of the last one where that is what ``answers`` holds.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Callable
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import msgspec
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.HTTPS import HTTPS
from dns.rdtypes.svcbbase import ECHParam, ParamKey

from diagnostics.bogons import is_bogon
from diagnostics.failures import BOGON, DNS_MISBEHAVING, DNS_REFUSED, DNS_SERVFAIL, NO_ANSWER, NXDOMAIN, ProtocolError
from diagnostics.model import Observation, Step
from diagnostics.probes.context import Context
from diagnostics.probes.pacing import LOOK_AGAIN, MOST_STEP, TICK, patiently
from diagnostics.streams import Datagrams

ASK_AGAIN: Final = (0.5, 1.0, 2.0)
"""Seconds after the first question; the system's own 5 s would make one lost packet a dead site."""

LISTEN_ON: Final = 0.25
"""Seconds to listen after the first reply for a second one: an injected answer comes first, the true one later."""

GETADDRINFO_WAIT: Final = 2.0
"""Seconds added to the patience for the system's resolver, which may itself have to ask again."""

NOBODY: Final = "nobody"
"""The "resolver" at an address where none can live: whoever answers there steps in on the way."""

NOBODYS_ADDRESSES: Final = ("192.0.2.53", "198.51.100.53")
"""Addresses of TEST-NET-1 and TEST-NET-2, which no computer has (RFC 5737): two, so that one odd answer proves nothing."""

NOBODYS_TRIES: Final = 2

LISTEN_FOR_LAST: Final = 1.0
"""Seconds to listen after the first reply where the last one is wanted: the true answer may have far to go (OONI waits 0.25 to 0.5 s)."""

LISTEN_ON_OF_MANY: Final = 0.03
"""The same where a long list is measured: injectors are as near as the provider's resolver, and names in doubt are asked again."""

MAX_ANSWERS: Final = 16
MAX_REPLIES: Final = 8
MAX_ECH: Final = 2048
"""Bytes of an ECHConfigList that are kept: real ones have some 70 for each key (RFC 9849, section 4)."""

_BY_RCODE: Final[dict[int, str]] = {dns.rcode.NXDOMAIN: NXDOMAIN, dns.rcode.REFUSED: DNS_REFUSED, dns.rcode.SERVFAIL: DNS_SERVFAIL}


class Question(msgspec.Struct, frozen=True):
    """What is asked, on whose behalf."""

    name: str
    query: str = "A"  # or "AAAA", or "HTTPS" over a session
    target: str | None = None
    purpose: str = "target"

    @property
    def family(self) -> socket.AddressFamily:
        """Return the address family asked for."""
        return socket.AF_INET6 if self.query == "AAAA" else socket.AF_INET


class Answer(msgspec.Struct, frozen=True):
    """The first reply to a question, as soon as it is known."""

    resolver: str
    engine: str
    question: Question
    addresses: tuple[str, ...]
    failure: str | None
    authenticated: bool = False


Listener = Callable[[Answer], None]


class Source(msgspec.Struct, frozen=True):
    """Who is asked: a resolver's id, one of its addresses, whether it filters, and how often over UDP at most.

    ``last``: of several replies that differ over UDP the last one counts, since whoever forges them answers first.
    """

    resolver: str
    address: str
    filters: bool = False
    tries: int = len(ASK_AGAIN) + 1
    last: bool = False


def new_query(question: Question) -> dns.message.Message:
    """Return a plain recursive query with a random id."""
    return dns.message.make_query(question.name, question.query, use_edns=False)


def read_reply(query: dns.message.Message, wire: bytes) -> dns.message.Message | None:
    """Return the reply to ``query`` in ``wire``, or None for bytes that are none or answer another question."""
    try:
        reply = dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError, IndexError, KeyError):
        return None
    return reply if query.is_response(reply) else None


def addresses_of(reply: dns.message.Message, query: str) -> list[str]:
    """Return the addresses of the asked kind in a reply, at most 16, whatever names they hang on."""
    kind = dns.rdatatype.from_text(query)
    records = [record for rrset in reply.answer if rrset.rdtype == kind for record in rrset]
    found = [str(record.address) for record in records if isinstance(record, A | AAAA)]  # another class has other records
    return list(dict.fromkeys(found))[:MAX_ANSWERS]


def ech_of(reply: dns.message.Message) -> tuple[bool, bytes | None]:
    """Return whether a reply has HTTPS records at all (RFC 9460), and the first keys in them, most preferred record first."""
    records = [record for rrset in reply.answer for record in rrset if isinstance(record, HTTPS)]
    params = [record.params.get(ParamKey.ECH) for record in sorted(records, key=lambda r: int(r.priority))]
    found = [bytes(param.ech) for param in params if isinstance(param, ECHParam) and 0 < len(param.ech) <= MAX_ECH]
    return bool(records), next(iter(found), None)


def failure_of_reply(rcode: int, addresses: list[str]) -> str | None:
    """Return OONI's string for what a reply says, or None when it names an address that may be public."""
    if rcode != dns.rcode.NOERROR:
        return _BY_RCODE.get(rcode, DNS_MISBEHAVING)
    if not addresses:
        return NO_ANSWER
    return BOGON if all(is_bogon(address) for address in addresses) else None


def facts_of(question: Question, source: Source, engine: str) -> dict[str, Any]:
    """Return the detail that every ``dns`` observation begins with."""
    return {
        "engine": engine,
        "resolver": source.resolver,
        "query": question.query,
        "answers": [],
        "rcode": None,
        "tries": 1,
        "authenticated": False,
        "filters": source.filters,
        "purpose": question.purpose,
    }


async def ask_system(context: Context, question: Question, on_answer: Listener) -> Observation:
    """Ask getaddrinfo, which is what every program on this computer does."""
    source = Source("system", "")
    answers: list[str] = []
    with context.trace.step(Step.DNS, target=question.target, host=question.name) as step:
        step.detail = facts_of(question, source, "getaddrinfo")
        async with context.limits.lookups:  # each holds a thread of its own
            resolving = context.network.resolve(question.name, question.family)
            answers = (await patiently(resolving, lambda: context.patience.wait(extra=GETADDRINFO_WAIT)))[:MAX_ANSWERS]
        step.detail["answers"] = answers
        step.failure = failure_of_reply(dns.rcode.NOERROR, answers)
    on_answer(Answer("system", "getaddrinfo", question, tuple(answers), step.done.failure))
    return step.done


async def ask_udp(context: Context, question: Question, source: Source, on_answer: Listener, port: int = 53) -> Observation:
    """Ask over UDP, again after 0.5, 1 and 2 s, and listen on for late and second replies.

    ``on_answer`` is called at the first reply; the observation ends after the listening.
    """
    async with context.limits.datagrams_of(own=source.resolver == "system"):
        with context.trace.step(Step.DNS, target=question.target, host=question.name, address=source.address) as step:
            step.detail = facts_of(question, source, "udp")
            asking = _UdpAsking(context, question, source, on_answer, step.detail)
            failure = DNS_MISBEHAVING
            try:
                failure = await asking.run(port) or ""
            finally:
                if not asking.answered:
                    on_answer(Answer(source.resolver, "udp", question, (), failure))
            step.failure = failure or None
    return step.done


async def ask_nobody(
    context: Context, question: Question, addresses: tuple[str, ...] = NOBODYS_ADDRESSES, tries: int = NOBODYS_TRIES
) -> None:
    """Ask where no resolver lives; nothing is expected to come back, and what does is only recorded."""
    asked = msgspec.structs.replace(question, purpose=NOBODY)
    sources = [Source(NOBODY, address, tries=tries) for address in addresses]
    await asyncio.gather(*(ask_udp(context, asked, source, lambda _answer: None) for source in sources))


async def _receive(flow: Datagrams, seconds: float) -> bytes | None:
    """Return the next datagram, or None when there is none in time."""
    try:
        async with asyncio.timeout(seconds):  # wait_for of Python 3.11 swallows a cancellation that comes with the datagram
            return await flow.receive()
    except TimeoutError:
        return None


class _UdpAsking:
    """One question over UDP, from the first datagram to the end of listening."""

    def __init__(self, context: Context, question: Question, source: Source, on_answer: Listener, detail: dict[str, Any]) -> None:
        self._context = context
        self._question = question
        self._source = source
        self._on_answer = on_answer
        self._detail = detail
        self._replies: list[dict[str, Any]] = []
        self._failure: str | None = None

    @property
    def answered(self) -> bool:
        return bool(self._replies)

    async def run(self, port: int) -> str | None:
        """Return the failure string of the first reply; raises OSError, TimeoutError."""
        loop, query = asyncio.get_running_loop(), new_query(self._question)
        self._detail["replies"] = self._replies
        async with await self._context.network.datagram(self._source.address, port) as flow:
            began = loop.time()
            for number in range(1, self._source.tries + 1):
                self._detail["tries"] = number
                await flow.send(query.to_wire())
                while (left := self._until(began, number) - loop.time()) > 0 and len(self._replies) < MAX_REPLIES:
                    look = left if self._replies else min(left, LOOK_AGAIN)  # patience is learnt only while nothing came
                    wire = await _receive(flow, max(look, TICK))
                    # bytes that are not our reply, or unreadable, are passed over: noise must not end the waiting
                    reply = read_reply(query, wire) if wire else None
                    if reply is not None:
                        self._take(reply, loop.time() - began, number)
                    await asyncio.sleep(0)  # a flood must not keep everybody else waiting: what is there is read without a pause
                if self._replies:
                    if self._source.last:
                        self._take_last()
                    return self._failure
        raise TimeoutError

    def _until(self, began: float, number: int) -> float:
        """Return until when to listen after the ``number``th question, by the loop's time."""
        if self._replies:
            first = float(self._replies[0]["after"])
            least = LISTEN_FOR_LAST if self._source.last else LISTEN_ON_OF_MANY if self._context.many else LISTEN_ON
            return began + first + max(least, min(2 * first, 1.0))
        patience, most = self._context.patience, began + MOST_STEP
        if number < self._source.tries:
            return min(began + max(ASK_AGAIN[number - 1], number * patience.stagger(0.0)), most)
        last = max(ASK_AGAIN[number - 2], (number - 1) * patience.stagger(0.0)) if number > 1 else 0.0
        return min(began + last + patience.wait(), most)

    def _take(self, reply: dns.message.Message, after: float, tries: int) -> None:
        addresses = addresses_of(reply, self._question.query)
        rcode = dns.rcode.to_text(reply.rcode())
        self._replies.append({"after": round(after, 4), "rcode": rcode, "answers": addresses})
        if len(self._replies) > 1:
            return
        if tries == 1 and self._source.resolver not in ("system", NOBODY) and not self._context.patience.alive:
            self._context.patience.saw(after)  # later ones wait for each other in the resolver's and our own queue
        if not self._source.last:
            self._settle_on(self._replies[0])

    def _take_last(self) -> None:
        """Settle on the last reply that differs from the first, or on the first."""
        first = self._replies[0]
        others = [each for each in self._replies if (each["rcode"], each["answers"]) != (first["rcode"], first["answers"])]
        self._settle_on(others[-1] if others else first)

    def _settle_on(self, reply: dict[str, Any]) -> None:
        addresses, rcode = reply["answers"], reply["rcode"]
        self._failure = failure_of_reply(dns.rcode.from_text(rcode), addresses)
        self._detail |= {"answers": addresses, "rcode": rcode}
        self._on_answer(Answer(self._source.resolver, "udp", self._question, tuple(addresses), self._failure))


def record_reply(detail: dict[str, Any], question: Question, reply: dns.message.Message) -> str | None:
    """Write a reply that came over a stream into ``detail`` and return its failure string."""
    if question.query == "HTTPS":
        told, keys = ech_of(reply)
        detail |= {"rcode": dns.rcode.to_text(reply.rcode()), "ech": base64.b64encode(keys).decode() if keys else None}
        return _BY_RCODE.get(reply.rcode(), DNS_MISBEHAVING) if reply.rcode() != dns.rcode.NOERROR else None if told else NO_ANSWER
    addresses = addresses_of(reply, question.query)
    detail |= {"answers": addresses, "rcode": dns.rcode.to_text(reply.rcode())}
    return failure_of_reply(reply.rcode(), addresses)


def stream_reply(query: dns.message.Message, wire: bytes) -> dns.message.Message:
    """Return the reply in ``wire``; raises ProtocolError for anything else, since a stream has no second chance."""
    reply = read_reply(query, wire)
    if reply is None:
        raise ProtocolError(DNS_MISBEHAVING, "not a reply to the question")
    return reply
