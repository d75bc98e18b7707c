"""Every rule of a VPN's checks has a sentence that says no more than the rule knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.cli_vpn import vpn_status, watch_status
from app.texts import LANGUAGES, has_text, speaking, t
from app.vpn_words import check_sentence, check_title, seen_sentence
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, Report, RunFacts, Status, Step, VpnCheck, VpnVerdict

JUDGE = Path(__file__).resolve().parents[2] / "diagnostics" / "judge"

CAUSED = {
    "dns_of_provider": (Cause.VPN_DNS_OUTSIDE, "names_seen"),
    "ipv6_of_provider": (Cause.VPN_IPV6_OUTSIDE, "ipv6_seen"),
    "ipv6_elsewhere": (Cause.VPN_IPV6_OUTSIDE, "ipv6_seen"),
    "udp_of_provider": (Cause.VPN_UDP_OUTSIDE, "udp"),
    "nothing_returns": (Cause.VPN_NO_TRAFFIC, "traffic"),
    "large_packets_lost": (Cause.VPN_MTU, "mtu"),
    "certificates_differ": (Cause.VPN_INTERCEPTS_TLS, "tls"),
    "certificates_strange": (Cause.VPN_INTERCEPTS_TLS, "tls"),
    "behind_portal": (Cause.CAPTIVE_PORTAL, "portal"),
}
"""What is held against somebody: its sentence is that of the cause."""

AS_IT_SHOULD_BE = {
    "exit_elsewhere": "exit",
    "dns_with_exit": "names_seen",
    "ipv6_with_exit": "ipv6_seen",
    "udp_with_exit": "udp",
    "traffic_passes": "traffic",
    "large_packets_pass": "mtu",
    "certificates_are_true": "tls",
    "speed_compared": "speed",
    "no_portal": "portal",
    "dns_path_free": "names_path",
}
"""Rules for which the sentence of a check that is fine is true word by word."""

NOT_SHOWN = {
    *("no_tunnel", "part_of_traffic", "protection_simulated", "exit_not_asked", "dns_not_asked", "ipv6_not_asked", "udp_not_asked"),
    *("mtu_not_asked", "speed_not_asked", "portal_not_asked", "dns_path_not_asked", "traffic_not_counted"),
}
"""Not tested: such checks are left out."""

TOO_LITTLE = {"state_unknown", "resolver_not_known"}
"""Nothing more is known than that it is not enough."""


def rules() -> set[str]:
    sources = [(JUDGE / f"{name}.py").read_text(encoding="utf-8") for name in ("vpn_protection", "vpn_carriage")]
    return {rule for source in sources for rule in re.findall(r'"vpn\.([a-z0-9_]+)"', source)}


def test_every_rule_has_its_place() -> None:
    own = {rule for rule in rules() if has_text(f"vpn.rule.{rule}")}
    known = {*CAUSED, *AS_IT_SHOULD_BE, *NOT_SHOWN, *TOO_LITTLE}
    assert own | known == rules()
    assert own.isdisjoint(known)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", CAUSED)
@pytest.mark.parametrize("certainty", [Certainty.CERTAIN, Certainty.LIKELY])
def test_a_fault_is_said_by_its_cause(rule: str, certainty: Certainty, language: str) -> None:
    cause, name = CAUSED[rule]
    check = VpnCheck(check=name, status=Status.PARTIAL, cause=cause, certainty=certainty, rule=f"vpn.{rule}")
    with speaking(language):
        assert check_sentence(check) not in (t("vpn.check_is.partial"), t("vpn.check_is.unknown"))
        assert "{" not in check_sentence(check) + check_title(check)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", AS_IT_SHOULD_BE)
def test_what_is_fine_has_the_sentence_of_its_check(rule: str, language: str) -> None:
    check = VpnCheck(check=AS_IT_SHOULD_BE[rule], status=Status.WORKS, certainty=Certainty.CERTAIN, rule=f"vpn.{rule}")
    with speaking(language):
        assert check_sentence(check) == t(f"vpn.check.{AS_IT_SHOULD_BE[rule]}.works")


# --- where one is seen ----------------------------------------------------------------------------


def seen(*observations: tuple[str, dict[str, object]], checks: tuple[VpnCheck, ...] = (), cause: Cause | None = None) -> Report:
    steps = tuple(Observation(id=f"o{n}", step=Step.VPN, detail={"stage": stage, **more}) for n, (stage, more) in enumerate(observations))
    return Report(network=NetworkVerdict(cause=cause, vpn=VpnVerdict(state="full", checks=checks)), observations=steps)


EXIT: dict[str, object] = {"family": 4, "networks": [9009], "operator": "M247", "country": "RO"}
OTHER: dict[str, object] = EXIT | {"networks": [1], "operator": "Other"}
LINE: dict[str, object] = {"networks": [8048], "operator": "CANTV", "country": "VE"}


def test_the_network_of_the_exit_is_held_against_that_of_the_line() -> None:
    with speaking("en"):
        assert seen_sentence(seen(("exit", EXIT))) == "You are seen in the network of M247 (RO)."
        told = seen_sentence(seen(("exit", EXIT), ("line", {"lines": [LINE]})))
        assert told == "You are seen in the network of M247 (RO). Your line, without the VPN, is CANTV's (VE)."


def test_of_several_lines_none_is_called_this_one() -> None:
    with speaking("en"):
        assert "Your line" not in seen_sentence(seen(("exit", EXIT), ("line", {"lines": [LINE, LINE]})))


@pytest.mark.parametrize(
    "observations", [[], [("exit", EXIT), ("exit", OTHER)], [("exit", EXIT | {"networks": []})], [("exit", EXIT | {"family": 6})]]
)
def test_where_it_is_not_known_nothing_is_said(observations: list[tuple[str, dict[str, object]]]) -> None:
    assert seen_sentence(seen(*observations)) == ""


@pytest.mark.parametrize("lines", [5, None, "x", [5], [None], {"a": 1}, [{"operator": 5, "country": []}]])
def test_a_strangers_report_does_no_harm(lines: object) -> None:
    with speaking("en"):
        assert seen_sentence(seen(("exit", EXIT | {"operator": ["x"], "country": 7}), ("line", {"lines": lines})))


# --- exit statuses --------------------------------------------------------------------------------

DEAD = VpnCheck(check="traffic", status=Status.DOWN, cause=Cause.VPN_NO_TRAFFIC)


@pytest.mark.parametrize(
    "check, cause, status",
    [
        (VpnCheck(check="exit", status=Status.WORKS), None, 0),
        (VpnCheck(check="exit", status=Status.NOT_TESTED), None, 0),
        (VpnCheck(check="exit", status=Status.UNKNOWN), None, 1),
        (VpnCheck(check="speed", status=Status.SLOW), None, 1),
        (VpnCheck(check="udp", status=Status.PARTIAL), None, 1),
        (VpnCheck(check="exit", status=Status.WORKS), Cause.NO_INTERNET, 3),
        (DEAD, Cause.NO_INTERNET, 1),
    ],
)
def test_only_what_is_known_to_be_fine_is_fine(check: VpnCheck, cause: Cause | None, status: int) -> None:
    report = seen(checks=(check,), cause=cause)
    assert vpn_status(report) == status
    assert report.network.cut_by() is (check if check is DEAD else None)


@pytest.mark.parametrize("seen_from_outside, status", [(Status.WORKS, 0), (Status.UNKNOWN, 1), (Status.PARTIAL, 1)])
def test_names_that_a_program_of_this_computer_looks_up_are_settled_by_who_was_seen_to_ask(seen_from_outside: Status, status: int) -> None:
    passive = VpnCheck(check="names", status=Status.UNKNOWN, rule="vpn.names_by_a_local_program")
    assert vpn_status(seen(checks=(passive, VpnCheck(check="names_seen", status=seen_from_outside)))) == status
    assert vpn_status(seen(checks=(passive,))) == 1


@pytest.mark.parametrize("state, status", [("none", 0), ("full", 0), ("mesh", 0), ("unknown", 1), ("stale", 1)])
def test_a_state_that_is_not_known_is_not_fine(state: str, status: int) -> None:
    assert vpn_status(Report(network=NetworkVerdict(vpn=VpnVerdict(state=state)))) == status


def test_a_run_that_was_stopped_says_so() -> None:
    assert vpn_status(Report(run=RunFacts(cancelled=True))) == 130


# --- watching -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status, wanted", [(Status.WORKS, 0), (Status.UNKNOWN, 0), (Status.PARTIAL, 1), (Status.NOT_TESTED, 1)])
def test_a_watch_is_fine_only_if_there_was_a_vpn_and_nothing_left_it(status: Status, wanted: int) -> None:
    assert watch_status(seen(checks=(VpnCheck(check="watch", status=status),))) == wanted
    assert watch_status(seen()) == 1
