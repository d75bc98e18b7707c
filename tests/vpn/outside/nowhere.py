"""A network that reaches nobody, for what must not need one."""

from __future__ import annotations

import socket

from diagnostics.network import Network
from diagnostics.streams import Datagrams, Stream


class Nowhere(Network):
    """Every verb fails; the clock can be set."""

    def __init__(self, nameservers: list[str] | None = None) -> None:
        self.now = 1_700_000_000.0
        self.servers = nameservers or []

    async def resolve(self, host: str, family: socket.AddressFamily) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, f"{host} {family}")

    async def nameservers(self) -> list[str]:
        return self.servers

    async def routes_ipv6(self) -> bool:
        return False

    async def datagram(self, address: str, port: int) -> Datagrams:
        raise OSError(address, port)

    async def connect(self, address: str, port: int) -> Stream:
        raise OSError(address, port)

    def clock(self) -> float:
        return self.now
