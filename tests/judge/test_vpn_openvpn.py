"""What recorded observations of an OpenVPN server prove, and what they do not: each rule and its look-alike."""

from __future__ import annotations

from typing import Any

import pytest

from app.route_words import route_sentence
from app.texts import has_text
from diagnostics.failures import (
    EOF,
    FAILED_HANDSHAKE,
    INVALID_CERTIFICATE,
    REFUSED,
    RESET,
    TIMEOUT,
    UNKNOWN_AUTHORITY,
    UNREACHABLE,
    WRONG_ANSWER,
)
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import Cause, NetworkVerdict, Observation, Report, RouteVerdict, Status, Step

ROUTE = "openvpn-1a2b"
LOGIN_REFUSED = "unknown_failure: login refused"
LOGIN_ENDED = "unknown_failure: login ended"


def step(stage: str, failure: str | None = None, **detail: Any) -> Observation:
    told = {"stage": stage, "protocol": "openvpn", "by": "direct", "transport": "udp", "remote": 0, "place": 0, **detail}
    return Observation(id="", step=Step.VPN, route=ROUTE, failure=failure, detail=told)


def tcp(stage: str, failure: str | None = None, **detail: Any) -> Observation:
    return step(stage, failure, **{"transport": "tcp", "remote": 1, "reached": "tcp", **detail})


def judged(*steps: Observation, network: NetworkVerdict | None = None) -> RouteVerdict:
    seen = [Observation(id=f"o{n}", step=o.step, route=o.route, failure=o.failure, detail=o.detail) for n, o in enumerate(steps)]
    verdict = judge_profile(ROUTE, ProfileEvidence(seen), network or NetworkVerdict())
    assert set(verdict.evidence) <= {o.id for o in seen} | set((network or NetworkVerdict()).evidence)
    return verdict


def said(*steps: Observation) -> str:
    verdict = judged(*steps)
    assert verdict.evidence
    assert route_sentence(verdict, Report())
    return f"{verdict.status} {verdict.cause or '-'} {verdict.certainty} {verdict.rule}"


ANSWER = step("handshake", tries=1, answer="reset", wrap="plain")
SILENT = step("handshake", TIMEOUT, tries=3, wrap="plain")
PROVEN = step("tls", tries=1, acked=2, came=2, taken=2, settled=True)
MUTE_END = step("tls", tries=1, acked=1, came=2, taken=2, settled=False)
NOT_OURS = step("tls", UNKNOWN_AUTHORITY, tries=1, reason="authority", verify_code=19)
OLD = step("tls", INVALID_CERTIFICATE, tries=1, reason="expired", verify_code=10)
NEW = step("tls", INVALID_CERTIFICATE, tries=1, reason="early", verify_code=9)
LOST = step("tls", TIMEOUT, tries=2, acked=0, came=0, taken=0)
LARGE_LOST = step("tls", TIMEOUT, tries=2, acked=1, came=3, taken=0)
STALLED = step("tls", TIMEOUT, tries=2, acked=1, came=0, taken=0)
HALF = step("tls", TIMEOUT, tries=2, acked=1, came=2, taken=2)
OPEN, TCP_ANSWER = tcp("port"), tcp("handshake", tries=1, answer="reset", wrap="plain")
TCP_PROVEN = tcp("tls", tries=1, acked=2, came=2, taken=2, settled=True)
CLOSED_AT_KEY = tcp("handshake", EOF, tries=1, wrap="tls-crypt")
CLOSED_PLAIN = tcp("handshake", EOF, tries=1, wrap="plain")
CUT = tcp("handshake", RESET, tries=1, wrap="tls-crypt")
HELD, NOT_HELD = tcp("hold"), tcp("hold", EOF)
AWAY = tcp("handshake", by="socks5-1", tries=1)
SAME_LINE = step("relay", by="socks5-1", answered=True, same_address=True)
LIKELY_CUT = "likely_blocked vpn_handshake_blocked likely vpn.answers_elsewhere"
DENIED = "permission_denied"
LET_IN = step("login", answer="push", routes=1)


