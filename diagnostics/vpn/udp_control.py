"""Whether UDP gets out of this network at all, where a server stayed silent over it: places that answer anybody are asked.

The detail of each ``udp_control`` step: ``control``, its id, and ``answered``.
"""

from __future__ import annotations

import socket
from typing import Final

from diagnostics.controls import DATAGRAMS, several_stun
from diagnostics.failures import TIMEOUT
from diagnostics.model import Control
from diagnostics.probes.proxy_name import NAME_WAIT
from diagnostics.probes.stun import ask_binding
from diagnostics.vpn.probing import Probing

UDP_WAIT: Final = 1.0
"""Seconds that each of the questions to such a place may take on top of this line's patience."""


def answering_anybody(probing: Probing) -> list[Control]:
    """Return the controls that answer anybody over UDP, of different operators."""
    return several_stun(probing.direct.controls, DATAGRAMS)


async def ask_over_udp(probing: Probing, control: Control) -> str:
    """Ask one of them from here, and return the address that it sees this line at, to be compared in memory; "" if it told none."""
    seen: str | None = None
    with probing.step("udp_control", control=control.id, answered=False) as step:
        found = await probing.patiently(probing.direct.network.resolve(control.host, socket.AF_INET), NAME_WAIT)
        async with await probing.direct.network.datagram(found[0], control.port) as flow:
            seen = await ask_binding(flow, lambda: probing.context.patience.wait(extra=UDP_WAIT))
        step.detail["answered"] = seen is not None
        if seen is None:
            step.failure = TIMEOUT
    return seen or ""
