"""IPv4 and IPv6 packets with what is inside them, written and read; whatever comes from a tunnel is a stranger's word.

Layouts: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 792 and 4443 (ICMP), RFC 768 (UDP), RFC 9293 (TCP), RFC 1071 (the checksum).
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Final, NamedTuple

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
FRAGMENT: Final = 44
ICMP6: Final = 58
HOPS: Final = 64
_IP4: Final = struct.Struct("!BBHHHBBH4s4s")
_IP6: Final = struct.Struct("!IHBB16s16s")
_UDP: Final = struct.Struct("!HHHH")
_TCP: Final = struct.Struct("!HHIIBBHHH")
_ECHO: Final = struct.Struct("!BBHHH")
_MORE: Final = 0x2000
_OFFSET: Final = 0x1FFF
_FRAGMENT_HEAD: Final = 8
_RESERVED6: Final = 6
"""The two bits between offset and "more" in IPv6's fragment header (RFC 8200, section 4.5)."""

MSS_OPTION: Final = 2

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Packet(NamedTuple):
    """One IP packet: who, to whom, what kind, and its content."""

    source: str
    target: str
    protocol: int
    body: bytes


class Datagram(NamedTuple):
    """One UDP datagram."""

    source: int
    target: int
    data: bytes


class Segment(NamedTuple):
    """One TCP segment; ``mss`` 0: none was told."""

    source: int
    target: int
    seq: int
    ack: int
    flags: int
    window: int
    data: bytes = b""
    mss: int = 0


class Echo(NamedTuple):
    """One echo request or reply."""

    reply: bool
    ident: int
    number: int
    data: bytes


class Unreachable(NamedTuple):
    """An error about a packet of ours: its beginning, and the largest size that would have passed (0: not about size)."""

    about: bytes
    mtu: int


