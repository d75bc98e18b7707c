"""The VPN state as an observation of a run."""

from __future__ import annotations

import msgspec

from diagnostics.probes.context import Context
from diagnostics.vpn.state.facts import VpnFacts


async def note_vpn(context: Context) -> VpnFacts:
    """Write the state of this computer's VPN into the run: ``system`` of kind ``vpn``, with the keys of ``facts.VpnFacts``.

    Sends nothing, and holds up nobody: the system is asked in a daemon thread.
    """
    facts = await context.network.vpn_facts()
    context.trace.note("vpn", **msgspec.to_builtins(facts))
    return facts
