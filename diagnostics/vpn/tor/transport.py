"""The person's own lyrebird (once obfs4proxy), run as tor would run it: a managed pluggable transport.

Source: pt-spec, version 1 (spec.torproject.org/pt-spec, read 2026-11); run against obfs4proxy 0.0.14.  The program is told by its
environment what to offer, says on its standard output at which local port, and carries TCP over SOCKS5, where the arguments of the bridge
travel as user and password.  It ends when its standard input is closed, so that it cannot outlive this program.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final, Self

from diagnostics.daemon import daemon_call
from diagnostics.routes.link import Kind, Link, Secret

CHOSEN: Final = "ATAJO_LYREBIRD"
"""The variable with which a person names the program."""

PROGRAMS: Final = ("lyrebird", "obfs4proxy")
START_SECONDS: Final = 8.0
"""How long the program may take to offer its port; obfs4proxy takes 20 ms, the rest allows for a virus scanner."""

MOST_LINE: Final = 4096
MOST_LINES: Final = 64
MOST_ARGUMENT: Final = 255
"""Bytes of a user or a password of SOCKS5 (RFC 1929)."""

JOIN_SECONDS: Final = 2.0
"""How long the end of the program's output is waited for."""

_REFUSALS: Final = frozenset({"ENV-ERROR", "VERSION-ERROR", "PROXY-ERROR", "CMETHOD-ERROR"})
_BROWSER: Final = Path("Browser", "TorBrowser", "Tor", "PluggableTransports")
_OFFER: Final = re.compile(r"CMETHOD (\S{1,32}) socks5 (\S{1,64}):(\d{1,5})\s*")


class TransportError(OSError):
    """The program could not be started, or offered nothing that can be used."""


def find_program() -> Path | None:
    """Return the person's pluggable transport, or None: the one they named, else on the search path, else in Tor Browser's folder."""
    chosen = os.environ.get(CHOSEN)
    if chosen:
        path = Path(chosen)
        return path if path.is_absolute() and _runs(path) else None
    suffix = ".exe" if sys.platform == "win32" else ""
    return next((path for folder in _folders() for name in PROGRAMS if _runs(path := folder / f"{name}{suffix}")), None)


def _folders() -> Iterator[Path]:
    """Return where the program may be, from the search path on; never this program's own working folder."""
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if Path(entry).is_absolute():
            yield Path(entry)
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield from _browser_folders(Path.home())


def _browser_folders(home: Path) -> Iterator[Path]:
    """Return where Tor Browser lies by default, by system."""
    if sys.platform == "win32":
        tops = [home / "Desktop", home / "OneDrive" / "Desktop", home / "Downloads"]
        tops += [Path(value) for name in ("ProgramFiles", "LOCALAPPDATA") if (value := os.environ.get(name))]
        yield from (top / "Tor Browser" / _BROWSER for top in tops)
    elif sys.platform == "darwin":
        tops = [Path("/Applications"), home / "Applications", home / "Desktop", home / "Downloads"]
        yield from (top / "Tor Browser.app" / "Contents" / "MacOS" / "Tor" / "PluggableTransports" for top in tops)
    else:
        launched = Path("torbrowser", "tbb", "x86_64", "tor-browser")
        yield home / ".local" / "share" / launched / _BROWSER
        yield home / ".var" / "app" / "org.torproject.torbrowser-launcher" / "data" / launched / _BROWSER
        for top in (home, *(home / name for name in ("Downloads", "Descargas", "Desktop", "Escritorio"))):
            yield top / "tor-browser" / _BROWSER


def _runs(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode) and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


def written_arguments(arguments: Mapping[str, str]) -> tuple[Secret, Secret]:
    """Return a bridge's arguments as user and password of SOCKS5 (pt-spec 3.5).  ValueError for more than both can hold."""
    text = ";".join(f"{_escaped(key)}={_escaped(value)}" for key, value in arguments.items())
    if not text.isascii() or not 1 <= len(text) <= 2 * MOST_ARGUMENT:
        message = "arguments that do not fit"
        raise ValueError(message)
    return Secret(text[:MOST_ARGUMENT]), Secret(text[MOST_ARGUMENT:] or "\0")


def _escaped(text: str) -> str:
    return re.sub(r"([\\;=])", r"\\\1", text)


