"""A saved report's result is worked out again from its observations alone."""

from __future__ import annotations

import msgspec

from diagnostics.model import Cause, Report, Status, Verdict
from diagnostics.report.replay import replay
from tests.report import documents


def test_an_untouched_report_comes_out_the_same() -> None:
    again = replay(documents.report())
    assert again.differences == ()
    assert again.judgement.verdicts == documents.report().verdicts


def test_a_verdict_that_was_changed_by_hand_is_noticed() -> None:
    report = documents.report()
    first = report.verdicts[0]
    forged = msgspec.structs.replace(first, status=Status.BLOCKED, cause=Cause.IP_BLOCKED, rule="made.up")
    (difference,) = replay(msgspec.structs.replace(report, verdicts=(forged, *report.verdicts[1:]))).differences
    assert (difference.target, difference.saved, difference.now) == (first.target, forged, first)


def test_a_verdict_without_observations_is_noticed() -> None:
    claim = Verdict(target="z", status=Status.BLOCKED)
    differences = replay(Report(verdicts=(claim,))).differences
    assert (claim, None) in [(difference.saved, difference.now) for difference in differences]


def test_what_is_said_of_the_line_is_compared_too() -> None:
    report = documents.report()
    changed = msgspec.structs.replace(report, network=msgspec.structs.replace(report.network, ipv6="works"))
    assert [difference.target for difference in replay(changed).differences] == [None]
