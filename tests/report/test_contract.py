"""Reports as files: what we write we read again, and what strangers write never does more than be refused in one sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.errors import InputError
from diagnostics.model import Certainty, Observation, Report, RunFacts, Status, Step, Verdict
from diagnostics.report import contract
from diagnostics.report.contract import dump, load
from tests.report import documents

GOOD = dump(documents.report())


def refusal(source: bytes | Path) -> tuple[str, dict[str, Any]]:
    """Return the sentence with which ``source`` is refused."""
    with pytest.raises(InputError) as caught:
        load(source)
    return caught.value.text.removeprefix("error.report_"), caught.value.values


def changed(**changes: Any) -> bytes:
    """Return the good report with some top-level keys replaced."""
    return json.dumps(json.loads(GOOD) | changes).encode()


def with_observation(**changes: Any) -> bytes:
    """Return the good report with its DNS observation changed."""
    document = json.loads(GOOD)
    document["observations"][4] |= changes
    return json.dumps(document).encode()


def test_a_report_survives_writing_and_reading() -> None:
    assert load(GOOD) == documents.report()


def test_equal_reports_are_equal_bytes_whatever_the_order_of_their_details() -> None:
    one = Report(observations=(Observation(id="o1", step=Step.QUIC, detail={"a": 1, "b": 2}),))
    other = Report(observations=(Observation(id="o1", step=Step.QUIC, detail={"b": 2, "a": 1}),))
    assert dump(one) == dump(other)


def test_half_a_character_from_the_command_line_does_not_spoil_the_file() -> None:
    assert load(dump(Report(run=RunFacts(id="a\udcff")))).run.id == "a?"


def test_a_newer_reports_words_are_kept_as_they_are_and_its_unknown_keys_ignored() -> None:
    verdict = {"target": "x", "status": "haunted", "cause": "moon", "certainty": "certain", "colour": 3}
    report = load(changed(verdicts=[verdict], moonlight={"a": [1]}))
    assert report.verdicts == (Verdict(target="x", status=Status("haunted"), cause=report.verdicts[0].cause, certainty=Certainty.CERTAIN),)
    assert str(report.verdicts[0].cause) == "moon"


def test_a_byte_order_mark_is_forgiven() -> None:
    assert load(b"\xef\xbb\xbf" + GOOD) == documents.report()


BAD_CONTENT = {
    "empty": (b"", "empty"),
    "blank": (b" \n", "empty"),
    "cut in the middle": (GOOD[: len(GOOD) // 2], "truncated"),
    "cut after a bracket": (GOOD[: GOOD.rindex(b"}", 0, -3) + 1], "truncated"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
    "a program": (b"MZ\x00\x00" * 9_000, "binary"),
    "half a page": ("ñandú ".encode() * 9_000, "not_one"),
    "only a header": (b'{"format": "atajo-report", "version": 1}', "not_one"),
    "no observations": (b'{"format": "atajo-report", "version": 1, "run": {}}', "not_one"),
    "no run": (b'{"format": "atajo-report", "version": 1, "observations": []}', "not_one"),
    "a run of a thousand years": (changed(run={"seconds": 3e10}), "wrong_type"),
    "a run that ends before it begins": (changed(run={"seconds": -1}), "wrong_type"),
    "a beginning that is no moment": (changed(run={"started": "yesterday"}), "wrong_type"),
    "a beginning somewhere on Earth": (changed(run={"started": "2026-08-10T15:04:00"}), "wrong_type"),
    "a simulation without a name": (changed(run={"simulated": ""}), "wrong_type"),
    "a rule without end": (changed(verdicts=[{"target": "x", "rule": "r" * 300}]), "wrong_type"),
    "an address without end": (with_observation(failure="f" * 300), "wrong_type"),
    "megabytes of something unknown": (changed(moonlight="m" * (5 << 20)), "too_big"),
    "a list": (b"[1, 2]", "not_one"),
    "a text": (b'"atajo-report"', "not_one"),
    "another format": (b'{"format": "har", "version": 1}', "not_one"),
    "no format": (b"{}", "not_one"),
    "version zero": (changed(version=0), "not_one"),
    "not UTF-8": (GOOD.replace(b'"abc"', b'"\xff\xfe"'), "not_one"),
    "half a character": (GOOD.replace(b'"abc"', b'"\\ud800"'), "not_one"),
    "not a number": (GOOD.replace(b"2.5", b"NaN"), "not_one"),
    "infinite": (GOOD.replace(b"2.5", b"1e999"), "wrong_type"),
    "something behind the end": (GOOD + b"x", "not_one"),
    "the future": (changed(version=7), "future"),
    "the far future": (changed(version=10**400), "future"),
    "a list nested 10 000 deep": (b'{"format": "atajo-report", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "deep"),
    "objects nested 10 000 deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deep"),
    "opened 10 000 times and cut": (b'{"a":[' * 10_000, "deep"),
    "a text where a list belongs": (changed(observations="none"), "wrong_type"),
    "a number for a name": (with_observation(host=5), "wrong_type"),
    "a truth for a time": (with_observation(t=True), "wrong_type"),
    "control characters in a status": (changed(network={"status": "works\x1b[31m"}), "wrong_type"),
    "a word of 100 letters for a step": (with_observation(step="x" * 100), "wrong_type"),
    "answers that are no addresses": (
        with_observation(detail={"engine": "udp", "resolver": "a", "query": "A", "answers": ["x"]}),
        "wrong_type",
    ),
    "a peer that is no address": (changed(observations=[{"id": "a", "step": "tcp", "address": "x", "detail": {"port": 1}}]), "wrong_type"),
    "a plan without services": (
        changed(observations=[{"id": "a", "step": "system", "detail": {"kind": "plan", "targets": 5}}]),
        "wrong_type",
    ),
    "a text without end": (with_observation(host="x" * 40_000), "wrong_type"),
    "the same number twice": (changed(observations=[{"id": "a", "step": "quic"}] * 2), "wrong_type"),
    "millions of empty lists": (b'{"a": [' + b"[]," * 6_100_000 + b"[]]}", "too_big"),
    "millions of quotes": (b'{"a": ' + b'"' * 19_000_000 + b"}", "too_big"),
}


@pytest.mark.parametrize("name", BAD_CONTENT)
def test_a_file_that_is_no_report_is_refused_in_one_sentence(name: str) -> None:
    content, expected = BAD_CONTENT[name]
    assert refusal(content)[0] == expected


def test_the_sentence_says_where_something_has_the_wrong_type() -> None:
    assert refusal(with_observation(t="soon")) == ("wrong_type", {"file": "report", "where": "observations[4].t"})
    assert refusal(with_observation(detail={"engine": 5}))[1]["where"] == "observations[4].detail.engine"


def test_the_sentence_names_the_version_of_the_future() -> None:
    assert refusal(changed(version=7))[1]["version"] == "7"


def test_a_file_of_a_gigabyte_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(1 << 30)

    def must_not_open(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Path, "open", must_not_open)
    assert refusal(path) == ("too_big", {"file": str(path), "limit": f"{contract.MAX_BYTES >> 20}\u00a0MB"})


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    assert refusal(tmp_path)[0] == "folder"
    assert refusal(tmp_path / "nowhere.json")[0] == "unreadable"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert refusal(tmp_path / "pipe")[0] == "pipe"
        assert refusal(Path("/dev/zero"))[0] == "device"


@pytest.mark.parametrize("started", ["", "2026-08-10T15:04:00Z", "2026-08-10T15:04:00.25-04:00"])
def test_a_run_began_at_a_moment_or_nobody_knows_when(started: str) -> None:
    assert load(changed(run={"started": started})).run.started == started


def test_the_sentence_names_what_the_bytes_were_read_from() -> None:
    with pytest.raises(InputError) as caught:
        load(b"", "la entrada")
    assert caught.value.values["file"] == "la entrada"


@given(st.binary(max_size=400))
def test_any_bytes_are_a_report_or_refused(content: bytes) -> None:
    loads_or_refuses(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_a_report_with_any_value_replaced_is_a_report_or_refused(data: st.DataObject) -> None:
    document = json.loads(GOOD)
    node, key = document, data.draw(st.sampled_from(sorted(document)))
    while isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node)) if isinstance(node, dict) else st.integers(0, len(node) - 1))
    node[key] = data.draw(JSON)
    loads_or_refuses(json.dumps(document).encode())


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_report_with_any_byte_changed_or_cut_off_is_a_report_or_refused(place: int, value: int) -> None:
    loads_or_refuses(GOOD[:place] + bytes([value]) + GOOD[place + 1 :])
    loads_or_refuses(GOOD[:place])


def loads_or_refuses(content: bytes) -> None:
    """Load; nothing but InputError may come of it, from loading, replaying or redacting."""
    from diagnostics.report.redaction import redacted
    from diagnostics.report.replay import replay

    try:
        report = load(content)
        replay(report)
    except InputError:
        return
    load(dump(redacted(report, secrets=documents.SECRETS).report))
