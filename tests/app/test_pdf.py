"""The report on paper: readable, in the person's language, and without a moment or a number of this computer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import samples
from app.pdf import pdf_pages
from app.renderings import paper, paper_source
from app.texts import speaking
from diagnostics.model import Report, RunFacts, Status, Verdict
from ui.preview import PagePreview

ROOT = Path(__file__).parents[2]


def pdf(report: Report, language: str = "es") -> bytes:
    """Return a report on paper, as the terminal writes it in full."""
    with speaking(language):
        return paper(report)


def test_the_same_report_gives_the_same_file(qapp: QApplication) -> None:
    report = samples.mixed()
    assert pdf(report).startswith(b"%PDF-")
    assert pdf(report) == pdf(report)
    assert pdf(report) != pdf(report, "en")
    assert pdf(report) != pdf(samples.all_works())


def test_its_dates_are_the_runs(qapp: QApplication) -> None:
    report = msgspec.structs.replace(samples.mixed(), run=RunFacts(id="1", started="2024-08-09T12:00:00+00:00"))
    written = pdf(report)
    assert written.count(b"(D:20240809120000") == 2
    assert b"xmp:CreateDate" not in written
    assert b"(D:19800101000000" in pdf(Report())


def test_in_another_time_zone_the_file_is_the_same() -> None:
    """Fresh processes without a screen, as the terminal is."""
    code = "import sys; from app import samples; from app.renderings import paper; sys.stdout.buffer.write(paper(samples.mixed()))"
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "QT_QPA_PLATFORM")}
    written = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={**environment, "TZ": zone}, capture_output=True, check=True, timeout=60
        ).stdout
        for zone in ("UTC", "America/Caracas", "Asia/Kathmandu")
    ]
    dates = [re.findall(rb"/(?:CreationDate|ModDate) \(D:(\d{14})(Z|\+00'00')\)", each) for each in written]
    assert [len(each) for each in dates] == [2, 2, 2]
    assert len({moment for each in dates for moment, _ in each}) == 1


def test_another_thread_draws_the_same_file(qapp: QApplication) -> None:
    """Qt's warning about timers of a thread that it does not know would fail this."""
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(pdf, samples.mixed()).result(60) == pdf(samples.mixed())


def test_no_text_of_a_stranger_names_a_picture_or_a_style(qapp: QApplication) -> None:
    hostile = '<img src="/tmp/x.png"><link rel=stylesheet href="http://127.0.0.1:9/x.css">'
    source = paper_source(Report(verdicts=(Verdict(target=hostile, status=Status.BLOCKED),)))
    assert "&lt;img" in source
    assert "<img" not in source
    assert "<link" not in source


def test_even_a_picture_that_the_source_names_is_not_opened(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> None:
    picture = QImage(301, 301, QImage.Format.Format_RGB32)
    picture.fill(0xFF0000)
    assert picture.save(str(tmp_path / "x.png"))
    source = f'<p>a</p><img src="{tmp_path}/x.png"><img src="file://{tmp_path}/x.png">'
    written = pdf_pages(source, "a", RunFacts(id="1"))
    assert b"/Width 301" not in written
    page = PagePreview("page")
    qtbot.addWidget(page)
    page.show_page(source)
    assert page.document().size().height() < 301
