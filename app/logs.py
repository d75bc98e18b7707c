"""The log file, and what happens to an error that nobody caught.

The log is for the person who asks for help with Atajo itself: it holds no address, no name of a page and no name of the
person.  What was measured belongs in a report, where it can be seen and removed before it is handed on.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.paths import data_folder

MAX_BYTES: Final = 256 * 1024
BACKUPS: Final = 2
_PRIVATE: Final = (
    (re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"), "<address>"),
    (re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])"), "<address>"),
    (re.compile(r"https?://\S+"), "<page>"),
    (re.compile(r"(?<![\w@.-])(?!atajo\.)(?:[\w-]+\.)+(?!py\b|toml\b|json\b)[a-zA-Z]{2,24}(?![\w.(])"), "<name>"),
)
"""What looks like an address, a page or a host name; names of our own modules and files stay readable."""

log = logging.getLogger("atajo")


class PrivateFormatter(logging.Formatter):
    """Format a record without the home folder, addresses, pages and host names, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = super().format(record)
        home = str(Path.home())
        if len(home) > 1:
            line = line.replace(home, "~")
        prefix, line = line[:24], line[24:]  # the time of day looks like an IPv6 address
        for pattern, instead in _PRIVATE:
            line = pattern.sub(instead, line)
        return prefix + line


def start_logging(folder: Path | None = None) -> Path | None:
    """Write warnings and our own notes to a rotating file; return it, or None where it cannot be written."""
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
