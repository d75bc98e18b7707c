"""The engine's thread: one asyncio loop in one daemon thread, and the bridge back to the window.

The window's thread owns an :class:`EngineThread`.  What the engine tells comes back as one Qt signal that carries a tuple
of immutable events, at most ``MAX_RATE`` times a second, however much is measured.  No engine object reaches the window
and no widget reaches the engine; only this file knows both worlds.

asyncio and everything that measures is imported in the thread, after the window is up: that is worth more than 100 ms of
the first paint.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol

from PySide6.QtCore import QObject, Qt, Signal, Slot

from diagnostics.errors import InputError
from diagnostics.events import Event
from diagnostics.model import Report

if TYPE_CHECKING:
    import asyncio

MAX_RATE: Final = 30
"""Most signals a second."""

STOP_SECONDS: Final = 1.5
"""How long a closing window waits for the engine to put its sockets away; after that the daemon thread is abandoned."""

log = logging.getLogger("atajo.engine")


class Measuring(Protocol):
    """A run of the engine, as far as this thread has to know it."""

    async def complete(self) -> Report:
        """Measure everything and return the report; a cancelled run returns what it has."""
        ...

    def cancel(self) -> None:
        """End the run soon; from the loop's thread."""
        ...


Tell = Callable[[Event], None]
Prepare = Callable[[Tell], AbstractAsyncContextManager[Measuring]]
"""Makes a run inside the thread: imports the engine, opens the network, plans; closes the network afterwards."""


class EngineThread(QObject):
    """Runs the engine beside the window.  All public methods are called from the window's thread."""

    arrived = Signal(int, tuple)
    """The number of a run and its events since the last signal, in order."""

    failed = Signal(int, object)
    """The number of a run and the exception that ended it; comes instead of ``RunDone``."""

    _finished = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Make the object; the thread begins with :meth:`open`."""
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runs = 0
        self._task: asyncio.Task[None] | None = None
        self._run: Measuring | None = None
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    # --- the window's side ---

    def open(self) -> None:
        """Begin the thread; call it after the first paint.  Asking twice changes nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="atajo-engine", daemon=True)
            self._thread.start()

    def start(self, prepare: Prepare) -> int:
        """Begin a run and return its number; one that is still under way is cancelled first.

        The number tells its signals from late ones of the run before.
        """
        self.open()
        self._runs += 1
        number = self._runs
        self._post(lambda: self._start(prepare, number))
        return number

    def cancel(self) -> None:
        """Ask the run to end; what it has comes as ``RunDone``.  Returns at once."""
        self._post(self._cancel)

    def work(self, job: Callable[[], Any], done: Callable[[Any, BaseException | None], None]) -> None:
        """Run a blocking function away from the window and call ``done(result, error)`` in the window's thread."""
        self.open()
        self._post(lambda: self._begin_work(job, done))

    def close(self) -> None:
        """End the run and the thread, waiting at most ``STOP_SECONDS``."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._post(self._stop)
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            log.warning("the engine did not stop in time")

    @Slot(object, object, object)
    def _deliver(self, done: Callable[[Any, BaseException | None], None], result: object, error: BaseException | None) -> None:
        """Call a job's receiver, here in the window's thread."""
        done(result, error)

    # --- the engine's side ---

    def _post(self, call: Callable[[], None]) -> None:
        """Call ``call`` in the loop; before there is a loop it waits, so that nobody waits for it."""
        with self._lock:
            if self._loop is None:
                self._waiting.append(call)
            elif not self._loop.is_closed():
                self._loop.call_soon_threadsafe(call)

    def _serve(self) -> None:
        import asyncio

        loop = asyncio.new_event_loop()
        with self._lock:
            self._loop = loop
            for call in self._waiting:
                loop.call_soon(call)
            self._waiting.clear()
        try:
            loop.run_forever()
        finally:
            with self._lock:
                loop.close()
                self._loop = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._running_loop.create_task(work)
        self._tasks.add(task)  # the loop itself keeps only weak references
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop; only what the loop itself calls may ask."""
        if self._loop is None:
            message = "the engine's thread has not begun"
            raise RuntimeError(message)
        return self._loop

    def _begin_work(self, job: Callable[[], Any], done: Callable[[Any, BaseException | None], None]) -> None:
        self._spawn(self._work(job, done))

    def _start(self, prepare: Prepare, number: int) -> None:
        bridge = _Bridge(self._running_loop, lambda events: self.arrived.emit(number, events))
        before = self._task
        self._cancel()
        self._run = None
        self._task = self._spawn(self._measure(prepare, bridge, before))
        self._task.add_done_callback(lambda task: self._settled(task, bridge, number))

    def _settled(self, task: asyncio.Task[None], bridge: _Bridge, number: int) -> None:
        """Take the outcome of a run: a defect of ours is logged and told, never lost."""
        bridge.flush()
        if task is self._task:
            self._task = self._run = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            if not isinstance(error, InputError):  # that is a sentence for the person, not a defect
                log.error("a run ended with an error", exc_info=error)
            self.failed.emit(number, error)

    async def _measure(self, prepare: Prepare, bridge: _Bridge, before: asyncio.Task[None] | None) -> None:
        import asyncio

        if before is not None:
            await asyncio.wait([before])  # two runs at once would disturb each other
        async with prepare(bridge.tell) as run:
            if asyncio.current_task() is self._task:
                self._run = run
            await run.complete()

    async def _work(self, job: Callable[[], Any], done: Callable[[Any, BaseException | None], None]) -> None:
        from diagnostics.daemon import daemon_call

        try:
            self._finished.emit(done, await daemon_call(job), None)
        except (InputError, OSError, ValueError, ImportError, RuntimeError) as error:
            self._finished.emit(done, None, error)

    def _cancel(self) -> None:
        if self._run is not None:
            self._run.cancel()
        elif self._task is not None:
            self._task.cancel()  # still preparing: there is nothing to keep

    def _stop(self) -> None:
        self._cancel()
        self._spawn(self._put_away())

    async def _put_away(self) -> None:
        """Let every task end by itself for a second, then cancel what is left and end the loop."""
        import asyncio

        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            _done, late = await asyncio.wait(others, timeout=STOP_SECONDS * 0.6)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=STOP_SECONDS * 0.2)
        asyncio.get_running_loop().stop()


class _Bridge:
    """Gathers events in the engine's thread and hands them over at a bounded rate."""

    def __init__(self, loop: asyncio.AbstractEventLoop, emit: Callable[[tuple[Event, ...]], None]) -> None:
        self._loop = loop
        self._emit = emit
        self._pending: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None
        self._last = -1.0

    def tell(self, event: Event) -> None:
        """Take an event; it leaves with the next signal."""
        self._pending.append(event)
        if self._timer is None:
            due = max(self._loop.time(), self._last + 1 / MAX_RATE)
            self._timer = self._loop.call_at(due, self.flush)

    def flush(self) -> None:
        """Hand over what has gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending:
            events, self._pending = tuple(self._pending), []
            self._last = self._loop.time()
            self._emit(events)
