"""A SOCKS5 proxy on loopback that carries datagrams as a test wants."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from tests.routes.loopback import HERE, serving


class Relay(asyncio.DatagramProtocol):
    """The port that takes datagrams: what comes is kept, and answered as the test wants."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.answers: Callable[[bytes], list[bytes]] = lambda _wire: []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        for answer in self.answers(data):
            self.transport.sendto(answer, addr)


@asynccontextmanager
async def relaying(
    *, login: tuple[bytes, bytes] | None = None, address: str = "0.0.0.0", hang_up: asyncio.Event | None = None
) -> AsyncIterator[tuple[int, Relay]]:
    """Run a proxy that names its port at ``address``, and give a link to it and its relay."""
    transport, relay = await asyncio.get_running_loop().create_datagram_endpoint(Relay, (HERE, 0))
    port = int(transport.get_extra_info("sockname")[1])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        if login:
            assert 2 in methods
            writer.write(b"\5\2")
            _, size = await reader.readexactly(2)
            user = await reader.readexactly(size)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            writer.write(b"\1" + bytes([(user, password) != login]))
        else:
            writer.write(b"\5\0")
        assert await reader.readexactly(10) == b"\5\3\0\1" + bytes(6)
        writer.write(b"\5\0\0\1" + socket.inet_aton(address) + struct.pack("!H", port))
        if hang_up is not None:
            await hang_up.wait()
            return
        await reader.read()

    try:
        async with serving(serve) as control:
            yield control, relay
    finally:
        transport.close()
