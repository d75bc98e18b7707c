"""What is said of how a VPN carries, on recorded observations: sizes, traffic, certificates, speed, and each look-alike."""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.model import OUTSIDE, Cause, Certainty, NetworkVerdict, Status, Step
from tests.judge.protection_story import Protection
from tests.judge.story import CONTROL_ADDRESS

TIMEOUT = "generic_timeout_error"
ONLINE = NetworkVerdict(status=Status.WORKS, certainty=Certainty.CERTAIN, rule="network.controls_answer", evidence=("o1",))
FINE, PROBABLY_FINE, NO_IDEA = ("works", None, "certain"), ("works", None, "likely"), ("unknown", None, "none")


# --- sizes ----------------------------------------------------------------------------------------


def test_pages_that_only_small_segments_bring_twice_at_two_places_are_a_hole() -> None:
    assert Protection().hole_at("google-https").hole_at("wikimedia-https").found("mtu") == ("partial", "vpn_mtu", "certain")


def test_one_place_alone_is_likely_only_while_no_other_sends_whole_pages() -> None:
    assert Protection().hole_at("google-https").found("mtu") == ("partial", "vpn_mtu", "likely")
    assert Protection().hole_at("google-https").page_of_size("wikimedia-https", "ordinary").found("mtu") == NO_IDEA


def test_one_round_is_not_enough() -> None:
    assert Protection().hole_at("google-https", rounds=1).hole_at("wikimedia-https", rounds=1).found("mtu") == NO_IDEA


def test_a_place_that_does_not_answer_at_all_says_nothing_of_sizes() -> None:
    story = Protection()
    for number in range(2):
        for segment in ("ordinary", "small"):
            story.page_of_size("google-https", segment, TIMEOUT, number, part="connect")
    assert story.found("mtu") == NO_IDEA


def test_a_place_that_small_segments_do_not_help_is_no_hole() -> None:
    story = Protection()
    for number in range(2):
        for segment in ("ordinary", "small"):
            story.page_of_size("google-https", segment, TIMEOUT, number)
    assert story.found("mtu") == NO_IDEA


def test_whole_pages_show_that_sizes_are_fine() -> None:
    assert Protection().page_of_size("google-https", "ordinary").found("mtu") == FINE


# --- traffic --------------------------------------------------------------------------------------


def test_a_tunnel_that_swallows_two_rounds_of_questions_does_not_work() -> None:
    assert Protection().counted().counted(sent=9).found("traffic") == ("down", "vpn_no_traffic", "certain")


@pytest.mark.parametrize(
    "second",
    [
        {"received": 3},  # another program's traffic comes back: the tunnel lives
        {"answered": 1, "received": 0},
        {"sent": 2},  # the questions did not go into it
        {"sent": None, "received": None, "gone": True},
        {"sent": None, "received": None, "reset": True},
        {"asked": 2, "sent": 2},
    ],
)
def test_anything_else_is_not_called_a_dead_tunnel(second: dict[str, Any]) -> None:
    assert Protection().counted().counted(**second).check("traffic").cause is None


def test_packets_that_nobody_asked_for_show_no_dead_tunnel_and_no_living_one() -> None:
    assert Protection().counted(received=3).found("traffic") == NO_IDEA
    assert Protection().counted(received=3).tcp(CONTROL_ADDRESS).found("traffic") == FINE


def test_one_round_alone_is_not_enough_for_a_dead_tunnel() -> None:
    assert Protection().counted().found("traffic") == NO_IDEA


def test_a_dead_tunnel_is_not_said_while_connections_are_made() -> None:
    assert Protection().counted().counted().tcp(CONTROL_ADDRESS).found("traffic") == NO_IDEA


# --- certificates ---------------------------------------------------------------------------------


def controls(story: Protection, failure: str | None, *hosts: str, route: str = "direct") -> Protection:
    """Add handshakes with controls that all end alike."""
    more = {"verify_code": 20} if failure else {}
    for host in hosts or ("example.org", "es.wikipedia.org"):
        facts = {"port": 443, "server_name": host, "purpose": "control", "received": 3000} | more
        story.add(Step.TLS, host=host, address=CONTROL_ADDRESS, failure=failure, route=route, detail=facts)
    return story


STRANGE = "ssl_unknown_authority"


