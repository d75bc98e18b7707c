"""A stranger's proxy script runs in a process of its own: what it may call works, and what it should not do ends that process alone."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from app import pac
from app.pac import ScriptWorkers
from app.pac_worker import Channel, Host
from diagnostics.network import RealNetwork
from diagnostics.routes.link import Kind, Link
from diagnostics.routes.pac import Evaluated, PacFinding, ask_script
from diagnostics.trust import Trust
from tests.conftest import RunAsync

WEDNESDAY = dt.datetime(2026, 11, 25, 23, 30, 15, tzinfo=dt.UTC)
BUSY = 0.5
"""Seconds of a processor that a worker has used by the time that it runs its script for certain; starting takes 0.1."""

KNOWN = {"intranet.example": "10.1.2.3"}


async def lookup(name: str) -> str | None:
    return KNOWN.get(name)


async def ran(script: str, pages: Sequence[str] = ("https://www.x.com/",), seconds: float = pac.SCRIPT_SECONDS) -> Evaluated:
    return await ScriptWorkers(now=WEDNESDAY.timestamp() * 1000, address="192.168.1.7", seconds=seconds)(script, pages, lookup)


def finds(body: str) -> str:
    return f"function FindProxyForURL(url, host) {{ {body} }}"


EXPRESSIONS = {
    "isPlainHostName('www')": True,
    "isPlainHostName(host)": False,
    "isPlainHostName('::1')": False,
    "dnsDomainIs(host, '.X.com')": True,
    "dnsDomainIs('x.com', '.x.com')": False,
    "localHostOrDomainIs('www', 'www.x.com')": True,
    "localHostOrDomainIs(host, 'www.x.com')": True,
    "localHostOrDomainIs('home.x.com', 'www.x.com')": False,
    "isResolvable('intranet.example')": True,
    "isResolvable('nowhere.example')": False,
    "dnsResolve('intranet.example')": "10.1.2.3",
    "dnsResolve('nowhere.example')": None,
    "isInNet('10.1.9.9', '10.1.0.0', '255.255.0.0')": True,
    "isInNet('10.2.9.9', '10.1.0.0', '255.255.0.0')": False,
    "isInNet('intranet.example', '10.1.2.0', '255.255.255.0')": True,
    "isInNet('nowhere.example', '0.0.0.0', '0.0.0.0')": False,
    "isInNet('200.1.2.3', '200.1.2.3', '255.255.255.255')": True,
    "myIpAddress()": "192.168.1.7",
    "dnsDomainLevels('www')": 0,
    "dnsDomainLevels(host)": 2,
    "shExpMatch(url, 'https://*.x.com/*')": True,
    "shExpMatch('a.b+c', 'a.b+?')": True,
    "shExpMatch('axb', 'a.b')": False,
    "weekdayRange('WED', 'GMT')": True,
    "weekdayRange('MON', 'FRI', 'GMT')": True,
    "weekdayRange('FRI', 'TUE', 'GMT')": False,
    "weekdayRange('SAT', 'WED', 'GMT')": True,
    "weekdayRange('DOM', 'GMT')": False,
    "dateRange(25, 'GMT')": True,
    "dateRange(1, 24, 'GMT')": False,
    "dateRange('NOV', 'GMT')": True,
    "dateRange('OCT', 'JAN', 'GMT')": True,
    "dateRange('JAN', 'OCT', 'GMT')": False,
    "dateRange(2026, 'GMT')": True,
    "dateRange(2027, 2030, 'GMT')": False,
    "dateRange(25, 'NOV', 'GMT')": True,
    "dateRange(24, 'DEC', 'GMT')": False,
    "dateRange(1, 'JUN', 15, 'AUG', 'GMT')": False,
    "dateRange(1, 'NOV', 15, 'FEB', 'GMT')": True,
    "dateRange('OCT', 2026, 'MAR', 2027, 'GMT')": True,
    "dateRange(26, 'NOV', 2026, 31, 'DEC', 2026, 'GMT')": False,
    "dateRange(25, 'NOV', 2026, 'GMT')": True,
    "dateRange('x', 'GMT')": False,
    "timeRange(23, 'GMT')": True,
    "timeRange(9, 17, 'GMT')": False,
    "timeRange(22, 6, 'GMT')": True,
    "timeRange(23, 0, 23, 30, 'GMT')": True,
    "timeRange(23, 31, 23, 59, 'GMT')": False,
    "timeRange(23, 30, 15, 23, 30, 15, 'GMT')": True,
    "timeRange(23, 30, 16, 1, 0, 0, 'GMT')": False,
    "alert('hello')": None,
    "typeof XMLHttpRequest + typeof Qt + typeof console + typeof setTimeout + typeof require": "undefined" * 5,
}


def test_every_function_of_the_standard(run_async: RunAsync) -> None:
    script = f"var all = [{', '.join(f'function (url, host) {{ return {each}; }}' for each in EXPRESSIONS)}];"
    script += finds("return JSON.stringify(all.map(function (each) { var x = each(url, host); return x === undefined ? null : x; }));")
    done = run_async(ran(script))
    assert done.failure == ""
    assert dict(zip(EXPRESSIONS, json.loads(done.answers[0] or ""), strict=True)) == EXPRESSIONS


def test_pages_get_their_own_answers_and_one_error_costs_one_page(run_async: RunAsync) -> None:
    script = finds("if (host === 'bad.example') { throw 1; } if (host === 'odd.example') { return 7; } return 'PROXY ' + host + ':1';")
    done = run_async(ran(script, [f"https://{host}/" for host in ("a.example", "bad.example", "odd.example", "b.example")]))
    assert done == Evaluated(answers=("PROXY a.example:1", None, None, "PROXY b.example:1"))


def test_a_script_of_a_real_server_is_fetched_run_and_understood(run_async: RunAsync) -> None:
    script = finds(
        "if (dnsDomainIs(host, '.twimg.com')) { return 'DIRECT'; } return 'SOCKS5 127.0.0.1:' + (isResolvable('localhost') ? 9150 : 1);"
    )

    def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(script)}\r\n\r\n{script}".encode())
        writer.close()

    async def scene() -> PacFinding:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/proxy.pac"
            return await ask_script(RealNetwork(Trust()), url, ["https://x.com/home", "https://pbs.twimg.com/"], ScriptWorkers())

    finding = run_async(scene())
    tor = Link(kind=Kind.SOCKS5H, host="127.0.0.1", port=9150)
    assert finding == PacFinding(ways={"https://x.com/home": (tor,), "https://pbs.twimg.com/": (None,)}, looked_up=("localhost",))


@pytest.mark.parametrize(
    "script, failure",
    [
        ("syntax error(", "pac.broken"),
        ("", "pac.broken"),
        ("var FindProxyForURL = 1;", "pac.broken"),
        ("<html>Sign in</html>", "pac.broken"),
        ("for (;;);", "pac.too_slow"),
        (finds("for (;;);"), "pac.too_slow"),
        (
            finds("return shExpMatch(new Array(64).join('a'), new Array(32).join('*a') + 'b') ? '' : dnsResolve(host) || FindProxyForURL;"),
            "",
        ),
    ],
)
def test_scripts_that_are_broken_or_never_end(script: str, failure: str, run_async: RunAsync) -> None:
    done = run_async(ran(script, seconds=0.5))
    assert done.failure == failure or (not failure and done.failure == "pac.too_slow")


@pytest.mark.skipif(sys.platform == "win32", reason="the test counts on the limits of Unix")
@pytest.mark.parametrize(
    "body",
    [
        "var a = []; for (;;) { a.push('x' + a.length + url); }",
        "var a = 'xxxxxxxx'; for (;;) { a = a + a; }",
        "var a = []; for (;;) { a.push(new ArrayBuffer(1 << 20)); }",
    ],
)
def test_a_script_that_eats_memory_ends_its_process_alone(body: str, run_async: RunAsync) -> None:
    done = run_async(ran(finds(body), seconds=20))
    assert done.failure in ("pac.too_much_memory", "")
    assert done.answers in ((), (None,))


def test_an_answer_that_is_too_long_is_none(run_async: RunAsync) -> None:
    assert run_async(ran(finds("return new Array(6000).join('x');"))).answers == (None,)
    assert run_async(ran(finds("return new Array(4000).join('ñ');"))).answers == ("ñ" * 3999,)


def test_no_worker_outlives_its_script_even_when_nobody_waits_any_more(run_async: RunAsync) -> None:
    async def scene() -> None:
        task = asyncio.get_running_loop().create_task(ran(finds("for (;;);"), seconds=60))
        workers: list[psutil.Process] = []
        while not workers:
            await asyncio.sleep(0)
            workers = [each for each in psutil.Process().children() if sum(each.cpu_times()[:2]) > BUSY]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)

    run_async(scene())


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for the program")
@pytest.mark.parametrize(
    "body",
    ["exit 0", "echo nonsense", "echo '{\"ready\": true}'; echo '[]'; exec cat >/dev/null", "exec head -c 100000 /dev/zero", "exec yes"],
)
def test_a_worker_that_is_not_ours_is_one_sentence(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_async: RunAsync) -> None:
    program = tmp_path / "worker"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o700)
    monkeypatch.setattr(pac, "command", lambda: [str(program)])
    assert run_async(ran(finds("return 'DIRECT';"))).failure in ("pac.not_run", "pac.too_much_memory")


def test_a_worker_that_cannot_be_started_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, run_async: RunAsync, only_expected_warnings: list[str]
) -> None:
    monkeypatch.setattr(pac, "command", lambda: ["/nowhere/worker"])
    assert run_async(ran(finds("return 'DIRECT';"))).failure == "pac.not_run"
    only_expected_warnings.append("the script's process did not start: No such file or directory")


def test_a_packaged_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert pac.command() == [sys.executable, "--pac-worker"]


@pytest.mark.skipif(sys.platform == "win32", reason="the limits of Unix")
def test_secrets_of_the_environment_do_not_reach_the_worker(monkeypatch: pytest.MonkeyPatch, run_async: RunAsync) -> None:
    monkeypatch.setenv("https_proxy", "http://ana:secreta@h.example:1")

    async def scene() -> dict[str, str]:
        process = await pac._start()
        try:
            return psutil.Process(process.pid).environ()
        finally:
            await pac._end(process)

    assert "https_proxy" not in run_async(scene())


def test_lines_that_are_no_objects_are_empty() -> None:
    for line in (b"", b"[]\n", b"{\n", b"\xff\n"):
        assert Channel(io.BytesIO(line), io.BytesIO()).receive() == {}


def test_names_of_no_use_are_not_even_asked_for() -> None:
    target = io.BytesIO()
    host = Host(Channel(io.BytesIO(b""), target), "127.0.0.1", None)
    assert (host.resolve(""), host.resolve("x" * 300), host.now(), host.address()) == ("", "", -1.0, "127.0.0.1")
    assert target.getvalue() == b""
