"""Whatever bytes a server sends, a probe ends with a failure string and never with a surprise."""

from __future__ import annotations

import asyncio
import ssl

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.bogons import is_bogon
from diagnostics.failures import ProtocolError, failure_of
from diagnostics.probes.dns import Question, addresses_of, new_query, read_reply
from diagnostics.probes.http import HttpConnection, Reply, clean, date_of, facts_of, title_of
from diagnostics.probes.place import Place, next_place
from diagnostics.probes.tls import certificate_facts
from diagnostics.streams import Stream, TlsStream
from diagnostics.trust import Trust
from tests.conftest import RunAsync


class Canned(Stream):
    """A stream whose peer says what was written down, then closes."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self.pieces = list(pieces)
        self.written = b""

    async def read(self, limit: int = 65536) -> bytes:
        data = self.pieces.pop(0) if self.pieces else b""
        if len(data) > limit:
            self.pieces.insert(0, data[limit:])
        return data[:limit]

    async def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.pieces.clear()


def asked(*pieces: bytes) -> Reply:
    return asyncio.run(HttpConnection(Canned(*pieces)).request("GET", "x.com", "/"))


# --- HTTP ------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=400), max_size=4))
def test_any_bytes_as_a_response_end_in_a_reply_or_a_known_failure(pieces: list[bytes]) -> None:
    failure = None
    try:
        facts_of(asked(*pieces))
    except (OSError, EOFError) as error:
        failure = failure_of(error)
    assert not (failure or "").startswith("unknown_failure")


@given(st.binary(max_size=300), st.integers(100, 599))
def test_any_body_under_a_proper_head_is_taken_in(body: bytes, status: int) -> None:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    try:
        reply = asked(head + body)
    except (ProtocolError, EOFError):
        assert status < 200
        return
    assert reply.status == status


def test_a_head_without_end_is_refused() -> None:
    with pytest.raises(ProtocolError):
        asked(b"HTTP/1.1 200 OK\r\n", *[b"X-Pad: " + b"a" * 1000 + b"\r\n"] * 100)


def test_a_body_larger_than_asked_for_is_cut_and_counts_as_complete() -> None:
    reply = asked(b"HTTP/1.1 200 OK\r\n\r\n", *[b"a" * 60_000] * 5)
    assert (len(reply.body), reply.complete) == (65_536, True)


def test_a_body_that_ends_early_is_not_complete() -> None:
    reply = asked(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
    assert (reply.body, reply.complete) == (b"short", False)


def test_a_connection_that_closes_without_a_word_is_an_early_end() -> None:
    with pytest.raises(EOFError):
        asked()


def test_a_switch_of_protocols_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(ProtocolError):
        asked(b"HTTP/1.1 101 Switching Protocols\r\n\r\nwhatever")


def test_two_requests_share_a_connection_that_stays_open(run_async: RunAsync) -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def twice() -> bool:
        connection = HttpConnection(Canned(ok, ok))
        await connection.request("GET", "x.com", "/")
        assert connection.reusable
        await connection.request("GET", "x.com", "/")
        return connection.reusable

    assert run_async(twice())


def test_the_header_of_a_request_cannot_be_broken_out_of(run_async: RunAsync) -> None:
    connection = HttpConnection(Canned())
    with pytest.raises(ProtocolError):
        run_async(connection.request("GET", "x.com\r\nEvil: 1", "/"))


def test_a_title_is_plain_text_of_bounded_length() -> None:
    assert title_of(b"<html><TITLE lang=es>\n Aviso &amp; nota\x1b[31m \xff</title>") == "Aviso & nota [31m \ufffd"
    assert title_of(b"<title>" + b"a" * 5000 + b"</title>") == ""
    assert len(title_of(b"<title>" + b"a" * 390 + b"</title>")) == 120


def test_control_characters_never_reach_a_log_or_screen() -> None:
    assert clean("a\x1b[2Jb\u202ec\r\nd", 50) == "a [2Jb c d"


@pytest.mark.parametrize("text", ["", "nonsense", "Thu, 99 Nov 2026 99:99:99 GMT", "Mon, 01 Jan 99999 00:00:00 GMT"])
def test_a_date_that_is_none_is_no_date(text: str) -> None:
    assert date_of({"date": text}) is None


# --- redirects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "location",
    [
        *("http://127.0.0.1/", "http://192.168.1.1/admin", "https://[::1]/", "http://10.0.0.1:8080/", "file:///etc/passwd"),
        *("javascript:alert(1)", "http://", "//", "https://x.com:99999/", "a" * 3000, "https://" + "a" * 300 + ".com/", "", "http://[::1"),
    ],
)
def test_a_redirect_to_a_private_place_or_to_nonsense_is_not_followed(location: str) -> None:
    place = Place("https", "x.com", 443)
    following = next_place(place, 302, location)
    assert following is None or following.host == "x.com"


def test_a_redirect_counts_its_hop_and_keeps_the_path_fit_for_the_wire() -> None:
    following = next_place(Place("https", "x.com", 443, "/", 2), 301, "/inicio sesión?a=b c")
    assert following == Place("https", "x.com", 443, "/iniciosesin?a=bc", 3)


@given(st.text(max_size=100))
def test_any_location_is_followed_to_a_proper_place_or_not_at_all(location: str) -> None:
    following = next_place(Place("https", "x.com", 443), 302, location)
    if following:
        assert following.scheme in ("http", "https")
        assert following.path.isascii()
        assert not {"\r", "\n", " "} & set(following.path + following.host)


# --- DNS ---------------------------------------------------------------------------------------------


@given(st.binary(max_size=600))
def test_any_datagram_is_a_reply_or_nothing(wire: bytes) -> None:
    assert read_reply(new_query(Question("x.com")), wire) is None


@given(st.data())
def test_a_damaged_reply_is_a_reply_or_nothing(data: st.DataObject) -> None:
    query = new_query(Question("x.com"))
    wire = bytearray(dns.message.make_response(query).to_wire() + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x01\x02\x03\x04")
    wire[6:8] = b"\x00\x01"
    for _ in range(data.draw(st.integers(0, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    reply = read_reply(query, bytes(wire))
    assert reply is None or len(addresses_of(reply, "A")) <= 16


def test_a_reply_to_another_question_is_passed_over() -> None:
    mine, other = new_query(Question("x.com")), new_query(Question("y.com"))
    other.id = mine.id
    assert read_reply(mine, dns.message.make_response(other).to_wire()) is None


def test_a_name_that_points_at_itself_ends() -> None:
    query = new_query(Question("x.com"))
    wire = query.id.to_bytes(2, "big") + bytes.fromhex("8180 0001 0001 0000 0000 c00c 0001 0001 c00c 0001 0001 0000003c 0004 01020304")
    assert read_reply(query, wire) is None


@pytest.mark.parametrize(
    "address,bogus",
    [
        *(("127.0.0.1", True), ("10.1.2.3", True), ("100.64.0.1", True), ("169.254.9.9", True), ("172.31.255.255", True)),
        *(("192.168.0.1", True), ("198.18.0.1", True), ("0.0.0.0", True), ("255.255.255.255", True), ("::1", True), ("fe80::1", True)),
        *(("fd00::1", True), ("::ffff:1.2.3.4", True), ("2001:db8::1", True), ("2002:7f00:1::", True), ("nonsense", True)),
        *(("104.244.42.1", False), ("172.32.0.1", False), ("2606:4700::1111", False), ("2002:68f4:2a01::1", False), ("9.9.9.9", False)),
    ],
)
def test_bogons_are_the_addresses_that_no_public_name_has(address: str, bogus: bool) -> None:
    assert is_bogon(address) is bogus


# --- TLS ---------------------------------------------------------------------------------------------


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=3))
def test_any_bytes_instead_of_a_handshake_end_in_a_known_failure(pieces: list[bytes]) -> None:
    session = TlsStream(Canned(*pieces), TRUST.inspecting, server_name="x.com")
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)) as ended:
        asyncio.run(session.handshake())
    assert not failure_of(ended.value).startswith("unknown_failure")


TRUST = Trust()


@given(st.binary(max_size=400))
def test_any_bytes_as_a_certificate_are_described(der: bytes) -> None:
    assert certificate_facts(der)
