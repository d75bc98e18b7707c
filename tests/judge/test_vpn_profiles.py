"""Rules of VPN profiles on made-up observations: silence accuses nobody until something compares."""

from __future__ import annotations

from typing import Any

import pytest

from app.texts import has_text
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, Status, Step

ROUTE = "wireguard-abcd"
BLOCKED = Cause.VPN_HANDSHAKE_BLOCKED
MIXED = {"passed": [576, 1280], "lost": [1350, 1420]}
ONCE = ("handshake", "generic_timeout_error", {"tries": 1, "transport": "udp"})
LOST_NAME: Any = ("name", "dns_nxdomain_error", {})
FINE = NetworkVerdict(status=Status.WORKS, clock_skew_s=0.4)


def seen(*steps: tuple[str, str | None, dict[str, Any]]) -> ProfileEvidence:
    note = Observation(id="n", step=Step.SYSTEM, route=ROUTE, detail={"kind": "route", "proxy": "wireguard"})
    made = [
        Observation(
            id=f"o{at}",
            step=Step.VPN,
            route=ROUTE,
            failure=failure,
            detail={"stage": stage, "protocol": "wireguard", "by": "direct", **detail},
        )
        for at, (stage, failure, detail) in enumerate(steps)
    ]
    return ProfileEvidence([note, *made])


SILENT = ("handshake", "generic_timeout_error", {"tries": 3, "transport": "udp"})
ANSWERED = ("handshake", None, {"tries": 1, "transport": "udp", "answer": "response"})
SECOND_SILENT = ("handshake", "generic_timeout_error", {"tries": 3, "transport": "udp", "at": 1})
KEYS: Any = ("keys", None, {})
DATA = ("data", None, {"heard": ["ping"]})
ELSEWHERE = ("handshake", None, {"by": "socks5-1234", "tries": 1, "transport": "udp"})
NOT_ELSEWHERE = ("handshake", "generic_timeout_error", {"by": "socks5-1234", "tries": 3, "transport": "udp"})
RELAY: Any = ("relay", None, {"by": "socks5-1234", "answered": True, "same_address": False})
BUSY_ELSEWHERE: Any = ("handshake", "generic_timeout_error", {"by": "socks5-1234", "tries": 3, "transport": "udp", "answer": "cookie"})
PORT_SILENT: Any = ("port", "generic_timeout_error", {"tries": 3, "transport": "tcp"})
BUSY: Any = ("handshake", "generic_timeout_error", {"answer": "cookie", "transport": "udp"})
REFUSED: Any = ("handshake", "connection_refused", {"tries": 1, "transport": "udp"})
PROHIBITED: Any = ("handshake", "host_unreachable", {"tries": 1, "transport": "udp"})


