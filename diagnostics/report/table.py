"""The report as a table (CSV, RFC 4180): one verdict a row, for spreadsheets.

Spreadsheets run what begins like a formula, so such a text gets an apostrophe in front (OWASP, "CSV Injection").
"""

from __future__ import annotations

import csv
import io
from typing import Final

from diagnostics.model import Report
from diagnostics.report.visible import visible

COLUMNS: Final = (
    "run", "started", "simulated", "target", "function", "route", "status", "cause", "certainty", "rule", "evidence"
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@")


def csv_table(report: Report) -> bytes:
    """Return the table as UTF-8 with a byte-order mark, by which spreadsheets know it; the network is a row, each route is one, too."""
    file = io.StringIO(newline="")
    table = csv.writer(file, lineterminator="\r\n")
    table.writerow(COLUMNS)
    run = (report.run.id, report.run.started, report.run.simulated or "")
    rows: list[tuple[object, ...]] = [("network", "", "", report.network)]
    rows += [("route", "", route.id, route) for route in report.routes]
    rows += [("vpn", check.check, "", check) for check in report.network.vpn.checks]
    rows += [(verdict.target, verdict.function or "", verdict.route, verdict) for verdict in report.verdicts]
    for *where, judged in rows:
        said = [getattr(judged, name) for name in ("status", "cause", "certainty", "rule")]
        table.writerow([_cell(value) for value in (*run, *where, *said, " ".join(getattr(judged, "evidence", ())))])
    return b"\xef\xbb\xbf" + file.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    text = visible("" if value is None else str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
