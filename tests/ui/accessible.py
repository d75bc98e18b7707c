"""Questions about a screen that need no eyes: what has no name, in which order Tab goes, what does not fit."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

Tab = Qt.FocusPolicy.TabFocus


def focusable(screen: QWidget) -> list[QWidget]:
    """Return what Tab can reach, in the order of creation."""
    widgets = screen.findChildren(QWidget)
    return [w for w in widgets if w.isVisibleTo(screen) and w.isEnabled() and (w.focusPolicy() & Tab) == Tab]


def spoken_name(widget: QWidget) -> str:
    """Return what a screen reader calls a widget."""
    QAccessible.setActive(True)
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)


def nameless(screen: QWidget) -> list[str]:
    """Return the id of every focusable widget that a screen reader could not name, or whose name another one has."""
    names = {widget: spoken_name(widget) for widget in focusable(screen)}
    often = Counter(names.values())
    return [widget.objectName() or type(widget).__name__ for widget, name in names.items() if not name or often[name] > 1]


def tab_order() -> list[str]:
    """Press Tab until the focus comes round again and return the ids it visited."""
    visited: list[str] = []
    while (focused := QApplication.focusWidget()) and focused.objectName() not in visited:
        visited.append(focused.objectName())
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    return visited


def clipped(screen: QWidget) -> list[str]:
    """Return what does not fit: buttons smaller than their text, labels lower or narrower than theirs."""
    buttons = [button.objectName() for button in screen.findChildren(QPushButton) if button.isVisible() and not _roomy(button)]
    labels = [
        label.text()
        for label in screen.findChildren(QLabel)
        if label.isVisible() and label.text() and (_too_low(label) or label.width() < label.minimumSizeHint().width())
    ]
    return buttons + labels + _beyond(screen)


def _roomy(button: QPushButton) -> bool:
    """Tell whether a button has the room that Qt wants for its text as it is broken into lines now."""
    wanted = QPushButton.sizeHint(button)
    return button.width() >= wanted.width() and button.height() >= wanted.height()


def _too_low(label: QLabel) -> bool:
    return label.height() < (label.heightForWidth(label.width()) if label.wordWrap() else label.sizeHint().height())


def _beyond(screen: QWidget) -> list[str]:
    """Return what sticks out of its parent to the side, where no scroll bar is wanted."""
    inside = [*screen.findChildren(QPushButton), *screen.findChildren(QLabel)]
    return [f"{w.objectName()} sticks out" for w in inside if w.isVisible() and w.mapTo(screen, w.rect().topRight()).x() > screen.width()]
