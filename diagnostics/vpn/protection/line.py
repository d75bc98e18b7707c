"""What is known of the line without a VPN: networks and countries, never an address; kept for 30 days by whoever starts a run.

Whether a name's resolver belongs to the provider can only be said when the provider's network is known, and a VPN that is up hides it.
So each run of these checks without a VPN gives something to remember (``learnt``), and each run with one brings it along.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from diagnostics.model import DIRECT, Fact, Observation, Step
from diagnostics.vpn.protection.data import MOST_NETWORK

KEPT: Final = dt.timedelta(days=30)
MOST_LINES: Final = 5
"""Lines that are remembered: home, work, a telephone, and two more."""

MOST_NETWORKS: Final = 16
"""Networks of resolvers that one line is remembered with."""

LONGEST: Final = 60


NetworkNumber = Annotated[int, msgspec.Meta(ge=1, le=MOST_NETWORK)]


class LineSeen(Fact, frozen=True):
    """A line as it was without a VPN.

    ``networks`` (AS numbers) its own address belongs to, ``operator`` what they are called, ``country`` as the registry has it;
    ``resolvers``: the networks that its resolver asks from; ``seen``: the day (ISO 8601).
    """

    networks: tuple[NetworkNumber, ...] = ()
    operator: str = ""
    country: str = ""
    resolvers: tuple[NetworkNumber, ...] = ()
    seen: str = ""


class LineMemory(Fact, frozen=True):
    """The lines that this computer was seen on, the latest first."""

    lines: tuple[LineSeen, ...] = ()


def read_memory(data: bytes) -> LineMemory:
    """Return what was kept, or an empty memory for anything that is none: it can be learnt again."""
    try:
        return msgspec.json.decode(data, type=LineMemory)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return LineMemory()


def remembered(memory: LineMemory, today: dt.date) -> LineMemory:
    """Return what is not older than 30 days, nor from the future."""
    return LineMemory(lines=tuple(line for line in memory.lines if _fresh(line.seen, today))[:MOST_LINES])


def _fresh(day: str, today: dt.date) -> bool:
    try:
        return dt.timedelta(days=-1) <= today - dt.date.fromisoformat(day) <= KEPT
    except (ValueError, OverflowError):
        return False


def learnt(memory: LineMemory, observations: Sequence[Observation], today: dt.date) -> LineMemory:
    """Return the memory with what a run without a VPN saw of the line; the caller vouches that none was up.

    A line whose exit two services did not agree on, or whose network is not known, is not remembered.
    """
    own = [o for o in observations if o.step is Step.VPN and o.route == DIRECT and o.failure is None]
    kept = remembered(memory, today).lines
    seen = _line([o.detail for o in own if o.detail.get("stage") == "exit" and o.detail.get("family") == 4])
    if seen is None:
        return LineMemory(lines=kept)
    asked = (place for o in own if o.detail.get("stage") == "dns_seen" for place in o.detail.get("seen") or ())
    resolvers = sorted({int(n) for place in asked for n in place.get("networks") or ()})[:MOST_NETWORKS]
    others = [line for line in kept if set(line.networks).isdisjoint(seen.networks)]
    old = {n for line in kept if line not in others for n in line.resolvers}
    every = tuple(sorted(old | set(resolvers))[:MOST_NETWORKS])
    newest = msgspec.structs.replace(seen, resolvers=every, seen=today.isoformat())
    return LineMemory(lines=(newest, *others)[:MOST_LINES])


def _line(exits: list[dict[str, Any]]) -> LineSeen | None:
    networks = [tuple(int(n) for n in each.get("networks") or ()) for each in exits]
    if len(networks) < 2 or not networks[0] or len(set(networks)) > 1:
        return None
    first = exits[0]
    return LineSeen(networks=networks[0], operator=str(first.get("operator") or "")[:LONGEST], country=str(first.get("country") or "")[:2])
