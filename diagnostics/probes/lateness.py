"""Whether this computer keeps up: on one that is busy with something else, answers that are there look like silence.

A timer that should ring every 50 ms tells by how much it rings late.  Waits grow by the lateness of the last seconds, and what
was measured while the program was late for much of the time proves no silence (``judge/loss.py``).

Detail of the ``lateness`` note: ``worst`` (seconds) and ``share``, the part of the run's time by which the timer was late.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

PERIOD: Final = 0.05
"""Seconds between two looks."""

REMEMBERED: Final = 40
"""Looks whose worst lateness waits grow by: two seconds and more."""

FOLD: Final = 4
"""An answer passes through some turns of the loop (datagram, reader, task), each of which may be as late."""


class Lateness:
    """How late the program's own timers ring."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._recent: deque[float] = deque(maxlen=REMEMBERED)
        self._late = 0.0
        self._began = asyncio.get_running_loop().time()
        self.worst = 0.0

    def saw(self, late: float) -> None:
        """Learn by how many seconds the timer was late."""
        self._recent.append(late)
        self._late += late
        self.worst = max(self.worst, late)

    @property
    def allowance(self) -> float:
        """Return the seconds by which waits grow now."""
        return FOLD * max(self._recent, default=0.0)

    @property
    def share(self) -> float:
        """Return the part of the time since the beginning by which the timer was late."""
        return self._late / max(asyncio.get_running_loop().time() - self._began, PERIOD)

    async def watch(self) -> None:
        """Look for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PERIOD
            await asyncio.sleep(PERIOD)
            self.saw(max(0.0, loop.time() - due))
