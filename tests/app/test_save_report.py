"""What the window saves: without the person, under a name that tells no more than the report, and never over another file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app.backend import save_report
from diagnostics.errors import InputError
from diagnostics.model import Observation, Report, Step
from diagnostics.report.contract import load
from diagnostics.report.redaction import Redacted
from diagnostics.report.secrets import Secrets
from diagnostics.routes.link import Kind, Link, Secret
from tests.report import documents
from ui.backend import SaveKind


@pytest.fixture(autouse=True)
def somebodys_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Secrets, "of_this_computer", classmethod(lambda _: documents.SECRETS))


@pytest.mark.parametrize("kind", list(SaveKind))
def test_a_saved_report_is_written_without_the_person(kind: SaveKind, tmp_path: Path) -> None:
    saved = save_report(documents.report(), tmp_path, kind, "es")
    text = (tmp_path / saved.file).read_text(encoding="utf-8").lower()
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
    with pytest.raises(InputError, match=r"error\.report_not_clean"):
        save_report(documents.report(), tmp_path, SaveKind.DATA, "es")
    assert list(tmp_path.iterdir()) == []
