"""The support bundle: one archive with the report, its observations line by line, a page to read, the log and the versions.

``report.json`` is the report; everything else is made from it or stands beside it, and is never read back as evidence.
Hand in what ``diagnostics.report.redaction.redacted`` returns: nothing is taken out here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from diagnostics.errors import InputError
from diagnostics.model import Fact, Report
from diagnostics.report.archive import is_archive, pack, unpack
from diagnostics.report.contract import dump, load

REPORT: Final = "report.json"
OBSERVATIONS: Final = "observations.jsonl"
PAGE: Final = "summary.html"
TEXT: Final = "summary.txt"
LOG: Final = "engine.log"
VERSIONS: Final = "versions.json"
KNOWN: Final = frozenset({REPORT, OBSERVATIONS, PAGE, TEXT, LOG, VERSIONS})
"""Parts that this version reads; a newer bundle may hold more, and they are left alone."""

_SNIFFED: Final = 4


class Beside(Fact, frozen=True):
    """What stands beside the report in its bundle."""

    page: bytes = b""  # HTML
    text: bytes = b""  # UTF-8, for a chat
    log: bytes = b""  # UTF-8
    versions: bytes = b""  # a JSON object: names and versions of the program and its libraries


class Bundle(Fact, frozen=True):
    """What a bundle, or a bare report, holds."""

    report: Report
    beside: Beside = Beside()


def write_bundle(report: Report, beside: Beside) -> bytes:
    """Return the bundle; equal reports and companions give equal bytes."""
    companions = {PAGE: beside.page, TEXT: beside.text, LOG: beside.log, VERSIONS: beside.versions}
    given = {name: content for name, content in companions.items() if content}
    return pack({REPORT: dump(report), OBSERVATIONS: _lines(report), **given})


def _lines(report: Report) -> bytes:
    """Return one observation a line, with the run's id, so that lines of many bundles can be put together."""
    run = {"run": report.run.id}
    rows = (msgspec.json.encode({**run, **msgspec.to_builtins(o)}, order="deterministic") for o in report.observations)
    return b"".join(row + b"\n" for row in rows)


def read_bundle(source: Path | bytes, name: str = "") -> Bundle:
    """Return what a file holds that is a bundle or a bare report, told apart by how it begins.

    Raises InputError: those of ``archive.unpack`` and of ``contract.load``, ``error.bundle_no_report`` (file).
    """
    label = name or (str(source) if isinstance(source, Path) else "report")
    if not _is_archive(source):
        return Bundle(report=load(source, label))
    parts = unpack(source, label, KNOWN)
    if REPORT not in parts:
        raise InputError("error.bundle_no_report", file=label)
    beside = Beside(page=parts.get(PAGE, b""), text=parts.get(TEXT, b""), log=parts.get(LOG, b""), versions=parts.get(VERSIONS, b""))
    return Bundle(report=load(parts[REPORT], label), beside=beside)


def _is_archive(source: Path | bytes) -> bool:
    if isinstance(source, bytes):
        return is_archive(source[:_SNIFFED])
    try:
        if not source.is_file():  # opening a pipe would wait; ``load`` says what it is
            return False
        with source.open("rb") as file:
            return is_archive(file.read(_SNIFFED))
    except (OSError, ValueError):
        return False  # ``load`` says why it cannot be read
