"""What goes inside the VPN and what outside, in one picture: this computer, the ways out of it, the Internet.

Each way is a box: a thick whole line is the inside of the VPN, a dashed one lies outside, a dotted one is not known.  So it can be read
in grey, too; the words stand in the boxes, and a screen reader hears them as a sentence.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.texts import t
from app.vpn_words import Lane, Place, lanes, picture_words, place_words
from diagnostics.model import VpnVerdict
from ui.theme import Theme

_ICON: Final = 34
_MARK: Final = 18
_PAD: Final = 12
_GAP: Final = 10
_ARROW: Final = 34
_TRUNK: Final = 22
"""Room beside upright boxes for the lines that lead to them, logical pixels at a text size of 100 %."""

_LEAST_BOX: Final = 250
"""Logical pixels at a text size of 100 %; where the boxes would be narrower, everything stands upright."""

_EXPECTED_OUTSIDE: Final = ("none", "mesh", "split")
"""States in which what goes outside is no fault of the VPN."""

_PENS: Final[dict[Place, tuple[str, int, Qt.PenStyle]]] = {
    Place.INSIDE: ("accent", 3, Qt.PenStyle.SolidLine),
    Place.OUTSIDE: ("edge", 2, Qt.PenStyle.DashLine),
    Place.NOWHERE: ("edge", 2, Qt.PenStyle.SolidLine),
    Place.UNKNOWN: ("edge", 2, Qt.PenStyle.DotLine),
}


class _Box(NamedTuple):
    """One way out: where it is drawn, its heading, and its lines of words."""

    place: Place
    area: QRectF
    title: str
    rows: list[Lane]


class TunnelPicture(QWidget):
    """This computer, the ways out of it, and the Internet; upright where there is little room."""

    def __init__(self, theme: Theme) -> None:
        """Make the picture of a VPN of which nothing is known."""
        super().__init__()
        self.setObjectName("vpn.picture")
        self._theme = theme
        self._vpn = VpnVerdict()
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.updateGeometry)

    def show_vpn(self, vpn: VpnVerdict) -> None:
        """Show the state of another VPN."""
        self._vpn = vpn
        self.setAccessibleName(picture_words(vpn))
        self.updateGeometry()
        self.update()

    # --- sizes ---

    def hasHeightForWidth(self) -> bool:
        """Say that a narrow picture is higher."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height at ``width``."""
        boxes = self._boxes(width)
        bottom = round(boxes[-1].area.bottom()) if boxes else 0
        if self._lies(width):
            return max(bottom, self._end_height()) + 4
        return bottom + round(self._unit(_ARROW * 0.7)) + self._upright_end() + 4

    def sizeHint(self) -> QSize:
        """Return the size at the present width."""
        width = self.width() or 480
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return a width at which the longest word of a box still fits."""
        metrics = self._bold()
        widest = max((metrics.horizontalAdvance(word) for word in self._every_word()), default=0)
        width = widest + round(self._unit(2 * _PAD + _MARK + _GAP + 2 * _TRUNK)) + 4
        return QSize(width, self.heightForWidth(max(self.width(), width)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for the height of the form that fits the new width."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def _unit(self, pixels: float) -> float:
        return pixels * self._theme.unit

    def _bold(self) -> QFontMetrics:
        font = QFont(self.font())
        font.setBold(True)
        return QFontMetrics(font)

    def _every_word(self) -> list[str]:
        found = lanes(self._vpn)
        texts = [lane.words for lane in found] + [place_words(lane.place, self._vpn) for lane in found]
        return [word for text in texts for word in text.split()]

    def _lies(self, width: int) -> bool:
        return width - 2 * (self._end_width() + self._unit(_ARROW)) >= self._unit(_LEAST_BOX)

    def _end_width(self) -> float:
        words = f"{t('vpn.picture.here')} {t('vpn.picture.there')}".split()
        return max(self._unit(_ICON), *(self._bold().horizontalAdvance(word) for word in words)) + 2

    def _end_height(self) -> int:
        words = max((t("vpn.picture.here"), t("vpn.picture.there")), key=len)
        return round(self._unit(_ICON)) + 4 + _height(self._bold(), self._end_width(), words)

    def _upright_end(self) -> int:
        return max(round(self._unit(_ICON)), self._bold().height())

    def _boxes(self, width: int) -> list[_Box]:
        """Return the boxes at their places, one under the other."""
        lies = self._lies(width)
        left = self._end_width() + self._unit(_ARROW) if lies else self._unit(_TRUNK)
        room = width - 2 * left - 4
        top = 2.0 if lies else self._upright_end() + self._unit(_ARROW * 0.7)
        found, boxes = lanes(self._vpn), []
        for place in Place:
            rows = [lane for lane in found if lane.place is place]
            if not rows:
                continue
            title = place_words(place, self._vpn)
            height = self._box_height(title, rows, room)
            boxes.append(_Box(place, QRectF(left + 2, top, room, height), title, rows))
            top += height + self._unit(_GAP)
        return self._centred(boxes) if lies else boxes

    def _centred(self, boxes: list[_Box]) -> list[_Box]:
        """Put a low stack beside the middle of its ends."""
        short_by = self._end_height() - (boxes[-1].area.bottom() if boxes else 0)
        return [box._replace(area=box.area.translated(0, short_by / 2)) for box in boxes] if short_by > 0 else boxes

    def _box_height(self, title: str, rows: list[Lane], room: float) -> float:
        inside = room - 2 * self._unit(_PAD)
        height = _height(self._bold(), inside, title) + 2 * self._unit(_PAD)
        for lane in rows:
            height += self._unit(_GAP) / 2 + self._row_height(lane, inside)
        return height

    def _row_height(self, lane: Lane, inside: float) -> float:
        return max(self._unit(_MARK), _height(self.fontMetrics(), inside - self._unit(_MARK + _GAP), lane.words))

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ends, the boxes, and the arrows between them."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lies, boxes = self._lies(self.width()), self._boxes(self.width())
        for box in boxes:
            self._draw_box(painter, box)
        if lies:
            self._draw_ends_beside(painter, boxes)
        else:
            self._draw_ends_above(painter, boxes)
        painter.end()

    def _pen(self, place: Place) -> QPen:
        role, width, style = _PENS[place]
        return QPen(QColor(self._theme.tokens.of(role)), width, style)

    def _mirrored(self, area: QRectF) -> QRectF:
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            return QRectF(self.width() - area.right(), area.y(), area.width(), area.height())
        return area

    def _look(self, place: Place) -> tuple[str, str]:
        if place is Place.OUTSIDE and self._vpn.state in _EXPECTED_OUTSIDE:
            return "right", "muted"
        return {
            Place.INSIDE: ("check", "ok"),
            Place.OUTSIDE: ("alert", "warn"),
            Place.NOWHERE: ("cross", "bad"),
            Place.UNKNOWN: ("question", "muted"),
        }[place]

    def _arrives(self, place: Place) -> bool:
        """Tell whether something that goes this way gets to the Internet; what is inside a private network goes no further."""
        return place is not Place.NOWHERE and not (place is Place.INSIDE and self._vpn.state == "mesh")

    def _draw_box(self, painter: QPainter, box: _Box) -> None:
        painter.setPen(self._pen(box.place))
        painter.setBrush(QColor(self._theme.tokens.surface))
        painter.drawRoundedRect(self._mirrored(box.area), self._unit(14), self._unit(14))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pad, mark = self._unit(_PAD), self._unit(_MARK)
        inside = box.area.adjusted(pad, pad, -pad, -pad)
        height: float = _height(self._bold(), inside.width(), box.title)
        self._write(painter, QRectF(inside.x(), inside.y(), inside.width(), height), box.title, bold=True)
        top = inside.y() + height + self._unit(_GAP) / 2
        drawing, role = self._look(box.place)
        for lane in box.rows:
            height = self._row_height(lane, inside.width())
            at = self._mirrored(QRectF(inside.x(), top + (height - mark) / 2, mark, mark))
            pixmap = self._theme.pixmap(drawing, role, round(mark), ratio=self.devicePixelRatioF())
            painter.drawPixmap(at.topLeft(), pixmap)
            left = inside.x() + self._unit(_MARK + _GAP)
            self._write(painter, QRectF(left, top, inside.right() - left, height), lane.words)
            top += height + self._unit(_GAP) / 2

    def _write(
        self, painter: QPainter, area: QRectF, text: str, *, bold: bool = False, centred: bool = False, at_end: bool = False
    ) -> None:
        font = QFont(self.font())
        font.setBold(bold)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.tokens.text))
        to_right = (self.layoutDirection() is Qt.LayoutDirection.RightToLeft) is not at_end
        across = Qt.AlignmentFlag.AlignRight if to_right else Qt.AlignmentFlag.AlignLeft
        across = Qt.AlignmentFlag.AlignHCenter if centred else across
        painter.drawText(self._mirrored(area), int(across | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap), text)

    def _draw_ends_beside(self, painter: QPainter, boxes: list[_Box]) -> None:
        """Draw this computer at the left, the Internet at the right, and an arrow to and from each box."""
        wide, icon, middle = self._end_width(), self._unit(_ICON), self.height() / 2
        for left, drawing, words in ((0.0, "computer", t("vpn.picture.here")), (self.width() - wide, "globe", t("vpn.picture.there"))):
            below = _height(self._bold(), wide, words)
            top = middle - (icon + 4 + below) / 2
            at = self._mirrored(QRectF(left + (wide - icon) / 2, top, icon, icon))
            painter.drawPixmap(at.topLeft(), self._theme.pixmap(drawing, "text", round(icon), ratio=self.devicePixelRatioF()))
            self._write(painter, QRectF(left, top + icon + 4, wide, below), words, bold=True, centred=True)
        for box in boxes:
            centre = box.area.center().y()
            self._arrow(painter, box.place, QPointF(wide + 4, middle), QPointF(box.area.left() - 4, centre), arrives=False)
            if self._arrives(box.place):
                self._arrow(
                    painter, box.place, QPointF(box.area.right() + 4, centre), QPointF(self.width() - wide - 4, middle), arrives=True
                )

    def _draw_ends_above(self, painter: QPainter, boxes: list[_Box]) -> None:
        """Draw this computer at the top, the Internet at the bottom, and beside the boxes a line to and from each."""
        icon, height, gap = self._unit(_ICON), self._upright_end(), self._unit(_GAP)
        below = self.height() - height - 2.0
        for top, drawing, at_end in ((0.0, "computer", False), (below, "globe", True)):
            left = self.width() - icon - 2 if at_end else 2.0
            at = self._mirrored(QRectF(left, top + (height - icon) / 2, icon, icon))
            painter.drawPixmap(at.topLeft(), self._theme.pixmap(drawing, "text", round(icon), ratio=self.devicePixelRatioF()))
            words = QRectF(0, top, left - gap, height) if at_end else QRectF(icon + gap, top, self.width() - icon - gap, height)
            self._write(painter, words, t("vpn.picture.there" if at_end else "vpn.picture.here"), bold=True, at_end=at_end)
        near = self._unit(_TRUNK) / 2
        far = self.width() - near
        for box in reversed(boxes):  # the line of the first lies over those of the others
            centre = box.area.center().y()
            self._line(painter, box.place, [QPointF(near, height + 2), QPointF(near, centre), QPointF(box.area.left() - 2, centre)])
            if self._arrives(box.place):
                self._line(painter, box.place, [QPointF(box.area.right() + 2, centre), QPointF(far, centre), QPointF(far, below - 8)])
                self._arrow(painter, box.place, QPointF(far, below - 8), QPointF(far, below - 2), arrives=True)

    def _line(self, painter: QPainter, place: Place, points: list[QPointF]) -> None:
        """Draw a line with corners."""
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            points = [QPointF(self.width() - each.x(), each.y()) for each in points]
        painter.setPen(self._pen(place))
        painter.drawPolyline(QPolygonF(points))

    def _arrow(self, painter: QPainter, place: Place, start: QPointF, end: QPointF, *, arrives: bool) -> None:
        """Draw a line from ``start`` to ``end``, with a point where it ``arrives``."""
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            start, end = QPointF(self.width() - start.x(), start.y()), QPointF(self.width() - end.x(), end.y())
        painter.setPen(self._pen(place))
        painter.drawLine(start, end)
        if not arrives:
            return
        along = end - start
        length = max(1.0, (along.x() ** 2 + along.y() ** 2) ** 0.5)
        along /= length
        across, size = QPointF(-along.y(), along.x()), self._unit(7)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._pen(place).color())
        painter.drawPolygon(QPolygonF([end, end - along * size + across * size * 0.6, end - along * size - across * size * 0.6]))
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _height(metrics: QFontMetrics, width: float, text: str) -> int:
    """Return how high ``text`` is when it is broken into lines of ``width``."""
    return metrics.boundingRect(QRect(0, 0, max(1, int(width)), 1 << 14), Qt.TextFlag.TextWordWrap, text).height()
