"""The other side of ``app/pac.py``: a process of its own in which a stranger's proxy script runs, and nothing else.

Started as ``python -m app --pac-worker`` (in a packaged program: the program itself with that argument).  It speaks over its standard
input and output alone, one JSON object a line:

    in    {"script": text, "pages": [[url, host], ...], "address": text, "now": milliseconds or null}
    out   {"ready": true}                       before anything is read
          {"resolve": name}                     the script asks for an address; in: {"found": text or null}
          {"answer": text or null}              one for each page, in their order; null: an error, or no text
          {"failure": "pac.broken"}             instead of answers: the script cannot be run at all

The script engine (QJSEngine) has no network, files, timers or console.  The process also gives up, where the system lets it, the right
to open files and sockets, to start processes and to use more memory than ``MEMORY_MIB`` on top of what it has.  Who started it ends it
when it takes too long: an endless script cannot be interrupted from inside.
"""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

from PySide6.QtCore import QCoreApplication, QObject, Slot
from PySide6.QtQml import QJSEngine, QJSValue

from app.pac_standard import STANDARD

MEMORY_MIB: Final = 160
CPU_SECONDS: Final = 10
"""Behind the parent's own limit: a worker whose parent died must not go on for ever."""

MAX_LINE: Final = 8 * 1024 * 1024
"""Bytes of the longest line that is read: a script of 1 MiB, escaped."""

MAX_ANSWER: Final = 4096
MAX_NAME: Final = 253


class Channel:
    """Lines of JSON to and from the parent."""

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        """Speak over two streams of bytes."""
        self._source, self._target = source, target

    def send(self, **message: object) -> None:
        """Send one object.  Raises OSError when the parent is gone."""
        self._target.write(json.dumps(message).encode() + b"\n")
        self._target.flush()

    def receive(self) -> dict[str, Any]:
        """Return the next object; empty at the end, and for anything else."""
        try:
            found = json.loads(self._source.readline(MAX_LINE))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Host(QObject):
    """What a script may ask of the world."""

    def __init__(self, channel: Channel, address: str, now: float | None) -> None:
        """Answer over ``channel``; ``now`` in milliseconds since 1970 stands in for the clock."""
        super().__init__()
        self._channel, self._address, self._now = channel, address, now

    @Slot(str, result=str)
    def resolve(self, name: str) -> str:
        """Return the IPv4 address of a name, or nothing."""
        if not name or len(name) > MAX_NAME:
            return ""
        self._channel.send(resolve=name)
        found = self._channel.receive().get("found")
        return found if isinstance(found, str) else ""

    @Slot(result=str)
    def address(self) -> str:
        """Return this computer's address."""
        return self._address

    @Slot(result=float)
    def now(self) -> float:
        """Return the time to use, or a negative number for the clock's."""
        return -1.0 if self._now is None else self._now


def main() -> int:
    """Serve one request and end."""
    channel = Channel(sys.stdin.buffer, sys.stdout.buffer)
    application = QCoreApplication(["pac"])
    engine = QJSEngine()
    engine.evaluate("1")  # whatever the engine loads, it loads now
    give_up_rights()
    channel.send(ready=True)
    serve(engine, channel)
    del engine, application
    return 0


def serve(engine: QJSEngine, channel: Channel) -> None:
    """Run a script and answer for each page."""
    asked = channel.receive()
    now = asked.get("now")
    host = Host(channel, str(asked.get("address") or "127.0.0.1"), float(now) if isinstance(now, int | float) else None)
    QJSEngine.setObjectOwnership(host, QJSEngine.ObjectOwnership.CppOwnership)
    run(engine, STANDARD).call([engine.globalObject(), engine.newQObject(host)])
    loaded = run(engine, str(asked.get("script") or ""))
    find = engine.globalObject().property("FindProxyForURL")
    if loaded.isError() or not find.isCallable():
        channel.send(failure="pac.broken")
        return
    for page in asked.get("pages") or ():
        answer = find.call([QJSValue(str(page)), QJSValue(urlsplit(str(page)).hostname or "")])
        text = answer.toString() if answer.isString() else None
        channel.send(answer=text if text is not None and len(text) <= MAX_ANSWER else None)


def run(engine: QJSEngine, code: str) -> QJSValue:
    """Return what code gives; PySide6's stubs promise a pair, and its versions differ."""
    found: Any = engine.evaluate(code)
    value: QJSValue = found[0] if isinstance(found, tuple) else found
    return value


def give_up_rights() -> None:
    """Limit what this process can do from now on; Windows has no such limits, there the parent watches alone."""
    if sys.platform == "win32":
        return
    import resource

    import psutil

    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_NOFILE, 3)]
    if sys.platform == "linux":
        limits.append((resource.RLIMIT_AS, psutil.Process().memory_info().vms + MEMORY_MIB * 1024 * 1024))
    for kind, most in limits:
        _soft, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most, most if hard == resource.RLIM_INFINITY else min(most, hard)))
