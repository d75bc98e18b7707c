"""Tying a socket to one interface, so that it leaves there whatever the routing table says; no rights are needed.

The numbers are those of the systems' headers, since Python does not name them all.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from typing import Final

from diagnostics.vpn.outside.interfaces import Physical

SO_BINDTODEVICE: Final = 25
"""Linux, asm-generic/socket.h; open to ordinary users since 5.7, for sockets that are not bound yet."""

IP_BOUND_IF: Final = 25
IPV6_BOUND_IF: Final = 125
"""macOS: xnu's bsd/netinet/in.h and bsd/netinet6/in6.h; the value is the interface's number."""

IP_UNICAST_IF: Final = 31
IPV6_UNICAST_IF: Final = 31
"""Windows: ws2ipdef.h; the number is in network byte order for IPv4 and in the computer's own for IPv6 (IPPROTO_IP Socket Options)."""

Option = tuple[int, int, bytes]
"""Level, name and value of a socket option."""


class BindingError(OSError):
    """A socket could not be tied to the interface: nothing was sent, and this says nothing about the line."""


def option_for(platform: str, family: socket.AddressFamily, physical: Physical) -> Option | None:
    """Return the socket option that ties a socket of a family to an interface, or None on a system that is not known."""
    six = family is socket.AF_INET6
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    if platform == "linux":
        return socket.SOL_SOCKET, SO_BINDTODEVICE, physical.name.encode() + b"\0"
    if platform == "darwin":
        return level, IPV6_BOUND_IF if six else IP_BOUND_IF, struct.pack("=I", physical.index)
    if platform == "win32":
        return level, IPV6_UNICAST_IF if six else IP_UNICAST_IF, struct.pack("=I" if six else "!I", physical.index)
    return None


def bind(sock: socket.socket, physical: Physical) -> None:
    """Tie a fresh socket to an interface.  Raises BindingError: old kernels ask for rights, and the interface may be gone."""
    option = option_for(sys.platform, socket.AddressFamily(sock.family), physical)
    if option is None:
        raise BindingError(errno.ENOPROTOOPT, "no way to tie a socket to an interface here")
    try:
        sock.setsockopt(*option)
    except OSError as error:
        # never EPERM: that is what a kill switch answers, and this is none
        raise BindingError(errno.ENOPROTOOPT, "the socket cannot be tied to the interface") from error


def may_bind(physical: Physical) -> bool:
    """Tell whether sockets can be tied to the interface here."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            bind(probe, physical)
    except OSError:
        return False
    return True
