"""The rules of servers of which there is only an address: what each must say, and the look-alikes that accuse nobody."""

from __future__ import annotations

from typing import Any

import pytest

from app.texts import has_text
from diagnostics.failures import EOF, FAILED_HANDSHAKE, INVALID_CERTIFICATE, REFUSED, RESET, TIMEOUT, UNKNOWN_AUTHORITY, WRONG_ANSWER
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import Cause, NetworkVerdict, Observation, Status, Step


def step(stage: str, failure: str | None = None, **detail: Any) -> Observation:
    return Observation(id="", step=Step.VPN, route="ikev2-1a2b", failure=failure, detail={"stage": stage, "by": "direct", **detail})


def ike(port: int, failure: str | None = None, answer: str = "accepted", tries: int = 1, **more: Any) -> Observation:
    told = {} if failure and answer == "accepted" else {"answer": answer}
    return step("handshake", failure, transport="udp", port=port, tries=3 if failure == TIMEOUT else tries, **told, **more)


def said(protocol: str, *steps: Observation, skew: float | None = None, cause: Cause | None = None) -> tuple[str, str | None, str, str]:
    seen = [
        Observation(id=f"o{n}", step=o.step, route=o.route, failure=o.failure, detail={"protocol": protocol, **o.detail})
        for n, o in enumerate(steps)
    ]
    found = judge_profile("ikev2-1a2b", ProfileEvidence(seen), NetworkVerdict(status=Status.WORKS, cause=cause, clock_skew_s=skew))
    text = f"cause.{found.cause}.{found.rule.partition('.')[2]}.likely" if found.cause else f"vpn.rule.{found.rule.partition('.')[2]}"
    assert has_text(text) or has_text(f"cause.{found.cause}.likely") or has_text(f"cause.{found.cause}"), text
    return str(found.status), found.cause and str(found.cause), str(found.certainty), found.rule


GREETED = step("handshake", tries=1, transport="tcp", reached="answer")
PORT = step("port", transport="tcp")
CUT = step("handshake", RESET, tries=1, transport="tcp", reached="tcp")
DENIED = "permission_denied"
AWAY = step("handshake", tries=1, transport="tcp", reached="answer", by="socks5-9f9f")


@pytest.mark.parametrize(
    "steps, expected",
    [
        ([ike(500), ike(4500)], ("works", None, "likely", "vpn.address_answers")),
        ([ike(500, answer="refused"), ike(4500, answer="refused")], ("works", None, "likely", "vpn.address_answers")),
        ([ike(500), ike(4500, TIMEOUT)], ("partial", "vpn_handshake_blocked", "likely", "vpn.ike_one_port")),
        ([ike(500, TIMEOUT), ike(4500)], ("partial", "vpn_handshake_blocked", "likely", "vpn.ike_one_port")),
        ([ike(500), ike(4500, REFUSED)], ("works", None, "likely", "vpn.address_answers")),
        ([ike(500), ike(4500, TIMEOUT, answer="cookie")], ("works", None, "likely", "vpn.address_answers")),  # it is busy, not swallowed
        ([ike(500, TIMEOUT, answer="cookie")], ("down", "vpn_server_busy", "likely", "vpn.busy")),
        ([ike(500, TIMEOUT), ike(4500, TIMEOUT)], ("unknown", None, "none", "vpn.silent_address")),
        ([ike(500, REFUSED), ike(4500, REFUSED)], ("down", "vpn_server_unreachable", "likely", "vpn.port_closed")),
        (
            [ike(500, TIMEOUT), ike(4500, TIMEOUT), ike(500, by="socks5-9f9f")],
            ("blocked", "vpn_handshake_blocked", "certain", "vpn.answers_elsewhere"),
        ),
        (
            [ike(500, REFUSED), ike(4500, TIMEOUT), ike(500, by="socks5-9f9f")],  # the silences were those of another port
            ("likely_blocked", "vpn_handshake_blocked", "likely", "vpn.answers_elsewhere"),
        ),
        ([ike(500, DENIED), ike(4500, DENIED), ike(500, by="socks5-9f9f")], ("unknown", "local_firewall", "none", "vpn.not_permitted")),
        ([ike(500, REFUSED), ike(4500, REFUSED), ike(1701, answer="l2tp")], ("works", None, "likely", "vpn.l2tp_bare")),
    ],
)
def test_what_ike_says_on_its_ports(steps: list[Observation], expected: tuple[str, str | None, str, str]) -> None:
    assert said("l2tp" if ike(1701, answer="l2tp") in steps else "ikev2", *steps) == expected


