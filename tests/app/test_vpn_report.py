"""Titles of reports that speak of VPNs: what was looked at is named, and nobody's network is accused for what a VPN may have done."""

from __future__ import annotations

import msgspec
import pytest

from app import sample_vpn, samples
from app.given_tips import chosen
from app.report_facts import time_ran_out
from app.texts import set_language, t
from app.wording import card_sentence, headline, summary
from diagnostics.model import Cause, Certainty, NetworkVerdict, Report, RouteVerdict, RunFacts, Status, Verdict, VpnCheck, VpnVerdict

OPENVPN = RouteVerdict(id="openvpn-1a2b", kind="openvpn", status=Status.DOWN)
DIRECT = RouteVerdict(id="direct", kind="direct")


@pytest.fixture(autouse=True)
def spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    set_language("es")


def look(*checks: VpnCheck, state: str = "full") -> Report:
    """Return the report of a look at a VPN."""
    return Report(network=NetworkVerdict(status=Status.WORKS, vpn=VpnVerdict(state=state, checks=checks)))


def check(name: str, status: Status, cause: Cause | None = None, certainty: Certainty = Certainty.CERTAIN) -> VpnCheck:
    return VpnCheck(check=name, status=status, cause=cause, certainty=certainty, rule="vpn.sample")


@pytest.mark.parametrize(
    "routes, title",
    [
        ((), t("result.title.not_tested")),
        ((DIRECT,), t("result.title.not_tested")),
        ((OPENVPN,), "OpenVPN (1a2b): no conecta desde aquí"),
        ((DIRECT, OPENVPN), "OpenVPN (1a2b): no conecta desde aquí"),
        ((OPENVPN, RouteVerdict(id="socks5-1a2b", kind="socks5")), "Solo se probaron tus proxy y VPN"),
    ],
)
def test_a_report_about_ways_alone_tells_of_them(routes: tuple[RouteVerdict, ...], title: str) -> None:
    assert headline(Report(routes=routes)) == title


@pytest.mark.parametrize(
    "report, title",
    [
        (look(check("names", Status.PARTIAL, Cause.VPN_DNS_OUTSIDE)), "Algo sale fuera de tu VPN"),
        (look(check("names", Status.PARTIAL, Cause.VPN_DNS_OUTSIDE, Certainty.LIKELY)), "Parece que algo sale fuera de tu VPN"),
        (look(check("mtu", Status.PARTIAL, Cause.VPN_MTU)), "Tu VPN tiene un problema"),
        (look(check("mtu", Status.UNKNOWN), check("route", Status.WORKS)), "Una parte de tu VPN no se revisó"),
        (look(check("route", Status.WORKS), check("speed", Status.NOT_TESTED)), "No encontramos problemas en tu VPN"),
        (look(state="none"), t("vpn.computer.none")),
        (look(state="mesh"), t("vpn.computer.mesh")),
    ],
)
def test_a_look_at_the_vpn_has_a_title_of_its_own(report: Report, title: str) -> None:
    assert headline(report) == title


def test_a_likely_leak_is_not_made_certain_by_another_certain_fault() -> None:
    report = look(check("names", Status.PARTIAL, Cause.VPN_DNS_OUTSIDE, Certainty.LIKELY), check("mtu", Status.PARTIAL, Cause.VPN_MTU))
    assert headline(report) == "Parece que algo sale fuera de tu VPN"


@pytest.mark.parametrize("state", ["full", "split"])
def test_what_does_not_open_with_a_vpn_on_is_not_held_against_the_line(state: str) -> None:
    report = sample_vpn.with_vpn(samples.x_blocked(), VpnVerdict(state=state))
    assert headline(report) == "X no abre por tu VPN"
    assert t("result.through.doubt") in summary(report)


@pytest.mark.parametrize("state", ["none", "mesh", "browser_only", "unknown"])
def test_without_a_vpn_in_between_the_line_is_spoken_of(state: str) -> None:
    report = sample_vpn.with_vpn(samples.x_blocked(), VpnVerdict(state=state))
    assert headline(report) == "X está bloqueado en tu red"
    assert t("result.through.doubt") not in summary(report)


def test_what_opens_with_a_vpn_on_leaves_no_doubt_behind() -> None:
    report = sample_vpn.with_vpn(samples.all_works(), VpnVerdict(state="full"))
    assert headline(report) == t("result.title.works")
    assert t("result.through.doubt") not in summary(report)


def test_over_a_profile_nobody_says_that_the_line_blocks() -> None:
    shut = sample_vpn.profile_report()
    assert headline(shut) == "Telegram no abre por WireGuard (1a2b)"
    telegram = next(v for v in shut.verdicts if v.target == "telegram")
    assert "tu red" not in card_sentence(telegram, shut)
    opens = msgspec.structs.replace(shut, verdicts=tuple(v for v in shut.verdicts if v.target != "telegram"))
    assert headline(opens) == "Todo abre por WireGuard (1a2b)"


def test_a_way_that_carries_no_pages_is_no_lack_of_time() -> None:
    pageless = Verdict(target="x", route=OPENVPN.id, status=Status.NOT_TESTED, rule="vpn.carries_no_pages")
    report = Report(routes=(OPENVPN,), verdicts=(pageless,))
    assert not time_ran_out(report)
    assert headline(report) == "OpenVPN (1a2b): no conecta desde aquí"
    assert card_sentence(pageless, report) == t("vpn.rule.carries_no_pages")
    late = msgspec.structs.replace(report, verdicts=(msgspec.structs.replace(pageless, rule="evidence.none"),))
    assert time_ran_out(late)
    assert not time_ran_out(msgspec.structs.replace(late, run=RunFacts(cancelled=True)))


@pytest.mark.parametrize("language", ["es", "en"])
def test_a_tunnel_from_which_nothing_returns_is_named_instead_of_a_dead_line(language: str) -> None:
    set_language(language)
    dead = VpnVerdict(state="full", checks=(check("traffic", Status.DOWN, Cause.VPN_NO_TRAFFIC),))
    report = sample_vpn.with_vpn(samples.faulty(Cause.NO_INTERNET), dead)
    assert headline(report) == t("fail.vpn_no_traffic")
    assert t("vpn.fault.no_traffic") in summary(report)
    assert t("fail.no_internet.body") not in summary(report)
    tips = [tip.id for tip in chosen(report)]
    assert "vpn-other-server" in tips
    assert not {"check-the-line", "without-internet"} & set(tips)


def test_a_dead_line_beside_a_vpn_that_answers_is_a_dead_line() -> None:
    alive = VpnVerdict(state="full", checks=(check("traffic", Status.WORKS),))
    assert headline(sample_vpn.with_vpn(samples.faulty(Cause.NO_INTERNET), alive)) == t("fail.no_internet.title")
    busy = VpnVerdict(state="full", checks=(check("traffic", Status.DOWN, Cause.VPN_NO_TRAFFIC),))
    assert headline(sample_vpn.with_vpn(samples.all_works(), busy)) == t("result.title.works")