@pytest.mark.parametrize(
    "steps, expected",
    [
        # who the server is
        ((ANSWER, NOT_OURS), "down vpn_untrusted_server certain vpn.other_server"),
        ((ANSWER, step("tls", INVALID_CERTIFICATE, reason="usage")), "down vpn_untrusted_server certain vpn.other_server"),
        ((ANSWER, step("tls", INVALID_CERTIFICATE, reason="certificate")), "down vpn_untrusted_server likely vpn.other_server"),
        ((ANSWER, OLD), "unknown - none vpn.dates_unchecked"),
        ((ANSWER, step("tls", INVALID_CERTIFICATE, tries=1)), "unknown - none vpn.tls_refused"),  # an alert: anybody may send one
        # what it says
        ((ANSWER, PROVEN), "works - likely vpn.server_proven"),
        ((ANSWER, MUTE_END), "unknown - none vpn.proven_then_silent"),
        ((ANSWER, PROVEN, LET_IN), "works - certain vpn.logged_in"),
        ((ANSWER, PROVEN, step("login", LOGIN_REFUSED, answer="refused")), "down vpn_auth_failed certain vpn.login_refused"),
        ((ANSWER, PROVEN, step("login", LOGIN_REFUSED, answer="challenge")), "unknown - none vpn.login_wants_more"),
        ((ANSWER, PROVEN, step("login", LOGIN_ENDED, answer="pending")), "unknown - none vpn.login_wants_more"),
        ((ANSWER, PROVEN, step("login", LOGIN_REFUSED, answer="cipher")), "down - likely vpn.no_common_cipher"),
        ((ANSWER, PROVEN, step("login", LOGIN_ENDED, answer="busy")), "down vpn_server_busy likely vpn.busy"),
        ((ANSWER, PROVEN, step("login", LOGIN_ENDED, answer="halted")), "unknown - none vpn.login_unanswered"),
        ((ANSWER, PROVEN, step("login", TIMEOUT, answer="")), "unknown - none vpn.login_unanswered"),
        ((ANSWER, PROVEN, step("login", RESET, answer="keys")), "unknown - none vpn.login_unanswered"),
        # the greeting passes and the rest does not
        ((ANSWER, LOST), "unknown - none vpn.control_unheard"),  # a full server looks the same
        ((ANSWER, LOST, step("tls", by="socks5-1")), "down vpn_data_blocked likely vpn.control_lost"),
        ((ANSWER, LOST, step("tls", by="socks5-1"), SAME_LINE), "unknown - none vpn.control_unheard"),
        ((ANSWER, LOST, step("tls", by="socks5-1", place=1)), "unknown - none vpn.control_unheard"),
        ((ANSWER, LOST, step("tls", TIMEOUT, by="socks5-1")), "unknown - none vpn.control_unheard"),
        ((ANSWER, step("tls", TIMEOUT, tries=1, acked=0, came=0)), "unknown - none vpn.tls_cut"),  # one session is a hint
        ((ANSWER, LARGE_LOST), "down vpn_mtu likely vpn.large_control_lost"),
        ((ANSWER, STALLED), "unknown - none vpn.tls_stalls"),
        ((ANSWER, HALF), "unknown - none vpn.tls_stalls"),
        ((ANSWER, step("tls", FAILED_HANDSHAKE, tries=1)), "unknown - none vpn.tls_refused"),
        ((OPEN, TCP_ANSWER, tcp("tls", RESET, tries=2)), "unknown - none vpn.tls_cut"),
        ((ANSWER,), "works - likely vpn.answers"),
        # one way against another
        ((SILENT, OPEN, TCP_ANSWER, TCP_PROVEN), "partial vpn_handshake_blocked likely vpn.one_transport_cut"),
        ((SILENT, OPEN, TCP_ANSWER, TCP_PROVEN, tcp("login", answer="push")), "partial vpn_handshake_blocked likely vpn.one_transport_cut"),
        ((ANSWER, LOST, OPEN, TCP_ANSWER, TCP_PROVEN), "partial vpn_data_blocked likely vpn.one_transport_stalls"),
        ((ANSWER, MUTE_END, OPEN, TCP_ANSWER, TCP_PROVEN), "partial vpn_data_blocked likely vpn.one_transport_stalls"),
        # another server that is well says nothing of one that is silent, nor does the same transport
        ((SILENT, tcp("port", place=1), tcp("handshake", place=1), tcp("tls", place=1, settled=True)), "works - likely vpn.server_proven"),
        ((SILENT, step("handshake", remote=1), step("tls", remote=1, settled=True)), "works - likely vpn.server_proven"),
        ((step("handshake", TIMEOUT, tries=1), OPEN, TCP_ANSWER, TCP_PROVEN), "works - likely vpn.server_proven"),
        ((step("handshake", REFUSED, tries=1), OPEN, TCP_ANSWER, TCP_PROVEN), "works - likely vpn.server_proven"),
        ((SILENT, OPEN, TCP_ANSWER, tcp("tls", EOF, reason="authority")), "down vpn_untrusted_server certain vpn.other_server"),
        # nobody answers
        ((SILENT,), "unknown - none vpn.silent"),
        ((SILENT, tcp("port", TIMEOUT)), "unknown - none vpn.silent"),
        ((tcp("port", TIMEOUT),), "unknown - none vpn.silent"),
        ((tcp("port", TIMEOUT, tries=3), AWAY), "blocked vpn_handshake_blocked certain vpn.answers_elsewhere"),
        ((tcp("port", TIMEOUT, tries=1), AWAY), LIKELY_CUT),
        ((tcp("port", TIMEOUT, tries=3), AWAY, SAME_LINE), "unknown - none vpn.silent"),
        ((tcp("port", DENIED, tries=3), AWAY), "unknown local_firewall none vpn.not_permitted"),
        ((SILENT, tcp("port", TIMEOUT, tries=1), AWAY), LIKELY_CUT),
        ((SILENT, tcp("port", TIMEOUT, tries=3), AWAY), "blocked vpn_handshake_blocked certain vpn.answers_elsewhere"),
        ((tcp("port", TIMEOUT, tries=3, remote=2), tcp("port", TIMEOUT, tries=1), AWAY), LIKELY_CUT),
        ((SILENT, step("handshake", by="socks5-1", place=1)), "unknown - none vpn.silent"),  # another server is alive
        ((SILENT, step("handshake", by="socks5-1")), "blocked vpn_handshake_blocked certain vpn.answers_elsewhere"),
        ((tcp("port", TIMEOUT), tcp("handshake", RESET, by="socks5-1")), "unknown - none vpn.silent"),
        ((SILENT, tcp("port", REFUSED)), "unknown - none vpn.silent"),
        ((step("handshake", REFUSED), tcp("port", REFUSED)), "down vpn_server_unreachable likely vpn.port_closed"),
        ((step("handshake", UNREACHABLE),), "likely_blocked vpn_handshake_blocked likely vpn.prohibited"),
        # closed after the first word
        ((OPEN, CLOSED_AT_KEY, CLOSED_AT_KEY, HELD), "down vpn_wrong_key likely vpn.closes_at_key"),
        ((SILENT, OPEN, CLOSED_AT_KEY, CLOSED_AT_KEY, HELD), "down vpn_wrong_key likely vpn.closes_at_key"),
        ((OPEN, CLOSED_AT_KEY, CLOSED_AT_KEY, NOT_HELD), "down vpn_server_unreachable likely vpn.closes_at_once"),
        ((OPEN, CLOSED_PLAIN, CLOSED_PLAIN, HELD), "unknown - none vpn.greeting_cut"),
        ((OPEN, CLOSED_AT_KEY, CLOSED_AT_KEY), "unknown - none vpn.greeting_cut"),
        ((OPEN, CUT, CUT, HELD), "unknown - none vpn.greeting_cut"),
        ((OPEN, CUT, CLOSED_AT_KEY, HELD), "unknown - none vpn.greeting_cut"),
        ((OPEN, CUT, HELD), "unknown - none vpn.silent"),
        ((OPEN, CUT, AWAY), LIKELY_CUT),
        ((OPEN, CUT, CUT, NOT_HELD, AWAY), "unknown - none vpn.closes_here"),
        ((OPEN, CUT, NOT_HELD, AWAY), "unknown - none vpn.closes_here"),
        ((OPEN, CUT, CUT, HELD, AWAY, SAME_LINE), "unknown - none vpn.greeting_cut"),
        ((OPEN, CUT, CUT, HELD, AWAY), "blocked vpn_handshake_blocked certain vpn.answers_elsewhere"),
        ((OPEN, CUT, CUT, HELD, tcp("handshake", RESET, by="socks5-1")), "unknown - none vpn.greeting_cut"),
        ((OPEN, tcp("handshake", WRONG_ANSWER)), "down vpn_server_unreachable likely vpn.other_service"),
        ((SILENT, OPEN, tcp("handshake", WRONG_ANSWER)), "unknown - none vpn.silent"),
    ],
)
def test_a_server_is_judged_by_what_it_proved_and_by_comparison(steps: tuple[Observation, ...], expected: str) -> None:
    assert said(*steps) == expected


