"""Does one thing beside a VPN, and prints what came of it as JSON.

``kill-switch``, ``physical``, ``compare TARGET ...``, or ``watch SECONDS``, which prints each moment as it is told.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import msgspec

from diagnostics.catalog import load_catalog
from diagnostics.network import RealNetwork
from diagnostics.plan import VpnPlan, make_plan, with_vpn
from diagnostics.probes.context import Context
from diagnostics.runner import Run
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.vpn.outside.interfaces import devices_now, physical_interface
from diagnostics.vpn.outside.kill_switch import probe_kill_switch
from diagnostics.vpn.watch import Moment, measure_watch


def tell(moment: Moment) -> None:
    """Print a moment at once."""
    print(json.dumps(msgspec.to_builtins(moment)), flush=True)


async def main(what: str, words: list[str]) -> Any:
    """Do it, and return what is to be printed."""
    network = RealNetwork(Trust())
    if what == "compare":
        catalog = load_catalog()
        plan = with_vpn(make_plan(words, [], catalog), VpnPlan(outside=True))
        return msgspec.to_builtins(await Run(plan, network).complete())
    trace = Trace()
    context = Context(network, trace, (), ())
    physical = await physical_interface()
    if what == "physical":
        return {"physical": physical and physical.name, "gateway": physical and physical.gateway, "devices": devices_now()}
    if what == "kill-switch":
        if physical is not None:
            await probe_kill_switch(context, physical)
    else:
        await measure_watch(context, float(words[0]), tell, interval=0.2)
    return [msgspec.to_builtins(o) for o in trace.observations]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2:]))), flush=True)
