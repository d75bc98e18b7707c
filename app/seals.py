"""Encrypted bundles in the terminal: by whose key one is opened, for whom one is closed, and asking for a passphrase where nobody looks."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Final

from app.texts import t
from diagnostics.errors import InputError
from diagnostics.report.archive import MAX_ARCHIVE
from diagnostics.report.sealed import is_sealed, open_by, open_with, seal_by, seal_to

MOST_KEYS: Final = 64 * 1024
"""Bytes that are read of a file with secret keys."""

_BY_PASSPHRASE: Final = b"\n-> scrypt "
_HEADER: Final = 4096
_SLACK: Final = 1 << 20
"""Bytes by which a sealed file may be larger than what is in it."""


def sealed_content(path: Path) -> bytes | None:
    """Return a file's content if it is a sealed bundle, else None: whoever reads it next says what is wrong with it."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            start = file.read(_HEADER)
            return start + file.read(MAX_ARCHIVE + _SLACK) if is_sealed(start) else None
    except (OSError, ValueError):
        return None


def unsealed(content: bytes, name: str, key_file: str | None) -> bytes:
    """Return what is in a sealed bundle, by a file of secret keys or by the passphrase that is asked for.

    Raises InputError where neither is there, or where it does not fit.
    """
    if _BY_PASSPHRASE in content[:_HEADER]:
        return open_by(content, _asked(t("cli.seal.ask", file=name)), name)
    if key_file is None:
        raise InputError("error.seal_needs_key", file=name)
    try:
        with Path(key_file).open("rb") as file:
            keys = file.read(MOST_KEYS).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise InputError("error.cannot_read", file=key_file, reason=reason) from error
    return open_with(content, keys, name)


class Seal:
    """How a bundle is closed, as the options of ``export`` say; asked for once, before anything is written."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Read the options and ask for what they need.  Raises InputError."""
        chosen = vars(options)
        self._recipient: str | None = chosen.get("to")
        self._passphrase = ""
        if self._recipient is not None:
            seal_to(b"", self._recipient)  # a wrong key is said before the work
        elif chosen.get("passphrase"):
            self._passphrase = _asked(t("cli.seal.choose"))
            if _asked(t("cli.seal.again")) != self._passphrase:
                raise InputError("error.passphrase_differs")
            if not self._passphrase:
                raise InputError("error.passphrase_empty")

    def close(self, content: bytes) -> bytes:
        """Return a bundle as it is to be written.  Raises InputError."""
        if self._recipient is not None:
            return seal_to(content, self._recipient)
        return seal_by(content, self._passphrase) if self._passphrase else content


def _asked(question: str) -> str:
    """Return a passphrase that is typed on the terminal, without showing it.  Raises InputError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise InputError("error.passphrase_nobody")
    return getpass.getpass(f"{question} ")
