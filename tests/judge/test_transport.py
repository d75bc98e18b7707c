"""Addresses, handshakes and certificates: who is accused, and of what?"""

from __future__ import annotations

import pytest

from tests.judge.story import CONTROL_ADDRESS, TRUE, TRUE_ELSEWHERE, Story, service


def story(*hosts: str) -> Story:
    told = Story(service(*(hosts or ("x.com",)))).healthy()
    for host in hosts or ("x.com",):
        told.system(host, TRUE).doh(host, TRUE)
    return told


def certificate(issuer: str, sha: str = "11") -> dict[str, object]:
    return {"subject": "CN=x", "issuer": issuer, "names": [], "sha256": sha, "not_before": "", "not_after": ""}


# --- addresses --------------------------------------------------------------------------------------


def test_a_silent_address_only_looks_blocked_since_a_service_that_is_down_looks_the_same() -> None:
    told = story().tcp(TRUE, "generic_timeout_error", tries=3)
    assert told.said() == ("likely_blocked", "ip_blocked", "likely")


def test_a_single_lost_try_accuses_nobody() -> None:
    assert story().tcp(TRUE, "generic_timeout_error", tries=1).said()[0] == "unknown"


def test_a_single_refusal_accuses_nobody_and_a_repeated_one_only_looks_blocked() -> None:
    told = story().tcp(TRUE, "connection_refused")
    assert told.said()[0] == "unknown"
    assert told.tcp(TRUE, "connection_refused", purpose="repeat").said() == ("likely_blocked", "ip_blocked", "likely")


def test_without_a_control_on_the_same_port_a_silent_address_is_unknown() -> None:
    told = Story(service("x.com")).system("x.com", TRUE).doh("x.com", TRUE).tcp(TRUE, "generic_timeout_error", tries=3)
    assert told.said()[0] == "unknown"


def test_addresses_in_two_networks_that_fail_beside_neighbours_that_answer_are_blocked_for_certain() -> None:
    told = story().system("x.com", TRUE_ELSEWHERE).doh("x.com", TRUE_ELSEWHERE)
    for address in (TRUE, TRUE_ELSEWHERE):
        told.tcp(address, "generic_timeout_error", tries=3)
        told.tcp(address.rpartition(".")[0] + ".77", host="neighbour.example", target="other")
    assert told.said() == ("blocked", "ip_blocked", "certain")


def test_one_address_of_two_that_fails_is_no_block() -> None:
    told = story().system("x.com", TRUE_ELSEWHERE).tcp(TRUE_ELSEWHERE, "generic_timeout_error", tries=3).serves("x.com", TRUE)
    assert told.said()[0] == "works"


@pytest.mark.parametrize("failure", ["unknown_failure: OSError", "no_buffer_space", "network_unreachable", "address_not_available"])
def test_this_computers_own_trouble_accuses_nobody(failure: str) -> None:
    told = story().tcp(TRUE, failure).tcp(TRUE, failure, purpose="repeat").tcp(TRUE.rpartition(".")[0] + ".77", target="other")
    assert told.said()[0] == "unknown"


def test_refusals_beside_neighbours_that_answer_are_not_certain() -> None:
    told = story().system("x.com", TRUE_ELSEWHERE).doh("x.com", TRUE_ELSEWHERE)
    for address in (TRUE, TRUE_ELSEWHERE):
        told.tcp(address, "connection_refused").tcp(address, "connection_refused", purpose="repeat")
        told.tcp(address.rpartition(".")[0] + ".77", host="neighbour.example", target="other")
    assert told.said() == ("likely_blocked", "ip_blocked", "likely")


def test_a_services_own_hosts_are_no_neighbours() -> None:
    told = story().system("x.com", TRUE_ELSEWHERE).doh("x.com", TRUE_ELSEWHERE)
    for address in (TRUE, TRUE_ELSEWHERE):
        told.tcp(address, "generic_timeout_error", tries=3).tcp(address.rpartition(".")[0] + ".77", host="api.x.com")
    assert told.said() == ("likely_blocked", "ip_blocked", "likely")


def test_an_alert_to_the_harmless_name_is_no_going_on() -> None:
    told = dies(story(), "eof_error").tls("x.com", TRUE, "ssl_failed_handshake", purpose="neutral_name", name="example.org", received=7)
    assert told.said()[0] == "unknown"


def test_dead_ipv6_accuses_no_service() -> None:
    told = story().lookup("x.com", "2606:4700::1", query="AAAA").tcp("2606:4700::1", "generic_timeout_error", tries=3)
    assert told.tcp("2606:4700::2", "generic_timeout_error", tries=3, host="y.com").serves("x.com").said()[0] == "works"


def test_a_local_filter_is_this_computers_fault() -> None:
    told = story().tcp(TRUE, "permission_denied").tcp(TRUE, "permission_denied", purpose="repeat")
    assert told.said() == ("down", "local_firewall", "likely")


# --- handshakes --------------------------------------------------------------------------------------


def dies(told: Story, failure: str = "connection_reset", *, host: str = "x.com", times: int = 2) -> Story:
    for number in range(times):
        told.tls(host, TRUE, failure, purpose="repeat" if number else "target")
    return told


def neutral_passes(told: Story) -> Story:
    return told.tls("x.com", TRUE, "ssl_invalid_hostname", purpose="neutral_name", name="example.org", received=2000, verify_code=62)


def control_dies(told: Story, failure: str = "connection_reset", *, baseline: str | None = None) -> Story:
    told.tls("x.com", CONTROL_ADDRESS, failure, purpose="control_address")
    return told.tls("es.wikipedia.org", CONTROL_ADDRESS, baseline, purpose="control_neutral")


