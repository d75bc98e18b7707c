"""Conditions of the layers above names: filters by name, by address and by what was said before, and strangers' certificates."""

from __future__ import annotations

from diagnostics.bogons import is_address
from tests.real_servers.censor import RESET, hello, towards
from tests.real_servers.conditions.condition import Condition, Expected, blocked, likely, works
from tests.real_servers.servers import INTERCEPTOR_PORT, NOTICE_PORT
from tests.real_servers.setting import CLIENT_DEVICE, Setting
from tests.real_servers.world import CLEAR, TENANT, Answer, World

BYSTANDER = "signal"
CHECKED = ("x", BYSTANDER)
CLEAR_SITE = f"http://{CLEAR}/"
NEIGHBOUR = f"https://{TENANT}/"
RESIDUE = 60
"""Seconds during which a place stays closed to whoever said a forbidden name there."""

FOREIGN = "Red Segura CA"
COMPANY = "Escudo Antivirus Root"


def _secure_addresses(world: World, service: str) -> list[str]:
    return [
        a
        for host in world.hosts.values()
        if host.site == f"service-{service}" and host.ports.get(443) is Answer.TLS
        for a in (*host.addresses, *host.edges)
    ]


def _to_middlebox(addresses: list[str]) -> tuple[str, ...]:
    return tuple(
        f"-A PREROUTING -i {CLIENT_DEVICE} -p tcp -d {address} --dport 443 -j REDIRECT --to-ports {INTERCEPTOR_PORT}"
        for address in addresses
    )


def _residual(world: World) -> Setting:
    """Cut the connection that says a name, and swallow what goes to that address for a while, whatever name it says."""
    memory = f"-m recent --name said --rdest --update --seconds {RESIDUE} -j DROP"
    names = tuple(f"-A FORWARD {hello(name)} -m recent --name said --rdest --set -j {RESET}" for name in world.names_of("x"))
    return Setting(rules=(f"-A FORWARD -i {CLIENT_DEVICE} -p tcp --dport 443 {memory}", *names))


def _names_of_function(world: World, service: str, function: str) -> list[str]:
    found = next(f for f in world.services[service].functions if f.id == function)
    return [endpoint.host for endpoint in found.endpoints if not is_address(endpoint.host)]


def _function_cut(world: World) -> Setting:
    return Setting(rules=tuple(f"-A FORWARD {hello(name)} -j {RESET}" for name in _names_of_function(world, "whatsapp", "media")))


def _data_centres(world: World) -> Setting:
    addresses = [a for a in world.addresses_of("telegram") if not a.startswith("104.")]
    ranges = sorted({".".join(address.split(".")[:2]) + ".0.0/16" for address in addresses})
    return Setting(rules=towards(ranges, "-j DROP"))


def _half_of_the_addresses(world: World) -> Setting:
    """Swallow one of the two networks of each host of the service."""
    halves = [host.addresses[0] for host in world.hosts.values() if host.site == "service-x"]
    return Setting(rules=towards(halves, "-j DROP"))


def _clear_site(world: World) -> list[str]:
    return world.hosts[CLEAR].addresses


def _host_cut(_: World) -> Setting:
    return Setting(rules=(f'-A FORWARD -i {CLIENT_DEVICE} -p tcp --dport 80 -m string --algo bm --string "Host: {CLEAR}" -j {RESET}',))


def _notice_for_clear_site(world: World) -> Setting:
    nat = (f"-A PREROUTING -i {CLIENT_DEVICE} -d {a} -p tcp --dport 80 -j REDIRECT --to-ports {NOTICE_PORT}" for a in _clear_site(world))
    return Setting(nat=tuple(nat))


CONDITIONS = (
    Condition("names-leave-a-residue", _residual, CHECKED, (blocked("x", "name_blocked"), *works(BYSTANDER))),
    Condition(
        "one-function-cut-by-name", _function_cut, ("whatsapp", "x"), (Expected("whatsapp", ("partial",), ("name_blocked",)), *works("x"))
    ),
    Condition(
        "data-centres-swallowed",
        _data_centres,
        ("telegram", "x"),
        (Expected("telegram", ("partial",), ("ip_blocked",), ("likely",)), *works("x")),
    ),
    Condition(
        "addresses-swallowed-but-the-neighbours",
        lambda w: Setting(rules=towards(w.addresses_of("x"), "-j DROP")),
        ("x", "--url", NEIGHBOUR),
        (blocked("x", "ip_blocked"), *works(NEIGHBOUR)),
    ),
    # a service that answers at half of its addresses works, late; who says that it is blocked is wrong
    Condition("half-of-the-addresses-swallowed", _half_of_the_addresses, CHECKED, works(*CHECKED)),
    Condition(
        "icmp-prohibited",
        lambda w: Setting(rules=towards(w.addresses_of("x"), "-j REJECT --reject-with icmp-admin-prohibited")),
        CHECKED,
        (likely("x", "ip_blocked"), *works(BYSTANDER)),
    ),
    Condition("clear-host-cut", _host_cut, ("--url", CLEAR_SITE, "x"), (likely(CLEAR_SITE, "http_blocked"), *works("x"))),
    Condition(
        "notice-on-clear-site",
        _notice_for_clear_site,
        ("--url", CLEAR_SITE, "x"),
        # a page in clear text may be anybody's; known notice pages are to be told by their words
        (Expected(CLEAR_SITE, ("blocked", "likely_blocked", "unknown", "works")), *works("x")),
    ),
    Condition(
        "opened-by-a-stranger",
        lambda w: Setting(issuer=FOREIGN, nat=_to_middlebox(_secure_addresses(w, "x"))),
        CHECKED,
        (blocked("x", "tls_interception"), *works(BYSTANDER)),
    ),
    Condition(
        "opened-by-an-antivirus",
        lambda _: Setting(
            issuer=COMPANY,
            root_installed=True,
            nat=(f"-A PREROUTING -i {CLIENT_DEVICE} -p tcp --dport 443 -j REDIRECT --to-ports {INTERCEPTOR_PORT}",),
        ),
        CHECKED,
        tuple(Expected(target, ("unknown",), ("local_interception",)) for target in CHECKED),
        network="local_interception",
        resolvers=True,
    ),
)
