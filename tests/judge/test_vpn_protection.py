"""What is said of a VPN's protection, on recorded observations: each leak by its name, each innocent look-alike not."""

from __future__ import annotations

import pytest

from diagnostics.judge.evidence import Evidence
from diagnostics.judge.vpn_protection import checks_of
from diagnostics.model import OUTSIDE, Status, Step, VpnVerdict
from tests.judge.protection_story import ELSEWHERE, FULL, IPV6_ROUTED_OUTSIDE, LINE, LINE_NAME, NAMES_ROUTED_OUTSIDE, VPN, Protection, place

TIMEOUT = "generic_timeout_error"
DNS_LEAK = ("partial", "vpn_dns_outside", "certain")
LIKELY_DNS_LEAK = ("partial", "vpn_dns_outside", "likely")
UDP_LEAK = ("partial", "vpn_udp_outside", "certain")
IPV6_LEAK = ("partial", "vpn_ipv6_outside", "certain")
FINE, PROBABLY_FINE, NO_IDEA = ("works", None, "certain"), ("works", None, "likely"), ("unknown", None, "none")


# --- whether anything is said at all --------------------------------------------------------------


def test_a_run_that_was_not_asked_says_nothing_of_protection() -> None:
    assert checks_of(Evidence(()), FULL) == ()


@pytest.mark.parametrize(
    "state, status, rule",
    [
        ("none", "not_tested", "vpn.no_tunnel"),
        ("browser_only", "not_tested", "vpn.no_tunnel"),
        ("stale", "not_tested", "vpn.no_tunnel"),
        ("split", "not_tested", "vpn.part_of_traffic"),
        ("mesh", "not_tested", "vpn.part_of_traffic"),
        ("unknown", "unknown", "vpn.state_unknown"),
        ("a word of a newer Atajo", "not_tested", "vpn.part_of_traffic"),
    ],
)
def test_without_a_vpn_that_carries_everything_nothing_is_a_leak(state: str, status: str, rule: str) -> None:
    story = Protection().exit().outside().asked_by("200.44.32.12", LINE)
    checks = checks_of(Evidence(story.observations), VpnVerdict(state=state))
    assert {(c.status.value, c.rule, c.cause) for c in checks} == {(status, rule, None)}


def test_a_simulated_network_has_no_tunnel_to_test() -> None:
    checks = checks_of(Evidence(Protection(simulated=True).observations), FULL)
    assert {(c.status.value, c.rule) for c in checks} == {("not_tested", "vpn.protection_simulated")}


def test_what_could_not_be_asked_is_not_tested_and_no_fault() -> None:
    checks = checks_of(Evidence(Protection().observations), FULL)
    assert {c.status.value for c in checks} <= {"not_tested", "unknown"}
    assert all(c.cause is None for c in checks)


# --- where it comes out ---------------------------------------------------------------------------


def test_pages_that_agree_and_a_line_that_is_known_make_the_exit_certain() -> None:
    assert Protection().exit().outside().found("exit") == FINE


def test_without_anything_to_compare_the_exit_is_only_likely() -> None:
    assert Protection().exit().found("exit") == PROBABLY_FINE


def test_two_pages_that_disagree_are_shown_and_prove_nothing() -> None:
    story = Protection().step("exit", service="ipify", family=4, **place("185.1.1.1", VPN, operator="M247"))
    story.step("exit", service="cloudflare-trace", family=4, **place("9.8.7.6", ELSEWHERE, operator="Other"))
    assert story.check("exit").rule == "vpn.exit_disagrees"


def test_exits_that_share_the_load_within_one_network_agree() -> None:
    story = Protection().outside().step("exit", service="ipify", family=4, **place("185.1.1.1", VPN))
    story.step("exit", service="cloudflare-trace", family=4, **place("185.9.9.9", VPN))
    assert story.found("exit") == FINE


def test_the_address_of_the_line_itself_is_no_protection() -> None:
    story = Protection().exit("186.88.1.1", LINE, name=LINE_NAME).outside("186.88.1.1")
    assert story.found("exit") == ("partial", None, "likely")
    assert story.check("exit").rule == "vpn.exit_same_address"


def test_a_vpn_at_home_in_the_network_of_the_line_is_not_accused() -> None:
    story = Protection().exit("186.88.7.7", LINE, name=LINE_NAME).outside("186.88.1.1")
    story.asked_by("200.44.32.12", LINE).datagram("186.88.9.9", LINE)
    assert [story.found(name) for name in ("exit", "names_seen", "udp")] == [NO_IDEA] * 3


