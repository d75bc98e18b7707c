"""The laboratory itself, seen by ordinary libraries: the daemons answer and each censor does what it is called."""

from __future__ import annotations

import json
import sys

import pytest

from tests.real_servers.lab import Lab, Scenario
from tests.real_servers.world import Answer, Host

pytestmark = pytest.mark.root

FORGED = ["127.0.0.1"]


def witness(lab: Lab, *words: str) -> object:
    """Return what a plain client inside the laboratory sees."""
    done = lab.run(sys.executable, "-m", "tests.real_servers.witness", *words)
    assert done.status == 0, done.stderr
    return json.loads(done.stdout)


def title_of(seen: object) -> object:
    """Return the title of a page that was fetched, or the failure."""
    if not isinstance(seen, dict):
        return seen
    return seen["body"].partition("<title>")[2].partition("</title>")[0]


def an_x_host(lab: Lab) -> Host:
    return next(h for h in lab.world.hosts.values() if h.site == "service-x" and h.ports.get(443) is Answer.TLS)


def another_host(lab: Lab) -> Host:
    return next(h for h in lab.world.hosts.values() if h.site == "service-whatsapp" and h.ports.get(443) is Answer.TLS)


def a_resolver_with_doh(lab: Lab) -> str:
    host = next(h for h in lab.world.hosts.values() if h.certified_addresses and "/dns-query" in h.doh_paths)
    return min(host.certified_addresses & lab.world.plain_resolvers & lab.world.tls_resolvers)


def test_in_the_open_names_resolve_and_pages_have_valid_certificates(lab: Lab) -> None:
    lab.censor(Scenario.OPEN)
    for host in (an_x_host(lab), another_host(lab)):
        assert witness(lab, "resolve", host.name) == sorted(host.addresses)
        assert title_of(witness(lab, "page", "https", host.addresses[0], host.name)) == host.name


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "https"])
def test_a_public_resolver_tells_the_truth_over_every_transport(lab: Lab, transport: str) -> None:
    lab.censor(Scenario.FORGED_DNS)
    host = an_x_host(lab)
    assert witness(lab, "ask", a_resolver_with_doh(lab), transport, host.name) == sorted(host.addresses)


def test_a_name_that_nobody_has_does_not_exist(lab: Lab) -> None:
    lab.censor(Scenario.OPEN)
    assert witness(lab, "resolve", "nobody-has-this-name.com") == "gaierror"
    assert witness(lab, "ask", a_resolver_with_doh(lab), "udp", "nobody-has-this-name.com") == ["NXDOMAIN"]


def test_portal_controls_answer_with_the_body_that_the_catalog_expects(lab: Lab) -> None:
    lab.censor(Scenario.OPEN)
    portals = [(host, path, page) for host in lab.world.hosts.values() for path, page in host.pages.items() if 80 in host.ports]
    assert portals
    for host, path, page in portals:
        seen = witness(lab, "page", "http", host.addresses[0], host.name, path)
        assert isinstance(seen, dict), (host.name, seen)
        assert (seen["status"], seen["body"]) == (page.status, page.body), host.name


def test_places_without_tls_hold_a_silent_connection_open(lab: Lab) -> None:
    lab.censor(Scenario.OPEN)
    held = [(host, port) for host in lab.world.hosts.values() for port, answer in host.ports.items() if answer is Answer.HOLD]
    assert held
    host, port = held[0]
    assert witness(lab, "hold", host.addresses[0], str(port)) == "open"


def test_an_address_outside_the_laboratory_is_unreachable(lab: Lab) -> None:
    lab.censor(Scenario.OPEN)
    assert witness(lab, "page", "http", "203.0.114.7", "example.org") == "OSError"


@pytest.mark.parametrize("scenario, answer", [(Scenario.FORGED_DNS, FORGED), (Scenario.NXDOMAIN, "gaierror")])
def test_a_lying_resolver_lies_about_every_name_of_the_service_only(lab: Lab, scenario: Scenario, answer: object) -> None:
    lab.censor(scenario)
    for name in lab.world.names_of("x"):
        assert witness(lab, "resolve", name) == answer
    assert witness(lab, "resolve", another_host(lab).name) == sorted(another_host(lab).addresses)


@pytest.mark.parametrize("scenario, failure", [(Scenario.SNI_RESET, "ConnectionResetError"), (Scenario.SNI_SILENCE, "TimeoutError")])
def test_a_name_filter_hits_the_name_at_any_address_and_no_other_name(lab: Lab, scenario: Scenario, failure: str) -> None:
    lab.censor(scenario)
    victim, other = an_x_host(lab), another_host(lab)
    assert witness(lab, "page", "https", victim.addresses[0], victim.name) == failure
    assert witness(lab, "page", "https", other.addresses[0], victim.name) == failure
    assert witness(lab, "page", "https", victim.addresses[0], other.name) == "SSLCertVerificationError"
    assert witness(lab, "page", "https", victim.addresses[0], f"t{victim.name}") == "SSLCertVerificationError"
    assert title_of(witness(lab, "page", "https", other.addresses[0], other.name)) == other.name


@pytest.mark.parametrize(
    "scenario, failure", [(Scenario.ADDRESS_SILENT, "TimeoutError"), (Scenario.ADDRESS_REFUSED, "ConnectionRefusedError")]
)
def test_an_address_filter_hits_every_address_of_the_service_only(lab: Lab, scenario: Scenario, failure: str) -> None:
    lab.censor(scenario)
    victim, other = an_x_host(lab), another_host(lab)
    for address in victim.addresses:
        assert witness(lab, "page", "https", address, victim.name) == failure
    assert title_of(witness(lab, "page", "https", other.addresses[0], other.name)) == other.name


def test_the_block_page_answers_for_the_service_in_clear_text_only(lab: Lab) -> None:
    lab.censor(Scenario.BLOCK_PAGE)
    victim, other = an_x_host(lab), another_host(lab)
    assert title_of(witness(lab, "page", "http", victim.addresses[0], victim.name)) == "Aviso"
    assert witness(lab, "page", "https", victim.addresses[0], victim.name) == "ConnectionRefusedError"
    seen = witness(lab, "page", "http", other.addresses[0], other.name)
    assert isinstance(seen, dict)
    assert seen["location"] == f"https://{other.name}/"


@pytest.mark.parametrize("scenario, failure", [(Scenario.OFFLINE_SILENT, "TimeoutError"), (Scenario.OFFLINE_LINK_DOWN, "OSError")])
def test_offline_nothing_answers_and_opening_the_line_mends_it(lab: Lab, scenario: Scenario, failure: str) -> None:
    host = another_host(lab)
    lab.censor(scenario)
    assert witness(lab, "page", "https", host.addresses[0], host.name) == failure
    lab.censor(Scenario.OPEN)
    assert title_of(witness(lab, "page", "https", host.addresses[0], host.name)) == host.name
