"""``scenarios --matrix``: the table for whoever changes a rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cli
from tests.app.cli_tools import Command, command_of
from tests.simulated import HEAD

MISTAKEN = HEAD + '[[expected]]\ntarget = "https://sitio.example/"\nstatus = "works"\n\n[[site]]\nhost = "sitio.example"\nstatus = 503\n'
ACCUSING = (
    HEAD + '[[censor]]\nhosts = ["sitio.example"]\ndns = "nxdomain"\n\n[[site]]\nhost = "sitio.example"\n\n[[expected]]\n'
    'target = "https://sitio.example/"\nstatus = "works"\n'
)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(capsys)


def test_a_scenario_that_is_told_as_expected_is_right(command: Command) -> None:
    done = command("scenarios", "--matrix", "status-403", "--runs", "2")
    assert done.status == cli.OK
    assert "bien status-403  2/2" in done.out
    assert done.out.rstrip().endswith("1 redes, 2 medidas: 0 distintas de lo esperado, 0 con acusaciones falsas.")


def test_what_comes_out_otherwise_is_shown_with_its_seed(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MISTAKEN, encoding="utf-8")
    done = command("scenarios", "--matrix", str(file), "--seed", "7")
    assert done.status == cli.NOT_ALL_WORK
    assert "MAL test  0/1" in done.out
    assert "works | down server_fault certain [http.server_error]  <-- MAL (seed 7)" in done.out


def test_an_accusation_that_nobody_asked_for_is_counted(command: Command, tmp_path: Path) -> None:
    file, kept = tmp_path / "mine.toml", tmp_path / "out.json"
    file.write_text(ACCUSING, encoding="utf-8")
    done = command("scenarios", "--matrix", str(file), "--json", str(kept))
    assert done.status == cli.NOT_ALL_WORK
    assert "1 con acusaciones falsas" in done.out
    (outcome,) = json.loads(kept.read_text(encoding="utf-8"))
    assert outcome["accused"]


@pytest.mark.parametrize("arguments", [("--runs", "0"), ("--runs", "mucho"), ("--jobs", "-1"), ("--seed", "1e9")])
def test_a_number_that_is_none_is_one_sentence(command: Command, arguments: tuple[str, ...]) -> None:
    done = command("scenarios", "--matrix", *arguments)
    assert done.status == cli.USAGE
    assert len(done.said) == 1


def test_options_of_the_matrix_without_it_are_refused(command: Command) -> None:
    assert command("scenarios", "--innocent").status == cli.USAGE
    assert command("scenarios", "open").status == cli.USAGE
