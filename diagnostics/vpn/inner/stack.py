"""The two ends of a tunnel's inside: packets come in, and go to whoever waits for them; nobody from inside can begin anything here."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import secrets
from collections.abc import Callable
from typing import Final

from diagnostics.streams import Stream
from diagnostics.vpn.inner.packets import (
    ICMP,
    ICMP6,
    TCP,
    UDP,
    Datagram,
    Echo,
    Packet,
    Segment,
    Unreachable,
    echo_body,
    ip_packet,
    read_cut_echo,
    read_first_part,
    read_icmp,
    read_ip,
    read_tcp,
    read_udp,
    tcp_body,
    udp_body,
)
from diagnostics.vpn.inner.tcp import TcpConnection

FIRST_PORT: Final = 32768
PORTS: Final = 28000
"""Local ports, as Linux chooses them."""

HEADS: Final = {4: 20, 6: 40}
TCP_HEAD: Final = 20
ECHO_HEAD: Final = 8


class NoWayError(OSError):
    """The tunnel carries no address of that family."""


class Stack:
    """Addresses of this end, and everything that is open over them."""

    def __init__(self, addresses: tuple[str, ...], mtu: int, send: Callable[[bytes], None]) -> None:
        """Speak from ``addresses`` in packets of at most ``mtu`` bytes, handed to ``send``."""
        self._addresses = {6 if ":" in address else 4: address for address in reversed(addresses)}
        self._mtu = mtu
        self._send = send
        self._ids = itertools.count(secrets.randbelow(65536))
        self._ports = itertools.count(secrets.randbelow(PORTS))
        self._connections: dict[tuple[str, int, int], TcpConnection] = {}
        self._questions: dict[tuple[str, int, int], asyncio.Future[bytes]] = {}
        self._echoes: dict[tuple[str, int, int], asyncio.Future[None]] = {}
        self.heard = 0
        """Packets that came in and could be read."""

    @property
    def families(self) -> tuple[bool, bool]:
        """Tell whether IPv4 and IPv6 are spoken."""
        return 4 in self._addresses, 6 in self._addresses

    async def connect(self, address: str, port: int) -> Stream:
        """Return a connection; without a deadline.  Raises OSError."""
        source, family = self._source(address)
        own = self._port()
        key = (address, port, own)
        mss = self._mtu - HEADS[family] - TCP_HEAD

        def send(segment: Segment) -> None:
            self._out(Packet(source, address, TCP, tcp_body(source, address, segment)))

        connection = TcpConnection(send, lambda: self._forget(key), own, port, mss)
        self._connections[key] = connection
        opened = False
        try:
            await connection.open()
            opened = True
        finally:
            if not opened:
                connection.close()
        return connection

    async def ask(self, address: str, port: int, question: bytes) -> bytes:
        """Send one datagram and return the first one that comes back; without a deadline.  Raises OSError."""
        source, _ = self._source(address)
        own = self._port()
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._questions[address, port, own] = answer
        try:
            self._out(Packet(source, address, UDP, udp_body(source, address, Datagram(own, port, question))))
            return await answer
        finally:
            del self._questions[address, port, own]

    async def ping(self, address: str, size: int) -> float:
        """Send an echo request in a packet of ``size`` bytes and return the seconds to its reply; without a deadline."""
        source, family = self._source(address)
        loop = asyncio.get_running_loop()
        ident, number = secrets.randbelow(65536), next(self._ids) & 0xFFFF
        answer: asyncio.Future[None] = loop.create_future()
        self._echoes[address, ident, number] = answer
        data = os.urandom(max(0, size - HEADS[family] - ECHO_HEAD))
        try:
            protocol, body = echo_body(source, address, Echo(reply=False, ident=ident, number=number, data=data))
            began = loop.time()
            self._out(Packet(source, address, protocol, body))
            await answer
            return loop.time() - began
        finally:
            del self._echoes[address, ident, number]

    def take(self, wire: bytes) -> None:
        """Take in what came out of the tunnel; whatever nobody waits for is dropped."""
        part = read_first_part(wire)
        packet = part or read_ip(wire)
        if packet is None or packet.target not in self._addresses.values():
            return
        self.heard += 1
        if part is not None:
            self._take_part(part)
            return
        if packet.protocol == TCP and (segment := read_tcp(packet)):
            connection = self._connections.get((packet.source, segment.source, segment.target))
            if connection is not None:
                connection.take(segment)
        elif packet.protocol == UDP and (datagram := read_udp(packet)):
            _give(self._questions.get((packet.source, datagram.source, datagram.target)), datagram.data)
        elif packet.protocol in (ICMP, ICMP6):
            self._take_icmp(packet)

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._connections.values()):
            connection.close()

    def _take_part(self, part: Packet) -> None:
        """Take in the beginning of an answer that its sender had to cut: of an echo reply it is enough."""
        echo = read_cut_echo(part)
        if echo is not None:
            self._answer_echo(part.source, echo)

    def _answer_echo(self, source: str, echo: Echo) -> None:
        waiting = self._echoes.get((source, echo.ident, echo.number))
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _take_icmp(self, packet: Packet) -> None:
        found = read_icmp(packet)
        if isinstance(found, Echo) and found.reply:
            self._answer_echo(packet.source, found)
        elif isinstance(found, Unreachable):
            self._take_error(found)

    def _take_error(self, error: Unreachable) -> None:
        """Tell a connection that a packet of its did not get through: its head is cut short, and only the ports are read."""
        family = error.about[0] >> 4 if error.about else 0
        head = (error.about[0] & 15) * 4 if family == 4 else HEADS[6]
        protocol = error.about[9:10] if family == 4 else error.about[6:7]
        if family not in self._addresses or protocol != bytes([TCP]) or len(error.about) < head + 4:
            return
        source, target = (int.from_bytes(error.about[head + at : head + at + 2], "big") for at in (0, 2))
        for (_, port, own), connection in list(self._connections.items()):
            if (own, port) == (source, target):
                if error.mtu:
                    connection.shrink(error.mtu - HEADS[family] - TCP_HEAD)
                else:
                    connection.fail(errno.EHOSTUNREACH)

    def _source(self, address: str) -> tuple[str, int]:
        family = 6 if ":" in address else 4
        if family not in self._addresses:
            raise NoWayError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        return self._addresses[family], family

    def _port(self) -> int:
        return FIRST_PORT + next(self._ports) % PORTS

    def _out(self, packet: Packet) -> None:
        self._send(ip_packet(packet, next(self._ids)))

    def _forget(self, key: tuple[str, int, int]) -> None:
        self._connections.pop(key, None)


def _give(waiting: asyncio.Future[bytes] | None, data: bytes) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(data)
