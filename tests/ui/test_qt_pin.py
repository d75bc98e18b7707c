"""Why PySide6 is pinned below 6.12: that release takes a reference from True with every signal, and dies after some hundred."""

from __future__ import annotations

import sys

import PySide6
from PySide6.QtCore import QObject, Signal


class Emitter(QObject):
    """An object with one signal."""

    fired = Signal()


def test_emitting_a_signal_leaves_the_reference_count_of_true_alone() -> None:
    emitter = Emitter()
    emitter.fired.connect(lambda: None)
    before = sys.getrefcount(True)
    for _ in range(100):
        emitter.fired.emit()
    moved = sys.getrefcount(True) - before
    assert abs(moved) < 20, f"PySide6 {PySide6.__version__} moved the count by {moved}: keep the pin"
