"""The house rules hold in this tree, and each rule can fail: it is shown a small tree that breaks it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).resolve().parent.parent
Rule = Callable[[Path], list[str]]

BROAD = "try:\n    pass\nexcept Exception:  # noqa: BLE001 - one bad plug-in must not stop the rest\n    pass\n"


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    assert rule(ROOT) == []


@pytest.mark.parametrize(
    "rule, path, text, offences",
    [
        (house.layers, "diagnostics/a.py", "from PySide6.QtCore import QObject", 1),
        (house.layers, "diagnostics/judge/a.py", "def f():\n    import app.texts", 1),
        (house.layers, "diagnostics/a.py", "from . import model\nfrom .judge import rules\nimport asyncio", 0),
        (house.layers, "ui/a.py", "from diagnostics import model\nfrom app.texts import t\nfrom app import wording\nimport resources", 0),
        (house.layers, "ui/a.py", "from diagnostics.runner import run\nfrom app import settings", 2),
        (house.layers, "ui/screens/a.py", "from ...diagnostics import runner", 1),
        (house.layers, "resources/__init__.py", "from diagnostics.model import Cause", 1),
        (house.layers, "app/a.py", "import tests.house", 1),
        (house.sockets, "diagnostics/judge/a.py", "import socket\ns = socket.socket()", 1),
        (house.sockets, "diagnostics/judge/a.py", "import socket\nimport ssl\nbad = (socket.gaierror, ssl.SSLError)", 0),
        (house.sockets, "diagnostics/report/a.py", "from socket import create_connection, gaierror", 1),
        (house.sockets, "app/a.py", "import requests", 1),
        (house.sockets, "app/a.py", "async def f(loop):\n    await loop.create_connection(print, 'h', 1)", 1),
        (house.sockets, "ui/a.py", "from PySide6.QtNetwork import QNetworkAccessManager", 1),
        (house.sockets, "ui/a.py", "import asyncio\nasync def f():\n    await asyncio.open_connection('h', 1)", 1),
        (house.sockets, "diagnostics/probes/tcp.py", "import socket\ns = socket.socket()", 0),
        (house.sockets, "diagnostics/network_real.py", "import dns.resolver", 0),
        (house.sockets, "diagnostics/plan.py", "import dns.resolver\nimport dns.message", 1),
        (house.long_files, "ui/a.py", "\n" * 401, 1),
        (house.long_files, "ui/a.py", "\n" * 400, 0),
        (house.long_functions, "app/a.py", "async def f():\n" + "    pass\n" * 50, 1),
        (house.long_functions, "run.py", "def f():\n" + "    pass\n" * 49, 0),
        (house.broad_excepts, "app/a.py", BROAD * 3, 0),
        (house.broad_excepts, "app/a.py", BROAD * 4, 1),
        (house.broad_excepts, "app/a.py", "try:\n    pass\nexcept (OSError, BaseException):  # noqa: BLE001\n    pass\n", 1),
        (house.broad_excepts, "app/a.py", "try:\n    pass\nexcept:\n    pass\n", 1),
        (house.broad_excepts, "app/a.py", "from contextlib import suppress\nwith suppress(Exception):\n    pass\n", 1),
        (house.broad_excepts, "tests/a.py", BROAD * 9, 0),
        (house.silenced_types, "diagnostics/a.py", "x = 1  # type: ignore[assignment]", 1),
        (house.silenced_types, "ui/qt.py", "x = 1  # type: ignore[assignment]\ny = 2  # type: ignore[assignment]", 0),
        (house.silenced_types, "ui/qt.py", "# mypy: ignore-errors", 0),
        (house.silenced_types, "app/a.py", "# mypy: ignore-errors\ntext = '# type: ignore'", 1),
        (house.shadowed_packaging, "packaging/__init__.py", "", 1),
        (house.shadowed_packaging, "packaging/build.py", "", 0),
        (house.idle_waits, "tests/test_a.py", "import time\ntime.sleep(1)", 1),
        (house.idle_waits, "tests/test_a.py", "from time import sleep\nsleep(1)", 1),
        (house.idle_waits, "tests/test_a.py", "QTest.qWait(5)\nqapp.processEvents()", 2),
        (house.idle_waits, "tests/test_a.py", "await_ = asyncio.sleep(1)", 0),
    ],
)
def test_the_rule_sees_what_breaks_it_and_nothing_else(rule: Rule, path: str, text: str, offences: int, tmp_path: Path) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    found = rule(tmp_path)
    assert len(found) == offences, found
    assert all(offence.startswith(f"{path}:") for offence in found)


def test_a_second_file_that_silences_the_type_checker_is_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "ui").mkdir()
    for name in ("a", "b"):
        (tmp_path / "ui" / f"{name}.py").write_text("x = 1  # type: ignore[misc]\n")
    assert house.silenced_types(tmp_path) == ["ui/b.py:1: silences the type checker"]


IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), name + "."):
        importlib.import_module(found.name)
print(sorted({m.partition(".")[0] for m in sys.modules} & {"PySide6", "shiboken6", "ui"}))
"""


def loaded_qt(*modules: str) -> str:
    """Import modules with all their submodules in a fresh interpreter and return which of Qt and ui came along."""
    run = subprocess.run([sys.executable, "-c", IMPORT_ALL, *modules], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_the_whole_engine_loads_without_qt() -> None:
    assert loaded_qt("diagnostics", "resources") == "[]"


@pytest.mark.skipif(not (ROOT / "app" / "cli.py").exists(), reason="the terminal form does not exist yet")
def test_the_terminal_form_loads_without_qt() -> None:
    assert loaded_qt("app.cli") == "[]"


def test_that_look_for_qt_can_find_it() -> None:
    assert loaded_qt("PySide6.QtCore") == "['PySide6', 'shiboken6']"
