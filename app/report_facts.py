"""What can be read out of a report without words: its services, its verdicts in order, times and stages.

Pure functions of a :class:`~diagnostics.model.Report`, which may be a stranger's: what cannot be read is left out.
"""

from __future__ import annotations

import enum
import re
import statistics
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from diagnostics.model import (
    DIRECT,
    OUTSIDE,
    RESOLVER_TARGET,
    Cause,
    Fact,
    Observation,
    Probe,
    Report,
    Rule,
    Service,
    Status,
    Step,
    Verdict,
)
from diagnostics.report.planned import planned_resolvers as resolvers_of
from diagnostics.report.planned import planned_services

MAX_NAME: Final = 60
"""Longest name or host that is shown; a report comes from strangers."""


class StageState(enum.StrEnum):
    """What happened at one stage of the way to a service."""

    OK = "ok"
    SLOW = "slow"
    BROKEN = "broken"
    NOT_REACHED = "not_reached"  # it lies behind the broken one, on the way that programs take
    NOT_TRIED = "not_tried"


class Stage(Fact, frozen=True):
    """One stage of the way to a service.  ``id`` is name, connect, secure or page; ``seconds`` None if nothing was timed."""

    id: str
    state: StageState
    seconds: float | None = None


STAGES: Final[dict[str, Step]] = {"name": Step.DNS, "connect": Step.TCP, "secure": Step.TLS, "page": Step.HTTP}
"""The four stages in the order in which a connection passes them, and the step that measures each."""

STAGES_OVER: Final[dict[str, Step]] = {"connect": Step.PROXY, "secure": Step.TLS, "page": Step.HTTP}
"""The stages over a proxy, which looks the name up and connects by itself."""

_LAST_STEP: Final = {
    Probe.HTTPS: Step.HTTP,
    Probe.HTTP: Step.HTTP,
    Probe.TLS: Step.TLS,
    Probe.DNS: Step.DNS,
    Probe.STUN: Step.UDP,
    Probe.MTPROTO: Step.MTPROTO,
}
"""The step with which an endpoint has given what its probe asks for; a connection for the others."""

_BROKEN_AT: Final[dict[Cause, str]] = {  # a notice page has no place here: it comes another way than the broken one
    Cause.DNS_TAMPERING: "name",
    Cause.DNS_NO_ANSWER: "name",
    Cause.RESOLVER_BLOCKED: "name",
    Cause.HOSTS_FILE: "name",
    Cause.NO_INTERNET: "name",
    Cause.IP_BLOCKED: "connect",
    Cause.BROKEN_IPV6: "connect",
    Cause.LOCAL_FIREWALL: "connect",
    Cause.STALE_PROXY: "connect",
    Cause.NAME_BLOCKED: "secure",
    Cause.TLS_INTERCEPTION: "secure",
    Cause.LOCAL_INTERCEPTION: "secure",
    Cause.WRONG_CLOCK: "secure",
    Cause.CAPTIVE_PORTAL: "page",
    Cause.HTTP_BLOCKED: "page",
    Cause.GEO_REFUSED: "page",
}
_FINE: Final = (Status.WORKS, Status.SLOW)
_BEST: Final = {status: place for place, status in enumerate((*_FINE, Status.PARTIAL, Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN))}
_SIDE_PURPOSES: Final = frozenset({"neutral_name", "control_address", "system_roots", "inspect", "plain", "plain_neutral"})
"""Follow-ups that were not the service itself: another name, address or trust store, or the way in clear text."""


SLOW_ANSWER: Final = 3.0
"""Seconds that the middle service takes for its first page before the line itself is called slow; usual lines need under 1."""

_NOBODY_MEASURES: Final = frozenset({"plan.empty", "vpn.carries_no_pages", "vpn.inside_itself", "route.needs_its_own_client"})
"""Rules of a target that was not tested because there was nothing to ask, or no way to, not for lack of time."""

_ENCODED: Final = re.compile(r"xn--[a-z0-9-]+", re.IGNORECASE)
_LIKE_LATIN: Final = frozenset("асԁеһіјӏорԛѕԝхуьгпѵοαινρτυκ")
"""Cyrillic and Greek letters that pass for Latin ones: a name of nothing else stays as it is on the wire."""


