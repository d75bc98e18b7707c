"""A page over HTTP/3, from servers that mean well and others that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from msgspec.structs import replace

from diagnostics.model import WAYS, Step
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.place import Place
from diagnostics.trust import Trust
from diagnostics.workarounds.attempt import Aim, Recipe, Try
from diagnostics.workarounds.http3 import attempt_http3
from tests.conftest import RunAsync
from tests.real_servers.authority import Authority
from tests.routes.loopback import HERE
from tests.workarounds.boxes import NAME, Site

BODY = b"<title>page</title>" + b"x" * 80_000
Conduct = Callable[["Far", int, dict[bytes, bytes]], None]


class Far(QuicConnectionProtocol):
    """The server's side; ``conduct`` answers each request."""

    def __init__(self, conduct: Conduct, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._conduct = conduct
        self.h3: H3Connection | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        self.h3 = self.h3 or H3Connection(self._quic)
        for item in self.h3.handle_event(event):
            if isinstance(item, HeadersReceived):
                self._conduct(self, item.stream_id, dict(item.headers))
                self.transmit()

    def head(self, stream: int, status: int, **fields: str) -> None:
        assert self.h3 is not None
        head = [(b":status", str(status).encode()), *((name.encode(), value.encode()) for name, value in fields.items())]
        self.h3.send_headers(stream, head)

    def data(self, stream: int, data: bytes, *, end: bool) -> None:
        assert self.h3 is not None
        self.h3.send_data(stream, data, end)

    def raw(self, stream: int, data: bytes) -> None:
        self._quic.send_stream_data(stream, data, end_stream=False)

    def reset(self, stream: int) -> None:
        self._quic.reset_stream(stream, 7)


def whole(far: Far, stream: int, _: dict[bytes, bytes]) -> None:
    """Send the page."""
    far.head(stream, 200)
    far.data(stream, BODY, end=True)


def moving(far: Far, stream: int, head: dict[bytes, bytes]) -> None:
    """Send on to another path of the same host."""
    if head[b":path"] == b"/":
        far.head(stream, 302, location="/other")
        far.data(stream, b"", end=True)
    else:
        whole(far, stream, head)


def frozen(far: Far, stream: int, _: dict[bytes, bytes]) -> None:
    """Begin the page."""
    far.head(stream, 200)
    far.data(stream, b"x" * 16_000, end=False)


def cut(far: Far, stream: int, head: dict[bytes, bytes]) -> None:
    """Begin the page and reset the stream."""
    frozen(far, stream, head)
    far.reset(stream)


def endless(far: Far, stream: int, _: dict[bytes, bytes]) -> None:
    """Send a head without end."""
    far.raw(stream, b"\x01\xc0\x00\x00\x10\x00\x00\x00\x00" + b"x" * 600_000)


def refused(far: Far, stream: int, _: dict[bytes, bytes]) -> None:
    """Refuse."""
    far.head(stream, 451)
    far.data(stream, b"no", end=True)


def unreadable(far: Far, stream: int, _: dict[bytes, bytes]) -> None:
    """Send data before a head."""
    far.raw(stream, b"\x00\x05hello")


@asynccontextmanager
async def quic_server(authority: Authority, conduct: Conduct, name: str, days: int) -> AsyncIterator[int]:
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    configuration.load_cert_chain(*authority.issue("quic", [name], days))
    server = await serve(HERE, 0, configuration=configuration, create_protocol=lambda *args, **options: Far(conduct, *args, **options))
    transport = server._transport
    assert transport is not None
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        server.close()
        await asyncio.sleep(0)


def tried(
    site: Site, run_async: RunAsync, conduct: Conduct, *, name: str = NAME, days: int = 60, page: bool = True, stranger: bool = False
) -> Try:
    authority = Authority(site.folder, "Stranger") if stranger else site.authority

    async def go() -> Try:
        async with quic_server(authority, conduct, name, days) as port:
            aim: Aim = replace(site.aim(), place=Place("https", NAME, port), page=page)
            return await attempt_http3(site.context(), aim, HERE, Recipe("h3", 1))

    found = run_async(go())
    assert tuple(site.observations) == found.evidence
    assert {(o.route, o.detail["way"], o.detail["attempt"], o.detail["goal"]) for o in found.evidence} == {
        (WAYS, "h3", 1, found.evidence[0].detail["goal"])
    }
    return found


@pytest.mark.parametrize("conduct, steps", [(whole, 2), (moving, 4)])
def test_a_whole_page_under_a_valid_certificate_passes(conduct: Conduct, steps: int, tmp_path: Path, run_async: RunAsync) -> None:
    found = tried(Site(tmp_path), run_async, conduct)
    assert found.passed
    assert [o.step for o in found.evidence] == [Step.QUIC, Step.HTTP] * (steps // 2)
    assert (found.evidence[-1].detail["body_bytes"], found.evidence[-1].detail["title"]) == (65536, "page")


@pytest.mark.parametrize("suffix, passed", [(NAME, True), ("other.example", False)])
def test_a_service_s_own_roots_count_for_its_own_names_only(suffix: str, passed: bool, tmp_path: Path, run_async: RunAsync) -> None:
    own = Authority(tmp_path, "Stranger")

    async def go() -> Try:
        site = Site(tmp_path)
        async with quic_server(own, whole, NAME, 60) as port:
            trusts = Trusts(Trust(str(site.authority.bundle)), own.bundle.read_text(), (suffix,))
            aim = replace(site.aim(), place=Place("https", NAME, port), trusts=trusts)
            return await attempt_http3(site.context(), aim, HERE, Recipe("h3", 1))

    assert run_async(go()).passed is passed


def test_the_public_roots_are_read_without_complaint_and_do_not_vouch_for_a_stranger(tmp_path: Path, run_async: RunAsync) -> None:
    async def go() -> Try:
        site = Site(tmp_path)
        async with quic_server(site.authority, whole, NAME, 60) as port:
            aim = replace(site.aim(), place=Place("https", NAME, port), trusts=Trusts(Trust()))
            return await attempt_http3(site.context(), aim, HERE, Recipe("h3", 1))

    assert run_async(go()).evidence[-1].failure == "ssl_unknown_authority"


def test_a_handshake_is_enough_where_there_is_no_page(tmp_path: Path, run_async: RunAsync) -> None:
    found = tried(Site(tmp_path), run_async, refused, page=False)
    assert found.passed
    assert [o.step for o in found.evidence] == [Step.QUIC]


@pytest.mark.parametrize(
    "stranger, name, days, failure, code",
    [
        (True, NAME, 60, "ssl_unknown_authority", 20),
        (False, "other.example", 60, "ssl_invalid_hostname", 62),
        (False, NAME, -1, "ssl_invalid_certificate", 10),
    ],
)
def test_a_certificate_is_refused_with_the_number_of_its_fault(
    stranger: bool, name: str, days: int, failure: str, code: int, tmp_path: Path, run_async: RunAsync
) -> None:
    found = tried(Site(tmp_path), run_async, whole, stranger=stranger, name=name, days=days)
    assert (found.passed, found.cut) == (False, False)
    assert (found.evidence[-1].failure, found.evidence[-1].detail["verify_code"]) == (failure, code)


@pytest.mark.parametrize(
    "conduct, failure, size",
    [
        (frozen, "generic_timeout_error", 16_000),
        (cut, "connection_reset", None),
        (endless, "http_request_failed", None),
        (unreadable, "http_request_failed", None),
        (refused, None, 2),
        (lambda far, _stream, _head: far.close(), "http_request_failed", None),
        (lambda _far, _stream, _head: None, "generic_timeout_error", None),
    ],
)
def test_anything_less_is_no_page(conduct: Conduct, failure: str | None, size: int | None, tmp_path: Path, run_async: RunAsync) -> None:
    found = tried(Site(tmp_path, seconds=1.0), run_async, conduct)
    assert not found.passed
    assert [o.failure for o in found.evidence] == [None, failure]
    assert found.evidence[-1].detail.get("body_bytes") == size


def test_where_nobody_answers_the_handshake_fails(tmp_path: Path, run_async: RunAsync) -> None:
    async def go() -> Try:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(HERE, 0))
        try:
            site = Site(tmp_path, seconds=0.5)
            aim = replace(site.aim(), place=Place("https", NAME, transport.get_extra_info("sockname")[1]))
            return await attempt_http3(site.context(), aim, HERE, Recipe("h3", 1))
        finally:
            transport.close()
            await asyncio.sleep(0)

    found = run_async(go())
    assert (found.passed, found.cut, found.evidence[-1].failure) == (False, True, "generic_timeout_error")
