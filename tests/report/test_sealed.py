"""A sealed bundle opens for its receiver and for nobody else, and what is wrong with one is a sentence."""

from __future__ import annotations

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.texts import has_text
from diagnostics.errors import InputError
from diagnostics.report.sealed import SHORTEST, is_sealed, open_by, open_with, seal_by, seal_to

PHRASE = "araguaney turpial cunaguaro"


@pytest.fixture(scope="module")
def identity() -> str:
    return str(pyrage.x25519.Identity.generate())


@pytest.fixture(scope="module")
def by_phrase() -> bytes:
    return seal_by(b"the report", PHRASE)


def public(identity: str) -> str:
    return str(pyrage.x25519.Identity.from_str(identity).to_public())


def test_only_the_receiver_opens_it(identity: str) -> None:
    sealed = seal_to(b"the report", public(identity))
    assert is_sealed(sealed)
    assert b"the report" not in sealed
    keys = f"# created: today\n# public key: {public(identity)}\nnot a key\n{identity}\n"
    assert open_with(sealed, keys, "a.age") == b"the report"
    with pytest.raises(InputError) as caught:
        open_with(sealed, str(pyrage.x25519.Identity.generate()), "a.age")
    assert caught.value.text == "error.seal_shut"


def test_the_phrase_opens_it_and_another_does_not(by_phrase: bytes) -> None:
    assert open_by(by_phrase, PHRASE, "a.age") == b"the report"
    with pytest.raises(InputError):
        open_by(by_phrase, PHRASE.upper(), "a.age")


@pytest.mark.parametrize("recipient", ["", "age1", "age1qqqqqqqqqqqqqqqq", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1QQ"])
def test_what_is_no_public_key_is_said(recipient: str) -> None:
    with pytest.raises(InputError) as caught:
        seal_to(b"x", recipient)
    assert caught.value.text == "error.recipient"


def test_a_secret_key_is_not_taken_for_a_public_one(identity: str) -> None:
    with pytest.raises(InputError):
        seal_to(b"x", identity)


def test_a_short_phrase_and_a_file_without_a_key_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        seal_by(b"x", "a" * (SHORTEST - 1))
    assert caught.value.text == "error.passphrase_short"
    with pytest.raises(InputError) as caught:
        open_with(b"age-encryption.org/v1\n", "nothing here\nAGE-SECRET-KEY-1BROKEN", "a.age")
    assert caught.value.text == "error.identity"
    assert has_text("error.identity")


def test_a_file_that_asks_for_hours_of_work_is_not_worked_on(by_phrase: bytes) -> None:
    lines = by_phrase.split(b"\n")
    lines[1] = lines[1].rpartition(b" ")[0] + b" 30"
    with pytest.raises(InputError) as caught:
        open_by(b"\n".join(lines), PHRASE, "a.age")
    assert caught.value.text == "error.seal_shut"


@given(st.data())
@settings(deadline=None)
def test_a_damaged_one_never_opens(identity: str, data: st.DataObject) -> None:
    sealed = bytearray(seal_to(b"the report", public(identity)))
    place = data.draw(st.integers(0, 10_000)) % len(sealed)  # its length differs from one time to the next
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InputError):
        open_with(bytes(sealed), identity, "a.age")


@given(st.binary(max_size=200))
def test_garbage_is_one_sentence(identity: str, garbage: bytes) -> None:
    with pytest.raises(InputError):
        open_with(b"age-encryption.org/v1\n" + garbage, identity, "a.age")
