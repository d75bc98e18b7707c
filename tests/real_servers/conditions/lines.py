"""Conditions of the line and of this computer, and of filters that slow or stop what has begun."""

from __future__ import annotations

from tests.real_servers.censor import hello
from tests.real_servers.conditions.condition import Condition, Expected, likely, works
from tests.real_servers.netns import Line
from tests.real_servers.servers import PORTAL_PORT
from tests.real_servers.setting import CLIENT_DEVICE, Setting
from tests.real_servers.world import Conduct, World

BYSTANDER = "signal"
CHECKED = ("x", BYSTANDER)
DAY = 24 * 3600

FROZEN_AFTER = 16 * 1024
"""Bytes from the server after which nothing more came through from some hosting networks in Russia in 2025."""

NARROW = 48_000
"""Bytes a second of a line as a crowded telephone mast leaves to one person."""

SAID = 7
"""The mark of connections that said a name."""

SLOW_RATE = "16kb/s"
SLOW_BURST = "20kb"
"""What hashlimit lets through of each connection.  Segments that the kernel joined must fit into the burst, or none comes through."""

HEAVY = 2000
"""Lines of a page of 170 kB, as a real first page is."""


def _frozen(world: World) -> Setting:
    """Let nothing more through in either direction once the server has sent so much."""
    bytes_sent = f"-m connbytes --connbytes {FROZEN_AFTER}: --connbytes-dir reply --connbytes-mode bytes"
    rules = [f"-A FORWARD -p tcp -m conntrack --ctorigdst {address} {bytes_sent} -j DROP" for address in world.addresses_of("x")]
    return Setting(rules=tuple(rules), conduct=_heavy(world))


def _slowed(world: World) -> Setting:
    """Drop what the server sends too quickly on connections that said a name, each for itself (Russia, March 2021)."""
    named = tuple(f"-A FORWARD {hello(name)} -j CONNMARK --set-mark {SAID}" for name in world.names_of("x"))
    limit = f"--hashlimit-name slow --hashlimit-mode srcip,dstip,dstport --hashlimit-above {SLOW_RATE} --hashlimit-burst {SLOW_BURST}"
    slow = f"-A FORWARD -o {CLIENT_DEVICE} -p tcp -m connmark --mark {SAID} -m hashlimit {limit} -j DROP"
    return Setting(mangle=named, rules=(slow,), conduct=_heavy(world))


def _heavy(world: World) -> dict[str, Conduct]:
    """Let the pages of X and of what it is compared with be as heavy as real ones: small pages say nothing of speed."""
    sites = {host.site for host in world.hosts.values() if host.site == "service-x" or host.site.startswith("control-")}
    return {site: Conduct(lines=HEAVY) for site in sites}


def _dead_ipv6(world: World) -> Setting:
    """Publish IPv6 addresses beside the others, and swallow what is sent to them."""
    names = [name for service in CHECKED for name in world.names_of(service)]
    lines = [
        line
        for number, name in enumerate(names, 1)
        for line in (f'local-zone: "{name}." typetransparent', f'local-data: "{name}. 60 AAAA 2606:4700:77::{number:x}"')
    ]
    return Setting(dns=tuple(lines), public_dns=tuple(lines), ipv6=True)


def _portal(_: World) -> Setting:
    """Answer every page in clear text with the way to the sign-in page, and let nothing else out."""
    return Setting(
        nat=(f"-A PREROUTING -i {CLIENT_DEVICE} -p tcp --dport 80 ! -d 192.168.77.1 -j REDIRECT --to-ports {PORTAL_PORT}",),
        rules=(
            f"-A FORWARD -i {CLIENT_DEVICE} -p tcp -j REJECT --reject-with tcp-reset",
            f"-A FORWARD -i {CLIENT_DEVICE} -j REJECT --reject-with icmp-admin-prohibited",
        ),
    )


CONDITIONS = (
    Condition("line-loses-5-percent", lambda _: Setting(near=Line(rtt=0.02, loss=0.05)), CHECKED, works(*CHECKED)),
    # one name of some forty may lose all its questions by chance, once in a hundred runs; then nobody can tell
    Condition(
        "line-loses-10-percent",
        lambda _: Setting(near=Line(rtt=0.02, loss=0.10)),
        CHECKED,
        tuple(Expected(target, ("works", "unknown")) for target in CHECKED),
    ),
    Condition("line-far-away", lambda _: Setting(near=Line(rtt=0.6)), CHECKED, works(*CHECKED)),
    Condition("line-narrow", lambda _: Setting(near=Line(rtt=0.02, rate=NARROW)), CHECKED, works(*CHECKED)),
    Condition("line-2-seconds-away", lambda _: Setting(near=Line(rtt=2.0)), (BYSTANDER,), works(BYSTANDER), timeout=60),
    Condition(
        "frozen-after-16-kilobytes",
        _frozen,
        CHECKED,
        (likely("x", "throttled"), *works(BYSTANDER)),  # the filter goes by addresses: the page is no quicker under another name
    ),
    Condition("slowed-by-name", _slowed, CHECKED, (Expected("x", ("slow",), ("throttled",), ("certain", "likely")), *works(BYSTANDER))),
    Condition(
        "udp-swallowed-but-names",
        lambda _: Setting(rules=(f"-A FORWARD -i {CLIENT_DEVICE} -p udp ! --dport 53 -j DROP",)),
        CHECKED,
        works(*CHECKED),
    ),
    Condition("dead-ipv6", _dead_ipv6, CHECKED, works(*CHECKED)),
    Condition(
        "captive-portal",
        _portal,
        CHECKED,
        tuple(Expected(target, ("unknown",), ("captive_portal",)) for target in CHECKED),
        network="captive_portal",
        resolvers=True,
    ),
    Condition(
        "clock-a-year-behind",
        lambda _: Setting(clock_ahead=-400 * DAY),
        CHECKED,
        tuple(Expected(target, ("unknown",), ("wrong_clock",)) for target in CHECKED),
        network="wrong_clock",
    ),
    Condition("clock-an-hour-ahead", lambda _: Setting(clock_ahead=3600), CHECKED, works(*CHECKED)),
)
