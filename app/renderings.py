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
from diagnostics.model import DIRECT, Report
from diagnostics.report.bundle import Beside, write_bundle
from diagnostics.report.contract import dump
from diagnostics.report.ooni import ooni_lines
from diagnostics.report.table import csv_table

LIBRARIES: Final = ("msgspec", "cryptography", "dnspython", "h11", "PySide6-Essentials", "aioquic", "utls", "certifi", "psutil")
"""Libraries that measurements pass through; their versions stand in a bundle."""


Checked = Callable[[bytes], bytes]
"""Returns what may be written of what was drawn (``app/shared_report.py``); ``bytes`` itself for a report that is written in full."""


def page(report: Report, checked: Checked = bytes) -> bytes:
    """Return the readable page, in the language that is spoken."""
    from app.report_view import html_page

    return checked(html_page(report, language()).encode("utf-8", "replace"))


def paper_source(report: Report, checked: Checked = bytes) -> str:
    """Return the HTML that the PDF is drawn from: it loads nothing and runs nothing."""
    from app.report_view import paper_view
    from diagnostics.report.html import render_print

    return checked(render_print(paper_view(report)).encode("utf-8", "replace")).decode("utf-8", "replace")


def paper(report: Report, checked: Checked = bytes) -> bytes:
    """Return the PDF, in the language that is spoken.  Raises InputError where Qt is not installed."""
    try:
        from app.pdf import pdf_pages
    except ImportError as error:  # the terminal form does without Qt
        raise InputError("error.pdf_needs_qt") from error
    title = checked(wording.headline(report).encode("utf-8", "replace")).decode("utf-8", "replace")
    return pdf_pages(paper_source(report, checked), title, report.run)


def text(report: Report, checked: Checked = bytes) -> bytes:
    """Return the few lines for a chat."""
    from app.vpn_summary_words import vpn_copy_text

    services = any(verdict.route == DIRECT for verdict in report.verdicts)
    said = wording.copy_text(report) if services else vpn_copy_text(report)
    return checked(f"{said}\n".encode("utf-8", "replace"))


def table(report: Report, checked: Checked = bytes) -> bytes:
    """Return one verdict a row, for a spreadsheet."""
    return checked(csv_table(report))


def measurements(report: Report, checked: Checked = bytes) -> bytes:
    """Return the measurements as OONI writes them."""
    return checked(b"".join(ooni_lines(report)))


def bundle(report: Report, checked: Checked = bytes) -> bytes:
    """Return the archive for support, each part of which was searched before it was packed."""
    log, versions_of = checked(engine_log(report)), checked(versions(report))
    return write_bundle(report, Beside(page=page(report, checked), text=text(report, checked), log=log, versions=versions_of))


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


def data(report: Report, checked: Checked = bytes) -> bytes:
    """Return the report itself."""
    return checked(dump(report))


RENDERINGS: Final[dict[str, Callable[[Report, Checked], bytes]]] = {
    "html": page,
    "pdf": paper,
    "bundle": bundle,
    "csv": table,
    "ooni": measurements,
    "text": text,
    "json": data,
}
"""The renderings by the option that asks for each, in the order in which they are written."""
