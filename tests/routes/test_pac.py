"""Proxy scripts: fetched within bounds, answers parsed, and nothing that a script or its server does is more than one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.texts import has_text
from diagnostics.errors import InputError
from diagnostics.network import RealNetwork
from diagnostics.routes import pac
from diagnostics.routes.link import Kind, Link
from diagnostics.routes.pac import MAX_SCRIPT, Evaluated, Lookup, PacFinding, ask_script, fetch_script, parse_answer, told_page
from diagnostics.trust import Trust
from tests.conftest import RunAsync


def link(kind: Kind, host: str, port: int) -> Link:
    return Link(kind=kind, host=host, port=port)


@pytest.mark.parametrize(
    "text, ways",
    [
        ("DIRECT", (None,)),
        ("PROXY h.example:3128; DIRECT", (link(Kind.HTTP, "h.example", 3128), None)),
        ("proxy h.example", (link(Kind.HTTP, "h.example", 80),)),
        ("HTTPS h.example; SOCKS 127.0.0.1:1080", (link(Kind.HTTPS, "h.example", 443), link(Kind.SOCKS5H, "127.0.0.1", 1080))),
        ("SOCKS4 1.2.3.4:1;SOCKS5 [::1]:2", (link(Kind.SOCKS4A, "1.2.3.4", 1), link(Kind.SOCKS5H, "::1", 2))),
        ("SOCKS5 [::1]", (link(Kind.SOCKS5H, "::1", 1080),)),
        ("QUIC h:1; PROXY h:99999; PROXY; PROXY a b; DIRECT", (None,)),
        ("DIRECT; DIRECT ;; DIRECT", (None,)),
        ("", None),
        ("nonsense", None),
        ("PROXY a.example:1;" * 500, None),
        (None, None),
    ],
)
def test_answers(text: str | None, ways: object) -> None:
    assert parse_answer(text) == ways


@given(st.text(max_size=200), st.sampled_from(["", "PROXY ", "SOCKS5 [", "DIRECT;"]))
def test_no_answer_whatsoever_raises(text: str, begin: str) -> None:
    assert parse_answer(begin + text) is None or parse_answer(begin + text)


def test_a_script_is_told_the_host_and_nothing_of_the_path() -> None:
    assert told_page("https://ana:secreta@x.com:8443/private?who=ana#me") == "https://x.com:8443/"


# --- fetching -------------------------------------------------------------------------------------


@asynccontextmanager
async def server(*answers: bytes) -> AsyncIterator[str]:
    """Serve these raw answers, one a connection, and yield the address of the first."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(left.pop(0))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/proxy.pac"
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()), return_exceptions=True)


def page(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def fetched(*answers: bytes) -> str:
    async with server(*answers) as url:
        return await fetch_script(RealNetwork(Trust()), url)


def complaint(run_async: RunAsync, *answers: bytes) -> str:
    with pytest.raises(InputError) as caught:
        run_async(fetched(*answers))
    assert has_text(caught.value.text)
    return caught.value.text


def test_a_script_is_read_whole_whatever_it_calls_itself(run_async: RunAsync) -> None:
    body = b"\xef\xbb\xbf// " + b"x" * 200_000
    assert run_async(fetched(page(body))) == body.decode("utf-8-sig")


@pytest.mark.parametrize(
    "answer, text",
    [
        (page(b"no", "404 Not Found"), "pac.unreachable"),
        (page(b"abc")[:-1], "pac.unreachable"),
        (b"SSH-2.0-x\r\n", "pac.unreachable"),
        (b"", "pac.unreachable"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_SCRIPT + 10), "pac.too_large"),
        (page(b"", "302 Found", "Location: http://10.0.0.1/p.pac"), "pac.unreachable"),
        (page(b"", "302 Found", "Location: file:///etc/passwd"), "pac.unreachable"),
    ],
    ids=["not there", "cut short", "no web server", "nothing", "endless", "to a private place", "to a file"],
)
def test_what_a_server_does_instead_is_one_sentence(answer: bytes, text: str, run_async: RunAsync) -> None:
    assert complaint(run_async, answer) == text


