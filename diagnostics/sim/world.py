"""The uncensored world of a scenario, derived from the catalog: which names exist, where, and what answers there.

Addresses are made up from the names alone, so that they are the same on every computer and in every run: public-looking,
the hosts of one service spread over two networks, two addresses for a host that serves pages.  Addresses that the catalog
states (resolvers, data centres without a name) are kept.
"""

from __future__ import annotations

import enum
import hashlib
import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from diagnostics.bogons import is_address
from diagnostics.model import Control, Endpoint, Fact, Probe, Resolver, Service
from diagnostics.sim.check import service_hosts
from diagnostics.sim.scenario import Scenario, Site
from diagnostics.sim.web_server import PAGE_BYTES
from diagnostics.workarounds.exits import known_exits

if TYPE_CHECKING:
    from diagnostics.catalog import Catalog

HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80
DNS_PORT: Final = 53
DOT_PORT: Final = 853

_FIRST_OCTETS: Final = (13, 18, 23, 34, 35, 52, 63, 65, 69, 74, 99, 104, 140, 143, 146, 151, 157, 162, 173, 184, 204, 208)
"""Blocks where large providers have addresses; what is not global among them is skipped."""


FRONT_PAGE_BYTES: Final = 96_000
"""What the front pages of services and of the secure controls have: real ones have some 100 kB and more."""


class Kind(enum.Enum):
    """What answers on a port."""

    TLS = enum.auto()  # TLS, and HTTP within
    CLEAR = enum.auto()  # HTTP
    HOLD = enum.auto()  # stays open and says nothing
    DNS = enum.auto()
    DOT = enum.auto()
    MTPROTO = enum.auto()  # a data centre of Telegram
    STUN = enum.auto()  # over UDP
    QUIC = enum.auto()  # over UDP, beside the pages at the same place


_OF_PROBE: Final = {
    Probe.HTTPS: Kind.TLS,
    Probe.TLS: Kind.TLS,
    Probe.DNS: Kind.TLS,
    Probe.HTTP: Kind.CLEAR,
    Probe.TCP: Kind.HOLD,
    Probe.TCP_HOLD: Kind.HOLD,
    Probe.MTPROTO: Kind.MTPROTO,
    Probe.STUN: Kind.STUN,
    Probe.QUIC: Kind.TLS,
}
_WITHOUT_PAGES: Final = frozenset({Kind.HOLD, Kind.MTPROTO, Kind.STUN})


def resolver_owner(resolver: Resolver) -> str:
    """Return the owner of a resolver's hosts, which cannot be mistaken for a service."""
    return f"resolver/{resolver.id}"


class Page(Fact, frozen=True):
    """What a path shows."""

    status: int | None = None  # None: the page made for the host
    body: str = ""


class Host(msgspec.Struct, kw_only=True):
    """One name (or bare address) of the world."""

    name: str
    owner: str = ""  # its service, resolver, or a site by itself
    addresses: tuple[str, ...] = ()  # IPv4 first
    names: tuple[str, ...] = ()  # what its certificate names
    site: Site = Site()
    ports: dict[int, Kind] = msgspec.field(default_factory=dict)
    udp_ports: dict[int, Kind] = msgspec.field(default_factory=dict)  # without those of resolvers
    pages: dict[tuple[int, str], Page] = msgspec.field(default_factory=dict)  # by port and path
    doh_path: str | None = None
    page_bytes: int = PAGE_BYTES

    def of_family(self, version: int) -> tuple[str, ...]:
        """Return the addresses of IP version 4 or 6."""
        return tuple(address for address in self.addresses if (":" in address) == (version == 6))


