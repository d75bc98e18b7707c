"""Resolvers that send anything: each costs its own cell and no other, and none costs more than its time."""

from __future__ import annotations

import asyncio
import base64
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

import dns.message
import dns.rcode
import dns.rdata
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.model import Observation, Resolver
from diagnostics.probes.context import Context
from diagnostics.probes.dns import MAX_ECH, Question, ech_of, new_query, read_reply
from diagnostics.trust import Trust
from diagnostics.workarounds import lookups
from diagnostics.workarounds.cut_question import NAME_AT, CutQuestions, middle_of_name
from diagnostics.workarounds.lookups import IN_ALL, Found, ResolverWays, first_told
from tests.conftest import RunAsync
from tests.probes.misbehaving import hangs_up, hangs_up_at_once, resets, says, stays_silent
from tests.probes.test_bytes import Canned
from tests.real_servers.authority import Authority
from tests.real_servers.telegram import Handler, serving
from tests.workarounds.lines import HERE, Played, played

HONEST, HOSTILE = "198.18.0.53", "198.18.0.54"
TRUE = "104.16.1.1"
KEYS = b"\x00\x08\xfe\x0d\x00\x04keys"


def reply_to(wire: bytes, *, ech: bytes | None = KEYS, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    """Return what an honest resolver says: one address for every name, and an HTTPS record with keys."""
    query = dns.message.from_wire(wire)
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    question = query.question[0]
    if question.rdtype == 1:
        reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", TRUE))
    if question.rdtype == 65 and ech is not None:
        keys = f' ech="{base64.b64encode(ech).decode()}"' if ech else ""
        reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "HTTPS", f"1 . alpn=h2{keys}"))
    return reply.to_wire()


def framed(message: bytes) -> bytes:
    return struct.pack("!H", len(message)) + message


def answering(change: Callable[[bytes], bytes] = reply_to) -> Handler:
    """Return a server on a stream that answers every question with ``change`` of it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            size = struct.unpack("!H", await reader.readexactly(2))[0]
            writer.write(framed(change(await reader.readexactly(size))))

    return handle


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send messages without end to whoever asks."""
    await reader.read(1)
    while True:
        writer.write(framed(b"\x00" * 40) * 500)
        await writer.drain()


def other_id(wire: bytes) -> bytes:
    reply = bytearray(reply_to(wire))
    reply[0] ^= 0xFF
    return bytes(reply)


def huge(wire: bytes) -> bytes:
    return reply_to(wire) + b"\xff" * 60_000


def thousands(wire: bytes) -> bytes:
    """Claim 65 535 records, whose names are compressed into themselves."""
    query = dns.message.from_wire(wire)
    head = wire[:2] + b"\x81\x80\x00\x01\xff\xff\x00\x00\x00\x00"
    at = 0xC000 + len(head)
    return head + (query.question[0].name.to_wire() or b"") + b"\x00\x01\x00\x01" + struct.pack("!H", at) * 30_000


class Answering(asyncio.DatagramProtocol):
    """A server over UDP that sends what ``say`` makes of a question."""

    def __init__(self, say: Callable[[bytes], list[bytes]]) -> None:
        self._say = say

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for wire in self._say(data):
            self._transport.sendto(wire, addr)


