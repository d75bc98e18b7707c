"""The matrix of resolvers among real name servers: unbound over UDP, TCP and TLS, dnsdist behind nginx over HTTPS.

The censor forges names only, at the provider's resolver or on the way, or swallows the best-known resolvers as well.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from diagnostics.bogons import is_address
from diagnostics.catalog import load_catalog
from diagnostics.workarounds.identity import ENCRYPTED
from diagnostics.workarounds.lookups import IN_ALL, cells_of
from tests.real_servers.censor import Scenario, censorship, towards
from tests.real_servers.lab import STRANGER, Lab, Line
from tests.real_servers.setting import Setting

pytestmark = pytest.mark.root

CATALOG = load_catalog()
ALL = {cell.way for cell in cells_of(CATALOG.resolvers)}
SWALLOWED = {"cloudflare": ("1.1.1.1", "1.0.0.1"), "google": ("8.8.8.8", "8.8.4.4")}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Build a laboratory whose resolvers are 80 ms away, 60 of them beyond the provider: whoever races them from there is nearer."""
    with Lab(load_catalog(), near=Line(rtt=0.02), far=Line(rtt=0.06)) as built:
        yield built


def engine(way: str) -> str:
    return way.partition(":")[0]


def names(lab: Lab) -> list[str]:
    """Return the name that people type, and another one of the same service."""
    return [name for name in lab.world.names_of("x") if not is_address(name)][:2]


def surveyed(lab: Lab) -> dict[str, Any]:
    """Ask from the client."""
    done = lab.run(sys.executable, "-m", "tests.real_servers.resolver_ways", *names(lab))
    assert done.status == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def true_ways(lab: Lab, seen: dict[str, Any]) -> set[str]:
    """Return the ways whose every address is a name's own."""
    truth = {name: set(lab.world.hosts[name].addresses) for name in names(lab)}
    whole = {way: found for way, found in seen["found"].items() if set(found) == set(truth)}
    return {way for way, found in whole.items() if all(set(found[name]) <= truth[name] for name in truth)}


def test_where_only_the_providers_resolver_forges_every_public_one_is_a_way(lab: Lab) -> None:
    lab.censor(Scenario.FORGED_DNS)
    seen = surveyed(lab)
    assert true_ways(lab, seen) == set(seen["found"]) == ALL
    assert seen["seconds"] <= IN_ALL
    assert {tuple(each) for each in seen["attempts"]} == {(way, n) for way in ALL for n in (1, 2)}
    assert seen["first"] < 1.0


def test_a_forger_on_the_way_is_beaten_by_encryption_tcp_and_the_second_answer(lab: Lab) -> None:
    lab.arrange(Setting(injected=tuple(names(lab))))
    seen = surveyed(lab)
    forged = set(seen["found"]) - true_ways(lab, seen)
    assert {way for way in ALL if engine(way) in ENCRYPTED | {"tcp", "tcp-cut", "udp-second"}} <= true_ways(lab, seen)
    assert {engine(way) for way in forged} <= {"udp"}
    assert forged, "the racer is nearer than any resolver"
    assert any(STRANGER in addresses for way in forged for addresses in seen["found"][way].values())


def test_a_filter_that_looks_into_single_packets_of_questions_is_passed_by_cutting_them(lab: Lab) -> None:
    rules = []
    for name in names(lab):
        labels = "".join(f"|{len(label):02x}|{label}" for label in name.split("."))
        rules.append(f'-A FORWARD -p tcp --dport 53 -m string --algo bm --hex-string "{labels}" -j DROP')
    lab.arrange(Setting(rules=tuple(rules)))
    seen = surveyed(lab)
    assert {way for way in ALL if engine(way) == "tcp-cut"} <= true_ways(lab, seen)
    assert not [way for way in seen["found"] if engine(way) == "tcp"]


def test_no_swallowed_resolver_is_found_and_the_others_are(lab: Lab) -> None:
    forged = censorship(Scenario.FORGED_DNS, lab.world, "x")
    gone = towards([address for addresses in SWALLOWED.values() for address in addresses], "-j DROP")
    lab.arrange(Setting(dns=forged.dns, rules=gone))
    seen = surveyed(lab)
    left = {way for way in ALL if way.partition(":")[2] not in SWALLOWED}
    assert true_ways(lab, seen) == set(seen["found"]) == left
    assert seen["seconds"] <= IN_ALL
    assert seen["first"] < 1.0
