"""The ClientHello reader: what real clients send, in any segments, and arbitrary bytes."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics import clienthello


def hello(name: str | None = "x.com", alpn: tuple[str, ...] = ("h2", "http/1.1")) -> bytes:
    """Return the first flight of the ssl library."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


HELLO = hello()


def split_records(data: bytes, size: int) -> bytes:
    """Return the same hello in several records."""
    body = data[5:]
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(data[:3] + len(part).to_bytes(2, "big") + part for part in parts)


def test_the_name_and_the_protocols_of_a_real_hello_are_read() -> None:
    assert clienthello.parse(HELLO) == clienthello.ClientHello(server_name="x.com", alpn=("h2", "http/1.1"))


def test_a_hello_without_a_name_has_none() -> None:
    assert clienthello.parse(hello(None, ())) == clienthello.ClientHello()


def test_names_are_compared_in_lower_case() -> None:
    found = clienthello.parse(hello("WwW.Example.ORG"))
    assert found is not None
    assert found.server_name == "www.example.org"


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_hello_in_several_records_is_read_too(size: int) -> None:
    assert clienthello.parse(split_records(HELLO, size)) == clienthello.parse(HELLO)


@given(st.integers(min_value=0, max_value=len(HELLO) - 1))
def test_a_beginning_asks_for_more_and_says_nothing(cut: int) -> None:
    assert clienthello.needs_more(HELLO[:cut])
    assert clienthello.parse(HELLO[:cut]) is None
    assert not clienthello.needs_more(HELLO)


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b"\x16\x02\x00", b"\x15\x03\x01\x00\x02\x02\x28", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"]
)
def test_other_protocols_are_not_waited_for(data: bytes) -> None:
    assert not clienthello.needs_more(data)
    assert clienthello.parse(data) is None


@given(st.binary(max_size=400), st.integers(min_value=0, max_value=len(HELLO)), st.integers(min_value=0, max_value=60))
def test_arbitrary_bytes_never_raise(noise: bytes, at: int, removed: int) -> None:
    for data in (noise, HELLO[:at] + noise + HELLO[at + removed :], b"\x16\x03\x01" + noise):
        clienthello.parse(data)
        clienthello.needs_more(data)


def test_waiting_is_bounded() -> None:
    endless = (b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + b"\x00" * 16380) * 3
    assert not clienthello.needs_more(endless)
