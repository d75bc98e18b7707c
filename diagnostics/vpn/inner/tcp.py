"""A small TCP for connections inside a tunnel: RFC 9293, with timers of RFC 6298 and recovery of RFC 5681.

It never listens, and has neither window scaling nor selective acknowledgements: a probe fetches pages, not films.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from diagnostics.streams import READ_SIZE, Stream
from diagnostics.vpn.inner.packets import ACK, FIN, PSH, RST, SYN, Segment

WINDOW: Final = 65535
"""Bytes that the other side may send ahead; more needs window scaling."""

MOST_EARLY: Final = 64
"""Pieces that are kept for later, of no more bytes together than the window has: a full one of an ordinary line is 47.

Who sends more sends what was dropped again; a server that sends single bytes out of order costs neither memory nor time.
"""

MOST_UNSENT: Final = 262144
FIRST_RTO: Final = 1.0
LEAST_RTO: Final = 0.25
MOST_RTO: Final = 8.0
"""Seconds: RFC 6298 begins with 1 s and allows no less than that; a probe has less time and uses Linux's lower bound."""

MOST_TRIES: Final = 8
DUPLICATES: Final = 3
FIRST_FLIGHT: Final = 10
"""Segments that may go out at once at the beginning (RFC 6928)."""

DEFAULT_MSS: Final = 536
_RING: Final = 1 << 32


class Unacked(NamedTuple):
    """A segment that was sent and not acknowledged yet."""

    seq: int
    flags: int
    data: bytes
    sent: float
    again: bool

    @property
    def end(self) -> int:
        """Return the number behind it: SYN and FIN count as a byte."""
        return (self.seq + len(self.data) + bool(self.flags & (SYN | FIN))) % _RING


def before(a: int, b: int) -> bool:
    """Tell whether one sequence number comes before another, round the ring."""
    return (a - b) % _RING >= _RING // 2


