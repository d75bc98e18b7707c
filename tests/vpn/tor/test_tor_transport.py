"""The person's own program for obfs4: found, started, listened to, ended; stand-ins play it well and badly."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.vpn.profile import Source
from diagnostics.vpn.tor.bridge import BridgeProfile, parse_bridge
from diagnostics.vpn.tor.transport import CHOSEN, PluggableTransport, TransportError, find_program, written_arguments
from tests.conftest import RunAsync
from tests.vpn.tor.relay import Conduct, Identity, Outcome, Reader, Writer, examined, honest, listening
from tests.vpn.tor.test_bridges import CERT
from tests.vpn.tor.test_tor_link import carry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stand-ins are shell scripts")


def stand_in(folder: Path, body: str, name: str = "lyrebird") -> Path:
    """Write a program that says what ``body`` says and then waits for the end of its input."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\nwhile read -r _; do :; done\n")
    path.chmod(0o700)
    return path


def offer(port: int) -> str:
    return f"echo VERSION 1\necho CMETHOD obfs4 socks5 127.0.0.1:{port}\necho CMETHODS DONE"


async def started(path: Path, seconds: float = 20.0) -> tuple[str, int]:
    """Start a program, and return where it says that it listens."""
    async with PluggableTransport(path, seconds=seconds) as transport:
        link = transport.link({"cert": CERT, "iat-mode": "0"})
        return link.host, link.port


def test_a_program_that_offers_the_method_is_a_proxy_on_this_computer(run_async: RunAsync, tmp_path: Path) -> None:
    assert run_async(started(stand_in(tmp_path, offer(4711)))) == ("127.0.0.1", 4711)


@pytest.mark.parametrize(
    "body",
    [
        "echo ENV-ERROR no state",
        "echo CMETHOD-ERROR obfs4 no",
        "echo CMETHODS DONE",
        "echo CMETHOD obfs4 socks5 192.0.2.7:443\necho CMETHODS DONE",
        "echo CMETHOD obfs4 socks4 127.0.0.1:443\necho CMETHODS DONE",
        "echo CMETHOD other socks5 127.0.0.1:443\necho CMETHODS DONE",
        "echo CMETHOD obfs4 socks5 127.0.0.1:99999\necho CMETHODS DONE",
        "head -c 100000 /dev/urandom\nexit 0",
        "yes",
        "exit 3",
    ],
)
def test_a_program_that_offers_nothing_of_use_is_ended(run_async: RunAsync, tmp_path: Path, body: str) -> None:
    with pytest.raises(TransportError):
        run_async(started(stand_in(tmp_path, body)))


