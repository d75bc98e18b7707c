"""Conditions of the line and of this computer, and of filters that slow or stop what has begun."""

from __future__ import annotations

from tests.real_servers.conditions.condition import Condition, Expected, works
from tests.real_servers.netns import Line
from tests.real_servers.servers import PORTAL_PORT
from tests.real_servers.setting import CLIENT_DEVICE, Setting
from tests.real_servers.world import Conduct, World

BYSTANDER = "signal"
CHECKED = ("x", BYSTANDER)
DAY = 24 * 3600

FROZEN_AFTER = 16 * 1024
"""Bytes from the server after which nothing more came through from some hosting networks in Russia in 2025."""

HEAVY = 2000
"""Lines of a page of 170 kB, as a real first page is."""


def _frozen(world: World) -> Setting:
    """Let nothing more through in either direction once the server has sent so much."""
    bytes_sent = f"-m connbytes --connbytes {FROZEN_AFTER}: --connbytes-dir reply --connbytes-mode bytes"
    rules = [f"-A FORWARD -p tcp -m conntrack --ctorigdst {address} {bytes_sent} -j DROP" for address in world.addresses_of("x")]
    return Setting(rules=tuple(rules), conduct={"service-x": Conduct(lines=HEAVY)})


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
    # at 10 % each way a run may not get everything in time, but whoever is accused is accused wrongly
    Condition(
        "line-loses-10-percent",
        lambda _: Setting(near=Line(rtt=0.02, loss=0.10)),
        CHECKED,
        tuple(Expected(target, ("works", "slow", "partial", "unknown"), ("", "lossy_network")) for target in CHECKED),
    ),
    Condition("line-far-away", lambda _: Setting(near=Line(rtt=0.6)), CHECKED, works(*CHECKED)),
    Condition("line-2-seconds-away", lambda _: Setting(near=Line(rtt=2.0)), (BYSTANDER,), works(BYSTANDER), timeout=60),
    Condition(
        "frozen-after-16-kilobytes",
        _frozen,
        CHECKED,
        # to become blocked / throttled
        (Expected("x", ("slow", "unknown", "partial", "blocked", "likely_blocked"), ("", "throttled")), *works(BYSTANDER)),
    ),
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