def checksum(data: bytes) -> int:
    """Return the Internet checksum of some bytes."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _pseudo(source: str, target: str, protocol: int, size: int) -> bytes:
    """Return the head that checksums of TCP, UDP and ICMPv6 cover besides."""
    a, b = ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed
    return a + b + (struct.pack("!BBH", 0, protocol, size) if len(a) == 4 else struct.pack("!II", size, protocol))


def ip_packet(packet: Packet, ident: int = 0) -> bytes:
    """Return a packet as it goes on the wire; IPv4 with "do not fragment"."""
    source, target = ipaddress.ip_address(packet.source), ipaddress.ip_address(packet.target)
    if source.version == 6:
        return _IP6.pack(6 << 28, len(packet.body), packet.protocol, HOPS, source.packed, target.packed) + packet.body
    size = _IP4.size + len(packet.body)
    fields = (0x45, 0, size, ident & 0xFFFF, 0x4000, HOPS, packet.protocol)
    head = _IP4.pack(*fields, 0, source.packed, target.packed)
    return _IP4.pack(*fields, checksum(head), source.packed, target.packed) + packet.body


def read_ip(wire: bytes) -> Packet | None:
    """Return the packet in some bytes, or None for fragments, wrong lengths and anything that is none."""
    if not wire:
        return None
    if wire[0] >> 4 == 4 and len(wire) >= _IP4.size:
        head = (wire[0] & 15) * 4
        _, _, size, _, part, _, protocol, _, source, target = _IP4.unpack_from(wire)
        if not _IP4.size <= head <= size <= len(wire) or part & (_MORE | _OFFSET) or checksum(wire[:head]):
            return None
        return Packet(str(ipaddress.IPv4Address(source)), str(ipaddress.IPv4Address(target)), protocol, wire[head:size])
    if wire[0] >> 4 == 6 and len(wire) >= _IP6.size:
        _, size, protocol, _, source, target = _IP6.unpack_from(wire)
        if _IP6.size + size > len(wire):
            return None
        body = wire[_IP6.size : _IP6.size + size]
        return Packet(str(ipaddress.IPv6Address(source)), str(ipaddress.IPv6Address(target)), protocol, body)
    return None


def read_first_part(wire: bytes) -> Packet | None:
    """Return the packet whose first fragment some bytes are, its content cut short, or None for anything else.

    Nothing is put together again: that the first part of an answer came is enough to know that it was one.
    """
    if len(wire) >= _IP4.size and wire[0] >> 4 == 4:
        part = int.from_bytes(wire[6:8], "big")
        whole = wire[:6] + bytes(2) + wire[8:10] + bytes(2) + wire[12:]
        head = (wire[0] & 15) * 4
        if part & (_MORE | _OFFSET) != _MORE or checksum(wire[:head]) or len(wire) < head:
            return None
        return read_ip(whole[:10] + checksum(whole[:head]).to_bytes(2, "big") + whole[12:])
    found = read_ip(wire)
    if found is None or found.protocol != FRAGMENT or len(found.body) < _FRAGMENT_HEAD:
        return None
    part = int.from_bytes(found.body[2:4], "big")
    return found._replace(protocol=found.body[0], body=found.body[_FRAGMENT_HEAD:]) if part & ~_RESERVED6 == 1 else None


def udp_body(source: str, target: str, datagram: Datagram) -> bytes:
    """Return a datagram as the content of a packet."""
    size = _UDP.size + len(datagram.data)
    wire = _UDP.pack(datagram.source, datagram.target, size, 0) + datagram.data
    check = checksum(_pseudo(source, target, UDP, size) + wire) or 0xFFFF
    return _UDP.pack(datagram.source, datagram.target, size, check) + datagram.data


def read_udp(packet: Packet) -> Datagram | None:
    """Return the datagram in a packet, or None if its length or checksum is wrong."""
    if len(packet.body) < _UDP.size:
        return None
    source, target, size, check = _UDP.unpack_from(packet.body)
    if not _UDP.size <= size <= len(packet.body):
        return None
    wire = packet.body[:size]
    if check and checksum(_pseudo(packet.source, packet.target, UDP, size) + wire):
        return None
    return Datagram(source, target, wire[_UDP.size :])


def tcp_body(source: str, target: str, segment: Segment) -> bytes:
    """Return a segment as the content of a packet."""
    options = struct.pack("!BBH", MSS_OPTION, 4, segment.mss) if segment.mss else b""
    head = _TCP.size + len(options)
    fields = (segment.source, segment.target, segment.seq, segment.ack, head // 4 << 4, segment.flags, segment.window)
    rest = options + segment.data
    check = checksum(_pseudo(source, target, TCP, _TCP.size + len(rest)) + _TCP.pack(*fields, 0, 0) + rest)
    return _TCP.pack(*fields, check, 0) + rest


def read_tcp(packet: Packet) -> Segment | None:
    """Return the segment in a packet, or None if its lengths or checksum are wrong."""
    if len(packet.body) < _TCP.size or checksum(_pseudo(packet.source, packet.target, TCP, len(packet.body)) + packet.body):
        return None
    source, target, seq, ack, offset, flags, window, _, _ = _TCP.unpack_from(packet.body)
    head = (offset >> 4) * 4
    if not _TCP.size <= head <= len(packet.body):
        return None
    return Segment(source, target, seq, ack, flags, window, packet.body[head:], _mss(packet.body[_TCP.size : head]))


def _mss(options: bytes) -> int:
    """Return the largest segment that the other side takes, as its options tell."""
    at = 0
    while at < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2 or at + options[at + 1] > len(options):
            return 0
        if options[at] == MSS_OPTION and options[at + 1] == 4:
            return int.from_bytes(options[at + 2 : at + 4], "big")
        at += options[at + 1]
    return 0


def echo_body(source: str, target: str, echo: Echo) -> tuple[int, bytes]:
    """Return the protocol's number and the content of a packet for an echo request."""
    six = ":" in source
    kind = (129 if echo.reply else 128) if six else (0 if echo.reply else 8)
    wire = _ECHO.pack(kind, 0, 0, echo.ident, echo.number) + echo.data
    pseudo = _pseudo(source, target, ICMP6, len(wire)) if six else b""
    return ICMP6 if six else ICMP, _ECHO.pack(kind, 0, checksum(pseudo + wire), echo.ident, echo.number) + echo.data


def read_cut_echo(packet: Packet) -> Echo | None:
    """Return the echo reply whose beginning a packet holds; its checksum covers what is missing, so it cannot be looked at."""
    six = packet.protocol == ICMP6
    if packet.protocol not in (ICMP, ICMP6) or len(packet.body) < _ECHO.size:
        return None
    kind, code, _, ident, number = _ECHO.unpack_from(packet.body)
    return Echo(reply=True, ident=ident, number=number, data=b"") if (kind, code) == (129 if six else 0, 0) else None


def read_icmp(packet: Packet) -> Echo | Unreachable | None:
    """Return the echo or the error in a packet, or None for anything else and for a wrong checksum."""
    six = packet.protocol == ICMP6
    pseudo = _pseudo(packet.source, packet.target, ICMP6, len(packet.body)) if six else b""
    if len(packet.body) < _ECHO.size or checksum(pseudo + packet.body):
        return None
    kind, code, _, ident, number = _ECHO.unpack_from(packet.body)
    rest = packet.body[_ECHO.size :]
    if kind in ((128, 129) if six else (8, 0)):
        return Echo(kind in (0, 129), ident, number, rest)
    if six:
        return Unreachable(rest, ident << 16 | number if kind == 2 else 0) if kind in (1, 2) else None
    return Unreachable(rest, number if code == 4 else 0) if kind == 3 else None
