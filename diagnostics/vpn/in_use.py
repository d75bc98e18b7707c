"""Whether this computer uses a profile right now: packets of ours under the same key would move its tunnel to this program."""

from __future__ import annotations

import socket
from collections.abc import Iterable

import psutil

from diagnostics.daemon import daemon_call
from diagnostics.vpn.profile import Profile
from diagnostics.vpn.wireguard.profile import WireGuardProfile


async def is_in_use(profiles: Iterable[Profile]) -> bool:
    """Tell whether one of some profiles' own addresses is an address of this computer: its tunnel is up."""
    own = {address for profile in profiles if isinstance(profile, WireGuardProfile) for address in profile.addresses}
    return bool(own) and bool(own & await daemon_call(_addresses))


def _addresses() -> set[str]:
    families = (socket.AF_INET, socket.AF_INET6)
    return {each.address.partition("%")[0] for found in psutil.net_if_addrs().values() for each in found if each.family in families}
