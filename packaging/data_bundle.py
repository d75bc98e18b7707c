"""Makes and checks signed data bundles, for whoever publishes Atajo; docs/data-updates.md tells when and how.

::

    python packaging/data_bundle.py keygen private.pem          a new pair of keys; prints the public half
    python packaging/data_bundle.py make --key private.pem OUT  signs the data files of resources/ into OUT/atajo-data-<version>.atajo
    python packaging/data_bundle.py verify FILE                 reads a bundle as the program would, whatever is in use here

The same data, version, key and options give the same bytes, so that a second person can check what is published.
"""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this folder is no package: it would hide PyPI's of the same name

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DAYS: Final = 180
"""How long a bundle is taken after it was made."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do one of the three and return 0, or 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="data_bundle.py", description="Makes and checks signed data bundles.")
    commands = parser.add_subparsers(dest="command", required=True)
    keygen = commands.add_parser("keygen", help="make a pair of keys")
    keygen.add_argument("private", type=Path, help="file of the private key; must not exist")
    keygen.add_argument("--plain", action="store_true", help="no passphrase: only where the file never leaves a safe place")
    make = commands.add_parser("make", help="sign the data files of a tree")
    make.add_argument("--key", type=Path, required=True, help="file of the private key")
    make.add_argument("--resources", type=Path, default=ROOT / "resources", help="folder with the data files")
    make.add_argument("--days", type=int, default=DAYS, help=f"days for which it is taken ({DAYS})")
    make.add_argument("--app", default="", help="oldest version of Atajo that can read it (this one)")
    make.add_argument("folder", type=Path, help="where the bundle goes")
    verify = commands.add_parser("verify", help="check a bundle")
    verify.add_argument("--key", action="append", default=[], help="a public key (64 hexadecimal digits) instead of this build's own")
    verify.add_argument("file", type=Path)
    options = parser.parse_args(argv)
    from diagnostics.errors import InputError
    from diagnostics.updates.manifest import RefusedError

    try:
        {"keygen": _keygen, "make": _make, "verify": _verify}[options.command](options)
    except (RefusedError, InputError, OSError, ValueError, TypeError) as error:  # TypeError: cryptography, of a missing passphrase
        print(f"data_bundle.py: {error}", file=sys.stderr)
        return 1
    return 0


def _keygen(options: argparse.Namespace) -> None:
    """Write a new private key for its owner alone, and print what goes into resources/updates.toml."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if not options.plain:
        phrase = getpass.getpass("Passphrase: ")
        if not phrase or phrase != getpass.getpass("Again: "):
            message = "the passphrases differ, or are empty"
            raise ValueError(message)
        how = serialization.BestAvailableEncryption(phrase.encode())
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    with os.fdopen(os.open(options.private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    print(f'[[key]]\nid = "{dt.datetime.now(dt.UTC):%Y-%m}"\npublic = "{_public(key)}"')


def _make(options: argparse.Namespace) -> None:
    """Sign what a tree holds, after our own readers have accepted it."""
    from app import __version__
    from diagnostics.updates.bundle import ENDING, make_bundle, read_bundle
    from diagnostics.updates.content import check_content
    from diagnostics.updates.manifest import FOLDERS, SINGLE, day_of
    from diagnostics.updates.pinned import FILE, load_pinned

    names = [*SINGLE, *(f"{folder}/{path.name}" for folder in FOLDERS for path in (options.resources / folder).glob("*.toml"))]
    files = {name: (options.resources / name).read_bytes() for name in names}
    check_content(files)
    version = load_pinned(options.resources / FILE).version
    made = dt.datetime.combine(day_of(version), dt.time(), dt.UTC)
    key = _private(options.key)
    raw = make_bundle(
        files, key, version=version, made=made, expires=made + dt.timedelta(days=options.days), app=options.app or __version__
    )
    read_bundle([raw], [bytes.fromhex(_public(key))])
    path = options.folder / f"atajo-data-{version}{ENDING}"
    path.write_bytes(raw)
    print(path)


def _verify(options: argparse.Namespace) -> None:
    """Read a bundle as the program would, and print what it holds."""
    from diagnostics.updates.bundle import CHUNK, read_bundle
    from diagnostics.updates.content import check_content
    from diagnostics.updates.pinned import load_pinned

    keys = [bytes.fromhex(each) for each in options.key] or load_pinned().keys
    with options.file.open("rb") as file:
        bundle = read_bundle(iter(lambda: file.read(CHUNK), b""), keys)
    check_content(bundle.files)
    manifest = bundle.manifest
    print(f"version {manifest.version}, made {manifest.made.isoformat()}, expires {manifest.expires.isoformat()}, for Atajo {manifest.app}")
    for entry in manifest.files:
        print(f"{entry.sha256}  {entry.size:>7}  {entry.path}")


def _private(path: Path) -> Ed25519PrivateKey:
    """Read a private key; its passphrase is asked for if it has one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = path.read_bytes()
    phrase = getpass.getpass("Passphrase: ").encode() if b"ENCRYPTED" in pem else None
    key = load_pem_private_key(pem, phrase)
    if not isinstance(key, Ed25519PrivateKey):
        message = "no Ed25519 key"
        raise ValueError(message)  # noqa: TRY004 - one kind of error is told to the person
    return key


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


if __name__ == "__main__":
    sys.exit(main())
