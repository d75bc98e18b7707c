"""The ways round that were tried: what they say of the filter in a sentence, and folded below it the tables.

Resolvers come by the ways of asking them, then everything else, one to a line.  A table is one stop of the Tab key; the arrow keys
lead through its cells, and each says all of itself to a screen reader.  One that is wider than the screen scrolls inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from app.route_words import NO_NAMES, Names
from app.texts import t
from app.way_words import WayGroup, WayRow, engine_label, filter_sentence, passed_sentence, resolver_label, way_rows
from diagnostics.model import Report, Status
from ui.looks import look
from ui.theme import Theme
from ui.widgets import Button, Label, Row

MOST_SEEN: Final = 14
"""Lines of a table that are seen at once; a longer one scrolls inside."""

_OUTCOME_SHARE: Final = 0.42
"""The largest share of the width that the outcomes of a list take when not everything fits into one line."""

_HEADER_SHARE: Final = 0.4
"""The largest share of the width that the names of resolvers take; they go on in the next line, and what is left shows outcomes."""

_HEADER_PADDING: Final = 20
"""A little more than the style sheet puts beside the words of a header, logical pixels."""

_PADDING: Final = 12
"""A little more than the style sheet puts around what is in a cell, logical pixels."""

_ENGINE_ORDER: Final = ("doh", "doh-name", "dot", "tcp", "tcp-cut", "udp", "udp-second")


class _Table(QTableWidget):
    """What both tables have in common: read only, as high as its lines, its marks in the theme's colours."""

    def __init__(self, theme: Theme, name: str) -> None:
        """Make an empty table."""
        super().__init__()
        self.setObjectName(name)
        self._theme = theme
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)  # Tab leads on to what follows the table
        self.setCornerButtonEnabled(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionsClickable(False)
            header.setHighlightSections(False)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        theme.changed.connect(self._dress)

    def cell(self, text: str, spoken: str, status: Status | None = None) -> QTableWidgetItem:
        """Return a cell; ``spoken`` is what a screen reader says, and what is seen when the mouse rests on it."""
        item = QTableWidgetItem(text)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
        item.setToolTip(spoken)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        if status is not None:
            item.setData(Qt.ItemDataRole.UserRole, str(status))
            self._mark(item)
        return item

    def _mark(self, item: QTableWidgetItem) -> None:
        drawing, role = look(Status(item.data(Qt.ItemDataRole.UserRole)))
        item.setIcon(self._theme.icon(drawing, role, 16))

    def _dress(self) -> None:
        """Draw the marks in the colours, and make the lines as high as the text, that hold now."""
        side = round(16 * self._theme.unit)
        self.setIconSize(QSize(side, side))
        for row in range(self.rowCount()):
            for column in range(self.columnCount()):
                item = self.item(row, column)
                if item is not None and item.data(Qt.ItemDataRole.UserRole):
                    self._mark(item)
        self.fit()

    def fit(self) -> None:
        """Make columns and lines as large as what is in them."""
        self.resizeColumnsToContents()
        self.resizeRowsToContents()
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the height of the lines, up to ``MOST_SEEN`` of them, with room for a bar to scroll sideways where one is needed."""
        lines = sum(self.rowHeight(row) for row in range(min(self.rowCount(), MOST_SEEN)))
        names = self.verticalHeader()
        names_wide = 0 if names.isHidden() else min(names.sizeHint().width(), names.maximumWidth())
        wide = names_wide + self.horizontalHeader().length()
        bar = self.horizontalScrollBar().sizeHint().height() if wide > self.width() - 2 * self.frameWidth() else 0
        return QSize(super().sizeHint().width(), self.horizontalHeader().sizeHint().height() + lines + bar + 2 * self.frameWidth() + 2)

    def minimumSizeHint(self) -> QSize:
        """Return a small width: the table scrolls inside."""
        return QSize(120, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for the height that fits the new width."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.fit()


class ResolverGrid(_Table):
    """Name directories down, the ways of asking them across."""

    def __init__(self, theme: Theme, name: str) -> None:
        """Make an empty grid."""
        super().__init__(theme, name)
        self._names: list[str] = []

    def show_rows(self, rows: Sequence[WayRow], report: Report) -> None:
        """Show the rows of the group of names."""
        at = {(row.resolver, row.engine): row for row in rows}
        resolvers = list(dict.fromkeys(row.resolver for row in rows))
        engines = [each for each in _ENGINE_ORDER if any(row.engine == each for row in rows)]
        self.clear()
        self.setRowCount(len(resolvers))
        self.setColumnCount(len(engines))
        self._names = [resolver_label(each, report) for each in resolvers]
        for down, name in enumerate(self._names):
            head = QTableWidgetItem(name)
            head.setData(Qt.ItemDataRole.AccessibleTextRole, name)
            head.setToolTip(name)
            self.setVerticalHeaderItem(down, head)
        self.setHorizontalHeaderLabels([_in_lines(engine_label(each)) for each in engines])
        for down, resolver in enumerate(resolvers):
            for across, engine in enumerate(engines):
                row = at.get((resolver, engine))
                if row is not None:
                    self.setItem(down, across, self.cell(row.cell, row.spoken, row.status))
                else:
                    spoken = f"{resolver_label(resolver, report)}, {engine_label(engine)}: {t('way.none')}"
                    self.setItem(down, across, self.cell("", spoken, Status.NOT_TESTED))
        self._dress()

    def fit(self) -> None:
        """Leave most of the width to the outcomes: the names of resolvers are broken into lines, and cut where a word is too long."""
        most = max(1, round((self.width() - 2 * self.frameWidth()) * _HEADER_SHARE))
        header = self.verticalHeader()
        header.setMaximumWidth(most)
        font = header.font()
        font.setWeight(QFont.Weight.DemiBold)  # as the style sheet has it
        metrics = QFontMetrics(font)
        for down, name in enumerate(self._names):
            self.verticalHeaderItem(down).setText("\n".join(_wrapped(name, metrics, most - _HEADER_PADDING)))
        super().fit()


def _wrapped(text: str, metrics: QFontMetrics, room: int) -> Iterator[str]:
    """Return a text in lines of at most ``room`` logical pixels."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and metrics.horizontalAdvance(longer) > room:
            yield metrics.elidedText(line, Qt.TextElideMode.ElideRight, room)
            longer = word
        line = longer
    yield metrics.elidedText(line, Qt.TextElideMode.ElideRight, room)


def _in_lines(label: str) -> str:
    """Return a heading in as many lines as it has parts: columns of times are narrow."""
    return label.replace(", ", ",\n").replace(" (", "\n(")


class WayList(_Table):
    """Ways one to a line: what was done, and how it went."""

    def show_rows(self, rows: Sequence[WayRow]) -> None:
        """Show these rows."""
        self.clear()
        self.setRowCount(len(rows))
        self.setColumnCount(2)
        self.setHorizontalHeaderLabels([t("way.column"), t("way.outcome")])
        self.verticalHeader().hide()
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter)
        for line, row in enumerate(rows):
            self.setItem(line, 0, self.cell(row.label, row.spoken))
            self.setItem(line, 1, self.cell(row.outcome, row.spoken, row.status))
        self._dress()

    def fit(self) -> None:
        """Let words go on in the next line where the window is narrow, and fill it where it is wide."""
        self.resizeColumnsToContents()
        room = self.viewport().width()
        over = self.horizontalHeader().length() - room
        if self.columnCount() and over > 0:
            outcome = max(self._widest_word(1), min(self.columnWidth(1), round(room * _OUTCOME_SHARE)))
            self.setColumnWidth(1, outcome)
            self.setColumnWidth(0, max(self._widest_word(0), room - outcome))
        elif self.columnCount():
            self.setColumnWidth(0, self.columnWidth(0) - over)
        self.resizeRowsToContents()
        for row in range(self.rowCount()):  # Qt forgets the padding when it counts the lines of a cell
            self.setRowHeight(row, max(self.rowHeight(row), *(self._height(row, column) for column in range(self.columnCount()))))
        self.updateGeometry()

    def _beside(self, column: int) -> int:
        """Return the room in a cell that is not for words: padding, and the mark."""
        return 2 * _PADDING + (self.iconSize().width() + _PADDING if column else 0)

    def _widest_word(self, column: int) -> int:
        metrics = self.fontMetrics()
        texts = [item.text() for row in range(self.rowCount()) if (item := self.item(row, column)) is not None]
        widest = max((metrics.horizontalAdvance(word) for text in texts for word in text.split(" ")), default=0)
        return widest + self._beside(column)

    def _height(self, row: int, column: int) -> int:
        item = self.item(row, column)
        room = QRect(0, 0, self.columnWidth(column) - self._beside(column), 1 << 15)
        text = item.text() if item is not None else ""
        return self.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, text).height() + _PADDING


