"""Version-1 reports that were written long ago stay readable, whatever the format and the rules have become since."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.report_view import html_page
from app.texts import LANGUAGES, set_language
from app.wording import headline
from diagnostics.report.bundle import Beside, read_bundle, write_bundle
from diagnostics.report.contract import dump, load
from diagnostics.report.replay import replay
from diagnostics.report.schema import schema, text

FOLDER = Path(__file__).parent / "golden"
GOLDEN = sorted(FOLDER.glob("v1-*.json"))
ROOT = Path(__file__).parents[2]


def test_there_are_golden_files() -> None:
    assert len(GOLDEN) >= 5


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_old_report_is_read_whole(path: Path) -> None:
    written = json.loads(path.read_text("utf-8"))
    report = load(path)
    assert [v.target for v in report.verdicts] == [v["target"] for v in written["verdicts"]]
    assert [str(v.status) for v in report.verdicts] == [v["status"] for v in written["verdicts"]]
    assert [o.id for o in report.observations] == [o["id"] for o in written["observations"]]
    assert [o.detail for o in report.observations] == [o.get("detail", {}) for o in written["observations"]]
    assert report.run.simulated == written["run"]["simulated"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_old_report_can_be_shown_judged_again_and_packed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    report = load(path)
    for language in LANGUAGES:
        set_language(language)
        assert headline(report) in html_page(report, language).replace("&#39;", "'")
    assert replay(report).judgement.network.rule
    assert dump(read_bundle(write_bundle(report, Beside())).report) == dump(report)


def test_the_schema_in_the_documentation_is_the_models() -> None:
    assert (ROOT / "docs/report.schema.json").read_text("utf-8") == text()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_schema_names_every_key_that_is_written(path: Path) -> None:
    made = schema()

    def walk(value: object, part: dict[str, object], where: str) -> None:
        reference = part.get("$ref")
        if isinstance(reference, str):
            part = made["$defs"][reference.removeprefix("#/$defs/")]
        properties = part.get("properties")
        if isinstance(value, dict) and isinstance(properties, dict):
            assert set(value) <= set(properties), where
            for key, item in value.items():
                walk(item, properties[key], f"{where}.{key}")
        items = part.get("items")
        if isinstance(value, list) and isinstance(items, dict):
            for item in value[:50]:
                walk(item, items, f"{where}[]")

    walk(json.loads(path.read_text("utf-8")), made, "$")
    assert set(made["required"]) <= set(json.loads(path.read_text("utf-8")))
