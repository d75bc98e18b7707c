"""The way to a service in one picture: name, connection, encryption, page, and where it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.texts import seconds, t
from app.wording import Stage, StageState
from ui.theme import Theme

LOOKS: Final[dict[StageState, tuple[str, str]]] = {
    StageState.OK: ("check", "ok"),
    StageState.SLOW: ("alert", "warn"),
    StageState.BROKEN: ("cross", "bad"),
    StageState.NOT_REACHED: ("dash", "muted"),
    StageState.NOT_TRIED: ("circle", "muted"),
}
"""Drawing and role of each state: shape and colour, and a word beneath."""

_DISC: Final = 34
_GAP: Final = 6


class StagePicture(QWidget):
    """Four marks joined by a line; the line ends where the way is broken.  Stands upright when there is little room."""

    def __init__(self, theme: Theme) -> None:
        """Make an empty picture."""
        super().__init__()
        self.setObjectName("detail.picture")
        self._theme = theme
        self._stages: Sequence[Stage] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.updateGeometry)

    def show_stages(self, stages: Sequence[Stage]) -> None:
        """Show these stages; a screen reader hears them as one sentence."""
        self._stages = tuple(stages)
        self.setAccessibleName(". ".join(f"{name}: {word}" for name, word in map(self._words, self._stages)) + ".")
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Say that a narrow picture is higher."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height at ``width``."""
        line = self.fontMetrics().height()
        if self._lies(width):
            return self._disc + _GAP + 2 * line + 4
        return len(self._stages) * (max(self._disc, 2 * line) + 2 * _GAP)

    def sizeHint(self) -> QSize:
        """Return the size at the present width."""
        width = self.width() or 400
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return the least size: one stage beside its words."""
        return QSize(self._disc + 2 * _GAP + self._widest(), self.heightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for the height of the form that fits the new width."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the stages side by side, or one under the other."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lies = self._lies(self.width())
        count = max(1, len(self._stages))
        line = self.fontMetrics().height()
        for index, stage in enumerate(self._stages):
            if lies:
                step = self.width() / count
                mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
                left = step * (count - 1 - index if mirrored else index)
                centre = QPointF(left + step / 2, self._disc / 2)
                room = QRectF(left, self._disc + _GAP, step, 2 * line + 4)
            else:
                step = self.height() / count
                centre = QPointF(self._disc / 2, step * (index + 0.5))
                room = QRectF(self._disc + 2 * _GAP, centre.y() - line, self.width() - self._disc - 2 * _GAP, 2 * line)
            if index:
                self._draw_way(painter, centre, step, stage, lies=lies)
            self._draw_mark(painter, centre, stage)
            self._draw_words(painter, room, stage, centred=lies)
        painter.end()

    @property
    def _disc(self) -> int:
        return round(_DISC * self._theme.unit)

    def _lies(self, width: int) -> bool:
        return (self._widest() + 2 * _GAP) * max(1, len(self._stages)) <= width

    def _widest(self) -> int:
        metrics = self.fontMetrics()
        words = [word for stage in self._stages for word in self._words(stage)]
        return round(max((metrics.horizontalAdvance(word) for word in words), default=0) * 1.1)  # the names are bold

    @staticmethod
    def _words(stage: Stage) -> tuple[str, str]:
        word = t(f"detail.state.{stage.state}")
        if stage.state is StageState.OK and stage.seconds is not None:
            word = seconds(stage.seconds)
        return t(f"detail.stage.{stage.id}"), word

    def _draw_way(self, painter: QPainter, centre: QPointF, step: float, stage: Stage, *, lies: bool) -> None:
        """Draw the line from the stage before to this one; dashed where nothing went through."""
        passed = stage.state not in (StageState.NOT_REACHED, StageState.NOT_TRIED)
        pen = QPen(QColor(self._theme.tokens.of("edge" if passed else "muted")), 2)
        pen.setStyle(Qt.PenStyle.SolidLine if passed else Qt.PenStyle.DotLine)
        painter.setPen(pen)
        radius = self._disc / 2 + 4
        along = QPointF(0, 1) if not lies else QPointF(-1 if self.layoutDirection() is Qt.LayoutDirection.RightToLeft else 1, 0)
        painter.drawLine(centre - along * (step - radius), centre - along * radius)

    def _draw_mark(self, painter: QPainter, centre: QPointF, stage: Stage) -> None:
        drawing, role = LOOKS[stage.state]
        pixmap = self._theme.pixmap(drawing, role, self._disc, ratio=self.devicePixelRatioF(), disc=True)
        painter.drawPixmap(centre - QPointF(self._disc / 2, self._disc / 2), pixmap)

    def _draw_words(self, painter: QPainter, room: QRectF, stage: Stage, *, centred: bool) -> None:
        name, word = self._words(stage)
        across = Qt.AlignmentFlag.AlignHCenter if centred else Qt.AlignmentFlag.AlignLeft
        half = room.height() / 2
        font = self.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.tokens.text))
        painter.drawText(QRectF(room.x(), room.y(), room.width(), half), across | Qt.AlignmentFlag.AlignVCenter, name)
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.tokens.of(LOOKS[stage.state][1])))
        painter.drawText(QRectF(room.x(), room.y() + half, room.width(), half), across | Qt.AlignmentFlag.AlignVCenter, word)
