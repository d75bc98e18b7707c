"""Whether this computer uses a profile right now: packets of ours under the same key would move its tunnel to this program.

A tunnel that takes everything takes our greeting as well: it would reach the server out of its own tunnel, which then would send the
person's packets there, round in a circle.  So the greeting leaves as those of the person's own program do, beside the tunnel; where
that is not possible nothing is sent.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Final

import psutil

from diagnostics.daemon import daemon_call
from diagnostics.vpn.outside.interfaces import source_towards
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Profile
from diagnostics.vpn.state.reading import read_vpn_facts
from diagnostics.vpn.wireguard.profile import WireGuardProfile

LIKE_WIREGUARD: Final = frozenset({"tun", "wireguard"})
"""Kinds of adapters (``vpn/state/facts.py``) that a WireGuard tunnel may be; meshes have keys of their own."""


async def is_in_use(profiles: Iterable[Profile]) -> bool:
    """Tell whether one of some profiles' own addresses is an address of this computer: its tunnel is up."""
    own = {address for profile in profiles if isinstance(profile, WireGuardProfile) for address in profile.addresses}
    return bool(own) and bool(own & await daemon_call(_addresses))


async def may_be_in_use(profiles: Iterable[Profile]) -> bool:
    """Tell whether a tunnel that is up here could be one of some WireGuard profiles': by which key it lives only root can see."""
    if not any(isinstance(profile, WireGuardProfile) for profile in profiles):
        return False
    facts = await read_vpn_facts()
    return any(each.kind in LIKE_WIREGUARD and each.up and each.addressed for each in facts.interfaces)


async def leave_its_own_tunnel(probing: Probing, address: str) -> bool:
    """Have the test of a profile that is in use leave beside its own tunnel; False where it has to be left out, which is recorded."""
    if not probing.consent.in_use or not await _leads_into_itself(probing.profile, address):
        return True
    line = (await probing.direct.network.beside_vpn()).network
    if line is None:
        with probing.step("inside"):
            pass
        return False
    probing.leave_by(line)
    return True


async def _leads_into_itself(profile: Profile, address: str) -> bool:
    """Tell whether packets to the server would carry an address of the profile's own tunnel; none is sent."""
    return isinstance(profile, WireGuardProfile) and await daemon_call(source_towards, address) in profile.addresses


def _addresses() -> set[str]:
    families = (socket.AF_INET, socket.AF_INET6)
    return {each.address.partition("%")[0] for found in psutil.net_if_addrs().values() for each in found if each.family in families}
