"""Rules of services behind a proxy: whose fault it is that something does not open, and what that says of the direct line."""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.judge.routes import confirmed
from diagnostics.model import Cause, Certainty, Status, Verdict
from tests.judge.story import TRUE
from tests.judge.way import AUTH, CONTROLS, EXPIRED, RESET, ROUTE, TIMEOUT, UNKNOWN_CA, WRONG_NAME, Way, clouded

# --- certificates ------------------------------------------------------------------------------------


def spied() -> Way:
    way = Way()
    for host in CONTROLS:
        way.shakes(host, target=None, **UNKNOWN_CA)
    return way.shakes("x.com", **UNKNOWN_CA)


def test_a_proxy_that_signs_for_several_owners_intercepts() -> None:
    expected = ("down", "proxy_intercepts", "certain", "route.stranger_signs")
    assert spied().well().way == expected
    assert spied().well().over == expected


def test_interception_without_anything_to_compare_with_is_only_likely() -> None:
    assert spied().way == ("down", "proxy_intercepts", "likely", "route.stranger_signs")


def test_strangers_on_the_direct_line_too_are_not_the_proxys_doing() -> None:
    way = spied()
    for host in (*CONTROLS, "x.com"):
        way.tls(host, TRUE, UNKNOWN_CA["failure"], verify_code=20)
    assert way.way == ("unknown", None, "none", "route.strangers_on_every_way")


def test_an_authority_that_nobody_knows_on_both_ways_accuses_nobody() -> None:
    way = Way().delivers().shakes("x.com", **UNKNOWN_CA)
    way.healthy().tls("x.com", TRUE, UNKNOWN_CA["failure"], verify_code=20)
    assert way.over == ("unknown", None, "none", "route.strangers_on_every_way")


def test_a_proxy_that_was_led_astray_by_our_own_directory_is_innocent() -> None:
    way = Way(kind="socks5", names_here=True).delivers().shakes("x.com", **UNKNOWN_CA)
    way.healthy().tls("x.com", TRUE)
    assert way.over == ("unknown", None, "none", "route.another_certificate")


@pytest.mark.parametrize("shown", [EXPIRED, WRONG_NAME])
def test_a_site_that_fails_alike_directly_is_at_fault_itself(shown: dict[str, Any]) -> None:
    way = Way().delivers().shakes("x.com", **shown)
    way.healthy().tls("x.com", TRUE, shown["failure"], verify_code=shown["verify_code"])
    assert way.over == ("down", "server_fault", "likely", "route.same_certificate_directly")
    assert way.way[0] == "works"


def test_an_expired_certificate_of_one_site_never_accuses_the_proxy() -> None:
    assert Way().delivers().shakes("x.com", **EXPIRED).over == ("down", "server_fault", "likely", "route.certificate_date")


def test_a_wrong_name_or_dates_of_many_are_left_open() -> None:
    assert Way().delivers().shakes("x.com", **WRONG_NAME).over == ("unknown", None, "none", "route.another_certificate")
    dates = Way().gives(CONTROLS[0], target=None).shakes(CONTROLS[1], target=None, **EXPIRED).shakes("x.com", **EXPIRED)
    assert dates.over == ("unknown", None, "none", "route.another_certificate")


def test_one_unknown_authority_is_left_open_unless_the_direct_line_vouches_for_the_site() -> None:
    way = Way().delivers().shakes("x.com", **UNKNOWN_CA)
    assert way.over == ("unknown", None, "none", "route.unknown_authority")
    assert way.well().over == ("down", "proxy_intercepts", "likely", "route.stranger_signs")


@pytest.mark.parametrize("cause", [Cause.WRONG_CLOCK, Cause.LOCAL_INTERCEPTION])
def test_faults_of_this_computer_cloud_every_certificate(cause: Cause) -> None:
    way = spied()
    clouded(way, cause)
    assert way.judged().network.cause is cause
    assert way.way[:3] == ("unknown", str(cause), "none")
    assert way.over[:3] == ("unknown", str(cause), "none")


def test_an_own_certificate_of_the_proxy_is_clouded_too() -> None:
    way = Way(kind="https").secures(**UNKNOWN_CA)
    clouded(way, Cause.LOCAL_INTERCEPTION)
    assert way.way[:2] == ("unknown", "local_interception")


# --- the services through it -------------------------------------------------------------------------


@pytest.mark.parametrize("failure", ["socks_error", "socks_connection_refused", "socks_host_unreachable", "eof_error"])
def test_a_target_out_of_the_proxys_reach_accuses_nobody(failure: str) -> None:
    assert Way().delivers().opens("x.com", failure).over == ("down", None, "likely", "route.target_out_of_reach")


def test_a_proxy_that_forbids_one_service_still_works() -> None:
    way = Way().delivers().opens("x.com", "socks_connection_not_allowed", reply=2)
    assert way.over == ("down", "proxy_refuses_target", "likely", "route.not_allowed")
    assert way.way[0] == "works"


