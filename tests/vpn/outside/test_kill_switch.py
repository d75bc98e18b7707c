"""The low-TTL probe's reading of a socket's error queue; real routers and filters are asked in tests/real_servers."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.model import Observation
from diagnostics.probes.context import Context
from diagnostics.trace import Trace
from diagnostics.vpn.outside import kill_switch
from diagnostics.vpn.outside.interfaces import Physical
from diagnostics.vpn.outside.kill_switch import offender_of, probe_kill_switch
from tests.conftest import RunAsync
from tests.vpn.outside.nowhere import Nowhere

ROUTER, ROUTER6, OWN = "192.168.1.1", "fe80::1", "192.168.1.5"


def error(origin: int, kind: int, code: int, offender: str) -> bytes:
    head = struct.pack("=IBBBBII", 113, origin, kind, code, 0, 0, 0)
    if ":" in offender:
        return head + struct.pack("=HHI", socket.AF_INET6, 0, 0) + socket.inet_pton(socket.AF_INET6, offender) + bytes(4)
    return head + struct.pack("=HH", socket.AF_INET, 0) + socket.inet_aton(offender) + bytes(8)


@pytest.mark.parametrize(
    "data, router",
    [
        (error(2, 11, 0, ROUTER), True),
        (error(2, 3, 0, ROUTER), True),
        (error(3, 3, 0, ROUTER6), True),
        (error(2, 11, 0, OWN), False),  # said by this computer itself
        (error(2, 3, 1, OWN), False),  # nobody answered its question for the router's hardware address
        (error(2, 3, 13, ROUTER), False),  # prohibited
        (error(2, 3, 3, ROUTER), False),  # a closed port
        (error(1, 11, 0, ROUTER), False),  # made by the local stack
        (error(2, 11, 0, ROUTER)[:18], False),
        (b"", False),
    ],
)
def test_only_a_routers_own_word_shows_that_a_packet_left(data: bytes, router: bool) -> None:
    assert kill_switch._is_router(data, frozenset({OWN})) is router


@given(st.binary(max_size=80))
def test_whatever_stands_in_the_queue_is_read_without_a_fault(data: bytes) -> None:
    assert kill_switch._is_router(data, frozenset()) in (True, False)
    for six in (True, False):
        assert offender_of(data, six=six) is None or len(data) >= 8


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's error queue")
@pytest.mark.parametrize("family, here", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_loop_is_woken_by_an_error_of_this_computer_and_does_not_take_it_for_a_routers(
    run_async: RunAsync, monkeypatch: pytest.MonkeyPatch, family: socket.AddressFamily, here: str
) -> None:
    read: list[int] = []

    async def go() -> set[int]:
        woken, answered = asyncio.Event(), kill_switch._answered

        def reading(sock: socket.socket, own: frozenset[str]) -> list[int]:
            found = list(answered(sock, own))
            read.append(len(found))
            woken.set()
            return found

        monkeypatch.setattr(kill_switch, "_answered", reading)
        heard: set[int] = set()
        with socket.socket(family, socket.SOCK_DGRAM) as sock, socket.socket(family, socket.SOCK_DGRAM) as closed:
            closed.bind((here, 0))
            port = closed.getsockname()[1]
            closed.close()
            sock.setblocking(False)
            kill_switch._ask_for_errors(sock)
            sock.sendto(b"\0", (here, port))
            listening = asyncio.get_running_loop().create_task(kill_switch._listen(sock, 1, frozenset(), heard))
            await woken.wait()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return heard

    assert run_async(go()) == set()
    assert read[0] == 0


def probed(run_async: RunAsync, physical: Physical) -> list[Observation]:
    async def go() -> list[Observation]:
        trace = Trace()
        await probe_kill_switch(Context(Nowhere(), trace, (), ()), physical)
        return trace.observations

    return run_async(go())


def test_where_a_system_cannot_do_it_that_is_said_and_nothing_sent(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    (found,) = probed(run_async, Physical(name="en0", index=4))
    assert (found.failure, found.detail) == (None, {"stage": "kill_switch", "available": False})


@pytest.mark.skipif(sys.platform != "linux", reason="ties sockets to an interface as Linux does")
def test_an_interface_that_is_gone_is_not_available(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_switch, "PLACES", ("127.0.0.1",))  # where the way of ordinary packets is looked up, without sending any
    (found,) = probed(run_async, Physical(name="no-such-if0", index=99))
    assert (found.detail["available"], found.detail["tries"], found.detail["answers"]) == (False, 0, 0)
