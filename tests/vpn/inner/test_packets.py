"""Packets of a tunnel that are cut, too long, or lie about their sizes."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.vpn.inner.packets import (
    ACK,
    FRAGMENT,
    ICMP,
    ICMP6,
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
    read_cut_echo,
    read_first_part,
    read_ip,
    read_tcp,
    tcp_body,
    udp_body,
)
from diagnostics.vpn.inner.stack import Stack
from tests.conftest import RunAsync

HERE, THERE = "10.0.0.2", "10.0.0.1"
HERE6, THERE6 = "fd00::2", "fd00::1"
MORE = 0x2000


def cut4(packet: Packet, size: int, *, offset: int = 0, more: bool = True) -> bytes:
    """Return a fragment of an IPv4 packet with ``size`` bytes of its content."""
    wire = ip_packet(packet._replace(body=packet.body[:size]))
    head = bytearray(wire[:20])
    head[6:8] = struct.pack("!H", (MORE if more else 0) | offset)
    head[10:12] = bytes(2)
    head[10:12] = struct.pack("!H", checksum(bytes(head)))
    return bytes(head) + wire[20:]


def cut6(packet: Packet, size: int, *, offset: int = 0, more: bool = True) -> bytes:
    """Return a fragment of an IPv6 packet."""
    head = struct.pack("!BBHI", packet.protocol, 0, offset << 3 | more, 7)
    return ip_packet(packet._replace(protocol=FRAGMENT, body=head + packet.body[:size]))


def reply(source: str, target: str, ident: int = 5, number: int = 6) -> Packet:
    protocol, body = echo_body(source, target, Echo(reply=True, ident=ident, number=number, data=bytes(1400)))
    return Packet(source, target, protocol, body)


@pytest.mark.parametrize("make, ends", [(cut4, (THERE, HERE)), (cut6, (THERE6, HERE6))], ids=["IPv4", "IPv6"])
def test_the_first_part_of_an_echo_reply_is_known_and_no_other_part_is(make: Callable[..., bytes], ends: tuple[str, str]) -> None:
    part = read_first_part(make(reply(*ends), 800))
    assert part is not None
    assert (part.source, part.target, part.protocol) == (*ends, ICMP if "." in ends[0] else ICMP6)
    assert read_cut_echo(part) == Echo(reply=True, ident=5, number=6, data=b"")
    for later in (make(reply(*ends), 800, offset=100), make(reply(*ends), 800, offset=100, more=False)):
        assert read_first_part(later) is None
    assert read_first_part(ip_packet(reply(*ends))) is None


@pytest.mark.parametrize("offset, more", [(0, True), (1, True), (1, False)])
def test_a_fragment_is_no_whole_packet(offset: int, more: bool) -> None:
    packet = Packet(THERE, HERE, UDP, udp_body(THERE, HERE, Datagram(53, 1000, bytes(64))))
    assert read_ip(cut4(packet, 72, offset=offset, more=more)) is None
    assert read_ip(ip_packet(packet)) == packet


@settings(max_examples=300)
@given(st.sampled_from([b"", b"\x45", b"\x60"]), st.binary(max_size=120))
def test_whatever_a_stranger_cuts_does_no_harm(head: bytes, rest: bytes) -> None:
    part = read_first_part(head + rest)
    if part is not None:
        read_cut_echo(part)


@given(st.integers(0, 59), st.integers(0, 255))
def test_a_head_that_lies_about_lengths_is_no_packet_or_one_within_its_bytes(place: int, value: int) -> None:
    wire = bytearray(ip_packet(Packet(THERE6, HERE6, UDP, udp_body(THERE6, HERE6, Datagram(53, 1000, bytes(12))))))
    wire[place] = value
    packet = read_ip(bytes(wire))
    assert packet is None or len(packet.body) <= len(wire) - 20


class Line:
    """A stack, and what it sends."""

    def __init__(self, mtu: int = 1420, addresses: tuple[str, ...] = (HERE, HERE6)) -> None:
        self.sent: list[bytes] = []
        self.stack = Stack(addresses, mtu, self.sent.append)

    def segments(self) -> list[Segment]:
        """Return the segments that were sent."""
        packets = [packet for wire in self.sent if (packet := read_ip(wire)) is not None and packet.protocol == TCP]
        return [segment for packet in packets if (segment := read_tcp(packet)) is not None]


@pytest.mark.parametrize("address", [THERE, THERE6])
@pytest.mark.parametrize("size", [100, 1280, 1420])
def test_an_echo_request_has_the_size_that_was_asked_for_and_a_cut_reply_answers_it(address: str, size: int, run_async: RunAsync) -> None:
    async def run() -> None:
        line = Line()
        waiting = asyncio.get_running_loop().create_task(line.stack.ping(address, size))
        await asyncio.sleep(0)
        assert [len(wire) for wire in line.sent] == [size]
        asked = read_ip(line.sent[0])
        assert asked is not None
        ident, number = struct.unpack_from("!HH", asked.body, 4)
        cut = cut6 if ":" in address else cut4
        own = HERE6 if ":" in address else HERE
        line.stack.take(cut(reply(address, own, ident, number ^ 1), 40))
        await asyncio.sleep(0)
        assert not waiting.done(), "a reply to somebody else"
        line.stack.take(cut(reply(address, own, ident, number), 40))
        async with asyncio.timeout(5):
            await waiting

    run_async(run())


@pytest.mark.parametrize("mtu", [576, 1280, 1420])
@pytest.mark.parametrize("offered", [0, 536, 1460, 65535])
def test_no_segment_is_larger_than_either_side_takes(mtu: int, offered: int, run_async: RunAsync) -> None:
    async def run() -> None:
        line = Line(mtu)
        opening = asyncio.get_running_loop().create_task(line.stack.connect(THERE, 443))
        await asyncio.sleep(0)
        (syn,) = line.segments()
        assert (syn.flags & SYN, syn.mss) == (SYN, mtu - 40)
        body = tcp_body(THERE, HERE, Segment(443, syn.source, 9, syn.seq + 1, SYN | ACK, 65535, b"", offered))
        line.stack.take(ip_packet(Packet(THERE, HERE, TCP, body)))
        async with asyncio.timeout(5):
            stream = await opening
        async with stream:
            await stream.write(bytes(20_000))
        sizes = [len(segment.data) for segment in line.segments()]
        assert max(sizes) == min(mtu - 40, offered or 536)
        assert max(len(wire) for wire in line.sent) <= mtu
        line.stack.close()

    run_async(run())


@pytest.mark.parametrize("told, largest", [(1300, 1260), (0, 1380), (68, 1380), (9000, 1380)])
def test_a_router_may_make_segments_smaller_within_reason(told: int, largest: int, run_async: RunAsync) -> None:
    async def run() -> None:
        line = Line()
        opening = asyncio.get_running_loop().create_task(line.stack.connect(THERE, 443))
        await asyncio.sleep(0)
        (syn,) = line.segments()
        body = tcp_body(THERE, HERE, Segment(443, syn.source, 9, syn.seq + 1, SYN | ACK, 65535, b"", 1460))
        line.stack.take(ip_packet(Packet(THERE, HERE, TCP, body)))
        stream = await opening
        async with stream:
            if told:
                error = struct.pack("!BBHHH", 3, 4, 0, 0, told) + line.sent[0][:28]
                error = error[:2] + struct.pack("!H", checksum(error)) + error[4:]
                line.stack.take(ip_packet(Packet(THERE, HERE, ICMP, error)))
            line.sent.clear()
            await stream.write(bytes(5_000))
        assert max(len(segment.data) for segment in line.segments()) == largest
        line.stack.close()

    run_async(run())
