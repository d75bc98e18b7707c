"""What screen readers and the keyboard need, in one place."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QScrollArea, QStackedWidget, QWidget


def announce(widget: QWidget, text: str) -> None:
    """Let a screen reader say ``text``; the only place that does, so that a test can listen here."""
    if not text or not widget.isVisible():
        return
    from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent

    if QAccessible.isActive():
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))


def in_reading_order(widget: QWidget) -> Iterator[QWidget]:
    """Yield the widgets below ``widget`` in the order in which they are laid out: top to bottom, left to right."""
    if isinstance(widget, QScrollArea):
        yield from _with_inside(widget.widget())
    elif isinstance(widget, QStackedWidget):
        yield from _with_inside(widget.currentWidget())
    elif (layout := widget.layout()) is not None:
        yield from _in_layout(layout)


def _in_layout(layout: QLayout) -> Iterator[QWidget]:
    for index in range(layout.count()):
        item = layout.itemAt(index)
        inner = item.widget() if item else None
        if inner is not None:
            yield from _with_inside(inner)
        elif item is not None and item.layout() is not None:
            yield from _in_layout(item.layout())


def _with_inside(widget: QWidget | None) -> Iterator[QWidget]:
    if widget is not None:
        yield widget
        yield from in_reading_order(widget)


def focus_in_reading_order(widget: QWidget) -> None:
    """Make Tab visit what is below ``widget`` in reading order, also after something was added."""
    stops = [each for each in in_reading_order(widget) if each.focusPolicy() & Qt.FocusPolicy.TabFocus]
    for before, after in itertools.pairwise(stops):
        QWidget.setTabOrder(before, after)
