"""A stream whose first write goes out in other pieces."""

from __future__ import annotations

import asyncio

from diagnostics.streams import READ_SIZE, Stream
from diagnostics.workarounds.first_flight import Layout, is_cut, lay_out


class ShapedStream(Stream):
    """Lays out what is written first, and passes everything else through.

    ``gap`` seconds lie between the pieces: a relay, or a system that gathers small writes, would join them otherwise.
    """

    def __init__(self, below: Stream, layout: Layout, gap: float = 0.0) -> None:
        """Write over ``below``, which this stream then owns."""
        super().__init__()
        self._below = below
        self._layout = layout
        self._gap = gap
        self._first = True
        self.was_cut = False
        """Whether the flight could be cut as the layout says."""

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
        """Send all of ``data``."""
        writes = [data]
        if self._first and data:
            self._first = False
            writes = lay_out(data, self._layout)
            self.was_cut = is_cut(data, writes)
        for number, piece in enumerate(writes):
            if number and self._gap:
                await asyncio.sleep(self._gap)
            await self._below.write(piece)
        self.sent += len(data)

    def close(self) -> None:
        """Close the connection below."""
        self._below.close()
