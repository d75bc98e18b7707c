"""What the window saves: without the person, under a name that tells no more than the report, and never over another file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyrage
import pytest
from PySide6.QtWidgets import QApplication

from app.saving import preview_of, save_report
from app.texts import t
from diagnostics.model import Observation, Report, Step
from diagnostics.report.archive import unpack
from diagnostics.report.contract import load
from diagnostics.report.redaction import Redacted
from diagnostics.report.sealed import open_with
from diagnostics.report.secrets import Secrets
from diagnostics.routes.link import Kind, Link, Secret
from tests.report import documents
from ui.backend import SaveChoices, SaveKind

BEGINNINGS = {SaveKind.PAGE: b"<!doctype", SaveKind.PAPER: b"%PDF-", SaveKind.SUPPORT: b"PK", SaveKind.DATA: b"{"}


@pytest.fixture(autouse=True)
def somebodys_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Secrets, "of_this_computer", classmethod(lambda _: documents.SECRETS))


@pytest.mark.parametrize("kind", list(SaveKind))
def test_a_saved_report_is_written_without_the_person(kind: SaveKind, tmp_path: Path, qapp: QApplication) -> None:
    saved = save_report(documents.report(), tmp_path, kind, "es")
    written = (tmp_path / saved.file).read_bytes()
    assert written.startswith(BEGINNINGS[kind])
    parts = [part for name, part in unpack(written).items() if name != "SHA256SUMS"] if kind is SaveKind.SUPPORT else [written]
    text = b"\n".join(parts).decode("utf-8", "replace").lower()
    assert saved.removed > 0
    assert "marisol" not in text
    assert documents.OWN not in text
    assert "15:04" not in text


def test_a_second_report_of_the_hour_does_not_replace_the_first(tmp_path: Path) -> None:
    names = [save_report(documents.report(), tmp_path, SaveKind.DATA, "es").file for _ in range(3)]
    assert len(set(names)) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_what_a_server_says_of_the_persons_proxy_is_left_out(tmp_path: Path) -> None:
    link = Link(kind=Kind.HTTP, host="proxy.familia-q.example", port=3128, user=Secret("usuaria-q"), secret=Secret("clave-q-1"))
    detail = {"port": 80, "url": "http://example.org/", "title": "Error of proxy.familia-q.example for usuaria-q:clave-q-1"}
    page = Observation(id="p1", step=Step.HTTP, host="example.org", address="93.184.216.34", detail=detail)
    report = msgspec.structs.replace(Report(), observations=(page,))
    saved = save_report(report, tmp_path, SaveKind.DATA, "es", (link,))
    assert load(tmp_path / saved.file).observations[0].detail["title"] == "Error of [host] for [secret]:[secret]"


def test_a_report_in_which_something_is_left_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.shared_report.redacted", lambda report, **_: Redacted(report, {}))
    saved = save_report(documents.report(), tmp_path, SaveKind.DATA, "es")
    assert saved.problem == t("error.report_not_clean")
    assert list(tmp_path.iterdir()) == []


def test_a_file_for_support_is_closed_for_its_receiver(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    chosen = SaveChoices(key=f" {identity.to_public()}\n")
    saved = save_report(documents.report(), tmp_path, SaveKind.SUPPORT, "es", choices=chosen)
    sealed = (tmp_path / saved.file).read_bytes()
    assert saved.file.endswith(".age")
    assert "report.json" in unpack(open_with(sealed, str(identity), "a.age"))


def test_a_key_that_is_none_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    saved = save_report(documents.report(), tmp_path, SaveKind.SUPPORT, "es", choices=SaveChoices(key="age1broken"))
    assert saved.problem == t("error.recipient")
    assert list(tmp_path.iterdir()) == []


def test_the_preview_shows_what_is_written_and_says_what_is_not() -> None:
    found = preview_of(documents.report(), SaveChoices(), "es")
    assert found.removed > 0
    assert found.lines
    assert "marisol" not in f"{found.page} {found.lines}".lower()
    assert "15:04" not in found.page
    assert "15:04" in preview_of(documents.report(), SaveChoices(exact_time=True), "es").page
    assert "escuela.example.ve" in found.page
    assert "escuela.example.ve" not in preview_of(documents.report(), SaveChoices(hide_sites=True), "es").page