class TcpConnection(Stream):
    """One connection, opened by this side."""

    def __init__(self, send: Callable[[Segment], None], forget: Callable[[], None], port: int, target: int, mss: int) -> None:
        """Speak from ``port`` to ``target``; ``send`` sends a segment at once, ``forget`` is called when it is over."""
        super().__init__()
        self._send_segment = send
        self._forget = forget
        self._port, self._target = port, target
        self._own_mss = self._mss = mss
        self._loop = asyncio.get_running_loop()
        self._next = self._una = secrets.randbits(32)
        self._window = 0
        self._expected = 0
        self._unsent = bytearray()
        self._unacked: deque[Unacked] = deque()
        self._early: dict[int, bytes] = {}
        self._arrived = bytearray()
        self._ended_at: int | None = None
        self._ended = self._open = self._over = False
        self._error: OSError | None = None
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._rto, self._srtt, self._rttvar = FIRST_RTO, 0.0, 0.0
        self._tries = self._duplicates = 0
        self._flight = FIRST_FLIGHT * mss
        self._threshold = WINDOW

    # --- the side of whoever uses it ---

    async def open(self) -> None:
        """Shake hands; without a deadline.  Raises OSError."""
        self._transmit(SYN, b"")
        while not self._open:
            self._raise()
            await self._change()

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what has arrived, or ``b""`` at the end."""
        while not self._arrived:
            if self._ended:
                return b""
            self._raise()
            await self._change()
        full = self._room() < self._own_mss
        data = bytes(self._arrived[:limit])
        del self._arrived[:limit]
        self.received += len(data)
        if full:
            self._acknowledge()  # the window opens again
        return data

    async def write(self, data: bytes) -> None:
        """Send all of ``data``: return when it has been handed over."""
        self._unsent += data
        self.sent += len(data)
        self._push()
        while len(self._unsent) > MOST_UNSENT:
            self._raise()
            await self._change()
        self._raise()

    def close(self) -> None:
        """Close at once: a farewell while all is well, else a reset."""
        if self._over:
            return
        if self._open and self._error is None:
            flags = FIN | ACK if not self._unsent and not self._unacked else RST | ACK
            self._put(Segment(self._port, self._target, self._next, self._expected, flags, self._room()))
        self._finish()

    def fail(self, number: int) -> None:
        """End the connection with an error of the network: a router says that there is no way."""
        if not self._over:
            self._error = OSError(number, os.strerror(number))
            self._finish()

    def shrink(self, mss: int) -> None:
        """Take smaller segments from now on, and send again what was too large."""
        if self._open and DEFAULT_MSS // 2 <= mss < self._mss:  # before that only the greeting is under way, which has no data to cut
            self._mss = mss
            pieces, self._unacked = list(self._unacked), deque()
            if pieces:
                self._unsent[:0] = b"".join(piece.data for piece in pieces)
                self._next = self._una
                self._push()

    # --- what arrives ---

    def take(self, segment: Segment) -> None:
        """Take in one segment."""
        if self._over:
            return
        if segment.flags & RST:
            if self._acceptable_reset(segment):
                self.fail(errno.ECONNREFUSED if not self._open else errno.ECONNRESET)
            return
        if not self._open:
            self._greeted(segment)
        elif segment.flags & SYN:
            self._acknowledge()
        else:
            self._take_ack(segment)
            self._take_data(segment)
            self._push()
        self._changed.set()

    def _acceptable_reset(self, segment: Segment) -> bool:
        """Tell whether a reset is the other side's: who does not see the numbers cannot guess them (RFC 5961)."""
        if not self._open:
            return bool(segment.flags & ACK) and segment.ack == self._next
        return segment.seq == self._expected

    def _greeted(self, segment: Segment) -> None:
        if segment.flags & (SYN | ACK) != SYN | ACK or segment.ack != self._next:
            return
        self._mss = min(self._own_mss, segment.mss or DEFAULT_MSS)
        self._flight = FIRST_FLIGHT * self._mss
        self._expected = (segment.seq + 1) % _RING
        self._open = True
        self._take_ack(segment)
        self._acknowledge()

    def _take_ack(self, segment: Segment) -> None:
        if not segment.flags & ACK or before(self._next, segment.ack):
            return
        self._window = segment.window
        if before(self._una, segment.ack):
            self._una = segment.ack
            self._duplicates = self._tries = 0
            self._drop_acked()
            self._flight += min(self._mss, self._mss * self._mss // self._flight + 1) if self._flight > self._threshold else self._mss
            self._arm()
        elif segment.ack == self._una and self._unacked and not segment.data and not segment.flags & FIN:
            self._duplicates += 1
            if self._duplicates == DUPLICATES:
                self._threshold = self._flight = max(self._flight // 2, 2 * self._mss)
                self._again()

    def _drop_acked(self) -> None:
        while self._unacked and not before(self._una, self._unacked[0].end):
            done = self._unacked.popleft()
            if not done.again:  # what was sent twice times nothing (Karn)
                self._measured(self._loop.time() - done.sent)
        if self._unacked and before(self._unacked[0].seq, self._una):
            first = self._unacked[0]
            cut = (self._una - first.seq) % _RING
            self._unacked[0] = first._replace(seq=self._una, data=first.data[cut:])

    def _measured(self, rtt: float) -> None:
        if not self._srtt:
            self._srtt, self._rttvar = rtt, rtt / 2
        else:
            self._rttvar += (abs(self._srtt - rtt) - self._rttvar) / 4
            self._srtt += (rtt - self._srtt) / 8
        self._rto = min(max(self._srtt + 4 * self._rttvar, LEAST_RTO), MOST_RTO)

    def _take_data(self, segment: Segment) -> None:
        data, seq = segment.data, segment.seq
        if segment.flags & FIN:
            self._ended_at = (seq + len(data)) % _RING
        if not data and not segment.flags & FIN:
            return
        if before(seq, self._expected):
            data = data[(self._expected - seq) % _RING :]
            seq = self._expected
        ahead = (seq - self._expected) % _RING
        if data and ahead + len(data) <= self._room() and (not ahead or self._may_keep(seq, len(data))):
            self._early[seq] = data
        self._join()
        self._acknowledge()

    def _may_keep(self, seq: int, size: int) -> bool:
        """Tell whether a piece is worth keeping until the gap before it is filled, and has room."""
        known = len(self._early.get(seq, b""))
        kept = sum(len(data) for data in self._early.values())
        return size > known and (known > 0 or len(self._early) < MOST_EARLY) and kept - known + size <= WINDOW

    def _join(self) -> None:
        """Move what follows without a gap to what has arrived."""
        while self._early:
            seq = next((s for s in self._early if not before(self._expected, s)), None)
            if seq is None:
                break
            data = self._early.pop(seq)[(self._expected - seq) % _RING :]
            self._arrived += data
            self._expected = (self._expected + len(data)) % _RING
        if self._ended_at == self._expected and not self._ended:
            self._ended = True
            self._expected = (self._expected + 1) % _RING

    # --- what goes out ---

    def _room(self) -> int:
        return max(0, WINDOW - len(self._arrived))

    def _push(self) -> None:
        """Send what the other side's window and the line's own allow."""
        while self._open and self._unsent and not self._over:
            under_way = (self._next - self._una) % _RING
            room = min(self._window, self._flight) - under_way
            if room < min(self._mss, len(self._unsent)) and (under_way or not self._unsent):
                break
            piece = bytes(self._unsent[: max(1, min(self._mss, room))])
            del self._unsent[: len(piece)]
            self._transmit(ACK | PSH, piece)
        self._changed.set()

    def _transmit(self, flags: int, data: bytes) -> None:
        piece = Unacked(self._next, flags, data, self._loop.time(), again=False)
        self._unacked.append(piece)
        self._next = piece.end
        self._put_piece(piece)
        if self._timer is None:
            self._arm()

    def _put_piece(self, piece: Unacked) -> None:
        mss = self._own_mss if piece.flags & SYN else 0
        ack = 0 if piece.flags & SYN else self._expected
        self._put(Segment(self._port, self._target, piece.seq, ack, piece.flags, self._room(), piece.data, mss))

    def _acknowledge(self) -> None:
        self._put(Segment(self._port, self._target, self._next, self._expected, ACK, self._room()))

    def _put(self, segment: Segment) -> None:
        self._send_segment(segment)

    def _again(self) -> None:
        """Send the oldest segment again."""
        if self._unacked:
            self._unacked[0] = self._unacked[0]._replace(again=True)
            self._put_piece(self._unacked[0])

    def _arm(self) -> None:
        self._disarm()
        if self._unacked:
            self._timer = self._loop.call_later(self._rto, self._rang)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rang(self) -> None:
        self._timer = None
        self._tries += 1
        if self._tries > MOST_TRIES:
            self.fail(errno.ETIMEDOUT)
            return
        self._threshold, self._flight = max(self._flight // 2, 2 * self._mss), self._mss
        self._rto = min(self._rto * 2, MOST_RTO)
        self._again()
        self._arm()

    # --- waiting and ending ---

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
        if self._over:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def _finish(self) -> None:
        self._over = True
        self._disarm()
        self._changed.set()
        self._forget()