# --- who asks for names ---------------------------------------------------------------------------


def test_the_providers_resolver_is_a_leak_when_the_line_is_known_beside_the_tunnel() -> None:
    story = Protection().exit().outside().asked_by("200.44.32.12", LINE, operator=LINE_NAME)
    assert story.found("names_seen") == DNS_LEAK


def test_the_providers_resolver_is_a_leak_when_the_line_is_remembered() -> None:
    assert Protection().exit().remembers().asked_by("200.44.32.12", LINE).found("names_seen") == DNS_LEAK


def test_a_resolver_that_the_line_was_seen_with_in_another_network_is_likely_a_leak_where_the_routes_say_so_too() -> None:
    story = Protection().exit().remembers(resolvers=(27717,)).asked_by("200.35.1.1", 27717)
    assert story.found("names_seen", NAMES_ROUTED_OUTSIDE) == LIKELY_DNS_LEAK


def test_a_resolver_that_a_person_chose_with_and_without_the_vpn_is_no_leak() -> None:
    story = Protection().exit().remembers(resolvers=(39351,)).asked_by("194.242.2.2", 39351, operator="Mullvad")
    assert story.found("names_seen") == NO_IDEA


def test_one_name_server_alone_makes_a_leak_only_likely() -> None:
    assert Protection().exit().remembers().asked_by("200.44.32.12", LINE, services=("akamai",)).found("names_seen") == LIKELY_DNS_LEAK


def test_a_leak_beside_answers_of_the_vpn_may_be_an_old_answer_that_was_kept() -> None:
    story = Protection().exit().remembers().asked_by("200.44.32.12", LINE).asked_by("185.1.1.2", VPN, services=("akamai",))
    assert story.found("names_seen") == LIKELY_DNS_LEAK


def test_a_resolver_in_the_network_of_the_exit_is_the_vpns() -> None:
    assert Protection().exit().remembers().asked_by("185.1.44.2", VPN).found("names_seen") == FINE


def test_a_public_resolver_is_no_leak_even_if_the_line_used_it_too() -> None:
    story = Protection().exit().remembers(resolvers=(15169,)).asked_by("74.125.1.1", 15169, operator="GOOGLE", public="Google")
    assert story.found("names_seen") == PROBABLY_FINE


def test_a_vpns_resolver_in_a_third_network_is_no_leak_when_the_line_is_known() -> None:
    assert Protection().exit().remembers().asked_by("51.15.1.1", ELSEWHERE).found("names_seen") == PROBABLY_FINE


def test_a_resolver_in_a_third_network_is_nobodys_when_nothing_is_known() -> None:
    assert Protection().exit().asked_by("51.15.1.1", ELSEWHERE).found("names_seen") == NO_IDEA


def test_without_networks_a_resolver_in_the_lines_range_is_at_most_likely() -> None:
    story = Protection()
    for page in ("ipify", "cloudflare-trace"):
        story.step("exit", service=page, family=4, **place("185.1.1.1"))
        story.step("exit", service=page, family=4, route=OUTSIDE, **place("186.88.1.1"))
    assert story.asked_by("186.88.2.2").found("names_seen") == LIKELY_DNS_LEAK


def test_a_leak_needs_a_known_exit() -> None:
    story = Protection().step("exit", TIMEOUT, service="ipify", family=4).remembers().asked_by("200.44.32.12", LINE)
    assert story.found("names_seen") == NO_IDEA


# --- IPv6 -----------------------------------------------------------------------------------------


def test_ipv6_in_the_lines_network_is_a_leak() -> None:
    story = Protection().exit().outside().exit("2800:1::1", LINE, name=LINE_NAME, family=6)
    assert story.found("ipv6_seen") == IPV6_LEAK


def test_ipv6_elsewhere_is_a_leak_where_the_routes_say_so_too() -> None:
    story = Protection().exit().exit("2800:1::1", ELSEWHERE, name="Somebody", family=6)
    assert story.found("ipv6_seen", IPV6_ROUTED_OUTSIDE) == IPV6_LEAK


def test_a_provider_with_another_network_for_ipv6_is_not_accused() -> None:
    story = Protection().exit().remembers().exit("2a02:1::1", ELSEWHERE, name="M247 Europe SRL", family=6)
    assert story.found("ipv6_seen") == PROBABLY_FINE


