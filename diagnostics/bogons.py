"""Addresses that no public name may resolve to.

The ranges are those of OONI's engine (bogon table, 2026-08, which credits ipinfo.io/bogon); RFC 6890 names most.  A
bogon for a public name is a sign of a lying resolver, not yet a verdict: company networks answer so for their own names,
and 198.18.0.0/15 is what local proxy clients hand out.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

_NETWORKS4: Final = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)

_NETWORKS6: Final = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "::/96",  # unspecified, loopback and the old compatible form
        "::ffff:0:0/96",
        "100::/64",
        "2001:10::/28",
        "2001:db8::/32",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def is_address(text: str) -> bool:
    """Tell whether a text is an IPv4 or IPv6 address, and no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(text: str) -> bool:
    """Tell whether a text is an address of this computer itself."""
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def is_bogon(address: str) -> bool:
    """Tell whether ``address`` lies in a range that is not public; a text that is no address counts as one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return True
    if isinstance(parsed, ipaddress.IPv4Address):
        return any(parsed in net for net in _NETWORKS4)
    inner = parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
    return any(parsed in net for net in _NETWORKS6) or (inner is not None and is_bogon(str(inner)))


def network_of(address: str) -> str:
    """Return the /24 (IPv4) or /48 (IPv6) that an address lies in, as a rough name for "the same place"."""
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))
