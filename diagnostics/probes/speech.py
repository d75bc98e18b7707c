"""Finding out what a place speaks, by greeting it in other protocols, each on a connection of its own.

Steps are those of ``diagnostics/probes/way.py`` with the purpose ``guess``, and detail ``speaks`` where something was heard; and with
the purpose ``neutral_name`` a handshake that says a harmless name instead of the proxy's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from diagnostics.bogons import is_address
from diagnostics.failures import EOF, FAILED_HANDSHAKE, RESET, TIMEOUT
from diagnostics.model import Observation
from diagnostics.probes.way import GUESS, Way
from diagnostics.routes.dial import CARRIED, GUESSES, tls_name
from diagnostics.routes.link import Kind
from diagnostics.routes.speech import SPEECH
from diagnostics.routes.tunnel import BAD_REPLY, WRONG_PROTOCOL

AT_ONCE: Final = 2
"""Connections to one proxy: home-made ones are small, and a crowd of them is a sign."""

NEUTRAL: Final = "neutral_name"
_PORT: Final = 443
_UNCLEAR: Final = frozenset({TIMEOUT, EOF, RESET, FAILED_HANDSHAKE, WRONG_PROTOCOL, BAD_REPLY, "timed_out", "socks_error"})
"""How a place answers that may speak something else: the last is what Tor says before it is ready."""


class Speech:
    """The questions that one place is asked."""

    def __init__(self, way: Way, harmless: str) -> None:
        """Ask at the end of ``way``; ``harmless`` is the name that a proxy is asked for."""
        self._way = way
        self._harmless = harmless

    async def kind(self) -> Kind | None:
        """Return what a bare address speaks, or None: SOCKS and CONNECT are asked at once, TLS if neither was answered."""
        asked = await self._ask(GUESSES[:AT_ONCE])
        if any(o is None or o.detail.get("stage") == "connect" for o in asked.values()):
            return None  # nobody there: TLS would not be answered either
        return _own(asked) or _own(await self._ask(GUESSES[AT_ONCE:]))

    async def otherwise(self, failed: Sequence[Observation]) -> None:
        """Ask what else is spoken where a proxy was not found; ``failed`` are the steps that tried to open something."""
        link = self._way.link
        stages = {o.detail.get("stage") for o in failed}
        if (
            not failed
            or link.first
            or self._way.kind in CARRIED
            or not stages <= {"open", "secure"}
            or any(o.detail.get("speaks") for o in failed)
        ):
            return
        if not all(o.failure in _UNCLEAR for o in failed):
            return
        kind = self._way.kind
        await self._ask([guess for guess in GUESSES if SPEECH[guess] != SPEECH.get(kind)][:AT_ONCE])
        if stages == {"secure"} and not is_address(tls_name(link)):
            await self._way.like(kind, NEUTRAL, self._harmless).greet()

    async def _ask(self, kinds: Sequence[Kind]) -> dict[Kind, Observation | None]:
        """Ask for a harmless place in some protocols at once; the others are dropped as soon as one was understood."""
        asking = {kind: asyncio.get_running_loop().create_task(self._one(kind)) for kind in kinds}
        pending = set(asking.values())
        try:
            while pending and not any(task.done() and _own({k: task.result()}) for k, task in asking.items()):
                _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.wait(pending)  # so that what they were doing is recorded
        return {kind: task.result() for kind, task in asking.items() if not task.cancelled()}

    async def _one(self, kind: Kind) -> Observation | None:
        way = self._way.like(kind, GUESS)
        stream, failed = await way.open(self._harmless, _PORT, None, GUESS)
        if stream is not None:
            stream.close()
        return failed if stream is None else way.last


def _own(asked: dict[Kind, Observation | None]) -> Kind | None:
    """Return the first kind that was answered in its own protocol."""
    return next((kind for kind, o in asked.items() if o is not None and o.detail.get("speaks") == SPEECH[kind]), None)
