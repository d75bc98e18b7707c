"""WireGuard's handshake against another implementation of its other end, and against bytes that strangers send."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.vpn.wireguard import noise
from diagnostics.vpn.wireguard.noise import Greeting, Identity, WrongPresharedKeyError, junk_packets, tai64n
from diagnostics.vpn.wireguard.profile import NO_JUNK, Junk
from tests.vpn.wireguard.responder import Responder, hchacha20, mac, seal_x

NOW = 1_795_750_000.25
DISGUISE = Junk(jc=4, jmin=40, jmax=70, s1=25, s2=31, h1=1234567, h2=7654321, h3=99999, h4=4242)
COOKIE = bytes(range(16))


def greeting_to(server: Responder, *, psk: bytes | None = None, cookie: bytes = b"") -> Greeting:
    return Greeting(Identity.of(server.profile(psk=psk)), NOW, server.junk, cookie)


@pytest.mark.parametrize("junk", [NO_JUNK, DISGUISE], ids=["plain", "disguised"])
@pytest.mark.parametrize("psk", [bytes(32), bytes(range(32))], ids=["without a shared key", "with a shared key"])
def test_both_ends_come_to_the_same_keys(junk: Junk, psk: bytes) -> None:
    server = Responder(psk, junk)
    greeting = greeting_to(server)
    wire = server.answer(greeting.wire)
    assert greeting.fits(wire)
    keys = greeting.keys(wire)
    assert (keys.receive, keys.send) == server.keys
    assert (keys.peer_index, keys.own_index) == (server.index, greeting.index)


def test_the_greeting_tells_this_computers_time() -> None:
    server = Responder()
    server.answer(greeting_to(server).wire)
    assert server.stamps == [struct.pack(">QI", 2**62 + 10 + 1_795_750_000, 250_000_000)]
    assert tai64n(0.0) == bytes.fromhex("400000000000000a00000000")


@given(st.floats(0, 4e9), st.floats(0, 4e9))
def test_later_times_have_larger_stamps(one: float, other: float) -> None:
    assert (tai64n(one) <= tai64n(other)) or one > other
    assert len(tai64n(one)) == 12


@pytest.mark.parametrize("psk", [bytes(32), bytes(31) + b"x"])
def test_another_shared_key_is_told_from_any_other_fault(psk: bytes) -> None:
    server = Responder()
    greeting = greeting_to(server, psk=psk)
    wire = server.answer(greeting.wire)
    assert greeting.fits(wire)
    with pytest.raises(WrongPresharedKeyError):
        greeting.keys(wire)


def test_the_answer_to_one_try_is_not_taken_for_the_answer_to_another() -> None:
    server = Responder()
    first, second = greeting_to(server), greeting_to(server)
    wire = server.answer(first.wire)
    assert (first.fits(wire), second.fits(wire)) == (True, False)


def test_an_answer_that_was_made_for_another_key_does_not_fit() -> None:
    server, stranger = Responder(), Responder()
    greeting = greeting_to(server)
    wire = server.answer(greeting.wire)
    assert not greeting.fits(stranger.sealed_answer(wire[:60]))


@settings(max_examples=300)
@given(st.integers(0, 91), st.integers(1, 255))
def test_an_answer_with_a_changed_byte_gives_no_keys(place: int, change: int) -> None:
    server = Responder()
    greeting = greeting_to(server)
    wire = bytearray(server.answer(greeting.wire))
    wire[place] ^= change
    if place >= 76:  # the second code is zero here and nobody looks at it
        assert greeting.fits(bytes(wire))
        return
    assert not greeting.fits(bytes(wire))


@settings(max_examples=200)
@given(st.binary(min_size=48, max_size=48))
def test_an_answer_of_the_right_form_and_wrong_content_gives_no_keys(content: bytes) -> None:
    server = Responder()
    greeting = greeting_to(server)
    wire = server.sealed_answer(struct.pack("<I", 2) + server.index + greeting.index + content)
    assert greeting.fits(wire)
    with pytest.raises(WrongPresharedKeyError):
        greeting.keys(wire)


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31)], ids=["zero", "one"])
def test_a_point_of_small_order_gives_no_keys(point: bytes) -> None:
    server = Responder()
    greeting = greeting_to(server)
    wire = server.sealed_answer(struct.pack("<I", 2) + server.index + greeting.index + point + bytes(16))
    with pytest.raises(WrongPresharedKeyError):
        greeting.keys(wire)


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(min_size=92, max_size=92),
        st.binary(min_size=60, max_size=60).map(lambda tail: b"\3\0\0\0" + tail),
        st.binary(min_size=88, max_size=88).map(lambda tail: b"\2\0\0\0" + tail),
    )
)
def test_what_strangers_send_is_neither_an_answer_nor_a_cookie(wire: bytes) -> None:
    greeting = greeting_to(Responder())
    assert not greeting.fits(wire)
    assert greeting.cookie(wire) is None


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_an_answer_with_a_point_that_gives_no_secret_gives_no_keys(point: bytes) -> None:
    server = Responder()
    greeting = greeting_to(server)
    head = server.answer(greeting.wire)[:60]
    forged = server.sealed_answer(head[:12] + point + head[44:])
    assert greeting.fits(forged)
    with pytest.raises(WrongPresharedKeyError):
        greeting.keys(forged)
    assert greeting.keys(server.sealed_answer(head)).send == server.keys[1]


# --- a server that is busy --------------------------------------------------------------------------


def test_xchacha20_is_that_of_the_draft() -> None:
    """draft-irtf-cfrg-xchacha-03, sections 2.2.1 and A.3.1."""
    derived = hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927"))
    assert derived.hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    key, nonce = bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58))
    plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    extra = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    sealed = seal_x(key, nonce, plain, extra)
    assert sealed.hex().startswith("bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb")
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49"
    assert noise._open_x(key, nonce, sealed, extra) == plain


@pytest.mark.parametrize("junk", [NO_JUNK, DISGUISE], ids=["plain", "disguised"])
def test_a_cookie_is_read_and_the_next_greeting_proves_it(junk: Junk) -> None:
    server = Responder(junk=junk)
    first = greeting_to(server)
    assert first.message[-16:] == bytes(16)
    given = first.cookie(server.patience(first.wire, COOKIE))
    assert given == COOKIE
    second = greeting_to(server, cookie=given)
    assert second.message[-16:] == mac(COOKIE, second.message[:-16])
    assert second.fits(server.answer(second.wire))


def test_a_cookie_for_somebody_else_is_not_taken() -> None:
    server, stranger = Responder(), Responder()
    greeting, other = greeting_to(server), greeting_to(server)
    assert greeting.cookie(stranger.patience(greeting.wire, COOKIE)) is None
    assert greeting.cookie(server.patience(other.wire, COOKIE)) is None
    assert greeting.cookie(server.patience(other.wire, COOKIE, index=greeting.index)) is None


@given(st.integers(4, 63), st.integers(1, 255))
def test_a_cookie_with_a_changed_byte_is_not_taken(place: int, change: int) -> None:
    server = Responder()
    greeting = greeting_to(server)
    wire = bytearray(server.patience(greeting.wire, COOKIE))
    wire[place] ^= change
    assert greeting.cookie(bytes(wire)) is None


# --- AmneziaWG's disguise ---------------------------------------------------------------------------


@given(st.integers(0, 128), st.integers(0, 1280), st.integers(0, 1280))
def test_junk_goes_first_in_the_number_and_sizes_of_the_profile(count: int, one: int, other: int) -> None:
    least, most = sorted((one, other))
    packets = junk_packets(Junk(jc=count, jmin=least, jmax=most))
    assert len(packets) == count
    assert all(least <= len(packet) <= most for packet in packets)


@given(st.integers(0, 1132), st.integers(1, 2**32 - 1))
def test_a_disguised_greeting_is_padded_and_called_otherwise(padding: int, name: int) -> None:
    server = Responder(junk=Junk(s1=padding, h1=name))
    greeting = greeting_to(server)
    assert len(greeting.wire) == padding + 148
    assert greeting.wire[padding : padding + 4] == struct.pack("<I", name)
    assert greeting.fits(server.answer(greeting.wire))


def test_greetings_have_nothing_in_common_but_what_the_protocol_fixes() -> None:
    server = Responder()
    wires = [greeting_to(server).wire for _ in range(8)]
    for one, other in itertools.combinations(wires, 2):
        assert one[:4] == other[:4]
        assert all(one[at : at + 4] != other[at : at + 4] for at in (4, 8, 40, 88, 116))
