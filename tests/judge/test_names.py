"""Does the judge believe the right resolver?"""

from __future__ import annotations

import pytest

from tests.judge.story import CONTROL_ADDRESS, FOREIGN, TRUE, TRUE_ELSEWHERE, Story, service


def story() -> Story:
    return Story(service("x.com")).healthy()


def test_a_bogon_beside_a_true_address_with_a_valid_certificate_is_tampering() -> None:
    told = story().system("x.com", "127.0.0.1").doh("x.com", TRUE).serves("x.com")
    assert told.said() == ("blocked", "dns_tampering", "certain")
    assert told.verdict().rule == "dns.bogon"


@pytest.mark.parametrize("failure", ["dns_nxdomain_error", "dns_no_answer"])
def test_a_denial_beside_a_true_address_with_a_valid_certificate_is_tampering(failure: str) -> None:
    told = story().system("x.com", failure=failure).doh("x.com", TRUE).serves("x.com")
    assert told.said() == ("blocked", "dns_tampering", "certain")


@pytest.mark.parametrize("failure", ["dns_refused_error", "dns_servfail_error", "generic_timeout_error"])
def test_trouble_with_one_owners_names_may_be_the_owners_and_only_with_two_it_is_blocking(failure: str) -> None:
    told = Story(service("x.com", "twimg.com")).healthy()
    told.system("x.com", failure=failure, tries=4).doh("x.com", TRUE).serves("x.com").system("twimg.com", TRUE).serves("twimg.com")
    assert told.said()[0] == "likely_blocked"
    told = Story(service("x.com", "twimg.com")).healthy()
    for host in ("x.com", "twimg.com"):
        told.system(host, failure=failure, tries=4).doh(host, TRUE).serves(host)
    assert told.said()[0] == "blocked"
    assert told.said()[2] == "certain"


@pytest.mark.parametrize("answer", ["127.0.0.1", "10.1.2.3", None])
def test_a_resolver_that_lies_about_every_name_accuses_no_service(answer: str | None) -> None:
    told = Story(service("x.com"))
    for host in ("x.com", "example.org", "es.wikipedia.org"):
        told.system(host, *([answer] if answer else []), failure=None if answer else "dns_nxdomain_error").doh(host, TRUE)
        told.doh(host, TRUE, resolver="google")
    assert told.serves("x.com").said()[0] == "unknown"


def test_an_address_that_a_proxy_on_this_computer_makes_up_is_no_lie_of_the_provider() -> None:
    assert story().system("x.com", "198.18.0.7").doh("x.com", TRUE).serves("x.com").said()[0] == "unknown"


def test_a_private_name_that_the_world_does_not_know_is_not_accused() -> None:
    assert story().system("x.com", "10.1.2.3").doh("x.com", failure="dns_nxdomain_error").said()[0] == "unknown"


def test_a_name_without_ipv4_is_not_held_against_ipv6_answers() -> None:
    told = story().system("x.com", failure="dns_no_answer").doh("x.com", failure="dns_no_answer")
    told.lookup("x.com", "2a04:4e00::5", query="AAAA", engine="doh", resolver="cloudflare", authenticated=True)
    assert told.said()[0] == "unknown"


def test_an_expired_certificate_at_a_cdn_edge_is_no_tampering() -> None:
    told = story().system("x.com", FOREIGN).doh("x.com", TRUE).tls("x.com", FOREIGN, "ssl_invalid_certificate", verify_code=10)
    assert told.serves("x.com", TRUE).said()[0] == "unknown"


def test_the_same_address_for_names_of_two_owners_makes_a_dead_one_suspicious() -> None:
    told = Story(service("x.com", "twimg.com")).healthy()
    for host in ("x.com", "twimg.com"):
        told.system(host, FOREIGN).doh(host, TRUE).tcp(FOREIGN, "generic_timeout_error", tries=3, host=host).serves(host, TRUE)
    assert told.said() == ("likely_blocked", "dns_tampering", "likely")


def test_two_replies_that_contradict_each_other_are_a_sign_and_with_the_truth_a_proof() -> None:
    two = [{"after": 0.01, "rcode": "NOERROR", "answers": [FOREIGN]}, {"after": 0.1, "rcode": "NOERROR", "answers": [TRUE]}]
    told = story().lookup("x.com", FOREIGN, replies=two)
    assert told.said() == ("likely_blocked", "dns_tampering", "likely")
    assert told.doh("x.com", TRUE).serves("x.com", TRUE).said() == ("blocked", "dns_tampering", "certain")


def test_programs_that_are_told_a_lie_by_one_of_two_servers_are_lied_to() -> None:
    told = story().getaddrinfo("x.com", failure="dns_nxdomain_error").lookup("x.com", failure="dns_nxdomain_error")
    assert told.lookup("x.com", TRUE).doh("x.com", TRUE).serves("x.com").said() == ("blocked", "dns_tampering", "certain")


def test_two_operators_that_cannot_be_forged_outweigh_a_bogon_even_when_the_address_is_out_of_reach() -> None:
    told = story().system("x.com", "127.0.0.1").doh("x.com", TRUE).doh("x.com", TRUE, resolver="google")
    assert told.said() == ("blocked", "dns_tampering", "certain")


