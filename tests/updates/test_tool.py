"""The tool of whoever publishes: a pair of keys, a bundle of what ships, and the same bytes for everybody who makes it."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from diagnostics.updates.bundle import read_bundle
from tests.updates.making import ROOT, SHIPPED, shipped_files

TOOL = ROOT / "packaging" / "data_bundle.py"


def tool(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the tool from somewhere else than the tree."""
    return subprocess.run([sys.executable, str(TOOL), *map(str, words)], cwd="/", capture_output=True, text=True, check=False)


def keys(folder: Path) -> tuple[Path, str]:
    """Make a pair of keys; the file of the private one, and the public one."""
    private = folder / "private.pem"
    made = tool("keygen", "--plain", private)
    found = re.search(r'^public = "([0-9a-f]{64})"$', made.stdout, re.MULTILINE)
    assert (made.returncode, made.stderr) == (0, "")
    assert found
    return private, found[1]


def test_what_it_makes_is_what_ships_and_is_made_the_same_again(tmp_path: Path) -> None:
    private, public = keys(tmp_path)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert tool("make", "--key", private, tmp_path / name).returncode == 0
    paths = sorted(tmp_path.glob("*/*.atajo"))
    assert [path.name for path in paths] == [paths[0].name] * 2
    raw = paths[0].read_bytes()
    assert raw == paths[1].read_bytes()
    bundle = read_bundle([raw], [bytes.fromhex(public)])
    assert bundle.files == shipped_files()
    assert bundle.manifest.version >= SHIPPED
    told = tool("verify", "--key", public, paths[0])
    assert (told.returncode, "services/x.toml" in told.stdout) == (0, True)
    assert tool("verify", "--key", "00" * 32, paths[0]).returncode == 1


def test_a_private_key_is_never_written_over(tmp_path: Path) -> None:
    private, _ = keys(tmp_path)
    before = private.read_bytes()
    again = tool("keygen", "--plain", private)
    assert (again.returncode, "Traceback" in again.stderr, private.read_bytes()) == (1, False, before)


def test_data_that_the_program_could_not_read_is_not_signed(tmp_path: Path) -> None:
    private, _ = keys(tmp_path)
    shutil.copytree(ROOT / "resources", tmp_path / "resources")
    (tmp_path / "resources" / "services" / "x.toml").write_text("id = 1")
    refused = tool("make", "--key", private, "--resources", tmp_path / "resources", tmp_path)
    assert (refused.returncode, "Traceback" in refused.stderr, list(tmp_path.glob("*.atajo"))) == (1, False, [])


def test_no_private_key_lies_in_the_tree() -> None:
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.split(b"\0")
    paths = [ROOT / name.decode() for name in known if name] or [p for p in ROOT.glob("*/**/*.pem") if ".venv" not in p.parts]
    marks = [b"-----BEGIN " + kind + b"PRIVATE KEY-----" for kind in (b"", b"ENCRYPTED ", b"EC ", b"RSA ", b"OPENSSH ")]
    pems = [path for path in paths if path.suffix in (".pem", ".key") and path.is_file()]
    assert [path for path in pems if any(mark in path.read_bytes() for mark in marks)] == []
