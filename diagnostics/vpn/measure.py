"""From a profile to what is known of it: its own test, and what else speaks where the server stayed silent over UDP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from diagnostics.vpn import by_proxy
from diagnostics.vpn.address.ike_probe import greet_elsewhere as greet_ike_elsewhere
from diagnostics.vpn.address.ike_probe import measure_ike
from diagnostics.vpn.address.spoken import SPOKEN
from diagnostics.vpn.address.tcp_probe import measure_tcp
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Protocol
from diagnostics.vpn.tunnel import Tunnel
from diagnostics.vpn.udp_control import answering_anybody, ask_over_udp
from diagnostics.vpn.wireguard.probe import greet_elsewhere, measure_wireguard

AHEAD: Final = 60.0
"""Seconds by which this computer's clock may be ahead: a server takes no greeting from the person's own client that is dated before
ours, so one from the future would lock them out for as long.

Where nothing told the time the greeting is still sent.  That is so where nearly everything is filtered, which is where the answer is
needed most, and the person's own client would date its greeting by the same clock; one that is behind harms nobody.
"""

CLOCK_AHEAD: Final = "unknown_failure: clock ahead"


async def _greet_openvpn(probing: Probing, elsewhere: by_proxy.Elsewhere) -> None:
    from diagnostics.vpn.openvpn.probe import greet_over

    if probing.profile.transport == "udp":  # the way that comes first: where that is another, a connection was asked for already
        await greet_over(probing, elsewhere.flow(), elsewhere.proxy)


Greet = Callable[[Probing, by_proxy.Elsewhere], Awaitable[None]]
GREETINGS: Final[Mapping[Protocol, Greet]] = {
    Protocol.WIREGUARD: greet_elsewhere,
    Protocol.AMNEZIAWG: greet_elsewhere,
    Protocol.IKEV2: greet_ike_elsewhere,
    Protocol.L2TP: greet_ike_elsewhere,
    Protocol.OPENVPN: _greet_openvpn,
}
"""How a protocol that greets over UDP does so from elsewhere."""


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
    if profile.protocol in SPOKEN:
        await measure_tcp(probing)
        return None
    if profile.protocol in (Protocol.OPENVPN, Protocol.IKEV2, Protocol.L2TP):
        if profile.protocol is Protocol.OPENVPN:
            from diagnostics.vpn.openvpn.probe import measure_openvpn

            await measure_openvpn(probing)
        else:
            await measure_ike(probing)
        if probing.went_unanswered:
            await _compare(probing)
        return None
    if clock_skew is not None and clock_skew > AHEAD:
        with probing.step("ahead") as step:
            step.failure = CLOCK_AHEAD
        return None
    tunnel = await measure_wireguard(probing)
    if tunnel is None and probing.went_unanswered and not probing.beside:
        await _compare(probing)
    return tunnel


async def _compare(probing: Probing) -> None:
    """Find out more of a silence over UDP: whether others are heard over it, and whether the server is, from elsewhere."""
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask_over_udp(probing, control)) for control in answering_anybody(probing)]
        greet = GREETINGS.get(probing.profile.protocol)
        if greet is not None:
            async with by_proxy.datagrams(probing, asked) as elsewhere:
                if elsewhere is not None:
                    await greet(probing, elsewhere)