def test_two_resolvers_of_one_operator_are_one_witness() -> None:
    told = story().system("x.com", "127.0.0.1").doh("x.com", TRUE, resolver="quad9").doh("x.com", TRUE, resolver="quad9-unfiltered")
    assert told.said() == ("likely_blocked", "dns_tampering", "likely")


def test_a_bogon_without_any_other_resolver_only_looks_blocked() -> None:
    assert story().system("x.com", "127.0.0.1").said() == ("likely_blocked", "dns_tampering", "likely")


def test_a_denial_without_any_other_resolver_is_unknown() -> None:
    assert story().system("x.com", failure="dns_nxdomain_error").said() == ("unknown", None, "none")


def test_a_name_that_exists_nowhere_is_nobodys_block() -> None:
    told = story().system("x.com", failure="dns_nxdomain_error").doh("x.com", failure="dns_nxdomain_error")
    assert told.said() == ("down", "server_fault", "certain")


def test_a_resolver_that_filters_cannot_testify_that_a_name_does_not_exist() -> None:
    told = story().system("x.com", failure="dns_nxdomain_error").doh("x.com", failure="dns_nxdomain_error", resolver="quad9", filters=True)
    assert told.said()[0] == "unknown"


def test_a_site_that_publishes_a_private_address_is_at_fault_itself() -> None:
    told = story().system("x.com", "127.0.0.1").doh("x.com", "127.0.0.1")
    assert told.said() == ("down", "server_fault", "certain")


def test_a_cdn_that_answers_differently_here_is_believed_for_its_certificate() -> None:
    told = story().system("x.com", FOREIGN).doh("x.com", TRUE).serves("x.com", FOREIGN)
    assert told.said()[0] == "works"


def test_a_foreign_address_whose_certificate_is_wrong_is_tampering_when_the_true_one_works() -> None:
    told = story().system("x.com", FOREIGN).doh("x.com", TRUE)
    told.tls("x.com", FOREIGN, "ssl_unknown_authority", verify_code=20, reason="self-signed").serves("x.com", TRUE)
    assert told.said() == ("blocked", "dns_tampering", "certain")
    assert told.verdict().rule == "dns.certificate_disagrees"


def test_a_foreign_address_that_is_only_dead_may_be_an_edge_that_is_down() -> None:
    told = story().system("x.com", FOREIGN).doh("x.com", TRUE).tcp(FOREIGN, "generic_timeout_error", tries=3).serves("x.com", TRUE)
    assert told.said()[0] == "unknown"


def test_silence_for_every_name_accuses_nobody() -> None:
    told = Story(service("x.com")).system("x.com", failure="generic_timeout_error", tries=4).doh("x.com", TRUE).serves("x.com")
    assert told.said()[0] == "unknown"


@pytest.mark.parametrize("silent, expected", [(("x.com",), "unknown"), (("x.com", "twimg.com"), "blocked")])
def test_on_a_lossy_line_one_silent_name_of_many_may_be_chance_but_hardly_two(silent: tuple[str, ...], expected: str) -> None:
    told = story()
    for number in range(50):  # 18 % of first questions are lost
        told.lookup(f"n{number}.example", TRUE, tries=2 if number < 9 else 1)
    for host in silent:
        told.system(host, failure="generic_timeout_error", tries=4).doh(host, TRUE).serves(host)
    assert told.said()[0] == expected


def test_a_resolver_that_fails_for_every_name_is_no_tampering() -> None:
    told = Story(service("x.com")).system("x.com", failure="dns_servfail_error").system("example.org", failure="dns_servfail_error")
    assert told.doh("x.com", TRUE).serves("x.com").said()[0] == "unknown"


def test_one_lost_question_of_two_is_no_sign() -> None:
    told = story().getaddrinfo("x.com", failure="generic_timeout_error").lookup("x.com", TRUE).serves("x.com")
    assert told.said()[0] == "works"


def test_a_name_that_only_this_computer_sends_astray_is_its_own_fault() -> None:
    told = story().getaddrinfo("x.com", "127.0.0.1").lookup("x.com", TRUE).doh("x.com", TRUE).serves("x.com")
    assert told.said() == ("down", "hosts_file", "likely")


def test_connections_to_a_forged_address_say_nothing_about_the_service() -> None:
    told = story().system("x.com", FOREIGN).tcp(FOREIGN, "connection_refused").tcp(FOREIGN, "connection_refused", purpose="repeat")
    told.tls("x.com", TRUE_ELSEWHERE).page("x.com", TRUE_ELSEWHERE).doh("x.com", TRUE_ELSEWHERE)
    assert told.said()[1] not in ("ip_blocked", "name_blocked")


def test_evidence_names_both_the_lie_and_the_truth() -> None:
    told = story().system("x.com", "127.0.0.1").doh("x.com", TRUE).serves("x.com")
    steps = {o.id: o for o in told.observations}
    evidence = [steps[i] for i in told.verdict().evidence]
    assert {str(o.step) for o in evidence} >= {"dns", "tls"}
    assert any("127.0.0.1" in o.detail.get("answers", ()) for o in evidence)
    assert CONTROL_ADDRESS not in {o.address for o in evidence if o.step == "tls"}