@pytest.mark.parametrize(
    "steps, status, cause, rule",
    [
        ([SILENT], Status.UNKNOWN, None, "vpn.silent"),
        ([SILENT, ELSEWHERE], Status.BLOCKED, BLOCKED, "vpn.answers_elsewhere"),
        ([ONCE, ELSEWHERE], Status.LIKELY_BLOCKED, BLOCKED, "vpn.answers_elsewhere"),
        ([ONCE, SECOND_SILENT, ELSEWHERE], Status.LIKELY_BLOCKED, BLOCKED, "vpn.answers_elsewhere"),  # of the first address
        ([SILENT, RELAY, BUSY_ELSEWHERE], Status.BLOCKED, BLOCKED, "vpn.answers_elsewhere"),
        ([PROHIBITED, RELAY, ELSEWHERE], Status.BLOCKED, BLOCKED, "vpn.answers_elsewhere"),
        ([REFUSED, RELAY, ELSEWHERE], Status.LIKELY_BLOCKED, BLOCKED, "vpn.answers_elsewhere"),
        ([PROHIBITED, RELAY, NOT_ELSEWHERE], Status.LIKELY_BLOCKED, BLOCKED, "vpn.prohibited"),
        ([SILENT, RELAY, NOT_ELSEWHERE], Status.DOWN, Cause.VPN_SERVER_UNREACHABLE, "vpn.silent_everywhere"),
        ([("handshake", "connection_refused", {})], Status.DOWN, Cause.VPN_SERVER_UNREACHABLE, "vpn.port_closed"),
        ([("handshake", "host_unreachable", {"transport": "udp"})], Status.LIKELY_BLOCKED, BLOCKED, "vpn.prohibited"),
        ([("port", "host_unreachable", {"transport": "tcp"})], Status.UNKNOWN, None, "vpn.way_ends"),  # also a server that is switched off
        (
            [("port", "host_unreachable", {"transport": "tcp"}), ("port", "connection_refused", {"transport": "tcp"})],
            Status.DOWN,
            Cause.VPN_SERVER_UNREACHABLE,
            "vpn.port_closed",
        ),
        ([("handshake", "generic_timeout_error", {"answer": "cookie"})], Status.DOWN, Cause.VPN_SERVER_BUSY, "vpn.busy"),
        ([ANSWERED, ("keys", "wrong", {})], Status.DOWN, Cause.VPN_WRONG_KEY, "vpn.preshared_key_differs"),
        ([ANSWERED, KEYS], Status.WORKS, None, "vpn.only_greeted"),
        ([ANSWERED, KEYS, ("data", "generic_timeout_error", {})], Status.DOWN, Cause.VPN_DATA_BLOCKED, "vpn.no_data"),
        ([ANSWERED, KEYS, DATA], Status.WORKS, None, "vpn.carries"),
        ([ANSWERED, KEYS, DATA, ("mtu", None, MIXED)], Status.PARTIAL, Cause.VPN_MTU, "vpn.large_packets_lost"),
        ([ANSWERED, KEYS, DATA, ("mtu", None, {"passed": [576, 1420], "lost": [1280]})], Status.WORKS, None, "vpn.carries"),
        ([ANSWERED, KEYS, DATA, ("mtu", None, {"passed": [], "lost": [576, 1280]})], Status.WORKS, None, "vpn.carries"),
        ([("ahead", "ahead", {})], Status.NOT_TESTED, Cause.WRONG_CLOCK, "vpn.clock_ahead"),
        ([("name", "dns_nxdomain_error", {})], Status.DOWN, Cause.VPN_SERVER_UNREACHABLE, "vpn.name_unknown"),
        ([LOST_NAME, ("name_elsewhere", None, {}), SILENT], Status.LIKELY_BLOCKED, BLOCKED, "vpn.name_misled"),
        ([("inside", None, {})], Status.NOT_TESTED, None, "vpn.inside_itself"),
        ([], Status.NOT_TESTED, None, "vpn.not_measured"),
    ],
)
def test_each_stage_is_judged_by_what_was_seen(steps: list[Any], status: Status, cause: Cause | None, rule: str) -> None:
    found = judge_profile(ROUTE, seen(*steps), FINE)
    assert (found.status, found.cause, found.rule, found.kind) == (status, cause, rule, "wireguard")


@pytest.mark.parametrize(
    "answered, rule", [((False, False), "vpn.udp_silent_too"), ((True, False), "vpn.silent"), ((False,), "vpn.silent")]
)
def test_other_places_over_udp_are_told_of_only_if_all_of_several_are_silent(answered: tuple[bool, ...], rule: str) -> None:
    failures = {True: None, False: "generic_timeout_error"}
    asked = [("udp_control", failures[ok], {"control": f"c{at}", "answered": ok}) for at, ok in enumerate(answered)]
    found = judge_profile(ROUTE, seen(SILENT, *asked), FINE)
    assert (found.status, found.cause, found.rule) == (Status.UNKNOWN, None, rule)


def other(step: Any, **change: Any) -> Any:
    stage, failure, detail = step
    return stage, change.pop("failure", failure), detail | change


