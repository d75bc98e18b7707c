"""The small widgets that every screen is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ui.layouts import GAP, Beside, RowLayout
from ui.theme import Theme

BREAK: Final = "\u200b"  # where a line may break, without a mark
_LONG_WORD: Final = re.compile(r"\S{16,}")
_JOINTS: Final = re.compile(r"(?<=[./\\_:?&=-])(?=\S)")


def breakable(text: str) -> str:
    """Return the text with places to break a line inside long words, such as host names: a label cannot break them."""

    def loosen(match: re.Match[str]) -> str:
        pieces = _JOINTS.split(match.group())
        return BREAK.join(BREAK.join(piece[i : i + 16] for i in range(0, len(piece), 16)) for piece in pieces)

    return _LONG_WORD.sub(loosen, text)


class Label(QLabel):
    """A wrapping label of plain text whose look comes from its properties."""

    def __init__(self, text: str = "", *, rank: str = "", state: str = "", name: str = "", short: bool = False) -> None:
        """Make the label; ``rank`` is title, lead, name or muted, ``state`` a role of the theme.

        A ``short`` one asks for a single line and wraps only where that is refused.
        """
        super().__init__()
        self._short = short
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)  # part of it may come from a stranger's report
        self.setProperty("rank", rank)
        self.setProperty("state", state)
        if name:
            self.setObjectName(name)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.say(text)

    def sizeHint(self) -> QSize:
        """Return one line for a short label, Qt's own well-proportioned block for others."""
        if not self._short:
            return super().sizeHint()
        self.ensurePolished()
        width = self.fontMetrics().horizontalAdvance(self.text()) + 4
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return the longest word by one line: Qt's own answer is the height at the narrowest width, far too much."""
        hint = super().minimumSizeHint()
        return QSize(hint.width(), self.fontMetrics().height()) if self.wordWrap() else hint

    def say(self, text: str) -> None:
        """Show ``text``; an empty label takes no room."""
        self.setText(breakable(text))
        self.setAccessibleName(text)
        self.setVisible(bool(text)) if self.parent() is not None or not text else None

    def set_state(self, state: str) -> None:
        """Change the role that colours the label."""
        if self.property("state") != state:
            self.setProperty("state", state)
            self.style().unpolish(self)
            self.style().polish(self)


class Mark(QWidget):
    """A small drawing in the colour of a role, on a pale disc; a word always stands beside it."""

    def __init__(self, theme: Theme, drawing: str, role: str, size: int = 28, *, disc: bool = True) -> None:
        """Make the mark, ``size`` logical pixels wide at a text size of 100 %."""
        super().__init__()
        self._theme, self._drawing, self._role, self._size, self._disc = theme, drawing, role, size, disc
        theme.changed.connect(self._resize)
        self._resize()

    def show_state(self, drawing: str, role: str) -> None:
        """Show another drawing."""
        self._drawing, self._role = drawing, role
        self.update()

    @property
    def drawing(self) -> str:
        """Return which drawing is shown."""
        return self._drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the drawing at the screen's own resolution."""
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        painter.drawPixmap(0, 0, self._theme.pixmap(self._drawing, self._role, self.width(), ratio=ratio, disc=self._disc))
        painter.end()

    def _resize(self) -> None:
        side = round(self._size * self._theme.unit)
        self.setFixedSize(side, side)
        self.update()


class Notice(QWidget):
    """A sentence with a mark before it, both in the colour of a role; an empty one takes no room."""

    def __init__(self, theme: Theme, name: str, *, drawing: str = "check", role: str = "ok") -> None:
        """Make an empty notice; ``name`` is the id of its sentence."""
        super().__init__()
        self._mark, self._words = Mark(theme, drawing, role, 20), Label(state=role, name=name)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GAP)
        box.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        box.addWidget(self._words, 1)
        self.hide()

    @property
    def words(self) -> str:
        """Return what it says."""
        return self._words.accessibleName()

    def say(self, text: str, *, drawing: str = "", role: str = "") -> None:
        """Show ``text``, with another mark or role where one is given."""
        if drawing and role:
            self._mark.show_state(drawing, role)
            self._words.set_state(role)
        self._words.say(text)
        self.setVisible(bool(text))