@pytest.mark.parametrize(
    "proof, skew, expected",
    [
        (OLD, 9e6, (Status.DOWN, Cause.WRONG_CLOCK, "vpn.server_dates")),
        (OLD, -9e6, (Status.DOWN, Cause.WRONG_CLOCK, "vpn.server_dates")),
        (OLD, 3600.0, (Status.DOWN, Cause.VPN_UNTRUSTED_SERVER, "vpn.server_expired")),
        (OLD, -3600.0, (Status.DOWN, Cause.VPN_UNTRUSTED_SERVER, "vpn.server_expired")),
        (OLD, None, (Status.UNKNOWN, None, "vpn.dates_unchecked")),
        # a server that was set up a moment ago, and a clock that is an hour behind
        (NEW, -3600.0, (Status.DOWN, Cause.WRONG_CLOCK, "vpn.server_dates")),
        (NEW, -61.0, (Status.DOWN, Cause.WRONG_CLOCK, "vpn.server_dates")),
        (NEW, -59.0, (Status.DOWN, Cause.VPN_UNTRUSTED_SERVER, "vpn.server_expired")),
        (NEW, 3600.0, (Status.DOWN, Cause.VPN_UNTRUSTED_SERVER, "vpn.server_expired")),
        (NEW, None, (Status.UNKNOWN, None, "vpn.dates_unchecked")),
    ],
)
def test_a_wrong_clock_is_named_where_a_certificate_does_not_hold_by_it(proof: Observation, skew: float | None, expected: Any) -> None:
    verdict = judged(ANSWER, proof, network=NetworkVerdict(status=Status.WORKS, clock_skew_s=skew))
    assert (verdict.status, verdict.cause, verdict.rule) == expected
    assert route_sentence(verdict, Report())


