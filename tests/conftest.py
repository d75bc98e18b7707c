"""Every test: no screen needed, an environment of its own, nothing reached but loopback, nothing unexpected said or left behind.

Asynchronous tests need no plugin: an ordinary test calls ``run_async(coroutine)``, which also fails on leaked tasks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

# Before anything imports Qt.  An empty value counts as set for Qt, hence no setdefault.
os.environ["QT_QPA_PLATFORM"] = os.environ.get("QT_QPA_PLATFORM") or "offscreen"

import pytest
from hypothesis import HealthCheck, settings

from tests import guards

OUTER_SETTINGS = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("LANGUAGE", "LC_ALL", "LC_MESSAGES", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"),
)
LOOPBACK = guards.LoopbackOnly()
LOOPBACK.install()

settings.register_profile(
    "atajo",
    deadline=None,  # a busy machine is no defect
    derandomize=bool(os.environ.get("CI")),  # the same verdict for the same commit; at home it goes on searching
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("atajo")

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts the tests in the background may have it ignored

T = TypeVar("T")


class RunAsync(Protocol):
    """Run a coroutine to its end on a loop of its own and return its result."""

    def __call__(self, coroutine: Coroutine[Any, Any, T], /) -> T: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need root where there is none."""
    if not guards.may_make_namespaces():
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs root on Linux"))


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the test a data folder of its own (returned) and hide the machine's proxies, roots and language from it."""
    for name in OUTER_SETTINGS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in [name for name in os.environ if name.startswith("ATAJO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("ATAJO_DATA", str(tmp_path / "atajo-data"))
    return tmp_path / "atajo-data"


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[list[str]]:
    """Fail a test that tried to reach anything but loopback, even if the code under test swallowed the refusal."""
    LOOPBACK.offences.clear()
    yield LOOPBACK.offences
    assert LOOPBACK.offences == [], "tried to leave this machine"


@pytest.fixture(autouse=True)
def only_expected_warnings(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Fail a test whose code logs a warning that the test did not list."""
    expected: list[str] = []
    yield expected
    loud = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert loud == expected


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a window open or a thread running.  Leaked sockets and files fail by ResourceWarning."""
    before = set(threading.enumerate())
    yield
    assert (guards.windows_left(), guards.threads_left(before)) == ([], [])


@pytest.fixture
def run_async() -> RunAsync:
    """Return a function that runs a coroutine and fails if a task outlives it."""

    async def watched(coroutine: Coroutine[Any, Any, T]) -> T:
        result = await coroutine
        left = [repr(task.get_coro()) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == [], "tasks outlived the test's coroutine"
        return result

    def run(coroutine: Coroutine[Any, Any, T], /) -> T:
        return asyncio.run(watched(coroutine))

    return run
