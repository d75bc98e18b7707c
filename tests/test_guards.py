"""The guards of ``conftest.py`` can fail: each is shown the thing it exists to catch."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunAsync
from tests.guards import OutsideContactError, is_local, threads_left, windows_left

OUTSIDE = ("192.0.2.1", 9)  # TEST-NET-1, RFC 5737: belongs to nobody
ROOT = Path(__file__).resolve().parent.parent


def tcp(call: str) -> Callable[[], object]:
    """Return a function that makes one socket call towards the outside."""

    def attempt() -> object:
        with socket.socket() as sock:
            return getattr(sock, call)(OUTSIDE)

    return attempt


def udp(call: str, *before: object) -> Callable[[], object]:
    """Return a function that sends one datagram towards the outside."""

    def attempt() -> object:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            return getattr(sock, call)(*before, OUTSIDE)

    return attempt


@pytest.mark.parametrize(
    "attempt",
    [
        tcp("connect"),
        tcp("connect_ex"),
        udp("connect"),
        udp("sendto", b"x"),
        udp("sendto", b"x", 0),
        udp("sendmsg", [b"x"], [], 0),
        lambda: socket.create_connection(("example.org", 443)),
        lambda: socket.getaddrinfo("example.org", 443),
        lambda: socket.gethostbyname("example.org"),
        lambda: socket.gethostbyaddr("192.0.2.1"),
        lambda: socket.getnameinfo(OUTSIDE, 0),
    ],
)
def test_a_call_that_would_leave_this_machine_is_refused_and_remembered(attempt: Callable[[], object], loopback_only: list[str]) -> None:
    with pytest.raises(OutsideContactError):
        attempt()
    assert len(loopback_only) == 1
    loopback_only.clear()


def test_asyncio_goes_through_the_same_guard(run_async: RunAsync, loopback_only: list[str]) -> None:
    async def stream() -> None:
        await asyncio.open_connection(*OUTSIDE)

    async def named_stream() -> None:
        await asyncio.open_connection("example.org", 443)

    async def datagram() -> None:
        await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=OUTSIDE)

    async def low_level() -> None:
        with socket.socket() as sock:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, OUTSIDE)

    for attempt in (stream, named_stream, datagram, low_level):
        with pytest.raises(OutsideContactError):
            run_async(attempt())
    assert len(loopback_only) == 4
    loopback_only.clear()


def test_loopback_stays_open(run_async: RunAsync) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def scenario() -> bytes:
        async with await asyncio.start_server(echo, "127.0.0.1") as server:
            reader, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
            writer.write(b"hola\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
        return answer

    assert run_async(scenario()) == b"hola\n"


@pytest.mark.parametrize(
    "host, local",
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        (b"127.0.0.1", True),
        ("localhost", True),
        (None, True),
        ("0.0.0.0", False),
        ("", False),
        ("10.0.0.1", False),
        ("::ffff:8.8.8.8", False),
        ("fe80::1%lo", False),
        ("localhost.example.org", False),
    ],
)
def test_only_loopback_counts_as_local(host: object, local: bool) -> None:
    assert is_local(host) is local


def test_a_task_that_outlives_its_coroutine_is_caught(run_async: RunAsync) -> None:
    tasks = []

    async def leaky() -> None:
        tasks.append(asyncio.create_task(asyncio.Event().wait()))

    with pytest.raises(AssertionError, match="outlived"):
        run_async(leaky())
    assert tasks[0].cancelled()


def test_a_thread_that_does_not_end_is_named() -> None:
    before = set(threading.enumerate())
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="stray")
    thread.start()
    try:
        assert threads_left(before) == ["stray"]
    finally:
        stop.set()
        thread.join()
    assert threads_left(before) == []


def test_a_window_left_open_is_named_and_closed(qapp: object) -> None:
    from PySide6.QtWidgets import QWidget

    widget = QWidget()
    widget.setObjectName("stray.window")
    widget.show()
    assert windows_left() == ["stray.window"]
    assert windows_left() == []


def test_a_listed_warning_is_accepted(only_expected_warnings: list[str]) -> None:
    logging.getLogger("atajo.test").warning("as announced")
    only_expected_warnings.append("as announced")


def test_what_a_test_does_in_passing_fails_it(tmp_path: Path) -> None:
    """Run pytest on throw-away tests with this project's conftest and settings: every one must fail, each for its own reason."""
    reasons = {
        "logs": ("logging.getLogger('x').warning('not announced')", "['not announced'] == []"),
        "calls_out": ("swallow(lambda: socket.create_connection(('192.0.2.1', 9)))", "tried to leave this machine"),
        "leaves_a_thread": ("threading.Thread(target=threading.Event().wait, name='stray', daemon=True).start()", "['stray']"),
        "leaves_a_socket": ("socket.socket()", "ResourceWarning: unclosed <socket"),
        "is_deprecated": ("warnings.warn('old', DeprecationWarning)", "DeprecationWarning: old"),
        "marks": ("pytest.fail('reached')", "'unheard_of' not found in `markers`"),
    }
    lines = ["import contextlib, logging, socket, threading, warnings", "import pytest", ""]
    lines += ["def swallow(call):", "    with contextlib.suppress(AssertionError):", "        call()", ""]
    for name, (body, _) in reasons.items():
        lines += ["@pytest.mark.unheard_of"] * (name == "marks") + [f"def test_{name}():", f"    {body}", ""]
    good = lines.index("@pytest.mark.unheard_of")  # a marker nobody declared stops the whole file, so it gets one of its own
    (tmp_path / "test_throwaway.py").write_text("\n".join(lines[:good]))
    (tmp_path / "test_marks.py").write_text("\n".join(["import pytest", *lines[good:]]))
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "--continue-on-collection-errors"]
    run = subprocess.run([*command, "-p", "tests.conftest", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    summary = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    for name, (_, complaint) in reasons.items():
        assert complaint in run.stdout, f"{name}: {run.stdout}"
        assert any(f"test_{name}" in line for line in summary), summary
