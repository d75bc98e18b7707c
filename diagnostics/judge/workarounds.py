"""Ways round: what the tries of a run say of each, for each target.

A try is a chain of observations that carry the same way, attempt and goal.  It passed when its last step brought what was aimed at:
the page that its server itself calls one, under a certificate valid for the name.  One that was cut short counts for nothing, and
neither does one beside which it is noted that it says nothing (``identity.VOID``): a filter that punishes an address after a cut
would make every later way look useless.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from diagnostics.bogons import is_bogon
from diagnostics.failures import INTERRUPTED
from diagnostics.judge.evidence import Evidence, ids
from diagnostics.judge.pages import judge_page, next_url
from diagnostics.judge.targets import GOOD
from diagnostics.model import DIRECT, WAYS, Fact, Observation, Status, Step, Verdict, Workaround
from diagnostics.workarounds.identity import EXIT, PLAIN, VOID, Way, is_lookup, parse_way

ENOUGH_TRIES: Final = 2
"""Tries without a pass before a way is said to be shut: one failure is a hint."""

MOST_HOPS: Final = 4
"""Redirects after which a try is over (``workarounds/attempt.py``)."""

MOST_EVIDENCE: Final = 24
MOST_TRIES: Final = 64
MOST_PLACES: Final = 16
LONGEST_ID: Final = 120
"""Tries of a way, names of a target and characters of an id beyond which a report is a stranger's nonsense; ours have 6, 3 and 40."""

_LAST_STEP: Final = {"tcp": Step.TCP, "tls": Step.TLS, "https": Step.HTTP}
_OPENED: Final = (Status.WORKS, Status.SLOW)
_SHUT: Final = (Status.BLOCKED, Status.LIKELY_BLOCKED, Status.PARTIAL, Status.UNKNOWN)


class _Outcome(Fact, frozen=True):
    """One try: ``passed`` None if it says nothing."""

    passed: bool | None
    seconds: float
    steps: tuple[Observation, ...]


def judge_workarounds(evidence: Evidence, verdicts: Sequence[Verdict] = ()) -> tuple[Workaround, ...]:
    """Return every way that was tried, target by target, then the person's own routes that lead to what is shut directly.

    ``verdicts`` are those of the services over all routes.
    """
    tries = evidence.routes.get(WAYS, ())
    by_target: dict[str | None, list[Observation]] = defaultdict(list)
    for o in tries:
        if o.detail.get("way") and len(_way(o)) <= LONGEST_ID and _number(o) <= MOST_TRIES:
            by_target[None if _way(o).startswith(f"{EXIT}:") else o.target].append(o)
    found = [way for target, observations in by_target.items() for way in _TargetWays(target, observations).judged()]
    return (*found, *_routes(verdicts))


