"""Transport messages: what one end seals the other opens once, in any order, and nothing else."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.vpn.wireguard.noise import Keys
from diagnostics.vpn.wireguard.profile import Junk
from diagnostics.vpn.wireguard.session import WINDOW, Session, Window

ONE, OTHER = bytes(32), bytes(range(32))
HERE, THERE = b"here", b"ther"
MOST = 1420


def ends(junk: Junk | None = None) -> tuple[Session, Session]:
    disguise = {"junk": junk} if junk else {}
    return Session(Keys(ONE, OTHER, THERE, HERE), 0.0, **disguise), Session(Keys(OTHER, ONE, HERE, THERE), 0.0, **disguise)


@given(st.binary(max_size=MOST))
def test_what_is_sealed_here_is_opened_there_with_its_padding(packet: bytes) -> None:
    here, there = ends()
    wire = here.seal(packet)
    assert len(wire) == 32 + (len(packet) + 15) // 16 * 16
    opened = there.open(wire)
    assert opened is not None
    assert opened[: len(packet)] == packet
    assert not any(opened[len(packet) :])


def test_an_empty_packet_is_a_keepalive_of_32_bytes() -> None:
    here, there = ends()
    assert len(wire := here.seal(b"")) == 32
    assert there.open(wire) == b""


def test_a_disguise_calls_them_otherwise() -> None:
    here, there = ends(Junk(h4=777))
    wire = here.seal(b"abc")
    assert wire[:4] == struct.pack("<I", 777)
    assert there.open(wire) is not None
    assert ends()[1].open(ends(Junk(h4=777))[0].seal(b"abc")) is None


def test_counters_go_up_by_one() -> None:
    here, _ = ends()
    assert [struct.unpack_from("<Q", here.seal(b"x"), 8)[0] for _ in range(5)] == [0, 1, 2, 3, 4]


@settings(max_examples=50)
@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=12))
def test_each_message_is_opened_once_in_whatever_order_they_come(order: list[int], again: list[int]) -> None:
    here, there = ends()
    wires = [here.seal(bytes([n]) * 16) for n in range(12)]
    assert [there.open(wires[n]) for n in order] == [bytes([n]) * 16 for n in order]
    assert [there.open(wires[n]) for n in again] == [None] * len(again)


@given(st.binary(max_size=200))
def test_what_strangers_send_is_not_opened(wire: bytes) -> None:
    assert ends()[1].open(wire) is None


@given(st.integers(0, 47), st.integers(1, 255))
def test_a_changed_byte_is_noticed_and_the_true_message_is_still_taken(place: int, change: int) -> None:
    here, there = ends()
    wire = here.seal(b"sixteen bytes...")
    spoilt = bytearray(wire)
    spoilt[place] ^= change
    assert there.open(bytes(spoilt)) is None
    assert there.open(wire) == b"sixteen bytes..."


def test_a_forged_counter_does_not_move_the_window() -> None:
    here, there = ends()
    wire = here.seal(b"true")
    assert there.open(wire[:8] + struct.pack("<Q", 2**59) + wire[16:]) is None
    assert there.open(wire) is not None


@pytest.mark.parametrize("counter", [2**60, 2**64 - 1])
def test_a_counter_beyond_all_keys_is_refused_at_once(counter: int) -> None:
    assert ends()[1].open(struct.pack("<I4sQ", 4, THERE, counter) + bytes(16)) is None


@settings(max_examples=200)
@given(st.lists(st.one_of(st.integers(0, 3 * WINDOW), st.integers(0, 40), st.integers(2**40, 2**40 + 3 * WINDOW)), max_size=120))
def test_the_window_takes_what_a_set_of_all_counters_would_within_its_size(counters: list[int]) -> None:
    window, seen = Window(), set[int]()
    for counter in counters:
        old = bool(seen) and max(seen) - counter >= WINDOW
        assert window.take(counter) is (counter not in seen and not old)
        seen.add(counter)
