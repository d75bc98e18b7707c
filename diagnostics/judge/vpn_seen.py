"""How this computer was seen from outside while a VPN was up, sorted for the rules; nothing here decides.

Addresses are not in a report.  Two places are compared by their marks, their networks (AS), who runs those, and at last by the larger
range that they lie in (``diagnostics/vpn/protection/places.py``).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from diagnostics.judge.evidence import Evidence
from diagnostics.judge.route_evidence import code, word
from diagnostics.model import OUTSIDE, Cause, Certainty, Fact, Observation, Status, Step

Said = tuple[Status, str, Cause | None, Certainty, tuple[str, ...]]
"""What a rule says: status, rule, cause, certainty, evidence."""

SHORTEST_NAME: Final = 4
"""Letters that the first word of an operator's name must have to tell it from another ("AS", "ISP" and initials do not)."""

_WORDS: Final = re.compile(r"[^a-z0-9]+")


class Same(enum.Enum):
    """How two places belong together."""

    ADDRESS = enum.auto()
    NETWORK = enum.auto()
    ALIKE = enum.auto()  # the same operator by name, or the same larger range
    OTHER = enum.auto()
    UNKNOWN = enum.auto()


class _Said(msgspec.Struct, frozen=True):
    """What a step says of a place; other shapes are no place: a report may come from a stranger."""

    mark: str
    near: str
    networks: tuple[int, ...] = ()
    operator: str = ""
    country: str | None = None
    told: str | None = None
    public: str = ""


class Place(Fact, frozen=True):
    """A place that somebody saw, and the step that says so."""

    said: _Said
    step: Observation
    service: str

    @property
    def public(self) -> bool:
        """Tell whether it is a resolver that people choose."""
        return bool(self.said.public)

    @property
    def networks(self) -> frozenset[int]:
        """Return the numbers of its networks."""
        return frozenset(self.said.networks)


class Line(msgspec.Struct, frozen=True):
    """What is remembered of a line without a VPN."""

    networks: tuple[int, ...] = ()
    operator: str = ""
    country: str | None = None
    resolvers: tuple[int, ...] = ()
    days: int = 0


def compare(one: Place, other: Place) -> Same:
    """Tell how two places belong together; over two families only networks and operators can tell."""
    a, b = one.said, other.said
    if a.mark == b.mark:
        return Same.ADDRESS
    if one.networks & other.networks:
        return Same.NETWORK
    if same_operator(a.operator, b.operator) or a.near == b.near:
        return Same.ALIKE
    return Same.OTHER if a.networks and b.networks else Same.UNKNOWN


def same_operator(one: str, other: str) -> bool:
    """Tell whether two names of networks begin with the same word: one company has several networks."""
    first, second = (next((w for w in _WORDS.split(text.lower()) if len(w) >= SHORTEST_NAME), "") for text in (one, other))
    return bool(first) and first == second


class Outlook:
    """Everything that was seen from outside in one run."""

    def __init__(self, evidence: Evidence) -> None:
        """Sort the steps by stage."""
        self.steps = [o for o in evidence.observations if o.step is Step.VPN]
        self._outside = [o for o in evidence.routes.get(OUTSIDE, ()) if o.step is Step.VPN]
        exits = places_in(self.of("exit"))
        self.exits = [p for p in exits if code(p.step, "family") == 4]
        self.exits6 = [p for p in exits if code(p.step, "family") == 6]
        self.beside = [p for p in places_in(self.outside("exit")) if code(p.step, "family") == 4]
        self.resolvers = [p for o in self.of("dns_seen") for p in _listed(o)]
        self.calls = places_in(self.of("udp"))
        self._remembered = self.of("line")
        self._lines = [line for o in self._remembered for line in _lines(o)]

    def of(self, stage: str) -> list[Observation]:
        """Return the steps of one stage through the tunnel."""
        return [o for o in self.steps if word(o, "stage") == stage]

    def outside(self, stage: str) -> list[Observation]:
        """Return the steps of one stage beside the tunnel."""
        return [o for o in self._outside if word(o, "stage") == stage]

    @property
    def line_is_known(self) -> bool:
        """Tell whether anything is known of the line without the VPN."""
        return any(p.said.networks for p in self.beside) or bool(self._lines)

    def with_exit(self, place: Place) -> Same:
        """Tell how a place belongs to where pages come out; the nearest of several exits counts."""
        found = {compare(place, each) for each in self.exits}
        return next((each for each in Same if each in found), Same.UNKNOWN)

    def of_line(self, place: Place, *, resolver: bool = False) -> list[Observation]:
        """Return what says that a place belongs to the line without the VPN; as a ``resolver`` also to those that the line used."""
        near = {Same.ADDRESS, Same.NETWORK}
        proofs = [p.step for p in self.beside if compare(place, p) in near or (not place.networks and p.said.near == place.said.near)]
        lines = [x for x in self._lines if place.networks & {*x.networks, *(x.resolvers if resolver else ())}]
        return [*proofs, *(self._remembered if lines else [])]

    def exit_in_own_network(self) -> list[Observation]:
        """Return what says that pages come out in a network of the line itself: nothing can be told apart then."""
        return [o for place in self.exits for o in [*self.of_line(place), *self._alike(place)]]

    def _alike(self, place: Place) -> list[Observation]:
        alike = any(same_operator(line.operator, place.said.operator) for line in self._lines)
        beside = [p.step for p in self.beside if compare(place, p) is Same.ALIKE]
        return [*(self._remembered if alike else []), *beside]


def places_in(steps: Sequence[Observation]) -> list[Place]:
    """Return the places in steps that found one."""
    found = [(o, _said(o.detail)) for o in steps if o.failure is None]
    return [Place(said=said, step=o, service=word(o, "service")) for o, said in found if said is not None]


def steps_of(places: Iterable[Place]) -> list[Observation]:
    """Return the steps that places stand in, each once."""
    return list({p.step.id: p.step for p in places}.values())


def services(places: Iterable[Place]) -> int:
    """Return how many services saw some places."""
    return len({p.service for p in places})


def _listed(o: Observation) -> list[Place]:
    """Return the resolvers in one step."""
    seen = o.detail.get("seen")
    found = [_said(each) for each in seen[:8]] if isinstance(seen, list | tuple) and o.failure is None else []
    return [Place(said=said, step=o, service=word(o, "service")) for said in found if said is not None]


def _said(detail: object) -> _Said | None:
    try:
        return msgspec.convert(detail, _Said)
    except msgspec.ValidationError:
        return None


def _lines(o: Observation) -> list[Line]:
    lines: Any = o.detail.get("lines")
    try:
        return msgspec.convert(lines, list[Line])[:16]
    except msgspec.ValidationError:
        return []
