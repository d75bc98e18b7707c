"""Working a saved report's result out again, offline, from its observations alone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from diagnostics.errors import InputError
from diagnostics.judge import Judgement, judge
from diagnostics.model import Fact, NetworkVerdict, Report, Verdict


class Difference(Fact, frozen=True):
    """One verdict that came out differently.

    ``target`` None is the line, and ``function`` None the whole target; ``saved`` or ``now`` None: there was none, or is none.
    """

    target: str | None
    function: str | None
    route: str
    saved: Verdict | NetworkVerdict | None
    now: Verdict | NetworkVerdict | None


class Replay(Fact, frozen=True):
    """The result worked out again, and where it differs from the saved one."""

    judgement: Judgement
    differences: tuple[Difference, ...]
    ways_differ: bool = False  # what is said of the ways round


def replay(report: Report) -> Replay:
    """Judge the report's observations again and compare.

    Raises InputError("error.report_wrong_type") for observations that the judge cannot make sense of.
    """
    try:
        judgement = judge(report.observations)
    except (msgspec.ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        # details of a stranger's report that have the right types and still say nothing that can be judged
        raise InputError("error.report_wrong_type", file=report.run.id[:40] or "report", where="observations") from error
    differences = [*_network(report.network, judgement.network), *_verdicts(report.verdicts, judgement.verdicts)]
    ways_differ = judgement.workarounds != report.workarounds
    return Replay(judgement=judgement, differences=tuple(differences), ways_differ=ways_differ)


def _network(saved: NetworkVerdict, now: NetworkVerdict) -> list[Difference]:
    if saved == now:
        return []
    return [Difference(target=None, function=None, route="direct", saved=saved, now=now)]


def _verdicts(saved: Sequence[Verdict], now: Sequence[Verdict]) -> list[Difference]:
    before = {(v.target, v.function, v.route): v for v in saved}
    after = {(v.target, v.function, v.route): v for v in now}
    return [
        Difference(target=target, function=function, route=route, saved=before.get(key), now=after.get(key))
        for key in dict.fromkeys([*before, *after])
        for target, function, route in [key]
        if before.get(key) != after.get(key)
    ]