class PluggableTransport:
    """A pluggable transport that runs for as long as the block does: ``async with PluggableTransport(path) as transport:``."""

    def __init__(self, program: Path, name: str = "obfs4", seconds: float = START_SECONDS) -> None:
        """Start nothing yet; ``seconds`` is how long it may take to offer its port."""
        self._program = program
        self._name = name
        self._seconds = seconds
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._state = ""
        self._address: tuple[str, int] | None = None
        self._told = "nothing was offered"

    async def __aenter__(self) -> Self:
        """Start it and wait for its offer.  Raises TransportError, TimeoutError."""
        heard = asyncio.Event()
        entered = False
        try:
            async with asyncio.timeout(self._seconds):
                await daemon_call(self._start, asyncio.get_running_loop(), heard)
                await heard.wait()
            if self._address is None:
                raise TransportError(self._told)
            entered = True
        finally:
            if not entered:
                await self._end()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        await self._end()

    def link(self, arguments: Mapping[str, str]) -> Link:
        """Return the program as the proxy that it is, with the arguments of a bridge.  Raises TransportError while it does not run."""
        if self._address is None:
            raise TransportError(self._told)
        host, port = self._address
        user, password = written_arguments(arguments)
        return Link(kind=Kind.SOCKS5, host=host, port=port, user=user, secret=password)

    def _start(self, loop: asyncio.AbstractEventLoop, heard: asyncio.Event) -> None:
        """Start the program, in a thread; what was closed meanwhile is not started any more."""
        with self._lock:
            if self._closed:
                return
            self._state = tempfile.mkdtemp(prefix="atajo-")  # for this user alone
            try:
                self._process = subprocess.Popen(
                    [str(self._program)],
                    env=self._environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=self._state,
                    start_new_session=True,  # a script that starts the real program ends together with it
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
            except (OSError, ValueError) as error:
                raise TransportError(type(error).__name__) from None
            if self._process.stdout is not None:
                listening = (self._process.stdout, loop, heard)
                self._listener = threading.Thread(target=self._listen, args=listening, name="transport-output", daemon=True)
                self._listener.start()

    def _environment(self) -> dict[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith("TOR_PT_")}
        return own | {
            "TOR_PT_MANAGED_TRANSPORT_VER": "1",
            "TOR_PT_STATE_LOCATION": self._state,
            "TOR_PT_CLIENT_TRANSPORTS": self._name,
            "TOR_PT_EXIT_ON_STDIN_CLOSE": "1",
        }

    def _listen(self, output: IO[bytes], loop: asyncio.AbstractEventLoop, heard: asyncio.Event) -> None:
        """Read what the program offers, in a thread; then go on reading until its end, so that it never waits for us."""
        with output:
            for _ in range(MOST_LINES):
                if self._last(output.readline(MOST_LINE).decode("ascii", "replace")):
                    break
            with contextlib.suppress(RuntimeError):  # the loop is closed: the program is ending
                loop.call_soon_threadsafe(heard.set)
            while output.read(MOST_LINE):
                pass

    def _last(self, line: str) -> bool:
        """Take one line of what the program says; tell whether nothing follows that matters."""
        word = line.partition(" ")[0].strip()
        if not line or word in _REFUSALS:
            self._told = word or "ended"
            return True
        if word == "CMETHOD":
            self._address = self._offered(line) or self._address
        return line.split()[:2] == ["CMETHODS", "DONE"]

    def _offered(self, line: str) -> tuple[str, int] | None:
        """Return the address of an offer: of this computer alone."""
        found = _OFFER.fullmatch(line.rstrip("\r\n"))
        if found is None or found[1] != self._name:
            return None
        try:
            address = ipaddress.ip_address(found[2].strip("[]"))
        except ValueError:
            return None
        port = int(found[3])
        return (str(address), port) if address.is_loopback and 1 <= port <= 65535 else None

    async def _end(self) -> None:
        """End the program; that goes on in its thread even if the wait for it is cancelled."""
        await asyncio.shield(daemon_call(self._close))

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process is not None:
            _kill(process)
            process.wait()
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
        if self._listener is not None:
            self._listener.join(JOIN_SECONDS)
        if self._state:
            shutil.rmtree(self._state, ignore_errors=True)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program, and on systems that know sessions whatever it started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