@asynccontextmanager
async def over_udp(say: Callable[[bytes], list[bytes]]) -> AsyncIterator[int]:
    """Serve over UDP; yields the port."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Answering(say), local_addr=(HERE, 0))
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
        await asyncio.sleep(0)


STREAM = {
    "garbage": says(b"\x07garbage of a server that is something else" * 8),
    "wrong id": answering(other_id),
    "a name compressed into itself": answering(thousands),
    "nothing": stays_silent,
    "the end": hangs_up,
    "the end at once": hangs_up_at_once,
    "a reset": resets,
    "messages without end": floods,
    "no such name": answering(lambda wire: reply_to(wire, rcode=dns.rcode.NXDOMAIN)),
    "a part of a reply": answering(lambda wire: reply_to(wire)[:20]),
}
DATAGRAMS: dict[str, Callable[[bytes], list[bytes]]] = {
    "garbage": lambda wire: [b"\x07garbage" * 9],
    "wrong id": lambda wire: [other_id(wire)],
    "a name compressed into itself": lambda wire: [thousands(wire)],
    "nothing": lambda wire: [],
    "a thousand wrong ones": lambda wire: [other_id(wire)] * 1000,
    "an empty one": lambda wire: [b""],
    "no such name": lambda wire: [reply_to(wire, rcode=dns.rcode.NXDOMAIN)],
}


def plain(name: str, address: str) -> Resolver:
    return Resolver(id=name, operator=name, addresses=(address,))


async def found_among(places: Mapping[tuple[str, int], int]) -> tuple[dict[str, Found], float, list[Observation]]:
    """Survey an honest resolver and a hostile one at the servers that are given."""
    network = Played(Trust(), places)
    async with played(network, [plain("honest", HONEST), plain("hostile", HOSTILE)]) as context:
        began = asyncio.get_running_loop().time()
        found = await ResolverWays(context).survey(["x.com", "api.x.com"], "x")
        seconds = asyncio.get_running_loop().time() - began
        return {each.way: each for each in found}, seconds, context.trace.observations


@pytest.mark.parametrize("kind", STREAM)
def test_whatever_a_server_says_on_a_stream_it_is_one_failed_cell(kind: str, run_async: RunAsync) -> None:
    async def go() -> tuple[dict[str, Found], float, list[Observation]]:
        async with serving(answering(), (HERE, 0)) as good, serving(STREAM[kind], (HERE, 0)) as bad:
            return await found_among({(HONEST, 53): good, (HOSTILE, 53): bad})

    found, seconds, observations = run_async(go())
    assert set(found) == {"tcp:honest", "tcp-cut:honest"}
    assert found["tcp:honest"].addresses == {"x.com": (TRUE,), "api.x.com": (TRUE,)}
    assert seconds <= IN_ALL
    assert not any((o.failure or "").startswith("unknown_failure") for o in observations)


@pytest.mark.parametrize("kind", DATAGRAMS)
def test_whatever_a_server_says_over_udp_it_is_one_failed_cell(kind: str, run_async: RunAsync) -> None:
    async def go() -> tuple[dict[str, Found], float, list[Observation]]:
        async with over_udp(lambda wire: [reply_to(wire)]) as good, over_udp(DATAGRAMS[kind]) as bad:
            return await found_among({(HONEST, 53): good, (HOSTILE, 53): bad})

    found, seconds, observations = run_async(go())
    assert set(found) == {"udp:honest", "udp-second:honest"}
    assert seconds <= IN_ALL
    assert not any((o.failure or "").startswith("unknown_failure") for o in observations)


def test_bytes_after_a_reply_are_not_looked_at(run_async: RunAsync) -> None:
    async def go() -> dict[str, Found]:
        async with serving(answering(huge), (HERE, 0)) as port:
            return (await found_among({(HOSTILE, 53): port}))[0]

    assert run_async(go())["tcp:hostile"].addresses["x.com"] == (TRUE,)


def test_the_last_of_several_answers_that_differ_is_taken(run_async: RunAsync) -> None:
    def forged(wire: bytes, address: str) -> bytes:
        return reply_to(wire).replace(bytes(map(int, TRUE.split("."))), bytes(map(int, address.split("."))))

    async def go() -> dict[str, Found]:
        def raced(wire: bytes) -> list[bytes]:
            lie = forged(wire, "104.99.9.9")
            return [lie, lie, forged(wire, "127.0.0.1"), reply_to(wire), lie]

        async with over_udp(raced) as port:
            return (await found_among({(HOSTILE, 53): port}))[0]

    found = run_async(go())
    assert found["udp:hostile"].addresses["x.com"] == ("104.99.9.9",)
    assert found["udp-second:hostile"].addresses["x.com"] == (TRUE,)


def test_a_server_that_takes_one_question_on_a_connection_is_asked_on_others(run_async: RunAsync) -> None:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = struct.unpack("!H", await reader.readexactly(2))[0]
        writer.write(framed(reply_to(await reader.readexactly(size))))

    async def go() -> dict[str, Found]:
        async with serving(one, (HERE, 0)) as port:
            return (await found_among({(HOSTILE, 53): port}))[0]

    assert run_async(go())["tcp:hostile"].addresses == {"x.com": (TRUE,), "api.x.com": (TRUE,)}


# --- the keys of a name ------------------------------------------------------------------------------


@asynccontextmanager
async def encrypted(folder: Path, handlers: Mapping[str, Handler]) -> AsyncIterator[Context]:
    """Yield a context whose resolvers speak DNS over TLS, by id."""
    authority = Authority(folder)
    async with AsyncExitStack() as stack:
        places, resolvers = {}, []
        for number, (name, handler) in enumerate(handlers.items(), 1):
            certificate, key = authority.issue(name, [f"{name}.example"])
            secure = secured(certificate, key)
            address = f"198.18.1.{number}"
            places[address, 853] = await stack.enter_async_context(serving(handler, (HERE, 0), secure))
            dot = f"{name}.example"
            resolvers.append(Resolver(id=name, operator=name, addresses=(address,), plain=False, dot_name=dot, filters=name == "filter"))
        network = Played(Trust(bundle=str(authority.bundle)), places)
        yield await stack.enter_async_context(played(network, resolvers))


def secured(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server's side of TLS."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(certificate, key)
    return found


def told(handlers: Mapping[str, Handler], folder: Path, run_async: RunAsync) -> tuple[bytes | None, list[Observation]]:
    """Return a name's keys as these resolvers have them."""

    async def go() -> tuple[bytes | None, list[Observation]]:
        async with encrypted(folder, handlers) as context:
            return await ResolverWays(context).https_record("x.com", "x"), context.trace.observations

    return run_async(go())