@pytest.mark.parametrize(
    "url", ["", "pac", "ftp://h/p.pac", "http://", "http://h:99999/", "http://[/", "file://server/share/p.pac", "data:,x"]
)
def test_an_address_of_no_use_is_one_sentence_and_nothing_is_asked(url: str, run_async: RunAsync) -> None:
    with pytest.raises(InputError, match=r"pac\.address"):
        run_async(fetch_script(RealNetwork(Trust()), url))


def test_a_file_is_read_from_either_spelling(tmp_path: Path, run_async: RunAsync) -> None:
    path = tmp_path / "mi proxy.pac"
    path.write_text("var ñ = 1")
    for url in (path.as_uri(), str(path)):
        assert run_async(fetch_script(RealNetwork(Trust()), url)) == "var ñ = 1"
    with pytest.raises(InputError, match=r"pac\.unreachable"):
        run_async(fetch_script(RealNetwork(Trust()), (tmp_path / "none").as_uri()))


def test_a_server_that_never_answers_is_given_up(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pac, "FETCH_SECONDS", 0.1)

    async def scene() -> None:
        silent = await asyncio.start_server(lambda _reader, writer: writers.append(writer), "127.0.0.1", 0)
        async with silent:
            with pytest.raises(InputError, match=r"pac\.unreachable"):
                await fetch_script(RealNetwork(Trust()), f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/")
            for writer in writers:
                writer.close()

    writers: list[asyncio.StreamWriter] = []
    run_async(scene())


# --- asking ---------------------------------------------------------------------------------------


class FakeEngine:
    """Plays the process that runs scripts."""

    def __init__(self, done: Evaluated, *names: str) -> None:
        self.done, self.names = done, names
        self.asked: list[tuple[str, Sequence[str]]] = []
        self.found: list[str | None] = []

    async def __call__(self, script: str, pages: Sequence[str], lookup: Lookup) -> Evaluated:
        self.asked.append((script, pages))
        self.found = [await lookup(name) for name in self.names]
        return self.done


def ask(run_async: RunAsync, engine: FakeEngine, *pages: str) -> PacFinding:
    async def scene() -> PacFinding:
        async with server(page(b"script")) as url:
            return await ask_script(RealNetwork(Trust()), url, pages, engine)

    return run_async(scene())


def test_each_page_gets_its_own_ways(run_async: RunAsync) -> None:
    engine = FakeEngine(Evaluated(answers=("PROXY h:1", "DIRECT", "nonsense", None)))
    finding = ask(run_async, engine, "https://x.com/home", "https://twimg.com/", "https://a.example/", "https://b.example/")
    assert finding == PacFinding(ways={"https://x.com/home": (link(Kind.HTTP, "h", 1),), "https://twimg.com/": (None,)})
    assert engine.asked == [("script", ["https://x.com/", "https://twimg.com/", "https://a.example/", "https://b.example/"])]


def test_names_that_a_script_has_resolved_are_counted_and_bounded(run_async: RunAsync) -> None:
    engine = FakeEngine(Evaluated(answers=("DIRECT",)), "127.0.0.1", "localhost", "localhost", *(f"127.0.1.{n}" for n in range(40)))
    finding = ask(run_async, engine, "https://x.com/")
    assert engine.found[:3] == ["127.0.0.1", "127.0.0.1", "127.0.0.1"]
    assert len(finding.looked_up) == pac.MOST_LOOKUPS
    assert engine.found[-1] is None


@pytest.mark.parametrize("failure", ["pac.broken", "pac.too_slow", "pac.too_much_memory", "pac.not_run"])
def test_a_script_that_fails_is_one_sentence(failure: str, run_async: RunAsync) -> None:
    assert ask(run_async, FakeEngine(Evaluated(failure=failure)), "https://x.com/").failure == failure
    assert has_text(failure)


def test_answers_that_mean_nothing_are_one_sentence(run_async: RunAsync) -> None:
    assert ask(run_async, FakeEngine(Evaluated(answers=(None,))), "https://x.com/").failure == "pac.no_answer"
