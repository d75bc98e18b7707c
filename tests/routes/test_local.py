"""Proxies of programs on this computer: what answers is named, what is none is left out, and nothing is sent through any of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from diagnostics.errors import InputError
from diagnostics.network import RealNetwork
from diagnostics.routes import local
from diagnostics.routes.link import Kind
from diagnostics.routes.local import Found, find_local
from diagnostics.routes.local_clients import LocalClient, known_clients, read_clients
from diagnostics.trust import Trust
from tests.conftest import RunAsync

SILENT, CLOSES, FLOODS = b"silent", b"closes", b"floods"
SOCKS = {b"\x05": b"\x05\x00"}
SOCKS_LOGIN = {b"\x05": b"\x05\xff"}
WEB = {b"\x05": SILENT, b"O": b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n"}
WEB_AT_ONCE = {b"\x05": b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"}
PROXY = {b"\x05": SILENT, b"O": b"HTTP/1.0 400 Bad Request\r\nServer: tinyproxy/1.11.1\r\n\r\n"}
PROXY_LOGIN = {b"\x05": CLOSES, b"O": b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"}
BARE = {b"\x05": SILENT, b"O": b"HTTP/1.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n"}  # sing-box says no more than this


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "ANSWER_SECONDS", 0.2)


class Listener:
    """A server on loopback that answers by the first byte it is sent; ``heard`` is everything it was sent."""

    def __init__(self, answers: Mapping[bytes, bytes]) -> None:
        self.answers = answers
        self.heard: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await reader.read(1000)
            self.heard.append(asked)
            answer = self.answers.get(asked[:1], CLOSES)
            if answer == SILENT:
                await reader.read()
            elif answer == FLOODS:
                while not writer.is_closing():
                    writer.write(b"x" * 65536)
                    await writer.drain()
            elif answer != CLOSES:
                writer.write(answer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self.port
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()), return_exceptions=True)


async def look(listener: Listener, program: str = "", wandering: str = "") -> tuple[Found, ...]:
    async with listener.listening() as port:
        known = LocalClient(id="x", name="Xray", ports=(port,), programs=("xray",))
        if wandering:
            known = LocalClient(id="x", name="Xray", programs=(wandering,), any_port=True)
        return await find_local(RealNetwork(Trust()), [known], lambda: {port: program} if program else {})


@pytest.mark.parametrize(
    "answers, kind, login, sure",
    [
        (SOCKS, Kind.SOCKS5H, False, True),
        (SOCKS_LOGIN, Kind.SOCKS5H, True, True),
        (PROXY, Kind.HTTP, False, True),
        (PROXY_LOGIN, Kind.HTTP, True, True),
        (BARE, Kind.HTTP, False, False),
    ],
    ids=["socks", "socks with login", "http", "http with login", "http that says little"],
)
def test_a_proxy_is_found_with_its_kind(answers: Mapping[bytes, bytes], kind: Kind, login: bool, sure: bool, run_async: RunAsync) -> None:
    listener = Listener(answers)
    (found,) = run_async(look(listener))
    assert (found.link.kind, found.link.host, found.link.port) == (kind, "127.0.0.1", listener.port)
    assert (found.name, found.link.name, found.named, found.login, found.sure) == ("Xray", "Xray", False, login, sure)


def test_nothing_is_sent_that_a_proxy_could_pass_on(run_async: RunAsync) -> None:
    listener = Listener(PROXY)
    run_async(look(listener))
    assert listener.heard == [b"\x05\x01\x00", local.HTTP_QUESTION]
    assert b"Host" not in local.HTTP_QUESTION
    assert b"//" not in local.HTTP_QUESTION


@pytest.mark.parametrize(
    "answers", [WEB, {b"\x05": SILENT}, {b"\x05": FLOODS}, {b"\x05": b"SSH-2.0-x\r\n", b"O": b"SSH-2.0-x\r\n"}, {}, {b"\x05": b"\x05"}]
)
def test_what_is_no_proxy_is_left_out(answers: Mapping[bytes, bytes], run_async: RunAsync) -> None:
    assert run_async(look(Listener(answers))) == ()


def test_a_web_server_of_another_program_on_a_known_port_is_left_out(run_async: RunAsync) -> None:
    assert run_async(look(Listener(WEB_AT_ONCE), program="nginx")) == ()


def test_the_owner_of_the_port_names_the_proxy(run_async: RunAsync) -> None:
    (known,) = run_async(look(Listener(SOCKS), program="xray"))
    (other,) = run_async(look(Listener(SOCKS), program="microsocks"))
    assert (known.name, known.named) == ("Xray", True)
    assert (other.name, other.named, other.link.name) == ("microsocks", True, "microsocks")


def test_a_program_that_picks_its_port_by_chance_is_found_by_its_name(run_async: RunAsync) -> None:
    (found,) = run_async(look(Listener(SOCKS), program="psiphon-tunnel-core", wandering="psiphon-tunnel-core"))
    assert found.name == "Xray"


def test_a_port_where_nobody_listens_and_a_system_that_tells_nothing_are_no_error(run_async: RunAsync) -> None:
    def refuses() -> dict[int, str]:
        raise PermissionError

    async def scene() -> tuple[Found, ...]:
        async with Listener({}).listening() as port:
            pass
        return await find_local(RealNetwork(Trust()), [LocalClient(id="x", name="X", ports=(port,))], refuses)

    assert run_async(scene()) == ()


def test_the_system_tells_who_listens_or_nothing(run_async: RunAsync) -> None:
    async def scene() -> tuple[int, Mapping[int, str]]:
        async with Listener({}).listening() as port:
            return port, local.listening()

    port, owners = run_async(scene())
    assert "python" in owners.get(port, "python")


# --- the list -------------------------------------------------------------------------------------

LIST = """as_of = 2026-11-25
[[client]]
id = "tor"
name = "Tor"
ports = [9050]
programs = ["tor"]
source = "tor(1)"
checked = true
"""


def test_the_shipped_list_is_sound_and_has_the_usual_ports() -> None:
    ports = {port for client in known_clients() for port in client.ports}
    assert ports >= {9150, 9050, 10808, 10809, 7890, 7891, 7897, 2080, 12334, 1080, 1089, 8118, 9909, 9910, 8077, 9666, 8580, 40000}


@pytest.mark.parametrize(
    "was, becomes, line",
    [
        ('"tor"\nname', '"Tor"\nname', 3),
        ('name = "Tor"', 'name = " "', 4),
        ("[9050]", "[0]", 5),
        ("[9050]", "[]", 5),
        ('["tor"]', '["tor.exe"]', 6),
        ('"tor(1)"', '""', 7),
        ("checked = true", "checked = 1", 8),
        ("as_of = 2026-11-25", 'as_of = "x"', 1),
    ],
)
def test_a_mistake_in_the_list_is_told_with_its_line(was: str, becomes: str, line: int) -> None:
    assert read_clients(LIST, "list.toml") == (LocalClient(id="tor", name="Tor", ports=(9050,), programs=("tor",)),)
    with pytest.raises(InputError) as caught:
        read_clients(LIST.replace(was, becomes, 1), "list.toml")
    assert (caught.value.values["file"], caught.value.values["line"]) == ("list.toml", line)
