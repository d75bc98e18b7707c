"""What came of a run about VPNs, in short, and its summary for the clipboard."""

from __future__ import annotations

import msgspec
import pytest

from app import samples
from app.sample_vpn import FULL, LEFT_BLOCK, STATES, WIREGUARD, checked, compared, profile_report, with_vpn
from app.texts import LANGUAGES, speaking, t
from app.vpn_summary_words import profile_finding, profile_needs_help, vpn_copy_text, vpn_finding, worst_check
from diagnostics.model import Cause, Report, Status

REPORTS = [
    *(checked(vpn) for vpn in STATES.values()),
    compared(),
    *(profile_report(works=works, cut=cut) for works, cut in ((True, False), (False, False), (False, True))),
    with_vpn(samples.faulty(Cause.NO_INTERNET), LEFT_BLOCK),
    msgspec.structs.replace(checked(), run=msgspec.structs.replace(checked().run, simulated="ve-2024-08")),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("report", REPORTS, ids=range(len(REPORTS)))
def test_a_summary_is_short_and_names_no_file(report: Report, language: str) -> None:
    with speaking(language):
        said = vpn_copy_text(report)
        assert t("result.told_nobody") in said
    assert len(said) <= 600
    assert WIREGUARD.name not in said.split()
    assert "{" not in said


def test_a_summary_of_a_comparison_says_how_each_service_fares_both_ways() -> None:
    said = vpn_copy_text(compared())
    assert "X abre con la VPN y sin ella no." in said
    assert "X. Con la VPN: Funciona; Sin la VPN: Bloqueado" in said


def test_a_simulation_is_marked_and_a_fault_of_the_line_is_said_first() -> None:
    assert vpn_copy_text(REPORTS[-1]).startswith(t("workshop.ribbon"))
    assert vpn_copy_text(REPORTS[-2]).startswith(t("fail.vpn.block_is_left"))


def test_the_worst_finding_is_told_and_what_is_unknown_or_slow_is_none() -> None:
    assert vpn_finding(checked()) == t("cause.vpn_ipv6_outside.likely")
    harmless = [check for check in FULL.checks if check.status is not Status.PARTIAL]
    slow = msgspec.structs.replace(harmless[0], status=Status.SLOW)
    fine = msgspec.structs.replace(FULL, checks=(*harmless, slow))
    assert (worst_check(fine), vpn_finding(checked(fine))) == (None, "")


@pytest.mark.parametrize("works, cut, needs, why", [(True, False, False, False), (False, False, True, True), (False, True, True, True)])
def test_a_profile_needs_help_unless_it_simply_works(works: bool, cut: bool, needs: bool, why: bool) -> None:
    report = profile_report(works=works, cut=cut)
    assert profile_needs_help(report, WIREGUARD.id) is needs
    assert bool(profile_finding(report, WIREGUARD.id)) is why
