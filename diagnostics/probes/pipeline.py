"""DNS messages over one connection, several under way at once.

A server answers them in any order and each answer carries its question's number (RFC 7766, sections 6.2.1.1 and 7): thirty
names over one session take one round trip, and not thirty.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from typing import Final

import dns.message

from diagnostics.failures import DNS_MISBEHAVING, ProtocolError
from diagnostics.probes.dns import stream_reply
from diagnostics.streams import Stream

UNDER_WAY: Final = 16
"""Questions that wait for their answers at once: public resolvers take more, small ones drop what they cannot hold."""

MOST_STRAYS: Final = 64
"""Messages that answer nothing that was asked, before the connection is given up: late answers are fewer."""

_LENGTH: Final = struct.Struct("!H")
_NUMBER: Final = struct.Struct("!H")
_NUMBERS: Final = 1 << 16


class Pipeline:
    """The questions and answers of one connection; ``receive`` must run beside ``exchange``."""

    def __init__(self, stream: Stream) -> None:
        """Speak over ``stream``, which stays the caller's to close."""
        self._stream = stream
        self._due: dict[int, asyncio.Future[bytes]] = {}
        self._asked: set[int] = set()
        self._sending = asyncio.Lock()
        self._over: BaseException | None = None
        self._strays = 0
        self.answers = 0  # that came so far, to whatever was asked

    async def exchange(self, query: dns.message.Message) -> dns.message.Message:
        """Send a question and return its reply.

        Raises OSError, EOFError once the connection has ended, and ProtocolError for bytes that are no reply to it.
        """
        if self._over is not None:
            raise self._over
        while query.id in self._due:
            query.id = secrets.randbelow(_NUMBERS)
        wire, number = query.to_wire(), query.id
        self._asked.add(number)
        answer = self._due[number] = asyncio.get_running_loop().create_future()
        try:
            async with self._sending:
                await self._stream.write(_LENGTH.pack(len(wire)) + wire)
            return stream_reply(query, await answer)
        finally:
            self._due.pop(number, None)
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # looked at, also where sending failed first

    async def receive(self) -> None:
        """Hand each answer to whom it is for, until the connection ends; one that nobody waits for any more is dropped."""
        try:
            while True:
                message = await self._exactly(*_LENGTH.unpack(await self._exactly(_LENGTH.size)))
                self.answers += 1
                self._hand_over(message)
                await asyncio.sleep(0)  # a flood must not keep everybody else waiting: what is there is read without a pause
        except (OSError, EOFError) as error:
            self._end(error)
        finally:
            self._end(EOFError("closed"))

    def _hand_over(self, message: bytes) -> None:
        number = _NUMBER.unpack_from(message)[0] if len(message) >= _NUMBER.size else None
        due = self._due.get(number) if number is not None else None
        if due is None and number not in self._asked and len(self._due) == 1:
            due = next(iter(self._due.values()))  # what answers nothing that was ever asked can only be meant for the one who waits
        if due is not None and not due.done():
            due.set_result(message)
            return
        self._strays += 1
        if self._strays > MOST_STRAYS:
            raise ProtocolError(DNS_MISBEHAVING, "one message after another that answers nothing")

    def _end(self, error: BaseException) -> None:
        self._over = self._over or error
        for due in self._due.values():
            if not due.done():
                due.set_exception(self._over)

    async def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = await self._stream.read(size - len(data))
            if not piece:
                message = "closed before a reply was complete"
                raise EOFError(message)
            data += piece
        return data
