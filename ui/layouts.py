"""Layouts that answer to the width they get: tiles that flow like words, rows that turn into columns."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget

GAP: Final = 8
"""Room between neighbours, logical pixels."""


class _Wrapping(QLayout):
    """What both layouts have in common: items, and a height that follows from the width."""

    def __init__(self, parent: QWidget) -> None:
        """Make an empty layout for ``parent``."""
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        """Take an item."""
        self._items.append(item)

    def count(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return an item."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem:
        """Remove and return an item; only for an index that there is (ours, and Qt's own clean-up by count)."""
        return self._items.pop(index)

    def expandingDirections(self) -> Qt.Orientation:
        """Say that the layout does not ask for more than it needs."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Say that a narrow layout is higher."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height at ``width``."""
        margins = self.contentsMargins()
        inside = width - margins.left() - margins.right()
        return self._place(QRect(0, 0, inside, 0), really=False) + margins.top() + margins.bottom()

    def setGeometry(self, rect: QRect) -> None:
        """Place the items."""
        super().setGeometry(rect)
        self._place(self.contentsRect(), really=True)

    def minimumSize(self) -> QSize:
        """Return the size of the largest item: less would clip it."""
        size, margins = QSize(), self.contentsMargins()
        for item in self._shown():
            size = size.expandedTo(QSize(item.minimumSize().width(), item.minimumSize().height()))
        return size.grownBy(margins)

    def _place(self, rect: QRect, *, really: bool) -> int:
        """Place the items into ``rect`` if ``really``, and return the height that they take."""
        raise NotImplementedError

    def _put(self, item: QLayoutItem, inside: QRect, place: QRect) -> None:
        """Give an item its place, mirrored where the language runs from right to left."""
        if self.parentWidget().layoutDirection() is Qt.LayoutDirection.RightToLeft:
            place.moveLeft(inside.left() + inside.right() - place.right())
        item.setGeometry(place)

    def _shown(self) -> list[QLayoutItem]:
        """Return what is not hidden on purpose; before the first showing Qt calls every widget hidden."""
        explicit = Qt.WidgetAttribute.WA_WState_ExplicitShowHide
        return [item for item in self._items if not (item.widget().isHidden() and item.widget().testAttribute(explicit))]


class Flow(_Wrapping):
    """Lays tiles out like words: side by side, then on the next line."""

    def sizeHint(self) -> QSize:
        """Return the least size."""
        return self.minimumSize()

    def _place(self, rect: QRect, *, really: bool) -> int:
        x, y, line = rect.x(), rect.y(), 0
        for item in self._shown():
            hint = item.sizeHint()
            width, height = min(hint.width(), rect.width()), hint.height()
            if width < hint.width() and item.hasHeightForWidth():
                height = item.heightForWidth(width)
            if line and x + width > rect.x() + rect.width():
                x, y, line = rect.x(), y + line + GAP, 0
            if really:
                self._put(item, rect, QRect(x, y, width, height))
            x, line = x + width + GAP, max(line, height)
        return y + line - rect.y()


class RowLayout(_Wrapping):
    """Lays items out side by side while they fit, else one under the other.

    ``far`` of them, counted from the last, go to the far end of a row.  An item that wants to grow gets the room that
    is left; in a column everything has the whole width.  ``packed``: what fits shares a line of the column, and fills it.
    """

    far = 0
    packed = False

    def sizeHint(self) -> QSize:
        """Return the size of everything side by side."""
        shown = self._shown()
        width = sum(item.sizeHint().width() for item in shown) + GAP * max(0, len(shown) - 1)
        return QSize(width, max((item.sizeHint().height() for item in shown), default=0))

    def _place(self, rect: QRect, *, really: bool) -> int:
        if self.sizeHint().width() <= rect.width():
            return self._place_row(rect, really=really)
        y = rect.y()
        for line in self._lines(rect.width()):
            more = (rect.width() - _wide(line)) // len(line)  # below 0 only for one that is alone, and breaks its text
            x, high = rect.x(), 0
            for item in line:
                width = item.sizeHint().width() + more if len(line) > 1 else rect.width()
                height = item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()
                if really:
                    self._put(item, rect, QRect(x, y, width, height))
                x, high = x + width + GAP, max(high, height)
            y += high + GAP
        return max(0, y - GAP - rect.y())

    def _lines(self, width: int) -> list[list[QLayoutItem]]:
        """Return what stands beside one another in a column of ``width``."""
        lines: list[list[QLayoutItem]] = []
        for item in self._shown():
            if self.packed and lines and _wide([*lines[-1], item]) <= width:
                lines[-1].append(item)
            else:
                lines.append([item])
        return lines

    def _place_row(self, rect: QRect, *, really: bool) -> int:
        hint = self.sizeHint()
        shown = self._shown()
        left = rect.width() - hint.width()
        growing = next((item for item in shown if item.expandingDirections() & Qt.Orientation.Horizontal), None)
        x = rect.x()
        for index, item in enumerate(shown):
            own = item.sizeHint()
            if growing is None and self.far and index == len(shown) - self.far:
                x += left
            width = own.width() + (left if item is growing else 0)
            if really:
                self._put(item, rect, QRect(x, rect.y() + (hint.height() - own.height()) // 2, width, own.height()))
            x += width + GAP
        return hint.height()


def _wide(items: list[QLayoutItem]) -> int:
    """Return how wide some items are side by side."""
    return sum(item.sizeHint().width() for item in items) + GAP * max(0, len(items) - 1)


class Beside(_Wrapping):
    """Lays out two widgets: the second beside the first, or below it where it would leave the first too little."""

    SHARE: Final = 0.36
    """The largest share of the width that the second may have beside the first."""

    INSIDE: Final = 12
    """Room between the two, logical pixels."""

    def sizeHint(self) -> QSize:
        """Return the size of both side by side."""
        shown = self._shown()
        width = sum(item.sizeHint().width() for item in shown) + self.INSIDE * max(0, len(shown) - 1)
        return QSize(width, max((item.sizeHint().height() for item in shown), default=0))

    def _place(self, rect: QRect, *, really: bool) -> int:
        shown = self._shown()
        side = shown[1].sizeHint() if len(shown) > 1 else QSize(0, 0)
        below = len(shown) > 1 and side.width() > rect.width() * self.SHARE
        gap = self.INSIDE if len(shown) > 1 else 0
        width = rect.width() if below else rect.width() - side.width() - gap
        words = shown[0].heightForWidth(width) if shown[0].hasHeightForWidth() else shown[0].sizeHint().height()
        tall = shown[1].heightForWidth(width) if below and shown[1].hasHeightForWidth() else side.height()
        height = words + gap + tall if below else max(words, tall)
        if really:
            self._put(shown[0], rect, QRect(rect.x(), rect.y(), width, words if below else height))
            if below:
                self._put(shown[1], rect, QRect(rect.x(), rect.y() + words + gap, width, tall))
            elif len(shown) > 1:
                top = rect.y() + (height - side.height()) // 2
                self._put(shown[1], rect, QRect(rect.x() + width + gap, top, side.width(), side.height()))
        return height