@pytest.mark.parametrize(
    "relay, greeting",
    [
        (None, NOT_ELSEWHERE),
        (other(RELAY, failure="generic_timeout_error", answered=False), NOT_ELSEWHERE),
        (other(RELAY, by="socks5-9999"), NOT_ELSEWHERE),
        (other(RELAY, same_address=True), NOT_ELSEWHERE),
        (RELAY, other(NOT_ELSEWHERE, tries=2)),
        (RELAY, other(NOT_ELSEWHERE, failure="connection_aborted")),
        (RELAY, other(NOT_ELSEWHERE, failure="connection_refused")),
        (other(RELAY, same_address=True), ELSEWHERE),
    ],
    ids=[
        "carried nothing",
        "swallowed the question",
        "was another one",
        "comes out here",
        "was asked too little",
        "hung up",
        "has a closed port",
        "comes out here, and was answered",
    ],
)
def test_a_proxy_proves_nothing_of_a_silent_server_if_it(relay: Any, greeting: Any) -> None:
    found = judge_profile(ROUTE, seen(SILENT, *([relay] if relay else []), greeting), FINE)
    assert (found.status, found.cause, found.rule) == (Status.UNKNOWN, None, "vpn.silent")


def test_a_proxy_whose_exit_is_not_known_still_speaks_for_a_server_that_is_silent_to_it() -> None:
    found = judge_profile(ROUTE, seen(SILENT, other(RELAY, same_address=None), NOT_ELSEWHERE), FINE)
    assert found.rule == "vpn.silent_everywhere"


def test_silence_everywhere_proves_nothing_while_nobody_vouches_for_the_clock() -> None:
    found = judge_profile(ROUTE, seen(SILENT, RELAY, NOT_ELSEWHERE), NetworkVerdict(status=Status.WORKS))
    assert (found.status, found.rule) == (Status.UNKNOWN, "vpn.silent")


def test_a_slow_clock_comes_before_a_silence_from_elsewhere_and_after_an_answer() -> None:
    late = NetworkVerdict(status=Status.WORKS, clock_skew_s=-3600.0)
    assert judge_profile(ROUTE, seen(SILENT, RELAY, NOT_ELSEWHERE), late).rule == "vpn.clock_behind"
    assert judge_profile(ROUTE, seen(SILENT, RELAY, ELSEWHERE), late).rule == "vpn.answers_elsewhere"


@pytest.mark.parametrize("received, rule", [(40_000, "vpn.carries_pages"), (3_000, "vpn.large_packets_lost")])
def test_a_large_page_that_came_whole_shows_that_large_packets_pass(received: int, rule: str) -> None:
    steps = seen(ANSWERED, KEYS, DATA, ("mtu", None, {"passed": [576, 1400], "lost": [1420]}))
    page = Observation(id="p", step=Step.HTTP, route=ROUTE, detail={"complete": True, "received": received})
    evidence = ProfileEvidence([*([steps.note] if steps.note else []), *steps.vpn, page])
    assert judge_profile(ROUTE, evidence, FINE).rule == rule


def test_a_slow_clock_is_said_before_anybody_is_suspected() -> None:
    late = NetworkVerdict(status=Status.WORKS, clock_skew_s=-3600.0)
    assert judge_profile(ROUTE, seen(SILENT), late).cause is Cause.WRONG_CLOCK
    assert judge_profile(ROUTE, seen(SILENT), NetworkVerdict(status=Status.WORKS, clock_skew_s=-5.0)).cause is None


def test_without_internet_nothing_is_said_of_a_profile_that_stays_silent() -> None:
    offline = NetworkVerdict(status=Status.DOWN, cause=Cause.NO_INTERNET, rule="network.nothing_answers")
    assert judge_profile(ROUTE, seen(SILENT), offline).cause is Cause.NO_INTERNET
    assert judge_profile(ROUTE, seen(ANSWERED, KEYS, DATA), offline).status is Status.WORKS


