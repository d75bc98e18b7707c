"""A QR code, painted module by module: black on white in every theme, with its quiet zone, as large as the room allows."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

QUIET: Final = 4
"""White modules around the code: ISO/IEC 18004 asks for four."""

MAX_BYTES: Final = 2900
"""Longest text, bytes of UTF-8: the largest code, 40-L, holds 2953 (ISO/IEC 18004, table 7)."""

LEAST_MODULE: Final = 2
"""Logical pixels of a module, about half a millimetre: below that a phone cannot tell them apart."""


class QrCode(QWidget):
    """A square that a phone's camera reads."""

    def __init__(self, name: str) -> None:
        """Make an empty square."""
        super().__init__()
        self.setObjectName(name)
        self._rows: tuple[bytes, ...] = ()
        self._text = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_text(self, text: str, spoken: str) -> None:
        """Show the code of ``text``, cut where no code would hold it; a screen reader says ``spoken``."""
        self.setAccessibleName(spoken)
        if self._rows and text == self._text:
            return  # a long text takes some tenths of a second
        import segno  # with the first code, not with the window

        self._text = text
        fitting = text.encode()[:MAX_BYTES].decode(errors="ignore")
        code = segno.make_qr(fitting or " ", error="l", encoding="utf-8", boost_error=False)
        self._rows = tuple(bytes(row) for row in code.matrix)
        self.updateGeometry()
        self.update()

    @property
    def modules(self) -> int:
        """Return how many modules a side has, the quiet zone included."""
        return len(self._rows) + 2 * QUIET if self._rows else 0

    def sizeHint(self) -> QSize:
        """Return the least size that a phone can read: the code grows into whatever room there is, and never has to be scrolled."""
        return QSize(self.modules, self.modules) * LEAST_MODULE

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint every module as a whole number of the screen's own pixels, so that all are alike."""
        if not self._rows:
            return
        ratio = self.devicePixelRatioF()
        module = max(1, int(min(self.width(), self.height()) * ratio / self.modules)) / ratio
        side = module * self.modules
        left, top = int((self.width() - side) / 2 * ratio) / ratio, int((self.height() - side) / 2 * ratio) / ratio
        painter = QPainter(self)
        painter.fillRect(QRectF(left, top, side, side), Qt.GlobalColor.white)
        for y, row in enumerate(self._rows, start=QUIET):
            for x, dark in enumerate(row, start=QUIET):
                if dark:
                    painter.fillRect(QRectF(left + x * module, top + y * module, module, module), Qt.GlobalColor.black)
        painter.end()
