"""Blocking library calls, without blocking the loop or the end of the program."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


async def daemon_call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return ``function(*args)``, run in a daemon thread of its own that is named after it.

    ``asyncio.to_thread`` uses the default executor, and the end of the loop waits for that: a name query that hangs for
    6 s then holds the exit of the program for 6 s, and six of them starve everything else on a two-core computer.
    Cancelling returns at once; the abandoned thread ends by itself and its result is dropped.  The caller bounds how
    many calls are under way.

    Raises whatever ``function`` raises; ``StopIteration`` becomes ``RuntimeError``, since a future cannot carry it.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(outcome: concurrent.futures.Future[T]) -> None:
        if future.done():
            return  # cancelled meanwhile: nobody waits for it
        error = outcome.exception()
        if error is None:
            future.set_result(outcome.result())
        else:
            future.set_exception(RuntimeError("StopIteration") if isinstance(error, StopIteration) else error)

    def work() -> None:
        outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
        try:
            outcome.set_result(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - a thread must hand every error to the task that waits for it
            outcome.set_exception(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the program is ending
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=work, name=getattr(function, "__name__", "daemon-call"), daemon=True).start()
    return await future
