"""Addresses of servers as people paste them, and the messages of IKE and L2TP, whatever a stranger makes of them."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.failures import EOF, WRONG_ANSWER, ProtocolError
from diagnostics.streams import Stream
from diagnostics.vpn.address import ike, l2tp
from diagnostics.vpn.address.spoken import MOST_HEAD, anyconnect, ssh, sstp
from diagnostics.vpn.profile import ProfileError, Protocol, read_profile


@pytest.mark.parametrize(
    "text, protocol, host, port, transport",
    [
        ("ikev2://vpn.example.org", Protocol.IKEV2, "vpn.example.org", 500, "udp"),
        ("  L2TP://VPN.example.org/  ", Protocol.L2TP, "vpn.example.org", 500, "udp"),
        ("sstp://vpn.example.org:4433", Protocol.SSTP, "vpn.example.org", 4433, "tcp"),
        ("anyconnect://[2001:db8::1]", Protocol.ANYCONNECT, "2001:db8::1", 443, "tcp"),
        ("ssh://192.0.2.7:2222", Protocol.SSH, "192.0.2.7", 2222, "tcp"),
        ("ssh://peña.example", Protocol.SSH, "xn--pea-8ma.example", 22, "tcp"),
    ],
)
def test_an_address_is_a_server_with_its_usual_port(text: str, protocol: Protocol, host: str, port: int, transport: str) -> None:
    found = read_profile(text)
    assert (found.protocol, found.host, found.port, found.transport, found.notes) == (protocol, host, port, transport, ())


def test_a_user_and_a_path_are_dropped_and_that_is_said() -> None:
    found = read_profile("anyconnect://maria:secreto@vpn.example.org/grupo?x=1")
    assert [note.text for note in found.notes] == ["vpn.profile.address_only"]
    assert found.id == read_profile("anyconnect://vpn.example.org").id


@pytest.mark.parametrize(
    "text",
    ["ikev2://", "ssh://:22", "sstp://vpn.example.org:0", "ssh://a b.example", "ssh://x.example:99999", "ssh://[::1", "ikev2://1.2.3"],
)
def test_an_address_with_a_mistake_is_one_sentence(text: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(text)
    assert "vpn.profile.bad_address" in repr(caught.value) + str(caught.value)


@given(st.text(max_size=120))
def test_whatever_stands_behind_the_scheme_is_read_or_refused(rest: str) -> None:
    with contextlib.suppress(ProfileError):
        assert 1 <= read_profile("ikev2://" + rest).port <= 65535


# --- IKE --------------------------------------------------------------------------------------------

SPI = bytes(range(8))


def answer(payloads: bytes, first: int, *, version: int = 0x20, exchange: int = ike.SA_INIT, spi: bytes = SPI) -> bytes:
    return spi + bytes(8) + struct.pack("!BBBBII", first, version, exchange, 0x20, 0, 28 + len(payloads)) + payloads


def payload(following: int, body: bytes) -> bytes:
    return struct.pack("!BBH", following, 0, 4 + len(body)) + body


def notice(code: int, data: bytes = b"") -> bytes:
    return payload(0, struct.pack("!BBH", 0, 0, code) + data)


@pytest.mark.parametrize(
    "wire, expected",
    [
        (answer(payload(34, b"x" * 44) + payload(0, b"y" * 32), 33), ike.Answer(ike.Said.ACCEPTED)),
        (answer(notice(14), 41), ike.Answer(ike.Said.REFUSED)),
        (answer(notice(17, b"\0\x0e"), 41), ike.Answer(ike.Said.OTHER_GROUP, group=14)),
        (answer(notice(16390, b"cookie"), 41), ike.Answer(ike.Said.COOKIE, cookie=b"cookie")),
        (answer(notice(16390, b""), 41), None),
        (answer(notice(16390, b"x" * 65), 41), None),
        (answer(notice(16388, b"x" * 20), 41), None),  # a status alone is no answer
        (answer(payload(0, b"x" * 44), 1, version=0x10, exchange=2), ike.Answer(ike.Said.ACCEPTED)),
        (answer(payload(0, struct.pack("!IBBH", 1, 1, 0, 14)), 11, version=0x10, exchange=5), ike.Answer(ike.Said.REFUSED)),
        (answer(notice(14), 41, spi=b"stranger"), None),
        (answer(notice(14), 41, version=0x30), None),
        (answer(notice(14), 41, exchange=37), None),
        (b"", None),
        (SPI, None),
    ],
)
def test_answers_of_ike_are_told_apart(wire: bytes, expected: ike.Answer | None) -> None:
    assert ike.read_answer(SPI, wire) == expected


@given(st.binary(max_size=200), st.integers(0, 255), st.sampled_from([0x10, 0x20]), st.sampled_from([2, 5, 34]))
def test_no_answer_of_ike_upsets_the_reading(body: bytes, first: int, version: int, exchange: int) -> None:
    found = ike.read_answer(SPI, answer(body, first, version=version, exchange=exchange))
    assert found is None or len(found.cookie) <= 64


@pytest.mark.parametrize("group", ike.GROUPS)
def test_a_request_is_the_same_with_a_cookie(group: int) -> None:
    request = ike.SaInit(SPI, group)
    bare, baked = request.wire(), request.wire(b"cookie")
    assert int.from_bytes(bare[24:28]) == len(bare)
    assert int.from_bytes(baked[24:28]) == len(baked)
    assert baked.endswith(bare[28:])


# --- L2TP -------------------------------------------------------------------------------------------


def reply(kind: int, tunnel: bytes, peer: bytes | None = b"\0\x07") -> bytes:
    avps = struct.pack("!HHHH", 0x8008, 0, 0, kind) + (struct.pack("!HHH", 0x8008, 0, 9) + peer if peer is not None else b"")
    return struct.pack("!HH", 0xC802, 12 + len(avps)) + tunnel + struct.pack("!HHH", 0, 0, 1) + avps


@pytest.mark.parametrize(
    "wire, expected",
    [
        (reply(2, b"ab"), 7),
        (reply(2, b"ab", None), 0),
        (reply(4, b"ab"), 0),
        (reply(1, b"ab"), None),
        (reply(2, b"zz"), None),
        (b"\xc8\x02", None),
    ],
)
def test_answers_of_l2tp_are_told_apart(wire: bytes, expected: int | None) -> None:
    assert l2tp.read_answer(b"ab", wire) == expected


@given(st.binary(max_size=120))
def test_no_answer_of_l2tp_upsets_the_reading(body: bytes) -> None:
    l2tp.read_answer(b"ab", struct.pack("!HH", 0xC802, 12 + len(body)) + b"ab" + bytes(6) + body)


# --- what is spoken over TCP ------------------------------------------------------------------------


class Played(Stream):
    """The other side as a list of what it sends; it ends then."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self._pieces = list(pieces)
        self.written = b""

    async def read(self, limit: int = 65536) -> bytes:
        return self._pieces.pop(0)[:limit] if self._pieces else b""

    async def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        pass