def test_silence_about_one_target_is_left_open() -> None:
    assert Way().delivers().opens("x.com", TIMEOUT).over == ("unknown", None, "none", "route.no_answer_for_target")


def test_a_login_that_is_refused_for_one_target_is_said_so() -> None:
    assert Way().delivers().opens("x.com", AUTH, status=407).over[:2] == ("down", "proxy_auth")


def test_a_name_that_is_not_found_here_cannot_be_asked_for() -> None:
    way = Way(kind="socks4").delivers().opens("x.com", "dns_nxdomain_error")
    assert way.over == ("down", "proxy_leaks_dns", "likely", "route.name_not_found_here")


def test_one_lost_try_is_healed_by_the_next() -> None:
    assert Way().delivers().shakes("x.com", TIMEOUT).gives("x.com").over[0] == "works"
    assert Way().delivers().opens("x.com", TIMEOUT).gives("x.com").over[0] == "works"


@pytest.mark.parametrize(
    "page, expected",
    [
        ({"status": 403}, ("works", None, "certain", "route.page")),
        ({"status": 403, "told": "country"}, ("down", "geo_refused", "likely", "route.refused_for_place")),
        ({"status": 451}, ("down", "geo_refused", "likely", "route.refused_for_place")),
        ({"status": 503}, ("down", "server_fault", "likely", "route.server_error")),
        ({"status": 503, "told": "challenge"}, ("works", None, "certain", "route.page")),
        ({"complete": False}, ("unknown", None, "none", "route.cut_short")),
    ],
)
def test_a_page_is_judged_by_what_it_says(page: dict[str, Any], expected: tuple[str, str | None, str, str]) -> None:
    assert Way().delivers().gives("x.com", **page).over == expected


def test_a_service_that_was_not_reached_in_time_is_not_tested() -> None:
    assert Way().delivers().over == ("not_tested", None, "none", "route.not_measured")


# --- names that are read inside a proxy --------------------------------------------------------------


def read_inside(kind: str = "socks5h", *, deaths: int = 2, neutral: bool = True) -> Way:
    way = Way(kind=kind).delivers()
    for number in range(deaths):
        way.shakes("x.com", RESET, purpose="repeat" if number else "target")
    if neutral:
        way.shakes("x.com", None, purpose="neutral_name")
    return way


@pytest.mark.parametrize("kind", ["http", "socks4", "socks4a", "socks5", "socks5h"])
def test_a_name_cut_directly_and_inside_a_clear_proxy_is_read_there_too(kind: str) -> None:
    assert read_inside(kind).cut_by_name().over == ("likely_blocked", "name_blocked", "likely", "route.name_seen_through")


def test_nothing_is_read_inside_without_every_sign() -> None:
    dead = ("down", None, "likely", "route.opened_but_dead")
    assert read_inside("https").cut_by_name().over == dead, "an encrypted proxy"
    assert read_inside(deaths=1).cut_by_name().over == dead, "one death is a hint"
    assert read_inside(neutral=False).cut_by_name().over == dead, "no harmless name passed"
    assert read_inside().well().over == dead, "the direct line does not cut it"
    assert read_inside().connects(bogon=True).cut_by_name().over == dead, "nobody stands between us and a proxy on this computer"


# --- what a proxy says of the direct line ------------------------------------------------------------


def directly(status: Status, cause: Cause | None = Cause.IP_BLOCKED) -> Verdict:
    return Verdict(target="x", status=status, cause=cause, certainty=Certainty.LIKELY, rule="tcp.silent", evidence=("o1",))


def over(status: Status, target: str = "x", function: str | None = None) -> Verdict:
    return Verdict(target=target, function=function, route=ROUTE, status=status, certainty=Certainty.CERTAIN, evidence=("o9",))


@pytest.mark.parametrize("status", [Status.WORKS, Status.SLOW])
def test_a_service_that_opens_elsewhere_makes_a_likely_block_certain(status: Status) -> None:
    found = confirmed(directly(Status.LIKELY_BLOCKED), [over(status)])
    assert (found.status, found.cause, found.certainty) == (Status.BLOCKED, Cause.IP_BLOCKED, Certainty.CERTAIN)
    assert found.evidence == ("o1", "o9")


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.LIKELY_BLOCKED])
def test_nothing_else_becomes_blocked_by_it(status: Status) -> None:
    assert confirmed(directly(status), [over(Status.WORKS)]) == directly(status)


@pytest.mark.parametrize("status", [each for each in Status if each not in (Status.WORKS, Status.SLOW)])
def test_what_does_not_open_elsewhere_confirms_nothing(status: Status) -> None:
    assert confirmed(directly(Status.LIKELY_BLOCKED), [over(status)]).status is Status.LIKELY_BLOCKED


def test_only_the_same_part_of_the_same_service_confirms() -> None:
    others = [over(Status.WORKS, target="y"), over(Status.WORKS, function="chat")]
    assert confirmed(directly(Status.LIKELY_BLOCKED), others).status is Status.LIKELY_BLOCKED
