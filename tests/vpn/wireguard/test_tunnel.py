"""A tunnel in memory: what goes in comes out at a real responder, keys are renewed, and a hostile or broken line ends nothing."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diagnostics.vpn.inner.packets import Echo, Packet, echo_body, ip_packet, read_icmp, read_ip
from diagnostics.vpn.wireguard.noise import Greeting, Identity
from diagnostics.vpn.wireguard.session import REJECT_AFTER, REKEY_AFTER, Session
from diagnostics.vpn.wireguard.tunnel import MOST_QUEUED, WireGuardTunnel
from tests.conftest import RunAsync
from tests.vpn.wireguard.responder import Flow, Responder

PLACE = "10.0.0.1"
NOW = 1_795_750_000.0


@dataclass
class Ends:
    """Both ends: the tunnel, and a server that answers echo requests inside and greetings outside."""

    server: Responder
    tunnel: WireGuardTunnel
    flow: Flow
    session: Session
    index: bytes
    counter: int = 0
    mute: bool = False

    def serve(self, wire: bytes) -> None:
        """Take what the tunnel sends."""
        if self.mute:
            return
        if wire[:4] == b"\1\0\0\0":
            self.index = wire[4:8]
            self.flow.put(self.server.answer(wire))
            self.counter = 0
            return
        packet = read_ip(self.server.open(wire))
        echo = read_icmp(packet) if packet is not None else None
        if packet is not None and isinstance(echo, Echo) and not echo.reply:
            protocol, body = echo_body(packet.target, packet.source, echo._replace(reply=True))
            self.flow.put(self.sealed(ip_packet(Packet(packet.target, packet.source, protocol, body))))

    def sealed(self, packet: bytes) -> bytes:
        """Return the next message of the server's."""
        self.counter += 1
        return self.server.seal(packet, self.counter - 1, self.index)

    def age(self, seconds: float) -> None:
        """Let the keys in use be older."""
        self.session.began = asyncio.get_running_loop().time() - seconds


@asynccontextmanager
async def joined() -> AsyncIterator[Ends]:
    """Shake hands and open a tunnel."""
    server = Responder()
    profile = server.profile()
    greeting = Greeting(Identity.of(profile), NOW)
    keys = greeting.keys(server.answer(greeting.wire))
    session = Session(keys, asyncio.get_running_loop().time())
    flow = Flow()
    tunnel = WireGuardTunnel(profile, flow, session, lambda: NOW + 1)
    ends = Ends(server, tunnel, flow, session, greeting.index)
    flow.serve = ends.serve
    try:
        yield ends
    finally:
        tunnel.close()
        await asyncio.sleep(0)  # for its tasks to end
        assert flow.closed


async def pinged(tunnel: WireGuardTunnel, size: int = 100) -> None:
    async with asyncio.timeout(20):
        await tunnel.ping(PLACE, size)


def test_it_confirms_the_keys_at_once_and_carries_packets(run_async: RunAsync) -> None:
    async def run() -> None:
        async with joined() as ends:
            first = (await ends.flow.sends(1))[0]
            assert ends.server.open(first) == b""
            for size in (28, 576, 1420):
                await pinged(ends.tunnel, size)
            assert [len(wire) for wire in ends.flow.sent] == [32, 64, 608, 1456]
            assert ends.tunnel.heard == 3

    run_async(run())


def test_old_keys_are_renewed_and_what_is_under_way_is_still_taken(run_async: RunAsync) -> None:
    async def run() -> None:
        async with joined() as ends:
            await pinged(ends.tunnel)
            old_keys, old_index = ends.server.keys, ends.index
            ends.age(REKEY_AFTER + 1)
            await pinged(ends.tunnel)  # this one greets first and still goes under the old keys
            assert len(ends.server.stamps) == 2
            await pinged(ends.tunnel)
            assert ends.server.stamps[1] > ends.server.stamps[0]
            heard = ends.tunnel.heard
            assert ends.server.keys != old_keys
            ends.server.keys = old_keys
            ends.flow.put(ends.server.seal(reply(), 5000, old_index))
            for _ in range(5):
                await asyncio.sleep(0)
            assert ends.tunnel.heard == heard + 1

    run_async(run())


def reply() -> bytes:
    """Return a packet for this end that nobody waits for."""
    protocol, body = echo_body(PLACE, "10.0.0.2", Echo(reply=True, ident=1, number=1, data=b""))
    return ip_packet(Packet(PLACE, "10.0.0.2", protocol, body))


def test_keys_that_are_too_old_carry_nothing_more(run_async: RunAsync) -> None:
    async def run() -> None:
        async with joined() as ends:
            await pinged(ends.tunnel)
            ends.mute = True
            ends.age(REJECT_AFTER + 1)
            sent = len(ends.flow.sent)
            waiting = asyncio.get_running_loop().create_task(ends.tunnel.ping(PLACE, 100))
            greeting = (await ends.flow.sends(sent + 1))[sent]
            assert greeting[:4] == b"\1\0\0\0"
            heard = ends.tunnel.heard
            ends.flow.put(ends.sealed(reply()))
            for _ in range(5):
                await asyncio.sleep(0)
            assert (len(ends.flow.sent), ends.tunnel.heard) == (sent + 1, heard)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    run_async(run())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.one_of(st.binary(max_size=200), st.just(OSError(errno.ECONNREFUSED, "refused")), st.just(None)), max_size=8))
def test_noise_replayed_messages_and_errors_of_the_line_end_nothing(noise: list[bytes | OSError | None], run_async: RunAsync) -> None:
    async def run() -> None:
        async with joined() as ends:
            await pinged(ends.tunnel)
            true = ends.sealed(reply())
            ends.flow.put(true)
            for each in noise:
                ends.flow.put(true if each is None else each)
            await pinged(ends.tunnel)
            assert ends.tunnel.heard == 3, "a message was taken twice"

    run_async(run())


def test_a_line_that_only_gives_errors_does_not_keep_this_computer_busy(run_async: RunAsync) -> None:
    async def run() -> None:
        async with joined() as ends:
            ends.flow.broken = OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
            ends.flow.put(b"")
            for _ in range(1000):
                await asyncio.sleep(0)
            assert 0 < ends.flow.asked < 20

    run_async(run())


def test_no_more_packets_wait_than_there_is_room_for(run_async: RunAsync) -> None:
    async def run() -> None:
        async with joined() as ends:
            ends.mute = True
            await ends.flow.sends(1)
            for _ in range(3 * MOST_QUEUED):
                ends.tunnel._queue(b"x")
            assert len(await ends.flow.sends(1 + MOST_QUEUED)) == 1 + MOST_QUEUED
            for _ in range(10):
                await asyncio.sleep(0)
            assert len(ends.flow.sent) == 1 + MOST_QUEUED

    run_async(run())


@pytest.mark.parametrize(
    "allowed, families", [("0.0.0.0/0", (True, False)), ("0.0.0.0/0, ::/0", (True, False)), ("10.0.0.1/32", (False, False))]
)
def test_a_family_goes_inside_with_an_address_and_a_network(allowed: str, families: tuple[bool, bool], run_async: RunAsync) -> None:
    async def run() -> None:
        server = Responder()
        profile = msgspec.structs.replace(server.profile(), allowed=tuple(allowed.split(", ")))
        greeting = Greeting(Identity.of(profile), NOW)
        flow = Flow()
        tunnel = WireGuardTunnel(profile, flow, Session(greeting.keys(server.answer(greeting.wire)), 0.0), lambda: NOW)
        try:
            assert tunnel.families == families
        finally:
            tunnel.close()
            await asyncio.sleep(0)

    run_async(run())