def short(text: str) -> str:
    """Return a stranger's text in one printable line of at most ``MAX_NAME`` characters."""
    line = "".join(character if character.isprintable() else " " for character in text[: MAX_NAME * 2]).strip()
    return line if len(line) <= MAX_NAME else f"{line[: MAX_NAME - 1]}…"


def shown_name(text: str) -> str:
    """Return a host, or a text that holds one, in one short line, its encoded labels as people type them («xn--espaa-rta» → «españa»).

    A label that mixes scripts, holds something other than letters, or could pass for a Latin one stays encoded.
    """
    return short(_ENCODED.sub(lambda found: _decoded(found[0]), text[: MAX_NAME * 4]))


def _decoded(label: str) -> str:
    try:
        name = label.lower().encode("ascii").decode("idna")
        same = name.encode("idna").decode("ascii") == label.lower()
    except UnicodeError:
        return label
    letters = [c for c in name if c not in "-0123456789"]
    scripts = {unicodedata.name(c, "? ").split()[0] for c in letters}
    clear = same and all(c.isalpha() for c in letters) and len(scripts) == 1 and not set(letters) <= _LIKE_LATIN
    return name if clear else label


class _Index(Fact, frozen=True):
    """What is looked up again and again in one report's observations."""

    observations: tuple[Observation, ...]
    plan: dict[str, Service]
    of_target: dict[tuple[str | None, str], list[Observation]]  # by target and route
    place: dict[str, int]  # by id


_last: list[_Index] = []


def _index(report: Report) -> _Index:
    """Return the index of a report; the last one is kept, since a list of thousands of sites is asked for row by row."""
    observations = report.observations
    if _last and _last[0].observations is observations:
        return _last[0]
    of_target: dict[tuple[str | None, str], list[Observation]] = defaultdict(list)
    for observation in observations:
        of_target[observation.target, observation.route].append(observation)
    place = {observation.id: number for number, observation in enumerate(observations)}
    found = _Index(observations=observations, plan=planned_services(of_target[None, DIRECT]), of_target=dict(of_target), place=place)
    _last[:] = [found]
    return found


def planned(report: Report) -> dict[str, Service]:
    """Return the services of the report's plan by id, in the order asked for."""
    return _index(report).plan


def planned_resolvers(report: Report) -> dict[str, tuple[str, ...]]:
    """Return the addresses of the public resolvers of the report's plan by id."""
    return resolvers_of(report.observations)


def whole_verdicts(report: Report) -> list[Verdict]:
    """Return one verdict a target, in the order of the plan: over the direct route, or the best one where that was left out."""
    order = {target: place for place, target in enumerate(planned(report))}
    own = [v for v in report.verdicts if v.function is None and v.route != OUTSIDE and not v.target.startswith(RESOLVER_TARGET)]
    found = {v.target: v for v in own if v.route == DIRECT}
    for verdict in sorted(own, key=lambda v: _BEST.get(v.status, len(_BEST))):
        found.setdefault(verdict.target, verdict)
    return sorted(found.values(), key=lambda verdict: order.get(verdict.target, len(order)))


def verdicts_over_routes(report: Report, target: str) -> list[Verdict]:
    """Return the verdicts of a whole target over every route but the direct one, in the report's order of routes."""
    order = {route.id: place for place, route in enumerate(report.routes)}
    found = [v for v in report.verdicts if v.target == target and v.function is None and v.route != DIRECT]
    return sorted(found, key=lambda v: order.get(v.route, len(order)))


def function_verdicts(report: Report, target: str, route: str = DIRECT) -> list[Verdict]:
    """Return the verdicts of a target's functions over a route, in the report's order."""
    return [v for v in report.verdicts if v.target == target and v.function is not None and v.route == route]


def unreachable_resolvers(report: Report) -> int:
    """Return how many public name directories were found out of reach; they are judged beside the services."""
    suspects = (Status.BLOCKED, Status.LIKELY_BLOCKED)
    about = (v for v in report.verdicts if v.target.startswith(RESOLVER_TARGET) and v.function is None)
    return len({v.target for v in about if v.status in suspects})


