"""The questions that a failure raises: what would happen with another name, at another address, in clear text, again?

Each is asked at once and at most once for the same place.  None is asked while nothing at all has answered in this run:
on a dead line there is nothing to tell apart.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Hashable
from typing import Any, Final

from diagnostics.failures import CERTIFICATE_FAILURES, REFUSED, RESET, UNKNOWN_AUTHORITY, UNREACHABLE
from diagnostics.model import Control, Observation
from diagnostics.probes.context import Context
from diagnostics.probes.http import fetch
from diagnostics.probes.lookup import Lookups
from diagnostics.probes.pacing import LOOK_AGAIN, TICK
from diagnostics.probes.place import Asking, Greeting, Place
from diagnostics.probes.speed import SpeedRound
from diagnostics.probes.tcp import connect
from diagnostics.probes.tls import shake

MOST_CONTROL_ADDRESSES: Final = 3
"""Addresses of harmless names that are tried in turn for one name."""

_PLAIN: Final = 80
_SECURE: Final = 443

SLOW_ROUND_TRIPS: Final = 2.0
SLOW_EXTRA: Final = 0.15
"""A handshake that takes longer than two round trips and 150 ms may never be answered: ask the harmless name meanwhile."""


class FollowUps:
    """The discriminating questions of one run."""

    def __init__(self, context: Context, lookups: Lookups) -> None:
        """Remember what was asked."""
        self._context = context
        self._lookups = lookups
        self.speeds = SpeedRound(context)
        self._control_addresses: list[str] = []
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}

    async def connection_failed(self, host: str, failed: Observation) -> None:
        """After a connection that was refused or never made: again if it was refused, and does the address speak clear text?"""
        if failed.address is None or not await self._context.patience.awake():
            return
        address, port = failed.address, int(failed.detail["port"])
        async with asyncio.TaskGroup() as group:
            if failed.failure in (REFUSED, RESET, UNREACHABLE):
                group.create_task(self._once(("again", address, port), self._connect_again(address, port, failed)))
            if port != _PLAIN and (address, _PLAIN) not in self._context.dead:
                group.create_task(self._once(("plain", host, address), self._plain_page(host, address, failed.target)))

    async def handshake_failed(self, failed: Observation, trust: ssl.SSLContext) -> None:
        """After a handshake that died or showed a wrong certificate."""
        if failed.address is None or failed.host is None or not await self._context.patience.awake():
            return
        host, address, port, store = failed.host, failed.address, int(failed.detail["port"]), self._context.network.trust

        def same_name(purpose: str) -> Greeting:
            return Greeting(port, host, host, Asking(address, failed.target, purpose))

        async with asyncio.TaskGroup() as group:
            group.create_task(self._look(same_name("repeat"), trust))
            group.create_task(self._neutral(host, address, port))
            group.create_task(self._once(("control", host), self._at_control(host, failed.target)))
            group.create_task(self._once(("plain", host, address), self._plain_page(host, address, failed.target)))
            if failed.failure in CERTIFICATE_FAILURES:
                group.create_task(self._look(same_name("inspect"), store.inspecting))
            if failed.failure == UNKNOWN_AUTHORITY:
                group.create_task(self._look(same_name("system_roots"), store.system))

    async def neutral_if_slow(self, host: str, address: str, port: int) -> None:
        """Ask the address with a harmless name if the caller does not cancel this soon enough."""
        patience = self._context.patience
        await asyncio.sleep(SLOW_ROUND_TRIPS * (patience.round_trip or 1.0) + SLOW_EXTRA)
        await self._neutral(host, address, port)

    async def plain_if_slow(self, host: str, address: str, port: int, target: str | None) -> None:
        """Ask the address in clear text if the caller does not cancel this soon enough: it may never answer on ``port``."""
        loop, patience = asyncio.get_running_loop(), self._context.patience
        began = loop.time()
        while True:
            trip = patience.round_trip  # what is slow is learnt while others answer
            left = began + SLOW_ROUND_TRIPS * (trip or 1.0) + SLOW_EXTRA - loop.time()
            if trip is not None and left <= 0:
                break
            await asyncio.sleep(min(max(left, TICK), LOOK_AGAIN))
        if port != _PLAIN:
            await self._once(("plain", host, address), self._plain_page(host, address, target))

    async def page_failed(self, place: Place, failed: Observation) -> None:
        """After a request in clear text that was cut: what happens to a harmless Host at the same address?"""
        if place.scheme == "http" and failed.address:
            await self._neutral_page(failed.address, place.port)

    async def page_came_in_clear(self, place: Place, address: str) -> None:
        """After a page in clear text, which anybody may have written: would a harmless Host have been shown the same?"""
        await self._neutral_page(address, place.port)

    async def _once(self, key: Hashable, question: Coroutine[None, None, object]) -> None:
        """Ask a question that may come from several sides only once, and wait for its answer.

        The asking is a background step of the run: whoever asked first may stop waiting without ending it for others.
        """
        if key in self._asked:
            question.close()
        else:
            self._asked[key] = self._context.spawn(question)
        await asyncio.wait([self._asked[key]])

    async def _connect_again(self, address: str, port: int, failed: Observation) -> None:
        async with self._context.limits.slot(address):
            _, stream = await connect(self._context, address, port, target=failed.target, host=failed.host, purpose="repeat")
            if stream:
                stream.close()

    async def _look(self, greeting: Greeting, trust: ssl.SSLContext) -> Observation | None:
        """Connect and shake hands; nothing is sent over the result.  Returns the handshake, None if there was no connection."""
        asking = greeting.asking
        async with self._context.limits.slot(asking.address):
            _, stream = await connect(
                self._context, asking.address, greeting.port, target=asking.target, host=greeting.host, purpose=asking.purpose
            )
            if stream is None:
                return None
            async with stream:
                return (await shake(self._context, stream, trust, greeting)).observation

    async def neutral_before(self, host: str, address: str, port: int) -> None:
        """Say the harmless name at an address before a name that was cut elsewhere is said there.

        A filter may cut everything between the two computers for a while after it saw a forbidden name (residual blocking):
        only a harmless name that went first shows then that it was the name.
        """
        await self._neutral(host, address, port)

    async def _neutral(self, host: str, address: str, port: int) -> None:
        neutral = self._context.neutral
        if neutral:
            greeting = Greeting(port, neutral.host, host, Asking(address, None, "neutral_name"))
            await self._once(("neutral", address, port), self._look(greeting, self._context.network.trust.inspecting))

    async def _at_control(self, host: str, target: str | None) -> None:
        """Say the name at an address that has nothing to do with it, right after an innocent one that passed there.

        In that order: an address where a forbidden name was said may stay cut for every name for minutes, which would accuse
        the next name that is tried there.  One where the innocent name does not pass proves nothing, so another is taken.
        """
        stranger, trust = self._stranger(), self._context.network.trust.inspecting
        for _ in range(MOST_CONTROL_ADDRESSES):
            address = await self._control_address()
            if address is None or stranger is None:
                return
            compared = Greeting(_SECURE, stranger.host, stranger.host, Asking(address, None, "control_neutral"))
            passed = await self._look(compared, trust)
            if passed is not None and passed.failure is None:
                await self._look(Greeting(_SECURE, host, host, Asking(address, target, "control_address")), trust)
                return

    async def _control_address(self) -> str | None:
        """Return an address of the harmless names and controls, a different one each time: one takes few connections at once."""
        if not self._control_addresses:
            stranger, controls = self._stranger(), self._context.controls
            # a service has more names than there are harmless ones, and each name leaves its residue where it is said
            names = [c.host for kind in ("neutral", "https") for c in controls if c.kind == kind and c is not stranger]
            lookups = [self._lookups.of(name, None, "control") for name in names]
            given = await asyncio.gather(*(lookup.system_addresses() for lookup in lookups))
            found = [address for addresses in given for address in addresses]
            if not found and lookups:
                found = await lookups[0].other_addresses()
            self._control_addresses = self._control_addresses or [a for a in dict.fromkeys(found) if ":" not in a]
        if not self._control_addresses:
            return None
        self._control_addresses.append(self._control_addresses.pop(0))
        return self._control_addresses[-1]

    def _stranger(self) -> Control | None:
        """Return a control whose name does not belong at the harmless names' addresses."""
        operators = {c.operator for c in self._context.controls if c.kind == "neutral"}
        return next((c for c in self._context.controls if c.kind == "https" and c.operator not in operators), None)

    async def _plain_page(self, host: str, address: str, target: str | None) -> None:
        """Ask the address for the host in clear text: a notice page names the blocker by itself."""
        reply = await self._plain(Place("http", host, _PLAIN), Asking(address, target, "plain"))
        if reply is not None and reply.detail.get("status") is not None:
            await self._neutral_page(address, _PLAIN)

    async def _neutral_page(self, address: str, port: int) -> None:
        neutral = self._context.neutral
        if neutral:
            asking = Asking(address, None, "plain_neutral")
            await self._once(("plain_neutral", address, port), self._plain(Place("http", neutral.host, port), asking))

    async def _plain(self, place: Place, asking: Asking) -> Observation | None:
        async with self._context.limits.slot(asking.address):
            if (asking.address, place.port) in self._context.dead:
                return None
            _, stream = await connect(
                self._context, asking.address, place.port, target=asking.target, host=place.host, purpose=asking.purpose
            )
            if stream is None:
                return None
            async with stream:
                observation, _ = await fetch(self._context, stream, place, asking)
                return observation
