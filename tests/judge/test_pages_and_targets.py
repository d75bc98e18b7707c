"""Pages, functions, whole targets and the line itself."""

from __future__ import annotations

import msgspec

from diagnostics.model import Endpoint, Function, Probe, Rule, Service, Step
from tests.judge.story import CONTROL_ADDRESS, CONTROLS, TRUE, TRUE_ELSEWHERE, Story, service


def reached(*hosts: str) -> Story:
    told = Story(service(*hosts)).healthy()
    for host in hosts:
        told.system(host, TRUE).doh(host, TRUE)
    return told


# --- pages -------------------------------------------------------------------------------------------


def test_a_server_that_answers_with_an_error_page_is_down_and_not_blocked() -> None:
    assert reached("x.com").tls("x.com", TRUE).page("x.com", TRUE, 503).said() == ("down", "server_fault", "certain")


def test_an_error_page_beside_pages_that_are_well_is_an_odd_path_unless_the_service_hangs_on_it() -> None:
    def told(broken: str, well: str) -> Story:
        told = Story(two_functions()).healthy().system(broken, TRUE).system(well, TRUE)
        return told.serves(well).tls(broken, TRUE).page(broken, TRUE, 500)

    assert told("media.x.com", "chat.x.com").said()[0] == "works"
    assert told("chat.x.com", "media.x.com").said() == ("down", "server_fault", "certain")


def test_a_refusal_for_legal_reasons_is_no_block_by_the_line() -> None:
    assert reached("x.com").tls("x.com", TRUE).page("x.com", TRUE, 451).said() == ("down", "geo_refused", "likely")


def test_a_captcha_means_that_the_service_was_reached() -> None:
    assert reached("x.com").tls("x.com", TRUE).page("x.com", TRUE, 403).said()[0] == "works"


def test_a_page_that_is_cut_off_does_not_work() -> None:
    told = reached("x.com").tls("x.com", TRUE).page("x.com", TRUE, failure="eof_error")
    assert told.said()[0] == "unknown"


def test_the_same_notice_for_names_of_two_owners_in_two_networks_is_a_block_page() -> None:
    told = Story(service("x.com", "twimg.com")).healthy()
    for host, address in (("x.com", TRUE), ("twimg.com", TRUE_ELSEWHERE)):
        told.system(host, address).doh(host, address)
        told.tcp(address, "connection_refused", host=host).tcp(address, "connection_refused", host=host, purpose="repeat")
        told.page(host, address, scheme="http", purpose="plain", body_sha256="notice")
    assert told.said() == ("blocked", "block_page", "certain")


def test_a_clear_text_page_beside_a_dead_secure_one_may_be_the_sites_own() -> None:
    told = reached("x.com").tcp(TRUE, "connection_refused").tcp(TRUE, "connection_refused", purpose="repeat")
    assert told.said()[0] == "likely_blocked"
    assert told.page("x.com", TRUE, scheme="http", purpose="plain", body_sha256="welcome").said()[0] == "unknown"


def test_a_clear_text_page_that_leads_to_somebody_else_looks_like_a_notice() -> None:
    told = reached("x.com").tcp(TRUE, "connection_refused").tcp(TRUE, "connection_refused", purpose="repeat")
    told.page("x.com", TRUE, 302, scheme="http", purpose="plain", location="http://aviso.example/")
    assert told.said() == ("likely_blocked", "block_page", "likely")


def test_the_error_page_of_a_service_that_is_down_is_no_notice() -> None:
    told = Story(service("x.com", "twimg.com")).healthy()
    for host, address in (("x.com", TRUE), ("twimg.com", TRUE_ELSEWHERE)):
        told.system(host, address).doh(host, address)
        told.tcp(address, "connection_refused", host=host).tcp(address, "connection_refused", host=host, purpose="repeat")
        told.page(host, address, 503, scheme="http", purpose="plain", body_sha256="down")
    assert told.said()[0] != "blocked"


