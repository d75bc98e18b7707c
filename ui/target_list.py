"""A list of very many targets: drawn row by row as it is scrolled, where a card for each would take minutes to build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFont, QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QListView, QSizePolicy, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui.theme import Theme

MANY: Final = 30
"""Targets above which screens show this list instead of a card for each."""

LEAST_ROWS: Final = 4
"""Rows that are always to be seen."""

_PAD: Final = 10
_MARK: Final = 22

Index = QModelIndex | QPersistentModelIndex


class TargetRow(NamedTuple):
    """What one row says: a shape and its role, the name, the word of the status, one sentence."""

    drawing: str
    role: str
    name: str
    word: str
    sentence: str

    @property
    def spoken(self) -> str:
        """Return the row as a screen reader reads it."""
        return ". ".join(part.rstrip(".") for part in (self.name, self.word, self.sentence) if part) + "."


class TargetModel(QAbstractListModel):
    """Targets in the order shown; what a row says is asked for when it is seen, and kept until it changes."""

    def __init__(self, describe: Callable[[str], TargetRow]) -> None:
        """Describe rows by ``describe(target)``."""
        super().__init__()
        self._describe = describe
        self._targets: list[str] = []
        self._rows: dict[str, TargetRow] = {}

    @property
    def targets(self) -> Sequence[str]:
        """Return the targets in the order shown."""
        return self._targets

    def show(self, targets: Sequence[str]) -> None:
        """Show other targets, or the same ones with other words."""
        self.beginResetModel()
        self._targets, self._rows = list(targets), {}
        self.endResetModel()

    def add(self, targets: Sequence[str]) -> None:
        """Put further targets below the others; what is shown stays where it is."""
        if targets:
            self.beginInsertRows(QModelIndex(), len(self._targets), len(self._targets) + len(targets) - 1)
            self._targets += targets
            self.endInsertRows()

    def renew(self) -> None:
        """Ask anew what the rows say, as far as they are seen."""
        self._rows.clear()
        if self._targets:
            self.dataChanged.emit(self.index(0), self.index(len(self._targets) - 1))

    def row(self, index: Index) -> TargetRow:
        """Return what a row says."""
        target = self._targets[index.row()]
        if target not in self._rows:
            self._rows[target] = self._describe(target)
        return self._rows[target]

    def rowCount(self, parent: Index | None = None) -> int:
        """Return how many rows there are."""
        return 0 if parent is not None and parent.isValid() else len(self._targets)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a row's words for the view, for screen readers and for the tip under the pointer."""
        if not index.isValid() or not 0 <= index.row() < len(self._targets):
            return None
        row = self.row(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.word}. {row.sentence}" if row.sentence else row.word
        return row.spoken if role == Qt.ItemDataRole.AccessibleTextRole else None


class _Delegate(QStyledItemDelegate):
    """Draws a row: mark, name in bold, below it the word in its colour and the sentence, cut to the width."""

    def __init__(self, theme: Theme, model: TargetModel) -> None:
        super().__init__()
        self._theme, self._model = theme, model

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return two lines of text."""
        return QSize(200, 2 * QFontMetrics(self._theme.font).lineSpacing() + 2 * _PAD)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        theme, row = self._theme, self._model.row(index)
        rect, font = option.rect, theme.font  # type: ignore[attr-defined] # PySide's stubs lack the option's fields
        state = option.state  # type: ignore[attr-defined]
        bold = QFont(font)
        bold.setBold(True)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.tokens.line), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(theme.tokens.accent), 2))
            painter.drawRoundedRect(rect.adjusted(3, 3, -3, -3), 6, 6)
        side = round(_MARK * theme.unit)
        painter.drawPixmap(
            rect.left() + _PAD, rect.top() + (rect.height() - side) // 2, theme.pixmap(row.drawing, row.role, side, disc=True)
        )
        words = rect.adjusted(2 * _PAD + side, _PAD, -_PAD, -_PAD)
        line = QFontMetrics(font).lineSpacing()
        self._write(painter, QRect(words.left(), words.top(), words.width(), line), row.name, bold, "text")
        below = QRect(words.left(), words.top() + line, words.width(), line)
        used = self._write(painter, below, row.word, bold, row.role)
        self._write(painter, below.adjusted(used + _PAD, 0, 0, 0), row.sentence, font, "muted")
        painter.restore()

    def _write(self, painter: QPainter, where: QRect, text: str, font: QFont, role: str) -> int:
        """Write one line, cut to the room there is; return its width."""
        metrics = QFontMetrics(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(where.width(), 0))
        painter.setFont(font)
        painter.setPen(QColor(self._theme.tokens.of(role)))
        painter.drawText(where, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        return metrics.horizontalAdvance(shown)


class TargetList(QListView):
    """The list; a click or Enter on a row asks for its detail."""

    asked = Signal(str)

    def __init__(self, theme: Theme, name: str, describe: Callable[[str], TargetRow]) -> None:
        """Make an empty list with an id."""
        super().__init__()
        self.setObjectName(name)
        self._theme = theme
        self.rows = TargetModel(describe)
        self._delegate = _Delegate(theme, self.rows)
        self.setModel(self.rows)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        policy.setVerticalStretch(1)
        self.setSizePolicy(policy)
        self.clicked.connect(self._ask)
        theme.changed.connect(self._fit)
        self._fit()

    def _ask(self, index: QModelIndex) -> None:
        self.asked.emit(self.rows.targets[index.row()])

    def focus_on(self, target: str) -> bool:
        """Put the focus on a row, if it is shown."""
        if target not in self.rows.targets:
            return False
        self.setCurrentIndex(self.rows.index(self.rows.targets.index(target)))
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def _fit(self) -> None:
        row = 2 * QFontMetrics(self._theme.font).lineSpacing() + 2 * _PAD
        self.setMinimumHeight(LEAST_ROWS * row + 4)
        self.scheduleDelayedItemsLayout()
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Enter ask for the row, and not press the screen's main button as well."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._ask(self.currentIndex())
            event.accept()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard is: the first row, unless one was chosen."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.rows.rowCount():
            self.setCurrentIndex(self.rows.index(0))
