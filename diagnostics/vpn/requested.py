"""What a run does about the VPN that is up, where the person asked for it: see whether it protects, and try its kill switch."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from diagnostics.probes.context import Context
from diagnostics.probes.system_proxy import measure_system_proxy
from diagnostics.vpn.outside.interfaces import physical_interface
from diagnostics.vpn.outside.kill_switch import probe_kill_switch
from diagnostics.vpn.protection.line import LineMemory
from diagnostics.vpn.protection.measure import Wish, measure_protection
from diagnostics.vpn.protection.places import Lending
from diagnostics.vpn.state.facts import TUNNELS
from diagnostics.vpn.state.note import note_vpn
from diagnostics.vpn.state.reading import read_vpn
from diagnostics.vpn.watch import Moment, measure_watch

log = logging.getLogger("atajo.vpn")

_FOUR = 4


async def protect(context: Context, pool: Lending, memory: LineMemory, key: bytes) -> None:
    """See what others see of this line, through the VPN that is up; without one it is learnt what the line looks like.

    Addresses are marked with ``key``: what was seen with the same one can be compared.
    """
    today = dt.datetime.fromtimestamp(context.network.clock(), dt.UTC).date()
    tunnel = None if context.network.simulated is not None else await tunnel_name()
    await measure_protection(context, pool, Wish(today=today, tunnel=tunnel, memory=memory, key=key))


async def tunnel_name() -> str | None:
    """Return what the system calls the tunnel by which ordinary IPv4 packets leave, None if none does or that is not known."""
    try:
        reading = await read_vpn()
    except (OSError, ValueError) as error:
        log.info("the tunnel is not known: %s", type(error).__name__)
        return None
    tunnels = {each.label for each in reading.facts.interfaces if each.kind in TUNNELS}
    via = next((each.via for each in reading.facts.routes if each.family == _FOUR and each.via in tunnels), None)
    return reading.names.get(via) if via is not None else None


async def look_only(context: Context) -> None:
    """See which VPN is up, and whether the browsers go through a program of this computer; nothing leaves the computer."""
    await note_vpn(context)
    await measure_system_proxy(context, search=False)


async def watch_tunnel(context: Context, seconds: float, tell: Callable[[Moment], None]) -> None:
    """Watch for so many seconds whether anything leaves the VPN that is up, and ``tell`` what changes as it does; nothing is sent."""
    if context.network.simulated is None:
        await note_vpn(context)
        await measure_watch(context, seconds, tell)


async def try_kill_switch(context: Context) -> None:
    """Send on purpose a packet beside the VPN that is up; it ends at the first routers."""
    physical = None if context.network.simulated is not None else await physical_interface()
    if physical is not None:
        await probe_kill_switch(context, physical)
