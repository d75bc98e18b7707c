"""One connection inside a tunnel against a server that follows no rules: what is kept for later has bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from diagnostics.vpn.inner.packets import ACK, PSH, SYN, Segment
from diagnostics.vpn.inner.tcp import MOST_EARLY, WINDOW, TcpConnection

FIRST = 5001
"""The number of the server's first byte."""


async def connected(sent: list[Segment]) -> TcpConnection:
    """Return a connection that is open; what it sends goes into ``sent``."""
    connection, opening = await greeting(sent)
    connection.take(Segment(443, 1000, FIRST - 1, sent[0].seq + 1, SYN | ACK, 65535, mss=1400))
    await opening
    return connection


async def greeting(sent: list[Segment]) -> tuple[TcpConnection, asyncio.Task[None]]:
    """Return a connection whose greeting is under way, and what waits for its answer."""
    connection = TcpConnection(sent.append, lambda: None, 1000, 443, 1400)
    opening = asyncio.ensure_future(connection.open())
    await asyncio.sleep(0)
    return connection, opening


def data(at: int, content: bytes) -> Segment:
    return Segment(443, 1000, FIRST + at, 0, PSH, 65535, content)


def in_a_loop(check: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(check())


def test_what_comes_out_of_order_is_kept_in_bounds() -> None:
    async def check() -> None:
        connection = await connected([])
        for at in range(1, 4 * MOST_EARLY, 2):
            connection.take(data(at, b"x"))
        assert len(connection._early) == MOST_EARLY
        connection.close()

    in_a_loop(check)


def test_pieces_that_overlap_hold_no_more_than_the_window() -> None:
    async def check() -> None:
        connection = await connected([])
        for at in range(1, MOST_EARLY):
            connection.take(data(at, bytes(WINDOW - MOST_EARLY)))
        assert sum(map(len, connection._early.values())) <= WINDOW
        connection.close()

    in_a_loop(check)


def test_a_full_window_in_the_wrong_order_comes_whole() -> None:
    """A line that reorders is no attack: as many pieces as a window has are kept, and the gap is filled whatever is waiting."""

    async def check() -> None:
        connection = await connected([])
        content = bytes(range(256)) * 250
        pieces = [(at, content[at : at + 1400]) for at in range(0, len(content), 1400)]
        assert 1 < len(pieces) < MOST_EARLY
        for at, piece in reversed(pieces):
            connection.take(data(at, piece))
        assert await connection.read(len(content)) == content
        connection.close()

    in_a_loop(check)


def test_smaller_segments_before_the_answer_do_not_lose_the_greeting() -> None:
    async def check() -> None:
        sent: list[Segment] = []
        connection, opening = await greeting(sent)
        connection.shrink(600)
        connection._again()
        assert [(s.flags, s.seq) for s in sent] == [(SYN, sent[0].seq)] * 2
        opening.cancel()
        connection.close()

    in_a_loop(check)


def test_smaller_segments_send_again_what_was_too_large() -> None:
    async def check() -> None:
        sent: list[Segment] = []
        connection = await connected(sent)
        await connection.write(bytes(1300))
        connection.shrink(600)
        assert [len(s.data) for s in sent if s.data] == [1300, 600, 600, 100]
        connection.close()

    in_a_loop(check)
