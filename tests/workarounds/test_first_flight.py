"""A first flight in other pieces is still the same flight."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics import clienthello
from diagnostics.workarounds.first_flight import MARKS, MOST_PIECES, RECORD_HEAD, Layout, is_cut, is_layout, lay_out, parse_layout
from diagnostics.workarounds.identity import LAYOUTS, Way, is_flight, parse_way


def hello(name: str | None) -> bytes:
    """Return what this computer's own TLS says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = name is not None
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def joined_records(data: bytes) -> bytes:
    """Return the bodies of all records, joined."""
    body = b""
    while data:
        length = int.from_bytes(data[3:RECORD_HEAD], "big")
        assert data[0] == 22
        body, data = body + data[RECORD_HEAD : RECORD_HEAD + length], data[RECORD_HEAD + length :]
    return body


positions = st.one_of(st.sampled_from(MARKS), st.integers(1, 16384).map(str))
layouts = st.one_of(
    st.builds(Layout, kind=st.sampled_from(["seg", "rec", "recseg"]), cuts=st.lists(positions, min_size=1, max_size=5).map(tuple)),
    st.builds(Layout, kind=st.just("chunk"), cuts=st.integers(1, 4096).map(lambda n: (str(n),))),
    st.just(Layout()),
)
flights = st.one_of(st.binary(max_size=3000), st.sampled_from([hello("x.com"), hello("a-much-longer-name.example.org"), hello(None)]))


@given(layouts)
def test_a_layout_is_read_back_as_it_was_written(layout: Layout) -> None:
    assert parse_layout(str(layout)) == layout


@given(st.text(max_size=30))
def test_no_text_makes_the_grammar_fall(text: str) -> None:
    way = parse_way(text)
    assert way is None or parse_way(str(way)) == way
    if is_layout(text):
        assert str(parse_layout(text)) == text


@given(flights, layouts)
def test_a_server_gets_the_whole_flight_whatever_the_cut(flight: bytes, layout: Layout) -> None:
    writes = lay_out(flight, layout)
    assert len(writes) <= MOST_PIECES
    if layout.kind in ("seg", "chunk", ""):
        assert b"".join(writes) == flight
    elif is_cut(flight, writes):
        assert joined_records(b"".join(writes)) == flight[RECORD_HEAD:]


@pytest.mark.parametrize("layout", ["rec:snimid", "recseg:snimid", "rec:1,snimid"])
def test_a_cut_inside_the_name_leaves_the_name_in_no_record(layout: str) -> None:
    flight = hello("blocked.example")
    written = b"".join(lay_out(flight, parse_layout(layout)))
    assert b"blocked.example" in flight
    assert b"blocked.example" not in written
    found = clienthello.parse(written)
    assert found is not None
    assert found.server_name == "blocked.example"


def test_a_cut_inside_the_name_leaves_the_name_in_no_segment() -> None:
    flight = hello("blocked.example")
    first, second = lay_out(flight, parse_layout("seg:snimid"))
    assert first.endswith(b"blocke" + b"d")
    assert second.startswith(b".example")


def test_without_a_name_a_cut_inside_the_name_is_no_cut() -> None:
    flight = hello(None)
    assert not is_cut(flight, lay_out(flight, parse_layout("rec:snimid")))


@given(st.binary(max_size=600))
def test_no_bytes_make_the_search_for_the_name_fall(data: bytes) -> None:
    clienthello.name_span(data)


@given(st.integers(0, 516))
def test_a_flight_that_is_not_whole_has_no_span(cut: int) -> None:
    assert clienthello.name_span(hello("x.com")[:cut]) is None


@pytest.mark.parametrize(
    "text",
    [
        *LAYOUTS,
        "doh:quad9",
        "doh-name:quad9|rec:snimid",
        "udp-second:google",
        "tcp-cut:x",
        "browser",
        "ech",
        "h3",
        "ipv6",
        "address",
        "https",
        "name:twitter.com",
        "port:5222",
        "route:socks5-1234",
        "exit:tor-authorities",
    ],
)
def test_every_kind_of_way_is_known_by_its_name(text: str) -> None:
    way = parse_way(text)
    assert way is not None
    assert str(way) == text


@pytest.mark.parametrize(
    "text", ["", "doh", "doh:", "fax:quad9", "rec:", "rec:0", "port:0", "port:70000", "name:", "doh:q|", "|rec:1", "exit:"]
)
def test_what_is_no_way_is_none(text: str) -> None:
    assert parse_way(text) is None


def test_the_kind_of_a_cut_is_a_cut() -> None:
    assert Way(flight="rec:snimid").kind == "cut"
    assert Way(flight="name:twitter.com").kind == "name"
    assert not is_flight("quad9")


@pytest.mark.parametrize("name", ["x.com", "api.x.com", "a.b.c.blocked.example", "www.sitio.com.ve"])
@pytest.mark.parametrize("layout", ["rec:snimid", "recseg:snimid", "seg:snimid"])
def test_the_part_of_the_name_that_filters_look_for_is_in_no_piece(name: str, layout: str) -> None:
    registered = name.encode()[-len(name.removeprefix("api.").removeprefix("a.b.c.").removeprefix("www.")) :]
    flight = hello(name)
    pieces = lay_out(flight, parse_layout(layout))
    assert registered in flight
    assert not any(registered in piece for piece in pieces)
