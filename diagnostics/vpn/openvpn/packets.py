"""The reliable control channel of OpenVPN without any input or output: packets out of bytes and back, in order, none forgotten.

Source: OpenVPN 2.6's ssl_pkt.h, reliable.c and doc/doxygen/doc_protocol_overview.h.  Everything that comes in is bounded.
"""

from __future__ import annotations

import enum
import os
import struct
from typing import Final, NamedTuple

from diagnostics.vpn.openvpn.crypt import HEAD, PacketError, TlsCrypt, Wrapping

ID: Final = 8
"""Bytes of a session id."""

NUMBER: Final = struct.Struct("!I")
CHUNK: Final = 1100
"""Bytes of TLS in one packet: with everything around it less than 1280, which every line carries."""

WINDOW: Final = 4
"""Packets that wait for their acknowledgement at once (OpenVPN sends up to 6)."""

AHEAD: Final = 16
"""Packets that are kept although earlier ones are missing (OpenVPN keeps 12)."""

MOST_ACKS: Final = 8
MOST_RECEIVED: Final = 262_144
"""Bytes of TLS that are taken from one server: a handshake has some thousand."""

RESENDS: Final = (1.0, 2.0, 4.0)
"""Seconds after which a packet is sent again that nobody acknowledged; the last holds from then on."""


class Opcode(enum.IntEnum):
    """What a packet is."""

    CONTROL = 4
    ACK = 5
    RESET_CLIENT = 7
    RESET_SERVER = 8
    RESET_CLIENT_V3 = 10
    CONTROL_WRAPPED = 11


CONTROL: Final = frozenset({3, *Opcode})
DATA: Final = frozenset({6, 9})
"""Opcodes of this channel (3: keys are to be changed), and of the other, whose packets are passed over."""


class Packet(NamedTuple):
    """One packet: what it is, whose, what it acknowledges to whom, and its number and contents (none for a mere acknowledgement)."""

    opcode: int
    session: bytes
    acks: tuple[int, ...]
    peer: bytes
    number: int | None
    data: bytes


def parse(head: bytes, body: bytes) -> Packet:
    """Return the packet in head and body.  Raises PacketError."""
    if len(head) != HEAD or not body or head[0] & 0x07 or head[0] >> 3 not in CONTROL:
        raise PacketError
    opcode, count = head[0] >> 3, body[0]
    end = 1 + NUMBER.size * count
    acks, peer = body[1:end], body[end : end + ID] if count else b""
    rest = body[end + len(peer) :]
    if count > MOST_ACKS or len(acks) != NUMBER.size * count or len(peer) != (ID if count else 0):
        raise PacketError
    numbers = tuple(each for (each,) in NUMBER.iter_unpack(acks))
    if opcode == Opcode.ACK:
        return Packet(opcode, head[1:], numbers, peer, None, b"")
    if len(rest) < NUMBER.size:
        raise PacketError
    return Packet(opcode, head[1:], numbers, peer, NUMBER.unpack(rest[:4])[0], rest[4:])


class _Waiting:
    """A packet that was sent, or is about to be, until somebody acknowledges it."""

    def __init__(self, number: int, opcode: int, data: bytes) -> None:
        self.number, self.opcode, self.data = number, opcode, data
        self.due = 0.0
        self.sent = 0