FAULTS = (Cause.LOCAL_INTERCEPTION, Cause.LOCAL_FIREWALL, Cause.LOSSY_NETWORK)
DENIED: Any = ("port", "permission_denied", {"tries": 3, "transport": "tcp"})
LARGE_LOST: Any = [ANSWERED, KEYS, DATA, ("mtu", None, MIXED)]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "steps, expected",
    [
        ([SILENT, RELAY, ELSEWHERE], (Status.LIKELY_BLOCKED, BLOCKED, Certainty.LIKELY, "vpn.answers_elsewhere")),
        ([ANSWERED, ("keys", "wrong", {})], (Status.DOWN, Cause.VPN_WRONG_KEY, Certainty.LIKELY, "vpn.preshared_key_differs")),
        ([BUSY], (Status.DOWN, Cause.VPN_SERVER_BUSY, Certainty.LIKELY, "vpn.busy")),
        ([ONCE, ELSEWHERE], None),
        ([PROHIBITED], None),
        ([REFUSED], None),
        ([SILENT, RELAY, NOT_ELSEWHERE], None),
        ([ANSWERED, KEYS, ("data", "generic_timeout_error", {})], None),
        ([LOST_NAME], None),
        (LARGE_LOST, (Status.WORKS, None, Certainty.LIKELY, "vpn.answers")),
        ([ANSWERED, KEYS, DATA], (Status.WORKS, None, Certainty.LIKELY, "vpn.carries")),
        ([SILENT], (Status.UNKNOWN, None, Certainty.NONE, "vpn.silent")),
    ],
)
def test_while_this_computer_or_its_line_has_a_fault_nothing_that_accuses_is_certain(fault: Cause, steps: list[Any], expected: Any) -> None:
    line = NetworkVerdict(status=Status.SLOW, cause=fault, clock_skew_s=0.4, evidence=("n1",))
    found = judge_profile(ROUTE, seen(*steps), line)
    expected = expected or (Status.UNKNOWN, fault, Certainty.NONE, "vpn.local_fault")
    assert (found.status, found.cause, found.certainty, found.rule) == expected
    assert ("n1" in found.evidence) == (found.rule == "vpn.local_fault")
    assert has_text(f"cause.{fault}.local_fault")


@pytest.mark.parametrize("cause", [Cause.BROKEN_IPV6, Cause.STALE_PROXY, None])
def test_a_fault_that_explains_no_silence_over_ipv4_takes_nothing_back(cause: Cause | None) -> None:
    line = NetworkVerdict(status=Status.PARTIAL, cause=cause, clock_skew_s=0.4)
    found = judge_profile(ROUTE, seen(SILENT, RELAY, ELSEWHERE), line)
    assert (found.status, found.certainty) == (Status.BLOCKED, Certainty.CERTAIN)


def test_what_this_computer_forbids_beside_the_rest_is_a_fault_of_its_own() -> None:
    found = judge_profile(ROUTE, seen(SILENT, DENIED, RELAY, ELSEWHERE), FINE)
    assert (found.status, found.certainty) == (Status.LIKELY_BLOCKED, Certainty.LIKELY)
    found = judge_profile(ROUTE, seen(SILENT, DENIED, RELAY, NOT_ELSEWHERE), FINE)
    assert (found.status, found.cause, found.rule) == (Status.UNKNOWN, Cause.LOCAL_FIREWALL, "vpn.local_fault")


KNOWN: Any = ("name_elsewhere", None, {})


@pytest.mark.parametrize(
    "failure, line, steps, rule",
    [
        ("dns_no_answer", FINE, [SILENT], "vpn.name_misled"),
        ("generic_timeout_error", FINE, [SILENT], "vpn.silent"),  # a slow resolver misleads nobody
        ("dns_temporary_failure", FINE, [PORT_SILENT], "vpn.too_little"),
        ("dns_nxdomain_error", NetworkVerdict(), [SILENT], "vpn.silent"),  # names fail for everybody here
        ("dns_nxdomain_error", NetworkVerdict(), [SILENT, ELSEWHERE], "vpn.answers_elsewhere"),
        ("generic_timeout_error", FINE, [], "vpn.name_unclear"),
    ],
)
def test_a_name_is_hidden_only_where_somebody_said_that_nobody_has_it_and_the_line_works(
    failure: str, line: NetworkVerdict, steps: list[Any], rule: str
) -> None:
    assert judge_profile(ROUTE, seen(("name", failure, {}), KNOWN, *steps), line).rule == rule


@pytest.mark.parametrize(
    "failure, line, rule",
    [
        ("dns_nxdomain_error", FINE, "vpn.name_unknown"),
        ("generic_timeout_error", FINE, "vpn.name_unclear"),  # nobody answered: a slow resolver is no dead server
        ("dns_nxdomain_error", NetworkVerdict(), "vpn.name_unclear"),  # nothing works here
    ],
)
def test_only_where_names_can_be_asked_for_a_name_is_known_to_nobody(failure: str, line: NetworkVerdict, rule: str) -> None:
    assert judge_profile(ROUTE, seen(("name", failure, {})), line).rule == rule
