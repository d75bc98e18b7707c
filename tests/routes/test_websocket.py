"""WebSocket as a client speaks it: masked frames out, any frames in, and nothing from a server that is not asked for."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.routes.grammar import parse_link
from diagnostics.routes.tunnel import ProxyRefusal
from diagnostics.routes.websocket import MAX_FRAME, WebSocketStream, asked_path, upgrade, xored
from diagnostics.streams import SocketStream
from tests.conftest import RunAsync

UUID = "b831381d-6324-4d53-ad4f-8cda48b30811"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def link(options: str) -> str:
    return f"vless://{UUID}@h.example:443?type=ws&{options}"


class Far:
    """The server's end of a connection, played by the test."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += await asyncio.get_running_loop().sock_recv(self.sock, size - len(data))
        return data

    async def head(self) -> bytes:
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += await self.exactly(1)
        return data

    async def frame(self) -> tuple[int, bytes]:
        """Return opcode and content of the client's next frame, which must be masked."""
        first, second = await self.exactly(2)
        assert first & 0x80
        assert second & 0x80
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.exactly(2))
        mask = await self.exactly(4)
        return first & 0x0F, xored(await self.exactly(size), mask)


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[SocketStream, Far]]:
    near, far = socket.socketpair()
    for sock in (near, far):
        sock.setblocking(False)
    try:
        yield SocketStream(near), Far(far)
    finally:
        near.close()
        far.close()


def frame(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    size = len(data)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size) if size < 65536 else b"\x7f" + struct.pack("!Q", size)
    return bytes([0x80 * fin | opcode]) + length + data


def received(*frames: bytes, run_async: RunAsync) -> list[bytes]:
    """Return what a client reads of these frames until the end."""

    async def go() -> list[bytes]:
        async with connection() as (stream, far):
            near = WebSocketStream(stream)
            sending = asyncio.create_task(far.send(b"".join(frames)))
            found = []
            while data := await near.read(4000):
                found.append(data)
            await sending
            return found

    return run_async(go())


CLOSE = frame(8, b"\x03\xe8")


def test_messages_in_pieces_pings_and_long_frames_are_one_stream_of_bytes(run_async: RunAsync) -> None:
    big = bytes(70_000)
    frames = (frame(2, b"a", fin=False), frame(9, b"?"), frame(0, b"b"), frame(1, b"c"), frame(2, b""), frame(2, big), CLOSE)
    assert b"".join(received(*frames, run_async=run_async)) == b"abc" + big


def test_a_ping_is_answered_with_its_own_content(run_async: RunAsync) -> None:
    async def go() -> tuple[int, bytes]:
        async with connection() as (stream, far):
            await far.send(frame(9, b"here?") + frame(2, b"x"))
            assert await WebSocketStream(stream).read() == b"x"
            return await far.frame()

    assert run_async(go()) == (10, b"here?")


@given(st.binary(max_size=40_000))
def test_what_is_written_arrives_whole_and_masked(data: bytes) -> None:
    async def go() -> bytes:
        async with connection() as (stream, far):
            near = WebSocketStream(stream)
            sending = asyncio.create_task(near.write(data))
            found = b""
            while len(found) < len(data):
                opcode, piece = await far.frame()
                assert opcode == 2
                found += piece
            await sending
            return found

    assert asyncio.run(go()) == data


@pytest.mark.parametrize(
    "wire",
    [
        frame(2, b"x")[:1] + b"\x81mask!",  # masked, as only clients do
        b"\xc2\x01x",  # a reserved bit
        b"\x83\x01x",  # an opcode that does not exist
        b"\x89\x7e\x01\x00" + bytes(256),  # a long ping
        b"\x09\x01x",  # a ping in pieces
        b"\x82\x7f" + struct.pack("!Q", MAX_FRAME + 1),
        b"\x82\x7f" + b"\xff" * 8,
        frame(10, b"") * 100,
        frame(2, b"") * 100,
    ],
)
def test_what_no_honest_server_sends_ends_the_connection(wire: bytes, run_async: RunAsync) -> None:
    with pytest.raises(ProxyRefusal) as caught:
        received(wire, run_async=run_async)
    assert caught.value.failure == "proxy_bad_reply"


def test_a_frame_that_breaks_off_is_an_end_and_not_a_farewell(run_async: RunAsync) -> None:
    async def go() -> None:
        async with connection() as (stream, far):
            await far.send(b"\x82\x05abc")
            far.sock.shutdown(socket.SHUT_WR)
            near = WebSocketStream(stream)
            assert await near.read() == b"abc"
            with pytest.raises(EOFError):
                await near.read()

    run_async(go())


def upgraded(text: str, answer: bytes, run_async: RunAsync) -> bytes:
    """Return the request that was sent; ``ACCEPT`` in the answer stands for the right word."""

    async def go() -> bytes:
        async with connection() as (stream, far):
            asking = asyncio.create_task(upgrade(parse_link(text), stream))
            head = await far.head()
            key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            await far.send(answer.replace(b"ACCEPT", base64.b64encode(hashlib.sha1(key + GUID).digest())))
            assert await (await asking).read() == b"first"
            return head

    return run_async(go())


GOOD = b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-ACCEPTED: no\r\nSec-WebSocket-Accept:  ACCEPT \r\n\r\n" + frame(2, b"first")


def test_the_request_carries_path_and_host_of_the_link_and_what_came_with_the_answer_is_kept(run_async: RunAsync) -> None:
    head = upgraded(link("path=%2Fa%20b%3Fx%3D1&host=front.example"), GOOD, run_async)
    assert head.startswith(b"GET /a%20b?x=1 HTTP/1.1\r\nHost: front.example\r\n")
    assert b"Host: shown.example\r\n" in upgraded(link("sni=shown.example"), GOOD, run_async)
    assert b"Host: h.example\r\n" in upgraded(link("host=not%20a%20host"), GOOD, run_async)


@pytest.mark.parametrize(
    "path, asked",
    [
        ("", "/"),
        ("p", "/p"),
        ("/p?ed=2048", "/p"),
        ("/p?ed=2048&x=1", "/p?x=1"),
        ("/p?x=1&ed=2560", "/p?x=1"),
        ("/ñ", "/%C3%B1"),
        ("/%41", "/%41"),
    ],
)
def test_a_path_goes_out_as_a_request_line_may_have_it(path: str, asked: str) -> None:
    found = parse_link(f"vless://{UUID}@h.example:443?type=ws")
    account = parse_link(link("")) if not path else parse_link(link("path=" + "".join(f"%{byte:02X}" for byte in path.encode())))
    assert asked_path(account) == asked
    assert asked_path(found) == "/"


@pytest.mark.parametrize(
    "answer, failure, status",
    [
        (GOOD.replace(b"ACCEPT ", b"b3RoZXI= "), "proxy_bad_reply", None),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "proxy_wrong_protocol", 404),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "proxy_wrong_protocol", 200),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "http_proxy_request_failed", 502),
        (b"HTTP/1.1 1x1 ?\r\n\r\n", "proxy_wrong_protocol", None),
        (b"SSH-2.0-x\r\n", "proxy_wrong_protocol", None),
    ],
)
def test_anything_but_the_upgrade_is_refused(answer: bytes, failure: str, status: int | None, run_async: RunAsync) -> None:
    with pytest.raises(ProxyRefusal) as caught:
        upgraded(link("path=%2Fp"), answer, run_async)
    assert (caught.value.failure, caught.value.facts.get("status")) == (failure, status)
