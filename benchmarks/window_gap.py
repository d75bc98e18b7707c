"""How long the window does not answer while a run goes on, and how soon it shows a stop; prints one JSON object.

The real window, engine thread and a simulated line of 80 ms whose servers share the process: a harder case than a real
network, since they compete with the window for the interpreter.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Final

import msgspec
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from app.backend import AppBackend
from app.settings import SettingsStore
from diagnostics.sim.scenario import find_scenario
from ui.flow import Window

INTERVAL_MS: Final = 5
IDLE_MS: Final = 1000
"""The window stands idle first: the noise of the computer, and the engine's imports in their thread."""

PRESS_STOP_MS: Final = 700
"""Into the second run: before a clean run ends by itself."""


class Watch(QObject):
    """Ticks on the window's thread, walks through two runs and notes the longest gaps."""

    def __init__(self, window: Window) -> None:
        """Begin with the first tick."""
        super().__init__()
        self._window = window
        self._last = time.perf_counter()
        self._began = 0.0
        self._longest = 0.0
        self.ticks = 0
        self.facts: dict[str, float] = {"interval_ms": INTERVAL_MS}
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(INTERVAL_MS)
        QTimer.singleShot(IDLE_MS, self._start)

    def _tick(self) -> None:
        now = time.perf_counter()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        self.ticks += 1
        state = self._window.state
        if state is not None and state.whole is not None and "gap_ms" not in self.facts:
            self.facts |= {"gap_ms": self._longest * 1000, "seconds": now - self._began, "ticks": self.ticks}
            self._window.again()
            QTimer.singleShot(PRESS_STOP_MS, self._stop)

    def _start(self) -> None:
        self.facts["idle_ms"] = self._longest * 1000
        self._longest, self.ticks, self._began = 0.0, 0, time.perf_counter()
        self._window.start(list(self._window.backend.default_targets()), [])

    def _stop(self) -> None:
        assert self._window.shell.current == "run", self._window.shell.current
        pressed = time.perf_counter()
        self._window.stop()
        self._window.shell.repaint()
        assert self._window.shell.current != "run"
        self.facts["stop_ms"] = (time.perf_counter() - pressed) * 1000
        QApplication.closeAllWindows()


def main() -> int:
    """Open the window and watch it."""
    distant = msgspec.structs.replace(find_scenario("open"), rtt_ms=80.0, censor_rtt_ms=20.0)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ATAJO_DATA"] = folder
        application = QApplication(sys.argv)
        window = Window(application, AppBackend(SettingsStore(), distant))
        watches: list[Watch] = []
        window.shell.painted.connect(lambda: watches.append(Watch(window)))
        window.shell.show()
        status = application.exec()
    print(json.dumps(watches[0].facts))
    return status


if __name__ == "__main__":
    sys.exit(main())
