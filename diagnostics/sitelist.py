"""A person's own list of sites: text of any kind in, pages to test out; pure.

Understood: one address a line, comments (#), blank lines, bullets, quotes, ``hxxp://`` and ``[.]`` as reports write them, and
comma-separated tables with a header that names a ``url`` column, as citizenlab's lists have.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Final

from diagnostics.errors import InputError
from diagnostics.model import Fact
from diagnostics.plan import site_of, typed_text

MAX_SITES: Final = 10_000
MAX_BYTES: Final = 2 * 1024 * 1024
MAX_PROBLEMS: Final = 200
"""Lines that are told one by one; of more only the number is kept."""

URL_COLUMN: Final = "url"

_BULLET: Final = re.compile(r"^(?:[-*•·\u2013\u2014]|\d{1,5}[.)])\s+")
_DISARMED: Final = re.compile(r"^hxxp(s?)://", re.IGNORECASE)
_COMMENT: Final = re.compile(r"\s+#.*$")
_AROUND: Final = " \t\"'«»“”\u2018\u2019<>`,;"


class BadLine(Fact, frozen=True):
    """A line that was not understood: its number from 1, and the id and values of the sentence that says why."""

    line: int
    text: str
    url: str = ""


class SiteList(Fact, frozen=True):
    """What a text holds.  ``cut``: there was more than ``MAX_SITES`` or ``MAX_BYTES``, and the rest was not read."""

    urls: tuple[str, ...] = ()
    duplicates: int = 0
    bad: tuple[BadLine, ...] = ()  # at most MAX_PROBLEMS
    bad_lines: int = 0
    cut: bool = False


def read_sites(raw: bytes | str) -> SiteList:
    """Return the sites of a text; nothing in it can raise, and what is not understood is told by its line."""
    data = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
    cut = len(data) > MAX_BYTES
    text = _decoded(data[:MAX_BYTES])
    if cut:
        text = text[: max(text.rfind("\n"), text.rfind("\r"), 0)] if "\n" in text or "\r" in text else ""  # no half address
    urls: dict[str, None] = {}
    duplicates = bad_lines = 0
    bad: list[BadLine] = []
    for number, typed in _entries(text):
        try:
            url = site_of(typed).id
        except InputError as error:
            bad_lines += 1
            if len(bad) < MAX_PROBLEMS:
                bad.append(BadLine(line=number, text=error.text, url=typed_text(typed)))
            continue
        if url in urls:
            duplicates += 1
        elif len(urls) == MAX_SITES:
            cut = True
            break
        else:
            urls[url] = None
    return SiteList(urls=tuple(urls), duplicates=duplicates, bad=tuple(bad), bad_lines=bad_lines, cut=cut)


def _decoded(data: bytes) -> str:
    """Return the text, whatever wrote it: UTF-8, Windows' UTF-16 with its mark, else byte for byte."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("utf-8-sig", "replace")


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Yield each address that a text seems to hold, with the number of its line."""
    lines = re.split(r"\r\n|\r|\n", text)
    column = _url_column(next((line for line in lines if line.strip()), ""))
    header = column is not None
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if header:
            header = False
            continue
        typed = _cell(line, column) if column is not None else line
        cleaned = _cleaned(typed)
        if cleaned:
            yield number, cleaned


def _url_column(line: str) -> int | None:
    """Return which column of a table holds the addresses, or None for a text that is no table."""
    cells = [cell.strip().lower() for cell in _row(line)]
    return cells.index(URL_COLUMN) if URL_COLUMN in cells else None


def _cell(line: str, column: int) -> str:
    cells = _row(line)
    return cells[column] if column < len(cells) else line


def _row(line: str) -> list[str]:
    """Return the cells of one line; a field that the csv module refuses makes it one cell."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return [line]


def _cleaned(typed: str) -> str:
    """Return an address without what people and programs put around it."""
    text = _COMMENT.sub("", typed.strip().lstrip("\ufeff"))
    text = _BULLET.sub("", text.strip()).strip(_AROUND).rstrip(".").strip(_AROUND)
    return _DISARMED.sub(r"http\1://", text).replace("[.]", ".")
