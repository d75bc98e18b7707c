"""The log file, and what happens to an error that nobody caught.

The log is for the person who asks for help with Atajo itself: it holds no address, no name of a page and no name of the
person.  What was measured belongs in a report, where it can be seen and removed before it is handed on.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import re
import sys
import threading
import types
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from app.paths import data_folder

MAX_BYTES: Final = 256 * 1024
BACKUPS: Final = 2
MAX_MESSAGE: Final = 4096
"""Characters of one entry that is kept in memory; a long traceback is cut."""

_PRIVATE: Final = (
    (re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"), "<address>"),
    (re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])"), "<address>"),
    (re.compile(r"https?://\S+"), "<page>"),
    (re.compile(r"(?<![\w@.-])(?!atajo\.)(?:[\w-]+\.)+(?!py\b|toml\b|json\b)[a-zA-Z]{2,24}(?![\w.(])"), "<name>"),
)
"""What looks like an address, a page or a host name; names of our own modules and files stay readable."""

MOST_ENTRIES: Final = 2000
"""Entries that are kept in memory, newest last: the log view and the support bundle show them."""

log = logging.getLogger("atajo")


class LogEntry(NamedTuple):
    """One note, without anything of the person in it: ``moment`` in ISO 8601 (UTC), ``level`` such as WARNING."""

    moment: str
    level: str
    source: str
    message: str

    def __str__(self) -> str:
        """Say it in one line; a traceback keeps its own."""
        return f"{self.moment} {self.level} {self.source}: {self.message}"


class LogRing(logging.Handler):
    """Keeps the last entries in memory, each made safe before it is kept."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        super().__init__(logging.INFO)
        self._entries: deque[LogEntry] = deque(maxlen=MOST_ENTRIES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, safe and cut to ``MAX_MESSAGE``."""
        try:
            moment = dt.datetime.fromtimestamp(record.created, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            message = scrubbed(logging.Formatter("%(message)s").format(record))[:MAX_MESSAGE]
            self._entries.append(LogEntry(moment, record.levelname, record.name, message))
        except (ValueError, TypeError, OverflowError):  # a message that does not fit its own arguments
            self.handleError(record)

    def entries(self) -> tuple[LogEntry, ...]:
        """Return what is kept, oldest first."""
        with self.lock or contextlib.nullcontext():
            return tuple(self._entries)


_ring: list[LogRing] = []


def keep_recent() -> None:
    """Begin to keep the last entries in memory; once is enough."""
    if not _ring:
        _ring.append(LogRing())
    if _ring[0] not in log.handlers:
        log.addHandler(_ring[0])
        log.setLevel(logging.INFO)


def recent() -> tuple[LogEntry, ...]:
    """Return the last entries, oldest first; nothing before :func:`keep_recent`."""
    return _ring[0].entries() if _ring else ()


class PrivateFormatter(logging.Formatter):
    """Format a record without the home folder, addresses, pages and host names, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = super().format(record)
        return line[:24] + scrubbed(line[24:])  # the time of day looks like an IPv6 address


def scrubbed(text: str) -> str:
    """Return a text without the home folder, addresses, pages and host names."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    for pattern, instead in _PRIVATE:
        text = pattern.sub(instead, text)
    return text


def start_logging(folder: Path | None = None) -> Path | None:
    """Write warnings and our own notes to a rotating file; return it, or None where it cannot be written."""
    keep_recent()
    path = (folder or data_folder()) / "atajo.log"
    from logging.handlers import RotatingFileHandler  # brings sockets and more: after the first picture

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    except OSError:
        return None  # a read-only home folder must not keep anybody from testing
    handler.setFormatter(PrivateFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.INFO)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    return path


def catch_uncaught(tell: Callable[[], None]) -> None:
    """Log errors that nobody caught, in any thread, and call ``tell`` in the thread where one happened."""

    def in_main(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("uncaught error", exc_info=(kind, error, trace))
        tell()

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            in_main(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = in_main
    threading.excepthook = in_thread
