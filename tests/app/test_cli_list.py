"""``check --list``: a file of sites is tested, and what is wrong with it is said in sentences."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.cli_list import listed_sites
from app.cli_summary import MOST_TARGETS, write_summary
from app.terminal import Terminal
from app.texts import set_language
from diagnostics.errors import InputError
from diagnostics.model import Report, Status, Verdict


def test_a_list_is_read_and_what_was_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_language("en")
    file = tmp_path / "sites.txt"
    file.write_text("a.example\nnothing\na.example\nb.example\n")
    err = Terminal(sys.stderr)
    assert listed_sites(str(file), err) == ("https://a.example/", "https://b.example/")
    err.end()
    said = capsys.readouterr().err
    assert "2 pages" in said
    assert "repeated" in said
    assert "Line 2:" in said


@pytest.mark.parametrize("content,text", [("# nothing", "error.list_empty"), (None, "error.report_unreadable")])
def test_a_list_without_sites_is_refused(content: str | None, text: str, tmp_path: Path) -> None:
    file = tmp_path / "sites.txt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError) as refused:
        listed_sites(str(file), Terminal(sys.stderr), quiet=True)
    assert refused.value.text == text


def test_many_sites_are_counted_and_only_the_worst_are_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    set_language("en")
    statuses = [Status.WORKS] * 900 + [Status.UNKNOWN] * 60 + [Status.BLOCKED] * 40
    verdicts = tuple(Verdict(target=f"https://s{n}.example/", status=status) for n, status in enumerate(statuses))
    out = Terminal(sys.stdout)
    write_summary(Report(verdicts=verdicts), out)
    out.end()
    said = capsys.readouterr().out
    assert "Works: 900" in said
    assert said.count(": Blocked\n") == MOST_TARGETS
    assert "960 more" in said
