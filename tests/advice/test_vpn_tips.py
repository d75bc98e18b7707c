"""Tips for this computer's VPN and for the person's profiles: said, and never in the way of what matters more."""

from __future__ import annotations

import re

from diagnostics.advice import load_tips, tips_for
from diagnostics.model import Cause, NetworkVerdict, RouteVerdict, Status, Verdict, VpnCheck, VpnVerdict


def line(*checks: tuple[Cause, Status], cause: Cause | None = None) -> NetworkVerdict:
    """Return a line with a VPN of which so much was found."""
    found = tuple(VpnCheck(check=f"check{n}", status=status, cause=what, rule="vpn.some") for n, (what, status) in enumerate(checks))
    status = Status.DOWN if cause else Status.WORKS
    return NetworkVerdict(status=status, cause=cause, rule="network.some", vpn=VpnVerdict(state="full", checks=found))


def blocked(target: str = "x") -> Verdict:
    return Verdict(target=target, status=Status.BLOCKED, cause=Cause.IP_BLOCKED)


def causes(*verdicts: Verdict, network: NetworkVerdict, routes: tuple[RouteVerdict, ...] = ()) -> list[str]:
    """Return what each tip is given for, in the order in which they are told."""
    return [choice.because[0].removeprefix("cause:") for choice in tips_for(verdicts, network, routes=routes)]


def test_a_leak_is_told_after_what_opens_the_services() -> None:
    said = causes(blocked(), network=line((Cause.VPN_DNS_OUTSIDE, Status.PARTIAL)))
    assert said.index("ip_blocked") < said.index("vpn_dns_outside")


def test_a_tunnel_that_carries_nothing_is_told_before_any_service() -> None:
    said = causes(blocked(), network=line((Cause.VPN_NO_TRAFFIC, Status.DOWN)))
    assert said[0] == "vpn_no_traffic"


def test_a_block_that_is_left_over_explains_a_dead_line_and_nobody_is_sent_to_the_modem() -> None:
    dead = line((Cause.VPN_KILL_SWITCH_ACTIVE, Status.DOWN), cause=Cause.NO_INTERNET)
    masked = Verdict(target="x", status=Status.DOWN, cause=Cause.NO_INTERNET)
    assert causes(network=dead) == ["vpn_kill_switch_active"]
    assert causes(masked, network=dead) == ["vpn_kill_switch_active"]


def test_a_kill_switch_that_holds_explains_no_dead_line() -> None:
    assert "no_internet" in causes(network=line((Cause.VPN_KILL_SWITCH_ACTIVE, Status.WORKS), cause=Cause.NO_INTERNET))
    assert "no_internet" in causes(network=line((Cause.VPN_KILL_SWITCH_ACTIVE, Status.UNKNOWN), cause=Cause.NO_INTERNET))


def test_a_block_that_is_left_over_hides_no_other_fault() -> None:
    said = causes(network=line((Cause.VPN_KILL_SWITCH_ACTIVE, Status.DOWN), cause=Cause.CAPTIVE_PORTAL))
    assert said == ["vpn_kill_switch_active", "captive_portal"]


def test_a_wrong_clock_is_mended_before_the_tunnel() -> None:
    said = causes(network=line((Cause.VPN_NO_TRAFFIC, Status.DOWN), cause=Cause.WRONG_CLOCK))
    assert said[:2] == ["wrong_clock", "vpn_no_traffic"]


def test_a_kill_switch_that_holds_needs_no_advice() -> None:
    assert causes(network=line((Cause.VPN_KILL_SWITCH_ACTIVE, Status.WORKS))) == []


def test_a_check_that_could_not_tell_needs_no_advice() -> None:
    assert causes(network=line((Cause.VPN_DNS_OUTSIDE, Status.UNKNOWN))) == []


def test_a_profile_that_does_not_connect_is_advised_upon_last() -> None:
    route = RouteVerdict(
        id="wireguard-1a2b", kind="wireguard", status=Status.BLOCKED, cause=Cause.VPN_HANDSHAKE_BLOCKED, rule="vpn.answers_elsewhere"
    )
    said = causes(blocked(), network=line((Cause.VPN_MTU, Status.PARTIAL)), routes=(route,))
    assert said[-2:] == ["vpn_mtu", "vpn_handshake_blocked"]


def test_a_profile_whose_server_was_not_told_from_a_cut_gets_no_advice() -> None:
    assert causes(network=line(), routes=(RouteVerdict(id="tor-1a2b", kind="tor", status=Status.UNKNOWN, rule="vpn.silent"),)) == []


def test_a_proxy_that_was_tested_is_left_to_its_own_verdicts() -> None:
    route = RouteVerdict(id="socks5-1a2b", kind="socks5", status=Status.DOWN, cause=Cause.PROXY_DOWN, rule="route.refused")
    assert causes(network=line(), routes=(route,)) == []


def test_no_tip_tells_to_switch_the_vpn_off_first() -> None:
    for tip in load_tips().values():
        if any(cause.startswith("vpn_") for cause in tip.causes):
            first = tip.in_language("en").steps[0].lower()
            assert "vpn off" not in first
            assert "close the vpn" not in first


def test_no_tip_for_a_vpn_takes_away_the_directory_that_a_person_set_by_hand() -> None:
    """Where names are falsified it may be what opens the services."""
    words = {
        "es": (re.compile(r"\b(quita|borra|elimina|apaga)\b"), "guía"),
        "en": (re.compile(r"\b(remove|delete|switch off)\b"), "directory"),
    }
    for tip in load_tips().values():
        if any(cause.startswith("vpn_") for cause in tip.causes):
            for code, (takes, directory) in words.items():
                text = tip.in_language(code)
                steps = [*text.steps, *(step for platform in tip.platforms for step in tip.steps_on(platform, code))]
                assert not [step for step in steps if takes.search(step.lower()) and directory in step.lower()], tip.id


def of_profile(kind: str, cause: Cause, rule: str) -> list[str]:
    """Return the tips for one profile."""
    route = RouteVerdict(id=f"{kind}-1a2b", kind=kind, status=Status.DOWN, cause=cause, rule=rule)
    return [choice.id for choice in tips_for((), line(), routes=(route,))]


def test_where_somebody_answers_no_tip_says_that_nobody_does() -> None:
    for rule in ("vpn.port_closed", "vpn.address_other_service", "vpn.tor_closes"):
        (tip,) = of_profile("wireguard", Cause.VPN_SERVER_UNREACHABLE, rule)
        told = load_tips()[tip]
        assert "contestan" in told.in_language("es").why
        assert "no contesta" not in told.in_language("es").why
    for rule in ("vpn.name_unknown", "vpn.silent_everywhere"):
        assert of_profile("wireguard", Cause.VPN_SERVER_UNREACHABLE, rule) == ["vpn-new-server"]


def test_no_tip_is_sure_of_what_only_another_network_could_show() -> None:
    for tip in ("vpn-new-server", "vpn-gone-from-there"):
        assert "puede que tu red" in load_tips()[tip].in_language("es").steps[-1]


def test_an_ssh_server_is_advised_as_no_vpn() -> None:
    for cause in (Cause.VPN_SERVER_UNREACHABLE, Cause.VPN_HANDSHAKE_BLOCKED):
        assert of_profile("ssh", cause, "vpn.port_closed") == []
        assert of_profile("ikev2", cause, "vpn.port_closed") != []
    assert of_profile("ssh", Cause.WRONG_CLOCK, "vpn.some") != []
