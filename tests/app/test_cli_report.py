"""``explain`` and ``export``: what follows from a report's data is shown, whatever the report itself claims."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import msgspec
import pyrage
import pytest
from PySide6.QtWidgets import QApplication

from app import cli
from app.texts import t
from diagnostics.report.contract import dump, load
from diagnostics.report.redaction import Redacted
from diagnostics.report.secrets import Secrets
from tests.app.cli_tools import Command, command_of
from tests.report import documents

ON_THE_HOUR = msgspec.structs.replace(documents.report().run, started="2026-08-10T15:00:00Z")


@pytest.fixture(autouse=True)
def every_text_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(capsys)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "saved.json"
    path.write_bytes(dump(documents.report()))
    return path


def test_explain_works_the_result_out_again_and_names_rules_and_observations(command: Command, saved: Path) -> None:
    done = command("explain", str(saved))
    assert (done.status, done.err) == (cli.OK, "")
    assert "es el mismo" in done.out
    assert f"[{documents.report().verdicts[0].rule}]" in done.out


def test_explain_notices_a_verdict_that_was_changed_by_hand(command: Command, saved: Path) -> None:
    document = json.loads(saved.read_text())
    document["verdicts"][0] |= {"status": "works", "cause": None, "rule": "made.up"}
    saved.write_text(json.dumps(document))
    done = command("explain", str(saved))
    assert done.status == cli.NOT_ALL_WORK
    assert "es el mismo" not in done.out
    assert done.out.startswith("Lo guardado no es lo que sale de lo medido: 1 conclusión cambia.")
    assert "made.up" in done.out


def test_explain_shows_what_follows_from_the_data_and_not_what_the_report_claims(command: Command, saved: Path) -> None:
    honest = command("explain", str(saved)).out.splitlines()
    document = json.loads(saved.read_text())
    for verdict in document["verdicts"]:
        verdict |= {"status": "works", "cause": None}
    saved.write_text(json.dumps(document))
    forged = command("explain", str(saved)).out
    for line in honest[:4]:
        assert line in forged
    assert "Todo funciona" not in forged


def test_words_that_this_version_does_not_know_are_named_as_such(command: Command, saved: Path) -> None:
    document = json.loads(saved.read_text())
    document["verdicts"][0] |= {"status": "haunted", "cause": "moon"}
    saved.write_text(json.dumps(document))
    done = command("explain", str(saved))
    assert done.status == cli.NOT_ALL_WORK
    assert done.out.startswith("Esta versión de Atajo no conoce estas palabras del informe: haunted, moon.")
    assert not [line for line in done.out.splitlines() if line.startswith(("X: haunted", "? X: haunted"))]


def test_a_simulated_report_says_so_when_it_is_explained(command: Command, saved: Path) -> None:
    document = json.loads(saved.read_text())
    document["run"]["simulated"] = "open"
    saved.write_text(json.dumps(document))
    assert t("workshop.ribbon") in command("explain", str(saved)).out


def test_a_report_is_read_from_standard_input(command: Command, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content, status in ((saved.read_bytes(), cli.OK), (b"", cli.USAGE), (b"\x00", cli.USAGE)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        done = command("explain", "-")
        assert done.status == status
        assert done.err == {cli.OK: ""}.get(status, done.err)
    monkeypatch.setattr(sys, "stdin", None)
    assert command("explain", "-").err == "Lo que se recibió está vacío.\n"


def test_what_is_no_file_is_named_for_what_it_is(command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty.json").touch()
    (tmp_path / "photo.json").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    assert command("explain", str(tmp_path)).err == f"{tmp_path} es una carpeta, no un informe.\n"
    assert "está vacío" in command("explain", str(tmp_path / "empty.json")).err
    assert "no contiene texto" in command("explain", str(tmp_path / "photo.json")).err
    if Path("/dev/null").exists():
        assert "es un dispositivo" in command("explain", "/dev/null").err


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 10_000, b'{"format": "atajo-report", "version": 9}', b"\xff\xfe", b"null"])
@pytest.mark.parametrize("name", ["explain", "export"])
def test_a_bad_report_is_one_sentence(name: str, content: bytes, command: Command, saved: Path, tmp_path: Path) -> None:
    saved.write_bytes(content)
    arguments = ["--html", str(tmp_path / "page.html")] if name == "export" else []
    done = command(name, str(saved), *arguments)
    assert (done.status, done.out, len(done.said)) == (cli.USAGE, "", 1)
    assert not (tmp_path / "page.html").exists()


def test_escape_sequences_of_a_stranger_do_not_reach_the_terminal(command: Command, saved: Path) -> None:
    text = saved.read_text().replace("x.com", r"\u001b]0;owned\u0007\u202e")
    saved.write_text(text)
    done = command("explain", str(saved))
    assert done.status in (cli.OK, cli.USAGE)
    assert not [c for c in done.out + done.err if c in "\x1b\x07\u202e"]


def test_export_writes_a_page_without_the_person_in_it(command: Command, saved: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = command("export", str(saved), "--html", str(page))
    assert done.status == cli.OK
    assert "Quitamos del archivo: " in done.err
    assert "<h1>" in page.read_text()
    assert documents.ROUTER not in page.read_text()


def test_the_full_export_asks_a_second_time(command: Command, saved: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = command("export", str(saved), "--html", str(page), "--full")
    assert (done.status, page.exists()) == (cli.USAGE, False)
    assert "--with-my-addresses" in done.err
    assert command("export", str(saved), "--html", str(page), "--full", "--with-my-addresses").status == cli.OK
    assert documents.ROUTER in page.read_text()


def test_export_writes_a_report_to_standard_output(command: Command, saved: Path) -> None:
    done = command("export", str(saved), "--json", "-")
    assert documents.ROUTER not in done.out
    assert load(done.out.encode()).run == ON_THE_HOUR


def test_an_export_tells_the_exact_time_only_when_asked_for(command: Command, saved: Path) -> None:
    assert load(command("export", str(saved), "--json", "-", "--round-time").out.encode()).run == ON_THE_HOUR
    assert load(command("export", str(saved), "--json", "-", "--exact-time").out.encode()).run == documents.report().run
    done = command("export", str(saved), "--json", "-", "--exact-time", "--round-time")
    assert (done.status, done.out) == (cli.USAGE, "")
    assert t("cli.error.either", one="--exact-time", other="--round-time") in done.err


@pytest.mark.parametrize("kind", ["--json", "--html"])
def test_an_export_hides_the_typed_sites_when_asked_to(kind: str, command: Command, saved: Path) -> None:
    assert "escuela" in command("export", str(saved), kind, "-").out
    assert "escuela" not in command("export", str(saved), kind, "-", "--hide-sites").out.lower()


@pytest.mark.parametrize("option", ["--hide-sites", "--round-time"])
def test_whoever_hides_something_does_not_get_the_full_report(option: str, command: Command, saved: Path) -> None:
    done = command("export", str(saved), "--json", "-", "--full", "--with-my-addresses", option)
    assert (done.status, done.out) == (cli.USAGE, "")
    assert t("cli.error.either", one="--full", other=option) in done.err


def test_an_export_in_which_something_personal_is_left_is_not_written(
    command: Command, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.shared_report.redacted", lambda report, **_: Redacted(report, {}))
    monkeypatch.setattr(Secrets, "of_this_computer", classmethod(lambda _: documents.SECRETS))
    page, data = tmp_path / "page.html", tmp_path / "data.json"
    done = command("export", str(saved), "--html", str(page), "--json", str(data))
    assert (done.status, done.err) == (cli.USAGE, f"{t('error.report_not_clean')}\n")
    assert not page.exists()
    assert not data.exists()


def test_an_export_of_a_forged_report_shows_what_follows_from_its_data(command: Command, saved: Path, tmp_path: Path) -> None:
    document = json.loads(saved.read_text())
    document["verdicts"][0] |= {"status": "haunted", "cause": None}
    saved.write_text(json.dumps(document))
    page = tmp_path / "page.html"
    done = command("export", str(saved), "--html", str(page))
    assert done.status == cli.NOT_ALL_WORK
    assert "haunted" in done.err
    assert "haunted" not in page.read_text()


def test_an_export_reads_standard_input_too(command: Command, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(saved.read_bytes())))
    assert load(command("export", "-", "--json", "-").out.encode()).run == ON_THE_HOUR


KINDS = {"html": b"<!doctype", "pdf": b"%PDF-", "bundle": b"PK\x03\x04", "csv": b"\xef\xbb\xbf", "ooni": b"{", "text": b"", "json": b"{"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_is_exported_in_every_kind(kind: str, command: Command, saved: Path, tmp_path: Path, qapp: QApplication) -> None:
    file = tmp_path / f"out.{kind}"
    done = command("export", str(saved), f"--{kind}", str(file))
    assert (done.status, str(file) in done.err) == (cli.OK, True)
    assert file.read_bytes().startswith(KINDS[kind])
    assert file.stat().st_size > 50
    assert "192.168.77.1" not in file.read_bytes().decode("latin-1")


def test_measurements_for_others_never_hold_the_person_even_in_a_full_export(command: Command, saved: Path, tmp_path: Path) -> None:
    lines, whole = tmp_path / "lines.jsonl", tmp_path / "whole.json"
    options = ("--full", "--with-my-addresses", "--ooni", str(lines), "--json", str(whole))
    assert command("export", str(saved), *options).status == cli.OK
    for personal in (documents.ROUTER, documents.PROVIDERS_RESOLVER, "perez", "token"):
        assert personal.encode() in whole.read_bytes()
        assert personal.encode() not in lines.read_bytes()
    assert b"escuela.example.ve" in lines.read_bytes()


def test_measurements_for_others_go_to_standard_output_alone(command: Command, saved: Path) -> None:
    done = command("export", str(saved), "--ooni", "-")
    assert [json.loads(line)["software_name"] for line in done.out.splitlines()] == ["atajo", "atajo"]


def test_a_bundle_is_explained_like_its_report(command: Command, saved: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "a.zip"
    command("export", str(saved), "--bundle", str(bundle))
    report = tmp_path / "a.json"
    command("export", str(saved), "--json", str(report))
    assert command("explain", str(bundle)).out == command("explain", str(report)).out


def test_a_bundle_for_the_help_line_opens_with_its_key_alone(command: Command, saved: Path, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"# help line\n{identity}\n")
    (tmp_path / "other.txt").write_text(str(pyrage.x25519.Identity.generate()))
    sealed = tmp_path / "a.age"
    assert command("export", str(saved), "--bundle", str(sealed), "--to", str(identity.to_public())).status == cli.OK
    assert b"report.json" not in sealed.read_bytes()
    assert command("explain", str(sealed), "--key", str(tmp_path / "key.txt")).status == cli.OK
    for words, said in (((), "--key"), (("--key", str(tmp_path / "other.txt")), "no se abre"), (("--key", str(saved)), "clave secreta")):
        done = command("explain", str(sealed), *words)
        assert (done.status, done.out) == (cli.USAGE, "")
        assert said in done.err


def test_a_phrase_is_asked_for_twice_and_opens_it_again(
    command: Command, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed, typed = tmp_path / "a.age", ["cunaguaro y turpial", "cunaguaro y turpial"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("app.seals.getpass.getpass", lambda _question: typed.pop())
    assert command("export", str(saved), "--bundle", str(sealed), "--passphrase").status == cli.OK
    assert typed == []
    typed[:] = ["cunaguaro y turpial"]
    assert command("explain", str(sealed)).status == cli.OK
    typed[:] = ["another one altogether", "cunaguaro y turpial"]
    done = command("export", str(saved), "--bundle", str(tmp_path / "b.age"), "--passphrase")
    assert (done.status, (tmp_path / "b.age").exists()) == (cli.USAGE, False)


@pytest.mark.parametrize(
    "words, said",
    [
        (("--to", "age1broken", "--bundle", "b.age"), "clave pública"),
        (("--passphrase", "--bundle", "b.age"), "terminal"),
        (("--passphrase", "--html", "b.html"), "--bundle"),
        (("--to", "age1x", "--json", "b.json"), "--bundle"),
    ],
)
def test_what_cannot_be_encrypted_is_said_before_anything_is_written(
    words: tuple[str, ...], said: str, command: Command, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command("export", str(saved), *words)
    assert done.status == cli.USAGE
    assert said in done.err
    assert {each.name for each in tmp_path.iterdir()} == {"saved.json"}
