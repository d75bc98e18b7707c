"""Which of the person's proxies can greet the server of a profile from elsewhere: nothing here opens a socket."""

from __future__ import annotations

from typing import Final

from diagnostics.routes.link import Kind
from diagnostics.vpn.profile import Protocol

CONNECTING: Final = frozenset({Kind.SOCKS5, Kind.SOCKS5H, Kind.HTTP})
"""Kinds of the person's proxies that are asked to carry a greeting over a connection."""

CARRYING: Final = frozenset({Kind.SOCKS5, Kind.SOCKS5H, Kind.AUTO})
"""Kinds of proxies that may carry datagrams for this program; a bare address is asked as if it spoke SOCKS5."""

_OVER_UDP: Final = frozenset({Protocol.WIREGUARD, Protocol.AMNEZIAWG, Protocol.IKEV2, Protocol.L2TP})


def can_lend(kind: str, protocol: str) -> bool:
    """Tell whether a proxy of some kind may greet the server of a profile that speaks ``protocol``."""
    if protocol == Protocol.OPENVPN:
        return kind in CONNECTING | CARRYING
    return kind in (CARRYING if protocol in _OVER_UDP else CONNECTING)
