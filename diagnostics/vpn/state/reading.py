"""Reads this computer's VPN state: no packet, no rights, one daemon thread, some milliseconds.

``read_vpn_facts`` is what most need; ``read_vpn`` also gives the system's own names of the adapters, for who has to use one.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import Final

import psutil

from diagnostics.daemon import daemon_call
from diagnostics.vpn.state.assemble import VpnReading, assemble, kinds_of, needs_programs
from diagnostics.vpn.state.clients import VpnNames, known_names
from diagnostics.vpn.state.facts import NOTHING, VpnFacts
from diagnostics.vpn.state.reading_facts import Reading
from diagnostics.vpn.state.routes import TARGETS, way_to, ways_to
from diagnostics.vpn.state.system import programs

log = logging.getLogger("atajo.vpn")

READ_SECONDS: Final = 5.0
"""Seconds that reading may take at most; it takes some milliseconds, but tools of the system may hang."""


async def read_vpn(targets: Sequence[str] = TARGETS) -> VpnReading:
    """Return the facts with the adapters' own names.  Raises OSError if the system does not tell (TimeoutError is one)."""
    async with asyncio.timeout(READ_SECONDS):
        return await daemon_call(read_now, targets)


async def read_vpn_facts(targets: Sequence[str] = TARGETS) -> VpnFacts:
    """Return the facts.  What cannot be read is logged and gives ``NOTHING``, of which the judge says that it is unknown."""
    try:
        found = (await read_vpn(targets)).facts
    except (OSError, ValueError) as error:
        log.info("the VPN state could not be read: %s", type(error).__name__)
        return NOTHING
    log.debug("adapters: %s", dict(kinds_of(found)))
    return found


def read_now(targets: Sequence[str] = TARGETS) -> VpnReading:
    """Read everything; blocking.  Raises OSError."""
    names = known_names()
    try:
        reading = _read_system(names)
        running = names.by_process(programs()) if needs_programs(reading, names) else ()
    except psutil.Error as error:
        raise OSError(type(error).__name__) from error
    server_ways = {server.address: way_to(_with_zone(server.address, server.on)) for server in reading.servers}
    tested = [target for target in targets if target not in server_ways]  # a name server may have a way of its own: that is no part
    return assemble(reading, ways_to(tested), server_ways, names, running)


def _read_system(names: VpnNames) -> Reading:
    """Return what the system tells; an unknown system gives one without adapters."""
    if sys.platform == "win32":
        from diagnostics.vpn.state.windows_calls import read
    elif sys.platform == "darwin":
        from diagnostics.vpn.state.macos import read
    else:
        from diagnostics.vpn.state.linux import read
    return read(names)


def _with_zone(address: str, device: str) -> str:
    """Return a link-local address with the adapter that it is on: without, there is no way to it."""
    return f"{address}%{device}" if address.lower().startswith("fe80:") and "%" not in address and device else address