def speeds_of(report: Report, evidence: Iterable[str]) -> tuple[float, float] | None:
    """Return the bytes a second of a page and of what it was held against: the middle of the measurements that a verdict names."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for o in evidence_of(report, evidence):
        size, seconds = o.detail.get("body_bytes"), o.detail.get("body_seconds")
        if o.step is Step.THROUGHPUT and isinstance(size, int | float) and isinstance(seconds, int | float) and seconds > 0:
            found[o.detail.get("purpose") == "target"].append(size / seconds)
    if not found[True] or not found[False]:
        return None
    return statistics.median(found[True]), statistics.median(found[False])


def tests_made(report: Report) -> int:
    """Return how many steps of a report sent something or asked somebody; what was read from this computer is none."""
    return sum(1 for observation in report.observations if observation.step is not Step.SYSTEM)


def time_ran_out(report: Report) -> bool:
    """Tell whether the run ended by its own time limit before every service was judged."""
    left = [v for v in whole_verdicts(report) if v.status is Status.NOT_TESTED and v.rule not in _NOBODY_MEASURES]
    return bool(left) and not report.run.cancelled


def slow_answer(report: Report) -> tuple[str, float] | None:
    """Return the slowest service and its time in seconds when the middle one of all that answered was slow, else None."""
    times = {v.target: took for v in whole_verdicts(report) if (took := answer_seconds(report, v.target)) is not None}
    if not times or statistics.median(times.values()) <= SLOW_ANSWER:
        return None
    slowest = max(times, key=lambda target: times[target])
    return slowest, times[slowest]


def proven_by(report: Report, verdict: Verdict) -> tuple[bool, bool]:
    """Return by what it was shown that a target works: whole pages, mere connections (nothing was asked through them)."""
    service = planned(report).get(verdict.target)
    shown_only = {function.id for function in service.functions if function.rule is Rule.INFO} if service else set()
    functions = [v for v in function_verdicts(report, verdict.target) if v.function not in shown_only and v.status in _FINE]
    rules = {v.rule for v in functions} or {verdict.rule}
    connected = {rule for rule in rules if rule.endswith(".answers") or rule == "http.error_page"}
    return bool(rules - connected), bool(connected)


def observations_of(report: Report, target: str | None, route: str = DIRECT) -> list[Observation]:
    """Return what was measured for one target over one route, in the report's order."""
    return _index(report).of_target.get((target, route), [])


def evidence_of(report: Report, ids: Iterable[str]) -> list[Observation]:
    """Return the observations that ``ids`` name, in the report's order."""
    place = _index(report).place
    return [report.observations[number] for number in sorted(place[each] for each in set(ids) if each in place)]


def hosts_of(report: Report, target: str | None) -> list[str]:
    """Return the hosts of a target in the plan's order, each once."""
    service = planned(report).get(target or "")
    functions = service.functions if service else ()
    return list(dict.fromkeys(endpoint.host for function in functions for endpoint in function.endpoints))


def host_of(report: Report, evidence: Iterable[str], target: str | None) -> str:
    """Return the host that a verdict is about: in its evidence, the first that failed for the target, also one it was sent on to."""
    own = hosts_of(report, target)
    seen = [o for o in evidence_of(report, evidence) if o.host and (target is None or o.target in (target, None))]
    order = {host: place for place, host in enumerate(own)}
    # what a service needs first is named first, whatever was measured first
    ranked = sorted(seen, key=lambda o: (o.target is None and o.host not in own, o.failure is None, order.get(o.host or "", len(own))))
    return (ranked[0].host if ranked else next(iter(own), target)) or ""


def pool_count(verdict: Verdict, report: Report) -> tuple[int, int] | None:
    """Return how many servers of a pool answer, of how many, where each person is tied to one; None where there is no such pool.

    A server answers when the last step that its probe asks for ended well.
    """
    service = planned(report).get(verdict.target)
    pools = [f for f in service.functions if f.rule is Rule.MOST_OF] if service else []
    partial = {v.function for v in function_verdicts(report, verdict.target) if v.status is Status.PARTIAL}
    for pool in pools:
        if pool.id in partial:
            hosts = {endpoint.host for endpoint in pool.endpoints}
            steps = {_LAST_STEP.get(endpoint.probe, Step.TCP) for endpoint in pool.endpoints}
            good = {o.host for o in observations_of(report, verdict.target) if o.failure is None and o.step in steps}
            return len(good & hosts), len(hosts)
    return None