class _TargetWays:
    """The tries for one target."""

    def __init__(self, target: str | None, observations: Sequence[Observation]) -> None:
        """Sort them by way and goal."""
        self._target = target
        self._by_way: dict[str, list[Observation]] = defaultdict(list)
        for o in observations:
            self._by_way[_way(o)].append(o)
        self._plain = _plain_pages(self._by_way.pop(PLAIN, []))

    def judged(self) -> Iterable[Workaround]:
        """Return the ways in the order in which they were first tried."""
        for ident, observations in self._by_way.items():
            judged = self._judged(ident, observations)
            asked_in_passing = judged.status is Status.NOT_TESTED and not self._plain and is_lookup(ident)
            if not asked_in_passing:  # a lookup that only served to find addresses
                yield judged

    def _judged(self, ident: str, observations: list[Observation]) -> Workaround:
        way = parse_way(ident) or Way()
        if way.engine and not way.flight:
            groups = self._lookup_tries(observations)
        elif way.exit:
            groups = {ident: _exit_tries(observations)}
        else:
            groups = _tries(observations)
        if way.engine and way.flight:
            found = self._by_way.get(way.lookup, [])
            asked = tuple(o for o in found if o.step is Step.DNS and o.failure is None)[:1]
            groups = {goal: [_after(asked, each) for each in tries] for goal, tries in groups.items()}
        return _counted(ident, self._target, groups, observations)

    def _lookup_tries(self, observations: list[Observation]) -> dict[str, list[_Outcome]]:
        """Return what each question of a lookup led to: for every name that must open, by the pages at the answered addresses."""
        asked = dict.fromkeys(str(o.host) for o in observations if o.step is Step.DNS)
        wanted = dict.fromkeys(host for host, _ in self._plain)
        hosts = [host for host in (*asked, *wanted) if host in wanted or not wanted]
        by_number: dict[int, list[Observation]] = defaultdict(list)
        for o in observations:
            by_number[_number(o)].append(o)
        return {
            host: [self._lookup_try(by_number[number], host, number) for number in sorted(by_number)]
            for host in dict.fromkeys(hosts[:MOST_PLACES])
        }

    def _lookup_try(self, steps: list[Observation], host: str, number: int) -> _Outcome:
        asked = [o for o in steps if o.step is Step.DNS and o.host == host]
        if any(o.failure == INTERRUPTED for o in steps):
            return _Outcome(passed=None, seconds=0.0, steps=tuple(steps))
        if not asked:
            dead = [o for o in steps if o.failure is not None]
            return _Outcome(passed=False if dead else None, seconds=0.0, steps=tuple(dead))
        given = [str(a) for o in asked for a in o.detail.get("answers") or () if not is_bogon(str(a))]
        if not given:
            return _Outcome(passed=False, seconds=0.0, steps=tuple(asked))
        pages = [page for address in given if (page := self._page_at(host, address, number)) is not None]
        best = next((page for page in pages if page.passed), next((page for page in pages if page.passed is False), None))
        if best is None:
            return _Outcome(passed=None, seconds=0.0, steps=tuple(asked))
        seconds = max(o.seconds for o in asked) + best.seconds
        return _Outcome(passed=best.passed, seconds=seconds, steps=(*asked, *best.steps))

    def _page_at(self, host: str, address: str, number: int) -> _Outcome | None:
        """Return the page's try of that number at an address, or its last one."""
        tries = [each for each in self._plain.get((host, address), []) if each.passed is not None]
        return tries[min(number, len(tries)) - 1] if tries else None


def _after(asked: tuple[Observation, ...], outcome: _Outcome) -> _Outcome:
    """Return a try together with the question for the name that it needs."""
    seconds = outcome.seconds + sum(o.seconds for o in asked)
    return msgspec.structs.replace(outcome, seconds=seconds, steps=(*asked, *outcome.steps))


def _counted(ident: str, target: str | None, groups: dict[str, list[_Outcome]], observations: list[Observation]) -> Workaround:
    """Return what the tries come to: what must open opens as well as the worst of its places."""
    counts = []
    for tries in groups.values():
        known = [t for t in tries if t.passed is not None]
        counts.append((sum(t.passed is True for t in known), len(known)))
    passed, tried = min(counts, key=lambda c: (c[0] / c[1] if c[1] else 0.5, c[1]), default=(0, 0))
    every = [t for tries in groups.values() for t in tries if t.passed is not None]
    first = next(iter(groups.values()), [])
    times = [t.seconds for t in first if t.passed]
    evidence = ids(*(t.steps for t in every)) or ids(observations)
    return Workaround(
        id=ident,
        target=target,
        status=_status(passed, tried, every),
        seconds=round(statistics.median(times), 3) if times and passed else 0.0,
        evidence=evidence[:MOST_EVIDENCE],
        tries=tried,
        passed=passed,
    )


def _status(passed: int, tried: int, every: Sequence[_Outcome]) -> Status:
    if not every:
        return Status.NOT_TESTED
    if tried < ENOUGH_TRIES:
        return Status.UNKNOWN
    if passed == tried:
        return Status.WORKS
    return Status.PARTIAL if passed else Status.BLOCKED


# --- tries ----------------------------------------------------------------------------------------


