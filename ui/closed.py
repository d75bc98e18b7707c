"""What a text is given that names a picture or a style sheet: something empty, so that Qt does not look for it by itself."""

from __future__ import annotations

from PySide6.QtGui import QImage, QTextDocument


def empty_resource(kind: int) -> object:
    """Return an empty resource of a kind; for a picture it has to be one, since Qt opens the file itself where it gets none."""
    if kind != QTextDocument.ResourceType.ImageResource.value:
        return ""
    picture = QImage(1, 1, QImage.Format.Format_ARGB32)
    picture.fill(0)
    return picture
