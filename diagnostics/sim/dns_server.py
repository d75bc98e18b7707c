"""The resolvers of a simulated world: honest ones, lying ones, and injectors on the way."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from diagnostics.bogons import is_address
from diagnostics.model import Fact
from diagnostics.sim.behaviour import Dns
from diagnostics.sim.censor import Censor
from diagnostics.sim.scenario import CensorRule, Portal
from diagnostics.sim.world import World
from diagnostics.streams import Stream

MAX_MESSAGE: Final = 65_535
_TTL: Final = 300  # seconds
_FAMILIES: Final = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}
_RCODES: Final = {Dns.NXDOMAIN: dns.rcode.NXDOMAIN, Dns.REFUSED: dns.rcode.REFUSED, Dns.SERVFAIL: dns.rcode.SERVFAIL}


class Answer(Fact, frozen=True):
    """One message back.  ``forged`` ones come from where the censor stands."""

    wire: bytes
    forged: bool = False


class Names:
    """Answers questions as every resolver of the world does."""

    def __init__(self, world: World, censor: Censor, portal: Portal | None) -> None:
        """Answer from ``world``; ``censor`` and ``portal`` come first."""
        self._world, self._censor, self._portal = world, censor, portal

    def answers(self, message: bytes, flow: str, server: str | None) -> list[Answer]:
        """Return the messages that come back for one question, in their order; none if it is swallowed.

        ``server`` is the resolver's address if the question passes in the clear, None if it is encrypted.
        """
        query = _parse(message)
        if query is None:
            return []
        if self._portal and self._portal.dns == "portal":
            return [Answer(wire=_reply(query, (self._portal.address,)))]
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        rule = self._censor.on_question(flow, name, server) if server else None
        if rule is None:
            return [Answer(wire=self._truth(query, name))]
        if rule.dns is Dns.SILENCE:
            return []
        forged = Answer(wire=_garbage(query) if rule.dns is Dns.GARBAGE else self._forgery(query, rule), forged=True)
        return [forged, Answer(wire=self._truth(query, name))] if rule.dns is Dns.RACE else [forged]

    def _truth(self, query: dns.message.Message, name: str) -> bytes:
        if self._portal and name == self._portal.host:
            return _reply(query, (self._portal.address,))
        host = self._world.find(name)
        return _reply(query, host.addresses if host else None)

    def _forgery(self, query: dns.message.Message, rule: CensorRule) -> bytes:
        if rule.dns in _RCODES:
            return _reply(query, (), _RCODES[rule.dns])
        if rule.dns is Dns.EMPTY:
            return _reply(query, ())
        if is_address(rule.answer):
            return _reply(query, (rule.answer,))
        host = self._world.find(rule.answer)
        return _reply(query, host.addresses if host else ())


async def serve_stream(stream: Stream, names: Names, flow: str, server: str | None) -> None:
    """Answer questions on a TCP or TLS connection (two bytes of length before each message, RFC 1035 section 4.2.2)."""
    buffer = bytearray()
    while data := await stream.read():
        buffer += data
        while len(buffer) >= 2 and len(buffer) >= 2 + int.from_bytes(buffer[:2], "big"):
            end = 2 + int.from_bytes(buffer[:2], "big")
            for answer in names.answers(bytes(buffer[2:end]), flow, server)[:1]:  # a stream has one answer a question
                await stream.write(len(answer.wire).to_bytes(2, "big") + answer.wire)
            del buffer[:end]


def message_of_get(target: str) -> bytes | None:
    """Return the message in the ``dns`` parameter of a DoH GET (RFC 8484 section 4.1), or None."""
    for part in target.partition("?")[2].split("&"):
        key, _, value = part.partition("=")
        if key == "dns":
            try:
                return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
            except (binascii.Error, ValueError):
                return None
    return None


def _parse(message: bytes) -> dns.message.Message | None:
    """Return a question, or None if the bytes are not one."""
    try:
        query = dns.message.from_wire(message, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None
    return query if query.question and not query.flags & dns.flags.QR and query.opcode() == 0 else None


def _garbage(query: dns.message.Message) -> bytes:
    """Return an answer that claims 65 535 records, whose names are compressed into themselves."""
    header = query.id.to_bytes(2, "big") + b"\x81\x80\x00\x01\xff\xff\x00\x00\x00\x00"
    question = query.question[0].name.to_wire() or b""
    at = 0xC000 + len(header) + len(question) + 4
    return header + question + query.question[0].rdtype.to_bytes(2, "big") + b"\x00\x01" + at.to_bytes(2, "big") * 256


def _reply(query: dns.message.Message, addresses: tuple[str, ...] | None, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    """Return an answer with those of the addresses that were asked for; None says that the name does not exist."""
    reply = dns.message.make_response(query, recursion_available=True)
    reply.set_rcode(dns.rcode.NXDOMAIN if addresses is None else rcode)
    question = query.question[0]
    version = _FAMILIES.get(question.rdtype)
    found = [address for address in addresses or () if (6 if ":" in address else 4) == version]
    for address in found:  # a set of several would be shuffled on its way out, and two runs would differ
        reply.answer.append(dns.rrset.from_text(question.name, _TTL, dns.rdataclass.IN, question.rdtype, address))
    return reply.to_wire()
