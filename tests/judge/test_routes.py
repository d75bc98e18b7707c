"""Rules of a proxy itself: each fires on what it is for, and not on what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.judge import judge
from diagnostics.model import Cause, Observation, Status, Step
from tests.judge.story import FOREIGN
from tests.judge.way import AUTH, CONTROLS, EOF, EXPIRED, RESET, ROUTE, TIMEOUT, UNKNOWN_CA, Way

# --- the way itself ----------------------------------------------------------------------------------


def test_a_proxy_works_by_whole_pages_and_not_by_what_it_says() -> None:
    assert Way().delivers().gives("x.com").way == ("works", None, "certain", "route.works")
    lying = Way().shakes(CONTROLS[0], EOF, target=None).shakes(CONTROLS[1], EOF, target=None)
    assert lying.way == ("down", None, "likely", "route.opened_but_dead")


def test_a_kind_that_is_given_addresses_leaks_names() -> None:
    way = Way(kind="socks5")
    way.observations[-1].detail["names_here"] = True
    assert way.delivers().way == ("works", "proxy_leaks_dns", "certain", "route.names_leak")


def test_a_dead_control_does_not_condemn_a_proxy_through_which_the_service_opens() -> None:
    way = Way().well().shakes(CONTROLS[0], TIMEOUT, target=None).shakes(CONTROLS[1], TIMEOUT, target=None).gives("x.com")
    assert way.way[0] == "works"
    assert way.over == ("works", None, "certain", "route.page")


def test_a_refused_connection_is_certain_only_where_nobody_can_forge_the_refusal() -> None:
    assert Way().connects("connection_refused").way == ("down", "proxy_down", "likely", "route.refused")
    assert Way().connects("connection_refused", bogon=True).way == ("down", "proxy_down", "certain", "route.refused")


def test_a_silent_place_may_be_off_or_cut_off() -> None:
    assert Way().connects(TIMEOUT).connects(TIMEOUT).way == ("down", "proxy_unreachable", "likely", "route.silent")


def test_one_lost_connection_of_several_condemns_nobody() -> None:
    assert Way().connects(TIMEOUT).delivers().way == ("works", None, "certain", "route.works")


def test_a_slow_proxy_that_delivers_works() -> None:
    way = Way().opens(CONTROLS[0], TIMEOUT, target=None).gives(CONTROLS[1], target=None).gives("x.com")
    assert (way.way[0], way.over[0]) == ("works", "works")


def test_a_name_of_nobody_leads_to_no_proxy() -> None:
    way = Way()._add(Step.PROXY, "dns_nxdomain_error", stage="name", kind="socks5h")
    assert way.way == ("down", "proxy_unreachable", "likely", "route.name_unknown")


@pytest.mark.parametrize("said", [{"reply": 255}, {"reply": 2}, {"status": 407}, {"status": 401}])
def test_a_refused_login_is_the_proxys_own_word(said: dict[str, Any]) -> None:
    assert Way().refuses_everything(AUTH, **said).way == ("down", "proxy_auth", "likely", "route.login_refused")
    assert Way(kind="https").refuses_everything(AUTH, **said).way == ("down", "proxy_auth", "certain", "route.login_refused")


def test_another_protocol_is_named_by_what_was_heard() -> None:
    expected = ("down", "proxy_wrong_protocol", "certain", "route.other_protocol")
    assert Way(kind="http").refuses_everything("proxy_wrong_protocol", speaks="socks5").way == expected
    assert Way().refuses_everything(TIMEOUT).heard("http", "http_proxy").way == expected
    assert Way().refuses_everything(RESET).heard("http", failure=RESET).heard("https", "https_proxy").way == expected


def test_a_working_proxy_that_also_speaks_something_else_is_no_other_protocol() -> None:
    assert Way().heard("http", "http_proxy").delivers().way[0] == "works"


def test_a_mute_place_may_be_anything() -> None:
    mute = Way().refuses_everything(TIMEOUT).heard("http", failure=TIMEOUT).heard("https", failure=TIMEOUT)
    assert mute.way == ("down", "proxy_wrong_protocol", "likely", "route.does_not_answer")


def test_the_network_is_suspected_only_where_our_greeting_dies_and_others_do_not() -> None:
    spared = Way().refuses_everything(RESET).heard("http", failure=TIMEOUT)
    assert spared.way == ("down", "proxy_blocked", "likely", "route.cut_at_greeting")
    resets_all = Way().refuses_everything(RESET).heard("http", failure=RESET)
    assert resets_all.way == ("down", "proxy_wrong_protocol", "likely", "route.does_not_answer")
    once = Way().opens(CONTROLS[0], RESET, target=None).heard("http", failure=TIMEOUT)
    assert once.way[1] == "proxy_wrong_protocol"
    closes = Way().refuses_everything(EOF).heard("http", failure=TIMEOUT)
    assert closes.way[1] == "proxy_wrong_protocol"


def test_a_cut_handshake_with_the_proxy_needs_a_harmless_name_that_passes() -> None:
    cut = Way(kind="trojan").secures(RESET).secures(RESET)
    assert cut.way == ("down", "proxy_wrong_protocol", "likely", "route.does_not_answer")
    cut.secures("ssl_invalid_hostname", purpose="neutral_name", verify_code=62)
    assert cut.way == ("down", "proxy_blocked", "likely", "route.cut_at_hello")


def test_what_a_tls_port_says_to_clear_words_is_no_other_protocol() -> None:
    way = Way(kind="trojan").secures(RESET).secures(RESET).heard("http", "tls", "proxy_wrong_protocol")
    assert way.way[3] == "route.does_not_answer"


def test_a_proxy_without_tls_says_so() -> None:
    way = Way(kind="https").secures("ssl_failed_handshake").secures("ssl_failed_handshake")
    assert way.way == ("down", "proxy_wrong_protocol", "likely", "route.no_tls")


@pytest.mark.parametrize("shown, rule", [(UNKNOWN_CA, "route.own_certificate"), (EXPIRED, "route.own_certificate_date")])
def test_a_proxys_own_certificate_is_no_interception(shown: dict[str, Any], rule: str) -> None:
    assert Way(kind="https").secures(**shown).way == ("down", None, "likely", rule)


def test_a_proxy_that_refuses_everything_by_its_rules_says_so() -> None:
    expected = ("down", "proxy_refuses_target", "likely", "route.not_allowed")
    assert Way().refuses_everything("socks_connection_not_allowed", reply=2, received=12).way == expected
    assert Way(kind="http").refuses_everything("http_proxy_request_failed", status=403, received=300).way == expected


@pytest.mark.parametrize("failure", ["socks_error", "socks_network_unreachable", "socks_host_unreachable", "socks_connection_refused"])
def test_a_proxy_that_reaches_nothing_is_cut_off_itself(failure: str) -> None:
    assert Way().refuses_everything(failure, received=12).way == ("down", None, "likely", "route.reaches_nothing")


def test_a_proxy_that_greets_and_then_thinks_for_ever_reaches_nothing() -> None:
    assert Way().refuses_everything(TIMEOUT, received=2).way == ("down", None, "likely", "route.reaches_nothing")


def test_tor_that_opens_nothing_is_not_ready_and_one_that_delivers_is() -> None:
    tor = Way().refuses_everything(TIMEOUT, received=2).heard("http", "tor", "proxy_wrong_protocol")
    assert tor.way == ("down", "proxy_unreachable", "likely", "route.tor_not_ready")
    assert Way().heard("http", "tor", "proxy_wrong_protocol").delivers().way[0] == "works"


def test_a_bare_address_has_the_kind_that_was_found_out() -> None:
    way = Way(kind="auto").heard("socks5h", "socks5")
    way.used = "socks5h"
    judged = next(route for route in way.delivers().judged().routes if route.id == ROUTE)
    assert (judged.kind, judged.status) == ("socks5h", Status.WORKS)


def test_a_bare_address_where_nobody_answers_stays_what_it_was() -> None:
    way = Way(kind="auto").connects().heard("socks5h", failure=TIMEOUT).heard("http", failure=TIMEOUT)
    assert way.way == ("down", "proxy_wrong_protocol", "likely", "route.does_not_answer")


def test_a_wrong_key_looks_like_a_cut_and_is_only_likely() -> None:
    way = Way(kind="shadowsocks")
    for host in CONTROLS:
        way.shakes(host, TIMEOUT, target=None, late=True)
    assert way.way == ("down", "proxy_auth", "likely", "route.key_or_cut")
    assert Way(kind="shadowsocks").shakes(CONTROLS[0], AUTH, target=None, late=True).way[2:] == ("certain", "route.key_refused")


def test_what_needs_a_program_of_its_own_is_not_tested() -> None:
    way = Way(kind="vless")
    way.observations[-1].detail["why_not"] = "reality"
    assert way.way == ("not_tested", None, "none", "route.needs_its_own_client")


# --- masks -------------------------------------------------------------------------------------------


def offline(way: Way) -> Way:
    """Add a line on which nothing answers."""
    for last in range(1, 7):
        way.tcp(f"93.184.216.{last}", TIMEOUT, host=f"h{last}.example", tries=3)
    return way


def test_without_internet_nothing_is_said_of_a_proxy_unless_it_delivers() -> None:
    assert offline(Way().connects(TIMEOUT)).way[:3] == ("unknown", "no_internet", "none")
    assert offline(Way().delivers().gives("x.com")).way[0] == "works"


def test_a_portal_masks_a_proxy() -> None:
    way = Way().connects(RESET)
    for host in ("detectportal.firefox.com", "connectivitycheck.gstatic.com"):
        way.page(host, FOREIGN, 302, scheme="http", purpose="control", target=None)
    for host in CONTROLS:
        way.tcp(FOREIGN, RESET, host=host, purpose="control", target=None)
    assert way.judged().network.cause is Cause.CAPTIVE_PORTAL
    assert way.way[:3] == ("unknown", "captive_portal", "none")


# --- hostile reports ---------------------------------------------------------------------------------


def test_observations_of_a_strangers_report_never_break_the_judge() -> None:
    odd: tuple[Any, ...] = (None, 7, "x", [], {}, True)
    for step in (Step.PROXY, Step.TLS, Step.HTTP, Step.SYSTEM):
        for value in odd:
            keys = (
                "stage",
                "kind",
                "purpose",
                "speaks",
                "status",
                "port",
                "late",
                "received",
                "verify_code",
                "complete",
                "proxy",
                "why_not",
            )
            for stage in ("connect", "secure", "open", value):
                detail = {**dict.fromkeys(keys, value), "stage": stage}
                seen = Observation(id="o99", step=step, route=ROUTE, host="x.com", target="x", failure="eof_error", detail=detail)
                assert judge([*Way().observations, seen]).routes