def test_a_redirect_that_comes_back_to_itself_is_the_servers_fault() -> None:
    told = reached("x.com").tls("x.com", TRUE).page("x.com", TRUE, 302, location="https://x.com/")
    assert told.said() == ("down", "server_fault", "likely")


def test_a_redirect_within_the_host_is_judged_by_the_page_it_leads_to() -> None:
    told = reached("x.com").tls("x.com", TRUE).page("x.com", TRUE, 302, location="/home")
    told.page("x.com", TRUE, 503, url="https://x.com/home", hop=1)
    assert told.said() == ("down", "server_fault", "certain")


def test_a_page_in_clear_text_is_never_certain() -> None:
    site = Service(id="x", functions=(Function(id="web", core=True, endpoints=(Endpoint(host="x.com", port=80, probe=Probe.HTTP),)),))
    told = Story(site).healthy().system("x.com", TRUE).tcp(TRUE, port=80).page("x.com", TRUE, scheme="http")
    assert told.judged().verdicts[1].certainty == "likely"


def test_the_usual_redirect_to_the_secure_page_is_no_notice() -> None:
    told = reached("x.com").tcp(TRUE, "connection_refused").tcp(TRUE, "connection_refused", purpose="repeat")
    told.page("x.com", TRUE, 301, scheme="http", purpose="plain", location="https://www.x.com/")
    assert told.said()[1] == "ip_blocked"


def test_a_redirect_to_a_host_that_cannot_be_reached_is_judged_there() -> None:
    told = reached("x.com").tls("x.com", TRUE).page("x.com", TRUE, 302, location="https://login.x.com/")
    told.system("login.x.com", "127.0.0.1").doh("login.x.com", TRUE).add(
        Step.SYSTEM, host="login.x.com", target="x", detail={"kind": "visited"}
    )
    told.tls("login.x.com", TRUE)
    assert told.said() == ("blocked", "dns_tampering", "certain")


# --- functions and targets ---------------------------------------------------------------------------


def two_functions(*, core_second: bool = False) -> Service:
    def function(name: str, host: str, core: bool) -> Function:
        return Function(id=name, core=core, endpoints=(Endpoint(host=host, source="test", checked=True),))

    return Service(id="x", functions=(function("chat", "chat.x.com", True), function("media", "media.x.com", core_second)))


def test_a_service_whose_core_works_is_partial_when_something_else_is_blocked() -> None:
    told = Story(two_functions()).healthy().system("chat.x.com", TRUE).serves("chat.x.com")
    told.system("media.x.com", "127.0.0.1").doh("media.x.com", TRUE).tls("media.x.com", TRUE)
    assert told.said() == ("partial", "dns_tampering", "certain")
    assert told.said(function="media")[0] == "blocked"


def test_a_service_whose_core_is_blocked_is_blocked_whatever_else_answers() -> None:
    told = Story(two_functions()).healthy().system("media.x.com", TRUE).serves("media.x.com")
    told.system("chat.x.com", "127.0.0.1").doh("chat.x.com", TRUE).tls("chat.x.com", TRUE)
    assert told.said() == ("blocked", "dns_tampering", "certain")


def test_a_pool_works_when_one_of_it_works() -> None:
    told = Story(service("a.x.com", "b.x.com", rule=Rule.ANY_OF)).healthy().system("a.x.com", TRUE).serves("a.x.com")
    assert told.system("b.x.com", "127.0.0.1").doh("b.x.com", TRUE).tls("b.x.com", TRUE).said()[0] == "works"


def test_hosts_that_nobody_has_checked_never_make_a_service_blocked() -> None:
    told = Story(service("x.com", checked=False)).healthy().system("x.com", "127.0.0.1").doh("x.com", TRUE).serves("x.com")
    assert told.said() == ("likely_blocked", "dns_tampering", "likely")


def test_what_was_not_reached_is_not_tested() -> None:
    assert Story(service("x.com")).healthy().said()[0] == "not_tested"


