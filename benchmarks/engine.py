"""One measurement of the engine in a process of its own; prints one JSON object.

``python -m benchmarks.engine MODE [--simulate LINE]`` with the modes ``target`` (one clean site, several times),
``default`` (what one press measures) and ``cancel``.  Without ``--simulate`` it measures over this computer's network,
which inside the laboratory is the client's namespace; with it over a simulated line, ``open`` or ``silent``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import resource
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psutil

from diagnostics.catalog import Catalog, load_catalog
from diagnostics.events import Event, TargetJudged
from diagnostics.model import Probe, Report, Status
from diagnostics.network import Network, RealNetwork
from diagnostics.plan import Plan, make_plan
from diagnostics.runner import Run
from diagnostics.trust import Trust

FAR = 0.080
"""Round trip to the Internet, seconds."""

NEAR = 0.020
"""Round trip to the provider's resolver, seconds."""

REPEATS = 7
PRESSED_STOP_AFTER = 1.0
"""Seconds into a run over a dead line: by then most of its steps hang."""


class Clock:
    """Notes when each target got its first verdict other than unknown, in seconds since the run began."""

    def __init__(self) -> None:
        """Begin now."""
        self.began = time.perf_counter()
        self.first: dict[str, float] = {}

    @property
    def now(self) -> float:
        """Return the seconds since the beginning."""
        return time.perf_counter() - self.began

    def on_event(self, event: Event) -> None:
        """Take an event of the run."""
        if isinstance(event, TargetJudged) and event.verdicts and event.verdicts[0].status is not Status.UNKNOWN:
            self.first.setdefault(event.verdicts[0].target, self.now)


@contextlib.asynccontextmanager
async def network_of(line: str | None, catalog: Catalog) -> AsyncIterator[Network]:
    """Open the network: a simulated line, or this computer's."""
    if line is None:
        yield RealNetwork(Trust())
        return
    from diagnostics.sim import open_simulation
    from diagnostics.sim.behaviour import Link
    from diagnostics.sim.scenario import find_scenario

    link = Link.SILENT if line == "silent" else Link.UP
    distant = msgspec.structs.replace(find_scenario("open"), rtt_ms=FAR * 1000, censor_rtt_ms=NEAR * 1000, link=link)
    async with open_simulation(distant, catalog, seed=1) as network:
        yield network


def clean_site(catalog: Catalog) -> str:
    """Return the URL of one ordinary site: the first page of the catalog."""
    services = catalog.services.values()
    endpoints = (endpoint for service in services for function in service.functions for endpoint in function.endpoints)
    return f"https://{next(endpoint.host for endpoint in endpoints if endpoint.probe is Probe.HTTPS)}/"


async def run_once(plan: Plan, network: Network, *, stop_after: float | None = None) -> tuple[Report, Clock, float]:
    """Run a plan; return its report, the clock and the seconds from pressing stop to the report."""
    clock = Clock()
    run = Run(plan, network, clock.on_event)
    pressed: list[float] = []

    def stop() -> None:
        pressed.append(clock.now)
        run.cancel()

    if stop_after is not None:
        asyncio.get_running_loop().call_later(stop_after, stop)
    report = await run.complete()
    return report, clock, clock.now - pressed[0] if pressed else 0.0


async def measure_target(line: str | None) -> dict[str, Any]:
    """Measure the time from the start to the verdict on one clean site."""
    catalog = load_catalog()
    url = clean_site(catalog)
    plan = make_plan((), (url,), catalog)
    times: list[float] = []
    async with network_of(line, catalog) as network:
        for _ in range(REPEATS):
            report, clock, _stopped = await run_once(plan, network)
            verdict = report.of_target(plan.targets[0].id)
            assert verdict is not None
            assert verdict.status is Status.WORKS, verdict
            times.append(clock.first[verdict.target])
    return {"seconds": statistics.median(times), "all": [round(t, 4) for t in times], "limit": NEAR + 3 * FAR, "url": url}


async def measure_default(line: str | None) -> dict[str, Any]:
    """Measure the run of one press."""
    catalog = load_catalog()
    async with network_of(line, catalog) as network:
        report, clock, _stopped = await run_once(make_plan((), (), catalog), network)
    total = report.run.seconds
    statuses = {verdict.target: str(verdict.status) for verdict in report.verdicts if verdict.function is None}
    return {
        "seconds": total,
        "first": min(clock.first.values(), default=total),
        "statuses": statuses,
        "cpu": sum(psutil.Process().cpu_times()[:2]),
        "observations": len(report.observations),
    }


async def measure_cancel(line: str | None) -> dict[str, Any]:
    """Measure the time from pressing stop to the report, and count the sockets that are then still open.

    Those of the system library's name queries cannot be closed from outside: they end with its own patience, in daemon
    threads.  Each query has one, so the queries that were interrupted are told beside the count.
    """
    catalog = load_catalog()
    async with network_of(line, catalog) as network:
        before = open_sockets()
        report, _clock, stopped = await run_once(make_plan((), (), catalog), network, stop_after=PRESSED_STOP_AFTER)
        left = open_sockets() - before
    assert report.run.cancelled
    queries = sum(o.detail.get("engine") == "getaddrinfo" and o.failure is not None for o in report.observations)
    return {"seconds": stopped, "sockets_left": left, "system_queries": queries, "observations": len(report.observations)}


async def measure_crowd(line: str | None, urls: Sequence[str]) -> dict[str, Any]:
    """Measure a run over many sites: what was said of each, and what it cost the whole process."""
    catalog = load_catalog()
    plan = make_plan((), urls, catalog)
    async with network_of(line, catalog) as network:
        report, clock, _stopped = await run_once(plan, network)
    judged = {v.target: v for v in report.verdicts if v.function is None}
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": report.run.seconds,
        "judged_after": clock.now,
        "said": {url: [judged[url].status, judged[url].certainty, judged[url].rule] for url in judged},
        "first": clock.first,
        "cpu": spent.ru_utime + spent.ru_stime,
        "peak_kib": own_peak(),
        "observations": len(report.observations),
    }


def own_peak() -> int:
    """Return this process's largest resident set, KiB; ``ru_maxrss`` would count the process that started it."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))[0])


def open_sockets() -> int:
    """Count this process's Internet sockets."""
    return len(psutil.Process().net_connections("inet"))


def main() -> None:
    """Measure what the command line says."""
    modes = {"target": measure_target, "default": measure_default, "cancel": measure_cancel}
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=[*modes, "crowd"])
    parser.add_argument("--simulate", choices=("open", "silent"))
    parser.add_argument("--urls", type=Path, help="for crowd: a file with one address a line")
    wanted = parser.parse_args()
    if wanted.mode == "crowd":
        measuring = measure_crowd(wanted.simulate, wanted.urls.read_text().split())
    else:
        measuring = modes[wanted.mode](wanted.simulate)
    print(json.dumps(asyncio.run(measuring)))


if __name__ == "__main__":
    main()
