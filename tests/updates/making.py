"""Bundles for the tests: keys of their own, data that ships, and every way to spoil a bundle."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import resources
from diagnostics.updates.bundle import MAGIC, SIGNED_AS, make_bundle
from diagnostics.updates.manifest import FOLDERS, SINGLE
from diagnostics.updates.pinned import Pinned, Source
from tests.house import PRODUCT

ROOT = Path(__file__).resolve().parents[2]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NEXT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
"""Keys of the tests; no build knows them but those that the tests make."""

DAY = dt.timedelta(days=1)
MADE = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
NOW = MADE + 3 * DAY
VERSION = 2026112700
SHIPPED = 2026112600

OLD_BUILD = 2020010100
RECENT = int(f"{dt.datetime.now(dt.UTC):%Y%m%d}00")
"""What ships with a build, and what is offered, where the computer's own clock is looked at."""

SMALL = {"pages.toml": b"# nothing\n", "tips/basic.toml": b"x"}
"""Files that say nothing: for tests of the format alone."""


def public(key: Ed25519PrivateKey) -> bytes:
    """Return the public half of a key."""
    return key.public_key().public_bytes_raw()


KEYS = [public(KEY)]


def pinned(*sources: Source, keys: tuple[bytes, ...] = (KEYS[0],), version: int = SHIPPED) -> Pinned:
    """Return what a build of the tests knows."""
    return Pinned(version=version, keys=keys, sources=sources)


def shipped_files() -> dict[str, bytes]:
    """Return the data files that ship, by path."""
    files = {name: resources.shipped(name).read_bytes() for name in SINGLE}
    for folder in FOLDERS:
        for entry in resources.shipped(folder).iterdir():
            if entry.name.endswith(".toml"):
                files[f"{folder}/{entry.name}"] = entry.read_bytes()
    return files


def renamed(name: str = "Equis") -> dict[str, bytes]:
    """Return what ships with X called something else, so that newer data can be told from what ships."""
    files = shipped_files()
    files["services/x.toml"] = files["services/x.toml"].replace(b'es = "X"', f'es = "{name}"'.encode())
    return files


def bundle_of(
    files: Mapping[str, bytes], *, version: int = VERSION, key: Ed25519PrivateKey = KEY, app: str = "0.1.0", days: int = 180
) -> bytes:
    """Return a good bundle; it was made on the day of its version."""
    made = dt.datetime.strptime(str(version // 100), "%Y%m%d").replace(tzinfo=dt.UTC)
    return make_bundle(dict(files), key, version=version, made=made, expires=made + days * DAY, app=app)


def manifest_of(raw: bytes) -> dict[str, Any]:
    """Return the manifest of a bundle as plain data."""
    manifest: dict[str, Any] = json.loads(raw.split(b"\n", 3)[2])
    return manifest


def signed(manifest: Mapping[str, Any] | bytes, payload: bytes = b"", *, key: Ed25519PrivateKey = KEY, as_what: bytes = SIGNED_AS) -> bytes:
    """Return a bundle with any manifest and any payload, signed: what a careless or hostile owner of the key could make."""
    line = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return MAGIC + key.sign(as_what + line).hex().encode() + b"\n" + line + b"\n" + payload


def parts_of(raw: bytes) -> dict[str, range]:
    """Return where each part of a bundle lies."""
    line = raw.index(b"\n", len(MAGIC) + 129)
    signature = len(MAGIC) + 129
    return {
        "magic": range(len(MAGIC)),
        "signature": range(len(MAGIC), signature),
        "manifest": range(signature, line + 1),
        "payload": range(line + 1, len(raw)),
    }


class Build:
    """A copy of the program that knows a key, as a release would."""

    def __init__(self, folder: Path, *sources: str, keys: tuple[Ed25519PrivateKey, ...] = (KEY,)) -> None:
        """Copy the program into ``folder``."""
        self.root = folder / "build"
        for name in PRODUCT:
            if name != "ui":
                shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        lines = [f"version = {OLD_BUILD}", f"sources = {json.dumps(list(sources))}"]
        for number, key in enumerate(keys):
            lines += ["[[key]]", f'id = "test-{number}"', f'public = "{public(key).hex()}"']
        (self.root / "resources" / "updates.toml").write_text("\n".join(lines) + "\n")

    def words(self, *arguments: str) -> list[str]:
        """Return the command line that runs it."""
        return [sys.executable, "-m", "app", *arguments]

    def run(self, data: Path, *arguments: str, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command line of it with the data folder ``data``; ``before`` is Python that is run first, in the same process."""
        words = self.words(*arguments)
        if before:
            start = "import sys; from app.cli import main; sys.exit(main(sys.argv[1:]))"
            words = [sys.executable, "-c", f"{before}\n{start}", *arguments]
        inherited = {"PATH": "/usr/bin:/bin", "LANG": "es_VE.UTF-8", "ATAJO_DATA": str(data), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            words,
            cwd=self.root,
            env=inherited | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