def test_a_wrong_clock_does_not_excuse_another_authority() -> None:
    wrong = NetworkVerdict(status=Status.WORKS, cause=Cause.WRONG_CLOCK, clock_skew_s=9e6)
    assert judged(ANSWER, NOT_OURS, network=wrong).rule == "vpn.other_server"
    assert judged(ANSWER, OLD, network=wrong).rule == "vpn.server_dates"


@pytest.mark.parametrize(
    "steps, expected",
    [
        ((ANSWER, NOT_OURS), "down vpn_untrusted_server likely"),  # the warning stays
        ((ANSWER, PROVEN, step("login", LOGIN_REFUSED, answer="refused")), "down vpn_auth_failed likely"),
        ((ANSWER, PROVEN, LET_IN), "works - certain"),
        ((SILENT, OPEN, TCP_ANSWER, TCP_PROVEN), "works - likely"),
        ((OPEN, CLOSED_AT_KEY, CLOSED_AT_KEY, HELD), "unknown lossy_network none"),
    ],
)
def test_a_line_that_loses_much_weakens_what_accuses(steps: tuple[Observation, ...], expected: str) -> None:
    verdict = judged(*steps, network=NetworkVerdict(status=Status.SLOW, cause=Cause.LOSSY_NETWORK, clock_skew_s=0.1))
    assert f"{verdict.status} {verdict.cause or '-'} {verdict.certainty}" == expected
    assert route_sentence(verdict, Report())


def test_every_place_over_udp_silent_is_said_and_accuses_nobody() -> None:
    others = [step("udp_control", TIMEOUT, control=name, answered=False) for name in ("a", "b")]
    assert said(SILENT, *others) == "unknown - none vpn.udp_silent_too"


@pytest.mark.parametrize("value", ["many", None, [], {}, float("nan"), True])
def test_details_that_a_stranger_made_up_accuse_nobody(value: object) -> None:
    odd = step("tls", TIMEOUT, tries=value, acked=value, came=value, taken=value, settled=value, place=value)
    verdict = judged(ANSWER, odd)
    assert verdict.status in (Status.UNKNOWN, Status.DOWN)


def test_every_rule_has_a_sentence() -> None:
    rules: tuple[str, ...] = (
        "logged_in",
        "server_proven",
        "proven_then_silent",
        "login_unanswered",
        "login_wants_more",
        "no_common_cipher",
    )
    rules += (
        "control_unheard",
        "closes_here",
        "dates_unchecked",
        "tls_cut",
        "tls_refused",
        "tls_stalls",
        "greeting_cut",
        "carries_no_pages",
    )
    assert [rule for rule in rules if not has_text(f"vpn.rule.{rule}")] == []
