"""What a profile gives once it works: a way for packets, used like a network of its own."""

from __future__ import annotations

import abc

from diagnostics.streams import Stream


class Tunnel(abc.ABC):
    """An open tunnel in this program's own memory: no device of the system, no rights."""

    @property
    @abc.abstractmethod
    def resolvers(self) -> tuple[str, ...]:
        """Return the addresses of the name servers that belong to the tunnel, most preferred first; empty if it names none."""

    @property
    @abc.abstractmethod
    def families(self) -> tuple[bool, bool]:
        """Tell whether IPv4 and IPv6 addresses can be reached through it."""

    @abc.abstractmethod
    async def connect(self, address: str, port: int) -> Stream:
        """Return a TCP connection through the tunnel; without a deadline of its own.  Raises OSError."""

    @abc.abstractmethod
    async def ask(self, address: str, port: int, question: bytes) -> bytes:
        """Send one datagram through the tunnel and return the first answer from there; without a deadline.  Raises OSError."""

    @abc.abstractmethod
    async def ping(self, address: str, size: int) -> float:
        """Send one echo request of ``size`` bytes (the whole packet) and return the seconds to its answer; without a deadline."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close everything; safe to call twice."""
