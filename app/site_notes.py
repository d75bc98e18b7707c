"""A list of pages from a file, and what is told about it: the terminal and the window read and say the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from app.cli_files import reason_of
from app.texts import t
from diagnostics.errors import InputError
from diagnostics.sitelist import MAX_BYTES, SiteList

MOST_LINES: Final = 5
"""Lines that were not understood and are told one by one."""


def notes_of(found: SiteList) -> list[str]:
    """Return the sentences about what a list holds, what was left out of it and what was not understood."""
    notes = [t("list.found", n=len(found.urls))]
    if found.duplicates:
        notes.append(t("list.duplicates", n=found.duplicates))
    for bad in found.bad[:MOST_LINES]:
        reason = t(bad.text, url=bad.url) if bad.text == "error.bad_url" else t(bad.text)
        notes.append(t("list.bad_line", line=bad.line, reason=reason))
    if found.bad_lines > MOST_LINES:
        notes.append(t("list.bad_more", n=found.bad_lines - MOST_LINES))
    if found.cut:
        notes.append(t("list.cut"))
    return notes


def content_of(name: str) -> bytes:
    """Return a file's bytes (``-``: standard input), at most one more than a list may have: then it is cut, and that is said.

    Raises InputError for a file that cannot be read.
    """
    try:
        if name == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(name).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError("error.report_unreadable", file=shown(name), reason=reason_of(error)) from error
    except ValueError:  # a name with a zero byte
        raise InputError("error.report_unreadable", file=repr(name)[1:-1], reason=t("cli.reason.enoent")) from None


def shown(name: str) -> str:
    """Return a file's name as it is shown; standard input has words."""
    return t("cli.stdin") if name == "-" else name
