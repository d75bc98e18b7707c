"""The window comes first: what measures is imported after the first picture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "ATAJO_DATA": str(tmp_path), **environment}
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False, timeout=60
    )


def test_nothing_heavy_is_imported_before_the_first_picture(tmp_path: Path) -> None:
    done = start(tmp_path, "--exit-after-paint")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["heavy"] == []


def test_a_person_who_was_welcomed_gets_the_home_screen_as_fast(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"welcomed": true}')
    done = start(tmp_path, "--exit-after-paint")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["heavy"] == []


def test_without_a_screen_one_sentence_names_the_terminal(tmp_path: Path) -> None:
    done = start(tmp_path, "--lang", "es", QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 2
    assert done.stderr == "Aquí no hay pantalla para la ventana. Usa la terminal: python -m app check\n"


def test_an_unknown_scenario_is_one_sentence(tmp_path: Path) -> None:
    done = start(tmp_path, "--simulate", "no-such-thing", "--lang", "en")
    assert done.returncode == 2
    assert "no-such-thing" in done.stderr
    assert "Traceback" not in done.stderr
