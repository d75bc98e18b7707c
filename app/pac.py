"""Runs proxy scripts in a process of their own (``app/pac_worker.py``) and watches it: the ``evaluate`` of ``diagnostics.routes.pac``.

A script gets ``SCRIPT_SECONDS`` in all, not counting what it waits for names, and ``MEMORY_MIB`` of memory; then its process is killed.
Nothing of a script or of its answers is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from diagnostics.routes.pac import MAX_ANSWER, Evaluated, Lookup

log = logging.getLogger("atajo.pac")

START_SECONDS: Final = 20.0
"""Until the worker is ready: a packaged program unpacks itself first, on a slow disk."""

SCRIPT_SECONDS: Final = 2.0
MEMORY_MIB: Final = 320
"""Resident memory of the worker; it begins with some 60 MiB."""

END_SECONDS: Final = 2.0
WATCH_SECONDS: Final = 0.05
MAX_LINE: Final = 64 * 1024
"""Bytes of the longest line that is read from a worker: an answer of 4 KiB, escaped."""

_OUR_FOLDER: Final = Path(__file__).resolve().parent.parent
"""Where ``python -m app`` finds us."""

ARGUMENT: Final = "--pac-worker"

_PASSED_ON: Final = (
    *("PATH", "SYSTEMROOT", "WINDIR", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL", "TZ"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"),
)
"""Variables that a worker may need to start; the others, a proxy's password perhaps among them, are none of its business."""


class _TooSlow(Exception):  # noqa: N818 - an answer, not a defect
    """The worker's time is over."""


class ScriptWorkers:
    """Makes a worker for each script.  ``now`` (milliseconds since 1970) and ``address`` are what scripts are told of this computer."""

    def __init__(self, *, now: float | None = None, address: str = "127.0.0.1", seconds: float = SCRIPT_SECONDS) -> None:
        """Tell scripts nothing true about this computer's address unless it is given."""
        self._now, self._address, self._seconds = now, address, seconds

    async def __call__(self, script: str, pages: Sequence[str], lookup: Lookup) -> Evaluated:
        """Return the script's answers, or the one sentence about why there are none; never raises for what a script does."""
        try:
            process = await _start()
        except OSError as error:
            log.warning("the script's process did not start: %s", error.strerror)
            return Evaluated(failure="pac.not_run")
        greedy = asyncio.Event()
        watching = asyncio.get_running_loop().create_task(_watch(process, greedy))
        conversation = _Conversation(process, lookup, self._seconds)
        asked = {"script": script, "pages": list(pages), "address": self._address, "now": self._now}
        try:
            answers = await conversation.hold(asked, len(pages))
        except _TooSlow:
            return Evaluated(failure="pac.too_slow")
        except (OSError, ValueError, EOFError):  # it died, or what it wrote is no line of ours
            fault = "pac.too_much_memory" if greedy.is_set() or conversation.under_way else "pac.not_run"
            return Evaluated(failure=fault)
        finally:
            watching.cancel()
            await _end(process)
        return answers


class _Conversation:
    """Questions and answers with one worker."""

    def __init__(self, process: asyncio.subprocess.Process, lookup: Lookup, seconds: float) -> None:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        self._to, self._from = process.stdin, process.stdout
        self._lookup = lookup
        self._left = seconds
        self.under_way = False

    async def hold(self, asked: dict[str, Any], count: int) -> Evaluated:
        """Return the answers.  Raises _TooSlow, OSError, EOFError, ValueError."""
        async with asyncio.timeout(START_SECONDS):
            if "ready" not in await self._next():
                raise ValueError
        await self._send(asked)
        self.under_way = True
        answers: list[str | None] = []
        while len(answers) < count:
            message = await self._timed()
            if "resolve" in message:
                await self._send({"found": await self._lookup(str(message["resolve"]))})
            elif "failure" in message:
                return Evaluated(failure="pac.broken")
            elif "answer" in message:
                text = message["answer"]
                answers.append(text if isinstance(text, str) and len(text) <= MAX_ANSWER else None)
            else:
                raise ValueError
        return Evaluated(answers=tuple(answers))

    async def _timed(self) -> dict[str, Any]:
        """Return the next line within what is left of the script's time."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._left):
                return await self._next()
        except TimeoutError:
            raise _TooSlow from None
        finally:
            self._left = max(self._left - (loop.time() - began), 0.001)

    async def _next(self) -> dict[str, Any]:
        line = await self._from.readline()  # ValueError for one that is longer than MAX_LINE
        if not line:
            raise EOFError
        found = json.loads(line)
        return found if isinstance(found, dict) else {}

    async def _send(self, message: dict[str, Any]) -> None:
        self._to.write(json.dumps(message).encode() + b"\n")
        await self._to.drain()


def command() -> list[str]:
    """Return how this program starts itself as a worker."""
    return [sys.executable, ARGUMENT] if getattr(sys, "frozen", False) else [sys.executable, "-m", "app", ARGUMENT]


async def _start() -> asyncio.subprocess.Process:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {"QV4_FORCE_INTERPRETER": "1", "QML_DISABLE_DISK_CACHE": "1"}  # no code is made or kept of a stranger's script
    return await asyncio.create_subprocess_exec(
        *command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        limit=MAX_LINE,
        env=environment,
        cwd=None if getattr(sys, "frozen", False) else _OUR_FOLDER,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


async def _watch(process: asyncio.subprocess.Process, greedy: asyncio.Event) -> None:
    """Kill a worker that takes too much memory."""
    import psutil

    try:
        worker = psutil.Process(process.pid)
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if worker.memory_info().rss > MEMORY_MIB * 1024 * 1024:
                break
    except (psutil.Error, OSError):  # it has ended
        return
    greedy.set()
    _kill(process)


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill a worker.  Python's own ``kill`` looks first whether it has ended, and so takes its exit status from asyncio's watcher."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        if process.returncode is None:
            psutil.Process(process.pid).kill()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a worker for certain, and read what it left behind so that its pipes close."""
    _kill(process)
    with contextlib.suppress(OSError, ValueError):  # a deadline is an OSError, too
        async with asyncio.timeout(END_SECONDS):
            await process.communicate()
