"""The code of a report: the same in every copy, heard and typed without harm, and telling nothing of the person."""

from __future__ import annotations

import itertools
import re

import msgspec
import pytest

from app import samples
from diagnostics.model import Report, RunFacts
from diagnostics.report.bundle import Beside, read_bundle, write_bundle
from diagnostics.report.case_code import WORDS, case_code, said
from diagnostics.report.redaction import redacted
from diagnostics.report.secrets import Secrets


def of(ident: str) -> str:
    return case_code(Report(run=RunFacts(id=ident)))


def test_the_words_are_many_plain_and_different() -> None:
    assert len(WORDS) == len(set(WORDS)) == 256
    assert all(re.fullmatch(r"[a-z]{3,9}", word) for word in WORDS)
    pairs = ((a, b) for a, b in itertools.combinations(WORDS, 2) if len(a) == len(b))
    assert [pair for pair in pairs if sum(x != y for x, y in zip(*pair, strict=True)) == 1] == []


def test_the_list_never_changes() -> None:
    assert [of("a"), of("b")] == ["cesta-hombro-335", "foca-espiga-697"]


def test_every_copy_of_a_report_has_the_same_code() -> None:
    report = samples.mixed()
    clean = redacted(report, secrets=Secrets()).report
    assert case_code(read_bundle(write_bundle(clean, Beside())).report) == case_code(clean) == case_code(report)
    other = msgspec.structs.replace(report, run=RunFacts(id="other", started=report.run.started))
    assert case_code(other) != case_code(report)


def test_thousands_of_reports_hardly_share_one() -> None:
    codes = [of(f"run{number}") for number in range(5000)]
    assert len(codes) - len(set(codes)) <= 3


@pytest.mark.parametrize(
    "typed, code",
    [
        ("mesa tigre 407", "mesa-tigre-407"),
        ("mesa tigra 407", ""),
        ("Mesa, luna: 7", "mesa-luna-007"),
        ("MESA-LUNA-007", "mesa-luna-007"),
        ("jabón león 12", "jabon-leon-012"),
        ("mesa luna", ""),
        ("mesa luna 1000", ""),
        ("mesa luna casa 1", ""),
        ("9" * 10_000, ""),
        ("", ""),
    ],
)
def test_what_was_heard_is_forgiven(typed: str, code: str) -> None:
    assert said(typed) == code


def test_what_is_shown_is_understood() -> None:
    for number in range(200):
        assert said(of(str(number))) == of(str(number))
