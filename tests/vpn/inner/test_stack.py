"""The small network inside a tunnel: two ends over a line that loses, doubles and reorders, and packets from strangers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.vpn.inner.packets import (
    ACK,
    FIN,
    RST,
    SYN,
    TCP,
    UDP,
    Datagram,
    Echo,
    Packet,
    Segment,
    checksum,
    echo_body,
    ip_packet,
    read_icmp,
    read_ip,
    read_tcp,
    read_udp,
    tcp_body,
    udp_body,
)
from diagnostics.vpn.inner.stack import Stack

HERE, THERE = "10.0.0.2", "10.0.0.1"
HERE6, THERE6 = "fd00::2", "fd00::1"


@given(st.sampled_from([(HERE, THERE), (HERE6, THERE6)]), st.binary(max_size=60))
def test_what_is_written_is_read_again(ends: tuple[str, str], data: bytes) -> None:
    source, target = ends
    datagram, segment = Datagram(1000, 53, data), Segment(1000, 443, 7, 9, ACK, 500, data)
    for protocol, body in ((UDP, udp_body(source, target, datagram)), (TCP, tcp_body(source, target, segment))):
        packet = read_ip(ip_packet(Packet(source, target, protocol, body)))
        assert packet is not None
        assert (read_udp(packet) if protocol == UDP else read_tcp(packet)) == (datagram if protocol == UDP else segment)
    protocol, body = echo_body(source, target, Echo(reply=True, ident=5, number=6, data=data))
    packet = read_ip(ip_packet(Packet(source, target, protocol, body)))
    assert packet is not None
    assert read_icmp(packet) == Echo(reply=True, ident=5, number=6, data=data)


@given(st.binary(max_size=200))
def test_no_packet_of_a_stranger_does_harm(wire: bytes) -> None:
    packet = read_ip(wire)
    if packet is not None:
        read_udp(packet), read_tcp(packet), read_icmp(packet)


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_is_noticed(place: int, value: int) -> None:
    whole = ip_packet(Packet(HERE, THERE, TCP, tcp_body(HERE, THERE, Segment(1, 2, 3, 4, ACK, 5, b"hello"))))
    place %= len(whole)
    spoilt = whole[:place] + bytes([value]) + whole[place + 1 :]
    packet = read_ip(spoilt)
    read = read_tcp(packet) if packet is not None and packet.protocol == TCP else None
    assert spoilt == whole or read is None


class Server:
    """The other end: it answers echo requests, datagrams and one connection after another, which it serves ``content``."""

    def __init__(self, send: Callable[[bytes], None], content: bytes) -> None:
        self._send = send
        self._content = content
        self._next = 1000
        self._expected = 0
        self._acked = 1001
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None
        self.heard = b""

    def take(self, wire: bytes) -> None:
        packet = read_ip(wire)
        assert packet is not None
        if packet.protocol == TCP:
            segment = read_tcp(packet)
            assert segment is not None
            self._tcp(segment)
        elif packet.protocol == UDP:
            datagram = read_udp(packet)
            assert datagram is not None
            self._send(
                ip_packet(Packet(THERE, HERE, UDP, udp_body(THERE, HERE, Datagram(datagram.target, datagram.source, datagram.data[::-1]))))
            )
        else:
            echo = read_icmp(packet)
            assert isinstance(echo, Echo)
            protocol, body = echo_body(THERE, HERE, echo._replace(reply=True))
            self._send(ip_packet(Packet(THERE, HERE, protocol, body)))

    def _tcp(self, segment: Segment) -> None:
        if segment.target == 81:
            self._out(segment, Segment(81, segment.source, 0, segment.seq + 1, RST | ACK, 0))
        elif segment.flags & SYN:
            self._expected = (segment.seq + 1) % 2**32
            self._out(segment, Segment(segment.target, segment.source, self._next, self._expected, SYN | ACK, 65535, mss=1000))
        elif segment.flags & ACK:
            self._acked = max(self._acked, segment.ack)
            if segment.seq == self._expected and segment.data:
                self.heard += segment.data
                self._expected = (self._expected + len(segment.data)) % 2**32
            if self.heard.endswith(b"\n"):
                self._serve(segment)
            elif segment.data:
                self._out(segment, Segment(segment.target, segment.source, self._next + 1, self._expected, ACK, 65535))

    def _serve(self, asked: Segment, *, again: bool = False) -> None:
        """Send what the window of five segments has room for; all of the window again when nothing was acknowledged for a while."""
        done = self._acked - 1001
        start = done if again else max(done, self._sent)
        self._sent = max(self._sent, min(done + 5000, len(self._content)))
        if self._timer is not None:
            self._timer.cancel()
        if done < len(self._content):
            self._timer = asyncio.get_running_loop().call_later(0.05, lambda: self._serve(asked, again=True))
        for at in range(start, self._sent, 1000):
            piece = self._content[at : at + 1000]
            flags = ACK | (FIN if at + 1000 >= len(self._content) else 0)
            self._out(asked, Segment(asked.target, asked.source, 1001 + at, self._expected, flags, 65535, piece))

    def _out(self, _asked: Segment, segment: Segment) -> None:
        self._send(ip_packet(Packet(THERE, HERE, TCP, tcp_body(THERE, HERE, segment))))


def joined(content: bytes = b"", *, seed: int = 0, loss: float = 0.0) -> tuple[Stack, Server]:
    """Return a stack and a server over a line that loses, doubles and delays packets by chance."""
    chance, loop = random.Random(seed), asyncio.get_running_loop()

    def carry(wire: bytes, take: Callable[[bytes], None]) -> None:
        for _ in range(2 if loss and chance.random() < 0.05 else 1):
            if chance.random() >= loss:
                loop.call_later(chance.random() * 0.004 if loss else 0.0, take, wire)

    server = Server(lambda wire: carry(wire, stack.take), content)
    stack = Stack((HERE,), 1420, lambda wire: carry(wire, server.take))
    return stack, server


def test_echo_requests_and_datagrams_come_back() -> None:
    async def run() -> None:
        stack, _ = joined()
        assert await stack.ping(THERE, 1400) >= 0
        assert await stack.ask(THERE, 53, b"abc") == b"cba"
        with pytest.raises(OSError, match="unreachable"):
            await stack.ask(THERE6, 53, b"abc")

    asyncio.run(run())


def test_a_closed_port_refuses() -> None:
    async def run() -> None:
        stack, _ = joined()
        with pytest.raises(ConnectionRefusedError):
            await stack.connect(THERE, 81)

    asyncio.run(run())


@pytest.mark.parametrize("loss, size", [(0.0, 200_000), (0.1, 20_000)])
def test_a_page_comes_whole_over_a_line_that_loses_and_reorders(loss: float, size: int) -> None:
    async def run() -> None:
        content = random.Random(1).randbytes(size)
        stack, server = joined(content, seed=3, loss=loss)
        async with asyncio.timeout(60):
            async with await stack.connect(THERE, 80) as stream:
                await stream.write(b"GET / please\n")
                got = b""
                while piece := await stream.read():
                    got += piece
        assert got == content
        assert server.heard == b"GET / please\n"
        stack.close()

    asyncio.run(run())


def test_the_checksum_of_its_own_sum_is_zero() -> None:
    data = b"\x45\x00\x01\x02\x03"
    assert checksum(data + b"\0" + checksum(data).to_bytes(2, "big")) == 0
