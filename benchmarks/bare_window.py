"""The least that PySide6 can show: one empty window, which says when it was painted and goes."""

from __future__ import annotations

import sys

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget


class Bare(QWidget):
    """A window that ends the program once it was painted."""

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint, then say so and end."""
        super().paintEvent(event)
        QTimer.singleShot(0, self._painted)

    def _painted(self) -> None:
        print("painted", flush=True)
        QApplication.quit()


def main() -> int:
    """Show the window."""
    application = QApplication(sys.argv)
    window = Bare()
    window.resize(900, 640)
    window.show()
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
