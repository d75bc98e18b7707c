"""Network: the only way from a probe to the outside.

Five verbs: ``resolve`` asks the system's resolver, ``datagram`` opens a UDP flow, ``connect`` a TCP connection,
``start_tls`` shakes hands on it, ``clock`` tells this computer's time.  Two implementations ship: ``RealNetwork`` here
and the simulated one in ``diagnostics/sim``.  A probe cannot tell which one it was given.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import dns.exception
import dns.resolver

from diagnostics.daemon import daemon_call
from diagnostics.hosts import read_hosts_file
from diagnostics.streams import Datagrams, SocketStream, Stream, TlsStream
from diagnostics.trust import Trust

if TYPE_CHECKING:
    from diagnostics.routes.system_proxy import SystemProxies
    from diagnostics.vpn.state.facts import VpnFacts

_A_GLOBAL_ADDRESS6 = "2606:4700:4700::1111"  # any global address serves: no packet is sent to it


def family_of(address: str) -> socket.AddressFamily:
    """Return the address family of an address literal."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Beside(NamedTuple):
    """The same line without the VPN that is up; without a ``network``, ``why``: no_vpn, no_interface, cannot_bind, simulated.

    ``whole``: everything that was looked at goes through the VPN, so that what works now works by it.
    """

    network: Network | None
    why: str = ""
    whole: bool = False


class Network(abc.ABC):
    """What a probe may do to the outside world."""

    simulated: str | None = None
    """The scenario's id when this is not the real network; only the report and the ribbon ask."""

    trust: Trust
    """Which certificates are believed."""

    @abc.abstractmethod
    async def resolve(self, host: str, family: socket.AddressFamily) -> list[str]:
        """Return the addresses that the system's resolver (getaddrinfo) gives.  Raises socket.gaierror."""

    @abc.abstractmethod
    async def nameservers(self) -> list[str]:
        """Return the addresses of the system's configured resolvers, most preferred first."""

    async def hosts_file(self) -> dict[str, tuple[str, ...]]:
        """Return what this computer's own list of names says: addresses by name in small letters; empty if it has none to read."""
        return {}

    async def system_proxies(self) -> SystemProxies:
        """Return the proxies that this computer's settings send its programs through; none on a simulated network."""
        from diagnostics.routes.system_proxy import NOTHING

        return NOTHING

    async def vpn_facts(self) -> VpnFacts:
        """Return what this computer's adapters and routes tell of a VPN; sends nothing.  Nothing where there is no such computer."""
        from diagnostics.vpn.state.facts import NOTHING

        return NOTHING

    async def beside_vpn(self) -> Beside:
        """Return the line as it is without a VPN that is up; only asked for when the person wants that comparison."""
        return Beside(None, "simulated")

    @abc.abstractmethod
    async def routes_ipv6(self) -> bool:
        """Tell whether this computer has a route for global IPv6 addresses; sends nothing."""

    @abc.abstractmethod
    async def datagram(self, address: str, port: int) -> Datagrams:
        """Return a UDP flow to one peer; the caller closes it.  Raises OSError."""

    @abc.abstractmethod
    async def connect(self, address: str, port: int) -> Stream:
        """Return a TCP connection; without a deadline of its own.  Raises OSError."""

    @abc.abstractmethod
    def clock(self) -> float:
        """Return this computer's wall clock, in seconds since 1970 UTC."""

    async def start_tls(self, stream: Stream, context: ssl.SSLContext, server_name: str | None) -> TlsStream:
        """Return ``stream`` under TLS after a complete handshake.  Raises ssl.SSLError, OSError.

        The certificate is verified as ``context`` says; ``server_name`` None sends no name.
        """
        secured = TlsStream(stream, context, server_name=server_name)
        await secured.handshake()
        return secured


ENOUGH_FILES = 1024
"""Open files that a run may need; macOS allows 256 unless it is asked."""


def allow_many_sockets() -> None:
    """Ask the system for as many open files as it gives without rights; nothing to do on Windows."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(ENOUGH_FILES, hard)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class RealNetwork(Network):
    """This computer's network."""

    def __init__(self, trust: Trust) -> None:
        """Use ``trust`` to judge certificates."""
        self.trust = trust

    async def resolve(self, host: str, family: socket.AddressFamily) -> list[str]:
        """Ask getaddrinfo, in a daemon thread: a hung system resolver cannot hold the run."""
        infos = await daemon_call(socket.getaddrinfo, host, None, family, socket.SOCK_STREAM)
        return list(dict.fromkeys(str(info[4][0]) for info in infos))

    async def nameservers(self) -> list[str]:
        """Read the system's configuration (/etc/resolv.conf, or the adapters' settings on Windows)."""
        return await daemon_call(_configured_nameservers)

    async def hosts_file(self) -> dict[str, tuple[str, ...]]:
        """Read the file that getaddrinfo looks into before it asks anybody."""
        return await daemon_call(read_hosts_file)

    async def system_proxies(self) -> SystemProxies:
        """Read every source of this system."""
        from diagnostics.routes.system_proxy import read_system_proxies

        return await read_system_proxies()

    async def vpn_facts(self) -> VpnFacts:
        """Read adapters, name servers and routes in a daemon thread."""
        from diagnostics.vpn.state.reading import read_vpn_facts

        return await read_vpn_facts()

    async def routes_ipv6(self) -> bool:
        """Ask the routing table by connecting a UDP socket, which sends no packet."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect((_A_GLOBAL_ADDRESS6, 53))
            return not str(probe.getsockname()[0]).startswith(("fe80:", "::1"))
        return False

    async def beside_vpn(self) -> Beside:
        """Look for a VPN and for the interface below it; sends nothing."""
        from diagnostics.vpn.outside.network import beside

        return await beside(self.trust)

    def socket_for(self, address: str, kind: socket.SocketKind) -> socket.socket:
        """Return a new socket towards an address, not connected yet.  Raises OSError."""
        sock = socket.socket(family_of(address), kind)
        sock.setblocking(False)
        return sock

    async def datagram(self, address: str, port: int) -> Datagrams:
        """Open a connected UDP socket."""
        with _closed_on_error(self.socket_for(address, socket.SOCK_DGRAM)) as sock:
            sock.connect((address, port))
        return Datagrams(sock)

    async def connect(self, address: str, port: int) -> Stream:
        """Connect with the system's own patience; the caller sets the deadline."""
        with _closed_on_error(self.socket_for(address, socket.SOCK_STREAM)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
        return SocketStream(sock)

    def clock(self) -> float:
        """Return the system's time."""
        return time.time()


@contextlib.contextmanager
def _closed_on_error(sock: socket.socket) -> Iterator[socket.socket]:
    """Close the socket unless the block ends well; a cancelled connect must not leak it."""
    done = False
    try:
        yield sock
        done = True
    finally:
        if not done:
            sock.close()


def _configured_nameservers() -> list[str]:
    try:
        return [str(server) for server in dns.resolver.Resolver(configure=True).nameservers]
    except (dns.exception.DNSException, OSError):
        return []  # no configuration to read: getaddrinfo is still measured