def spoken(speak: Any, *pieces: bytes) -> str | None:
    """Return the failure of a greeting that is met by ``pieces``."""
    try:
        asyncio.run(speak(Played(*pieces), "vpn.example.org", {}))
    except ProtocolError as error:
        return error.failure
    return None


@pytest.mark.parametrize(
    "speak, pieces, failure",
    [
        (ssh, (b"SSH-2.0-OpenSSH_9.2\r\n",), None),
        (ssh, (b"hello\r\nmore\r\nSSH-", b"1.99-x\r\n"), None),
        (ssh, (b"SSH-1.5-old\r\n",), WRONG_ANSWER),
        (ssh, (b"x\n" * 60,), WRONG_ANSWER),
        (ssh, (b"x" * 300,), WRONG_ANSWER),
        (ssh, (), EOF),
        (sstp, (b"HTTP/1.1 200", b" OK\r\n\r\n"), None),
        (sstp, (b"HTTP/1.1 404 Not Found\r\n\r\n",), WRONG_ANSWER),
        (sstp, (b"SSH-2.0-x\r\n\r\n",), WRONG_ANSWER),
        (sstp, (b"x" * (MOST_HEAD + 1),), WRONG_ANSWER),
        (anyconnect, (b"HTTP/1.1 200 OK\r\n\r\n<?xml?><config-", b"auth client='vpn'>"), None),
        (anyconnect, (b"HTTP/1.1 200 OK\r\n\r\n<html>", b""), WRONG_ANSWER),
        (anyconnect, (b"HTTP/1.1 303 See Other\r\n\r\n",), WRONG_ANSWER),
    ],
)
def test_only_what_such_a_server_says_is_an_answer(speak: Any, pieces: tuple[bytes, ...], failure: str | None) -> None:
    assert spoken(speak, *pieces) == failure


@given(st.sampled_from([ssh, sstp, anyconnect]), st.lists(st.binary(max_size=400), max_size=6))
def test_no_garbage_upsets_a_greeting(speak: Any, pieces: list[bytes]) -> None:
    assert spoken(speak, *pieces) in (None, EOF, WRONG_ANSWER)
