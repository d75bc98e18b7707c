"""The report on paper: a PDF drawn by Qt from the same view as the page.

Qt's text documents run no script and know no network; pictures and style sheets that a text might name are never looked for.
The file carries no moment and no number of this computer: its dates are the run's, its id follows from the run's.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import sys
import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Final

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QThread, QUrl, QUuid
from PySide6.QtGui import QFont, QGuiApplication, QPageLayout, QPageSize, QPdfWriter, QTextDocument

from diagnostics.model import RunFacts
from ui.closed import empty_resource

MARGIN: Final = 15.0
"""Margin of the page, in millimetres."""

_MOMENT: Final = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}(Z|[+-]\d\d'\d\d')")
_NAMESPACE: Final = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
"""RFC 4122's namespace for object identifiers."""

_NOTHING: Final = b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'/><?xpacket end='w'?>"


class _Closed(QTextDocument):
    """A document that looks for nothing outside itself."""

    def loadResource(self, kind: int, _name: QUrl | str) -> object:  # noqa: N802 - Qt's name
        """Return something empty, whatever a text asks for."""
        return empty_resource(kind)


def pdf_pages(source: str, title: str, run: RunFacts) -> bytes:
    """Return as a PDF what ``source`` draws, the plain HTML of ``app.renderings.paper_source``; ``run`` gives its dates and its id."""
    application = _application()
    if threading.current_thread() is threading.main_thread():
        return _drawn(source, title, run)
    drawing = _Drawing(partial(_drawn, source, title, run))  # a document's timers need a thread that Qt knows
    drawing.start()
    drawing.wait()
    del application
    return drawing.result()


class _Drawing(QThread):
    """Draws one file away from the window and from the engine's own thread."""

    def __init__(self, work: Callable[[], bytes]) -> None:
        """Take what is to be done."""
        super().__init__()
        self._work = work
        self._drawn: bytes | None = None

    def run(self) -> None:
        """Do it."""
        self._drawn = self._work()

    def result(self) -> bytes:
        """Return the file.  Raises RuntimeError where drawing failed, which Qt has told by then."""
        if self._drawn is None:
            raise RuntimeError("nothing was drawn")
        return self._drawn


def _drawn(source: str, title: str, run: RunFacts) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("Atajo")
    writer.setDocumentXmpMetadata(_NOTHING)
    writer.setDocumentId(QUuid(str(uuid.uuid5(_NAMESPACE, run.id))))
    margins = QMarginsF(MARGIN, MARGIN, MARGIN, MARGIN)
    writer.setPageLayout(QPageLayout(QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, margins))
    document = _Closed()
    document.setDefaultFont(QFont(QGuiApplication.font().family(), 10))
    document.setHtml(source)
    document.print_(writer)
    buffer.close()
    del writer, document
    return _dated(bytes(buffer.data().data()), run.started)


def _application() -> QGuiApplication:
    """Return the running application, or one that needs no screen."""
    running = QGuiApplication.instance()
    if isinstance(running, QGuiApplication):
        return running
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    return QGuiApplication(sys.argv[:1])


def _dated(content: bytes, started: str) -> bytes:
    """Return the file with the run's moment for that of writing, which would tell when and in which time zone it was made."""
    try:
        moment = dt.datetime.fromisoformat(started).astimezone(dt.UTC)
    except ValueError:
        moment = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)
    digits = moment.strftime("%Y%m%d%H%M%S").encode()
    return _MOMENT.sub(lambda found: found[1] + digits + (b"Z" if found[2] == b"Z" else b"+00'00'"), content)
