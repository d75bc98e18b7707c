"""Everything a report can be written as: one document, several renderings, each named by its command-line option.

A rendering takes what is in the report it is given and nothing else; taking the person out is done before, once, for all of them.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib import metadata
from typing import Final

import msgspec

from app import __version__, wording
from app.logs import recent
from app.texts import language
from diagnostics.errors import InputError
from diagnostics.model import Report
from diagnostics.report.bundle import Beside, write_bundle
from diagnostics.report.contract import dump
from diagnostics.report.ooni import ooni_lines
from diagnostics.report.table import csv_table

LIBRARIES: Final = ("msgspec", "cryptography", "dnspython", "h11", "PySide6-Essentials", "aioquic", "utls", "certifi", "psutil")
"""Libraries that measurements pass through; their versions stand in a bundle."""


def page(report: Report) -> bytes:
    """Return the readable page, in the language that is spoken."""
    from app.report_view import html_page

    return html_page(report, language()).encode("utf-8", "replace")


def paper(report: Report, checked: Callable[[bytes], bytes] = bytes) -> bytes:
    """Return the PDF, in the language that is spoken; ``checked`` returns what may be drawn of it.

    Raises InputError where Qt is not installed.
    """
    try:
        from app.pdf import pdf_pages
    except ImportError as error:  # the terminal form does without Qt
        raise InputError("error.pdf_needs_qt") from error

    return pdf_pages(report, language(), checked)


def text(report: Report) -> bytes:
    """Return the few lines for a chat."""
    return f"{wording.copy_text(report)}\n".encode("utf-8", "replace")


def bundle(report: Report) -> bytes:
    """Return the archive for support: the report, its observations, the page, the log and the versions."""
    return write_bundle(report, Beside(page=page(report), text=text(report), log=engine_log(report), versions=versions(report)))


def engine_log(report: Report) -> bytes:
    """Return what was done, step by step, and behind it what the program noted of itself since it was started."""
    steps = [f"{o.t:9.3f} {o}" for o in report.observations]
    own = [str(entry) for entry in recent()]
    return "\n".join([f"run {report.run.id} {report.run.started}", *steps, *own, ""]).encode("utf-8", "replace")


def versions(report: Report) -> bytes:
    """Return the versions of what measured, and of what wrote the bundle, as a JSON object."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    written = {"atajo": __version__, "python": platform.python_version(), "libraries": found}
    measured = {"atajo": report.app.version, "python": report.app.python, "platform": report.app.platform}
    return msgspec.json.format(msgspec.json.encode({"measured_with": measured, "written_with": written}), indent=1)


def measurements(report: Report) -> bytes:
    """Return the report as OONI measurements, one JSON object a line."""
    return b"".join(ooni_lines(report))


RENDERINGS: Final[dict[str, Callable[[Report], bytes]]] = {
    "html": page,
    "pdf": paper,
    "bundle": bundle,
    "csv": csv_table,
    "ooni": measurements,
    "text": text,
    "json": dump,
}
"""The renderings by the option that asks for each, in the order in which they are written."""
