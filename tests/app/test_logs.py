"""The log says what went wrong with Atajo and nothing about the person."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import logs
from app.logs import MAX_MESSAGE, MOST_ENTRIES, PrivateFormatter, catch_uncaught, keep_recent, recent, start_logging
from diagnostics.routes.link import Secret

ROOT = logging.getLogger("atajo")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    handlers, level, propagate, hooks = list(ROOT.handlers), ROOT.level, ROOT.propagate, (sys.excepthook, threading.excepthook)
    yield
    for handler in set(ROOT.handlers) - set(handlers):
        ROOT.removeHandler(handler)
        handler.close()
    ROOT.setLevel(level)
    ROOT.propagate = propagate
    sys.excepthook, threading.excepthook = hooks


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_ring", [])
    keep_recent()


def line(message: str) -> str:
    record = logging.LogRecord("atajo.engine", logging.WARNING, __file__, 1, message, None, None)
    return PrivateFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s").format(record)


@pytest.mark.parametrize(
    "secret",
    [
        "203.0.113.7",
        "2001:db8::7",
        "fe80::1ff:fe23:4567:890a",
        "https://example.org/path?token=abc",
        "chat.signal.org",
        str(Path.home() / "documents"),
    ],
)
def test_addresses_pages_names_and_the_home_folder_stay_out(secret: str) -> None:
    assert secret not in line(f"cannot reach {secret} now")


def test_what_helps_to_find_a_defect_stays_in() -> None:
    said = line('File "app/engine_thread.py", line 12, in _serve: ValueError: 3 of 4')
    assert 'File "app/engine_thread.py", line 12, in _serve: ValueError: 3 of 4' in said
    assert "atajo.engine" in said
    assert said[:2] == "20"


def test_the_log_is_in_the_data_folder_and_rotates(own_environment: Path) -> None:
    path = start_logging()
    assert path == own_environment / "atajo.log"
    ROOT.error("something at 203.0.113.7")
    assert "something at <address>" in path.read_text()
    for _ in range(40):
        ROOT.info("%s", "x" * 20_000)
    assert path.stat().st_size <= 256 * 1024
    assert {each.name for each in own_environment.iterdir()} == {"atajo.log", "atajo.log.1", "atajo.log.2"}


def test_a_folder_that_cannot_be_written_keeps_nobody_from_testing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert start_logging(tmp_path / "file") is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_caught_is_logged_and_told_from_any_thread(own_environment: Path) -> None:
    path = start_logging()
    assert path is not None
    told: list[str] = []
    catch_uncaught(lambda: told.append(threading.current_thread().name))

    def fail() -> None:
        message = "at 203.0.113.7"
        raise ZeroDivisionError(message)

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    try:
        fail()
    except ZeroDivisionError as error:
        sys.excepthook(ZeroDivisionError, error, error.__traceback__)
    assert told == ["worker", "MainThread"]
    assert path.read_text().count("ZeroDivisionError: at <address>") == 2


def test_what_is_kept_in_memory_is_safe_before_it_is_kept(ring: None, only_expected_warnings: list[str]) -> None:
    only_expected_warnings.append("no answer from 203.0.113.7 at https://example.org/x?token=abc, key •••")
    ROOT.warning("no answer from %s at https://example.org/x?token=abc, key %s", "203.0.113.7", Secret("hunter2"))
    (entry,) = recent()
    assert (entry.level, entry.source) == ("WARNING", "atajo")
    assert entry.moment.endswith("Z")
    assert "•••" in entry.message
    assert not [each for each in ("203.0.113.7", "token", "hunter2") if each in str(entry)]


def test_what_is_kept_in_memory_is_bounded_newest_last(ring: None) -> None:
    for number in range(MOST_ENTRIES + 5):
        ROOT.info("note %d", number)
    ROOT.info("%s", "long " * MAX_MESSAGE)
    kept = recent()
    assert len(kept) == MOST_ENTRIES
    assert kept[-2].message == f"note {MOST_ENTRIES + 4}"
    assert len(kept[-1].message) == MAX_MESSAGE


def test_a_traceback_is_kept_without_the_home_folder(ring: None, only_expected_warnings: list[str]) -> None:
    only_expected_warnings.append("it failed")
    try:
        raise ValueError(str(Path.home() / "secret.conf"))
    except ValueError:
        ROOT.exception("it failed")
    (entry,) = recent()
    assert "Traceback" in entry.message
    assert str(Path.home()) not in entry.message


def test_steps_are_not_kept_in_memory_unless_they_tell_of_a_fault(ring: None) -> None:
    ROOT.debug("o1 dns x/x.com ok")
    assert recent() == ()


def test_keeping_twice_keeps_once(ring: None) -> None:
    keep_recent()
    ROOT.info("once")
    assert len(recent()) == 1
