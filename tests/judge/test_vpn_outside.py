"""The rules of what is done beside a VPN on purpose: its kill switch tried, and watched while the person pulls the plug."""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.judge.evidence import Evidence
from diagnostics.judge.vpn_outside import outside_checks
from diagnostics.model import Observation, Step, VpnCheck


def tried(**detail: Any) -> Observation:
    """Return one family's low-TTL datagrams: all of them silent with a VPN up, if nothing else is said."""
    facts = {"stage": "kill_switch", "available": True, "family": "ipv4", "vpn": True, "tries": 3, "denied": 0, "answers": 0}
    return Observation(id="o1", step=Step.VPN, detail=facts | detail)


def watched(*moments: tuple[str, str], **detail: Any) -> Observation:
    """Return what a watch saw."""
    told = [{"t": float(number), "what": what, "part": part} for number, (what, part) in enumerate(moments)]
    return Observation(id="o1", step=Step.VPN, detail={"stage": "watch", "moments": told} | detail)


def check(*steps: Observation) -> VpnCheck:
    """Return the only check."""
    (found,) = outside_checks(Evidence(steps))
    return found


def said(found: VpnCheck) -> tuple[str, str | None, str, str]:
    """Return what a check says, in words."""
    return str(found.status), found.cause and str(found.cause), str(found.certainty), found.rule


def test_nothing_is_said_of_what_nobody_asked_for() -> None:
    assert outside_checks(Evidence([])) == ()


@pytest.mark.parametrize(
    "steps, expected",
    [
        ([tried(answers=2)], ("partial", "vpn_leak_path_open", "certain", "vpn.path_beside")),
        ([tried(answers=1)], ("partial", "vpn_leak_path_open", "likely", "vpn.path_beside")),
        ([tried(denied=3), tried(answers=2)], ("partial", "vpn_leak_path_open", "certain", "vpn.path_beside")),
        ([tried(denied=3)], ("works", "vpn_kill_switch_active", "certain", "vpn.refused_here")),
        ([tried(denied=3, vpn=False)], ("works", "vpn_kill_switch_active", "certain", "vpn.refused_here")),  # what stays shut without it
        ([tried()], ("unknown", None, "none", "vpn.no_reply")),
        ([tried(denied=2)], ("unknown", None, "none", "vpn.no_reply")),
        ([tried(denied=3), tried()], ("unknown", None, "none", "vpn.no_reply")),
        ([tried(answers=2, vpn=False)], ("not_tested", None, "none", "vpn.kill_switch_without_vpn")),
        ([tried(vpn=False)], ("not_tested", None, "none", "vpn.kill_switch_without_vpn")),
        ([tried(available=False)], ("not_tested", None, "none", "vpn.kill_switch_not_here")),
    ],
)
def test_a_router_that_answers_saw_the_packet_a_refusal_held_it_and_silence_says_neither(
    steps: list[Observation], expected: tuple[str, str | None, str, str]
) -> None:
    assert said(check(*steps)) == expected


@pytest.mark.parametrize(
    "moments, expected",
    [
        ([("inside", "four"), ("left", "four")], ("partial", "vpn_leak_path_open", "certain", "vpn.left_the_tunnel")),
        ([("inside", "four"), ("left", "six")], ("partial", "vpn_ipv6_outside", "certain", "vpn.left_the_tunnel")),
        ([("inside", "four"), ("left", "names"), ("back", "names")], ("partial", "vpn_dns_outside", "certain", "vpn.left_the_tunnel")),
        ([("inside", "four"), ("outside", "six")], ("partial", "vpn_ipv6_outside", "certain", "vpn.outside_all_along")),
        ([("inside", "four"), ("gone", ""), ("cut", "four")], ("works", "vpn_kill_switch_active", "likely", "vpn.held_while_down")),
        ([("inside", "four"), ("gap", "")], ("unknown", None, "none", "vpn.stayed_up")),
        ([("none", "")], ("not_tested", None, "none", "vpn.watched_without_vpn")),
    ],
)
def test_the_first_thing_that_left_the_tunnel_is_named(moments: list[tuple[str, str]], expected: tuple[str, str | None, str, str]) -> None:
    assert said(check(watched(*moments))) == expected


@pytest.mark.parametrize("strange", [None, "left", 7, ["left"], [{"what": ["left"]}], [{"what": "left", "part": {"a": 1}}]])
def test_a_strangers_report_upsets_nothing(strange: Any) -> None:
    assert check(Observation(id="o1", step=Step.VPN, detail={"stage": "watch", "moments": strange})).cause is None
    assert check(tried(answers="many", tries=None, denied=True)).cause is None
