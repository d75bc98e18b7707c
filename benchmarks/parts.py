"""The parts of the benchmark: each measures in fresh processes and returns rows."""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.table import Row

ROOT: Final = Path(__file__).resolve().parents[1]
SECONDS: Final = 120
"""How long one measurement may take before it counts as failed."""

PAINTS: Final = 7


class Children:
    """Runs measurements: here over simulated lines, or inside the laboratory's client."""

    def __init__(self, where: str, measure: Callable[[str, str], dict[str, Any]]) -> None:
        """Name the place and say how to measure (mode, line) there."""
        self.where = where
        self.measure = measure


def simulated(mode: str, line: str) -> dict[str, Any]:
    """Measure over a simulated line."""
    return child(sys.executable, "-m", "benchmarks.engine", mode, "--simulate", line)


def child(*words: str, **environment: str) -> dict[str, Any]:
    """Run a measurement and return the JSON object that it prints.  Raises RuntimeError with what it complained about."""
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def in_both(rows_of: Callable[[Children], list[Row]]) -> Callable[[], list[Row]]:
    """Return the part that measures over simulated links, and between real servers where this computer can."""

    @functools.wraps(rows_of)
    def measure() -> list[Row]:
        rows = rows_of(Children("simulated", simulated))
        why_not = no_laboratory()
        if why_not:
            return [*rows, Row(f"{rows[0].what.partition(',')[0]}, real servers", None, note=why_not)]
        from benchmarks.engine import FAR, NEAR
        from diagnostics.catalog import load_catalog
        from tests.real_servers.lab import Lab, Line, Scenario

        scenarios = {"open": Scenario.OPEN, "silent": Scenario.OFFLINE_SILENT}
        with Lab(load_catalog(), near=Line(NEAR), far=Line(FAR - NEAR)) as lab:

            def real(mode: str, line: str) -> dict[str, Any]:
                lab.censor(scenarios[line])
                done = lab.run(sys.executable, "-m", "benchmarks.engine", mode, timeout=SECONDS)
                if done.status:
                    raise RuntimeError(done.stderr[-2000:])
                outcome: dict[str, Any] = json.loads(done.stdout)
                return outcome

            return rows + rows_of(Children("real servers", real))

    return measure


def no_laboratory() -> str:
    """Return why the laboratory cannot be built here, or nothing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root for network namespaces"
    from tests.real_servers.lab import TOOLS
    from tests.real_servers.netns import missing_tools

    absent = missing_tools(TOOLS)
    return f"apt-get install -y {' '.join(absent)}" if absent else ""


def target(children: Children) -> list[Row]:
    """Measure the verdict on one clean site against its four round trips."""
    seen = children.measure("target", "open")
    note = f"median {seen['seconds'] * 1000:.0f} ms, first {seen['all'][0] * 1000:.0f} ms; limit {seen['limit'] * 1000:.0f} ms"
    return [Row(f"clean target / its four round trips, {children.where}", seen["seconds"] / seen["limit"], "x", 1.3, note)]


def default_run(children: Children) -> list[Row]:
    """Measure what one press costs on a clean line and on a dead one."""
    clean = children.measure("default", "open")
    dead = children.measure("default", "silent")
    wrong = {target: status for target, status in clean["statuses"].items() if status != "works"}
    note = f"{clean['observations']} observations, {clean['cpu']:.2f} s CPU" + (f", WRONG: {wrong}" if wrong else "")
    return [
        Row(f"default run, clean, {children.where}", clean["seconds"], "s", 2.0, note),
        Row(f"first verdict, {children.where}", clean["first"], "s", 0.6),
        Row(f"default run, everything swallowed, {children.where}", dead["seconds"], "s", 5.0),
    ]


def cancel(children: Children) -> list[Row]:
    """Measure how soon a cancelled run on a dead line has put everything away."""
    seen = children.measure("cancel", "silent")
    own = max(0, seen["sockets_left"] - seen["system_queries"])
    note = (
        f"{seen['observations']} observations kept, {own} of our sockets open, {seen['system_queries']} name queries of the system library"
    )
    return [Row(f"cancel to report and closed sockets, {children.where}", seen["seconds"] * 1000, "ms", 250, note)]


def gap() -> list[Row]:
    """Measure the longest time for which the window did not answer while a run went on."""
    seen = child(sys.executable, "-m", "benchmarks.window_gap", QT_QPA_PLATFORM="offscreen")
    note = f"{seen['ticks']} ticks of {seen['interval_ms']} ms in {seen['seconds']:.1f} s; idle {seen['idle_ms']:.1f} ms"
    return [
        Row("longest gap of the window during a run", seen["gap_ms"], "ms", 50, note),
        Row("stop button to a stopped window", seen["stop_ms"], "ms", 100),
    ]


def paint() -> list[Row]:
    """Measure from the start of the process to the first paint, against a bare PySide6 window, in turn."""
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(PAINTS + 1):  # the first fills the system's caches
        bare.append(seconds_to_paint(sys.executable, "-m", "benchmarks.bare_window"))
        ours.append(seconds_to_paint(sys.executable, "-m", "app", "--exit-after-paint"))
    del bare[0], ours[0]
    ratio = statistics.median(ours) / statistics.median(bare)
    note = f"{statistics.median(ours) * 1000:.0f} ms / {statistics.median(bare) * 1000:.0f} ms, medians of {PAINTS}"
    return [Row("first paint / bare window", ratio, "x", 1.5, note)]


def seconds_to_paint(*words: str) -> float:
    """Return the seconds from starting a windowed program, offscreen, to the line that it prints after its first paint."""
    began = time.perf_counter()
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        seconds = time.perf_counter() - began
        program.communicate(timeout=SECONDS)
    if not line or program.returncode:
        raise RuntimeError(f"{' '.join(words)} painted nothing")
    return seconds


def routes() -> list[Row]:
    """Measure what a proxy adds."""
    why_not = no_laboratory()
    if why_not:
        return [Row("added by a proxy", None, note=why_not)]
    from benchmarks.routes import added_cost

    return added_cost()


def ways() -> list[Row]:
    """Measure the search for ways round."""
    why_not = no_laboratory()
    if why_not:
        return [Row("first way round", None, note=why_not)]
    from benchmarks.ways import ways_round

    return ways_round()


def peers() -> list[Row]:
    """Compare with what a user could take instead."""
    why_not = no_laboratory()
    if why_not:
        return [Row("beside other programs", None, note=why_not)]
    from benchmarks.peers import CASES, compare

    return compare(CASES)


def ten_thousand() -> list[Row]:
    """Compare over ten thousand sites."""
    why_not = no_laboratory()
    if why_not:
        return [Row("ten thousand sites", None, note=why_not)]
    from benchmarks.peers import TEN_THOUSAND, compare

    return compare(TEN_THOUSAND)


PARTS: Final[dict[str, Callable[[], list[Row]]]] = {
    "target": in_both(target),
    "default": in_both(default_run),
    "cancel": in_both(cancel),
    "gap": gap,
    "paint": paint,
    "routes": routes,
    "ways": ways,
    "peers": peers,
    "peers-10000": ten_thousand,
}

LONG: Final = {"peers", "peers-10000"}
"""Those that take many minutes: measured only where they are named."""
