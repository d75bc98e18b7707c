"""What is known of this computer's VPN: facts without an address, in the words that reports use.

Adapters are known by *labels*: names such as ``tun0`` that tell nothing of anybody, else ``adapter 1``.  An adapter's ``kind``:

* ``tun``, ``wireguard``, ``ppp``, ``ipsec``: a tunnel that is or could be a VPN's; ``mesh``: one that joins computers to each other;
* ``kill_switch``: made by a VPN's program to swallow what must not go outside;
* ``physical``: the line itself, or what cannot be told from it; ``virtual``: of bridges, containers and virtual machines;
* ``idle``: a tunnel device of the system's own without an address; ``loopback``.

A route test says which adapter packets to an address would leave by: ``routed`` (``via``), ``none`` (the system knows no way), ``refused``
(the system forbids it), ``ambiguous`` (the source address is on several adapters) or ``error``.
"""

from __future__ import annotations

from typing import Final

from diagnostics.model import Fact

TUNNELS: Final = frozenset({"tun", "wireguard", "ppp", "ipsec", "mesh"})
"""Kinds of adapters that a VPN may use."""

MOST_ADAPTERS: Final = 64
"""Adapters that a report names; a computer with containers has dozens, and those that matter are named first."""


class Interface(Fact, frozen=True):
    """One adapter.

    ``client``: id of ``resources/vpn_clients.toml``, as far as name, driver or address tell; ``role``: what that client is for (full, any,
    mesh, access).  ``up``: it is switched on and something answers behind it; ``addressed``: it has an address beyond its own link.
    ``claims_all``: the routing table sends everything into it, whether or not another adapter wins (Linux; elsewhere never known).
    """

    label: str
    kind: str
    client: str = ""
    role: str = ""
    up: bool = True
    addressed: bool = True
    claims_all: bool = False


class RouteTest(Fact, frozen=True):
    """Where packets to one public address would go.  ``public_source``: the address they would come from is not one of a private range."""

    family: int
    outcome: str
    via: str = ""
    public_source: bool = True


class ResolverRoute(Fact, frozen=True):
    """One configured name server.

    ``on``: the adapter that it is configured for, or nothing; ``via``: the adapter by which packets to it leave.  ``place``: ``loopback``
    (a program of this computer), ``private`` or ``public``.  ``used``: ordinary names are asked of it, not just those of one network.
    """

    place: str
    outcome: str = "routed"
    via: str = ""
    on: str = ""
    used: bool = True


class Overlap(Fact, frozen=True):
    """A tunnel and another adapter that claim the same private network."""

    tunnel: str
    other: str


class SmartNames(Fact, frozen=True):
    """Windows' habit of asking all adapters for a name at once.  ``on``; ``one_way``: a policy names one server for every name."""

    on: bool = True
    one_way: bool = False


class VpnFacts(Fact, frozen=True):
    """Everything.  ``system`` is linux, windows or macos, and empty where nothing could be read.

    ``unclear``: an adapter of the line has a second address of its own that packets leave by, as IPsec without a device does.
    ``running``: clients whose program runs, a weak hint; asked for only where a tunnel has no better one.
    """

    system: str = ""
    interfaces: tuple[Interface, ...] = ()
    routes: tuple[RouteTest, ...] = ()
    resolvers: tuple[ResolverRoute, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    running: tuple[str, ...] = ()
    smart_names: SmartNames | None = None
    unclear: bool = False


NOTHING: Final = VpnFacts()
