"""From verdicts and the ways round that were tried to an ordered choice of tips.  Pure: nothing is measured here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from diagnostics.advice.said import Known, can_be_said
from diagnostics.advice.tips import Effort, Tip, shipped_tips
from diagnostics.advice.tried import Tried, TriedWay
from diagnostics.model import (
    LOCAL_CAUSES,
    OUTSIDE,
    RESOLVER_TARGET,
    Cause,
    Fact,
    NetworkVerdict,
    Resolver,
    RouteVerdict,
    Status,
    TipChoice,
    Verdict,
    Workaround,
)

SETTLED: Final = (Status.WORKS, Status.NOT_TESTED)
"""Statuses that need no next step."""

CLEAR_TEXT: Final = "http://"
"""How the id of a typed page begins that is asked for without encryption."""

MOST_WAYS: Final = 8
"""Ways that one tip rests on; a matrix has some dozens."""

DIRECT: Final = "direct"
URGENT_RANK: Final = 1
LATE_RANK: Final = 11
"""Ranks that stand before what was proved, and behind every tip for a cause (Atajo's order of ranks: expert tools, then waiting)."""

VPN: Final = "vpn_"
"""How the causes begin that belong to a VPN."""

NO_VPN: Final = "ssh"
"""The kind of server that is tested as VPNs are, and is none."""

PROFILE_RULES: Final = "vpn."
"""How the rules begin that judge a VPN profile."""

HINDERED: Final = (Status.PARTIAL, Status.DOWN)
"""Statuses of a check that need a next step: a kill switch that holds has its cause and works."""

MASKING_VPN: Final = frozenset({Cause.VPN_NO_TRAFFIC, Cause.VPN_KILL_SWITCH_ACTIVE})  # nothing passes: said before any service
_HARMLESS: Final = frozenset({Cause.BROKEN_IPV6})  # the line works in spite of it: it may wait until the services were spoken of
_EFFORTS: Final = tuple(Effort)
_LOCAL, _URGENT, _PROVED, _DOUBT, _USUAL, _VPN, _LATE, _MINOR, _PROXY = range(9)


def tips_for(
    verdicts: Sequence[Verdict],
    network: NetworkVerdict,
    tips: Mapping[str, Tip] | None = None,
    *,
    workarounds: Sequence[Workaround] = (),
    today: dt.date | None = None,
    resolvers: Sequence[Resolver] | None = None,
    routes: Sequence[RouteVerdict] = (),
) -> tuple[TipChoice, ...]:
    """Return the next steps for every cause that stands in the way, best first.

    Causes in this computer or line come first, because they mask what they explain.  Then what was just proved: ways round that
    passed for a target, those that always passed before those that passed sometimes, the easiest and fastest first.  Then what
    usually helps with the causes, in the targets' own order, unless this run has shown that it does not.
    Of several tips for a cause the first counts that fits what was seen (``Tip.rules``, ``Tip.clear_text``) and that nothing
    found in this run makes useless (``Tip.unless``): all verdicts of the run are needed, not those of one target alone.
    Warnings (``Tip.beside``) follow it.  A tip that helps several targets or causes appears once and names
    all of them (``cause:<id>``, ``target:<id>``) and the ways that it rests on (``workaround:<id>``, the best first).
    ``today`` is the day of the run, for what expires; None: nothing does.  ``resolvers``, where given, leave out what could not be
    said with what is known of them.  What is wrong with this computer's VPN follows what hinders the services, but for what lets
    nothing through at all; of ``routes`` the VPN profiles are advised upon, last.  ``tips`` defaults to those that ship.  Raises
    InputError when their file is broken.
    """
    desk = _Desk(
        tips=tuple((shipped_tips() if tips is None else tips).values()),
        tried=Tried(workarounds, verdicts),
        known=None if resolvers is None else Known(resolvers=tuple(resolvers)),
        today=today,
    )
    found = sorted([*_found(verdicts, network), *_of_vpn(network, routes)], key=_turn)
    present = {str(each.cause) for each in found}
    answered = desk.answered(found, present)
    given: dict[str, _Given] = {}
    for index, obstacle in enumerate(found):
        for tip, order, ways in desk.advised(obstacle, index, present, answered):
            reasons = given.setdefault(tip.id, _Given(order, {}, {}))
            if order < reasons.order:
                reasons = given[tip.id] = reasons._replace(order=order)
            reasons.because[f"cause:{obstacle.cause}"] = None
            if obstacle.target is not None:
                reasons.because[f"target:{obstacle.target}"] = None
            for way in ways[:MOST_WAYS]:
                reasons.ways[way.outcome.id] = min(way.order, reasons.ways.get(way.outcome.id, way.order))
    ordered = sorted(given.items(), key=lambda item: item[1].order)
    return tuple(TipChoice(id=tip, rank=rank, because=_because(why)) for rank, (tip, why) in enumerate(ordered, start=1))


class _Obstacle(Fact, frozen=True):
    """A cause that was found, by which rule, and the target that it hinders (None: the line)."""

    cause: Cause
    rule: str
    status: Status
    target: str | None = None
    direct: bool = True
    own: bool = False  # of a way that the person tests beside their line, such as a VPN profile


class _Given(NamedTuple):
    """What speaks for a tip, and where it stands."""

    order: tuple[float, ...]
    because: dict[str, None]
    ways: dict[str, tuple[float, ...]]


def _found(verdicts: Sequence[Verdict], network: NetworkVerdict) -> Iterator[_Obstacle]:
    """Return what stands in the way: of the line first, then of each target as a whole."""
    explained = network.cause if network.cut_by() is not None else None
    if network.cause is not None and explained is None:
        yield _Obstacle(cause=network.cause, rule=network.rule, status=network.status)
    for verdict in verdicts:
        if verdict.route == OUTSIDE or verdict.cause == explained:
            continue  # the person's VPN leads round it already, or it is but the dead line again
        if verdict.function is None and verdict.cause is not None and verdict.status not in SETTLED:
            yield _Obstacle(
                cause=verdict.cause, rule=verdict.rule, status=verdict.status, target=verdict.target, direct=verdict.route == DIRECT
            )


def _of_vpn(network: NetworkVerdict, routes: Sequence[RouteVerdict]) -> Iterator[_Obstacle]:
    """Return what is wrong with this computer's VPN, and with the profiles that were tested."""
    for check in network.vpn.checks:
        if check.cause is not None and check.status in HINDERED:
            yield _Obstacle(cause=check.cause, rule=check.rule, status=check.status)
    for route in routes:
        if route.kind == NO_VPN and str(route.cause).startswith(VPN):
            continue  # to change a VPN's server or protocol would mislead
        if route.cause is not None and route.rule.startswith(PROFILE_RULES) and route.status not in SETTLED:
            yield _Obstacle(cause=route.cause, rule=route.rule, status=route.status, direct=False, own=True)


def vpn_causes(network: NetworkVerdict, routes: Sequence[RouteVerdict]) -> tuple[Cause, ...]:
    """Return the causes that a report names for this computer's VPN and for the profiles that it tested, each once."""
    return tuple(dict.fromkeys(each.cause for each in _of_vpn(network, routes)))


_Proof = tuple[int, Tip, list[TriedWay]]
"""A tip with its place in the files, and the ways that prove it, the best first."""


class _Desk(Fact, frozen=True):
    """Everything that a choice is made from."""

    tips: tuple[Tip, ...]
    tried: Tried
    known: Known | None
    today: dt.date | None

    def answered(self, found: Sequence[_Obstacle], present: set[str]) -> set[str]:
        """Return the tips about name directories that contradict what passed for any target: a directory serves them all."""
        if not any(_is_resolver(each) for each in found):
            return set()
        return {other for each in found if self.tried.any_for(each.target) for other in _replaced(self._proved(each, present))}

    def advised(
        self, obstacle: _Obstacle, index: int, present: set[str], answered: set[str]
    ) -> Iterator[tuple[Tip, tuple[float, ...], list[TriedWay]]]:
        """Return the tips for one obstacle, each with its place among all and the ways that it rests on."""
        fitting = self._fitting(obstacle, present)
        proved = self._proved(obstacle, present)
        replaced = answered if _is_resolver(obstacle) else _replaced(proved)
        for place, tip, ways in proved:
            if tip.id in replaced:
                continue
            if all(way.way.exit for way in ways):  # it was reached, not used: nothing is proved
                yield tip, self._order(tip, _late(tip, _USUAL), index, (tip.rank, 2, place)), ways
                continue
            best = ways[0]
            sometimes = best.outcome.status is not Status.WORKS
            weight = (sometimes, _EFFORTS.index(tip.effort), tip.rank, best.outcome.seconds, index, place)
            yield tip, self._order(tip, _PROVED, 0, weight), ways
        general = [(place, tip) for place, tip in fitting if not tip.needs and tip.id not in replaced]
        main = [(place, tip) for place, tip in general if not (tip.beside or tip.further)][:1]
        rank = main[0][1].rank if main else URGENT_RANK
        group = _DOUBT if self._passes_anyway(obstacle) else _group(obstacle, rank)
        for place, tip in main:
            yield tip, self._order(tip, group, index, (rank, 0, place)), []
        for place, tip in general:
            if tip.beside:
                yield tip, self._order(tip, group, index, (rank, 1, place)), []
            elif tip.further and obstacle.direct and self.tried.any_for(obstacle.target):
                own = _late(tip, _group(obstacle, tip.rank))
                yield tip, self._order(tip, own, index, (tip.rank, 2, place)), []

    def _fitting(self, obstacle: _Obstacle, present: set[str]) -> list[tuple[int, Tip]]:
        return [(place, tip) for place, tip in enumerate(self.tips) if self._fits(tip, obstacle, present)]

    def _proved(self, obstacle: _Obstacle, present: set[str]) -> list[_Proof]:
        return [(place, tip, ways) for place, tip in self._fitting(obstacle, present) if (ways := self._ways(tip, obstacle))]

    def _passes_anyway(self, obstacle: _Obstacle) -> bool:
        """Tell whether a line only loses a lot, and ways round were tried over it: what passed in spite of that goes first."""
        lossy = obstacle.target is None and obstacle.cause == Cause.LOSSY_NETWORK
        return lossy and obstacle.status is not Status.DOWN and self.tried.any_for(None)

    def _fits(self, tip: Tip, obstacle: _Obstacle, present: set[str]) -> bool:
        if obstacle.cause not in tip.causes or present & set(tip.unless):
            return False
        if tip.rules and obstacle.rule not in tip.rules:
            return False
        if (tip.statuses and obstacle.status not in tip.statuses) or (tip.services and obstacle.target not in tip.services):
            return False
        if (tip.download and tip.expired(self.today)) or self.tried.contradict(tip, obstacle.target):
            return False
        return not tip.clear_text or str(obstacle.target).startswith(CLEAR_TEXT)

    def _ways(self, tip: Tip, obstacle: _Obstacle) -> list[TriedWay]:
        """Return the ways that prove a tip for an obstacle; none where the tip could not be worded with them."""
        if not tip.needs or not obstacle.direct:
            return []
        ways = self.tried.passed(tip, obstacle.target)
        if not ways or self.known is None:
            return ways
        return [way for way in ways if can_be_said(tip, way, self.tried, self.known)]

    def _order(self, tip: Tip, group: int, index: int, weight: tuple[float, ...]) -> tuple[float, ...]:
        return (tip.expired(self.today), group, index, *weight)


def _replaced(proved: Sequence[_Proof]) -> set[str]:
    """Return the tips that what always passed makes superfluous."""
    return {other for _, tip, ways in proved if ways[0].outcome.status is Status.WORKS for other in tip.replaces}


def _is_resolver(obstacle: _Obstacle) -> bool:
    """Tell whether a name directory cannot be reached, for which no way round is ever tried."""
    return obstacle.target is not None and obstacle.target.startswith(RESOLVER_TARGET)


def _late(tip: Tip, group: int) -> int:
    return _LATE if tip.rank >= LATE_RANK and group <= _USUAL else group


def _group(obstacle: _Obstacle, rank: int) -> int:
    """Return where the usual tip for an obstacle stands."""
    place = (_LOCAL, _USUAL, _VPN, _MINOR, _PROXY)[_place(obstacle.cause, own=obstacle.own)]
    return _URGENT if place == _USUAL and rank <= URGENT_RANK else place


def _place(cause: Cause, *, own: bool = False) -> int:
    if cause in _HARMLESS:
        return 3
    if own or cause.startswith("proxy_"):
        return 4  # another way than the one that everything else is about
    if cause in LOCAL_CAUSES or cause in MASKING_VPN:
        return 0
    return 2 if cause.startswith(VPN) else 1


def _turn(obstacle: _Obstacle) -> tuple[int, bool]:
    """Return when an obstacle is spoken of: a VPN's block that is left over explains a dead line, and stands before it."""
    return _place(obstacle.cause, own=obstacle.own), obstacle.cause != Cause.VPN_KILL_SWITCH_ACTIVE


def _because(reasons: _Given) -> tuple[str, ...]:
    """Return causes, then targets, then ways, the best way first."""
    causes_first = sorted(reasons.because, key=lambda reason: not reason.startswith("cause:"))
    ways = sorted(reasons.ways, key=lambda way: (reasons.ways[way], way))[:MOST_WAYS]
    return (*causes_first, *(f"workaround:{way}" for way in ways))
