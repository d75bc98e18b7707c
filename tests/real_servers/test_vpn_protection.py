"""``atajo-cli vpn`` through a real WireGuard tunnel, as an ordinary user: each leak is named, and nothing innocent is.

The unmodified command line runs at home; what it prints is judged once more from its observations alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from diagnostics.judge import judge
from diagnostics.model import Report, Step, VpnCheck
from tests.real_servers import tunnel_servers
from tests.real_servers.netns import Line, command
from tests.real_servers.tunnel_lab import Ran, TunnelLab, ended

pytestmark = pytest.mark.root

LINE: dict[str, Any] = {
    "lines": [{"networks": [8048], "operator": "CANTV Servicios", "country": "VE", "resolvers": [8048], "seen": "2026-11-20"}]
}


@pytest.fixture(scope="module")
def built() -> Iterator[TunnelLab]:
    """Build the laboratory once."""
    with TunnelLab() as lab:
        yield lab


@pytest.fixture
def lab(built: TunnelLab) -> TunnelLab:
    """Return it with everything inside the tunnel, and nothing remembered."""
    built.reset()
    return built


def look(lab: TunnelLab, *words: str, memory: dict[str, Any] | None = LINE) -> Ran:
    """Look at the VPN; the same is found again in what was printed."""
    if memory is not None:
        lab.remember(memory)
    ran = lab.atajo("vpn", *words, "--json", "-")
    report = ran.report
    assert judge(report.observations).network == report.network
    return ran


def faults(report: Report) -> dict[str, tuple[str, str]]:
    """Return what is wrong: check, cause and certainty."""
    return {each.check: (str(each.cause), str(each.certainty)) for each in report.network.vpn.checks if each.cause}


def check(report: Report, name: str) -> VpnCheck:
    """Return one check."""
    (found,) = (each for each in report.network.vpn.checks if each.check == name)
    return found


def said(report: Report, *names: str) -> list[tuple[str, str]]:
    """Return status and rule of checks."""
    return [(str(check(report, name).status), check(report, name).rule) for name in names]


def stages(report: Report) -> set[str]:
    """Return what was looked at."""
    return {str(o.detail["stage"]) for o in report.observations if o.step is Step.VPN}


# --- nothing wrong --------------------------------------------------------------------------------


def test_a_whole_tunnel_is_not_accused_of_anything(lab: TunnelLab) -> None:
    ran = look(lab)
    report = ran.report
    assert (ran.status, report.network.vpn.state, faults(report)) == (0, "full", {})
    assert said(report, "exit", "names_seen", "udp", "mtu", "traffic", "tls", "portal") == [
        ("works", "vpn.exit_elsewhere"),
        ("works", "vpn.dns_with_exit"),
        ("works", "vpn.udp_with_exit"),
        ("works", "vpn.large_packets_pass"),
        ("works", "vpn.traffic_passes"),
        ("works", "vpn.certificates_are_true"),
        ("works", "vpn.no_portal"),
    ]
    assert said(report, "speed", "resolver", "names_path") == [
        ("works", "vpn.speed_measured"),
        ("works", "vpn.resolver_careful"),
        ("works", "vpn.dns_path_free"),
    ]


def test_no_address_of_anybody_is_in_what_is_shared(lab: TunnelLab) -> None:
    lab.ipv6_inside()
    lab.names(tunnel_servers.VPNS_RESOLVER, tunnel_servers.THIRD_RESOLVER)
    text = look(lab).stdout
    own = {tunnel_servers.HOME, tunnel_servers.HOME6, "10.64.0.2", "fd64::2", "186.88.1.1", lab.device}
    places = own | {tunnel_servers.VPN, tunnel_servers.VPN6, tunnel_servers.VPNS_RESOLVER, tunnel_servers.PROVIDERS_RESOLVER}
    assert [each for each in sorted(places | {tunnel_servers.THIRD_RESOLVER}) if each in text] == []
    vpn = [o for o in json.loads(text)["observations"] if o["step"] == "vpn"]
    assert {(o["host"], o["address"]) for o in vpn} == {(None, None)}


# --- names ----------------------------------------------------------------------------------------


def test_the_providers_resolver_beside_the_tunnel_is_a_leak(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.PROVIDERS_RESOLVER)
    ran = look(lab)
    assert faults(ran.report) == {"names": ("vpn_dns_outside", "likely"), "names_seen": ("vpn_dns_outside", "certain")}
    assert ran.status == 1


def test_what_a_run_without_the_vpn_learns_is_enough_to_name_the_leak(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.PROVIDERS_RESOLVER)
    lab.tunnel_down()
    before = look(lab, "--learn", memory=None)
    assert before.report.network.vpn.state == "none"
    assert {str(each.status) for each in before.report.network.vpn.checks} == {"not_tested"}
    kept = json.loads((lab.data / "line.json").read_bytes())
    assert [(line["networks"], line["resolvers"], line["country"]) for line in kept["lines"]] == [([8048], [8048], "VE")]
    assert not any(each in json.dumps(kept) for each in (tunnel_servers.HOME, tunnel_servers.PROVIDERS_RESOLVER))
    lab.tunnel_up()
    after = look(lab, memory=None).report
    assert faults(after)["names_seen"] == ("vpn_dns_outside", "certain")
    assert set(faults(after)) == {"names", "names_seen"}


def test_without_anything_known_of_the_line_the_same_leak_is_not_certain(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.PROVIDERS_RESOLVER)
    report = look(lab, memory=None).report
    assert faults(report) == {"names": ("vpn_dns_outside", "likely")}
    assert said(report, "names_seen") == [("unknown", "vpn.dns_other_network")]


def test_a_public_resolver_through_the_tunnel_is_no_leak(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.PUBLIC_RESOLVERS[0])
    report = look(lab).report
    assert faults(report) == {}
    assert said(report, "names_seen") == [("works", "vpn.dns_public")]


def test_a_vpns_resolver_in_another_network_than_its_exit_is_no_leak(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.THIRD_RESOLVER)
    report = look(lab).report
    assert faults(report) == {}
    assert said(report, "names_seen") == [("works", "vpn.dns_not_provider")]


def test_one_name_server_of_two_beside_the_tunnel_is_likely_a_leak(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.VPNS_RESOLVER, tunnel_servers.PROVIDERS_RESOLVER)
    report = look(lab).report
    assert faults(report) == {"names": ("vpn_dns_outside", "likely"), "names_seen": ("vpn_dns_outside", "likely")}


def test_a_vpn_that_answers_every_question_itself_is_shown_and_not_blamed(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.PUBLIC_RESOLVERS[0])
    lab.rules("", f"iifname {lab.far_device} udp dport 53 redirect to :53;")
    report = look(lab).report
    assert faults(report) == {}
    assert said(report, "names_path", "names_seen") == [("works", "vpn.dns_taken_over"), ("works", "vpn.dns_with_exit")]


# --- IPv6 and calls -------------------------------------------------------------------------------


def test_ipv6_beside_the_tunnel_is_a_leak(lab: TunnelLab) -> None:
    lab.ipv6_beside()
    assert faults(look(lab).report) == {"ipv6": ("vpn_ipv6_outside", "likely"), "ipv6_seen": ("vpn_ipv6_outside", "certain")}


def test_ipv6_through_the_tunnel_from_another_network_of_the_same_company_is_no_leak(lab: TunnelLab) -> None:
    lab.ipv6_inside()
    report = look(lab).report
    assert faults(report) == {}
    assert said(report, "ipv6_seen") == [("works", "vpn.ipv6_with_exit")]


def test_calls_beside_the_tunnel_are_a_leak(lab: TunnelLab) -> None:
    lab.calls_beside()
    assert faults(look(lab).report) == {"udp": ("vpn_udp_outside", "certain")}


def test_calls_beside_the_tunnel_are_not_claimed_where_nothing_is_known_of_the_line(lab: TunnelLab) -> None:
    lab.calls_beside()
    report = look(lab, memory=None).report
    assert faults(report) == {}
    assert said(report, "udp") == [("unknown", "vpn.udp_other_network")]


# --- how it carries -------------------------------------------------------------------------------


def test_a_server_that_swallows_large_packets_is_named(lab: TunnelLab) -> None:
    lab.rules("meta length > 1350 drop;")
    report = look(lab).report
    assert faults(report)["mtu"] == ("vpn_mtu", "certain")
    assert set(faults(report)) == {"mtu"}


def test_a_server_that_lets_nothing_through_is_named_and_nothing_else_is_asked(lab: TunnelLab) -> None:
    lab.mute()
    ran = look(lab)
    assert faults(ran.report) == {"traffic": ("vpn_no_traffic", "certain")}
    assert stages(ran.report) == {"protection", "traffic", "line"}
    assert said(ran.report, "names_path") == [("unknown", "vpn.dns_path_silent")]
    assert ran.status == 1, "the VPN is at fault: whether there is Internet below it was not tested"
    assert "Nada vuelve por la VPN" in ran.stderr
    assert "Revisa el cable" not in ran.stderr


def test_a_server_that_opens_secure_pages_is_likely_reading_them(lab: TunnelLab) -> None:
    lab.intercept()
    assert faults(look(lab).report) == {"tls": ("vpn_intercepts_tls", "likely")}


def test_a_page_to_sign_in_behind_the_vpn_is_said_and_hides_no_leak(lab: TunnelLab) -> None:
    lab.sign_in()
    ran = look(lab)
    assert faults(ran.report) == {"portal": ("captive_portal", "certain")}
    assert ran.status == 1
    assert "En lugar de las páginas sale otra" in ran.stderr


# --- beside the tunnel, where that was allowed ----------------------------------------------------


def test_with_the_line_beside_it_a_whole_tunnel_is_compared_and_nothing_has_to_be_remembered(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.PROVIDERS_RESOLVER)
    report = look(lab, "--outside", "--url", "https://example.org", memory=None).report
    assert faults(report) == {"names": ("vpn_dns_outside", "likely"), "names_seen": ("vpn_dns_outside", "certain")}
    assert said(report, "exit", "speed") == [("works", "vpn.exit_elsewhere"), ("works", "vpn.speed_compared")]


def test_a_tunnel_that_is_much_slower_than_the_line_beside_it_is_slow_and_no_fault(lab: TunnelLab) -> None:
    lab.rules(f"oifname {lab.far_device} limit rate over 60 kbytes/second burst 30 kbytes drop;")
    report = look(lab, "--outside", "--url", "https://example.org", memory=None).report
    assert faults(report) == {}
    assert said(report, "speed") == [("slow", "vpn.slower_than_outside")]


def test_true_pages_beside_a_vpn_that_shows_others_make_its_reading_certain(lab: TunnelLab) -> None:
    lab.intercept()
    report = look(lab, "--outside", "--url", "https://example.org").report
    assert faults(report)["tls"] == ("vpn_intercepts_tls", "certain")
    assert set(faults(report)) == {"tls"}


# --- what the terminal says -----------------------------------------------------------------------


def test_the_terminal_says_where_one_is_seen_and_claims_no_comparison_that_was_not_made(lab: TunnelLab) -> None:
    lab.remember(LINE)
    ran = lab.atajo("vpn", "--lang", "en")
    assert ran.status == 0
    for sentence in (
        "You are seen in the network of M247 (RO). Your line, without the VPN, is CANTV Servicios's (VE).",
        "We did not compare it with your line without the VPN.",
        "It answers, and with the care that we looked for.",
    ):
        assert sentence in " ".join(ran.stdout.split()), ran.stdout


def test_without_a_vpn_that_is_said_and_nothing_is_wrong(lab: TunnelLab) -> None:
    lab.tunnel_down()
    before = sent(lab)
    ran = lab.atajo("vpn", "--lang", "en")
    assert (ran.status, ran.stdout.splitlines()[0]) == (0, "No VPN is on in this computer.")
    assert sent(lab) < before + 5  # the system itself greets its neighbours now and then
    look(lab, "--learn", memory=None)
    assert sent(lab) > before + 20  # the counter would have shown it


def sent(lab: TunnelLab) -> int:
    """Return how many packets left the computer over its line."""
    return int(command(*lab.client.wrap("cat", "/sys/class/net/cl0/statistics/tx_packets")))


def test_without_a_vpn_and_without_internet_the_status_is_that_of_no_internet(lab: TunnelLab) -> None:
    lab.tunnel_down()
    lab.client.ip("link", "set", "cl0", "down")
    try:
        assert lab.atajo("vpn").status == 3
    finally:
        lab.line_up()


# --- watching -------------------------------------------------------------------------------------


def test_a_watch_leaves_a_report_that_names_the_moment_and_nobody(lab: TunnelLab) -> None:
    with lab.begun("vpn", "--watch", "5", "--lang", "en", "--json", "-") as process:
        assert process.stderr
        assert "everything went through the VPN" in process.stderr.readline()
        lab.tunnel_down()
        ran = ended(process)
    assert ran.status == 1
    report = ran.report
    assert judge(report.observations).network == report.network
    assert faults(report) == {"watch": ("vpn_leak_path_open", "certain")}
    (step,) = (o for o in report.observations if o.step is Step.VPN)
    left = [moment for moment in step.detail["moments"] if moment["what"] == "left"]
    assert left[0]["part"] == "four"
    assert left[0]["t"] > 0
    assert not [each for each in (lab.device, "cl0", tunnel_servers.HOME, "186.88") if each in ran.stdout]
    assert "went on outside it. Nothing stopped that." in ran.stderr


# --- look-alikes ----------------------------------------------------------------------------------


def test_a_page_that_is_down_leaves_the_other_and_accuses_nobody(lab: TunnelLab) -> None:
    lab.filter_world(f"ip daddr {tunnel_servers.ALONE} drop;")
    report = look(lab).report
    assert faults(report) == {}
    assert check(report, "exit").certainty == "likely"
    assert said(report, "exit", "names_seen", "udp") == [
        ("works", "vpn.exit_elsewhere"),
        ("works", "vpn.dns_with_exit"),
        ("works", "vpn.udp_with_exit"),
    ]


def test_without_any_page_nothing_is_known_of_the_exit_and_nothing_a_leak(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.PROVIDERS_RESOLVER)
    lab.calls_beside()
    lab.filter_world(f"ip daddr {tunnel_servers.ALONE} drop; ip daddr {tunnel_servers.PAGES} tcp dport 443 drop;")
    report = look(lab).report
    assert {name for name in faults(report) if name != "names"} == set()
    assert said(report, "exit", "names_seen", "udp") == [("unknown", "vpn.exit_silent")] * 3


def test_pages_that_disagree_are_shown_and_prove_nothing(lab: TunnelLab) -> None:
    lab.rules("", leave=f"ip daddr {tunnel_servers.ALONE} snat ip to {tunnel_servers.ANOTHER_EXIT};")
    report = look(lab).report
    assert faults(report) == {}
    assert said(report, "exit") == [("unknown", "vpn.exit_disagrees")]


def test_a_vpn_that_ends_at_the_own_provider_cannot_be_told_from_the_line(lab: TunnelLab) -> None:
    lab.names(tunnel_servers.PROVIDERS_RESOLVER)
    lab.calls_beside()
    lab.rules("", leave=f"oifname vp0 snat ip to {tunnel_servers.EXIT_AT_HOME};")
    report = look(lab).report
    assert {name for name in faults(report) if name != "names"} == set()
    assert said(report, "exit", "names_seen", "udp") == [("unknown", "vpn.exit_own_network")] * 3


BAD_LINES = {"far": Line(rtt=0.6), "lossy": Line(rtt=0.08, loss=0.05), "narrow": Line(rtt=0.3, rate=32000.0)}


@pytest.mark.parametrize("far", BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_below_a_whole_tunnel_is_not_accused(far: Line) -> None:
    with TunnelLab(far) as lab:
        lab.reset()
        report = look(lab).report
    assert faults(report) == {}
    assert {status for status, _ in said(report, "exit", "names_seen", "udp", "traffic", "tls")} <= {"works", "unknown"}
    assert said(report, "traffic") == [("works", "vpn.traffic_passes")]  # the rest may be lost on the way, which accuses nobody
