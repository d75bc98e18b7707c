"""The file of remembered lines: damaged, not to be written, of two programs at once, and wiped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from app import line_memory
from app.paths import data_folder
from diagnostics.model import NetworkVerdict, Observation, Report, RunFacts, Step, VpnVerdict
from diagnostics.vpn.protection.line import LineMemory
from tests.conftest import RunAsync

CHECKOUT = Path(__file__).resolve().parents[2]


def seen(*networks: int) -> tuple[Observation, ...]:
    place = {"networks": list(networks), "operator": "CANTV", "country": "VE"}
    return tuple(
        Observation(id=f"o{number}", step=Step.VPN, detail={"stage": "exit", "service": page, "family": 4, **place})
        for number, page in enumerate(("ipify", "cloudflare-trace"))
    )


def report(state: str = "none", simulated: str | None = None) -> Report:
    return Report(run=RunFacts(simulated=simulated), network=NetworkVerdict(vpn=VpnVerdict(state=state)), observations=seen(8048))


@pytest.fixture
def file() -> Path:
    return data_folder() / "line.json"


def test_what_a_run_without_a_vpn_saw_is_there_for_the_next(file: Path) -> None:
    line_memory.keep(line_memory.load(), report())
    assert [line.networks for line in line_memory.load().lines] == [(8048,)]
    assert os.name == "nt" or file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("state, simulated", [("full", None), ("split", None), ("unknown", None), ("none", "open")])
def test_nothing_is_remembered_with_a_vpn_or_of_a_simulated_network(state: str, simulated: str | None, file: Path) -> None:
    line_memory.keep(LineMemory(), report(state, simulated))
    assert not file.exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b'{"lines": [{}', b'{"lines": "no"}', b'{"x": ' + b"[" * 30000 + b"]" * 30000 + b"}"]
)
def test_a_damaged_file_is_nothing_and_is_replaced(content: bytes, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    assert line_memory.load() == LineMemory()
    line_memory.keep(line_memory.load(), report())
    assert len(line_memory.load().lines) == 1


def test_a_file_that_grew_without_end_is_read_no_further(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b'{"lines": [{"networks": [8048]}]}' + b" " * line_memory.MOST_BYTES + b"garbage")
    assert len(line_memory.load().lines) == 1


def test_a_folder_that_cannot_be_written_takes_nothing_away_from_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    monkeypatch.setenv("ATAJO_DATA", str(in_the_way / "below"))
    line_memory.keep(line_memory.load(), report())
    assert line_memory.load() == LineMemory()


def test_two_programs_at_once_leave_one_whole_file(file: Path) -> None:
    program = (
        "import msgspec, sys; from app import line_memory; from tests.app.test_line_memory import report, seen\n"
        "for number in range(40):\n"
        "    made = msgspec.structs.replace(report(), observations=seen(int(sys.argv[1]) + number))\n"
        "    line_memory.keep(line_memory.load(), made)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"}
    both = [subprocess.Popen([sys.executable, "-c", program, str(first)], env=environment, cwd=CHECKOUT) for first in (1000, 2000)]
    assert [each.wait(60) for each in both] == [0, 0]
    assert line_memory.load().lines
    assert [path.name for path in file.parent.iterdir() if path.name.endswith(".part")] == []


def test_wiping_leaves_nothing_and_may_be_done_twice(file: Path) -> None:
    line_memory.keep(LineMemory(), report())
    line_memory.wipe()
    line_memory.wipe()
    assert not file.exists()


def test_a_run_of_the_window_is_remembered_too(run_async: RunAsync) -> None:
    class Ran:
        cancelled = False

        async def complete(self) -> Report:
            return report()

        def cancel(self) -> None:
            self.cancelled = True

    ran = Ran()
    run = line_memory.Remembering(ran, LineMemory())
    assert run_async(run.complete()) == report()
    run.cancel()
    assert ran.cancelled
    assert [line.networks for line in line_memory.load().lines] == [(8048,)]


def test_no_address_and_no_mark_is_in_the_file(file: Path) -> None:
    line_memory.keep(LineMemory(), report())
    (line,) = msgspec.json.decode(file.read_bytes())["lines"]
    assert set(line) == {"networks", "operator", "country", "resolvers", "seen"}