def test_ipv6_of_another_operator_alone_is_not_accused() -> None:
    assert Protection().exit().exit("2a02:1::1", ELSEWHERE, name="Somebody", family=6).found("ipv6_seen") == NO_IDEA


def test_ipv6_that_leads_nowhere_does_not_leak() -> None:
    assert Protection().exit().step("exit", TIMEOUT, service="ipify", family=6).found("ipv6_seen") == PROBABLY_FINE


def test_pages_that_are_silent_over_ipv6_do_not_clear_a_way_that_is_open() -> None:
    silent = Protection().exit().step("exit", TIMEOUT, service="ipify", family=6)
    assert silent.found("ipv6_seen", IPV6_ROUTED_OUTSIDE) == NO_IDEA


def test_a_computer_without_ipv6_is_not_tested_for_it() -> None:
    assert Protection().exit().found("ipv6_seen") == ("not_tested", None, "none")


# --- calls ----------------------------------------------------------------------------------------


def test_datagrams_from_the_lines_network_are_a_leak() -> None:
    assert Protection().exit().remembers().datagram("186.88.1.1", LINE).found("udp") == UDP_LEAK


def test_one_server_alone_makes_it_likely() -> None:
    story = Protection().exit().remembers().datagram("186.88.1.1", LINE, services=("telnyx-stun",))
    assert story.found("udp") == ("partial", "vpn_udp_outside", "likely")


def test_datagrams_from_the_exits_own_address_are_fine() -> None:
    assert Protection().exit().remembers().datagram("185.1.1.1", VPN).found("udp") == FINE


def test_exits_behind_a_shared_address_are_fine() -> None:
    assert Protection().exit().remembers().datagram("185.1.200.1", VPN).found("udp") == FINE


def test_datagrams_from_another_network_of_the_same_operator_are_fine() -> None:
    assert Protection().exit().datagram("37.1.1.1", ELSEWHERE, name="M247 Ltd, GB").found("udp") == PROBABLY_FINE


def test_datagrams_from_a_third_network_are_not_accused() -> None:
    assert Protection().exit().datagram("37.1.1.1", ELSEWHERE, name="Somebody").found("udp") == NO_IDEA


def test_datagrams_that_nobody_answers_are_no_leak() -> None:
    assert Protection().exit().step("udp", TIMEOUT, service="telnyx-stun", tries=3).found("udp") == NO_IDEA


# --- hostile reports ------------------------------------------------------------------------------

NONSENSE: list[dict[str, object]] = [
    {"stage": "exit", "family": "4", "mark": 5},
    {"stage": "exit", "family": 4, "mark": "a", "near": "b", "networks": "no"},
    {"stage": "exit", "family": 4, "mark": "a", "near": "b", "networks": [[1]]},
    {"stage": "dns_seen", "seen": "x", "service": 3},
    {"stage": "dns_seen", "seen": [None, 5, {"mark": "a"}], "service": "y"},
    {"stage": "line", "lines": {"networks": 5}},
    {"stage": "line", "lines": None},
    {"stage": "traffic", "sent": "many", "received": None, "asked": []},
    {"stage": "mtu", "service": [], "segment": {}, "round": "first"},
    {"stage": "speed", "bytes": "much", "body": None},
    {"stage": "udp", "mark": {}, "networks": None},
    {"stage": 7},
]


def test_a_strangers_report_cannot_bring_the_rules_to_fall() -> None:
    story = Protection()
    for detail in NONSENSE:
        story.add(Step.VPN, detail=dict(detail)).add(Step.VPN, detail=dict(detail), route=OUTSIDE)
    checks = checks_of(Evidence(story.observations), FULL)
    assert [c for c in checks if c.cause is not None] == []


def test_every_check_rests_on_steps_of_the_report() -> None:
    story = Protection().exit().outside().remembers().asked_by("200.44.32.12", LINE).datagram("186.88.1.1", LINE).counted().counted()
    story.exit("2800:1::1", LINE, family=6).hole_at("a").hole_at("b")
    known = {o.id for o in story.observations}
    for check in checks_of(Evidence(story.observations), FULL):
        assert set(check.evidence) <= known
        assert check.evidence or check.status in (Status.NOT_TESTED, Status.UNKNOWN)
        assert check.rule.startswith("vpn.")


def test_the_same_observations_give_the_same_checks() -> None:
    story = Protection().exit().outside().asked_by("200.44.32.12", LINE)
    assert checks_of(Evidence(list(story.observations)), FULL) == checks_of(Evidence(story.observations), FULL)
