"""Every test of updates begins and ends with nothing laid over what ships."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import resources


@pytest.fixture(autouse=True)
def only_what_ships() -> Iterator[None]:
    """Take away what a test laid over the shipped data."""
    resources.lay_over({})
    yield
    resources.lay_over({})
