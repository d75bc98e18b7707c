"""What the matrix of resolvers finds for a name from inside the laboratory, as JSON: ``resolver_ways.py HOST ...``."""

from __future__ import annotations

import asyncio
import json
import sys

from diagnostics.catalog import load_catalog
from diagnostics.model import Step
from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.workarounds.lookups import Found, ResolverWays


async def survey(hosts: list[str]) -> dict[str, object]:
    """Ask every resolver in every way."""
    catalog = load_catalog()
    context = Context(RealNetwork(Trust()), Trace(), catalog.resolvers, catalog.controls)
    context.begin_trusting()
    async with context.settled():
        await context.trusting()
        loop, told = asyncio.get_running_loop(), list[float]()
        began = loop.time()

        def on_found(_found: Found) -> None:
            told.append(loop.time() - began)

        found = await ResolverWays(context).survey(hosts, "x", on_found)
        seconds = loop.time() - began
        observations = context.trace.observations
        return {
            "found": {each.way: each.addresses for each in found},
            "first": told[0] if told else None,
            "seconds": seconds,
            "attempts": sorted({(o.detail["way"], o.detail["attempt"]) for o in observations if o.failure != "interrupted"}),
            "connections": sum(o.step is Step.TCP for o in observations),
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(survey(sys.argv[1:]))))