class World:
    """Everything that exists in one scenario."""

    def __init__(self, scenario: Scenario, catalog: Catalog) -> None:
        """Build the world; the scenario's [[site]]s come on top of the catalog."""
        self.hosts: dict[str, Host] = {}
        self.nameservers = scenario.nameservers
        self._scenario, self._catalog = scenario, catalog
        self._plan = _AddressPlan()
        self._sites = self._collect_sites()
        for resolver in catalog.resolvers:
            self._add_resolver(resolver)
        for service in catalog.services.values():
            self._add_service(service)
        for control in catalog.controls:
            self._add_control(control)
        for way_out in known_exits():
            for index, endpoint in enumerate(way_out.endpoints):
                self._add_endpoint(f"exit/{way_out.id}", index, endpoint)
        for site in scenario.site:
            if site.host:
                self._web(self._host(site.host, site.host, 0))
        self.by_address: dict[str, list[Host]] = {}
        for host in self.hosts.values():
            for address in host.addresses:
                self.by_address.setdefault(address, []).append(host)

    def find(self, name: str) -> Host | None:
        """Return the host of a name, or None if no such name exists."""
        return self.hosts.get(name.lower().rstrip("."))

    def first_at(self, address: str) -> Host | None:
        """Return the host to which an address belongs first: its certificate is shown for unknown names."""
        return next(iter(self.by_address.get(address, ())), None)

    def kind(self, address: str, port: int) -> Kind | None:
        """Return what answers at an address and port, or None if the port is closed or nobody lives there."""
        if address in self.nameservers:
            return Kind.DNS if port == DNS_PORT else None
        return next((host.ports[port] for host in self.by_address.get(address, ()) if port in host.ports), None)

    def udp_kind(self, address: str, port: int) -> Kind | None:
        """Return what answers datagrams at an address and port, other than a resolver, or None."""
        return next((host.udp_ports[port] for host in self.by_address.get(address, ()) if port in host.udp_ports), None)

    def exists(self, address: str) -> bool:
        """Tell whether anybody lives at an address."""
        return address in self.by_address or address in self.nameservers

    def answers_plain_dns(self, address: str) -> bool:
        """Tell whether a resolver listens on port 53 there."""
        return self.kind(address, DNS_PORT) is Kind.DNS

    def _collect_sites(self) -> dict[str, Site]:
        """Return which [[site]] speaks for a name; the first one wins."""
        sites: dict[str, Site] = {}
        for site in self._scenario.site:
            names: Iterable[str] = [site.host] if site.host else service_hosts(self._catalog, site.service or "", site.function)
            for name in names:
                sites.setdefault(name, site)
        return sites

    def _host(self, name: str, owner: str, index: int, addresses: tuple[str, ...] = (), *, web: bool = True) -> Host:
        """Return the host of that name, made if it is new."""
        if name not in self.hosts:
            site = self._sites.get(name, Site())
            fixed = site.addresses or addresses or ((name,) if is_address(name) else ())
            made = fixed or self._plan.allot(owner, name, index, web=web)
            self.hosts[name] = Host(name=name, owner=owner, addresses=made, names=(name, *site.also), site=site)
        return self.hosts[name]

    @staticmethod
    def _web(host: Host) -> None:
        host.ports.setdefault(HTTPS_PORT, Kind.TLS)
        host.ports.setdefault(HTTP_PORT, Kind.CLEAR)

    def _add_service(self, service: Service) -> None:
        names = service_hosts(self._catalog, service.id)
        for function in service.functions:
            for endpoint in function.endpoints:
                index = names.index(endpoint.host) if endpoint.host in names else 0
                host = self._add_endpoint(service.id, index, endpoint)
                if function.core and endpoint.probe is Probe.HTTPS:
                    host.page_bytes = FRONT_PAGE_BYTES

    def _add_endpoint(self, owner: str, index: int, endpoint: Endpoint) -> Host:
        kind = _OF_PROBE[endpoint.probe]
        host = self._host(endpoint.host, owner, index, web=kind not in _WITHOUT_PAGES)
        if kind in _WITHOUT_PAGES:
            (host.udp_ports if kind is Kind.STUN else host.ports).setdefault(endpoint.port, kind)
            return host
        if endpoint.probe is Probe.QUIC:
            host.udp_ports.setdefault(endpoint.port, Kind.QUIC)
        host.ports[endpoint.port] = kind  # a page server also accepts connections
        if kind is Kind.CLEAR:
            host.pages.setdefault((endpoint.port, endpoint.path), Page())
        self._web(host)
        return host

    def _add_control(self, control: Control) -> None:
        host = self._host(control.host, control.operator, 0)
        if control.kind == Probe.STUN:
            host.udp_ports[control.port] = Kind.STUN
            return
        if control.kind == Probe.QUIC:
            host.udp_ports[control.port] = Kind.QUIC
        self._web(host)
        host.ports.setdefault(control.port, Kind.TLS)
        if control.host not in self._sites:
            whole_page = control.expect_status == 200 and not control.expect_body
            host.page_bytes = FRONT_PAGE_BYTES if whole_page else host.page_bytes
            page = Page() if whole_page else Page(status=control.expect_status, body=control.expect_body)
            host.pages[control.port, control.path] = page

    def _add_resolver(self, resolver: Resolver) -> None:
        doh = urlsplit(resolver.doh_url)
        names = tuple(dict.fromkeys(name for name in (doh.hostname, resolver.dot_name) if name and not is_address(name)))
        addresses = resolver.addresses + resolver.addresses6
        bearers = names or addresses[:1]
        for name in bearers:
            host = self._host(name, resolver_owner(resolver), 0, addresses)
            addresses = addresses or host.addresses  # its second name lives where the first does
            host.names = tuple(dict.fromkeys((*bearers, *host.addresses)))
            if doh.hostname:
                host.ports[HTTPS_PORT] = Kind.TLS
                host.doh_path = doh.path
            if resolver.dot_name:
                host.ports[DOT_PORT] = Kind.DOT
            if resolver.plain and resolver.addresses:
                host.ports[DNS_PORT] = Kind.DNS


class _AddressPlan:
    """Gives out made-up addresses, never one twice."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def allot(self, owner: str, name: str, index: int, *, web: bool) -> tuple[str, ...]:
        """Return one or two IPv4 addresses (two for a host that serves pages) and an IPv6 address."""
        digest = hashlib.sha256(name.encode()).digest()
        networks = [self._network4(owner, (index + turn) % 2) for turn in range(2 if web else 1)]
        found = [self._free(network, digest[turn], 254) for turn, network in enumerate(networks)]
        return (*found, self._free(self._network6(owner), int.from_bytes(digest[2:4], "big"), 65_000))

    def _free(self, network: ipaddress.IPv4Address | ipaddress.IPv6Address, wish: int, size: int) -> str:
        for step in range(size):
            address = str(network + 1 + (wish + step) % size)
            if address not in self._used:
                self._used.add(address)
                return address
        return str(network + 1)  # more hosts than addresses: they share, as behind a real front

    @staticmethod
    def _network4(owner: str, number: int) -> ipaddress.IPv4Address:
        attempt = 0
        while True:
            digest = hashlib.sha256(f"{owner}/{number}/{attempt}".encode()).digest()
            address = ipaddress.IPv4Address(bytes([_FIRST_OCTETS[digest[0] % len(_FIRST_OCTETS)], digest[1], digest[2], 0]))
            if address.is_global:
                return address
            attempt += 1

    @staticmethod
    def _network6(owner: str) -> ipaddress.IPv6Address:
        digest = hashlib.sha256(f"{owner}/6".encode()).digest()
        return ipaddress.IPv6Address(b"\x2a\x04\x4e" + digest[:5] + bytes(8))  # within 2a04:4e00::/24, as content networks have
