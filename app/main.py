"""The window's entry point: everything up to the first picture, and nothing that can wait.

Qt, the texts and one screen are all that is imported before the window is painted; the engine, asyncio, the name and
TLS libraries follow in their own thread.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication

from app import __version__
from app.backend import AppBackend
from app.logs import catch_uncaught, start_logging
from app.paths import APP_NAME
from app.settings import SettingsStore
from app.texts import LANGUAGES, set_language, t
from diagnostics.errors import InputError
from ui.flow import Window

if TYPE_CHECKING:
    from diagnostics.sim.scenario import Scenario

USAGE_ERROR: Final = 2
"""Exit status when there is no screen for a window, or the scenario is not known."""


HEAVY: Final = frozenset(
    (
        *("asyncio", "certifi", "concurrent", "cryptography", "dns", "h11", "http", "idna", "jinja2", "psutil", "requests", "rich"),
        *("segno", "ssl"),
    )
)
"""What must not be imported before the first picture; the benchmark and a test read which of it was."""


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and return the exit status once it is closed."""
    began = time.perf_counter()
    options = _options(sys.argv[1:] if argv is None else argv)
    store = SettingsStore()
    set_language(options.lang or store.current.spoken)
    try:
        scenario = _scenario(options.simulate)
    except InputError as error:
        return _complain(t(error.text, **error.values))
    if not has_screen():
        return _complain(t("error.no_display", command="python -m app check"))
    app = QApplication(sys.argv[:1])
    app.setApplicationName(APP_NAME)
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("atajo")
    if os.environ.get("ATAJO_PSEUDO", "").startswith("-"):  # the other half of the pseudo-locale: app/texts.py has the first
        app.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    window = Window(app, AppBackend(store, scenario))
    if options.lang:
        window.choose_language(options.lang)
    hooks = _Hooks()
    hooks.uncaught.connect(window.unexpected, Qt.ConnectionType.QueuedConnection)
    catch_uncaught(hooks.uncaught.emit)
    window.shell.painted.connect(start_logging, Qt.ConnectionType.QueuedConnection)
    if options.exit_after_paint:
        window.shell.painted.connect(lambda: _report_paint(app, began))
    window.shell.show()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt's loop never gives Python's own handler a turn: Ctrl-C would do nothing
    return app.exec()


class _Hooks(QObject):
    """Carries the news of an uncaught error from any thread into the window's."""

    uncaught = Signal()


class _Options(msgspec.Struct):
    simulate: str | None = None
    lang: str | None = None
    exit_after_paint: bool = False


def _options(argv: Sequence[str]) -> _Options:
    if list(argv) in ([], ["--exit-after-paint"]):
        return _Options(exit_after_paint=bool(argv))  # a double-click does not wait for a parser
    import argparse

    parser = argparse.ArgumentParser(prog="atajo", description="Atajo's window; `python -m app --help` names the rest.")
    parser.add_argument("--simulate", metavar="SCENARIO", help="stand on a simulated network")
    parser.add_argument("--lang", choices=LANGUAGES)
    parser.add_argument("--exit-after-paint", action="store_true", help=argparse.SUPPRESS)
    found = parser.parse_args(argv)
    return _Options(found.simulate, found.lang, found.exit_after_paint)


def _scenario(wanted: str | None) -> Scenario | None:
    """Return the scenario that was asked for.  Raises InputError."""
    if not wanted:
        return None
    from diagnostics.sim.scenario import find_scenario

    return find_scenario(wanted)


def has_screen() -> bool:
    """Tell whether a window can be opened; Qt itself would end the program with a message for developers."""
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _complain(sentence: str) -> int:
    if sys.stderr is not None:  # a windowed program on Windows has none
        print(sentence, file=sys.stderr)
    return USAGE_ERROR


def _report_paint(app: QApplication, began: float) -> None:
    """Print, as JSON, how long the first picture took and what was imported by then.

    ``entry_ms`` runs from :func:`main`, ``cpu_ms`` from the start of the process, Python's own start included.
    """
    import json

    entry, cpu = round(1000 * (time.perf_counter() - began), 1), round(1000 * time.process_time(), 1)
    heavy = sorted({name.partition(".")[0] for name in sys.modules} & HEAVY)
    print(json.dumps({"entry_ms": entry, "cpu_ms": cpu, "modules": len(sys.modules), "heavy": heavy}), flush=True)
    app.quit()


if __name__ == "__main__":
    sys.exit(main())