def stages_of_way(report: Report, route: str) -> dict[str, dict[str, Any]]:
    """Return the details of what was asked of a way itself (``probes/route.py``), the last of each stage."""
    steps = [o for o in observations_of(report, None, route) if o.step is Step.PROXY and o.failure != "interrupted"]
    return {str(o.detail.get("stage")): o.detail for o in steps}


def pages_both_ways(report: Report, route: str, *, clear: bool = False) -> list[tuple[Observation, Observation]]:
    """Return the pages that came in whole directly and over a route, each with its twin; ``clear``: only those in clear text."""
    whole = [o for o in report.observations if o.step is Step.HTTP and o.failure is None and o.detail.get("complete")]
    directly: dict[object, Observation] = {}
    for o in whole:
        if o.route == DIRECT:
            directly.setdefault(str(o.detail.get("url")), o)
    over = (o for o in whole if o.route == route and (not clear or str(o.detail.get("url")).startswith("http:")))
    return [(directly[url], o) for o in over if (url := str(o.detail.get("url"))) in directly]


def answer_seconds(report: Report, target: str, route: str = DIRECT) -> float | None:
    """Return how long the first complete page of a target took: name, connection, encryption and page together.

    Over a proxy, the way to it counts as well.  None when no page was fetched.
    """
    own = _own_steps(report, target, route)
    pages = [o for o in own if o.step is Step.HTTP and o.failure is None]
    if not pages:
        return None
    page = min(pages, key=lambda o: o.t)
    before = [_fastest(own, page.host, step) for step in (Step.DNS, Step.TCP, Step.PROXY, Step.TLS)]
    if route != DIRECT:
        ways = [o for o in observations_of(report, None, route) if o.step is Step.PROXY and o.failure is None]
        before += [_fastest(ways, None, Step.PROXY, stage) for stage in ("connect", "secure")]
    return sum(seconds for seconds in before if seconds is not None) + page.seconds


def stages(report: Report, target: str, route: str = DIRECT) -> tuple[Stage, ...]:
    """Return the four stages of the way to a target, the broken one marked.

    The cause of the verdict says where it broke; without one, the first stage at which everything failed.  What lies
    behind a broken stage was not reached, whatever the follow-ups found out on other ways.
    """
    found = (v for v in report.verdicts if v.target == target and v.function is None and v.route == route)
    verdict = next(found, None)
    host = host_of(report, verdict.evidence, target) if verdict else None
    steps = _own_steps(report, target, route)
    own = [o for o in steps if o.host == host] or steps
    broken = _BROKEN_AT.get(verdict.cause) if verdict and verdict.cause and verdict.status is not Status.WORKS else None
    result: list[Stage] = []
    behind = False
    for stage_id, step in (STAGES if route == DIRECT else STAGES_OVER).items():
        mine = [o for o in own if o.step is step]
        state = StageState.NOT_REACHED if behind else _state(mine, broken=broken == stage_id, before=broken is not None)
        behind = behind or state is StageState.BROKEN
        result.append(Stage(id=stage_id, state=state, seconds=None if behind else _time(mine)))
    return tuple(result)


def _state(mine: list[Observation], *, broken: bool, before: bool) -> StageState:
    """Return the state of a stage; ``before``: a later stage is known to be the broken one."""
    if broken:
        return StageState.BROKEN
    if any(o.failure is None for o in mine):
        return StageState.OK
    finished = [o for o in mine if o.failure != "interrupted"]
    return StageState.BROKEN if finished and not before else StageState.NOT_TRIED


def _time(mine: list[Observation]) -> float | None:
    good = [o.seconds for o in mine if o.failure is None]
    return good[0] if good else None


def _own_steps(report: Report, target: str, route: str = DIRECT) -> list[Observation]:
    """Return what was measured at the service itself; of name queries, only what the system's own resolver said."""
    return [
        o
        for o in observations_of(report, target, route)
        if o.detail.get("purpose", "target") not in _SIDE_PURPOSES
        and (o.step is not Step.DNS or o.detail.get("resolver", "system") == "system")
    ]


def _fastest(steps: Iterable[Observation], host: str | None, step: Step, stage: str = "") -> float | None:
    good = (o for o in steps if o.step is step and o.host == host and o.failure is None)
    return min((o.seconds for o in good if not stage or o.detail.get("stage") == stage), default=None)
