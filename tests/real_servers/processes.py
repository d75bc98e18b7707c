"""Daemons of the laboratory: started in a namespace, waited for until they listen, ended by their process id."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.real_servers.netns import Namespace

PATIENCE = 15.0
"""Seconds until a daemon has to listen; unbound needs 0.1 s, the rest allows for a busy computer."""

_LISTENING = {"tcp": "0A", "udp": "07"}  # states in /proc/net/tcp and /proc/net/udp


class Daemon:
    """A program that runs in a namespace until it is stopped."""

    def __init__(self, space: Namespace, log: Path, *words: str) -> None:
        """Start it; what it prints goes to ``log``."""
        self._words = words
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                space.wrap(*words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the tests, and they end the daemons
            )

    def wait_for(self, *ports: tuple[str, int]) -> None:
        """Wait until it listens at every (``tcp`` or ``udp``, port).  Raises RuntimeError when it ends or never does."""
        self._wait_until(lambda: self._listens(ports))

    def wait_for_line(self, text: str) -> None:
        """Wait until it has printed ``text``.  Raises RuntimeError when it ends or never does."""
        self._wait_until(lambda: text in self.printed())

    def _wait_until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
            if self.process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(self._words)} does not run:\n{self.printed()}")

    def printed(self) -> str:
        """Return the end of what it printed."""
        return self._log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """End it, gently and then for certain."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    def _listens(self, ports: Iterable[tuple[str, int]]) -> bool:
        """Look into the kernel's tables of the namespace that the process lives in."""
        return all(port in self._ports_of(protocol) for protocol, port in ports)

    def _ports_of(self, protocol: str) -> set[int]:
        table = Path(f"/proc/{self.process.pid}/net/{protocol}")
        with contextlib.suppress(OSError):  # the process has ended: the caller sees that
            rows = [row.split() for row in table.read_text().splitlines()[1:]]
            return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENING[protocol]}
        return set()
