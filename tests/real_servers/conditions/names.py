"""Conditions of the name layer: resolvers that lie, refuse or are swallowed, and answers that only look like lies."""

from __future__ import annotations

from tests.real_servers.censor import towards
from tests.real_servers.conditions.condition import Condition, Expected, blocked, down, works
from tests.real_servers.setting import CLIENT_DEVICE, Setting
from tests.real_servers.world import HOME, World

BIG_RESOLVER = "8.8.8.8"
SPARED = ("wikimedia", "cira", "digitale-gesellschaft")
"""The resolvers that a real block of all the big ones overlooked (scenario ve-2025-01)."""

BYSTANDER = "signal"
CHECKED = ("x", BYSTANDER)
NOBODYS_NAME = "https://nadie-tiene-este-nombre.org/"

_TO_THE_PROVIDER = tuple(f"-A PREROUTING -i {CLIENT_DEVICE} -p {kind} --dport 53 -j REDIRECT --to-ports 53" for kind in ("udp", "tcp"))


def _zones(world: World, kind: str) -> tuple[str, ...]:
    return tuple(f'local-zone: "{zone}." {kind}' for zone in world.suffixes_of("x"))


def _denied(world: World) -> tuple[str, ...]:
    return _zones(world, "always_nxdomain")


def _failing(world: World) -> Setting:
    """Ask a server that does not exist: unbound then answers SERVFAIL."""
    zones = world.suffixes_of("x")
    return Setting(dns=tuple(line for zone in zones for line in ("forward-zone:", f'name: "{zone}."', "forward-addr: 127.0.0.1@9")))


def _astray(world: World) -> Setting:
    """Name a stranger's server, which has a certificate of its own."""
    stranger = world.hosts[HOME].addresses[0]
    zones = world.suffixes_of("x")
    lines = [line for zone in zones for line in (f'local-zone: "{zone}." redirect', f'local-data: "{zone}. 60 A {stranger}"')]
    return Setting(dns=tuple(lines))


def _near_edges(world: World) -> Setting:
    """Name other servers of the same owner, as a CDN does for those who ask nearby."""
    edges = [(host.name, edge) for host in world.hosts.values() if host.site == "service-x" for edge in host.edges]
    return Setting(dns=tuple(f'local-data: "{name}. 60 A {edge}"' for name, edge in edges))


def _resolvers_swallowed(world: World, spared: tuple[str, ...] = ()) -> tuple[str, ...]:
    left = {address for host in world.hosts.values() if host.site in {f"resolver-{name}" for name in spared} for address in host.addresses}
    return towards((a for a in world.resolver_addresses if a not in left), "-j DROP")


def _hosts_file(world: World) -> Setting:
    return Setting(hosts=tuple(f"127.0.0.1 {name}" for name in world.names_of("x") if name.count(".") == 1))


TAKEN_OVER = ("resolver:any", "udp", "dns.taken_over")

CONDITIONS = (
    Condition(
        "dns-refused", lambda w: Setting(dns=_zones(w, "always_refuse")), CHECKED, (blocked("x", "dns_tampering"), *works(BYSTANDER))
    ),
    Condition("dns-servfail", _failing, CHECKED, (blocked("x", "dns_tampering"), *works(BYSTANDER))),
    Condition("dns-empty", lambda w: Setting(dns=_zones(w, "always_nodata")), CHECKED, (blocked("x", "dns_tampering"), *works(BYSTANDER))),
    Condition("dns-silence", lambda w: Setting(dns=_zones(w, "always_deny")), CHECKED, (blocked("x", "dns_no_answer"), *works(BYSTANDER))),
    Condition("dns-stranger", _astray, CHECKED, (blocked("x", "dns_tampering"), *works(BYSTANDER))),
    Condition(
        "dns-injected",
        lambda w: Setting(injected=tuple(w.names_of("x")), nameservers=(BIG_RESOLVER,)),
        CHECKED,
        (blocked("x", "dns_tampering"), *works(BYSTANDER)),
    ),
    Condition(
        "dns-intercepted-with-lies",
        lambda w: Setting(dns=_denied(w), nat=_TO_THE_PROVIDER, nameservers=(BIG_RESOLVER,)),
        CHECKED,
        (blocked("x", "dns_tampering"), *works(BYSTANDER)),
        resolvers=True,
        ways=(TAKEN_OVER,),
    ),
    Condition(
        "dns-intercepted-honestly", lambda _: Setting(nat=_TO_THE_PROVIDER), CHECKED, works(*CHECKED), resolvers=True, ways=(TAKEN_OVER,)
    ),
    Condition(
        "all-resolvers-swallowed",
        lambda w: Setting(dns=_denied(w), rules=_resolvers_swallowed(w)),
        CHECKED,
        # nothing is left to ask, so nobody can tell a denied name from one that does not exist
        (Expected("x", ("unknown",), ("",), ("none",)), *works(BYSTANDER)),
        resolvers=True,
    ),
    Condition(
        "resolvers-swallowed-but-three",
        lambda w: Setting(dns=_denied(w), rules=_resolvers_swallowed(w, SPARED)),
        CHECKED,
        (blocked("x", "dns_tampering"), *works(BYSTANDER)),
        resolvers=True,
    ),
    Condition(
        "dot-swallowed",
        lambda w: Setting(dns=_denied(w), rules=(f"-A FORWARD -i {CLIENT_DEVICE} -p tcp --dport 853 -j DROP",)),
        CHECKED,
        (blocked("x", "dns_tampering"), *works(BYSTANDER)),
        resolvers=True,
        ways=tuple((f"resolver:{each}", "dot", "resolver.way_closed") for each in ("cloudflare", "google", "quad9-unfiltered")),
    ),
    Condition(
        "doh-swallowed",
        lambda w: Setting(dns=_denied(w), rules=towards(w.resolver_addresses, "-p tcp --dport 443 -j DROP")),
        CHECKED,
        (blocked("x", "dns_tampering"), *works(BYSTANDER)),
        resolvers=True,
        ways=tuple((f"resolver:{each}", "doh", "resolver.way_closed") for each in ("cloudflare", "google", "quad9-unfiltered")),
    ),
    Condition("cdn-answers-differ", _near_edges, CHECKED, works(*CHECKED)),
    Condition("hosts-file", _hosts_file, CHECKED, (down("x", "hosts_file"), *works(BYSTANDER))),
    Condition(
        "site-on-loopback",
        lambda _: Setting(),
        ("--url", "https://en-casa.org/", "--url", "https://en-la-oficina.org/", BYSTANDER),
        (down("https://en-casa.org/", "server_fault"), down("https://en-la-oficina.org/", "server_fault"), *works(BYSTANDER)),
    ),
    Condition(
        "name-of-nobody", lambda _: Setting(), ("--url", NOBODYS_NAME, BYSTANDER), (down(NOBODYS_NAME, "server_fault"), *works(BYSTANDER))
    ),
)
