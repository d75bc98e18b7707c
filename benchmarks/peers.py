"""Ours beside what a user could take instead: the same sites, the same line, the same run of the benchmark.

Everything runs in the client's namespace of the laboratory, one program at a time and in turn.  The peers only fetch; what they
do not reach they would call dead.  Ours gives a verdict with a cause.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import run as project
from benchmarks.crowd import CrowdLab, swallowed_url
from benchmarks.engine import FAR, NEAR
from benchmarks.table import Row
from diagnostics.model import Status

LIMIT: Final = NEAR + 3 * FAR
"""Seconds to a page: a name query, then TCP, TLS and HTTP."""

OURS: Final = "ours"
PEERS: Final = ("curl", "requests", "httpx", "pycurl")
CLIENTS: Final = Path(__file__).with_name("peer_clients.py")
SECONDS: Final = 590
"""How long one program may take before it counts as failed."""

WHOLE_EVIDENCE: Final = 3
"""The goals for CPU time are those of a program that only fetches, times this: ours also keeps what it saw."""

SEEN: Final = (Status.BLOCKED, Status.LIKELY_BLOCKED)


@dataclass(frozen=True)
class Case:
    """One comparison: how many sites, the share of packets lost each way, how often, with whom and with which goals."""

    what: str
    count: int
    loss: float = 0.0
    times: int = 1
    reachable_only: bool = False
    peers: Sequence[str] = PEERS
    goals: Mapping[str, float] = field(default_factory=dict)

    @property
    def sites(self) -> int:
        """Return how many sites the laboratory must have."""
        return self.count * 10 // 9 + 2 if self.reachable_only else self.count


CASES: Final = (
    Case(
        "40",
        40,
        times=3,
        goals={
            "wall": 1.3,
            "ours / curl": 0.25,
            "median page / limit": 1.2,
            "CPU a target": 7 * WHOLE_EVIDENCE,
            "called dead": 0,
            "missed": 0,
        },
    ),
    Case("1000", 1000, goals={"peak memory": 80, "CPU of one target more": 2 * WHOLE_EVIDENCE, "called dead": 0, "missed": 0}),
    Case("40, 2 % lost each way", 40, 0.02, 3, goals={"called blocked": 0, "missed": 0}),
    Case("40, 5 % lost each way", 40, 0.05, 3, goals={"called blocked": 1, "blocked for certain": 0, "missed": 0}),
    Case(
        "300 reachable, 5 % lost each way",
        300,
        0.05,
        2,
        reachable_only=True,
        goals={"called blocked": 1, "blocked for certain": 0, "ours / curl": 0.25},
    ),
)
TEN_THOUSAND: Final = (
    Case("10000", 10_000, peers=("curl",), goals={"wall": 40, "peak memory": 120, "called dead": 0, "called blocked": 0, "missed": 0}),
)


@dataclass(frozen=True)
class Outcome:
    """What one program said of the sites and what it took: seconds, seconds of CPU, KiB."""

    wall: float
    process: float
    cpu: float
    peak_kib: int
    urls: Sequence[str]
    reached: Mapping[str, float]
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def innocent(self) -> list[str]:
        """Return the addresses that nothing stands in the way of."""
        return [url for url in self.urls if not swallowed_url(url)]

    @property
    def dead(self) -> list[str]:
        """Return the innocent ones that were not found to work."""
        return [url for url in self.innocent if url not in self.reached]

    @property
    def median_page(self) -> float:
        """Return the median seconds to a page or verdict, over the innocent ones; those never reached count as never."""
        return statistics.median(self.reached.get(url, float("inf")) for url in self.innocent)

    def accused(self, certainties: Sequence[str] = ("certain", "likely")) -> list[str]:
        """Return the innocent ones that ours called blocked."""
        return [url for url in self.innocent if self.said[url][0] in SEEN and self.said[url][1] in certainties]

    @property
    def missed(self) -> list[str]:
        """Return the swallowed ones that ours did not call blocked."""
        return [url for url in self.urls if swallowed_url(url) and self.said[url][0] not in SEEN]


FIGURES: Final[dict[str, tuple[str, Callable[[Outcome], float]]]] = {
    "wall": ("s", lambda o: o.wall),
    "whole process": ("s", lambda o: o.process),
    "median page / limit": ("x", lambda o: o.median_page / LIMIT),
    "CPU a target": ("ms", lambda o: o.cpu * 1000 / len(o.urls)),
    "peak memory a target": ("KiB", lambda o: o.peak_kib / len(o.urls)),
    "peak memory": ("MiB", lambda o: o.peak_kib / 1024),
    "called dead": ("sites", lambda o: len(o.dead)),
}
"""Of every program; the median of the repetitions, but of wrong answers the most."""

VERDICTS: Final[dict[str, Callable[[Outcome], float]]] = {
    "called blocked": lambda o: len(o.accused()),
    "blocked for certain": lambda o: len(o.accused(["certain"])),
    "missed": lambda o: len(o.missed),
}
"""Of ours alone: the peers give no reasons."""


def compare(cases: Sequence[Case]) -> list[Row]:
    """Measure the cases, those of one line in one laboratory."""
    python = peers_python()
    seen: dict[str, dict[str, list[Outcome]]] = {}
    for loss in sorted({case.loss for case in cases}):
        here = [case for case in cases if case.loss == loss]
        with CrowdLab(max(case.sites for case in here), loss=loss) as lab:
            lab.swallow()
            for case in here:
                seen[case.what] = measure(lab, case, python)
    rows = [row for case in cases for row in rows_of(case, seen[case.what])]
    few, many = (seen.get(what, {}).get(OURS) for what in ("40", "1000"))
    if few and many:
        spent = statistics.median(o.cpu for o in few)
        more = (many[0].cpu - spent) / (len(many[0].urls) - len(few[0].urls))
        rows.append(Row("CPU of one target more, 40 to 1000", more * 1000, "ms", cases[1].goals["CPU of one target more"]))
    return rows


def peers_python() -> Path:
    """Return the interpreter of the peers' environment, made first where there is none."""
    folder = project.environment_folder("bench")
    if not project.is_ready(folder):
        project.set_up("bench", folder)
    return project.python_of(folder)


