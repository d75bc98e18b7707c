"""The support bundle: what goes in comes out, a bare report opens the same way, and spreadsheets and chats get their own form."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from app import sample_vpn, samples
from app.renderings import RENDERINGS, bundle, engine_log, text
from app.texts import set_language
from app.wording import MAX_COPY
from diagnostics.errors import InputError
from diagnostics.model import Report, Status, Verdict
from diagnostics.report.archive import pack, unpack
from diagnostics.report.bundle import KNOWN, OBSERVATIONS, REPORT, Beside, read_bundle, write_bundle
from diagnostics.report.contract import dump
from diagnostics.report.table import COLUMNS, csv_table
from tests.report import documents


@pytest.fixture(autouse=True)
def spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    set_language("es")


@pytest.mark.parametrize("report", [documents.report(), samples.mixed(), sample_vpn.profile_report(), Report()])
def test_what_is_exported_imports_and_exports_as_the_same_bytes(report: Report) -> None:
    first = bundle(report)
    again = read_bundle(first)
    assert dump(again.report) == dump(report)
    assert write_bundle(again.report, again.beside) == first
    assert bundle(again.report) == first


def test_a_bundle_has_every_part_and_one_observation_a_line() -> None:
    report = samples.mixed()
    parts = unpack(bundle(report))
    assert set(parts) == KNOWN
    lines = [json.loads(line) for line in parts[OBSERVATIONS].splitlines()]
    assert [line["id"] for line in lines] == [o.id for o in report.observations]
    assert {line["run"] for line in lines} == {report.run.id}


def test_a_bare_report_and_a_bundle_open_alike(tmp_path: Path) -> None:
    report = documents.report()
    (tmp_path / "bare.json").write_bytes(dump(report))
    (tmp_path / "packed.zip").write_bytes(bundle(report))
    assert read_bundle(tmp_path / "bare.json").report == read_bundle(tmp_path / "packed.zip").report == read_bundle(dump(report)).report


def test_a_newer_bundles_further_parts_are_left_alone() -> None:
    assert read_bundle(pack({REPORT: dump(Report()), "newer.bin": b"\x00"})).report == Report()


@pytest.mark.parametrize(
    "content, sentence",
    [
        (pack({"engine.log": b"x"}), "error.bundle_no_report"),
        (pack({REPORT: b"not json"}), "error.report_not_one"),
        (pack({REPORT: b"[" * 5000}), "error.report_not_one"),
        (b"PK\x03\x04", "error.bundle_damaged"),
    ],
)
def test_a_bundle_without_a_report_is_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        read_bundle(content, "a.zip")
    assert caught.value.text == sentence


def test_a_folder_and_a_missing_file_say_so(tmp_path: Path) -> None:
    for path, sentence in ((tmp_path, "error.report_folder"), (tmp_path / "none.zip", "error.report_unreadable")):
        with pytest.raises(InputError) as caught:
            read_bundle(path)
        assert caught.value.text == sentence


def test_the_engines_log_tells_every_step_in_order() -> None:
    report = samples.mixed()
    lines = engine_log(report).decode().splitlines()
    assert [line.split()[1] for line in lines[1 : 1 + len(report.observations)]] == [o.id for o in report.observations]


def test_the_chat_text_is_short() -> None:
    report = msgspec.structs.replace(Report(), verdicts=tuple(Verdict(target=f"t{n}", status=Status.BLOCKED) for n in range(500)))
    assert len(text(report).decode()) <= MAX_COPY + 1


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_table_has_one_row_a_verdict() -> None:
    report = samples.mixed()
    rows = [row for row in rows_of(csv_table(report)) if row["target"] not in ("network", "route", "vpn")]
    assert tuple(rows[0]) == COLUMNS
    assert [(row["target"], row["function"], row["status"]) for row in rows] == [
        (v.target, v.function or "", str(v.status)) for v in report.verdicts
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t="])
def test_no_cell_of_a_stranger_is_a_formula(start: str) -> None:
    report = Report(verdicts=(Verdict(target=f'{start}cmd|"/c calc"!A0', rule=f"{start}1+1"),))
    for row in rows_of(csv_table(report)):
        assert not [cell for cell in row.values() if cell.lstrip(" ").startswith(("=", "+", "-", "@"))]


def test_every_rendering_takes_a_hostile_report(qapp: QApplication) -> None:
    hostile = "\x1b[31m<script>\u202e\x00\ud800"
    report = msgspec.structs.replace(documents.report(), verdicts=(Verdict(target=hostile, rule=hostile),))
    for kind, render in RENDERINGS.items():
        written = render(report, bytes)
        assert written, kind
        assert b"\x1b" not in written or kind in ("bundle", "pdf"), kind


def test_a_bundle_is_a_zip_that_other_programs_open() -> None:
    with zipfile.ZipFile(io.BytesIO(write_bundle(Report(), Beside()))) as opened:
        assert opened.testzip() is None
