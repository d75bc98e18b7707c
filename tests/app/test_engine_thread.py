"""The bridge between the engine's loop and the window: few signals, quick stops, calm failures, no thread left."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from pytestqt.qtbot import QtBot

from app.engine_thread import MAX_RATE, EngineThread, Measuring, Prepare, Tell
from diagnostics.errors import InputError
from diagnostics.events import Event, RunDone, RunStarted, StepStarted
from diagnostics.model import Report, RunFacts, Step

Body = Callable[[Tell], Awaitable[None]]


class FakeRun:
    """A run that does what it is told and, when cancelled, returns what it has."""

    def __init__(self, body: Body, tell: Tell) -> None:
        self._body = body
        self._tell = tell
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False

    async def complete(self) -> Report:
        async def work() -> None:
            await self._body(self._tell)

        self._task = asyncio.create_task(work())
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
        report = Report(run=RunFacts(cancelled=self._cancelled))
        self._tell(RunDone(report=report))
        return report

    def cancel(self) -> None:
        self._cancelled = True
        if self._task:
            self._task.cancel()


def run_of(body: Body, closed: list[str] | None = None) -> Prepare:
    @asynccontextmanager
    async def prepare(tell: Tell) -> AsyncIterator[Measuring]:
        try:
            yield FakeRun(body, tell)
        finally:
            if closed is not None:
                closed.append("closed")

    return prepare


async def hang(tell: Tell) -> None:
    tell(RunStarted(targets=("x",)))
    await asyncio.Event().wait()


@pytest.fixture
def engine(qtbot: QtBot) -> Iterator[EngineThread]:
    thread = EngineThread()
    yield thread
    thread.close()


@pytest.fixture
def heard(engine: EngineThread) -> list[tuple[int, tuple[Event, ...]]]:
    signals: list[tuple[int, tuple[Event, ...]]] = []
    engine.arrived.connect(lambda number, events: signals.append((number, events)))
    return signals


def ended(heard: list[tuple[int, tuple[Event, ...]]], number: int) -> bool:
    return any(run == number and isinstance(event, RunDone) for run, events in heard for event in events)


def test_thousands_of_events_arrive_in_order_and_in_few_signals(
    qtbot: QtBot, engine: EngineThread, heard: list[tuple[int, tuple[Event, ...]]]
) -> None:
    async def chatter(tell: Tell) -> None:
        for burst in range(30):
            for number in range(100):
                tell(StepStarted(step=Step.DNS, host=str(burst * 100 + number)))
            await asyncio.sleep(0.01)

    began = time.monotonic()
    number = engine.start(run_of(chatter))
    qtbot.waitUntil(lambda: ended(heard, number))
    took = time.monotonic() - began
    hosts = [event.host for _run, events in heard for event in events if isinstance(event, StepStarted)]
    assert hosts == [str(each) for each in range(3000)]
    assert len(heard) <= took * MAX_RATE + 3


def test_events_arrive_in_the_windows_own_thread(qtbot: QtBot, engine: EngineThread) -> None:
    threads: list[threading.Thread] = []
    engine.arrived.connect(lambda _number, _events: threads.append(threading.current_thread()))
    engine.start(run_of(hang))
    qtbot.waitUntil(lambda: bool(threads))
    assert set(threads) == {threading.main_thread()}


def test_cancel_returns_at_once_and_the_partial_report_follows(
    qtbot: QtBot, engine: EngineThread, heard: list[tuple[int, tuple[Event, ...]]]
) -> None:
    closed: list[str] = []
    number = engine.start(run_of(hang, closed))
    qtbot.waitUntil(lambda: bool(heard))
    engine.cancel()
    assert not ended(heard, number), "cancel does not wait for the engine"
    qtbot.waitUntil(lambda: ended(heard, number))
    assert closed == ["closed"]
    report = next(event.report for _run, events in heard for event in events if isinstance(event, RunDone))
    assert report.run.cancelled


def test_cancelling_before_the_thread_has_begun_is_not_lost(
    qtbot: QtBot, engine: EngineThread, heard: list[tuple[int, tuple[Event, ...]]]
) -> None:
    engine.start(run_of(hang))
    engine.cancel()
    done: list[object] = []
    engine.work(lambda: "after", lambda result, _error: done.append(result))
    qtbot.waitUntil(lambda: done == ["after"])
    assert not any(isinstance(event, RunDone) and not event.report.run.cancelled for _run, events in heard for event in events)


def test_a_new_run_ends_the_one_before_and_their_signals_tell_them_apart(
    qtbot: QtBot, engine: EngineThread, heard: list[tuple[int, tuple[Event, ...]]]
) -> None:
    async def short(tell: Tell) -> None:
        tell(RunStarted(targets=("second",)))

    first = engine.start(run_of(hang))
    qtbot.waitUntil(lambda: bool(heard))
    second = engine.start(run_of(short))
    qtbot.waitUntil(lambda: ended(heard, second))
    assert ended(heard, first)
    order = [run for run, _events in heard]
    assert order == sorted(order)


def test_a_defect_in_the_engine_is_logged_and_told_once(
    qtbot: QtBot, engine: EngineThread, only_expected_warnings: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_tell: Tell) -> None:
        message = "a defect"
        raise ZeroDivisionError(message)

    failures: list[tuple[int, BaseException]] = []
    engine.failed.connect(lambda number, error: failures.append((number, error)))
    number = engine.start(run_of(broken))
    qtbot.waitUntil(lambda: bool(failures))
    assert [(run, type(error)) for run, error in failures] == [(number, ZeroDivisionError)]
    assert "a defect" in caplog.text
    only_expected_warnings.append("a run ended with an error")


def test_input_that_cannot_be_used_is_told_and_not_logged(qtbot: QtBot, engine: EngineThread) -> None:
    @asynccontextmanager
    async def refuse(tell: Tell) -> AsyncIterator[Measuring]:
        if engine.objectName() == "":
            text = "error.unknown_target"
            raise InputError(text, name="q", known="x")
        yield FakeRun(hang, tell)

    failures: list[BaseException] = []
    engine.failed.connect(lambda _number, error: failures.append(error))
    engine.start(refuse)
    qtbot.waitUntil(lambda: bool(failures))
    assert isinstance(failures[0], InputError)


def test_what_was_told_before_a_defect_still_arrives(
    qtbot: QtBot, engine: EngineThread, heard: list[tuple[int, tuple[Event, ...]]], only_expected_warnings: list[str]
) -> None:
    async def half(tell: Tell) -> None:
        tell(RunStarted(targets=("x",)))
        raise ZeroDivisionError

    failures: list[object] = []
    engine.failed.connect(lambda _number, error: failures.append(error))
    engine.start(run_of(half))
    qtbot.waitUntil(lambda: bool(failures))
    assert [type(event) for _run, events in heard for event in events] == [RunStarted]
    only_expected_warnings.append("a run ended with an error")


def test_blocking_work_is_done_elsewhere_and_its_result_delivered_here(qtbot: QtBot, engine: EngineThread) -> None:
    results: list[tuple[object, object, threading.Thread]] = []

    def work() -> str:
        return threading.current_thread().name

    def fail() -> str:
        message = "disk"
        raise OSError(message)

    engine.work(work, lambda result, error: results.append((result, error, threading.current_thread())))
    qtbot.waitUntil(lambda: len(results) == 1)
    engine.work(fail, lambda result, error: results.append((result, type(error), threading.current_thread())))
    qtbot.waitUntil(lambda: len(results) == 2)
    main = threading.main_thread()
    assert results[0][0] != main.name
    assert results[1][:2] == (None, OSError)
    assert {thread for _result, _error, thread in results} == {main}


def test_closing_in_the_middle_of_a_run_ends_the_thread_and_closes_the_network(
    qtbot: QtBot, heard: list[tuple[int, tuple[Event, ...]]], engine: EngineThread, caplog: pytest.LogCaptureFixture
) -> None:
    closed: list[str] = []
    with caplog.at_level(logging.INFO):
        engine.start(run_of(hang, closed))
        qtbot.waitUntil(lambda: bool(heard))
        engine.close()
    assert closed == ["closed"]
    assert not any(thread.name == "atajo-engine" for thread in threading.enumerate())


def test_closing_twice_or_unopened_is_harmless(engine: EngineThread) -> None:
    engine.close()
    engine.open()
    engine.close()
    engine.close()
    assert not any(thread.name == "atajo-engine" for thread in threading.enumerate())