def test_what_was_interrupted_is_not_tested() -> None:
    told = Story(service("x.com")).healthy().system("x.com", TRUE).tcp(TRUE, "interrupted")
    assert told.said()[0] == "not_tested"


# --- the line ----------------------------------------------------------------------------------------


def test_two_operators_that_answer_make_a_line_that_works() -> None:
    network = Story(service("x.com")).healthy().judged().network
    assert (network.status.value, network.certainty.value, network.ipv6) == ("works", "certain", "none")


def dead(host: str = "x.com") -> Story:
    told = Story(service(host))
    for number in range(6):
        told.system(f"n{number}.example", failure="generic_timeout_error").tcp(f"8.8.{number}.8", "generic_timeout_error", tries=3)
    return told


def test_a_line_on_which_nothing_answers_has_no_internet_and_says_nothing_of_services() -> None:
    told = dead().system("x.com", failure="generic_timeout_error", tries=4)
    assert told.judged().network.cause == "no_internet"
    assert told.said() == ("unknown", "no_internet", "none")


def test_a_run_that_tried_next_to_nothing_does_not_say_that_there_is_no_internet() -> None:
    assert Story(service("x.com")).tcp(TRUE, "generic_timeout_error").judged().network.cause is None


def portal_pages(told: Story, status: int = 302) -> Story:
    for control in CONTROLS:
        if control.kind == "portal":
            told.tcp(CONTROL_ADDRESS, host=control.host, port=80, target=None, purpose="control")
            told.page(control.host, CONTROL_ADDRESS, status, scheme="http", purpose="control", target=None, location="http://login.lan/")
        elif control.kind == "https":
            told.tcp(CONTROL_ADDRESS, "generic_timeout_error", host=control.host, target=None, purpose="control", tries=3)
    return told


def test_clear_text_answered_by_somebody_else_while_nothing_secure_passes_is_a_portal() -> None:
    told = portal_pages(Story(service("x.com"))).tcp(TRUE, "generic_timeout_error", tries=3)
    assert told.judged().network.cause == "captive_portal"
    assert told.said()[:2] in (("unknown", "captive_portal"), ("not_tested", None))


def test_a_changed_portal_check_on_a_line_that_works_is_no_portal() -> None:
    assert portal_pages(Story(service("x.com")).healthy()).judged().network.status == "works"


def clock_story(skew: float) -> Story:
    told = Story(service("x.com")).system("x.com", TRUE)
    for control in CONTROLS:
        if control.kind == "portal":
            told.tcp(CONTROL_ADDRESS, host=control.host, port=80, target=None, purpose="control")
            told.page(
                control.host,
                CONTROL_ADDRESS,
                control.expect_status,
                scheme="http",
                purpose="control",
                target=None,
                date=1_700_000_000 - skew,
            )
        elif control.kind == "https":
            told.system(control.host, CONTROL_ADDRESS)
            told.tls(control.host, CONTROL_ADDRESS, "ssl_invalid_certificate", purpose="control", verify_code=9)
    return told.tls("x.com", TRUE, "ssl_invalid_certificate", verify_code=9)


def test_a_clock_that_several_servers_contradict_explains_failing_certificates() -> None:
    told = clock_story(-400 * 86400.0)
    assert told.judged().network.cause == "wrong_clock"
    assert told.said()[:2] == ("unknown", "wrong_clock")


def test_a_clock_that_is_an_hour_off_explains_nothing() -> None:
    assert clock_story(3600.0).judged().network.cause != "wrong_clock"


def test_dead_ipv6_is_said_of_the_line() -> None:
    told = Story(service("x.com"))
    told.observations = [o for o in told.observations if o.detail.get("kind") != "ipv6"]
    told.add(Step.SYSTEM, detail={"kind": "ipv6", "route": True}).healthy()
    for number in range(2):
        told.tcp(f"2606:4700::{number}", "generic_timeout_error", tries=3, purpose="ipv6")
    assert (told.judged().network.cause, told.judged().network.ipv6) == ("broken_ipv6", "broken")


