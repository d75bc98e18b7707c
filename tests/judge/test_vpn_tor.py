"""What recorded observations of a bridge prove, and what they do not."""

from __future__ import annotations

from typing import Any

import pytest

from app.texts import has_text
from diagnostics.failures import EOF, FAILED_HANDSHAKE, INVALID_CERTIFICATE, RESET, TIMEOUT, WRONG_ANSWER
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import NetworkVerdict, Observation, RouteVerdict, Step

Said = tuple[str, str | None, str, str]


def step(stage: str, failure: str | None = None, **detail: Any) -> Observation:
    return Observation(id="", step=Step.VPN, route="tor-1a2b", failure=failure, detail={"stage": stage, "by": "direct", **detail})


def judged(*steps: Observation, protocol: str = "tor", skew: float | None = None) -> RouteVerdict:
    seen = [
        Observation(id=f"o{n}", step=o.step, route=o.route, failure=o.failure, detail={"protocol": protocol, **o.detail})
        for n, o in enumerate(steps)
    ]
    return judge_profile("tor-1a2b", ProfileEvidence(seen), NetworkVerdict(clock_skew_s=skew))


def said(verdict: RouteVerdict) -> Said:
    return str(verdict.status), verdict.cause and str(verdict.cause), str(verdict.certainty), verdict.rule


PORT = step("port")
ANSWER = step("handshake", tries=1, reached="versions")
ELSEWHERE = step("handshake", tries=1, reached="versions", by="socks5-9f9f")
CUT = step("handshake", RESET, tries=1, reached="tcp")
HEAD = step("handshake", EOF, tries=1, reached="tls")
SILENT = step("handshake", TIMEOUT, tries=1, reached="tcp")


@pytest.mark.parametrize(
    "steps, expected",
    [
        ((step("port", TIMEOUT),), ("unknown", None, "none", "vpn.silent")),
        ((step("port", TIMEOUT, tries=1), ELSEWHERE), ("likely_blocked", "vpn_handshake_blocked", "likely", "vpn.answers_elsewhere")),
        ((step("port", TIMEOUT, tries=3), ELSEWHERE), ("blocked", "vpn_handshake_blocked", "certain", "vpn.answers_elsewhere")),
        ((PORT, CUT), ("unknown", None, "none", "vpn.silent")),
        ((PORT, CUT, CUT, step("hold")), ("unknown", None, "none", "vpn.tor_cut")),
        ((PORT, CUT, CUT, step("hold", EOF)), ("down", "vpn_server_unreachable", "likely", "vpn.tor_closes")),
        ((PORT, HEAD, HEAD, step("hold", EOF)), ("unknown", None, "none", "vpn.tor_cut")),
        ((PORT, CUT, SILENT), ("unknown", None, "none", "vpn.silent")),
        # once at each of two addresses
        (
            (PORT, CUT, step("port"), step("handshake", RESET, tries=1, reached="tcp", at=1), ELSEWHERE),
            ("likely_blocked", "vpn_handshake_blocked", "likely", "vpn.answers_elsewhere"),
        ),
        ((PORT, CUT, CUT, step("hold", EOF), ELSEWHERE), ("unknown", None, "none", "vpn.closes_here")),
        ((PORT, CUT, CUT, ELSEWHERE), ("blocked", "vpn_handshake_blocked", "certain", "vpn.answers_elsewhere")),
        ((PORT, SILENT, SILENT, ELSEWHERE), ("likely_blocked", "vpn_handshake_blocked", "likely", "vpn.answers_elsewhere")),
        ((PORT, step("handshake", WRONG_ANSWER, reached="tls")), ("down", "vpn_server_unreachable", "likely", "vpn.tor_other_service")),
        ((PORT, step("handshake", FAILED_HANDSHAKE, reached="tcp")), ("unknown", None, "none", "vpn.tor_no_tls")),
        ((PORT, ANSWER, step("keys", TIMEOUT)), ("works", None, "likely", "vpn.answers")),
        ((PORT, ANSWER, step("keys", match=True), step("clock", skew_s=30.0)), ("works", None, "certain", "vpn.tor_verified")),
        ((PORT, ANSWER, step("keys", match=True), step("clock", skew_s=9e3)), ("down", "wrong_clock", "likely", "vpn.tor_clock")),
        (
            (PORT, ANSWER, step("keys", INVALID_CERTIFICATE, reason="fingerprint"), step("clock", skew_s=9e3)),
            ("down", "vpn_untrusted_server", "certain", "vpn.tor_other_bridge"),
        ),
    ],
)
def test_a_bridge_is_judged_by_the_first_stage_that_fails(steps: tuple[Observation, ...], expected: Said) -> None:
    verdict = judged(*steps)
    assert said(verdict) == expected
    assert verdict.evidence


@pytest.mark.parametrize("reached, rule", [("", "vpn.obfs4_silent"), ("obfs4", "vpn.obfs4_stalls"), ("tls", "vpn.obfs4_stalls")])
def test_a_disguised_bridge_that_does_not_answer_accuses_nobody(reached: str, rule: str) -> None:
    silent = step("handshake", TIMEOUT, reached=reached)
    assert said(judged(PORT, step("transport", found=True), silent, silent, protocol="obfs4")) == ("unknown", None, "none", rule)
    assert has_text(f"vpn.rule.{rule.removeprefix('vpn.')}")


@pytest.mark.parametrize(
    "clock, skew, rule",
    [
        ((step("clock", skew_s=30.0),), None, "vpn.tor_expired"),
        ((), 0.5, "vpn.tor_expired"),
        ((), None, "vpn.dates_unchecked"),
        ((step("clock", skew_s=None),), None, "vpn.dates_unchecked"),
        ((), 9e6, "vpn.server_dates"),
    ],
)
def test_a_bridge_has_run_out_only_by_a_clock_that_somebody_vouches_for(
    clock: tuple[Observation, ...], skew: float | None, rule: str
) -> None:
    run_out = (PORT, ANSWER, step("keys", INVALID_CERTIFICATE, reason="expired"), *clock)
    assert judged(*run_out, skew=skew).rule == rule


@pytest.mark.parametrize("value", ["much", None, True, [], float("nan")])
def test_a_clock_that_a_stranger_made_up_says_nothing(value: object) -> None:
    verdict = judged(PORT, ANSWER, step("keys", match=True), step("clock", skew_s=value))
    assert verdict.rule == "vpn.tor_verified"
