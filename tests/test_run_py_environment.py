"""The environments that ``run.py`` makes: when, once, whole, and what is started in them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

import run

SCRIPT = Path(run.__file__)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of its own for the functions of run.py, in a path with a space and an ñ."""
    root = tmp_path / "carpeta con ñ"
    root.mkdir()
    locks = {kind: root / path.name for kind, path in run.LOCKS.items()}
    for kind, path in locks.items():
        path.write_text(f"{kind}==1\n")
    monkeypatch.setattr(run, "ROOT", root)
    monkeypatch.setattr(run, "ENVIRONMENTS", root / ".venv")
    monkeypatch.setattr(run, "LOCKS", locks)
    return root


@pytest.fixture
def installs(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make set-ups instant: the venv is a file in the right place, the installation a note in this list."""
    done: list[str] = []

    def create(folder: Path, **_: object) -> None:
        run.python_of(folder).parent.mkdir(parents=True)
        run.python_of(folder).touch()

    monkeypatch.setattr(venv, "create", create)
    monkeypatch.setattr(run, "pip_install", lambda folder, lock: done.append(lock.name))
    return done


def ready(kind: str) -> Path:
    """Set an environment up with the instant fixture and return its folder."""
    folder = run.environment_folder(kind)
    run.set_up(kind, folder)
    assert run.is_ready(folder)
    return folder


def test_a_changed_lock_file_asks_for_a_fresh_environment(installs: list[str]) -> None:
    first = ready("run")
    run.LOCKS["run"].write_text("run==2\n")
    assert run.choose_environment("run") != first
    ready("run")
    assert installs == ["requirements.lock", "requirements.lock"]


def test_a_half_made_environment_is_made_again(installs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(folder: Path, lock: Path) -> None:
        raise KeyboardInterrupt

    folder = run.environment_folder("run")
    with monkeypatch.context() as patch:
        patch.setattr(run, "pip_install", break_off)
        with pytest.raises(KeyboardInterrupt):
            run.set_up("run", folder)
    assert folder.exists()
    assert not run.is_ready(folder)
    ready("run")
    assert installs == ["requirements.lock"]


def test_an_environment_whose_python_is_gone_is_made_again(installs: list[str]) -> None:
    folder = ready("run")
    run.python_of(folder).unlink()
    assert not run.is_ready(folder)
    ready("run")
    assert len(installs) == 2


def test_the_app_runs_in_the_developers_environment_if_only_that_exists(installs: list[str]) -> None:
    developers = ready("dev")
    assert run.choose_environment("run") == developers
    people = ready("run")
    assert run.choose_environment("run") == people


def test_environments_long_unused_or_unfinished_go_and_nothing_else(installs: list[str]) -> None:
    old, recent, unfinished, foreign = (run.ENVIRONMENTS / name for name in ("run-a-1", "dev-a-2", "run-a-3", "bin"))
    for folder in (old, recent, unfinished, foreign):
        run.python_of(folder).parent.mkdir(parents=True)
        run.python_of(folder).touch()
    for folder in (old, recent):
        (folder / run.MARKER).touch()
    month_ago = time.time() - 31 * 24 * 3600
    os.utime(old / run.MARKER, (month_ago, month_ago))
    ready("run")
    assert [folder.exists() for folder in (old, recent, unfinished, foreign)] == [False, True, False, True]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX locks")
def test_a_second_run_waits_for_the_first_and_then_has_nothing_to_do(installs: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """A child process holds the lock until it is told that we wait."""
    folder = ready("run")
    script = "import fcntl, sys\nf = open(sys.argv[1], 'a')\nfcntl.flock(f, fcntl.LOCK_EX)\nprint(flush=True)\nsys.stdin.readline()"
    command = [sys.executable, "-c", script, str(run.ENVIRONMENTS / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin
        assert child.stdout
        child.stdout.readline()
        waiter = "import run, sys, pathlib\nrun.lock(open(sys.argv[1], 'a'))\nprint('mine')"
        second = subprocess.Popen(
            [sys.executable, "-c", waiter, command[-1]], cwd=SCRIPT.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with second:
            assert second.stderr
            assert second.stdout
            assert "already being set up" in second.stderr.readline()
            child.stdin.write("go\n")
            child.stdin.close()
            assert second.stdout.read() == "mine\n"
    run.set_up("run", folder)
    assert installs == ["requirements.lock"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX locks")
def test_pip_keeps_the_lock_of_a_run_that_was_killed(tmp_path: Path) -> None:
    import fcntl

    path = tmp_path / "lock"
    with path.open("a") as handle:
        run.lock(handle)
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    with child, path.open("a") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        child.communicate(b"\n")
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)


@pytest.mark.parametrize(
    "output, key, status",
    [
        ("WARNING: Retrying after connection broken by 'NewConnectionError(...)'\nERROR: No matching distribution found", "network", 3),
        ("urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='h', port=443): Read timed out.", "network", 3),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hashes", 2),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk", 2),
        ("ERROR: No matching distribution found for pyside6-essentials==6.9.3", "no_wheel", 2),
        ("Segmentation fault", "failed", 2),
    ],
)
def test_pips_words_become_one_sentence_and_a_log(output: str, key: str, status: int, project: Path) -> None:
    run.ENVIRONMENTS.mkdir()
    error = run.why_failed(output)
    log = run.ENVIRONMENTS / "setup.log"
    assert str(error) == run.text(key, log=str(log))
    assert error.status == status
    assert log.read_text(encoding="utf-8") == output


STUB_APP = """
import json, os, sys
names = ("QT_QPA_PLATFORM", "PYTHONHOME", "ATAJO_COMMAND")
print(json.dumps([sys.argv[1:], os.getcwd(), {name: os.environ[name] for name in names if name in os.environ}]))
sys.exit(7)
"""


@pytest.fixture
def finished(project: Path) -> Path:
    """A project whose set-up is done, with a program that tells how it was started; return the path of its run.py."""
    shutil.copy(SCRIPT, project)
    (project / "app").mkdir()
    (project / "app" / "__init__.py").touch()
    for name in ("__main__", "shots"):
        (project / "app" / f"{name}.py").write_text(STUB_APP)
    folder = run.environment_folder("run")
    for place in ("bin/python", "Scripts/python.exe"):
        (folder / place).parent.mkdir(parents=True)
        (folder / place).symlink_to(sys.executable)
    (folder / run.MARKER).touch()
    return project / SCRIPT.name


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_the_program_gets_its_arguments_its_folder_and_passes_its_exit_status_on(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('the wrong app')")
    environment = {"PATH": os.environ["PATH"], "QT_QPA_PLATFORM": ""}
    command = [sys.executable, str(finished), "check", "--json", "aquí.json"]
    answer = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 7, answer.stderr
    assert json.loads(answer.stdout) == [["check", "--json", "aquí.json"], str(tmp_path), {"ATAJO_COMMAND": f'python3 "{finished}"'}]
    assert answer.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_pictures_are_taken_without_a_screen(finished: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Through Windows' way of starting a program, which every system can walk."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("QT_QPA_PLATFORM", "")
    folder = run.choose_environment("run")
    monkeypatch.setattr(os, "name", "nt")
    assert run.hand_over(folder, run.command_of(["shots", "x"])[1], run.qt_plugin(["shots", "x"])) == 7
    assert json.loads(capfd.readouterr().out)[2] == {"QT_QPA_PLATFORM": "offscreen", "ATAJO_COMMAND": run.typed_command()}


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_after_ctrl_c_windows_waits_for_the_program_to_end_in_its_own_way(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[str] = []
    wait = subprocess.Popen.wait

    def interrupted_once(process: subprocess.Popen[bytes]) -> int:
        waits.append("wait")
        if len(waits) == 1:
            raise KeyboardInterrupt
        return wait(process)

    folder = run.choose_environment("run")
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(subprocess.Popen, "wait", interrupted_once)
    assert run.hand_over(folder, run.command_of(["check"])[1], "") == 7
    assert len(waits) == 2
