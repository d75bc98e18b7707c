"""Where Atajo keeps things on this computer."""

from __future__ import annotations

import os
from pathlib import Path

APP_NAME = "Atajo"


def data_folder() -> Path:
    """Return the folder of settings and logs; it may not exist yet.  ``ATAJO_DATA`` names another one."""
    chosen = os.environ.get("ATAJO_DATA")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False))


def save_folder() -> Path:
    """Return the folder that is offered for saved reports: the person's documents, else the home folder."""
    import platformdirs

    documents = Path(platformdirs.user_documents_dir())
    return documents if documents.is_dir() else Path.home()


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file so that it is there completely or not at all.  Raises OSError.

    The content is on the disk before the name changes, so that a power cut leaves the old file or the new one.  ``private``: only
    its owner may read it, from its first byte on (Windows: as the profile's folders say).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    if private:
        part.unlink(missing_ok=True)  # one that was left behind keeps its own rights
    how = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | (os.O_EXCL if private else os.O_TRUNC)
    try:
        with os.fdopen(os.open(part, how, 0o600 if private else 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
