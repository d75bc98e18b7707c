"""From a profile to what is known of it: its own test, and whether UDP gets out of this network at all where the server stayed silent."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from diagnostics.controls import DATAGRAMS
from diagnostics.failures import TIMEOUT
from diagnostics.model import Control
from diagnostics.probes.proxy_name import NAME_WAIT
from diagnostics.probes.stun import StunInquiry
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Protocol
from diagnostics.vpn.tunnel import Tunnel
from diagnostics.vpn.wireguard.probe import measure_wireguard

AHEAD: Final = 60.0
"""Seconds by which this computer's clock may be ahead: a server takes no greeting from the person's own client that is dated before
ours, so one from the future would lock them out for as long."""

CLOCK_AHEAD: Final = "unknown_failure: clock ahead"

UDP_TRIES: Final = 3
UDP_WAIT: Final = 1.0
"""Questions to a place that answers anybody over UDP, and the seconds that each may take on top of this line's patience."""


async def measure_profile(probing: Probing, clock_skew: float | None = None) -> Tunnel | None:
    """Test a profile stage by stage; the tunnel, where one stands, is the caller's to close.

    ``clock_skew``: by how many seconds this computer's clock is ahead, None if that is not known.
    """
    profile = probing.profile
    probing.context.trace.note(
        "route", id=profile.id, proxy=str(profile.protocol), why_not="", names_here=False, insecure=False, in_use=probing.consent.in_use
    )
    if profile.protocol in (Protocol.TOR, Protocol.OBFS4):
        from diagnostics.vpn.tor.probe import measure_tor

        await measure_tor(probing)
        return None
    if profile.protocol is Protocol.OPENVPN:
        from diagnostics.vpn.openvpn.probe import measure_openvpn

        await measure_openvpn(probing)
        await _ask_controls(probing)
        return None
    if clock_skew is not None and clock_skew > AHEAD:
        with probing.step("ahead") as step:
            step.failure = CLOCK_AHEAD
        return None
    tunnel = await measure_wireguard(probing)
    if tunnel is None:
        await _ask_controls(probing)
    return tunnel


async def _ask_controls(probing: Probing) -> None:
    """Where a server stayed silent over UDP, see whether others do as well."""
    if probing.went_unanswered:
        await asyncio.gather(*(_ask_over_udp(probing, control) for control in _answering_anybody(probing)))


def _answering_anybody(probing: Probing) -> list[Control]:
    """Return the controls that answer anybody over UDP, of different operators."""
    operators = {control.operator: control for control in probing.direct.controls if control.kind == "stun"}
    return list(operators.values())[:DATAGRAMS]


async def _ask_over_udp(probing: Probing, control: Control) -> None:
    """See whether UDP gets out of this network at all, where a server stayed silent over it."""
    inquiry = StunInquiry()
    with probing.step("udp_control", control=control.id, answered=False) as step:
        found = await probing.patiently(probing.direct.network.resolve(control.host, socket.AF_INET), NAME_WAIT)
        async with await probing.direct.network.datagram(found[0], control.port) as flow:
            for _ in range(UDP_TRIES):
                await flow.send(inquiry.request)
                try:
                    async with asyncio.timeout(probing.context.patience.wait(extra=UDP_WAIT)):
                        while inquiry.read(await flow.receive()) is None:
                            pass
                except TimeoutError:
                    continue
                step.detail["answered"] = True
                return
        step.failure = TIMEOUT
