"""The real command line over the real engine and a simulated network: the whole way in one process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import cli
from diagnostics.report.contract import load

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m app`` as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments], capture_output=True, text=True, encoding="utf-8", timeout=120, check=False, cwd=ROOT
    )


def whole(report: dict[str, Any]) -> dict[str, tuple[str, str | None, str]]:
    """Return status, cause and certainty of every target."""
    found = [verdict for verdict in report["verdicts"] if verdict["function"] is None]
    return {verdict["target"]: (verdict["status"], verdict["cause"], verdict["certainty"]) for verdict in found}


def test_the_venezuelan_block_is_found_and_written_as_nothing_but_json(tmp_path: Path) -> None:
    done = run("check", "--simulate", "ve-2024-08", "--json", "-", "--lang", "en")
    report = json.loads(done.stdout)
    assert whole(report)["x"] == ("blocked", "dns_tampering", "certain")
    assert {target: status for target, (status, _, _) in whole(report).items() if target != "x"} == dict.fromkeys(
        ("whatsapp", "telegram", "signal"), "works"
    )
    assert report["run"]["simulated"] == "ve-2024-08"
    assert done.returncode == cli.NOT_ALL_WORK
    assert "X is blocked" in done.stderr
    saved = tmp_path / "report.json"
    saved.write_text(done.stdout, encoding="utf-8")
    again = run("explain", str(saved), "--lang", "en")
    assert again.returncode == cli.OK
    assert "it is the same" in again.stdout


def test_an_open_network_gives_status_0() -> None:
    done = run("check", "x", "--simulate", "open", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (cli.OK, "", "")


def test_without_internet_it_says_so_with_status_3() -> None:
    done = run("check", "--simulate", "offline", "--lang", "en")
    assert done.returncode == cli.NO_INTERNET
    assert "Internet" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_writes_what_was_measured_so_far(presses: int, tmp_path: Path) -> None:
    file = tmp_path / "partial.json"
    command = [sys.executable, "-m", "app", "check", "--simulate", "slow-line", "--json", str(file), "--lang", "en"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"Testing:")
        for _ in range(presses):
            os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == cli.CANCELLED
    assert b"Traceback" not in said
    assert load(file).run.cancelled


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
def test_the_report_goes_to_what_the_system_calls_standard_output(tmp_path: Path) -> None:
    piped = run("check", "x", "--simulate", "open", "--json", "/dev/stdout", "--lang", "en")
    assert json.loads(piped.stdout)["run"]["simulated"] == "open"
    assert "X" in piped.stderr
    file = tmp_path / "out.json"
    command = [sys.executable, "-m", "app", "check", "x", "--simulate", "open", "--json", "/dev/stdout", "--quiet"]
    with file.open("wb") as output:
        subprocess.run(command, stdout=output, timeout=120, check=True, cwd=ROOT)
    assert load(file).run.simulated == "open"


def test_the_time_that_was_asked_for_bounds_the_run() -> None:
    done = run("check", "--simulate", "slow-line", "--timeout", "0.2", "--json", "-", "--quiet")
    report = json.loads(done.stdout)
    assert report["run"]["seconds"] < 2
    assert not report["run"]["cancelled"]
    assert done.returncode in (cli.NOT_ALL_WORK, cli.NO_INTERNET)