def test_a_names_keys_come_from_the_first_encrypted_resolver_that_works(tmp_path: Path, run_async: RunAsync) -> None:
    dead = {"silent": stays_silent, "wrong": answering(other_id), "gone": hangs_up, "floods": floods}
    keys, observations = told({**dead, "honest": answering()}, tmp_path, run_async)
    assert keys == KEYS
    assert {(o.route, o.target, o.detail["way"], o.detail["attempt"]) for o in observations} == {("ways", "x", "ech", 1)}
    kept = [o for o in observations if o.detail.get("ech")]
    assert [(o.detail["query"], o.detail["resolver"], o.failure) for o in kept] == [("HTTPS", "honest", None)]


@pytest.mark.parametrize("ech", [None, b""])
def test_a_name_without_keys_has_none_and_nobody_else_is_asked(ech: bytes | None, tmp_path: Path, run_async: RunAsync) -> None:
    keys, observations = told({"one": answering(lambda wire: reply_to(wire, ech=ech))}, tmp_path, run_async)
    assert keys is None
    assert [o.failure for o in observations if o.step == "dns"] == [None if ech == b"" else "dns_no_answer"]


def test_that_a_filter_knows_of_no_keys_proves_nothing(tmp_path: Path, run_async: RunAsync) -> None:
    handlers = {"filter": answering(lambda wire: reply_to(wire, ech=None)), "honest": answering()}
    assert told(handlers, tmp_path, run_async)[0] == KEYS


def test_where_no_encrypted_resolver_answers_there_are_no_keys(tmp_path: Path, run_async: RunAsync) -> None:
    assert told({"silent": stays_silent, "gone": hangs_up}, tmp_path, run_async)[0] is None
    assert told({}, tmp_path, run_async)[0] is None


def test_keys_of_any_size_but_a_sensible_one_are_left() -> None:
    query = new_query(Question("x.com", "HTTPS"))
    for size, kept in ((MAX_ECH, True), (MAX_ECH + 1, False)):
        keys = framed(b"k" * (size - 2))
        reply = read_reply(query, reply_to(query.to_wire(), ech=keys))
        assert reply is not None
        assert ech_of(reply) == (True, keys if kept else None)


@given(st.binary(max_size=300))
def test_any_bytes_in_an_https_record_are_read_or_refused(data: bytes) -> None:
    query = new_query(Question("x.com", "HTTPS"))
    head = query.to_wire()[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + query.to_wire()[12:]
    record = b"\xc0\x0c\x00\x41\x00\x01\x00\x00\x00\x3c" + struct.pack("!H", len(data)) + data
    reply = read_reply(query, head + record)
    if reply is not None:
        ech_of(reply)


# --- the pieces --------------------------------------------------------------------------------------


@given(st.from_regex(r"[a-z]{1,20}(\.[a-z]{1,20}){1,4}", fullmatch=True))
def test_a_question_is_cut_inside_its_name_and_nothing_is_lost(name: str) -> None:
    message = framed(new_query(Question(name)).to_wire())
    assert NAME_AT < middle_of_name(message) < NAME_AT + len(name) + 2
    below = Canned()
    asyncio.run(CutQuestions(below).write(message))
    assert below.written == message


@given(st.binary(max_size=60))
def test_bytes_that_are_no_question_are_sent_as_they_are(data: bytes) -> None:
    assert 0 <= middle_of_name(data) <= len(data)
    below = Canned()
    asyncio.run(CutQuestions(below).write(data))
    assert below.written == data


def test_a_cut_question_leaves_as_two_writes(run_async: RunAsync) -> None:
    class Pieces(Canned):
        async def write(self, data: bytes) -> None:
            self.pieces.append(data)

    below = Pieces()
    message = framed(new_query(Question("prohibido.example")).to_wire())
    run_async(CutQuestions(below).write(message))
    assert len(below.pieces) == 2
    assert all(b"prohibido" not in piece for piece in below.pieces)
    assert b"".join(below.pieces) == message


def test_the_first_result_ends_the_others(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "STAGGER", 0.01)
    ended: list[str] = []

    async def never() -> str | None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("never")
        return None

    async def nothing() -> str | None:
        return None

    async def something() -> str | None:
        return "something"

    assert run_async(first_told([never, nothing, something, never])) == "something"
    assert ended == ["never"], "what had begun was ended, what had not was not begun"
    assert run_async(first_told([nothing, nothing])) is None
    assert run_async(first_told([])) is None
