"""What reaches a terminal: what it can show, nothing a stranger hid in a text, and nothing after its reader went away."""

from __future__ import annotations

import io

import pytest

from app.cli_progress import Lines, LiveList, Progress, progress_for
from app.terminal import Terminal, encodable
from app.texts import set_language
from diagnostics.events import StepDone, TargetJudged
from diagnostics.model import Observation, Service, Status, Step, Verdict
from diagnostics.plan import Plan
from tests.app.cli_tools import Screen

PLAN = Plan(targets=(Service(id="x", name={"es": "X"}), Service(id="signal", name={"es": "Sig\x1b[31mnal"})))


class AsciiScreen(Screen):
    """A terminal of the old days, which refuses what it cannot write."""

    encoding = "ascii"

    def write(self, text: str) -> int:
        text.encode("ascii")
        return super().write(text)


class Gone(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.fixture(autouse=True)
def texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    monkeypatch.setenv("TERM", "xterm")
    set_language("es")


@pytest.mark.parametrize(
    "text, encoding, shown",
    [
        ("está «bien»… ✓", "utf-8", "está «bien»… ✓"),
        ("está «bien»… ✓ ✗ → 3\u00a0s", "ascii", 'esta "bien"... + x > 3 s'),
        ("está «bien» ✓", "latin-1", "está «bien» +"),
        ("中", "ascii", "?"),
        ("está", "no-such-encoding", "esta"),
        ("está", None, "está"),
    ],
)
def test_what_cannot_be_encoded_is_written_with_plain_letters(text: str, encoding: str | None, shown: str) -> None:
    assert encodable(text, encoding) == shown


def test_escape_sequences_never_reach_a_stream() -> None:
    stream = io.StringIO()
    Terminal(stream).line("a\x1b[2Jb\rc\u202ed")
    assert stream.getvalue() == "a\ufffd[2Jb c\ufffdd\n"


def test_lines_are_wrapped_for_people_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "21")
    screen, pipe = Screen(), io.StringIO()
    for stream in (screen, pipe):
        Terminal(stream).line("una frase de más de veinte columnas", indent=2)
    assert screen.getvalue().splitlines() == ["  una frase de más de", "  veinte columnas"]
    assert pipe.getvalue() == "  una frase de más de veinte columnas\n"


def test_colours_are_for_terminals_and_honour_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured, plain = Screen(), Screen()
    Terminal(coloured).line("x", style="red")
    monkeypatch.setenv("NO_COLOR", "1")
    Terminal(plain).line("x", style="red")
    assert "\x1b[31m" in coloured.getvalue()
    assert plain.getvalue() == "x\n"


def test_a_reader_that_went_away_is_no_error() -> None:
    terminal = Terminal(Gone())
    terminal.line("a")
    terminal.data(b"b")
    terminal.end()
    assert terminal.closed


def test_a_program_without_streams_swallows_everything() -> None:
    terminal = Terminal(None)
    terminal.line("a")
    terminal.table([("a",)])
    terminal.data(b"b")
    terminal.end()
    assert not terminal.is_terminal


def test_a_table_is_as_wide_as_its_widest_cell() -> None:
    stream = io.StringIO()
    Terminal(stream).table([("a", "b"), ("long", "")])
    assert stream.getvalue() == "a     b\nlong\n"


ROWS: list[tuple[str, ...]] = [("Nombre", "Funciones", "Fecha"), ("x", "la página, la aplicación, las fotos y los videos", "2026-11-22")]


def test_a_table_wraps_its_widest_column_where_that_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "45")
    screen = Screen()
    Terminal(screen).table(ROWS)
    assert screen.lines == [
        "Nombre  Funciones                  Fecha",
        "x       la página, la aplicación,  2026-11-22",
        "        las fotos y los videos",
    ]


def test_a_table_becomes_a_list_where_its_columns_have_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    screen = Screen()
    Terminal(screen).table(ROWS)
    assert screen.lines == ["x", "  Funciones: la página, la", "    aplicación, las fotos y", "    los videos", "  Fecha: 2026-11-22"]


def test_the_live_list_keeps_to_ascii_where_there_is_nothing_else() -> None:
    screen = AsciiScreen()
    plan = Plan(targets=(Service(id="x", name={"es": "Teléfono"}),))
    with LiveList(Terminal(screen), plan) as live:
        live.tell(StepDone(observation=Observation(id="o1", step=Step.DNS)))
    assert ["-", "Telefono", "en", "espera"] in [line.replace("\x1b[?25l", "").split() for line in screen.lines]


def test_the_progress_suits_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal(Screen())
    assert type(progress_for(screen, PLAN, quiet=True)) is Progress
    assert type(progress_for(screen, PLAN, quiet=False)) is LiveList
    assert type(progress_for(Terminal(io.StringIO()), PLAN, quiet=False)) is Lines
    monkeypatch.setenv("TERM", "dumb")
    assert type(progress_for(screen, PLAN, quiet=False)) is Lines


def test_the_live_list_shows_what_is_known_and_goes_away() -> None:
    screen = Screen()
    verdict = Verdict(target="x", status=Status.BLOCKED)
    with LiveList(Terminal(screen), PLAN) as live:
        live.tell(StepDone(observation=Observation(id="o1", step=Step.DNS)))
        live.tell(StepDone(observation=Observation(id="o2", step=Step.SYSTEM)))
        live.tell(TargetJudged(verdicts=(Verdict(target="signal"),)))
        live.tell(TargetJudged(verdicts=(verdict,), final=True))
    text = screen.getvalue()
    last = text[text.rindex("✗") :]
    assert "Bloqueado" in last
    assert "en espera" in last
    assert "1 prueba hecha" in last
    assert "Sig\ufffd[31mnal" in last
    assert last.endswith("\x1b[2K")


def test_the_list_of_many_targets_is_cut() -> None:
    stream = io.StringIO()
    plan = Plan(targets=tuple(Service(id=f"s{number}") for number in range(500)))
    with Lines(Terminal(stream), plan):
        pass
    assert "(+488)" in stream.getvalue()
    assert len(stream.getvalue()) < 200
