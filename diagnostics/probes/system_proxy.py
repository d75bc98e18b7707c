"""Whether the proxy that this computer's browsers go by is there at all.

Writes one observation, ``system`` of kind ``system_proxy``, where some source sets a proxy:

* ``settings``: a list, one for each source: ``source``, ``for_browsers``, ``pac``, ``detect``, ``https`` (the kind of proxy that secure
  pages go through, or null), ``loopback``;
* ``contradictory``: the sources that are in force disagree;
* ``way``: of the proxy that browsers use for secure pages if it is on this computer: ``source``, ``kind``, ``host`` (a loopback address),
  ``port``, ``tries``, ``refused`` (how many of them), ``alive``, ``program`` (the id of a known program, "other", or "").
* ``searched``: browsers look for a script by the name ``wpad`` first, and there is such a name.

A proxy elsewhere is neither connected to nor named: nobody asked for a test of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any, Final

from diagnostics.daemon import daemon_call
from diagnostics.failures import failure_of
from diagnostics.probes.context import Context
from diagnostics.routes.link import Link
from diagnostics.routes.local import OWNER_SECONDS, Owners, listening
from diagnostics.routes.local_clients import client_of, known_clients
from diagnostics.routes.system_proxy import Setting, is_here

TRIES: Final = 2
AGAIN: Final = 1.0
"""Seconds until a port that refused is asked again: its program may be starting."""

CONNECT_SECONDS: Final = 3.0
WPAD_SECONDS: Final = 3.0
REFUSED: Final = "connection_refused"
_LOCALHOST: Final = ("127.0.0.1", "::1")


async def measure_system_proxy(context: Context, owners: Callable[[], Owners] = listening, *, search: bool = True) -> None:
    """Look at the settings, and at the proxy that they name if it is on this computer.  Sends nothing to any other.

    ``search`` False leaves out the look-up of the name under which networks offer a proxy: that is a question to the network.
    """
    found = await context.network.system_proxies()
    if not found.settings:
        return
    way, searched = None, False
    browsers = found.browsers
    link = browsers.link_for("https") if browsers and not browsers.pac else None
    if browsers and link and is_here(link.host):
        way = {"source": str(browsers.source), "kind": str(link.kind), **await _there(context, link, owners)}
        searched = search and browsers.detect and await _has_wpad(context)
    context.trace.note(
        "system_proxy", settings=[_facts(each) for each in found.settings], contradictory=found.contradictory, way=way, searched=searched
    )


def _facts(setting: Setting) -> dict[str, Any]:
    link = setting.link_for("https")
    return {
        "source": str(setting.source),
        "for_browsers": setting.for_browsers,
        "pac": bool(setting.pac),
        "detect": setting.detect,
        "https": str(link.kind) if link else None,
        "loopback": bool(link and is_here(link.host)),
    }


async def _there(context: Context, link: Link, owners: Callable[[], Owners]) -> dict[str, Any]:
    """Connect to the port, twice if it refuses, and ask whose it is if somebody answers."""
    hosts = (link.host,) if link.host != "localhost" else _LOCALHOST
    tries = refused = 0
    alive = False
    while tries < TRIES and not alive and tries == refused:
        if tries:
            await asyncio.sleep(AGAIN)
        failures = await asyncio.gather(*(_connect(context, host, link.port) for host in hosts))
        tries += 1
        alive = None in failures
        refused += not alive and failures[0] == REFUSED  # of localhost: many computers have no ::1 to refuse with
    program = await _program(link.port, owners) if alive else ""
    return {"host": hosts[0], "port": link.port, "tries": tries, "refused": refused, "alive": alive, "program": program}


async def _connect(context: Context, host: str, port: int) -> str | None:
    """Return why a connection failed, or None for one that was made."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            stream = await context.network.connect(host, port)
    except OSError as error:
        return failure_of(error)
    stream.close()
    return None


async def _program(port: int, owners: Callable[[], Owners]) -> str:
    with contextlib.suppress(OSError):
        async with asyncio.timeout(OWNER_SECONDS):
            program = (await daemon_call(owners)).get(port, "")
            client = client_of(program, port, known_clients()) if program else None
            return client.id if client else "other" if program else ""
    return ""


async def _has_wpad(context: Context) -> bool:
    """Ask for the name that browsers ask for; a name of this network's own is all that can answer."""
    with contextlib.suppress(OSError):
        async with asyncio.timeout(WPAD_SECONDS):
            return bool(await context.network.resolve("wpad", socket.AF_INET))
    return False
