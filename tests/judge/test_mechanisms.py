"""Injection, interception, residual blocking, transports, the hosts file and the clock: each with its look-alike."""

from __future__ import annotations

from typing import Any

from diagnostics.model import Step
from tests.judge.story import TRUE, Story, service

NOBODY = "192.0.2.53"


def story() -> Story:
    return Story(service("x.com")).healthy()


def nobody(told: Story, host: str, *answers: str, address: str = NOBODY, rcode: str = "NOERROR") -> Story:
    detail = {"engine": "udp", "resolver": "nobody", "query": "A", "answers": list(answers), "rcode": rcode, "tries": 2, "replies": []}
    return told.add(Step.DNS, host=host, address=address, detail=detail | {"purpose": "nobody", "authenticated": False, "filters": False})


# --- who answers for whom ---------------------------------------------------------------------------


def test_an_answer_from_where_no_resolver_lives_makes_a_lie_certain() -> None:
    told = story().system("x.com", "127.0.0.1").doh("x.com", TRUE)
    assert told.said() == ("likely_blocked", "dns_tampering", "likely")
    assert nobody(told, "x.com", "127.0.0.1").said() == ("blocked", "dns_tampering", "certain")


def test_a_router_that_answers_for_a_name_of_its_own_accuses_nobody_for_certain() -> None:
    told = Story(service("router.example")).healthy().system("router.example", "192.168.1.1")
    assert nobody(told, "router.example", "192.168.1.1").said()[0] != "blocked"


def test_a_refusal_from_where_no_resolver_lives_is_no_answer() -> None:
    told = story().system("x.com", "127.0.0.1").doh("x.com", TRUE)
    assert nobody(told, "x.com", rcode="REFUSED").said()[2] == "likely"


def taken_over(told: Story) -> list[tuple[str, str | None, str]]:
    return [(v.target, v.function, v.certainty.value) for v in told.judged().verdicts if v.rule == "dns.taken_over"]


def test_whoever_answers_a_harmless_name_at_two_such_addresses_takes_every_question_over() -> None:
    told = nobody(story().system("x.com", TRUE).serves("x.com"), "example.org", "93.184.216.34")
    assert taken_over(told) == [("resolver:any", "udp", "likely")]
    nobody(told, "example.org", "93.184.216.34", address="198.51.100.53")
    assert taken_over(told) == [("resolver:any", "udp", "certain")]
    assert told.said()[0] == "works"


def test_where_every_question_is_taken_over_public_resolvers_are_no_second_witness() -> None:
    told = story().system("x.com", TRUE).lookup("x.com", TRUE, resolver="google", engine="udp")
    told.tcp(TRUE, "generic_timeout_error", tries=3)
    assert told.said()[0] == "likely_blocked"
    assert nobody(told, "example.org", "93.184.216.34").said()[0] == "unknown"


# --- the hosts file ---------------------------------------------------------------------------------


def hosts_file(told: Story, **entries: str) -> Story:
    lines = {name.replace("_", "."): (address,) for name, address in entries.items()}
    return told.add(Step.SYSTEM, detail={"kind": "hosts_file", "entries": lines})


def test_a_line_in_the_hosts_file_is_named_and_nobody_else_accused() -> None:
    told = hosts_file(story(), x_com="127.0.0.1").getaddrinfo("x.com", "127.0.0.1").lookup("x.com", TRUE).doh("x.com", TRUE)
    assert told.said() == ("down", "hosts_file", "certain")


def test_a_line_that_nobody_contradicts_is_only_likely_the_fault() -> None:
    told = hosts_file(story(), x_com="8.8.4.4").getaddrinfo("x.com", "8.8.4.4").tcp("8.8.4.4", "generic_timeout_error", tries=3)
    assert told.said() == ("down", "hosts_file", "likely")


def test_a_line_that_leads_to_the_right_place_is_no_fault() -> None:
    told = hosts_file(story(), x_com=TRUE).system("x.com", TRUE).serves("x.com")
    assert told.said()[0] == "works"


def test_a_line_for_another_name_says_nothing() -> None:
    told = hosts_file(story(), y_com="127.0.0.1").system("x.com", "127.0.0.1").doh("x.com", TRUE).doh("x.com", TRUE, resolver="google")
    assert told.said() == ("blocked", "dns_tampering", "certain")


# --- residual blocking ------------------------------------------------------------------------------


def at_control(told: Story, host: str, failure: str | None, *, purpose: str, t: float) -> None:
    detail = {"port": 443, "server_name": host, "purpose": purpose, "received": 0 if failure else 3000}
    told.add(Step.TLS, host=host, address="93.184.216.34", failure=failure, detail=detail, t=t)