@pytest.mark.parametrize(
    "steps, expected",
    [
        ([PORT, GREETED], ("works", None, "likely", "vpn.address_answers")),
        (
            [PORT, GREETED, step("tls", UNKNOWN_AUTHORITY), step("tls", UNKNOWN_AUTHORITY)],
            ("partial", "vpn_untrusted_server", "likely", "vpn.address_untrusted"),
        ),
        ([PORT, GREETED, step("tls", UNKNOWN_AUTHORITY), step("tls")], ("works", None, "likely", "vpn.address_answers")),
        ([PORT, GREETED, step("tls", TIMEOUT)], ("works", None, "likely", "vpn.address_answers")),  # a slow line is no stranger
        ([step("port", REFUSED)], ("down", "vpn_server_unreachable", "likely", "vpn.port_closed")),
        ([step("port", TIMEOUT)], ("unknown", None, "none", "vpn.silent_address")),
        ([step("port", TIMEOUT, transport="tcp", tries=3), AWAY], ("blocked", "vpn_handshake_blocked", "certain", "vpn.answers_elsewhere")),
        (
            [step("port", TIMEOUT, transport="tcp", tries=1), AWAY],
            ("likely_blocked", "vpn_handshake_blocked", "likely", "vpn.answers_elsewhere"),
        ),
        ([step("port", DENIED, transport="tcp", tries=3), AWAY], ("unknown", "local_firewall", "none", "vpn.not_permitted")),
        ([PORT, CUT, AWAY], ("likely_blocked", "vpn_handshake_blocked", "likely", "vpn.answers_elsewhere")),
        ([PORT, CUT, CUT, step("hold", EOF, transport="tcp"), AWAY], ("unknown", None, "none", "vpn.closes_here")),
        (
            [PORT, CUT, CUT, step("hold", TIMEOUT, transport="tcp"), AWAY],
            ("blocked", "vpn_handshake_blocked", "certain", "vpn.answers_elsewhere"),
        ),
        ([PORT, step("handshake", WRONG_ANSWER, reached="tcp")], ("down", "vpn_server_unreachable", "likely", "vpn.address_other_service")),
        ([PORT, step("handshake", FAILED_HANDSHAKE), step("handshake", FAILED_HANDSHAKE)], ("unknown", None, "none", "vpn.address_no_tls")),
        ([PORT, CUT, CUT, step("hold")], ("unknown", None, "none", "vpn.address_cut")),
        ([PORT, CUT, CUT, step("hold", EOF)], ("down", "vpn_server_unreachable", "likely", "vpn.address_closes")),
        ([PORT, CUT, CUT, step("hold"), AWAY], ("blocked", "vpn_handshake_blocked", "certain", "vpn.answers_elsewhere")),
        ([PORT, CUT, step("handshake", TIMEOUT, reached="tcp")], ("unknown", None, "none", "vpn.silent_address")),
    ],
)
def test_what_a_server_over_tcp_shows(steps: list[Observation], expected: tuple[str, str | None, str, str]) -> None:
    assert said("sstp", *steps) == expected


# --- a wrong clock looks like an identification that has run out -------------------------------------

OLD = step("tls", INVALID_CERTIFICATE, reason="expired")
NEW = step("tls", INVALID_CERTIFICATE, reason="early")
OTHER = step("tls", INVALID_CERTIFICATE, reason="certificate")
CLOCK = ("down", "wrong_clock", "likely", "vpn.server_dates")
EXPIRED = ("partial", "vpn_untrusted_server", "likely", "vpn.address_expired")
UNTRUSTED = ("partial", "vpn_untrusted_server", "likely", "vpn.address_untrusted")
UNCHECKED = ("unknown", None, "none", "vpn.dates_unchecked")


@pytest.mark.parametrize(
    "proof, skew, expected",
    [
        ((OLD,), 9e6, CLOCK),
        ((OLD,), -9e6, CLOCK),
        ((OLD,), 3600.0, EXPIRED),
        ((OLD,), 0.0, EXPIRED),
        ((OLD,), None, UNCHECKED),
        ((NEW,), -3600.0, CLOCK),
        ((NEW,), -59.0, EXPIRED),
        ((NEW,), None, UNCHECKED),
        ((step("tls", UNKNOWN_AUTHORITY, reason="certificate"), OLD), 9e6, CLOCK),  # signed by an authority of this computer's own
        ((OTHER,), 9e6, UNTRUSTED),  # no clock makes a stranger of a server
        ((step("tls", UNKNOWN_AUTHORITY, reason="certificate"),), 9e6, UNTRUSTED),
        ((OTHER,), None, UNTRUSTED),
    ],
)
def test_a_wrong_clock_is_named_where_only_the_days_do_not_hold(
    proof: tuple[Observation, ...], skew: float | None, expected: tuple[str, str | None, str, str]
) -> None:
    assert said("anyconnect", PORT, GREETED, *proof, skew=skew) == expected


def test_a_clock_that_was_found_wrong_is_named() -> None:
    assert said("sstp", PORT, GREETED, OLD, cause=Cause.WRONG_CLOCK) == CLOCK