class Channel:
    """One session of the control channel; times are those of any clock that does not jump, in seconds."""

    def __init__(self, wrapping: Wrapping, chunk: int = CHUNK) -> None:
        """Begin a session that ``wrapping`` protects; TLS is cut into pieces of ``chunk`` bytes."""
        self._wrapping = wrapping
        self._chunk = chunk
        self._own = os.urandom(ID)
        self._peer = b""
        self._next, self._expected = 1, 0
        self._queue: list[_Waiting] = []
        self._acks: list[int] = []
        self._told: list[int] = []
        self._early: dict[int, bytes] = {}
        self._inbox = bytearray()
        self._resend_key = False
        self.acked = 0
        """Packets of ours that were acknowledged, after the reset."""
        self.taken = 0
        """Packets of TLS that came in order."""
        self.came = 0
        self.received = 0
        """Packets and bytes of TLS that came, in order or not."""
        self.strange = 0
        """Packets that were not of this session."""

    # --- the reset ---

    @property
    def answered(self) -> bool:
        """Tell whether the server answered the reset."""
        return bool(self._peer)

    def reset(self) -> bytes:
        """Return the packet that begins the session; again for every try."""
        wrapped = self._wrapped
        opcode = Opcode.RESET_CLIENT_V3 if wrapped else Opcode.RESET_CLIENT
        return self._wrapping.wrap(self._head(opcode), b"\0" + NUMBER.pack(0)) + wrapped

    @property
    def _wrapped(self) -> bytes:
        return self._wrapping.wrapped if isinstance(self._wrapping, TlsCrypt) else b""

    # --- in ---

    def take(self, wire: bytes) -> bool:
        """Take a packet from the wire; tell whether it brought the session on.  Raises PacketError for one that is not of this session."""
        if self._peer and wire and wire[0] >> 3 in DATA:
            return False
        try:
            packet = parse(*self._wrapping.unwrap(wire))
            if (packet.acks and packet.peer != self._own) or (self._peer and packet.session != self._peer):
                raise PacketError
        except PacketError:
            self.strange += 1
            raise
        if not self._peer:
            return self._begin(packet)
        came = self._acknowledged(packet.acks)
        if packet.number is not None and packet.opcode in (Opcode.CONTROL, Opcode.RESET_SERVER):
            return self._keep(packet) or came
        return came

    def _begin(self, packet: Packet) -> bool:
        """Take the server's reset; what comes before it is of no use."""
        if packet.opcode != Opcode.RESET_SERVER or packet.number != 0:
            return False
        self._peer = packet.session
        self._expected = 1
        self._acks.append(0)
        self._resend_key = bool(self._wrapped) and _wants_key(packet.data)
        return True

    def _acknowledged(self, acks: tuple[int, ...]) -> bool:
        before = len(self._queue)
        self._queue = [each for each in self._queue if not (each.sent and each.number in acks)]
        self.acked += before - len(self._queue)
        return len(self._queue) < before

    def _keep(self, packet: Packet) -> bool:
        """Keep what a packet carries until everything before it is there."""
        number = packet.number or 0
        if number >= self._expected + AHEAD:
            return False  # it will be sent again
        if number not in self._acks and len(self._acks) < 2 * MOST_ACKS:
            self._acks.append(number)
        if packet.opcode != Opcode.CONTROL or number < self._expected or number in self._early:
            return False
        self.came += 1
        self.received += len(packet.data)
        if self.received > MOST_RECEIVED:
            raise PacketError
        self._early[number] = packet.data
        while self._expected in self._early:
            self._inbox += self._early.pop(self._expected)
            self._expected += 1
            self.taken += 1
        return True

    def read(self, limit: int) -> bytes:
        """Return what came in order, at most ``limit`` bytes; nothing if nothing did."""
        data = bytes(self._inbox[:limit])
        del self._inbox[:limit]
        return data

    # --- out ---

    def write(self, data: bytes) -> None:
        """Take bytes of TLS to be sent."""
        for at in range(0, len(data), self._chunk):
            opcode = Opcode.CONTROL_WRAPPED if self._resend_key else Opcode.CONTROL
            self._resend_key = False
            self._queue.append(_Waiting(self._next, opcode, data[at : at + self._chunk]))
            self._next += 1

    def due(self, now: float) -> list[bytes]:
        """Return the packets that are to be sent now: new ones, those that nobody acknowledged, and what is to be acknowledged."""
        ready = [each for each in self._queue[:WINDOW] if each.due <= now]
        wires = []
        for each in ready:
            each.due = now + RESENDS[min(each.sent, len(RESENDS) - 1)]
            each.sent += 1
            wires.append(self._wire(each.opcode, NUMBER.pack(each.number) + each.data))
        while self._acks:
            wires.append(self._wire(Opcode.ACK, b""))
        return wires

    def next_due(self) -> float | None:
        """Return when a packet is to be sent again, None while nothing waits."""
        return min((each.due for each in self._queue[:WINDOW]), default=None)

    def _wire(self, opcode: int, rest: bytes) -> bytes:
        """Return a packet; it repeats the latest acknowledgements, by which a server knows a session that it has not begun to keep."""
        acks, self._acks = self._acks[:WINDOW], self._acks[WINDOW:]
        self._told = [*acks, *(each for each in self._told if each not in acks)][:MOST_ACKS]
        acks = self._told[:WINDOW]
        told = bytes([len(acks)]) + b"".join(NUMBER.pack(each) for each in acks) + (self._peer if acks else b"")
        wrapped = self._wrapped if opcode == Opcode.CONTROL_WRAPPED else b""
        return self._wrapping.wrap(self._head(opcode), told + rest) + wrapped

    def _head(self, opcode: int) -> bytes:
        return bytes([opcode << 3]) + self._own


def _wants_key(data: bytes) -> bool:
    """Tell whether a server's reset asks for the wrapped key again: a TLV of type 1 whose first bit is set (ssl_pkt.h)."""
    at = 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("!HH", data, at)
        if kind == 1 and size == 2 and at + 6 <= len(data):  # flags of the early negotiation
            return bool(struct.unpack_from("!H", data, at + 4)[0] & 1)
        at += 4 + size
    return False
