"""Servers that misbehave: what they say is garbage, has no end, or ends too early."""

from __future__ import annotations

import asyncio
import socket
import struct

from tests.real_servers.telegram import Handler

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


def says(data: bytes, *, first: bool = False, times: int = 1) -> Handler:
    """Return a server that says ``data`` once it has heard anything (or ``first``), so many times, and waits for the end."""

    async def handle(reader: Reader, writer: Writer) -> None:
        if not first:
            await reader.read(1)
        for _ in range(times):
            writer.write(data)
            await writer.drain()
        await reader.read()

    return handle


async def hangs_up(reader: Reader, writer: Writer) -> None:
    """End the connection once it has heard anything."""
    await reader.read(1)


async def resets(reader: Reader, writer: Writer) -> None:
    """Reset the connection once it has heard anything."""
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def hangs_up_at_once(reader: Reader, writer: Writer) -> None:
    """End the connection unheard."""


async def stays_silent(reader: Reader, writer: Writer) -> None:
    """Say nothing and wait for the end."""
    await reader.read()


GARBAGE = b"\x07garbage of a server that is something else" * 8
HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
ENDLESS = 100_000
IDLE = b"\x14\x03\x03\x00\x00"
HELLO = b"\x16\x03\x03\x00\x40" + bytes(64)