class WaysTable(QWidget):
    """Everything that was tried for one target: what it says of the filter, and the tables behind a fold."""

    unfolded = Signal()
    """The tables were shown or put away: what can be reached with Tab is another."""

    def __init__(self, theme: Theme) -> None:
        """Make an empty part of a screen; it takes no room until something was tried."""
        super().__init__()
        self._theme = theme
        self._filter, self._passed = Label(name="detail.filter"), Label(name="detail.passed")
        self.fold = Button(theme, "detail.tried", rank="flat", icon="right")
        self.fold.setCheckable(True)
        self.fold.toggled.connect(self._turn)
        self._tables = QWidget()
        self._heads = {group: Label(rank="muted", name=f"detail.tried.{group}") for group in WayGroup}
        self._grid = ResolverGrid(theme, "detail.grid.names")
        self._lists = {group: WayList(theme, f"detail.list.{group}") for group in (WayGroup.FLIGHT, WayGroup.OTHER)}
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(6)
        for part in (self._filter, self._passed, Row([self.fold]), self._tables):
            box.addWidget(part)
        inside = QVBoxLayout(self._tables)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(6)
        for group in WayGroup:
            inside.addWidget(self._heads[group])
            inside.addWidget(self._lists.get(group, self._grid))
        self._tables.hide()
        self.hide()

    def put_away(self) -> None:
        """Fold the tables, as they are before anybody asks for them."""
        self.fold.setChecked(False)
        self._turn(on=False)

    def _turn(self, on: bool) -> None:
        self.fold.set_icon("down" if on else "right")
        self._tables.setVisible(on)
        self.unfolded.emit()

    def show_target(self, report: Report, target: str, names: Names = NO_NAMES) -> None:
        """Show what was tried for another target."""
        rows = way_rows(report, target, names)
        sentence = filter_sentence(report, target)
        self.setVisible(bool(rows or sentence))
        self._filter.say(sentence)
        self._passed.say(passed_sentence(report, target))
        self.fold.say(t("way.tried"))
        self.fold.setVisible(bool(rows))
        for group in WayGroup:
            own = [row for row in rows if row.group is group]
            table = self._lists.get(group, self._grid)
            self._heads[group].say(t(f"way.group.{group}") if own else "")
            table.setVisible(bool(own))
            table.setAccessibleName(t(f"way.group.{group}"))
            if group is WayGroup.NAMES:
                self._grid.show_rows(own, report)
            else:
                self._lists[group].show_rows(own)
