"""What is shipped agrees with what is written: wheel and tree, lock files and pyproject, reasons and system packages."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import run
from tests.house import PRODUCT

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    "requirements.lock": (),
    "requirements-dev.lock": ("dev",),
    "requirements-bench.lock": ("bench",),
    "requirements-ooni.lock": ("ooni",),
}
"""Each lock file with its dependency groups."""
APART = {"bench", "ooni"}
"""Groups of environments without the program."""
BUILD_WHEEL = "import sys, setuptools.build_meta as b; print(b.build_wheel(sys.argv[1]))"


def pyproject() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def declared(*groups: str, program: bool = True) -> list[Requirement]:
    """Return the requirements that pyproject declares; people get the optional ones too."""
    project = pyproject()
    extras = [text for texts in project["project"]["optional-dependencies"].values() for text in texts]
    texts = [
        *([*project["project"]["dependencies"], *extras] if program else ()),
        *(t for group in groups for t in project["dependency-groups"][group]),
    ]
    return [Requirement(text) for text in texts]


def pins(lock: str) -> dict[str, list[Requirement]]:
    """Return what a lock file pins, by name; one package may have a version for old and one for new Pythons."""
    found: dict[str, list[Requirement]] = {}
    for line in re.findall(r"^[a-z0-9].*==.*$", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE):
        pin = Requirement(line.rstrip(" \\"))
        found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def asked_for(lock: str) -> set[str]:
    """Return the packages that a lock file says pyproject itself asked for."""
    blocks = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {block.partition("==")[0] for block in blocks if "atajo (pyproject.toml" in block}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_nothing_names_a_registry(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE) if block.strip()]
    assert len(blocks) >= 10
    for block in blocks:
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", block, re.MULTILINE), block.splitlines()[0]
    assert re.findall(r"://|^\s*-|\b[\w-]+\.(?:org|com|net|io)\b", re.sub(r"^ {4}--hash=.*|# -c .*", "", text, flags=re.MULTILINE)) == []


@pytest.mark.parametrize("lock, groups", LOCKS.items())
def test_the_lock_pins_what_pyproject_asks_for(lock: str, groups: tuple[str, ...]) -> None:
    pinned, asked = pins(lock), declared(*groups, program=not APART & set(groups))
    for requirement in asked:
        versions = [str(pin.specifier).removeprefix("==") for pin in pinned.get(canonicalize_name(requirement.name), [])]
        assert versions, f"{requirement.name} is not in {lock}"
        assert all(version in requirement.specifier for version in versions), f"{requirement} against {versions}"
    assert asked_for(lock) == {canonicalize_name(requirement.name) for requirement in asked}


def test_the_tests_run_on_the_versions_that_people_get() -> None:
    people, developers = pins("requirements.lock"), pins("requirements-dev.lock")
    for name, pinned in people.items():
        tested = developers.get(name, [])
        # a tool may need on every Python what the program needs on old ones
        everywhere = {str(pin.specifier) for pin in tested if pin.marker is None}
        assert all(str(pin) in map(str, tested) or str(pin.specifier) in everywhere for pin in pinned), name


def test_qt_with_the_reference_count_fault_is_kept_out() -> None:
    """6.12.0 drops a reference to True at every signal and dies on Python 3.11 after a few hundred."""
    qt = next(requirement for requirement in declared() if requirement.name == "PySide6-Essentials")
    assert "6.12.0" not in qt.specifier
    assert "6.9.3" in qt.specifier


@pytest.mark.parametrize("readme", ["README.md", "README.es.md"])
def test_the_readme_gives_a_reason_for_every_dependency(readme: str) -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\S.{15,}) \|$", (ROOT / readme).read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(requirement.name for requirement in declared("dev", "bench", "ooni"))


def shipped(root: Path) -> set[str]:
    """Return the files of the product's folders as a wheel names them."""
    files = (path for folder in PRODUCT for path in (root / folder).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in files if "__pycache__" not in path.parts}


def build_wheel(tree: Path) -> set[str]:
    """Build the wheel of a tree and return its files without the metadata."""
    build = subprocess.run([sys.executable, "-c", BUILD_WHEEL, str(tree)], cwd=tree, capture_output=True, text=True, check=False)
    assert build.returncode == 0, build.stderr
    with zipfile.ZipFile(tree / build.stdout.split()[-1]) as wheel:
        return {name for name in wheel.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_exactly_what_the_tree_holds(tmp_path: Path) -> None:
    for folder in PRODUCT:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    before = shipped(tmp_path)
    assert {"app/__init__.py", "resources/__init__.py"} <= before
    assert build_wheel(tmp_path) == before


def test_that_comparison_sees_a_folder_without_init_and_an_unknown_kind_of_data(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in (
        "README.md",
        "LICENSE",
        "resources/tips/a.docx",
        "diagnostics/lost/a.py",
        *(f"{folder}/__init__.py" for folder in PRODUCT),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('__version__ = "0"\n' if name == "app/__init__.py" else "")
    before = shipped(tmp_path)
    assert before - build_wheel(tmp_path) == {"resources/tips/a.docx", "diagnostics/lost/a.py"}


def ci_packages() -> set[str]:
    """Return the Debian packages that CI installs."""
    lines = (ROOT / ".ci" / "apt-packages.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_ci_installs_the_qt_libraries_that_run_py_looks_for() -> None:
    assert set(run.QT_LIBRARIES.values()) | set(run.PLUGIN_LIBRARIES["xcb"].values()) <= ci_packages()


@pytest.mark.skipif(not (ROOT / "tests" / "real_servers").exists(), reason="the laboratory of real servers does not exist yet")
def test_ci_installs_the_real_servers() -> None:
    from tests.real_servers.lab import TOOLS

    assert set(TOOLS.values()) <= ci_packages()


def test_the_product_never_goes_to_the_public_index() -> None:
    """Its packages are called ``app`` and ``ui``: in a shared environment they would overwrite somebody else's."""
    assert "Private :: Do Not Upload" in pyproject()["project"]["classifiers"]
