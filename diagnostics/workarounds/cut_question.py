"""DNS over TCP with every question cut in the middle of its name: a server puts the pieces together, a filter may not."""

from __future__ import annotations

from typing import Final

from diagnostics.streams import READ_SIZE, Stream

NAME_AT: Final = 2 + 12
"""Where a message's first name begins on a stream: after its length and its header (RFC 1035, sections 4.1.1 and 4.2.2)."""


def middle_of_name(message: bytes) -> int:
    """Return where to cut a question as it goes on a stream, or 0 for bytes that hold no name."""
    at = NAME_AT
    while at < len(message) and message[at]:
        at += 1 + message[at]
    return (NAME_AT + at) // 2 if NAME_AT < at < len(message) else 0


class CutQuestions(Stream):
    """Writes each question as two writes; each becomes a segment of its own, since nothing waits for more (TCP_NODELAY)."""

    def __init__(self, below: Stream) -> None:
        """Write over ``below``, which this stream then owns."""
        super().__init__()
        self._below = below

    @property
    def raw_received(self) -> int:
        """Return the bytes that came in below."""
        return self._below.raw_received

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what has arrived."""
        data = await self._below.read(limit)
        self.received += len(data)
        return data

    async def write(self, data: bytes) -> None:
        """Send one question, its length before it."""
        cut = middle_of_name(data)
        for piece in (data[:cut], data[cut:]):
            if piece:
                await self._below.write(piece)
        self.sent += len(data)

    def close(self) -> None:
        """Close the connection below."""
        self._below.close()
