"""Where a report is written: checked before anything is measured, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Final

from app.paths import write_whole
from app.terminal import Terminal
from app.texts import has_text, t
from diagnostics.errors import InputError

STDOUT: Final = "-"


def reason_of(error: OSError) -> str:
    """Return why the system refuses a file, in the person's language where we have the words."""
    name = errno.errorcode.get(error.errno or 0, "").lower()
    text_id = f"cli.reason.{name}"
    return t(text_id) if name and has_text(text_id) else error.strerror or type(error).__name__


class Target:
    """A file that is to be written, or standard output (``-``)."""

    def __init__(self, name: str) -> None:
        """Name it; nothing is touched yet."""
        self.name = name
        self.is_stdout = name == STDOUT
        self._path = Path(os.path.realpath(name)) if not self.is_stdout else None  # a link is followed, never replaced

    def check(self) -> None:
        """Find out whether it can be written.  Raises InputError("error.cannot_write") if not; leaves nothing behind."""
        if self._path is None:
            return
        try:
            self._probe(self._path)
        except OSError as error:
            raise InputError("error.cannot_write", file=self.name, reason=reason_of(error)) from error
        except ValueError as error:  # a name with a zero byte
            raise InputError("error.cannot_write", file=repr(self.name), reason=t("cli.reason.enoent")) from error

    @staticmethod
    def _probe(path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not stat.S_ISREG(mode):
                return  # a device or a pipe: opened when there is something to write
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        trial = path.with_name(f".{path.name}.{os.getpid()}.part")
        with trial.open("xb"):
            pass
        trial.unlink()

    def write(self, content: bytes, out: Terminal) -> None:
        """Write the content.  Raises InputError("error.cannot_write")."""
        if self._path is None:
            out.data(content)
            return
        try:
            if self._path.exists() and not self._path.is_file():
                self._path.write_bytes(content)
            else:
                write_whole(self._path, content)
        except OSError as error:
            raise InputError("error.cannot_write", file=self.name, reason=reason_of(error)) from error
