"""Several questions under way over one connection: who gets which answer, and what happens when it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.message
import dns.rrset
import pytest

from diagnostics.failures import ProtocolError
from diagnostics.probes.dns import Question, addresses_of, new_query
from diagnostics.probes.pipeline import Pipeline
from diagnostics.streams import SocketStream
from tests.conftest import RunAsync

ADDRESS = {"a.example": "192.0.2.1", "b.example": "192.0.2.2", "c.example": "192.0.2.3"}


def answered(wire: bytes) -> bytes:
    """Return the reply of a server that knows ``ADDRESS``, framed."""
    query = dns.message.from_wire(wire)
    name = query.question[0].name
    reply = dns.message.make_response(query)
    reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", ADDRESS[name.to_text(omit_final_dot=True)]))
    return framed(reply.to_wire())


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


class Server:
    """The far end of a connection, played by the test."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def questions(self, count: int) -> list[bytes]:
        loop, data = asyncio.get_running_loop(), b""
        found: list[bytes] = []
        while len(found) < count:
            data += await loop.sock_recv(self.sock, 4096)
            while len(data) >= 2 and len(data) >= 2 + int.from_bytes(data[:2], "big"):
                end = 2 + int.from_bytes(data[:2], "big")
                found.append(data[2:end])
                data = data[end:]
        return found

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[Pipeline, Server]]:
    near, far = socket.socketpair()
    for sock in (near, far):
        sock.setblocking(False)
    pipeline = Pipeline(SocketStream(near))
    receiving = asyncio.create_task(pipeline.receive())
    try:
        yield pipeline, Server(far)
    finally:
        receiving.cancel()
        await asyncio.wait([receiving])
        near.close()
        far.close()


def ask(pipeline: Pipeline, name: str) -> asyncio.Task[dns.message.Message]:
    return asyncio.create_task(pipeline.exchange(new_query(Question(name))))


def test_answers_in_another_order_and_in_pieces_reach_whoever_asked(run_async: RunAsync) -> None:
    async def go() -> list[list[str]]:
        async with connection() as (pipeline, server):
            asked = [ask(pipeline, name) for name in ADDRESS]
            wires = await server.questions(3)
            answers = b"".join(answered(wire) for wire in reversed(wires))
            for at in range(0, len(answers), 7):
                await server.send(answers[at : at + 7])
                await asyncio.sleep(0)
            return [addresses_of(await each, "A") for each in asked]

    assert run_async(go()) == [[address] for address in ADDRESS.values()]


def test_two_questions_never_have_the_same_number(run_async: RunAsync) -> None:
    async def go() -> set[bytes]:
        async with connection() as (pipeline, server):
            query, same = new_query(Question("a.example")), new_query(Question("b.example"))
            same.id = query.id
            asked = [asyncio.create_task(pipeline.exchange(each)) for each in (query, same)]
            wires = await server.questions(2)
            await server.send(b"".join(map(answered, wires)))
            await asyncio.gather(*asked)
            return {wire[:2] for wire in wires}

    assert len(run_async(go())) == 2


def test_a_late_answer_to_a_question_that_was_given_up_disturbs_nobody(run_async: RunAsync) -> None:
    async def go() -> list[str]:
        async with connection() as (pipeline, server):
            given_up, kept = ask(pipeline, "a.example"), ask(pipeline, "b.example")
            first, second = await server.questions(2)
            given_up.cancel()
            await asyncio.wait([given_up])
            await server.send(answered(first) + answered(second))
            return addresses_of(await kept, "A")

    assert run_async(go()) == ["192.0.2.2"]


@pytest.mark.parametrize("before", [b"", b"\x00", b"\x00\x40half"])
def test_the_end_of_the_connection_ends_every_question_and_refuses_the_next(before: bytes, run_async: RunAsync) -> None:
    async def go() -> None:
        async with connection() as (pipeline, server):
            asked = [ask(pipeline, name) for name in ADDRESS]
            await server.questions(3)
            await server.send(before)
            server.sock.close()
            for each in asked:
                with pytest.raises((EOFError, OSError)):
                    await each
            with pytest.raises((EOFError, OSError)):
                await pipeline.exchange(new_query(Question("a.example")))

    run_async(go())


def test_bytes_that_are_no_reply_are_told_to_the_only_one_who_waits(run_async: RunAsync) -> None:
    async def go() -> None:
        async with connection() as (pipeline, server):
            asked = ask(pipeline, "a.example")
            await server.questions(1)
            await server.send(framed(b"HTTP/1.1 400 Bad Request"))
            with pytest.raises(ProtocolError):
                await asked

    run_async(go())


@pytest.mark.parametrize("message", [b"", b"\x01"])
def test_a_message_too_short_for_a_number_is_survived(message: bytes, run_async: RunAsync) -> None:
    async def go() -> list[str]:
        async with connection() as (pipeline, server):
            first, second = ask(pipeline, "a.example"), ask(pipeline, "b.example")
            wires = await server.questions(2)
            await server.send(framed(message) + b"".join(map(answered, wires)))
            return addresses_of(await first, "A") + addresses_of(await second, "A")

    assert run_async(go()) == ["192.0.2.1", "192.0.2.2"]
