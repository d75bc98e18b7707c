"""What the tests of all servers over TCP share: is the port open, is the greeting answered, and if it is cut, by whom?

Stages, all over tcp: ``port``; ``handshake`` (``reached``: how far it came: "" or tcp, then what the protocol adds); ``hold``, only after
greetings that were cut (does a connection last on which nothing is said?).  Where nothing definite came, the greeting is sent once more
through the first of the person's proxies that carries connections (``by``: its id).
"""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from diagnostics.failures import EOF, REFUSED, RESET, UNREACHABLE, WRONG_ANSWER
from diagnostics.model import Observation
from diagnostics.probes.tcp import connect_silently
from diagnostics.routes.link import Link
from diagnostics.streams import Stream
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.proxied import connect_through, connecting_proxy

TRIES: Final = 2
"""Greetings that are sent to a server: one that was cut or swallowed is a hint, two are a sign."""

HANDSHAKE_EXTRA: Final = 3.0
"""Seconds beyond the usual patience: TLS and a first answer take four round trips where patience reckons with one."""

NOBODY_THERE: Final = frozenset({REFUSED, UNREACHABLE})
CUT: Final = frozenset({RESET, EOF, "connection_aborted"})
DEFINITE: Final = frozenset({None, WRONG_ANSWER})
"""Outcomes of a greeting after which another one would tell nothing new."""

Opening = Callable[[dict[str, Any]], Awaitable[Stream]]
"""Opens a stream to the server and writes into the step's detail how far it came.  Raises OSError, EOFError."""


class TcpServer(abc.ABC):
    """The test of one server at one address."""

    speaks_first = False
    """Whether such a server says something before it is greeted."""

    def __init__(self, probing: Probing, address: str) -> None:
        """Greet the profile's server at ``address``."""
        self._probing = probing
        self._context = probing.context
        self._address = address
        self._at = probing.at(address)

    @abc.abstractmethod
    async def greet(self, opening: Opening, **detail: object) -> Observation:
        """Greet the server over what ``opening`` opens, in a ``handshake`` step that carries ``detail``, and return it."""

    async def greet_directly(self) -> Observation:
        """Greet the server from here, find out about cuts, and greet it from elsewhere where nothing definite is known."""
        last = await self.greetings(self.directly)
        if last.failure in CUT and last.detail["reached"] == "tcp":
            await self.hold()
        if last.failure not in DEFINITE:
            await self.elsewhere()
        return last

    async def port(self) -> Observation:
        """See whether anything listens there."""
        stream: Stream | None = None
        with self._probing.step("port", transport="tcp", tries=0, at=self._at) as step:
            stream = await connect_silently(self._context, self._address, self._probing.profile.port, step.detail)
        if stream is not None:
            stream.close()
            if step.done.detail["tries"] == 1:
                self._context.patience.saw(step.done.seconds)
        return step.done

    async def directly(self, detail: dict[str, Any]) -> Stream:
        """Open a connection from here."""
        detail["reached"] = ""
        stream = await connect_silently(self._context, self._address, self._probing.profile.port, {"tries": 0})
        detail["reached"] = "tcp"
        return stream

    async def greetings(self, opening: Opening) -> Observation:
        """Greet the server until something definite is known, and return the last greeting."""
        last = await self.greet(opening)
        for _ in range(TRIES - 1):
            if last.failure in DEFINITE:
                break
            last = await self.greet(opening)
        return last

    async def hold(self) -> None:
        """See whether a connection lasts while nothing is said on it: whoever cuts every one has no quarrel with this protocol."""
        stream: Stream | None = None
        try:
            with self._probing.step("hold", transport="tcp", tries=1, at=self._at) as step:
                stream = await self.directly(step.detail)
                try:
                    spoke = await self._probing.patiently(stream.read(1))
                except TimeoutError:
                    return
                if not spoke:
                    step.failure = EOF
                elif not self.speaks_first:
                    step.failure = WRONG_ANSWER
        finally:
            if stream is not None:
                stream.close()

    async def elsewhere(self) -> None:
        """Greet the server through the first of the person's proxies that can carry that."""
        proxy = connecting_proxy(self._probing)
        if proxy is not None:
            await self.greet(partial(self._through, proxy), by=proxy.id)

    async def _through(self, proxy: Link, detail: dict[str, Any]) -> Stream:
        detail["reached"] = ""
        stream = await connect_through(self._probing, proxy, self._address, self._probing.profile.port)
        detail["reached"] = "tcp"
        return stream
