"""``check --list FILE``: a person's own list of sites, from a file or from standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from app.cli_files import reason_of
from app.terminal import Terminal
from app.texts import t
from diagnostics.errors import InputError
from diagnostics.sitelist import MAX_BYTES, SiteList, read_sites

MOST_LINES: Final = 5
"""Lines that were not understood and are told one by one."""


def listed_sites(name: str, err: Terminal, *, quiet: bool = False) -> tuple[str, ...]:
    """Return the sites of a file (``-``: standard input), and say on ``err`` what was left out unless ``quiet``.

    Raises InputError for a file that cannot be read and for one without a single site.
    """
    found = read_sites(_content(name))
    if not quiet:
        _tell(found, err)
    if not found.urls:
        raise InputError("error.list_empty", file=_shown(name))
    return found.urls


def _shown(name: str) -> str:
    return t("cli.stdin") if name == "-" else name


def _content(name: str) -> bytes:
    """Return at most one byte more than a list may have: then it is cut, and that is said."""
    try:
        if name == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(name).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError("error.report_unreadable", file=_shown(name), reason=reason_of(error)) from error
    except ValueError:  # a name with a zero byte
        raise InputError("error.report_unreadable", file=repr(name)[1:-1], reason=t("cli.reason.enoent")) from None


def _tell(found: SiteList, err: Terminal) -> None:
    err.line(t("list.found", n=len(found.urls)))
    if found.duplicates:
        err.line(t("list.duplicates", n=found.duplicates))
    for bad in found.bad[:MOST_LINES]:
        err.line(t("list.bad_line", line=bad.line, reason=t(bad.text, url=bad.url) if bad.text == "error.bad_url" else t(bad.text)))
    if found.bad_lines > MOST_LINES:
        err.line(t("list.bad_more", n=found.bad_lines - MOST_LINES))
    if found.cut:
        err.line(t("list.cut"))
