"""Datagrams through a SOCKS5 proxy: an honest one with and without a login, and those that lie, cut, flood or hang up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import Link
from diagnostics.routes.socks_udp import Association, begin_association, framed, unframed
from diagnostics.routes.tunnel import AUTH, BAD_REPLY, WRONG_PROTOCOL, ProxyRefusal
from tests.conftest import RunAsync
from tests.routes.loopback import HERE, Loopback, saying, serving
from tests.routes.relay import relaying

PEER = "192.0.2.1", 51820
FROM_PEER = b"\0\0\0\1" + socket.inet_aton(PEER[0]) + struct.pack("!H", PEER[1])


@asynccontextmanager
async def associated(port: int, login: str = "") -> AsyncIterator[Association]:
    link = link_to(port, login)
    network = Loopback("")
    async with await network.connect(HERE, port) as stream, await begin_association(link, stream, network, HERE) as association:
        yield association


def link_to(port: int, login: str = "") -> Link:
    return parse_link(f"socks5h://{login and login + '@'}{HERE}:{port}")


async def soon(work: Awaitable[bytes]) -> bytes:
    async with asyncio.timeout(20):
        return await work


@pytest.mark.parametrize("address", ["0.0.0.0", HERE, "10.1.2.3"], ids=["no address", "its own", "another one"])
def test_what_is_sent_is_framed_and_what_comes_back_is_not_and_its_own_address_is_used(address: str, run_async: RunAsync) -> None:
    async def run() -> None:
        async with relaying(address=address) as (port, relay), associated(port) as association:
            relay.answers = lambda wire: [wire[:10] + b"answer to " + wire[10:]]
            flow = association.toward(*PEER)
            await flow.send(b"question")
            assert await soon(flow.receive()) == b"answer to question"
            assert relay.heard == [FROM_PEER + b"question"]

    run_async(run())


def test_a_name_is_left_to_the_proxy_and_one_association_carries_several_peers(run_async: RunAsync) -> None:
    async def run() -> None:
        async with relaying() as (port, relay), associated(port) as association:
            relay.answers = lambda wire: [FROM_PEER + wire[-1:]]
            for host, data in (("vpn.example", b"1"), ("2001:db8::1", b"2")):
                flow = association.toward(host, 500)
                await flow.send(data)
                assert await soon(flow.receive()) == data
            assert relay.heard[0] == b"\0\0\0\3\x0bvpn.example" + struct.pack("!H", 500) + b"1"
            assert relay.heard[1][3] == 4

    run_async(run())


def test_a_login_is_given_where_it_is_asked_for(run_async: RunAsync) -> None:
    async def run() -> None:
        async with relaying(login=(b"ana", b"clave")) as (port, relay):
            async with associated(port, "ana:clave") as association:
                relay.answers = lambda _wire: [FROM_PEER + b"yes"]
                await association.toward(*PEER).send(b"x")
                assert await soon(association.receive()) == b"yes"
            with pytest.raises(ProxyRefusal) as refusal:
                async with associated(port, "ana:otra"):
                    pass
            assert refusal.value.failure == AUTH
            assert "otra" not in str(refusal.value)

    run_async(run())


def test_fragments_and_rubbish_are_passed_over(run_async: RunAsync) -> None:
    rubbish = [b"", b"\0", b"\0\0\1" + FROM_PEER[3:] + b"a fragment", b"\0\0\0\1\1", b"\0\0\0\7" + bytes(20), b"\0\0\0\3\xff" + bytes(9)]

    async def run() -> None:
        async with relaying() as (port, relay), associated(port) as association:
            relay.answers = lambda _wire: [*rubbish, FROM_PEER + b"true"]
            flow = association.toward(*PEER)
            await flow.send(b"x")
            assert await soon(flow.receive()) == b"true"

    run_async(run())


def test_only_the_relay_is_listened_to(run_async: RunAsync) -> None:
    async def run() -> None:
        async with relaying() as (port, relay), associated(port) as association:
            flow = association.toward(*PEER)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                own = association._below._socket.getsockname()
                stranger.sendto(FROM_PEER + b"from a stranger", own)
                relay.answers = lambda _wire: [FROM_PEER + b"from the relay"]
                await flow.send(b"x")
                assert await soon(flow.receive()) == b"from the relay"

    run_async(run())


def test_a_proxy_that_hangs_up_ends_the_association(run_async: RunAsync) -> None:
    async def run() -> None:
        hang_up = asyncio.Event()
        async with relaying(hang_up=hang_up) as (port, _), associated(port) as association:
            flow = association.toward(*PEER)
            waiting = asyncio.get_running_loop().create_task(flow.receive())
            await flow.send(b"x")
            hang_up.set()
            with pytest.raises(ConnectionAbortedError):
                await soon(waiting)
            with pytest.raises(ConnectionAbortedError):
                await flow.send(b"x")
            with pytest.raises(ConnectionAbortedError):
                await flow.receive()

    run_async(run())


def test_a_closed_port_of_the_relay_is_an_error_of_the_line(run_async: RunAsync) -> None:
    async def run() -> None:
        async with relaying() as (port, relay), associated(port) as association:
            relay.transport.close()
            await asyncio.sleep(0)
            flow = association.toward(*PEER)
            await flow.send(b"x")
            with pytest.raises(ConnectionRefusedError):
                await soon(flow.receive())

    run_async(run())


def test_who_is_cancelled_while_waiting_loses_nothing(run_async: RunAsync) -> None:
    async def run() -> None:
        async with relaying() as (port, relay), associated(port) as association:
            flow = association.toward(*PEER)
            relay.answers = lambda _wire: [FROM_PEER + b"late"]
            for _ in range(3):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0):
                        await flow.receive()
            await flow.send(b"x")
            assert await soon(flow.receive()) == b"late"

    run_async(run())


@pytest.mark.parametrize(
    "said, failure",
    [
        (b"\5\0\5\7\0\1" + bytes(6), "socks_command_not_supported"),
        (b"\5\0\5\2\0\1" + bytes(6), "socks_connection_not_allowed"),
        (b"\5\0\5\0\0\1" + bytes(6), BAD_REPLY),
        (b"\5\0\5\0\0\x09" + bytes(6), BAD_REPLY),
        (b"\5\0\4\0\0\1" + bytes(6), BAD_REPLY),
        (b"\5\xff", AUTH),
        (b"\5\2", BAD_REPLY),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", WRONG_PROTOCOL),
    ],
)
def test_each_refusal_is_told_apart(said: bytes, failure: str, run_async: RunAsync) -> None:
    async def run() -> None:
        async with serving(saying(said)) as port:
            with pytest.raises(ProxyRefusal) as refusal:
                async with associated(port):
                    pass
            assert refusal.value.failure == failure

    run_async(run())


@given(st.binary(max_size=300))
def test_a_frame_of_a_stranger_is_none_or_gives_the_end_of_its_bytes(wire: bytes) -> None:
    found = unframed(wire)
    assert found is None or wire.endswith(found)


@given(st.sampled_from(["192.0.2.7", "2001:db8::7", "a.example"]), st.integers(1, 65535), st.binary(max_size=200))
def test_what_is_framed_is_unframed_again(host: str, port: int, data: bytes) -> None:
    assert unframed(framed(data, host, port)) == data
