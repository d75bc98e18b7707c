"""Pictures with a QR code, as files, as bytes or from the clipboard: Qt decodes them, within bounds.

How to use it, away from the window's thread (a large picture takes a second)::

    pasted = read_picture(path)  # diagnostics.routes.paste.Pasted: links, and what was not understood
    pasted = read_bytes(data)
    pasted = read_image(qimage)

Raises ``InputError`` with one sentence: ``picture.unreadable``, ``picture.too_large``, ``picture.no_code``.  What a code holds, and where
the file lies, is never logged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QSize, Qt
from PySide6.QtGui import QColor, QImage, QImageReader, QPainter

from diagnostics.errors import InputError
from diagnostics.routes.paste import Pasted
from diagnostics.routes.picture import Gray, codes_in, links_in

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
"""A telephone's picture has 12 to 50 million; larger ones can be cut."""

MEMORY_MIB: Final = 192
"""Qt decodes no picture that needs more: 40 million pixels of four bytes fit."""

LONGEST_SIDE: Final = 3000
"""Pixels to which pictures are scaled down: a code is read at some hundred, and the time grows with the area."""

FORMATS: Final = frozenset({"png", "jpeg", "gif", "bmp", "webp"})
"""Pictures of pixels; what draws itself (SVG, PDF) could make work of a few bytes."""


def read_picture(path: Path) -> Pasted:
    """Return the proxies in a file.  Raises InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        raise InputError("picture.unreadable") from error
    return read_bytes(data)


def read_bytes(data: bytes) -> Pasted:
    """Return the proxies in the bytes of a picture file.  Raises InputError."""
    if len(data) > MAX_BYTES:
        raise InputError("picture.too_large")
    return read_image(_decoded(data))


def read_image(image: QImage) -> Pasted:
    """Return the proxies in a picture that is decoded already, such as the clipboard's.  Raises InputError."""
    if image.isNull():
        raise InputError("picture.unreadable")
    if image.width() * image.height() > MAX_PIXELS:
        raise InputError("picture.too_large")
    if max(image.width(), image.height()) > LONGEST_SIDE:
        image = image.scaled(_fitting(image.size()), Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    for background in ("white", "black") if image.hasAlphaChannel() else ("",):
        codes = codes_in(_gray(image, background))
        if codes:
            return links_in(codes)
    raise InputError("picture.no_code")


def _decoded(data: bytes) -> QImage:
    """Return the picture in a file's bytes; its size is looked at before it is decoded.  Raises InputError."""
    QImageReader.setAllocationLimit(MEMORY_MIB)
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setAutoTransform(True)  # telephones turn pictures by a note in the file
    if bytes(reader.format().data()).decode("ascii", "replace") not in FORMATS:
        raise InputError("picture.unreadable")
    size = reader.size()
    if not size.isValid() or size.isEmpty():
        raise InputError("picture.unreadable")
    if size.width() * size.height() > MAX_PIXELS:
        raise InputError("picture.too_large")
    if max(size.width(), size.height()) > LONGEST_SIDE:
        reader.setScaledSize(_fitting(size))
    return reader.read()


def _fitting(size: QSize) -> QSize:
    """Return a size of the same shape within the bounds, and at least one pixel wide."""
    return size.scaled(LONGEST_SIDE, LONGEST_SIDE, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))


def _gray(image: QImage, background: str) -> Gray:
    """Return the picture's lightness; what is transparent shows ``background``."""
    if background:
        under = QImage(image.size(), QImage.Format.Format_RGB32)
        under.fill(QColor(background))
        painter = QPainter(under)
        painter.drawImage(QPoint(0, 0), image)
        painter.end()
        image = under
    plain = image.convertToFormat(QImage.Format.Format_Grayscale8)
    width, height, stride = plain.width(), plain.height(), plain.bytesPerLine()
    pixels = bytes(plain.constBits())
    if stride != width:  # Qt's rows end at multiples of four bytes
        pixels = b"".join(pixels[row * stride : row * stride + width] for row in range(height))
    return Gray(pixels=pixels, width=width, height=height)