def test_a_program_that_says_nothing_is_not_waited_for_for_ever(run_async: RunAsync, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        run_async(started(stand_in(tmp_path, ""), seconds=0.3))


def test_a_file_that_is_no_program_is_said_to_be_none(run_async: RunAsync, tmp_path: Path) -> None:
    path = tmp_path / "lyrebird"
    path.write_bytes(b"\0\1\2")
    path.chmod(0o700)
    with pytest.raises(TransportError):
        run_async(started(path))


def test_the_programs_private_folder_and_the_program_itself_are_gone_afterwards(
    run_async: RunAsync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = tmp_path / "told"
    facts = 'echo "$$ $TOR_PT_STATE_LOCATION $TOR_PT_CLIENT_TRANSPORTS $TOR_PT_EXIT_ON_STDIN_CLOSE"; stat -c %a .'
    path = stand_in(tmp_path, f"({facts}) > {told}\n{offer(4711)}")
    run_async(started(path))
    first, mode = told.read_text().splitlines()
    pid, state, transports, ends = first.split()
    assert (transports, ends, mode) == ("obfs4", "1", "700")
    assert not Path(state).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_a_program_that_talks_on_and_on_is_listened_to_and_ended(run_async: RunAsync, tmp_path: Path) -> None:
    assert run_async(started(stand_in(tmp_path, f"{offer(4711)}\nyes")))[1] == 4711


def test_a_cancelled_start_ends_the_program(run_async: RunAsync, tmp_path: Path) -> None:
    async def story() -> int:
        pid = asyncio.get_running_loop().create_future()

        async def report(reader: Reader, _writer: Writer) -> None:
            pid.set_result(int(await reader.readline()))
            await reader.read()

        async with listening(report, tls=False) as port:
            path = stand_in(tmp_path, f'exec {sys.executable} -c "\nimport os, socket\n{_REPORT.format(port=port)}"')
            starting = asyncio.ensure_future(started(path))
            ran: int = await pid
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
        return ran

    with pytest.raises(ProcessLookupError):
        os.kill(run_async(story()), 0)


_REPORT = "s = socket.create_connection(('127.0.0.1', {port}))\ns.sendall(b'%d\\n' % os.getpid())\ns.recv(1)"


def test_the_program_that_the_person_names_is_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stand_in(tmp_path, "", "my-transport")
    monkeypatch.setenv(CHOSEN, str(path))
    assert find_program() == path
    monkeypatch.setenv(CHOSEN, str(tmp_path / "missing"))
    assert find_program() is None


def test_the_search_path_and_tor_browsers_folder_are_looked_into_and_the_working_folder_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here, tools = (tmp_path / name for name in ("home", "here", "tools"))
    inside = home / "tor-browser" / "Browser" / "TorBrowser" / "Tor" / "PluggableTransports"
    for folder in (inside, here, tools):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.chdir(here)
    stand_in(here, "")
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", "here", str(tools)]))
    assert find_program() is None
    browser = stand_in(inside, "")
    assert find_program() == browser
    assert find_program() != stand_in(tools, "", "obfs4proxy").with_name("lyrebird")
    assert find_program() == tools / "obfs4proxy"
    (tools / "obfs4proxy").chmod(0o600)
    assert find_program() == browser


def test_arguments_are_written_as_transports_read_them() -> None:
    user, password = written_arguments({"cert": "a=b;c\\d", "iat-mode": "0"})
    assert (user.reveal(), password.reveal()) == ("cert=a\\=b\\;c\\\\d;iat-mode=0", "\0")


@given(st.dictionaries(st.text("abc=;\\", min_size=1, max_size=9), st.text("xyz=;\\0", max_size=200), min_size=1, max_size=3))
def test_arguments_can_be_read_back_from_both_fields(arguments: dict[str, str]) -> None:
    try:
        user, password = (part.reveal() for part in written_arguments(arguments))
    except ValueError:
        assert sum(map(len, (*arguments, *arguments.values()))) > 200
        return
    assert 1 <= len(user) <= 255
    assert 1 <= len(password) <= 255
    assert unescaped(user + password.removesuffix("\0")) == arguments


def unescaped(text: str) -> dict[str, str]:
    """Read arguments as a transport does."""
    words, at = [[""]], 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
            words[-1][-1] += text[at]
        elif text[at] == ";":
            words.append([""])
        elif text[at] == "=" and len(words[-1]) == 1:
            words[-1].append("")
        else:
            words[-1][-1] += text[at]
        at += 1
    return {pair[0]: pair[1] for pair in words}


def socks(reply: int, onward: int, heard: list[bytes]) -> Conduct:
    """Return the SOCKS port of a transport that answers with ``reply`` and leads to a port of this computer."""

    async def conduct(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(4)
        writer.write(b"\5\2")
        _, size = await reader.readexactly(2)
        user = await reader.readexactly(size)
        password = await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\1\0")
        heard.extend([user + password.removesuffix(b"\0"), await reader.readexactly(10)])
        if reply < 0:
            await reader.read()
            return
        writer.write(b"\5" + bytes([reply]) + b"\0\1" + bytes(6))
        if reply == 0:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", onward)
            try:
                await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
            finally:
                far_writer.close()
        else:
            await reader.read()

    return conduct


def obfs4(port: int, fingerprint: str) -> BridgeProfile:
    return parse_bridge(Source(f"obfs4 127.0.0.1:{port} {fingerprint} cert={CERT} iat-mode=1"))


async def through(folder: Path, monkeypatch: pytest.MonkeyPatch, reply: int, heard: list[bytes]) -> Outcome:
    """Examine an obfs4 bridge by way of a stand-in whose SOCKS port answers with ``reply``."""
    someone = Identity()
    async with listening(honest(someone)) as port, listening(socks(reply, port, heard), tls=False) as socks_port:
        monkeypatch.setenv(CHOSEN, str(stand_in(folder, offer(socks_port))))
        return await examined(obfs4(port, someone.fingerprint))


def test_an_obfs4_bridge_that_proves_who_it_is_works_for_certain(
    run_async: RunAsync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    outcome = run_async(through(tmp_path, monkeypatch, 0, heard))
    assert outcome.said == ("works", None, "certain", "vpn.tor_verified")
    assert [stage for stage, _ in outcome.stages] == ["port", "transport", "handshake", "keys", "clock"]
    assert heard[0] == f"cert={CERT};iat-mode=1".encode()
    assert heard[1].startswith(b"\5\1\0\1\x7f\0\0\1")
    assert CERT not in repr(outcome.observations)


def test_an_obfs4_bridge_that_does_not_open_accuses_nobody(run_async: RunAsync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run_async(through(tmp_path, monkeypatch, 1, []))
    assert outcome.said == ("unknown", None, "none", "vpn.obfs4_silent")


def test_an_obfs4_bridge_that_is_silent_accuses_nobody(run_async: RunAsync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnostics.vpn.tor.probe.OBFS4_EXTRA", 0.0)
    outcome = run_async(through(tmp_path, monkeypatch, -1, []))
    assert outcome.said == ("unknown", None, "none", "vpn.obfs4_silent")


def test_without_the_program_an_obfs4_bridge_is_not_tested(run_async: RunAsync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> Outcome:
        async with listening(honest(Identity())) as port:
            monkeypatch.setenv(CHOSEN, str(tmp_path / "missing"))
            return await examined(obfs4(port, "A" * 40))

    assert run_async(story()).said == ("not_tested", None, "none", "vpn.obfs4_no_program")


def test_a_program_that_does_not_start_leaves_the_bridge_untested(
    run_async: RunAsync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> Outcome:
        async with listening(honest(Identity())) as port:
            monkeypatch.setenv(CHOSEN, str(stand_in(tmp_path, "echo ENV-ERROR no")))
            return await examined(obfs4(port, "A" * 40))

    assert run_async(story()).said == ("not_tested", None, "none", "vpn.obfs4_program_failed")