def measure(lab: CrowdLab, case: Case, python: Path) -> dict[str, list[Outcome]]:
    """Run every program on the sites of a case, in turn.  A peer that breaks is told of on stderr and left out."""
    urls = lab.crowd.urls(case.count, reachable_only=case.reachable_only)
    listed = lab.write_urls(urls)
    found: dict[str, list[Outcome]] = {}
    for _ in range(case.times):
        for name in (OURS, *case.peers):
            try:
                outcome = run_ours(lab, listed, urls) if name == OURS else run_peer(lab, name, python, listed, urls)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                if name == OURS:
                    raise
                print(f"  {case.what}: {name} failed: {error}", file=sys.stderr, flush=True)
                continue
            found.setdefault(name, []).append(outcome)
            print(f"  {case.what}: {name} {outcome.wall:.2f} s, {len(outcome.dead)} called dead", file=sys.stderr, flush=True)
    return found


def run_ours(lab: CrowdLab, listed: Path, urls: Sequence[str]) -> Outcome:
    """Run the engine: from the start of the run to the last verdict."""
    seen, process = answer_of(lab, sys.executable, "-m", "benchmarks.engine", "crowd", "--urls", str(listed))
    works = {url: seen["first"].get(url, seen["judged_after"]) for url in urls if seen["said"][url][0] == Status.WORKS}
    return Outcome(seen["judged_after"], process, seen["cpu"], seen["peak_kib"], urls, works, seen["said"])


def run_peer(lab: CrowdLab, name: str, python: Path, listed: Path, urls: Sequence[str]) -> Outcome:
    """Run a peer."""
    seen, process = answer_of(lab, str(python), "-P", str(CLIENTS), name, str(listed))
    return Outcome(seen["wall"], process, seen["cpu"], seen["peak_kib"], urls, seen["reached"])


def answer_of(lab: CrowdLab, *words: str) -> tuple[dict[str, Any], float]:
    """Run a program in the client; return what it printed, and the seconds of the whole process.  Raises RuntimeError."""
    done = lab.run(*words, timeout=SECONDS)
    if done.status:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout), done.seconds


def rows_of(case: Case, seen: Mapping[str, list[Outcome]]) -> list[Row]:
    """Return the figures of a case, ours with the peers' beside."""
    rows: list[Row] = []
    for what, (unit, figure) in FIGURES.items():
        of_runs = max if what == "called dead" else statistics.median
        values = {name: float(of_runs([figure(o) for o in outcomes])) for name, outcomes in seen.items()}
        ours = values.pop(OURS)
        note = called(seen[OURS], "dead") if what == "called dead" else ""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}  # less than half were reached otherwise
        rows.append(Row(f"{what}, {case.what}", ours if math.isfinite(ours) else None, unit, case.goals.get(what), note, finite))
        if what == "wall" and "curl" in values:
            rows.append(Row(f"ours / curl, {case.what}", ours / values["curl"], "x", case.goals.get("ours / curl")))
    for what, count in VERDICTS.items():
        if what != "missed" or not case.reachable_only:
            note = called(seen[OURS], "missed") if what == "missed" else ""
            rows.append(Row(f"{what}, {case.what}", max(map(count, seen[OURS])), "sites", case.goals.get(what), note))
    return rows


def called(outcomes: Sequence[Outcome], which: str) -> str:
    """Return what ours called the sites it was wrong about (``dead`` or ``missed``), with how often over all repetitions."""
    counts = Counter(" ".join(o.said[url][:3]) for o in outcomes for url in getattr(o, which))
    return ", ".join(f"{count} x {said}" for said, count in counts.most_common())