def _way(o: Observation) -> str:
    return str(o.detail.get("way"))


def _number(o: Observation) -> int:
    number = o.detail.get("attempt")
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else 1


def _tries(observations: Iterable[Observation]) -> dict[str, list[_Outcome]]:
    """Return the tries by what they aimed at, in their order; what aims at nothing, such as a question for the site's key, is none."""
    chains: dict[tuple[str, int], list[Observation]] = defaultdict(list)
    void: set[tuple[str, int]] = set()
    for o in observations:
        key = str(o.detail.get("goal") or ""), _number(o)
        if o.step is Step.SYSTEM and o.detail.get("kind") == VOID:
            void.add(key)
        elif key[0] and o.step is not Step.SYSTEM:
            chains[key].append(o)
    found: dict[str, list[_Outcome]] = defaultdict(list)
    for key, steps in sorted(chains.items(), key=lambda item: item[0][1]):
        outcome = _outcome(steps)
        found[key[0]].append(msgspec.structs.replace(outcome, passed=None) if key in void and not outcome.passed else outcome)
    return found


def _exit_tries(observations: Iterable[Observation]) -> list[_Outcome]:
    """Return the tries to reach a way out: each came as far as its probe says, or not (``workarounds/exit_probe.py``)."""
    chains: dict[int, list[Observation]] = defaultdict(list)
    for o in observations:
        chains[_number(o)].append(o)
    found = []
    for _, steps in sorted(chains.items()):
        step = _LAST_STEP.get(str(steps[-1].detail.get("probe")))
        reached = any(o.step is step and o.failure is None for o in steps)
        cut_off = not reached and any(o.failure == INTERRUPTED for o in steps)
        found.append(_Outcome(passed=None if cut_off else reached, seconds=sum(o.seconds for o in steps), steps=tuple(steps)))
    return found


def _outcome(steps: list[Observation]) -> _Outcome:
    """Return how a try ended."""
    return _Outcome(passed=_passed(steps[-1], steps), seconds=sum(o.seconds for o in steps), steps=tuple(steps))


def _passed(last: Observation, steps: list[Observation]) -> bool | None:
    if any(o.failure == INTERRUPTED for o in steps):
        return None
    if last.failure is not None:
        return False
    if last.step is Step.HTTP:
        status = last.detail.get("status")
        if not isinstance(status, int) or last.detail.get("complete") is not True:
            return None
        if judge_page(last).status not in GOOD:
            return False
        hop = last.detail.get("hop")
        onward = next_url(last) is not None and isinstance(hop, int) and hop < MOST_HOPS
        return None if onward else True
    goal = str(last.detail.get("goal") or "")
    return True if not goal.startswith(("http://", "https://")) and last.step in (Step.TLS, Step.TCP, Step.QUIC) else None


def _plain_pages(observations: list[Observation]) -> dict[tuple[str, str], list[_Outcome]]:
    """Return the pages as they are, by name and address."""
    found: dict[tuple[str, str], list[_Outcome]] = defaultdict(list)
    chains: dict[tuple[str, str, int], list[Observation]] = defaultdict(list)
    for o in observations:
        chains[str(o.detail.get("goal") or ""), str(o.detail.get("at") or o.address), _number(o)].append(o)
    for (_, address, _number_of), steps in sorted(chains.items(), key=lambda item: item[0][2]):
        found[str(steps[0].host), address].append(_outcome(steps))
    return found


def _routes(verdicts: Sequence[Verdict]) -> Iterable[Workaround]:
    """Return the person's own proxies through which a target opens that is shut directly."""
    shut = {v.target for v in verdicts if v.function is None and v.route == DIRECT and v.status in _SHUT}
    for v in verdicts:
        if v.function is None and v.route != DIRECT and v.target in shut and v.status in _OPENED:
            yield Workaround(
                id=f"route:{v.route}", target=v.target, status=Status.WORKS, evidence=v.evidence[:MOST_EVIDENCE], tries=1, passed=1
            )
