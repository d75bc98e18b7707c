"""The command line: what can be typed, what is answered, and that every mistake is one sentence and exit status 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__, cli
from app.__main__ import is_for_the_window
from diagnostics.sim.scenario import load_scenarios
from tests.app.cli_tools import Command, Screen, command_of


@pytest.fixture(autouse=True)
def every_text_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(capsys)


BAD = {
    "an unknown command": ["frobnicate"],
    "an unknown option": ["check", "--frob"],
    "an option where a command belongs": ["--frob"],
    "too many reports": ["explain", "a", "b"],
    "no report": ["explain"],
    "an option without its value": ["check", "--json"],
    "a value for an option that takes none": ["check", "--quiet=5"],
    "an unknown service": ["check", "mastodon"],
    "no service": ["check", ""],
    "a report without a name": ["check", "--json", ""],
    "a page without a name": ["check", "--html", ""],
    "a scenario without a name": ["check", "--simulate", ""],
    "no page": ["check", "--url", ""],
    "an export without a name": ["export", "report.json", "--html", ""],
    "nothing to explain": ["explain", ""],
    "two files for one output": ["check", "--json", "-", "--html", "-"],
    "personal data without a second word": ["check", "--json", "-", "--full"],
    "an option of the window with a mistake": ["--simulate"],
    "a password": ["check", "--url", "https://u:p@example.org/"],
    "no address of a page": ["check", "--url", "ftp://x.com"],
    "an unknown scenario": ["check", "--simulate", "atlantis"],
    "words for a time": ["check", "--timeout", "soon"],
    "no time": ["check", "--timeout", "0"],
    "a negative time": ["check", "--timeout", "-3"],
    "an endless time": ["check", "--timeout", "inf"],
    "not a time": ["check", "--timeout", "nan"],
    "a proxy without a port": ["check", "--proxy", "vless://h"],
    "a proxy of an unknown kind": ["check", "--proxy", "gopher://u:p@h:1"],
    "a file of proxies that is not there": ["check", "--proxy", "@/nowhere/links.txt"],
    "a proxy without a value": ["check", "--proxy"],
    "an empty proxy": ["check", "--proxy", ""],
    "no direct route": ["check", "--no-direct"],
    "a proxy command without a link": ["proxy"],
    "a proxy command with a page's address": ["proxy", "https://example.org/page"],
    "a proxy command with an empty link": ["proxy", ""],
    "a profile that is not there": ["vpn", "/nowhere/mine.conf"],
    "a profile that is none": ["vpn", "pyproject.toml"],
    "an empty profile": ["vpn", ""],
    "words for a watch": ["vpn", "--watch", "soon"],
    "a service through a profile that is not there": ["check", "x", "--vpn", "/nowhere/mine.conf"],
    "a language nobody speaks": ["check", "--lang", "tlh"],
    "a report that is not there": ["explain", "/nowhere/report.json"],
    "a page that cannot be written": ["check", "--json", "/nowhere/report.json"],
    "an export without a form": ["export", "report.json"],
    "an export that is planned": ["export", "report.json", "--pdf", "x.pdf"],
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_answered_with_one_sentence_and_status_2(name: str, command: Command) -> None:
    done = command(*BAD[name])
    assert (done.status, done.out) == (cli.USAGE, "")
    assert 1 <= len(done.said) <= 3  # the sentence, what was perhaps meant, and where help or a list is
    assert "Traceback" not in done.err
    assert "{" not in done.err


def test_a_service_with_a_typing_mistake_is_guessed(command: Command) -> None:
    done = command("check", "whatsap")
    assert "¿Querías decir «whatsapp»?" in done.err
    assert "telegram" in done.err


def test_a_command_with_a_typing_mistake_is_guessed(command: Command) -> None:
    assert "¿Querías decir «check»?" in command("chek").err


def test_a_scenario_with_a_typing_mistake_is_guessed_and_the_list_is_short(command: Command) -> None:
    done = command("check", "--simulate", "ve-2024")
    assert "¿Querías decir «ve-2024-08»?" in done.err
    assert "La lista completa: python -m app scenarios" in done.err
    assert len(done.err) < 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--proxi=socks5://marisol:s3cret@h:1"],
        ["check", "socks5://marisol:s3cret@h:1"],
        ["check", "--url", "https://marisol:s3cret@example.org/"],
        ["https://marisol:s3cret@example.org/"],
        ["check", "--simulate", "https:marisol:s3cret@example.org"],
    ],
)
def test_a_password_on_the_command_line_is_never_repeated(arguments: list[str], command: Command) -> None:
    done = command(*arguments)
    assert done.status == cli.USAGE
    assert "s3cret" not in done.err


@pytest.mark.parametrize(
    "arguments", [["check", "x" * 500], ["x" * 500], ["check", "--url", "ftp://" + "x" * 500], ["check", f"--{'x' * 500}"]]
)
def test_what_was_typed_is_repeated_in_80_characters_at_most(arguments: list[str], command: Command) -> None:
    done = command(*arguments)
    assert "x" * 70 in done.err
    assert "x" * 81 not in done.err


def test_hints_name_the_command_that_was_typed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command("check", "--frob").said[-1] == "La ayuda: python -m app check --help"
    monkeypatch.setenv("ATAJO_COMMAND", "py run.py")
    assert command("check", "--frob").said[-1] == "La ayuda: py run.py check --help"
    assert command("frobnicate").said[-1] == "La ayuda: py run.py --help"
    assert "py run.py check" in command("check", "--help").out
    assert "python -m app" not in command("--help").out


def test_options_may_stand_before_the_command(command: Command) -> None:
    assert command("--lang", "en", "services").out.startswith("Short name")
    assert command("--help", "check", "--lang", "es").out.startswith("Uso: python -m app check")
    assert command("--simulate", "atlantis", "check").said[0].startswith("No conocemos el escenario «atlantis»")


@pytest.mark.parametrize(
    "arguments, window",
    [
        ([], True),
        (["--simulate", "open"], True),
        (["--simulate=open", "--lang", "es", "--exit-after-paint"], True),
        (["--lang", "en", "check", "x", "--simulate", "open"], False),
        (["--simulate", "open", "chek"], False),
        (["--lang", "tlh"], False),
        (["--simulate"], False),
        (["--simulate", "--lang"], False),
        (["--lang", "en", "--help"], False),
        (["check"], False),
    ],
)
def test_the_window_opens_for_sound_options_of_its_own_only(arguments: list[str], window: bool) -> None:
    assert is_for_the_window(arguments) is window


def test_help_says_what_the_exit_statuses_mean(command: Command) -> None:
    for arguments in (["--help"], ["check", "--help"]):
        assert "130 detenido" in command(*arguments).out
        assert "1 algo no funciona, va lento, no se probó o no pudimos saberlo" in command(*arguments).out
    assert "1 lo guardado no es lo que sale de lo medido" in command("explain", "--help").out


def test_help_says_what_a_full_report_reveals(command: Command) -> None:
    said = " ".join(command("check", "--help").out.split())
    assert "tus direcciones, los nombres de tu computadora y tu usuario, y las páginas completas" in said


def test_the_sentences_speak_the_language_asked_for_wherever_it_stands(command: Command) -> None:
    assert "We do not know the command" in command("--lang", "en", "frobnicate").err
    assert "You can test: x" in command("check", "--lang=en", "frobnicate", "--lang", "en").err


def test_the_missing_file_is_explained_in_the_persons_words(command: Command) -> None:
    assert command("explain", "/nowhere/report.json").err == "No se puede leer /nowhere/report.json: no existe.\n"


@pytest.mark.parametrize("arguments", [["--help"], [], *([each, "--help"] for each in cli.COMMANDS)])
def test_help_is_translated_and_no_mistake(arguments: list[str], command: Command) -> None:
    done = command(*arguments)
    assert done.status == cli.OK
    assert "Uso:" in done.out
    assert "usage:" not in done.out
    assert "cli." not in done.out
    assert done.err == ""


@pytest.mark.parametrize("name, expected", [("services", "whatsapp"), ("scenarios", "ve-2024-08"), ("resolvers", "9.9.9.9")])
def test_it_lists_what_it_knows(name: str, expected: str, command: Command) -> None:
    done = command(name)
    assert (done.status, done.err) == (cli.OK, "")
    assert expected in done.out


def test_the_scenarios_list_says_what_happens_on_each(command: Command) -> None:
    for scenario in load_scenarios().values():
        assert f"{scenario.id}: {scenario.name.es} ({scenario.as_of})\n  {scenario.summary.es}\n" in command("scenarios").out


def test_the_services_list_names_functions_as_people_do(command: Command) -> None:
    assert "las fotos" in command("services").out
    assert "web_alias" not in command("services").out


@pytest.mark.parametrize("name", ["services", "resolvers", "scenarios"])
def test_lists_fit_a_narrow_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    assert cli.main([name, "--lang", "es"]) == cli.OK
    assert max(len(line) for line in screen.lines) <= 40


def test_the_services_list_marks_what_was_not_checked(command: Command) -> None:
    assert "sin revisar" in command("services").out


def test_the_self_test_finds_everything_here(command: Command) -> None:
    done = command("--selftest")
    assert (done.status, done.err) == (cli.OK, "")
    assert "  --" not in done.out


def test_the_self_test_names_what_is_missing(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "roots.pem"
    empty.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(empty))
    done = command("--selftest")
    assert done.status == 1
    assert "-- " in done.out


# --- the real command line ------------------------------------------------------------------------


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m app`` as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        check=False,
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
    )


def test_the_version_imports_nothing_heavy() -> None:
    script = "import sys; from app.cli import main; main(['--version']); print(sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60, cwd=Path(__file__).parents[2]
    )
    version, modules = done.stdout.splitlines()
    assert version == f"Atajo {__version__}"
    assert not {"'asyncio'", "'msgspec'", "'rich'", "'dns'", "'PySide6'", "'ssl'"} & set(modules.strip("[]").split(", "))


def test_the_version_is_told_without_loading_the_engine() -> None:
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app", "--version"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in told.stderr.splitlines()}
    assert loaded.isdisjoint({"asyncio", "dns", "ssl", "rich", "cryptography", "jinja2", "PySide6", "diagnostics"})


def test_a_terminal_without_accents_gets_plain_letters() -> None:
    done = run("frobnicate", "--lang", "es", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 2
    assert 'No conocemos la orden "frobnicate"' in done.stderr
    assert "?" not in done.stderr


def test_a_reader_that_goes_away_ends_the_output_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "app", "resolvers"],
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert done.stderr == b""
    assert done.returncode == 0


def test_a_command_behind_an_option_is_the_terminals() -> None:
    done = run("--lang", "en", "check", "x", "--simulate", "open", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_the_output_is_one_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app", "resolvers", "--lang", "es"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert done.stderr.decode() == "No se puede guardar lo que se muestra: no queda espacio en el disco.\n"
    assert done.returncode == cli.USAGE
