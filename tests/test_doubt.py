"""How many tries must be lost before silence is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.doubt import LEAST, MOST, ODDS, WORST, enough_tries, lost_share


@pytest.mark.parametrize("each_way,tries", [(0.0, 3), (0.02, 3), (0.05, 3), (0.1, 5), (0.2, 7)])
def test_the_worse_the_line_the_more_must_be_lost(each_way: float, tries: int) -> None:
    assert enough_tries(1 - (1 - each_way) ** 2) == tries


def test_on_a_line_that_loses_half_of_everything_no_silence_is_believed() -> None:
    assert enough_tries(0.5) is None


@pytest.mark.parametrize("each_way,among,tries", [(0.0, 100, 3), (0.05, 40, 5), (0.1, 40, 7), (0.2, 40, None)])
def test_one_place_of_many_must_lose_more_and_what_no_number_of_tries_proves_is_not_believed(
    each_way: float, among: int, tries: int | None
) -> None:
    assert enough_tries(1 - (1 - each_way) ** 2, among) == tries


@given(st.floats(0, WORST))
def test_chance_explains_that_many_losses_less_than_once_in_a_thousand(share: float) -> None:
    tries = enough_tries(share)
    assert tries is not None
    assert LEAST <= tries <= MOST
    assert share**tries <= 1 / ODDS * (1 + 1e-6)


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_share_is_a_share_and_little_evidence_leans_to_the_bad_side(asked: int, lost: int) -> None:
    share = lost_share(asked + lost, lost)
    assert 0 <= share <= 1
    if asked + lost < LEAST:
        assert share >= lost / max(1, asked + lost) or lost == asked + lost
