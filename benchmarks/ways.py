"""Ways round: how soon the first one is known, how long the whole search takes, and how gently it goes about it.

The unmodified command line among real servers, 80 ms away, with a censor in between that cuts by name or forges the answers about
names.  What the first winner takes is held against that one way tried alone, by the same code with nothing beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import socket
import statistics
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from benchmarks.engine import FAR, NEAR
from benchmarks.table import Row
from diagnostics.bogons import is_bogon
from diagnostics.catalog import load_catalog
from diagnostics.model import WAYS, Status
from diagnostics.network import RealNetwork
from diagnostics.plan import site_of
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.place import Place
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.workarounds.attempt import Aim, Recipe, attempt
from diagnostics.workarounds.first_flight import parse_layout
from diagnostics.workarounds.flights import GAP
from diagnostics.workarounds.identity import PLAIN, Way, parse_way
from diagnostics.workarounds.lookups import Found, ResolverWays

if TYPE_CHECKING:
    from tests.real_servers.lab import Lab

TIMES: Final = 3
GOAL: Final = 1.5
MATRIX: Final = 12.0
"""Seconds that the whole search may take."""

POLITE: Final = 2
"""Tries at one address at a time."""

SECONDS: Final = 90
HOST: Final = "x.com"
GOAL_URL: Final = f"https://{HOST}/"

Try = tuple[str, int]
"""The id of a way and the number of its try."""


def ways_round() -> list[Row]:
    """Measure the search where the name is cut, and where answers about names are forged."""
    from tests.real_servers.lab import Lab, Line, Scenario

    rows: list[Row] = []
    with Lab(load_catalog(), near=Line(NEAR), far=Line(FAR - NEAR)) as lab:
        for scenario, words in ((Scenario.SNI_RESET, "name cut"), (Scenario.FORGED_DNS, "answers forged")):
            lab.censor(scenario)
            reports = []
            for _ in range(TIMES):
                done = lab.atajo("check", "x", "--json", "-", "--quiet", timeout=SECONDS)
                reports.append(json.loads(done.stdout))
            way, _ = _first_winner(reports[0])
            alone = [json.loads(_alone(lab, way)) for _ in range(TIMES)]
            rows += _rows(words, reports, way, statistics.median(alone))
    return rows


def _alone(lab: Lab, way: str) -> str:
    done = lab.run(sys.executable, "-m", "benchmarks.ways", way, timeout=SECONDS)
    if done.status:
        raise RuntimeError(done.stderr[-2000:])
    return str(done.stdout)


def _rows(words: str, reports: list[dict[str, Any]], way: str, alone: float) -> list[Row]:
    first = statistics.median(_first_winner(report)[1] for report in reports)
    whole = statistics.median(_span(_steps(report))[1] for report in reports)
    most = max(_at_once(report) for report in reports)
    tried = len(reports[0]["workarounds"])
    return [
        Row(
            f"first way round / that one alone, {words}",
            first / alone,
            "x",
            GOAL,
            f"{first * 1000:.0f} ms, {way} alone {alone * 1000:.0f} ms",
        ),
        Row(f"whole search, {words}", whole, "s", MATRIX, f"{tried} ways"),
        Row(f"tries at one address at a time, {words}", float(most), "", float(POLITE), "the most of all addresses and runs"),
    ]


def _steps(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [o for o in report["observations"] if o["route"] == WAYS and o["step"] != "system"]


def _span(steps: list[dict[str, Any]]) -> tuple[float, float]:
    """Return when the first step began, and how long it was until the last one ended."""
    began = min(o["t"] for o in steps)
    return began, max(o["t"] + o["seconds"] for o in steps) - began


def _first_winner(report: dict[str, Any]) -> tuple[str, float]:
    """Return the way whose try opened the page first, and after how many seconds of searching."""
    began, _ = _span(_steps(report))
    works = {w["id"] for w in report["workarounds"] if w["status"] == Status.WORKS}
    tries: dict[Try, list[dict[str, Any]]] = defaultdict(list)
    for o in _steps(report):
        if o["detail"].get("goal") in (None, GOAL_URL):
            tries[o["detail"].get("way", ""), o["detail"].get("attempt", 0)].append(o)
    ends = {key: max(o["t"] + o["seconds"] for o in steps) for key, steps in tries.items() if _opened(steps)}
    (way, _), end = min(ends.items(), key=lambda item: item[1])
    if way == PLAIN:  # the lookup that was answered first made this visit possible
        asked = [o for o in _steps(report) if o["step"] == "dns" and o["failure"] is None and o["detail"]["way"] in works]
        way = min(asked, key=lambda o: o["t"] + o["seconds"])["detail"]["way"]
    return way, end - began


def _opened(steps: list[dict[str, Any]]) -> bool:
    last = steps[-1]
    return last["step"] == "http" and last["failure"] is None and all(o["failure"] is None for o in steps)


def _at_once(report: dict[str, Any]) -> int:
    """Return the most tries that were under way at one address at the same time."""
    spans: dict[tuple[str, str, int, str], list[float]] = {}
    for o in _steps(report):
        detail = o["detail"]
        if "goal" in detail and "at" in detail:
            key = detail["at"], detail["way"], detail["attempt"], detail["goal"]
            begin, end = spans.get(key, [o["t"], o["t"]])
            spans[key] = [min(begin, o["t"]), max(end, o["t"] + o["seconds"])]
    by_address: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for (address, *_), (begin, end) in spans.items():
        by_address[address] += [(begin, 1), (end - 0.002, -1)]
    return max((max(itertools.accumulate(change for _, change in sorted(edges))) for edges in by_address.values()), default=0)


# --- one way alone, in a process of its own inside the laboratory ---------------------------------


async def _try_alone(way: Way) -> float:
    """Return the seconds of one way tried alone, from its first packet to the page's last byte."""
    catalog = load_catalog()
    trust = Trust()
    wanted = tuple(r for r in catalog.resolvers if r.id == way.resolver) or catalog.resolvers
    context = Context(RealNetwork(trust), Trace(), wanted, catalog.controls)
    await trust.prepare()
    service = site_of(GOAL_URL)

    async def find(_host: str) -> list[str]:
        return []

    aim = Aim(service.id, Place("https", HOST, 443), Trusts(trust), find)
    async with context.settled():
        began = time.perf_counter()
        if way.engine:
            address = await _asked(context, way)
        else:
            address = next(a for a in await context.network.resolve(HOST, socket.AF_INET) if not is_bogon(a))
            began = time.perf_counter()
        done = await attempt(context, aim, address, Recipe(str(way), 1, parse_layout(way.flight if way.kind == "cut" else ""), GAP))
    if not done.passed:
        raise RuntimeError(str(done.evidence[-1]))
    return time.perf_counter() - began


async def _asked(context: Context, way: Way) -> str:
    """Return an address as soon as a lookup has answered."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_found(cell: Found) -> None:
        if not found.done():
            found.set_result(cell.addresses[HOST][0])

    survey = asyncio.get_running_loop().create_task(ResolverWays(context).survey((HOST,), GOAL_URL, on_found, engines=(way.engine,)))
    try:
        return await found
    finally:
        survey.cancel()


def main() -> None:
    """Print how long the way that is named takes alone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way")
    way = parse_way(parser.parse_args().way)
    if way is None:
        parser.error("no such way")
    print(json.dumps(asyncio.run(_try_alone(way))))


if __name__ == "__main__":
    main()
