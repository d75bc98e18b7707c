"""What this computer's lines look like without a VPN: networks and countries, no address; forgotten after 30 days."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.paths import data_folder, write_whole
from diagnostics.daemon import daemon_call
from diagnostics.model import Report
from diagnostics.vpn.protection.line import LineMemory, learnt, read_memory

if TYPE_CHECKING:
    from app.engine_thread import Measuring

log = logging.getLogger("atajo.line")

MOST_BYTES = 65536


def _file() -> Path:
    return data_folder() / "line.json"


def load() -> LineMemory:
    """Return what is remembered; nothing where there is no file, or one that is none."""
    try:
        with _file().open("rb") as file:
            return read_memory(file.read(MOST_BYTES))
    except OSError:
        return LineMemory()


class Remembering:
    """A run of the window that leaves what it saw of the line to the next one (``app.engine_thread.Measuring``)."""

    def __init__(self, run: Measuring, before: LineMemory) -> None:
        """Let ``run`` measure; ``before`` is what is remembered already."""
        self._run = run
        self._before = before

    async def complete(self) -> Report:
        """Measure everything, remember, and return the report."""
        report = await self._run.complete()
        await daemon_call(keep, self._before, report)
        return report

    def cancel(self) -> None:
        """End the run soon."""
        self._run.cancel()


def wipe() -> None:
    """Forget every line.  Raises OSError."""
    _file().unlink(missing_ok=True)


def keep(before: LineMemory, report: Report) -> bool:
    """Remember what a run saw of the line, if no VPN was up and the network was real; return whether that is remembered now."""
    if report.run.simulated is not None or report.network.vpn.state != "none":
        return False
    after = learnt(before, report.observations, dt.datetime.now(dt.UTC).date())
    if after == before:
        return False
    try:
        write_whole(_file(), msgspec.json.encode(after), private=True)
    except OSError as error:  # it is learnt again next time
        log.info("the line is not remembered: %s", type(error).__name__)
        return False
    return True
