"""Writing to a terminal, a file or a pipe, whatever it can show.

Every text goes through :class:`Terminal`: what it cannot encode is written in ASCII, control characters of strangers never
reach it, and a reader that went away (``| head``) ends the output quietly.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import textwrap
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Final, TextIO

from diagnostics.model import Status
from diagnostics.report.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

SYMBOLS: Final[dict[Status, tuple[str, str, str]]] = {
    Status.WORKS: ("✓", "+", "green"),
    Status.SLOW: ("◔", "~", "yellow"),
    Status.PARTIAL: ("◑", "~", "yellow"),
    Status.BLOCKED: ("✗", "x", "bold red"),
    Status.LIKELY_BLOCKED: ("✗", "x", "red"),
    Status.DOWN: ("!", "!", "yellow"),
    Status.UNKNOWN: ("?", "?", "cyan"),
    Status.NOT_TESTED: ("\N{EN DASH}", "-", "dim"),
}
"""Symbol, the same in ASCII, and colour of a status; the word always stands beside them."""

_ASCII: Final = str.maketrans(
    {"«": '"', "»": '"', "“": '"', "”": '"', "\u2018": "'", "\u2019": "'", "…": "...", "—": "-", "·": "-", "\u00a0": " ", "→": ">"}
    | {fine: plain for fine, plain, _ in SYMBOLS.values()}
)
MAX_WIDTH: Final = 100
"""Columns; longer lines are hard to read."""

NARROWEST_CELL: Final = 16
"""Columns below which a wrapped cell is harder to read than a list."""


def encodable(text: str, encoding: str | None) -> str:
    """Return ``text`` with what ``encoding`` cannot write replaced by its nearest ASCII; None can write everything."""
    try:
        text.encode(encoding or "utf-8")
    except LookupError:
        return encodable(text, "ascii")
    except UnicodeEncodeError:
        return "".join(_nearest(character, encoding or "utf-8") for character in text)
    return text


def _nearest(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        plain = unicodedata.normalize("NFKD", character.translate(_ASCII))
        return plain.encode("ascii", "ignore").decode() or "?"
    return character


class Terminal:
    """One output stream."""

    def __init__(self, stream: TextIO | None) -> None:
        """Write to ``stream``; None (a windowed program on Windows) swallows everything."""
        self._stream = stream
        self.closed = stream is None
        self.failure: OSError | None = None
        """Why nothing more can be written, if that is worth telling: a full disk, not a reader that went away."""

    @property
    def is_terminal(self) -> bool:
        """Tell whether a person sees the stream as it is written."""
        return self._stream is not None and self._stream.isatty()

    @property
    def width(self) -> int:
        """Return the columns to fill."""
        return min(MAX_WIDTH, shutil.get_terminal_size((MAX_WIDTH, 24)).columns)

    @cached_property
    def console(self) -> Console:
        """Return rich's view of the stream, for colours and what moves; 0.1 s to import, only for real terminals."""
        from rich.console import Console

        return Console(file=self._stream, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def symbol(self, status: Status) -> str:
        """Return the symbol of a status, of a newer report too."""
        fine, plain, _ = SYMBOLS.get(status, ("?", "?", ""))
        return fine if self.fit(fine) == fine else plain

    def fit(self, text: str) -> str:
        """Return a text as the stream can write it, for those that do not go through :meth:`line`."""
        return encodable(text, getattr(self._stream, "encoding", None))

    def line(self, text: str = "", *, style: str = "", indent: int = 0, hanging: int | None = None) -> None:
        """Write one paragraph, ``indent`` columns in, its further lines ``hanging`` columns (default: as many).

        It is wrapped for a person's eyes only: a program that reads the output gets one line.
        """
        clean = " " * indent + visible(text)
        if not self.is_terminal:
            self._write(clean.rstrip(), style)
            return
        rest = " " * (indent if hanging is None else hanging)
        lines = textwrap.wrap(clean, self.width, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
        for line in lines or [""]:
            self._write(line, style)

    def raw(self, line: str) -> None:
        """Write one line without wrapping: tables, technical data."""
        self._write(visible(line), "")

    def table(self, rows: list[tuple[str, ...]]) -> None:
        """Write rows in columns as wide as their widest cell, the first row being the heading.

        Where a person looks on, or COLUMNS says how much fits, the widest column is wrapped if that is enough; else every row
        becomes a list of its own.
        """
        shown = [tuple(visible(cell) for cell in row) for row in rows]
        widths = [max(len(row[column]) for row in shown) for column in range(len(shown[0]))]
        excess = sum(widths) + 2 * (len(widths) - 1) - self.width
        if excess > 0 and (self.is_terminal or os.environ.get("COLUMNS")):
            widest = widths.index(max(widths))
            widths[widest] -= excess
            if widths[widest] < NARROWEST_CELL:
                self._stack(shown)
                return
        for number, row in enumerate(shown):
            self._columns(row, widths, "bold" if number == 0 else "")

    def _columns(self, row: tuple[str, ...], widths: list[int], style: str) -> None:
        wrapped = [textwrap.wrap(cell, max(1, width)) or [""] for cell, width in zip(row, widths, strict=True)]
        for lines in itertools.zip_longest(*wrapped, fillvalue=""):
            self._write("  ".join(cell.ljust(width) for cell, width in zip(lines, widths, strict=True)).rstrip(), style)

    def _stack(self, rows: list[tuple[str, ...]]) -> None:
        """Write each row as its first cell and a list of the others, each with the heading of its column."""
        heading, *others = rows
        for row in others:
            self._write(row[0], "bold")
            for name, cell in zip(heading[1:], row[1:], strict=True):
                for line in textwrap.wrap(f"{name}: {cell}", self.width, initial_indent="  ", subsequent_indent="    ") if cell else ():
                    self._write(line, "")

    def data(self, content: bytes) -> None:
        """Write bytes as they are, whatever the stream's encoding."""
        if self.closed or self._stream is None:
            return
        with self._giving_up():
            raw = getattr(self._stream, "buffer", None)
            if raw is None:
                self._stream.write(content.decode())
            else:
                self._stream.flush()
                raw.write(content)
            self._stream.flush()

    def _write(self, line: str, style: str) -> None:
        if self.closed or self._stream is None:
            return
        line = encodable(line, getattr(self._stream, "encoding", None))
        with self._giving_up():
            if style and self.is_terminal:
                from rich.text import Text

                self.console.print(Text(line, style=style))
            else:
                self._stream.write(line + "\n")

    def end(self) -> None:
        """Send what is still held back."""
        if self.closed or self._stream is None:
            return
        with self._giving_up():
            self._stream.flush()

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        """On an error in the block write nothing more, and let the interpreter's own last flush go nowhere."""
        try:
            yield
            return
        except OSError as error:
            gone = isinstance(error, BrokenPipeError) or error.errno == errno.EINVAL  # what Windows says of a closed pipe
            self.failure = None if gone else error
        self.closed = True
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if self._stream is not None:
                os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
