"""What every screen has in common: a head that stays while there is room, a middle that scrolls, buttons that stay."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QMargins, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget

from ui.a11y import focus_in_reading_order
from ui.theme import Theme
from ui.widgets import Button, Label, Row

MARGINS: Final = QMargins(20, 20, 20, 16)
_LEAST_MIDDLE: Final = 0.42  # of the height: with less the head scrolls along, and with less still the buttons


class Screen(QWidget):
    """A page of the window.

    A screen is built once.  ``retranslate`` puts the words in; it is called after the screen was built, whenever the
    language changes and whenever what it shows changes.  Screens never talk to each other: they emit signals.
    """

    escaped = Signal()
    """Esc was pressed, or Back."""

    name: str = ""
    """The first part of the ids of everything on the screen."""

    def __init__(self, theme: Theme) -> None:
        """Build the frame; subclasses add to ``head``, ``body`` and ``foot``."""
        super().__init__()
        self.setObjectName(self.name)
        self.theme = theme
        self.primary: Button | None = None
        self.title, self.lead = Label(rank="title", name=f"{self.name}.title"), Label(rank="lead", name=f"{self.name}.lead")
        self._head, self.head = _column("head", 8)
        self.head.addWidget(self.title)
        self.head.addWidget(self.lead)
        self._middle, self.body = _column("body", 8)
        self.foot = Row(packed=True)
        self._inner, self._column = _column("page", 12)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._inner)
        self._outer = QVBoxLayout(self)
        self._outer.setContentsMargins(MARGINS)
        self._outer.setSpacing(12)
        self._along: tuple[bool, bool] | None = None
        self._arrange(head=False, foot=False)
        theme.changed.connect(self._fit)

    def retranslate(self) -> None:
        """Put the words of the present language in."""
        raise NotImplementedError

    def enter(self) -> None:
        """Get ready to be seen: focus and reading order."""
        self._fit()
        self.set_reading_order()
        self.scroll_up()
        first = self.first_focus()
        if first is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    def first_focus(self) -> QWidget | None:
        """Return what has the focus when the screen appears."""
        return self.primary

    def set_reading_order(self) -> None:
        """Make Tab follow the order in which the screen is read."""
        focus_in_reading_order(self)

    def spoken(self) -> str:
        """Return what a screen reader says when the screen appears."""
        return self.title.accessibleName()

    def press_primary(self) -> None:
        """Do what the main button does."""
        if self.primary is not None and self.primary.isVisible() and self.primary.isEnabled():
            self.primary.click()

    def scroll_up(self) -> None:
        """Show the beginning."""
        self._scroll.verticalScrollBar().setValue(0)

    def scroll_by(self, pages: float) -> None:
        """Scroll the middle by a part of its height."""
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.value() + round(pages * self._scroll.viewport().height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the parts into the new size."""
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Fit again when the words or their size changed."""
        done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:
            self._fit()
        return done

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll with the keyboard wherever the focus is."""
        steps = {Qt.Key.Key_PageUp: -0.9, Qt.Key.Key_PageDown: 0.9, Qt.Key.Key_Up: -0.15, Qt.Key.Key_Down: 0.15}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.scroll_by(step)

    def _fit(self) -> None:
        """Let the head scroll along when it would leave too little of the middle to be seen, and the buttons only if that is not enough.

        What there is to do next is worth more room than a title that was read.
        """
        inside = self.contentsRect().marginsRemoved(MARGINS)
        if inside.width() <= 0 or not self.isVisible():
            return
        left = inside.height() - self._least_middle(inside.height())
        head, foot = (part.heightForWidth(inside.width()) + 12 for part in (self._head, self.foot))
        self._arrange(head=head + foot > left, foot=foot > left)

    def _least_middle(self, height: int) -> float:
        """Return how high the middle must be, logical pixels of ``height``, for what is beside it to stay."""
        return height * _LEAST_MIDDLE

    @property
    def _together(self) -> bool:
        """Tell whether anything beside the middle scrolls along with it."""
        return self._along is not None and any(self._along)

    def _arrange(self, *, head: bool, foot: bool) -> None:
        """Let ``head`` and ``foot`` scroll along with the middle, or stay."""
        if self._along == (head, foot):
            return
        self._along = (head, foot)
        focused = QApplication.focusWidget()
        had_focus = focused if focused is not None and self.isAncestorOf(focused) else None
        for part in (self._head, self._middle, self._scroll, self.foot):
            self._outer.removeWidget(part)
            self._column.removeWidget(part)
        above, below = (self._head,), (self.foot,)
        self._fill(self._column, (*(above if head else ()), self._middle, *(below if foot else ())), self._middle)
        self._fill(self._outer, (*(() if head else above), self._scroll, *(() if foot else below)), self._scroll)
        self.set_reading_order()
        if had_focus is not None:
            had_focus.setFocus(Qt.FocusReason.OtherFocusReason)

    @staticmethod
    def _fill(box: QVBoxLayout, parts: tuple[QWidget, ...], growing: QWidget) -> None:
        for part in parts:
            box.addWidget(part, 1 if part is growing else 0)
            part.show()  # now and not with the next event: only what is visible can have the focus


def _column(name: str, spacing: int) -> tuple[QWidget, QVBoxLayout]:
    holder = QWidget()
    holder.setObjectName(name)
    box = QVBoxLayout(holder)
    box.setContentsMargins(0, 0, 4 if name == "page" else 0, 0)
    box.setSpacing(spacing)
    return holder, box