def test_a_name_that_dies_after_an_innocent_one_passed_there_is_blocked() -> None:
    told = story().system("x.com", TRUE).doh("x.com", TRUE)
    told.tls("x.com", TRUE, "connection_reset").tls("x.com", TRUE, "connection_reset", purpose="repeat")
    at_control(told, "es.wikipedia.org", None, purpose="control_neutral", t=1.0)
    at_control(told, "x.com", "connection_reset", purpose="control_address", t=1.5)
    assert told.said() == ("blocked", "name_blocked", "certain")


def test_a_name_that_dies_where_another_died_before_may_suffer_from_its_residue() -> None:
    told = story().system("x.com", TRUE).doh("x.com", TRUE)
    told.tls("x.com", TRUE, "connection_reset").tls("x.com", TRUE, "connection_reset", purpose="repeat")
    at_control(told, "x.com", "connection_reset", purpose="control_address", t=1.0)
    at_control(told, "es.wikipedia.org", None, purpose="control_neutral", t=1.5)
    assert told.said()[0] == "unknown"


# --- the clock --------------------------------------------------------------------------------------


def dated(told: Story, ahead: float) -> None:
    """Add two controls' dates, ``ahead`` of this computer's clock in seconds."""
    for host in ("example.org", "es.wikipedia.org"):
        told.page(host, "93.184.216.34", purpose="control", target=None, date=1_700_000_000.0 + ahead)


def refused_for_its_dates(told: Story, first: str, last: str) -> Story:
    leaf = {"subject": "CN=x", "issuer": "CN=ca", "names": ["x.com"], "sha256": "11", "not_before": first, "not_after": last}
    told.tls("x.com", TRUE, "ssl_invalid_certificate", verify_code=9)
    return told.tls("x.com", TRUE, purpose="inspect", certificate=leaf)


def test_a_certificate_that_only_our_slow_clock_refuses_is_our_clocks_fault() -> None:
    told = story().system("x.com", TRUE).doh("x.com", TRUE)  # this computer believes 2023-11-14 22:13:20
    dated(told, 6 * 3600)
    refused_for_its_dates(told, "2023-11-15T00:00:00+00:00", "2024-02-13T00:00:00+00:00")
    assert told.said() == ("down", "wrong_clock", "certain")


def test_a_certificate_that_is_not_valid_for_anybody_yet_is_the_servers_fault() -> None:
    told = story().system("x.com", TRUE).doh("x.com", TRUE)
    dated(told, 0)
    refused_for_its_dates(told, "2023-11-15T00:00:00+00:00", "2024-02-13T00:00:00+00:00")
    assert told.said() == ("down", "server_fault", "certain")


# --- ways into a resolver ---------------------------------------------------------------------------


def ways(told: Story, *, closed: int, purpose: str = "resolver_dot", failure: str = "generic_timeout_error", tries: int = 3) -> Story:
    """Add resolvers that answer over UDP; the first ``closed`` of them cannot be connected to for one transport."""
    known: list[dict[str, Any]] = told.observations[0].detail["resolvers"]
    for number, entry in enumerate(known[:3]):
        entry["addresses"] = [address] = [f"9.9.9.{number}"]
        detail = {"resolver": entry["id"], "engine": "udp", "rcode": "NOERROR", "purpose": "survey", "query": "A", "answers": []}
        told.add(Step.DNS, host="example.org", address=address, detail=detail)
        told.tcp(address, failure if number < closed else None, host=entry["id"], target=None, purpose=purpose, tries=tries)
    return told


def ways_said(told: Story) -> list[tuple[str, str | None, str]]:
    return [(v.target, v.function, v.status.value) for v in told.judged().verdicts if v.target.startswith("resolver:")]


def served() -> Story:
    return story().system("x.com", TRUE).serves("x.com")


def test_a_transport_by_which_resolvers_of_two_operators_are_shut_is_named() -> None:
    assert ways_said(ways(served(), closed=2)) == [
        ("resolver:cloudflare", None, "partial"),
        ("resolver:cloudflare", "dot", "likely_blocked"),
        ("resolver:google", None, "partial"),
        ("resolver:google", "dot", "likely_blocked"),
    ]


def test_one_resolver_that_is_shut_by_one_transport_is_not_even_mentioned() -> None:
    assert ways_said(ways(served(), closed=1)) == []


def test_a_way_that_was_only_slow_is_not_shut() -> None:
    assert ways_said(ways(served(), closed=2, tries=1)) == []


def test_without_a_line_that_works_nothing_is_said_of_resolvers() -> None:
    assert ways_said(ways(Story(service("x.com")), closed=2)) == []