def test_judging_the_same_observations_again_gives_the_same_verdicts() -> None:
    told = reached("x.com").serves("x.com")
    assert told.judged() == told.judged()


def many_questions(told: Story, *, tries: int, after: float) -> Story:
    for number in range(30):
        again = tries if number % 2 else 1
        told.lookup(f"n{number}.example", TRUE, tries=again, replies=[{"after": after, "rcode": "NOERROR", "answers": [TRUE]}])
        told.tcp(f"104.244.42.{number + 1}", host=f"n{number}.example", target="other")
        told.observations[-1] = msgspec.structs.replace(told.observations[-1], seconds=0.08)
    return told


def test_a_line_that_loses_every_second_question_is_lossy() -> None:
    assert many_questions(Story(service("x.com")).healthy(), tries=2, after=0.02).judged().network.cause == "lossy_network"


def test_a_resolver_that_is_slow_itself_is_no_lossy_line() -> None:
    assert many_questions(Story(service("x.com")).healthy(), tries=2, after=0.8).judged().network.status == "works"


def test_a_line_that_loses_nothing_is_not_lossy() -> None:
    assert many_questions(Story(service("x.com")).healthy(), tries=1, after=0.02).judged().network.status == "works"


# --- public resolvers ----------------------------------------------------------------------------------


def resolver_story(told: Story, *, udp: str | None, doh: str | None, tries: int = 3) -> Story:
    told.observations[0].detail["resolvers"][0]["addresses"] = ["1.1.1.1"]
    detail = {"resolver": "cloudflare", "engine": "udp", "rcode": None if udp else "NOERROR", "purpose": "survey", "tries": tries}
    told.add(Step.DNS, host="example.org", address="1.1.1.1", failure=udp, detail=detail)
    return told.tcp("1.1.1.1", doh, host="cloudflare", target=None, purpose="resolver_doh", tries=3)


def resolver_verdicts(told: Story) -> list[tuple[str, str | None]]:
    return [(v.target, v.cause) for v in told.judged().verdicts if v.target.startswith("resolver:") and v.function is None]


def test_a_resolver_that_is_out_of_reach_over_every_transport_is_named() -> None:
    told = resolver_story(reached("x.com").serves("x.com"), udp="generic_timeout_error", doh="generic_timeout_error")
    assert resolver_verdicts(told) == [("resolver:cloudflare", "resolver_blocked")]
    assert told.said()[0] == "works"


def test_a_resolver_that_answers_over_one_transport_is_not_accused() -> None:
    assert resolver_verdicts(resolver_story(reached("x.com").serves("x.com"), udp="generic_timeout_error", doh=None)) == []
    assert resolver_verdicts(resolver_story(reached("x.com").serves("x.com"), udp=None, doh="generic_timeout_error")) == []


def test_a_resolver_whose_silence_may_be_lateness_is_not_named() -> None:
    """A computer that is busy looks at answers too late: one lost question and one late handshake are no resolver out of reach."""
    late = resolver_story(reached("x.com").serves("x.com"), udp="generic_timeout_error", doh="generic_timeout_error", tries=1)
    assert resolver_verdicts(late) == []


def test_without_internet_no_resolver_is_accused() -> None:
    assert resolver_verdicts(resolver_story(dead(), udp="generic_timeout_error", doh="generic_timeout_error")) == []


def test_what_is_only_shown_works_when_all_of_it_works() -> None:
    aliases = Function(id="alias", rule=Rule.INFO, endpoints=(Endpoint(host="a.x.com"), Endpoint(host="b.x.com")))
    web = Function(id="web", core=True, endpoints=(Endpoint(host="x.com", checked=True),))
    told = Story(Service(id="x", functions=(web, aliases))).healthy().system("x.com", TRUE).serves("x.com")
    told.system("a.x.com", TRUE).serves("a.x.com").system("b.x.com", "127.0.0.1").doh("b.x.com", TRUE).tls("b.x.com", TRUE)
    assert told.said(function="alias")[0] == "likely_blocked"
    assert told.said()[0] == "works"
