"""``run.py`` starts the right thing, and says in one sentence what it cannot do."""

from __future__ import annotations

import ast
import errno
import importlib.util
import os
import shutil
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import run

SCRIPT = Path(run.__file__)


@pytest.mark.parametrize("variables, sentence", [({}, "There is no screen here"), ({"LANG": "es_VE.UTF-8"}, "Aquí no hay pantalla")])
@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_without_a_screen_the_window_command_names_the_terminal_form(variables: dict[str, str], sentence: str) -> None:
    environment = {"PATH": os.environ["PATH"], "DISPLAY": "", "QT_QPA_PLATFORM": "", **variables}
    answer = subprocess.run([sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert sentence in answer.stderr
    assert answer.stderr.strip().endswith(f"python3 {SCRIPT} check")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "variables, spanish",
    [
        ({}, False),
        ({"LANG": "es_VE.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "es_419.UTF-8"}, True),
        ({"LANG": "es_VE.UTF-8", "LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "es_ES", "LC_ALL": ""}, True),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a display language instead")
def test_the_locale_decides_the_language(variables: dict[str, str], spanish: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANG", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run.spanish() is spanish


def test_every_sentence_says_the_same_things_in_both_languages() -> None:
    for key, (spanish, english) in run.TEXTS.items():
        fields = [sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in (spanish, english)]
        assert fields[0] == fields[1], key
        assert spanish != english, key


def test_an_old_python_reaches_the_sentence() -> None:
    """Nothing newer than Python 3.6 may stand anywhere in the file, and nothing may run before the check."""
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))
    body = ast.parse(SCRIPT.read_text(encoding="utf-8")).body
    check = next(index for index, node in enumerate(body) if isinstance(node, ast.If))
    before = [node for node in body[:check] if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in before] == ["import os", "import sys"]


@pytest.mark.parametrize(
    "arguments, kind, command",
    [
        ([], "run", ["-P", "-m", "app"]),
        (["check", "x", "--json", "-"], "run", ["-P", "-m", "app", "check", "x", "--json", "-"]),
        (["test"], "dev", ["-P", "-m", "pytest"]),
        (["test", "-k", "dns"], "dev", ["-P", "-m", "pytest", "-k", "dns"]),
        (["shots", "out"], "run", ["-P", "-m", "app.shots", "out"]),
        (["dev", "ruff", "check"], "dev", ["-P", "-m", "ruff", "check"]),
        (["dev"], "run", ["-P", "-m", "app", "dev"]),
    ],
)
def test_the_first_word_decides_what_is_started(arguments: list[str], kind: str, command: list[str]) -> None:
    assert run.command_of(arguments) == (kind, command)


@pytest.mark.parametrize(
    "arguments, variables, plugin",
    [
        (["check"], {}, ""),
        (["chekc"], {}, ""),
        (["--version"], {"DISPLAY": ":0"}, ""),
        (["dev", "mypy"], {}, ""),
        (["--selftest"], {"DISPLAY": ":0"}, "offscreen"),
        (["test"], {"DISPLAY": ":0"}, "offscreen"),
        (["test"], {"QT_QPA_PLATFORM": "xcb"}, "xcb"),
        (["shots", "x"], {"QT_QPA_PLATFORM": ""}, "offscreen"),
        (["--lang", "en", "check", "x"], {}, ""),
        (["--lang=en", "chek"], {}, ""),
        (["--lang", "en", "--help"], {}, ""),
        (["--lang", "en", "--simulate", "open"], {"DISPLAY": ":0"}, "xcb"),
        ([], {"DISPLAY": ":0"}, "xcb"),
        ([], {"WAYLAND_DISPLAY": "wayland-0"}, "wayland"),
        ([], {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "xcb"),
        (["--lang", "es"], {"QT_QPA_PLATFORM": "offscreen:size=800x600"}, "offscreen"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="screens are looked for on Linux")
def test_a_command_uses_qt_only_if_it_draws(
    arguments: list[str], variables: dict[str, str], plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run.qt_plugin(arguments) == plugin


@pytest.mark.parametrize(
    "platform, path, command",
    [
        ("linux", "run.py", "python3 run.py"),
        ("linux", "/opt/atajo/run.py", "python3 /opt/atajo/run.py"),
        ("linux", "/home/ana/mis programas/run.py", 'python3 "/home/ana/mis programas/run.py"'),
        ("win32", "run.py", "py run.py"),
        ("linux", "pytest", "python3 run.py"),
    ],
)
def test_hints_can_name_what_was_typed(platform: str, path: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "argv", [path])
    assert run.typed_command() == command


def pretend(monkeypatch: pytest.MonkeyPatch, *, libraries: dict[str, str], ensurepip: bool, root: bool, apt: bool) -> None:
    """Pretend a machine."""
    monkeypatch.setattr(run, "missing_libraries", lambda plugin: libraries)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if ensurepip else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000, raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/apt-get" if apt else None)
    monkeypatch.setattr(sys, "base_prefix", "/usr")


VENV = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
GL = {"libGL.so.1": "libgl1", "libEGL.so.1": "libegl1"}
LINE = "sudo apt-get install -y --no-install-recommends "


@pytest.mark.parametrize(
    "libraries, ensurepip, fresh, last_line",
    [
        (GL, True, True, LINE + "libegl1 libgl1"),
        ({}, False, True, LINE + VENV),
        (GL, False, True, LINE + VENV + " libegl1 libgl1"),
        (GL, False, False, LINE + "libegl1 libgl1"),
    ],
)
def test_an_ordinary_user_gets_one_exact_line(
    libraries: dict[str, str], ensurepip: bool, fresh: bool, last_line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, libraries=libraries, ensurepip=ensurepip, root=False, apt=True)
    with pytest.raises(run.SetUpError) as caught:
        run.provide_system_packages("xcb", fresh)
    assert str(caught.value).splitlines()[-1] == last_line
    assert caught.value.status == 2


@pytest.mark.parametrize("libraries, ensurepip, named", [(GL, True, "libEGL.so.1 libGL.so.1"), ({}, False, "ensurepip")])
def test_a_system_without_apt_is_told_what_is_missing(
    libraries: dict[str, str], ensurepip: bool, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, libraries=libraries, ensurepip=ensurepip, root=True, apt=False)
    with pytest.raises(run.SetUpError, match=named):
        run.provide_system_packages("xcb", fresh=True)


def test_root_installs_and_updates_the_lists_only_if_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def call(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append([word for word in command[1:] if not word.startswith(("-", "DPkg"))])
        return subprocess.CompletedProcess(command, 100 if len(calls) == 1 else 0, "", "E: Unable to locate package")

    pretend(monkeypatch, libraries=GL, ensurepip=True, root=True, apt=True)
    monkeypatch.setattr(subprocess, "run", call)
    run.provide_system_packages("xcb", fresh=False)
    assert calls == [["install", "libegl1", "libgl1"], ["update"], ["install", "libegl1", "libgl1"]]
    run.provide_system_packages("xcb", fresh=False)
    assert calls[3:] == [["install", "libegl1", "libgl1"]]


def test_a_failed_installation_gives_apts_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, libraries=GL, ensurepip=True, root=True, apt=True)
    failed = subprocess.CompletedProcess([], 100, "", "W: something\nE: You don't have enough free space.\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(run.SetUpError, match=r"E: You don't have enough free space\.$"):
        run.provide_system_packages("xcb", fresh=False)


def test_a_library_that_does_not_exist_is_missing_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "QT_LIBRARIES", {"libc.so.6": "libc6", "libatajo-none.so.1": "libatajo-none1"})
    monkeypatch.setattr(sys, "platform", "linux")
    assert run.missing_libraries("offscreen") == {"libatajo-none.so.1": "libatajo-none1"}
    assert run.missing_libraries("") == {}


def failing(error: BaseException) -> Callable[[list[str]], int]:
    """Return a main that ends with an error."""

    def main(_: list[str]) -> int:
        raise error

    return main


@pytest.mark.parametrize(
    "error, status, sentence",
    [
        (run.SetUpError("network", status=3, log="x"), 3, "download failed"),
        (PermissionError(errno.EACCES, "no", "/opt/atajo/.venv"), 2, "Cannot write to /opt/atajo/.venv"),
        (OSError(errno.ENOSPC, "full"), 2, "disk is full"),
        (KeyboardInterrupt(), 130, "Interrupted"),
    ],
)
def test_what_a_person_may_meet_is_a_sentence(
    error: BaseException, status: int, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "main", failing(error))
    with pytest.raises(SystemExit) as caught:
        run.start()
    assert caught.value.code == status
    assert sentence in capsys.readouterr().err