@pytest.mark.parametrize("failure", ["connection_reset", "generic_timeout_error", "eof_error", "ssl_failed_handshake"])
def test_a_name_that_kills_handshakes_here_and_at_a_control_address_is_blocked(failure: str) -> None:
    told = control_dies(dies(story(), failure).tls("x.com", TRUE, purpose="neutral_name", name="example.org"), failure)
    assert told.said() == ("blocked", "name_blocked", "certain")


def test_a_name_that_dies_only_at_its_own_address_may_be_the_servers_fault() -> None:
    told = dies(story()).tls("x.com", TRUE, purpose="neutral_name", name="example.org")
    told.tls("x.com", CONTROL_ADDRESS, purpose="control_address").tls("es.wikipedia.org", CONTROL_ADDRESS, purpose="control_neutral")
    assert told.said() == ("likely_blocked", "name_blocked", "likely")


def test_an_address_where_every_name_dies_is_no_block_by_name() -> None:
    told = dies(story()).tls("x.com", TRUE, "connection_reset", purpose="neutral_name", name="example.org")
    assert told.said()[0] == "unknown"


def test_a_control_address_that_refuses_every_stranger_proves_nothing() -> None:
    told = control_dies(dies(story(), times=1), "ssl_failed_handshake", baseline="ssl_failed_handshake")
    assert told.said()[0] == "unknown"


def test_one_death_alone_is_a_hint_and_no_verdict() -> None:
    told = dies(story(), times=1).tls("x.com", TRUE, purpose="neutral_name", name="example.org")
    assert told.said()[0] == "unknown"


def test_a_server_that_answers_every_name_with_an_alert_is_not_accused() -> None:
    told = story()
    for purpose in ("target", "repeat"):
        told.tls("x.com", TRUE, "ssl_failed_handshake", purpose=purpose, received=7)
    told.tls("x.com", TRUE, "ssl_failed_handshake", purpose="neutral_name", name="example.org", received=7)
    assert told.said()[0] == "unknown"


def test_one_lucky_handshake_clears_the_name() -> None:
    assert dies(story(), times=1).serves("x.com").said()[0] == "works"


# --- certificates -------------------------------------------------------------------------------------


def stranger(told: Story, host: str = "x.com", issuer: str = "CN=Red Segura CA") -> Story:
    told.tls(host, TRUE, "ssl_unknown_authority", verify_code=20, reason="unable to get local issuer certificate", received=2000)
    return told.tls(host, TRUE, purpose="inspect", certificate=certificate(issuer))


def test_a_stranger_who_signs_the_name_at_a_control_address_too_is_on_the_way() -> None:
    told = stranger(story()).tls("x.com", CONTROL_ADDRESS, purpose="control_address", certificate=certificate("CN=Red Segura CA"))
    assert told.said() == ("blocked", "tls_interception", "certain")


def neutral_certificate(told: Story, issuer: str, *names: str) -> Story:
    shown = certificate(issuer, "22") | {"names": list(names)}
    return told.tls("x.com", TRUE, purpose="neutral_name", name="example.org", certificate=shown)


def test_a_stranger_who_signs_for_two_owners_where_others_sign_for_themselves_is_on_the_way() -> None:
    told = neutral_certificate(stranger(stranger(story("x.com", "twimg.com")), "twimg.com"), "CN=Public CA", "cdn.example")
    assert told.said() == ("blocked", "tls_interception", "certain")


def test_a_stranger_who_signs_the_harmless_name_too_makes_certificates_on_the_way() -> None:
    told = neutral_certificate(stranger(story()), "CN=Red Segura CA", "example.org")
    assert told.said() == ("blocked", "tls_interception", "certain")


def test_servers_with_a_root_that_we_do_not_know_yet_are_not_called_intercepted() -> None:
    told = neutral_certificate(stranger(stranger(story("x.com", "twimg.com")), "twimg.com"), "CN=Red Segura CA", "x.com")
    assert told.said() == ("down", "server_fault", "likely")


def test_a_strange_certificate_at_an_address_that_nobody_backs_may_be_a_lie_about_the_address() -> None:
    told = Story(service("x.com")).healthy().system("x.com", TRUE)
    assert stranger(told).said()[0] == "unknown"
    told.system("elsewhere.example", TRUE)
    assert told.said() == ("likely_blocked", "dns_tampering", "likely")


@pytest.mark.parametrize("failure", ["ssl_unknown_authority", "ssl_invalid_certificate", "ssl_invalid_hostname"])
def test_a_forged_alert_about_certificates_is_a_cut_like_any_other(failure: str) -> None:
    told = control_dies(dies(story(), failure).tls("x.com", TRUE, purpose="neutral_name", name="example.org"), failure)
    assert told.said() == ("blocked", "name_blocked", "certain")


def test_a_server_that_shows_every_name_the_same_certificate_signs_itself() -> None:
    told = stranger(story(), issuer="CN=x").tls("x.com", TRUE, purpose="neutral_name", name="example.org", certificate=certificate("CN=x"))
    assert told.said() == ("down", "server_fault", "likely")


def test_a_root_of_this_computer_is_a_local_matter() -> None:
    told = stranger(story()).tls("x.com", TRUE, purpose="system_roots", certificate=certificate("CN=Antivirus"))
    assert told.said()[:2] == ("down", "local_interception")


def test_an_unknown_authority_alone_accuses_nobody() -> None:
    assert stranger(story()).said()[0] == "unknown"


@pytest.mark.parametrize("code", [9, 10])
def test_a_certificate_out_of_date_is_the_servers_fault(code: int) -> None:
    told = story().tls("x.com", TRUE, "ssl_invalid_certificate", verify_code=code, reason="certificate has expired")
    assert told.said() == ("down", "server_fault", "certain")