class Button(QPushButton):
    """A push button with an id that draws its own focus ring."""

    def __init__(self, theme: Theme, name: str, *, rank: str = "", icon: str = "") -> None:
        """Make the button; ``rank`` is primary, choice, rail, fold, flat or nothing."""
        super().__init__()
        self.setObjectName(name)
        self.setProperty("rank", rank)
        self.setFlat(rank in ("flat", "fold"))
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAutoDefault(True)  # Enter presses the button that has the focus
        self._theme, self._rank, self._icon, self._words = theme, rank, icon, ""
        theme.changed.connect(self._dress)
        self.toggled.connect(self._dress)
        self._dress()

    def say(self, text: str, spoken: str = "") -> None:
        """Show ``text``; ``spoken`` is what a screen reader says instead, when the text alone would be ambiguous."""
        self._words = text.replace("&", "&&")
        self._break_lines()
        self.setAccessibleName(spoken or text)
        self.updateGeometry()

    def set_rank(self, rank: str) -> None:
        """Change how much the button stands out, when something else on its screen becomes the next step."""
        if self._rank != rank:
            self._rank = rank
            self.setProperty("rank", rank)
            self.style().unpolish(self)
            self.style().polish(self)
            self._dress()

    def set_icon(self, icon: str) -> None:
        """Change the drawing."""
        self._icon = icon
        self._dress()

    def sizeHint(self) -> QSize:
        """Return the size that shows the text in one line, with room for bold, so that a pressed choice does not jump."""
        return self._frame() + self._metrics().size(Qt.TextFlag.TextShowMnemonic, self._words)

    def minimumSizeHint(self) -> QSize:
        """Return the size that shows the longest word."""
        metrics = self._metrics()
        widest = max((metrics.horizontalAdvance(word) for word in self._words.split()), default=0)
        return self._frame() + QSize(widest, metrics.height() if self._words else 0)

    def hasHeightForWidth(self) -> bool:
        """Say that a narrow button is higher: its text goes on in the next line."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height at ``width``."""
        return (self._frame() + self._metrics().size(Qt.TextFlag.TextShowMnemonic, self._lines(width))).height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the text for the new width."""
        super().resizeEvent(event)
        self._break_lines()

    def _metrics(self) -> QFontMetrics:
        self.ensurePolished()
        font = QFont(self.font())
        font.setBold(font.bold() or self._rank in ("choice", "rail", "primary", "fold"))
        return QFontMetrics(font)

    def _frame(self) -> QSize:
        """Return the room around the text: padding, border, icon."""
        text = self.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, self.text())
        return super().sizeHint() - text if self.text() else super().sizeHint()

    def _lines(self, width: int) -> str:
        """Return the text with line breaks for ``width``."""
        metrics, room = self._metrics(), width - self._frame().width()
        lines: list[str] = []
        for word in self._words.split(" "):
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and metrics.horizontalAdvance(longer) <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        return "\n".join(lines)

    def _break_lines(self) -> None:
        text = self._lines(self.width()) if self.width() < self.sizeHint().width() else self._words
        if text != self.text():
            self.setText(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the button, then the ring inside it: no size change, so nothing jumps."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            role = "on_accent" if self._rank == "primary" else "accent"
            painter.setPen(QPen(QColor(self._theme.tokens.of(role)), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(4, 4, -4, -4), 5, 5)
            painter.end()

    def _dress(self) -> None:
        drawing, role = self._icon, "accent" if self.isChecked() or self._rank == "flat" else "text"
        if self._rank == "choice" and not drawing:
            shape = "radio" if self.autoExclusive() else "box"
            drawing = f"{shape}-checked" if self.isChecked() else shape
        if drawing:
            side = round(18 * self._theme.unit)
            self.setIconSize(QSize(side, side))
            self.setIcon(self._theme.icon(drawing, role))
        self.updateGeometry()


class Choice(Button):
    """A button that stays pressed: a tile to tick, or one of several that exclude each other."""

    def __init__(self, theme: Theme, name: str, *, exclusive: bool = False) -> None:
        """Make the choice; ``exclusive`` ones let go of their siblings."""
        super().__init__(theme, name, rank="choice")
        self.setCheckable(True)
        self.setAutoExclusive(exclusive)
        self.toggled.connect(self._let_tab_find_the_ticked_one)
        self._let_tab_find_the_ticked_one()
        self._dress()

    def _let_tab_find_the_ticked_one(self) -> None:
        """Let Tab stop only at the ticked one of several; the arrow keys lead to the others."""
        if self.autoExclusive():
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if self.isChecked() else Qt.FocusPolicy.ClickFocus)


class Field(QLineEdit):
    """A text field that keeps Enter for itself."""

    def __init__(self, name: str) -> None:
        """Make the field."""
        super().__init__()
        self.setObjectName(name)


class Row(QWidget):
    """Widgets side by side while they fit, one under the other when they do not."""

    def __init__(self, widgets: Sequence[QWidget] = (), *, far: int = 0, packed: bool = False) -> None:
        """Lay the widgets out; the last ``far`` of them go to the far end while there is room.

        ``packed``: where they do not all fit, those that do share a line.
        """
        super().__init__()
        self._box = RowLayout(self)
        self._box.packed = packed
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.fill(widgets, far=far)

    def fill(self, widgets: Sequence[QWidget], *, far: int = 0) -> None:
        """Show these widgets, in this order, in place of those before."""
        while self._box.count():
            self._box.takeAt(0)
        self.set_far(far)
        for widget in widgets:
            self._box.addWidget(widget)

    def set_far(self, far: int) -> None:
        """Say how many of those that are shown go to the far end, when some of them appear or disappear."""
        self._box.far = far
        self._box.invalidate()


class Card(QFrame):
    """One service or fact: mark, name, word, one sentence, and an action beside or below them."""

    def __init__(
        self,
        theme: Theme,
        *,
        drawing: str,
        role: str,
        action: Button | None = None,
        more: Button | None = None,
        last: Button | None = None,
        below: QWidget | None = None,
    ) -> None:
        """Make an empty card; fill it with :meth:`say`.

        ``action`` is its button, ``more`` and ``last`` are quieter ones; ``below`` stands under its words.
        """
        super().__init__()
        self.setObjectName("card")
        self.mark = Mark(theme, drawing, role)
        self.name, self.word, self.detail = Label(rank="name"), Label(state=role), Label(rank="muted")
        words = QWidget()
        box = QGridLayout(words)
        box.setContentsMargins(0, 0, 0, 0)
        box.setHorizontalSpacing(16)
        box.setVerticalSpacing(2)
        box.addWidget(self.mark, 0, 0, 3, 1, Qt.AlignmentFlag.AlignTop)
        for row, part in enumerate((self.name, self.word, self.detail)):
            box.addWidget(part, row, 1)
        box.setColumnStretch(1, 1)
        if below is not None:
            box.addWidget(below, 3, 1)
        box.setRowStretch(4, 1)
        layout = Beside(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.addWidget(words)
        buttons = [button for button in (action, more, last) if button is not None]
        if buttons:
            layout.addWidget(column(buttons, spacing=2))
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def say(self, name: str, word: str, detail: str, *, drawing: str, role: str) -> None:
        """Fill the card; a screen reader reads it as one sentence."""
        self.name.say(name)
        self.word.say(word)
        self.word.set_state(role)
        self.detail.say(detail)
        self.mark.show_state(drawing, role)
        self.setAccessibleName(". ".join(part.rstrip(".") for part in (name, word, detail) if part) + ".")


def drop(card: Card) -> None:
    """Let go of a card; until it is deleted it would shine through, and its buttons be found by their ids."""
    card.hide()
    for button in card.findChildren(Button):
        button.setObjectName("")
    card.deleteLater()


def column(widgets: Iterable[QWidget], *, spacing: int = GAP) -> QWidget:
    """Return the widgets one under the other."""
    holder = QWidget()
    box = QVBoxLayout(holder)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(spacing)
    for widget in widgets:
        box.addWidget(widget)
    return holder
