"""Watching a VPN while the person pulls the plug: the first moment at which anything would leave outside the tunnel, without traffic.

Once a second the routing table is asked by which device some addresses are reached (connecting a UDP socket sends nothing), for three
parts of the traffic: ``four`` (IPv4), ``six`` (IPv6) and ``names`` (the configured name servers).  ``Watching`` is pure: snapshots in,
moments out; ``watch`` reads this computer.  The ``vpn`` step of ``measure_watch`` has ``stage`` "watch", ``seconds``, ``checks``, ``ended``
(done | cancelled) and ``moments``: {t (seconds since the start), what, part}.

What a moment says: ``none``: no part is in a tunnel at the start; ``inside``, ``outside``: where a part is then, if any is inside;
``left``: it left the tunnel; ``cut``: it has no way any more, so that nothing leaves; ``back``: it is inside (again); ``gone``: the last
tunnel's device has disappeared; ``gap``: this computer slept, and what changed meanwhile was not seen as it happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import psutil

from diagnostics.bogons import is_loopback
from diagnostics.daemon import daemon_call
from diagnostics.model import Fact, Step
from diagnostics.network import Network
from diagnostics.probes.context import Context
from diagnostics.vpn.outside.interfaces import (
    PLACES,
    PLACES6,
    UNKNOWN,
    Physical,
    Rank,
    System,
    device_towards,
    find_physical,
    owners,
    this_system,
)

PARTS: Final = ("four", "six", "names")
INTERVAL: Final = 1.0
GAP: Final = 5
"""Intervals between two checks after which this computer is held to have slept."""

MOST_MOMENTS: Final = 200
"""Moments that are kept: a device that flaps for a minute makes no more than this."""

MOST_NAMESERVERS: Final = 3


class Snapshot(Fact, frozen=True):
    """What one check saw: the devices that each part would take ("" : no way), and which devices are tunnels.

    ``t`` is in seconds since the start, ``clock`` the wall clock's: it goes on while the computer sleeps.
    """

    t: float
    clock: float
    parts: Mapping[str, frozenset[str]]
    tunnels: frozenset[str] = frozenset()


class Moment(Fact, frozen=True):
    """Something that changed, in seconds since the start; ``part`` is "" where it concerns none alone."""

    t: float
    what: str
    part: str = ""


class Watched(Fact, frozen=True):
    """What a watch saw, up to its end or to where it was cancelled."""

    seconds: float = 0.0
    checks: int = 0
    moments: tuple[Moment, ...] = ()

    @property
    def left(self) -> Moment | None:
        """Return the first moment at which anything left the tunnel."""
        return next((each for each in self.moments if each.what == "left"), None)


class Watching:
    """The pure part: snapshots in, moments out."""

    def __init__(self, interval: float = INTERVAL) -> None:
        """Expect a snapshot every ``interval`` seconds."""
        self._interval = interval
        self._last: Snapshot | None = None
        self._states: dict[str, str] = {}
        self._tunnels = False
        self._moments: list[Moment] = []
        self._checks = 0

    @property
    def watched(self) -> Watched:
        """Return what was seen so far."""
        return Watched(seconds=round(self._last.t, 3) if self._last else 0.0, checks=self._checks, moments=tuple(self._moments))

    def take(self, snapshot: Snapshot) -> list[Moment]:
        """Take a snapshot and return what is new in it."""
        states = {part: state_of(snapshot.parts.get(part, frozenset()), snapshot.tunnels) for part in PARTS}
        last, self._last = self._last, snapshot
        found = self._changes(last, snapshot, states) if last else self._at_start(snapshot, states)
        self._states = states
        self._tunnels = bool(snapshot.tunnels)
        self._checks += 1
        found = found[: MOST_MOMENTS - len(self._moments)]
        self._moments += found
        return found

    @staticmethod
    def _at_start(snapshot: Snapshot, states: Mapping[str, str]) -> list[Moment]:
        if "inside" not in states.values():
            return [Moment(t=round(snapshot.t, 3), what="none")]
        return [Moment(t=round(snapshot.t, 3), what=states[part], part=part) for part in PARTS if states[part] != "cut"]

    def _changes(self, last: Snapshot, snapshot: Snapshot, states: Mapping[str, str]) -> list[Moment]:
        found: list[tuple[str, str]] = []
        if max(snapshot.t - last.t, snapshot.clock - last.clock) > GAP * self._interval:
            found.append(("gap", ""))
        if self._tunnels and not snapshot.tunnels:
            found.append(("gone", ""))
        inside_before = "inside" in self._states.values()
        for part in PARTS:
            before, now = self._states[part], states[part]
            if before == now:
                continue
            if now == "inside":
                found.append(("back", part))
            elif now == "outside" and (before == "inside" or inside_before or self._was_inside(part)):
                found.append(("left", part))  # also what had no way before: a new IPv6 route beside the tunnel
            elif now == "cut" and before == "inside":
                found.append(("cut", part))
        return [Moment(t=round(snapshot.t, 3), what=what, part=part) for what, part in found]

    def _was_inside(self, part: str) -> bool:
        """Tell whether this part was inside a tunnel before it was cut."""
        own = [each.what for each in self._moments if each.part == part]
        return bool(own) and own[-1] == "cut"


def state_of(devices: frozenset[str], tunnels: frozenset[str]) -> str:
    """Return where a part of the traffic goes: ``outside`` if any of it does, ``cut`` without a way, else ``inside``."""
    ways = devices - {"", UNKNOWN}
    if not ways:
        return "cut"
    return "inside" if ways <= tunnels else "outside"


Read = Callable[[], Awaitable[tuple[Mapping[str, frozenset[str]], frozenset[str]]]]
"""Returns the devices of every part, and the tunnels."""


async def watch(
    network: Network,
    seconds: float,
    tell: Callable[[Moment], None],
    *,
    interval: float = INTERVAL,
    read: Read | None = None,
    watching: Watching | None = None,
) -> Watched:
    """Check once every ``interval`` seconds for ``seconds`` seconds and ``tell`` what changes as it does.

    Whoever cancels it finds what was seen so far in the ``watching`` that was handed over.
    """
    loop, seen = asyncio.get_running_loop(), watching or Watching(interval)
    reading = read or _Reader(network).read
    began = loop.time()
    while True:
        parts, tunnels = await reading()
        t = loop.time() - began
        for moment in seen.take(Snapshot(t=t, clock=network.clock(), parts=parts, tunnels=tunnels)):
            tell(moment)
        if t + interval > seconds:
            return seen.watched
        await asyncio.sleep(interval - (loop.time() - began) % interval)


async def measure_watch(context: Context, seconds: float, tell: Callable[[Moment], None], *, interval: float = INTERVAL) -> Watched:
    """Watch as a step of a run: a cancelled one keeps what was seen."""
    watching, cancelled = Watching(interval), None
    with context.trace.step(Step.VPN) as step:
        try:
            await watch(context.network, seconds, tell, interval=interval, watching=watching)
        except asyncio.CancelledError as error:
            cancelled = error  # what was seen until then is a result
        seen = watching.watched
        step.detail = {
            "stage": "watch",
            "seconds": seen.seconds,
            "checks": seen.checks,
            "ended": "cancelled" if cancelled else "done",
            "moments": [{"t": each.t, "what": each.what, "part": each.part} for each in seen.moments],
        }
    if cancelled:
        raise cancelled
    return seen


class _Reader:
    """Reads this computer: the thin part."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._system: System | None = None
        self._physical: Physical | None = None

    async def read(self) -> tuple[Mapping[str, frozenset[str]], frozenset[str]]:
        servers = [each for each in await self._network.nameservers() if not is_loopback(each)]
        return await daemon_call(self._read, servers[:MOST_NAMESERVERS])

    def _read(self, servers: list[str]) -> tuple[Mapping[str, frozenset[str]], frozenset[str]]:
        self._system = system = this_system()
        self._physical = find_physical(system) or self._physical
        owned = owners()
        asked = {"four": PLACES, "six": PLACES6, "names": tuple(servers)}
        parts = {part: frozenset(device_towards(place, owned) for place in places) for part, places in asked.items()}
        line = self._physical.name if self._physical else ""
        # psutil calls a tunnel whose program has died "down": its routes are there all the same, and hold
        others = [name for name in psutil.net_if_stats() if name != line]
        return parts, frozenset(name for name in others if system.rank(name) is not Rank.LINE)
