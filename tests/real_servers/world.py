"""The Internet of the laboratory, as plain data: which names exist, at which addresses, and what answers there.

Everything is read from the catalog that the program itself uses; a host that joins a service joins the laboratory too.
Addresses look public but are made up: two /16 of 104.0.0.0/8 a site, two /24 a host with an address in each.  A third
address, an edge, serves the host too, but the DNS does not name it: a provider's resolver may, as with a CDN.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from diagnostics.bogons import is_address
from diagnostics.catalog import Catalog
from diagnostics.model import Control, Endpoint, Probe, Resolver, Service

HOME = "casa-propia.org"
"""A small site."""

CLEAR = "sin-cifrar.org"
"""A site without a secure page."""

TENANT = "vecino-de-x.org"
"""A site whose addresses lie in the networks of x.com."""

MISDIRECTED = {"en-casa.org": "127.0.0.1", "en-la-oficina.org": "10.20.30.40"}
"""Names whose owners published an address that leads nowhere."""

APART = 100
"""What lies between the two networks of a host, in their second number."""

HELD_PROBES = {Probe.TCP, Probe.TCP_HOLD}


class Answer(enum.StrEnum):
    """What answers at one port of a host."""

    TLS = "tls"  # a valid certificate and pages behind it
    PLAIN = "plain"  # pages in clear text
    HOLD = "hold"  # accepts and waits, as a server does whose protocol the client has to begin


@dataclass(frozen=True)
class Page:
    """A page with a known answer; every other path of a host gets the common page."""

    status: int
    body: str


class Certificate(enum.StrEnum):
    """What kind of certificate a site shows."""

    VALID = "valid"
    EXPIRED = "expired"
    WRONG_NAME = "wrong-name"
    SELF_SIGNED = "self-signed"


@dataclass(frozen=True)
class Conduct:
    """How the servers of a site behave, by their own will or fault.

    ``status`` and ``title`` replace the common page; ``moves`` is the rest of an nginx location instead of it; ``lines``
    is the common page's length.
    """

    certificate: Certificate = Certificate.VALID
    listening: bool = True
    status: int = 200
    title: str = ""
    moves: str = ""
    lines: int = 0


ORDINARY = Conduct()


@dataclass
class Host:
    """A name (or an address without a name) and what it offers."""

    name: str
    site: str
    addresses: list[str]
    ports: dict[int, Answer] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    doh_paths: set[str] = field(default_factory=set)
    certified_addresses: set[str] = field(default_factory=set)
    edges: list[str] = field(default_factory=list)

    def offer(self, port: int, answer: Answer) -> None:
        """Answer at a port; TLS wins where several endpoints share one, since it also holds a connection."""
        if self.ports.get(port) is not Answer.TLS:
            self.ports[port] = answer


class World:
    """All hosts of a catalog, with the resolvers' listening addresses."""

    def __init__(self, catalog: Catalog) -> None:
        """Lay the catalog out."""
        self.hosts: dict[str, Host] = {}
        self.plain_resolvers: set[str] = set()
        self.tls_resolvers: set[str] = set()
        self.dot_names: dict[str, list[str]] = {}
        self._networks: dict[str, int] = {}
        self.networks: list[str] = []  # whole networks that answer, beside the single addresses
        self.groups: list[list[str]] = []  # names that share a certificate, served at every address
        self.services = catalog.services
        for resolver in catalog.resolvers:
            self._add_resolver(resolver)
        for service in catalog.services.values():
            for function in service.functions:
                for endpoint in function.endpoints:
                    self._add_endpoint(service, endpoint)
        for control in catalog.controls:
            self._add_control(control)
        self._add_people()

    def names_of(self, service: str) -> list[str]:
        """Return the host names of a service."""
        return [host.name for host in self._hosts_of(service) if not is_address(host.name)]

    def addresses_of(self, service: str) -> list[str]:
        """Return every address of a service."""
        return [address for host in self._hosts_of(service) for address in (*host.addresses, *host.edges)]

    @property
    def resolver_addresses(self) -> list[str]:
        """Return every address at which a public resolver answers over any transport."""
        doors = {address for host in self.hosts.values() if host.doh_paths for address in host.addresses}
        return sorted(doors | self.plain_resolvers | self.tls_resolvers)

    def suffixes_of(self, service: str) -> list[str]:
        """Return the smallest set of zones that covers every name of a service."""
        zones = set(self.services[service].suffixes)
        loose = {name for name in self.names_of(service) if not _below(name, zones)}
        return sorted(zones | loose)

    @property
    def addresses(self) -> list[str]:
        """Return every address that exists, once."""
        found = {address for host in self.hosts.values() for address in (*host.addresses, *host.edges)}
        return sorted(found | self.plain_resolvers | self.tls_resolvers)

    @property
    def records(self) -> list[tuple[str, str]]:
        """Return the (name, address) pairs of the DNS."""
        pairs = [(host.name, a) for host in self.hosts.values() if not is_address(host.name) for a in host.addresses]
        pairs += [(name, address) for name, addresses in self.dot_names.items() for address in addresses]
        pairs += list(MISDIRECTED.items())
        return sorted(set(pairs))

    def _hosts_of(self, service: str) -> Iterable[Host]:
        return (host for host in self.hosts.values() if host.site == f"service-{service}")

    def _host(self, name: str, site: str, addresses: Iterable[str] = ()) -> Host:
        name = name.lower()
        if name not in self.hosts:
            given = [name] if is_address(name) else [a for a in addresses if ":" not in a]
            self.hosts[name] = Host(name, site, given) if given else self._allocate(name, site)
        return self.hosts[name]

    def _allocate(self, name: str, site: str) -> Host:
        network = 16 + list(dict.fromkeys([*self._networks, site])).index(site)
        number = self._networks.get(site, 0) + 1
        self._networks[site] = number
        addresses = [f"104.{network}.{number}.10", f"104.{network + APART}.{number}.20"]
        return Host(name, site, addresses, edges=[f"104.{network}.{number}.30"])

    def _add_people(self) -> None:
        """Add the sites of ordinary people, which nobody but their owner has anything against."""
        for name in (HOME, CLEAR):
            self._host(name, f"site-{name}").offer(80, Answer.PLAIN)
        self.hosts[HOME].offer(443, Answer.TLS)
        near = [f"{address.rpartition('.')[0]}.77" for host in self._hosts_of("x") if host.name == "x.com" for address in host.addresses]
        self._host(TENANT, f"site-{TENANT}", near).offer(443, Answer.TLS)

    def _add_endpoint(self, service: Service, endpoint: Endpoint) -> None:
        host = self._host(endpoint.host, f"service-{service.id}")
        if endpoint.probe in HELD_PROBES:
            host.offer(endpoint.port, Answer.HOLD)
        elif endpoint.probe is Probe.HTTP:
            host.offer(endpoint.port, Answer.PLAIN)
        elif endpoint.probe is not Probe.DNS:
            host.offer(endpoint.port, Answer.TLS)
            host.ports.setdefault(80, Answer.PLAIN)

    def _add_control(self, control: Control) -> None:
        host = self._host(control.host, f"control-{control.operator}")
        if control.kind == "portal":
            host.offer(control.port, Answer.PLAIN)
            host.pages[control.path] = Page(control.expect_status, control.expect_body)
            return
        host.offer(control.port, Answer.TLS)
        host.ports.setdefault(80, Answer.PLAIN)
        if control.path != "/" or control.expect_body or control.expect_status != 200:
            host.pages[control.path] = Page(control.expect_status, control.expect_body)

    def _add_resolver(self, resolver: Resolver) -> None:
        addresses = [address for address in resolver.addresses if ":" not in address]
        if resolver.plain:
            self.plain_resolvers.update(addresses)
        if resolver.dot_name:
            self.tls_resolvers.update(addresses)
            if not is_address(resolver.dot_name):
                self.dot_names.setdefault(resolver.dot_name, []).extend(addresses)
        if resolver.doh_url:
            url = urlsplit(resolver.doh_url)
            host = self._host(url.hostname or "", f"resolver-{resolver.id}", addresses)
            host.addresses = list(dict.fromkeys([*host.addresses, *addresses]))
            host.offer(url.port or 443, Answer.TLS)
            host.doh_paths.add(url.path or "/")
            if resolver.doh_by_address:
                host.certified_addresses.update(addresses)


def _below(name: str, zones: set[str]) -> bool:
    return any(name == zone or name.endswith(f".{zone}") for zone in zones)
