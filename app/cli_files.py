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
_SYSTEM: Final = ("/dev/", "/proc/")
"""Folders whose files stand for something that is open already; they are written to and never replaced."""


def reason_of(error: OSError) -> str:
    """Return why the system refuses a file, in the person's language where we have the words."""
    name = errno.errorcode.get(error.errno or 0, "").lower()
    text_id = f"cli.reason.{name}"
    return t(text_id) if name and has_text(text_id) else error.strerror or type(error).__name__


def is_own_output(name: str) -> bool:
    """Tell whether a name such as /dev/stdout or /dev/fd/1 is this program's standard output, which must not be opened anew."""
    try:
        return name.startswith(_SYSTEM) and os.path.samestat(Path(name).stat(), os.fstat(1))
    except (OSError, ValueError):
        return False


class Target:
    """A file that is to be written, or standard output (``-``)."""

    def __init__(self, name: str) -> None:
        """Name it; nothing is touched yet."""
        self.name = name
        self.is_stdout = name == STDOUT or is_own_output(name)
        self._path: Path | None = None
        if not self.is_stdout:  # a link is followed, never replaced; the system's own lead to what has no name (pipe:[123])
            self._path = Path(name if name.startswith(_SYSTEM) else os.path.realpath(name))

    def check(self) -> None:
        """Find out whether it can be written.  Raises InputError("error.cannot_write") if not; leaves nothing behind."""
        if self._path is None:
            return
        try:
            self._probe(self._path)
        except FileNotFoundError:  # the system does not say what does not exist
            reason = "cli.reason.enoent" if self._path.parent.is_dir() else "cli.reason.no_folder"
            raise InputError("error.cannot_write", file=self.name, reason=t(reason)) from None
        except OSError as error:
            raise InputError("error.cannot_write", file=self.name, reason=reason_of(error)) from error
        except ValueError:  # a name with a zero byte
            raise InputError("error.cannot_write", file=repr(self.name)[1:-1], reason=t("cli.reason.enoent")) from None

    @staticmethod
    def _probe(path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not stat.S_ISREG(mode) or str(path).startswith(_SYSTEM):
                return  # a device, a pipe or what a shell has opened: written to when there is something to write
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
            if self._path.exists() and (not self._path.is_file() or str(self._path).startswith(_SYSTEM)):
                with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_APPEND), "wb") as opened:
                    opened.write(content)
            else:
                write_whole(self._path, content)
        except OSError as error:
            raise InputError("error.cannot_write", file=self.name, reason=reason_of(error)) from error
