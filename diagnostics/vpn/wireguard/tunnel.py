"""An open WireGuard tunnel: the flow to the server, the session's keys, and the small network inside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from diagnostics.streams import Datagrams, Stream
from diagnostics.vpn.inner.stack import Stack
from diagnostics.vpn.tunnel import Tunnel
from diagnostics.vpn.wireguard.noise import Greeting, Identity, WrongPresharedKeyError
from diagnostics.vpn.wireguard.profile import WireGuardProfile
from diagnostics.vpn.wireguard.session import REJECT_AFTER, REKEY_AFTER, Session

MOST_QUEUED: Final = 512
"""Packets that wait to go out; more are dropped, as by any network card."""

REKEY_AGAIN: Final = 5.0
"""Seconds between two greetings that renew the keys (WireGuard paper, section 6.1)."""

ERROR_PAUSE: Final = 0.05
"""Seconds after an error of the flow: one that stays, as of a line that is gone, must not keep this computer busy."""


class WireGuardTunnel(Tunnel):
    """A tunnel that this program holds by itself; whoever made it closes it."""

    def __init__(self, profile: WireGuardProfile, flow: Datagrams, session: Session, clock: Callable[[], float]) -> None:
        """Take over a flow whose handshake is done; ``clock`` tells this computer's time, for renewing the keys."""
        self._profile = profile
        self._flow = flow
        self._sessions = [session]
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(MOST_QUEUED)
        self._stack = Stack(profile.addresses, profile.mtu, self._queue)
        self._renewal: Greeting | None = None
        self._renewed_at = 0.0
        self._tasks = [self._loop.create_task(work) for work in (self._write(), self._listen())]
        self._queue(b"")  # a keepalive confirms the keys: until then the server sends nothing

    @property
    def resolvers(self) -> tuple[str, ...]:
        """Return the name servers of the profile."""
        return self._profile.dns

    @property
    def families(self) -> tuple[bool, bool]:
        """Tell whether IPv4 and IPv6 go inside: this end has an address, and the profile sends more than its own network there."""
        allowed = [
            any(not each.endswith(("/32", "/128")) and (":" in each) is six for each in self._profile.allowed) for six in (False, True)
        ]
        four, six = self._stack.families
        return four and allowed[0], six and allowed[1]

    @property
    def heard(self) -> int:
        """Return how many packets came out of the tunnel."""
        return self._stack.heard

    async def connect(self, address: str, port: int) -> Stream:
        """Return a TCP connection through the tunnel.  Raises OSError."""
        return await self._stack.connect(address, port)

    async def ask(self, address: str, port: int, question: bytes) -> bytes:
        """Send one datagram through the tunnel and return the first answer.  Raises OSError."""
        return await self._stack.ask(address, port, question)

    async def ping(self, address: str, size: int) -> float:
        """Send one echo request of ``size`` bytes and return the seconds to its answer."""
        return await self._stack.ping(address, size)

    def close(self) -> None:
        """Close everything at once."""
        self._stack.close()
        for task in self._tasks:
            task.cancel()
        self._flow.close()

    def _queue(self, packet: bytes) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._outgoing.put_nowait(packet)

    async def _write(self) -> None:
        """Send what is queued, and renew the keys when they are old."""
        while True:
            packet = await self._outgoing.get()
            with contextlib.suppress(OSError):  # an ICMP error of an earlier packet: TCP inside sends again
                await self._renew()
                if self._is_old(self._sessions[0]):
                    continue  # the server would not take it; TCP inside sends again once there are new keys
                await self._flow.send(self._sessions[0].seal(packet))

    async def _renew(self) -> None:
        now = self._loop.time()
        if now - self._sessions[0].began > REKEY_AFTER and now - self._renewed_at > REKEY_AGAIN:
            self._renewed_at = now
            self._renewal = Greeting(Identity.of(self._profile), self._clock(), self._profile.junk)
            await self._flow.send(self._renewal.wire)

    async def _listen(self) -> None:
        """Take in what the server sends."""
        while True:
            try:
                wire = await self._flow.receive()
            except OSError:
                await asyncio.sleep(ERROR_PAUSE)  # an ICMP error of an earlier packet; the next one may pass
                continue
            if not self._take(wire):
                self._take_renewal(wire)

    def _is_old(self, session: Session) -> bool:
        return self._loop.time() - session.began > REJECT_AFTER

    def _take(self, wire: bytes) -> bool:
        for session in self._sessions:
            if self._is_old(session):
                continue
            packet = session.open(wire)
            if packet is not None:
                if packet:
                    self._stack.take(packet)
                return True
        return False

    def _take_renewal(self, wire: bytes) -> None:
        if self._renewal is not None and self._renewal.fits(wire):
            with contextlib.suppress(WrongPresharedKeyError):
                fresh = Session(self._renewal.keys(wire), self._loop.time(), self._profile.junk)
                self._sessions = [fresh, self._sessions[0]]  # what is under way may still come under the old keys
                self._renewal = None
                self._queue(b"")
