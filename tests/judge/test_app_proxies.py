"""Rules of the proxies of Telegram, Signal and WhatsApp: each on recorded observations, beside what must not trigger it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from diagnostics.failures import EOF, FAILED_HANDSHAKE, REFUSED, RESET, TIMEOUT, UNKNOWN_AUTHORITY, WRONG_ANSWER, WRONG_NAME
from diagnostics.judge import Judgement, judge
from diagnostics.judge.app_proxies import may_confirm
from diagnostics.model import (
    Cause,
    Certainty,
    Endpoint,
    Function,
    NetworkVerdict,
    Observation,
    Probe,
    RouteVerdict,
    Service,
    Status,
    Verdict,
)
from tests.judge.app_way import FINE, Way
from tests.judge.story import Story, service

AUTH, WRONG_PROTOCOL = "proxy_authentication_failed", "proxy_wrong_protocol"
INVALID = "ssl_invalid_certificate"
WHATSAPP = Service(
    id="whatsapp",
    functions=(
        Function(id="chat", core=True, endpoints=(Endpoint(host="g.whatsapp.net", port=5222, probe=Probe.TCP_HOLD),)),
        Function(id="media", endpoints=(Endpoint(host="mmg.whatsapp.net"),)),
    ),
)
TELEGRAM = Service(id="telegram", functions=(Function(id="chat", core=True, endpoints=(Endpoint(host="149.154.175.50"),)),))


def telegram() -> Way:
    return Way("mtproto")


def decoy(**detail: Any) -> Way:
    return telegram().connect().stage("secret", AUTH, received=1400, **({"whole": True} | detail))


def signal() -> Way:
    return Way("signal").connect().stage("secure")


def whatsapp() -> Way:
    return Way("whatsapp")


CHAT, FRONT = "chat.signal.org", "whatsapp.net"
OWN: dict[str, Any] = {"certificate": {"names": ["*.whatsapp.net", "whatsapp.net"]}}
OTHERS: dict[str, Any] = {"certificate": {"names": ["correo.example", "whatsapp.net.example", "notwhatsapp.net"]}}


# --- reaching it, all kinds --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mtproto", "signal", "whatsapp"])
@pytest.mark.parametrize(
    "steps, said",
    [
        ((("name", "dns_nxdomain_error"),), ("down", "proxy_unreachable", "likely", "route.name_unknown")),
        ((("connect", REFUSED),), ("down", "proxy_down", "likely", "route.refused")),
        ((("connect", TIMEOUT), ("connect", REFUSED)), ("down", "proxy_down", "likely", "route.refused")),
        ((("connect", TIMEOUT), ("connect", TIMEOUT)), ("down", "proxy_unreachable", "likely", "route.silent")),
        ((("connect", "interrupted"),), ("not_tested", None, "none", "route.not_measured")),
        ((), ("not_tested", None, "none", "route.not_measured")),
    ],
)
def test_a_proxy_that_cannot_be_reached(kind: str, steps: tuple[tuple[str, str], ...], said: tuple[str, str | None, str, str]) -> None:
    way = Way(kind)
    for stage, failure in steps:
        way.stage(stage, failure)
    assert way.said() == said


@pytest.mark.parametrize("cause", [Cause.NO_INTERNET, Cause.CAPTIVE_PORTAL])
@pytest.mark.parametrize("kind", ["mtproto", "signal", "whatsapp"])
def test_without_internet_nothing_is_said_of_a_proxy(kind: str, cause: Cause) -> None:
    network = NetworkVerdict(status=Status.DOWN, cause=cause, rule="network.x", evidence=("o1",))
    assert Way(kind).connect(REFUSED).said(network) == ("unknown", cause.value, "none", "network.x")


# --- Telegram ----------------------------------------------------------------------------------------------


def test_telegrams_own_answer_proves_its_proxy() -> None:
    assert telegram().connect().asked().said() == ("works", None, "certain", "route.app_answers")


def test_one_data_centre_that_is_being_mended_accuses_no_proxy() -> None:
    assert telegram().connect().asked(EOF).connect().asked().said()[0] == "works"


def test_a_step_that_ended_well_without_an_answer_proves_nothing() -> None:
    assert telegram().connect().asked(answered=False).said()[0] != "works"


def test_the_cover_site_answers_whoever_lacks_the_secret() -> None:
    assert decoy().said() == ("down", "proxy_auth", "certain", "route.decoy_answers")


@pytest.mark.parametrize(
    "detail, skew, certainty",
    [
        ({"whole": False}, 0.5, "likely"),
        ({}, None, "likely"),
        ({}, 5.0, "likely"),
        ({}, -240.0, "likely"),
        ({"whole": "yes"}, 0.5, "likely"),
    ],
)
def test_it_is_only_likely_where_the_answer_came_in_part_or_the_clock_is_not_exact(
    detail: dict[str, Any], skew: float | None, certainty: str
) -> None:
    network = msgspec.structs.replace(FINE, clock_skew_s=skew)
    assert decoy(**detail).said(network) == ("down", "proxy_auth", certainty, "route.decoy_answers")


@pytest.mark.parametrize("skew", [-301.0, 601.0, -90_000.0])
def test_a_wrong_clock_is_no_wrong_secret(skew: float) -> None:
    network = msgspec.structs.replace(FINE, clock_skew_s=skew)
    assert decoy().said(network) == ("unknown", "wrong_clock", "none", "route.clock_too_far")


def test_the_lines_own_wrong_clock_masks_too() -> None:
    assert decoy().said(NetworkVerdict(status=Status.DOWN, cause=Cause.WRONG_CLOCK, rule="network.clock_differs"))[0] == "unknown"


def test_a_program_that_opens_secure_connections_is_no_wrong_secret() -> None:
    network = NetworkVerdict(status=Status.DOWN, cause=Cause.LOCAL_INTERCEPTION, rule="network.local_root")
    assert decoy().said(network) == ("unknown", "local_interception", "none", "network.local_root")


def test_one_visit_whose_secret_was_taken_outweighs_one_that_met_the_site() -> None:
    assert decoy().connect().stage("secret").asked().said()[0] == "works"


def test_a_site_that_says_half_a_hello_and_waits_is_the_cover_site() -> None:
    found = telegram().connect().stage("secret", TIMEOUT, received=90).said()
    assert found == ("down", "proxy_auth", "likely", "route.decoy_answers")


@pytest.mark.parametrize(
    "way, said",
    [
        (telegram().connect().stage("secret", WRONG_PROTOCOL, speaks="http"), ("proxy_wrong_protocol", "certain", "route.other_protocol")),
        (telegram().connect().stage("secret", TIMEOUT, received=0), ("proxy_wrong_protocol", "likely", "route.does_not_answer")),
        (telegram().connect().stage("secret", RESET), ("proxy_auth", "likely", "route.secret_or_cut")),
        (telegram().connect().stage("secret", RESET).stage("neutral", RESET), ("proxy_auth", "likely", "route.secret_or_cut")),
        (telegram().connect().stage("secret", RESET).stage("neutral"), ("proxy_blocked", "likely", "route.site_name_cut")),
        (telegram().connect().stage("secret", EOF).stage("secret").asked(EOF), (None, "likely", "route.app_unreachable")),
        (telegram().connect().stage("secret").asked(TIMEOUT), (None, "likely", "route.app_unreachable")),
        (telegram().connect().asked(TIMEOUT), (None, "likely", "route.silent_to_secret")),
        (telegram().connect().asked(RESET), ("proxy_auth", "likely", "route.secret_or_cut")),
        (telegram().connect().asked(TIMEOUT).asked(EOF), ("proxy_auth", "likely", "route.secret_or_cut")),
        (telegram().connect().asked(WRONG_ANSWER, speaks="tls"), ("proxy_wrong_protocol", "likely", "route.site_answers")),
        (telegram().connect().asked(WRONG_ANSWER), ("proxy_wrong_protocol", "likely", "route.other_protocol")),
    ],
)
def test_a_telegram_proxy_that_brings_nothing(way: Way, said: tuple[str | None, str, str]) -> None:
    assert way.said() == ("down", *said)


def test_a_data_centre_that_refuses_our_question_was_reached() -> None:
    assert telegram().connect().asked(WRONG_ANSWER, error_code=404).said()[::3] == ("unknown", "route.cut_short")


# --- Signal ------------------------------------------------------------------------------------------------


def test_signals_certificate_and_a_page_prove_its_proxy() -> None:
    way = signal().shaken(CHAT).page().shaken("example.org", EOF, purpose="neutral_name")
    assert way.said() == ("works", None, "certain", "route.app_answers")


def test_a_proxy_that_carries_everybody_works_and_is_called_open() -> None:
    way = signal().shaken(CHAT).page().shaken("example.org", purpose="neutral_name")
    assert way.said() == ("works", None, "certain", "route.open_relay")


def test_a_page_that_stops_in_the_middle_leaves_it_open() -> None:
    assert signal().shaken(CHAT).page(TIMEOUT, complete=False).said() == ("unknown", None, "none", "route.cut_short")


STRANGER: dict[str, Any] = {"verify_code": 20}
WRONG_CLOCK = NetworkVerdict(status=Status.DOWN, cause=Cause.WRONG_CLOCK, rule="network.clock_differs")
LOCAL_ROOT = NetworkVerdict(status=Status.DOWN, cause=Cause.LOCAL_INTERCEPTION, rule="network.local_root")


@pytest.mark.parametrize(
    "way, said",
    [
        (signal().shaken(CHAT, RESET).shaken(CHAT, RESET), (None, "likely", "route.app_unreachable")),
        (signal().shaken(CHAT, TIMEOUT), (None, "likely", "route.app_unreachable")),
        (signal().shaken(CHAT, FAILED_HANDSHAKE), (None, "likely", "route.app_unreachable")),
        (signal().shaken(CHAT, WRONG_NAME), (None, "likely", "route.app_unreachable")),  # an alert of the other side
        (signal().shaken(CHAT, FAILED_HANDSHAKE).heard("http"), ("proxy_wrong_protocol", "certain", "route.other_protocol")),
        (signal().shaken(CHAT, UNKNOWN_AUTHORITY, **STRANGER), ("proxy_intercepts", "likely", "route.another_answers")),
        (
            signal()
            .shaken(CHAT, UNKNOWN_AUTHORITY, **STRANGER)
            .shaken("example.org", UNKNOWN_AUTHORITY, purpose="neutral_name", **STRANGER),
            ("proxy_intercepts", "certain", "route.another_answers"),
        ),
    ],
)
def test_a_signal_proxy_inside_which_signal_is_not(way: Way, said: tuple[str | None, str, str]) -> None:
    assert way.said() == ("down", *said)


def test_a_certificate_of_signal_that_is_too_old_is_no_strangers() -> None:
    assert signal().shaken(CHAT, INVALID, verify_code=10).said()[::3] == ("unknown", "route.cut_short")


@pytest.mark.parametrize("network", [WRONG_CLOCK, LOCAL_ROOT])
def test_this_computers_faults_explain_certificates(network: NetworkVerdict) -> None:
    inside = signal().shaken(CHAT, INVALID, verify_code=9)
    outside = Way("signal").connect().stage("secure", INVALID, verify_code=10)
    media = whatsapp().connect(door="media").shaken(FRONT, INVALID, verify_code=10)
    assert {way.said(network)[:2] for way in (inside, outside, media)} == {("unknown", str(network.cause))}


def test_a_wrong_clock_does_not_explain_a_stranger() -> None:
    assert signal().shaken(CHAT, UNKNOWN_AUTHORITY, **STRANGER).said(WRONG_CLOCK)[1] == "proxy_intercepts"


@pytest.mark.parametrize(
    "failure, detail, said",
    [
        (RESET, {}, (None, "likely", "route.cut_at_first_word")),
        (TIMEOUT, {}, (None, "likely", "route.cut_at_first_word")),
        (FAILED_HANDSHAKE, {"reason": "WRONG_VERSION_NUMBER"}, ("proxy_wrong_protocol", "likely", "route.no_tls")),
        (WRONG_NAME, {"reason": "TLSV1_UNRECOGNIZED_NAME"}, ("proxy_wrong_protocol", "likely", "route.no_tls")),
        (UNKNOWN_AUTHORITY, {"verify_code": 18}, ("proxy_intercepts", "likely", "route.outer_certificate")),
        (WRONG_NAME, {"verify_code": 62}, ("proxy_intercepts", "likely", "route.outer_certificate")),
        (INVALID, {"verify_code": 10}, (None, "likely", "route.outer_expired")),
    ],
)
def test_a_signal_proxy_with_which_no_session_comes_about(failure: str, detail: dict[str, Any], said: tuple[str | None, str, str]) -> None:
    assert Way("signal").connect().stage("secure", failure, **detail).said() == ("down", *said)


# --- WhatsApp ----------------------------------------------------------------------------------------------


def chat(way: Way, failure: str | None = None, **detail: Any) -> Way:
    return way.connect(door="chat").stage("chat", failure, door="chat", **detail)


@pytest.mark.parametrize("alive, certainty", [({"noise": True}, "certain"), ({"held": True}, "likely")])
def test_whatsapps_certificate_and_a_living_chat_port_prove_its_proxy(alive: dict[str, Any], certainty: str) -> None:
    route, verdicts = chat(whatsapp(), **alive).connect(door="media").shaken(FRONT, **OWN).judged(FINE, WHATSAPP)
    assert (route.status, route.rule) == (Status.WORKS, "route.app_answers")
    assert {v.function: (v.status.value, v.certainty.value) for v in verdicts} == {
        None: ("works", "certain"),
        "chat": ("works", certainty),
        "media": ("works", "certain"),
    }


def test_the_second_port_of_pictures_is_as_good() -> None:
    assert chat(whatsapp(), held=True).connect(REFUSED, door="media").shaken(FRONT, **OWN).said()[0] == "works"


def test_text_without_pictures_works_in_part() -> None:
    way = chat(whatsapp(), held=True).connect(REFUSED, door="media").connect(TIMEOUT, door="media")
    route, verdicts = way.judged(FINE, WHATSAPP)
    assert (route.status, route.rule) == (Status.PARTIAL, "route.chat_only")
    assert {v.function: v.status.value for v in verdicts} == {None: "partial", "chat": "works", "media": "down"}


def test_pictures_that_were_not_asked_for_to_the_end_are_not_called_dead() -> None:
    assert chat(whatsapp(), held=True).said()[::3] == ("unknown", "route.cut_short")
    assert chat(whatsapp(), held=True).connect(REFUSED, door="media").said()[::3] == ("unknown", "route.cut_short")


def test_pictures_without_text_work_in_part() -> None:
    way = chat(whatsapp(), EOF).connect(door="media").shaken(FRONT, **OWN)
    assert way.said() == ("partial", None, "likely", "route.media_only")


@pytest.mark.parametrize(
    "way, certainty",
    [
        (chat(whatsapp(), held=True).shaken(FRONT, **OTHERS), "likely"),
        (chat(whatsapp(), held=True).shaken(FRONT, UNKNOWN_AUTHORITY, **STRANGER), "likely"),
        (chat(whatsapp(), held=True).shaken(FRONT, UNKNOWN_AUTHORITY, **STRANGER).shaken(FRONT, **OTHERS), "certain"),
    ],
)
def test_somebody_elses_certificate_where_whatsapps_is_due(way: Way, certainty: str) -> None:
    assert way.said() == ("down", "proxy_intercepts", certainty, "route.another_answers")


@pytest.mark.parametrize("names", [None, "whatsapp.net", 7, {"whatsapp.net": 1}, []])
def test_a_report_with_odd_certificates_judges_without_falling(names: object) -> None:
    assert chat(whatsapp(), held=True).shaken(FRONT, certificate={"names": names}).said()[3] == "route.another_answers"


@pytest.mark.parametrize(
    "way, said",
    [
        (chat(whatsapp(), WRONG_PROTOCOL, speaks="http"), ("proxy_wrong_protocol", "certain", "route.other_protocol")),
        (
            chat(whatsapp(), WRONG_PROTOCOL, speaks="http").shaken(FRONT, UNKNOWN_AUTHORITY, **STRANGER),
            ("proxy_wrong_protocol", "certain", "route.other_protocol"),
        ),
        (chat(whatsapp(), WRONG_ANSWER), ("proxy_wrong_protocol", "likely", "route.other_protocol")),
        (chat(whatsapp(), EOF).connect(door="media").shaken(FRONT, EOF), (None, "likely", "route.app_unreachable")),
        (chat(whatsapp(), EOF).connect(REFUSED, door="media"), (None, "likely", "route.app_unreachable")),
        (
            whatsapp().connect(door="chat").stage("secure", RESET, door="chat").connect(REFUSED, door="media"),
            (None, "likely", "route.cut_at_first_word"),
        ),
    ],
)
def test_a_whatsapp_proxy_that_brings_nothing(way: Way, said: tuple[str | None, str, str]) -> None:
    assert way.said() == ("down", *said)


# --- services ----------------------------------------------------------------------------------------------


def told(way: Way, *targets: Service, direct: bool = True) -> Judgement:
    """Return the judgement of a run with one app proxy."""
    story = Story(*targets).healthy()
    plan = story.observations[0]
    story.observations[0] = msgspec.structs.replace(plan, detail=plan.detail | {"direct": direct})
    return judge([*story.observations, *way.observations])


def test_an_app_proxy_says_something_of_its_own_app_alone() -> None:
    found = told(telegram().connect().asked(), service("x.com"), TELEGRAM)
    assert {v.target for v in found.verdicts if v.route != "direct"} == {"telegram"}
    assert [r.kind for r in found.routes] == ["direct", "mtproto"]


def test_an_app_that_nobody_asked_for_has_no_verdict() -> None:
    found = told(telegram().connect().asked(), service("x.com"))
    assert [v for v in found.verdicts if v.route != "direct"] == []
    assert found.routes[1].status is Status.WORKS


def test_without_the_direct_line_what_no_proxy_carries_was_not_tested() -> None:
    found = told(telegram().connect().asked(), service("x.com"), TELEGRAM, direct=False)
    assert [(v.target, v.status.value, v.rule) for v in found.verdicts if v.route == "direct" and v.function is None] == [
        ("x", "not_tested", "plan.empty")
    ]


@pytest.mark.parametrize(
    "kind, function, certainty, confirms",
    [
        ("mtproto", "chat", Certainty.CERTAIN, True),
        ("mtproto", None, Certainty.CERTAIN, False),  # the web pages may be down all the same
        ("whatsapp", "chat", Certainty.LIKELY, False),  # a port that only stays open
        ("socks5h", None, Certainty.CERTAIN, True),
    ],
)
def test_an_app_proxy_confirms_a_block_only_of_what_it_has_proven(
    kind: str, function: str | None, certainty: Certainty, confirms: bool
) -> None:
    over = Verdict(target="t", function=function, route="r", status=Status.WORKS, certainty=certainty)
    assert may_confirm(over, [RouteVerdict(), RouteVerdict(id="r", kind=kind)]) is confirms


def test_the_judge_of_a_saved_report_says_the_same_again() -> None:
    way = decoy()
    copied = msgspec.json.decode(msgspec.json.encode(way.observations), type=list[Observation])
    assert judge(copied) == judge(way.observations)


@pytest.mark.parametrize("odd", [[], {}, 3, None, "x"])
def test_details_of_odd_types_bring_no_judge_to_fall(odd: object) -> None:
    for kind in ("mtproto", "signal", "whatsapp"):
        way = Way(kind).connect(tries=odd, door=odd)
        way.stage("secret", AUTH, whole=odd, received=odd).stage("secret", TIMEOUT, received=odd)
        way.stage("secure", UNKNOWN_AUTHORITY, verify_code=odd).stage("chat", WRONG_PROTOCOL, speaks=odd, noise=odd)
        way.asked(WRONG_ANSWER, speaks=odd, error_code=odd)
        assert way.said()[0] in ("down", "unknown", "not_tested")
