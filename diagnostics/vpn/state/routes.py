"""Where packets would go: the system is asked for a route by connecting a UDP socket, which sends nothing and needs no rights.

This follows policy routing, which reading a routing table does not: of a tunnel that is set up by marks (WireGuard's own tool does so) the
table names the physical adapter.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

from diagnostics.model import Fact
from diagnostics.network import family_of

TARGETS: Final = (
    *("1.1.1.1", "8.8.8.8"),  # what programs ask names of by themselves
    *("104.244.42.1", "157.240.1.60"),  # X and WhatsApp
    *("130.0.0.1", "200.44.32.12"),  # the upper half, into which a tunnel by two half routes may fail to lead
    *("2606:4700:4700::1111", "2001:4860:4860::8888", "2a03:2880:f000::1"),
)
"""Six IPv4 and three IPv6 addresses in different parts of their spaces; any others would do, since nothing is sent to them."""

_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETDOWN, errno.EINVAL})
"""No route; no address to come from; no such family (IPv6 switched off); EINVAL: Linux' ``blackhole`` route."""

_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM})
"""Linux' ``prohibit`` route, and rules that a program may have set for connections."""

_WINDOWS_NO_WAY: Final = frozenset({10047, 10049, 10050, 10051, 10065})
"""Winsock's numbers for the same, which Python passes on as ``winerror`` and ``errno`` (Microsoft, "Windows Sockets Error Codes")."""

_ANY_PORT: Final = 53


class Way(Fact, frozen=True):
    """What the system said of one address: ``source`` is the address that packets would come from, if there is a way."""

    target: str
    outcome: str
    source: str = ""


def way_to(address: str) -> Way:
    """Return where packets to an address would come from; sends nothing.  An address may carry a zone (``fe80::1%eth0``)."""
    try:
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as probe:
            probe.connect((address, _ANY_PORT))
            source = str(probe.getsockname()[0])
    except OSError as error:
        return Way(target=address, outcome=_outcome(error))
    if not _usable(source, address):
        return Way(target=address, outcome="none")
    return Way(target=address, outcome="routed", source=source.partition("%")[0])


def ways_to(addresses: Sequence[str]) -> tuple[Way, ...]:
    """Return the same for several addresses."""
    return tuple(way_to(address) for address in addresses)


def _outcome(error: OSError) -> str:
    if error.errno in _NO_WAY or error.errno in _WINDOWS_NO_WAY:
        return "none"
    return "refused" if error.errno in _FORBIDDEN else "error"


def _usable(source: str, target: str) -> bool:
    """Tell whether packets from ``source`` could come back from ``target``: not from nowhere, nor from a link to the Internet."""
    own, other = (ipaddress.ip_address(text.partition("%")[0]) for text in (source, target))
    if own.is_unspecified:
        return False
    return not own.is_link_local or other.is_link_local or other.is_loopback


def is_public_source(source: str) -> bool:
    """Tell whether an address could be seen from outside as it is.

    Addresses for documentation count: test networks are built of them.
    """
    if not source:
        return False
    address = ipaddress.ip_address(source)
    if isinstance(address, ipaddress.IPv6Address):
        return not (address.is_link_local or address.is_loopback or address in _UNIQUE_LOCAL or address in _SITE_LOCAL)
    return not any(address in network for network in _PRIVATE)


_UNIQUE_LOCAL: Final = ipaddress.IPv6Network("fc00::/7")
_SITE_LOCAL: Final = ipaddress.IPv6Network("fec0::/10")
_PRIVATE: Final = tuple(
    ipaddress.IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8")
)
"""RFC 1918, link-local and loopback.  100.64.0.0/10 is not among them: providers give it to their customers (RFC 6598)."""
