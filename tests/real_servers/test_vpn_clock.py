"""A clock that is an hour off against wireguard-go, which takes no greeting that is older than the last one it took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.real_servers.lab import Lab
from tests.real_servers.netns import command
from tests.real_servers.wireguard import INITIATION, SERVER, Made, censored, clock_off, report_on, verdict, wireguard_server

pytestmark = pytest.mark.root

HOUR = 3600
COUNTING = f"""table ip counted {{
  counter to_server {{ }}
  chain passing {{
    type filter hook forward priority -10;
    icmp type destination-unreachable accept
    ip daddr {SERVER} counter name to_server
  }}
}}
"""
"""Everything but what a client's system says by itself of an answer that comes after the socket was closed."""


@pytest.fixture(scope="module")
def made(lab: Lab) -> Iterator[Made]:
    """Run the server for all tests of this file, and count what is sent to it."""
    with wireguard_server(lab) as profile:
        command(*lab.internet.wrap("nft", "-f", "-"), text=COUNTING)
        try:
            yield profile
        finally:
            command(*lab.internet.wrap("nft", "delete", "table", "ip", "counted"))


def packets_to_server(lab: Lab) -> int:
    """Return how many packets have passed on their way to the server."""
    found = json.loads(command(*lab.internet.wrap("nft", "-j", "list", "counters")))
    return int(next(each["counter"]["packets"] for each in found["nftables"] if "counter" in each))


def told(lab: Lab, made: Made) -> tuple[tuple[str, str | None, str], dict[str, Any]]:
    """Return what is said of the profile, and of the line."""
    report, route, _ = report_on(lab, made, "x")
    return verdict(route), report["network"]


def test_a_clock_behind_is_named_where_the_server_has_taken_a_newer_greeting(lab: Lab, made: Made) -> None:
    assert told(lab, made)[0][0] == "works"
    with clock_off(lab, -HOUR):
        said, network = told(lab, made)
    assert said == ("unknown", "wrong_clock", "vpn.clock_behind")
    assert network["clock_skew_s"] == pytest.approx(-HOUR, abs=30)
    assert packets_to_server(lab) > 0


def test_a_clock_behind_is_said_before_a_filter_is_suspected(lab: Lab, made: Made) -> None:
    with clock_off(lab, -HOUR), censored(lab, INITIATION):
        assert told(lab, made)[0] == ("unknown", "wrong_clock", "vpn.clock_behind")


def test_a_clock_ahead_sends_the_server_nothing_and_harms_nobody(lab: Lab, made: Made) -> None:
    before = packets_to_server(lab)
    with clock_off(lab, HOUR):
        said, network = told(lab, made)
    assert said == ("not_tested", "wrong_clock", "vpn.clock_ahead")
    assert network["clock_skew_s"] == pytest.approx(HOUR, abs=30)
    assert packets_to_server(lab) == before
    assert told(lab, made)[0][0] == "works", "the right clock is locked out"
