"""Hysteria 2 against servers that speak QUIC and mean harm, or speak something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import H3Connection
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StreamDataReceived
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.model import Endpoint
from diagnostics.routes.dial import why_not
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.hysteria2 import Salamander
from tests.conftest import RunAsync
from tests.real_servers.authority import Authority
from tests.routes.loopback import BRIEF, HERE, PATIENT, Loopback, Outcome, tried

NAME = "proxy.example"
LOGIN, TCP = 0, 4
"""The client's first two streams in both directions."""


class Far(QuicConnectionProtocol):
    """The server's side; ``conduct`` is told what comes and answers as it likes."""

    def __init__(self, conduct: Conduct, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._conduct = conduct
        self.h3: H3Connection | None = None
        self.told: set[int] = set()

    def quic_event_received(self, event: QuicEvent) -> None:
        self.h3 = self.h3 or H3Connection(self._quic)
        if isinstance(event, StreamDataReceived):
            if event.stream_id != TCP:
                self.h3.handle_event(event)
            if event.stream_id in (LOGIN, TCP) and event.stream_id not in self.told:
                self.told.add(event.stream_id)
                self._conduct(self, event.stream_id)

    def status(self, status: bytes) -> None:
        assert self.h3 is not None
        self.h3.send_headers(LOGIN, [(b":status", status)], end_stream=True)
        self.transmit()

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        self._quic.send_stream_data(stream, data, end)
        self.transmit()

    def reset(self, stream: int) -> None:
        self._quic.reset_stream(stream, 7)
        self.transmit()


Conduct = Callable[[Far, int], None]


def logging_in(status: bytes) -> Conduct:
    """Return a server that answers the login so, and says no more."""
    return lambda far, stream: far.status(status) if stream == LOGIN else None


def once_in(answer: Callable[[Far], None]) -> Conduct:
    """Return a server that takes the login and answers the request for a target so."""
    return lambda far, stream: far.status(b"233") if stream == LOGIN else answer(far)


@asynccontextmanager
async def quic_server(authority: Authority, conduct: Conduct, days: int = 60) -> AsyncIterator[int]:
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"], max_datagram_frame_size=65536)
    configuration.load_cert_chain(*authority.issue("quic", [NAME], days))
    server = await serve(HERE, 0, configuration=configuration, create_protocol=lambda *args, **options: Far(conduct, *args, **options))
    transport = server._transport
    assert transport is not None
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        server.close()
        await asyncio.sleep(0)


def met(conduct: Conduct, tmp_path: Path, run_async: RunAsync, seconds: float = PATIENT) -> Outcome:
    authority = Authority(tmp_path)

    async def go() -> Outcome:
        async with quic_server(authority, conduct) as port:
            link = parse_link(f"hysteria2://pw@{HERE}:{port}?sni={NAME}")
            return await tried(link, Endpoint(host="page.example"), Loopback(authority.bundle), seconds)

    found = run_async(go())
    assert not found.good
    assert found.verdict.cause != "proxy_blocked", "what a secure connection brings nobody on the way has made"
    return found


@pytest.mark.parametrize(
    "days, name, failure, code",
    [
        (60, NAME, "ssl_unknown_authority", 20),
        (-1, NAME, "ssl_invalid_certificate", 10),
        (60, "other.example", "ssl_invalid_hostname", 62),
        (60, HERE, "ssl_invalid_hostname", 62),
    ],
)
def test_a_certificate_is_refused_with_the_number_of_its_fault(
    days: int, name: str, failure: str, code: int, tmp_path: Path, run_async: RunAsync
) -> None:
    authority = Authority(tmp_path)
    known = authority if code != 20 else Authority(tmp_path, "Another Root")

    async def go() -> Outcome:
        async with quic_server(authority, logging_in(b"233"), days) as port:
            link = parse_link(f"hysteria2://pw@{HERE}:{port}?sni={name}")
            return await tried(link, Endpoint(host="page.example"), Loopback(known.bundle))

    found = run_async(go())
    assert found.failures == [("secure", failure)]
    assert found.observations[-1].detail["verify_code"] == code


@pytest.mark.parametrize("status", [b"404", b"200", b"401", b"301", b"500"])
def test_every_status_but_the_one_is_a_refused_login(status: bytes, tmp_path: Path, run_async: RunAsync) -> None:
    found = met(logging_in(status), tmp_path, run_async)
    assert (found.failures, found.said) == ([("open", "proxy_authentication_failed")], ("down", "proxy_auth", "route.login_refused"))
    assert found.stage("open")[0].detail["status"] == int(status)


HUGE = encode_uint_var(1 << 40)


@pytest.mark.parametrize(
    "conduct",
    [
        lambda far, stream: far.send(stream, b"\x00\x05hello") if stream == LOGIN else None,  # data before a head
        lambda far, stream: far.send(stream, b"\x01\x05\xff\xff\xff\xff\xff") if stream == LOGIN else None,  # a head that cannot be read
        lambda far, stream: far.send(stream, b"\x01" + HUGE + b"x" * 600_000) if stream == LOGIN else None,  # a head without end
        lambda far, stream: far.close(error_code=0x10C, reason_phrase="no") if stream == LOGIN else None,
        once_in(lambda far: far.send(TCP, b"\x00" + HUGE + b"x" * 3000)),  # a message without end
        once_in(lambda far: far.send(TCP, b"\x00\x00" + HUGE)),  # padding without end
        once_in(lambda far: far.close(error_code=0x10C, reason_phrase="no")),
    ],
)
def test_what_breaks_the_protocol_is_a_bad_reply(conduct: Conduct, tmp_path: Path, run_async: RunAsync) -> None:
    found = met(conduct, tmp_path, run_async)
    assert (found.failures, found.said) == ([("open", "proxy_bad_reply")], ("down", "proxy_wrong_protocol", "route.other_protocol"))


@pytest.mark.parametrize(
    "conduct",
    [
        once_in(lambda far: far.send(TCP, b"\x01\x02no\x00")),
        once_in(lambda far: far.close(error_code=0x100)),
        once_in(lambda far: far.send(TCP, b"\x00\x05hi", end=True)),
        once_in(lambda far: far.reset(TCP)),
    ],
)
def test_a_target_that_is_not_opened_accuses_nobody(conduct: Conduct, tmp_path: Path, run_async: RunAsync) -> None:
    found = met(conduct, tmp_path, run_async)
    assert (found.failures, found.said) == ([("open", "proxy_target_failed")], ("down", None, "route.reaches_nothing"))


@pytest.mark.parametrize(
    "conduct", [lambda _far, _stream: None, once_in(lambda _far: None), once_in(lambda far: far.send(TCP, b"\x00\x05h"))]
)
def test_a_server_that_says_no_more_is_not_waited_for_longer(conduct: Conduct, tmp_path: Path, run_async: RunAsync) -> None:
    assert met(conduct, tmp_path, run_async, 1.0).failures == [("open", "generic_timeout_error")]


def test_what_comes_through_is_judged_by_the_target(tmp_path: Path, run_async: RunAsync) -> None:
    found = met(once_in(lambda far: far.send(TCP, b"\x00\x02ok\x03pad" + b"garbage" * 50_000)), tmp_path, run_async)
    assert found.failures == [("tls", "ssl_failed_handshake")]


class Parrot(asyncio.DatagramProtocol):
    """Answers every datagram with something."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        assert self._transport is not None
        if answer := self._answer(data):
            self._transport.sendto(answer, addr)


def negotiating(data: bytes) -> bytes:
    """Return a version negotiation (RFC 9000, section 17.2.1) that offers nothing that exists."""
    mine, rest = data[6 : 6 + data[5]], data[6 + data[5] :]
    theirs = rest[1 : 1 + rest[0]]
    return b"\x80\0\0\0\0" + bytes([len(theirs)]) + theirs + bytes([len(mine)]) + mine + b"\x0a\x0a\x0a\x0a"


@pytest.mark.parametrize("cover", ["", "&obfs=salamander&obfs-password=x"])
@pytest.mark.parametrize("answer", [lambda _: b"", lambda data: data, lambda data: b"x" * len(data), lambda data: data[:20], negotiating])
def test_datagrams_of_something_else_are_no_connection(
    answer: Callable[[bytes], bytes], cover: str, tmp_path: Path, run_async: RunAsync
) -> None:
    async def go() -> Outcome:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Parrot(answer), local_addr=(HERE, 0))
        try:
            link = parse_link(f"hysteria2://pw@{HERE}:{transport.get_extra_info('sockname')[1]}?sni={NAME}{cover}")
            return await tried(link, Endpoint(host="page.example"), Loopback(Authority(tmp_path).bundle), BRIEF)
        finally:
            transport.close()
            await asyncio.sleep(0)

    found = run_async(go())
    assert [stage for stage, _ in found.failures] == ["connect"]
    assert found.said == ("down", "proxy_unreachable", "route.silent")


@given(st.binary(min_size=1, max_size=1500), st.text(max_size=10))
def test_a_covered_datagram_can_be_uncovered(data: bytes, password: str) -> None:
    cover = Salamander(password)
    assert cover.off(cover.put(data)) == data
    assert cover.off(data[:8]) is None


def test_without_its_library_or_with_another_cover_it_needs_its_own_program(monkeypatch: pytest.MonkeyPatch) -> None:
    link = parse_link("hysteria2://pw@h.example?sni=a.example")
    assert why_not(link) == ""
    assert why_not(parse_link("hysteria2://pw@h.example?obfs=other")) == "transport"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert why_not(link) == "kind"
