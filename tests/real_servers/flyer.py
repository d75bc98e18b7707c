"""The search for flights, run inside the laboratory's client namespace.

``python -m tests.real_servers.flyer NAME NEUTRAL PORT ADDRESS...`` prints one JSON object: the status of each way and the filter's kind.
"""

from __future__ import annotations

import asyncio
import json
import sys

from diagnostics.judge.evidence import Evidence
from diagnostics.judge.filters import filter_kind
from diagnostics.judge.workarounds import judge_workarounds
from diagnostics.model import Control
from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.place import Place
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.workarounds.attempt import Aim
from diagnostics.workarounds.flights import Flights, Given


async def fly(name: str, neutral: str, port: str, *addresses: str) -> dict[str, object]:
    """Try every flight to a name at addresses that are true."""
    trace = Trace()
    network = RealNetwork(Trust())
    context = Context(network, trace, (), (Control(id="neutral", operator="", kind="neutral", host=neutral),))

    async def find(_host: str) -> tuple[str, ...]:
        return addresses

    aim = Aim("x", Place("https", name, int(port)), Trusts(network.trust), find)
    await Flights(context, aim, Given(addresses)).run()
    judged = judge_workarounds(Evidence(tuple(trace.observations)))
    return {"ways": {way.id: way.status for way in judged}, "filter": filter_kind(judged)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(fly(*sys.argv[1:]))))