def test_strange_certificates_only_through_the_vpn_are_its_doing() -> None:
    story = controls(controls(Protection(), STRANGE), None, route=OUTSIDE)
    assert story.found("tls", network=ONLINE) == ("partial", "vpn_intercepts_tls", "certain")


def test_without_a_comparison_strange_certificates_are_at_most_likely() -> None:
    assert controls(Protection(), STRANGE).found("tls") == ("partial", "vpn_intercepts_tls", "likely")


def test_strange_certificates_beside_the_vpn_as_well_are_not_its_doing() -> None:
    assert controls(controls(Protection(), STRANGE), STRANGE, route=OUTSIDE).found("tls") == NO_IDEA


def test_one_strange_certificate_is_not_enough() -> None:
    assert controls(Protection(), STRANGE, "example.org").found("tls") == NO_IDEA


@pytest.mark.parametrize("cause", [Cause.LOCAL_INTERCEPTION, Cause.WRONG_CLOCK, Cause.CAPTIVE_PORTAL])
def test_a_fault_of_this_computer_or_line_explains_certificates(cause: Cause) -> None:
    network = NetworkVerdict(status=Status.DOWN, cause=cause, certainty=Certainty.CERTAIN)
    assert controls(Protection(), STRANGE).found("tls", network=network) == NO_IDEA


def test_a_root_of_this_computer_explains_certificates() -> None:
    story = controls(Protection(), STRANGE)
    facts = {"port": 443, "server_name": "example.org", "purpose": "system_roots", "received": 3000}
    story.add(Step.TLS, host="example.org", address=CONTROL_ADDRESS, detail=facts)
    assert story.found("tls") == NO_IDEA


def test_true_certificates_are_said() -> None:
    assert controls(Protection(), None).found("tls") == FINE


# --- speed, portal, facts -------------------------------------------------------------------------


def speeds(story: Protection, seconds: float, route: str = "direct") -> Protection:
    """Add two fetches that took some seconds."""
    for number in range(2):
        story.step("speed", route=route, round=number, bytes=262144, body=seconds, connect=0.1, tls=0.1, first=0.1)
    return story


def test_speed_is_slow_only_against_the_line_beside_it() -> None:
    assert speeds(speeds(Protection(), 30.0), 1.0, OUTSIDE).found("speed") == ("slow", None, "likely")
    assert speeds(Protection(), 30.0).found("speed") == PROBABLY_FINE
    assert speeds(speeds(Protection(), 3.0), 1.0, OUTSIDE).found("speed") == PROBABLY_FINE


def test_a_quick_tunnel_is_not_slow_however_quick_the_line_is() -> None:
    assert speeds(speeds(Protection(), 0.02), 0.002, OUTSIDE).found("speed") == PROBABLY_FINE


def test_silence_is_no_free_way_to_the_name_server() -> None:
    silent = Protection().lookup("example.org", failure=TIMEOUT, resolver="nobody", purpose="nobody")
    assert silent.check("names_path").rule == "vpn.dns_path_silent"
    silent.lookup("example.org", CONTROL_ADDRESS, purpose="control")
    assert silent.check("names_path").rule == "vpn.dns_path_free"


def test_a_sign_in_page_is_said_and_is_not_the_vpns_fault() -> None:
    network = NetworkVerdict(status=Status.DOWN, cause=Cause.CAPTIVE_PORTAL, certainty=Certainty.CERTAIN, evidence=("o1",))
    assert Protection().found("portal", network=network) == ("down", "captive_portal", "certain")
    assert Protection().found("portal", network=ONLINE) == FINE


def test_what_the_resolver_does_is_a_fact_and_no_fault() -> None:
    assert Protection().step("dns_facts", minimises=False, validates=False).check("resolver").rule == "vpn.resolver_plain"
    assert Protection().step("dns_facts", minimises=True, validates=True).check("resolver").rule == "vpn.resolver_careful"
    assert Protection().step("dns_facts", minimises=None, validates=None).found("resolver") == NO_IDEA


def test_questions_for_nobody_that_are_answered_are_shown_without_blame() -> None:
    story = Protection().lookup("example.org", CONTROL_ADDRESS, resolver="nobody", purpose="nobody")
    assert story.found("names_path") == PROBABLY_FINE
    assert story.check("names_path").rule == "vpn.dns_taken_over"
